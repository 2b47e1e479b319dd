//! Where a gateway stands: district and circle, as the commerce bureau counts them (DOMAIN §6).

/// Layout of a 15-minute living circle, with the seed's Chinese names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircleType {
    /// 集聚式
    Clustered,
    /// 街坊式 (also written 街区式)
    Neighborhood,
    /// 分布式 (also written 分散式)
    Distributed,
}

/// Districts and counties of Fuzhou: GB/T 2260 code, Chinese name. 高新区 has no code of its own.
pub const DISTRICTS: &[(&str, &str)] = &[
    ("350102", "鼓楼区"),
    ("350103", "台江区"),
    ("350104", "仓山区"),
    ("350105", "马尾区"),
    ("350111", "晋安区"),
    ("350112", "长乐区"),
    ("350121", "闽侯县"),
    ("350122", "连江县"),
    ("350123", "罗源县"),
    ("350124", "闽清县"),
    ("350125", "永泰县"),
    ("350128", "平潭县"),
    ("350181", "福清市"),
    ("FZ-GX", "高新区"),
];

/// Chinese name of a district code; `None` if the code is not one of Fuzhou's.
#[must_use]
pub fn district_name(code: &str) -> Option<&'static str> {
    DISTRICTS.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}
