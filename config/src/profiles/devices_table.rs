//! Where each maker puts its registers (DOMAIN §2): a second copy, written from the manuals and not from the profiles.

use super::{ByteOrder, RegisterPoint, Table, modbus, named};

/// `cabinet.air_c H2531 i16 x0.1`: point, table and address, type (with its order unless it is the usual one), scale
/// unless it is 1.
pub(super) fn told(point: &RegisterPoint) -> String {
    let table = match point.table {
        Table::Coil => 'C',
        Table::Discrete => 'D',
        Table::Holding => 'H',
        Table::Input => 'I',
    };
    let order = if point.order == ByteOrder::big(point.order.len()) { String::new() } else { format!(":{}", point.order) };
    let bit = point.mask.map(|mask| format!("&{mask:#x}")).unwrap_or_default();
    let scale = if point.scale == 1.0 { String::new() } else { format!(" x{}", point.scale) };
    format!("{} {table}{} {}{order}{bit}{scale}", named(point), point.address, point.ty.as_str())
}

/// Profile, most registers in one request, gap, and each register.
type Map = (&'static str, u16, u16, &'static [&'static str]);

const EKC_202D: &[&str] = &[
    "cabinet.air_c H2531 i16 x0.1",
    "cabinet.evap_c H1010 i16 x0.1",
    "probe.temp_c#3 H2529 i16 x0.1",
    "probe.temp_c#4 H2530 i16 x0.1",
    "cabinet.setpoint_c H2545 i16 x0.1",
    "cabinet.mode H2006 u16",
    "cabinet.compressor H2509 bool",
    "cabinet.evap_fan H2510 bool",
    "cabinet.defrost H2511 bool",
    "cabinet.door_open H2001 bool",
    "cabinet.light H2583 bool",
    "cabinet.alarm H2540 bool",
    "cabinet.enabled H116 i16",
    "controller_alarm.active#clock H20000 bool",
    "controller_alarm.active#probe_3 H20001 bool",
    "controller_alarm.active#probe_4 H20002 bool",
    "controller_alarm.active#probe_5 H20003 bool",
    "controller_alarm.active#high_temp H20004 bool",
    "controller_alarm.active#low_temp H20005 bool",
    "controller_alarm.active#door H20006 bool",
    "controller_alarm.active#input_1 H20007 bool",
    "controller_alarm.active#input_2 H20008 bool",
    "controller_alarm.active#defrost_timeout H20009 bool",
    "controller_alarm.active#hold_timeout H20010 bool",
    "controller_alarm.active#standby H20012 bool",
];

const COLD: &[Map] = &[
    ("danfoss-ekc202d", 1, 0, EKC_202D),
    (
        "danfoss-ak-cc55",
        1,
        0,
        &[
            "cabinet.air_c H2531 i16 x0.1",
            "cabinet.product_c H2701 i16 x0.1",
            "cabinet.evap_c H1010 i16 x0.1",
            "probe.temp_c#3 H2529 i16 x0.1",
            "probe.temp_c#4 H2530 i16 x0.1",
            "cabinet.setpoint_c H2512 i16 x0.1",
            "cabinet.mode H2006 u16",
            "cabinet.defrost H2006 u16",
            "cabinet.door_open H2006 u16",
            "cabinet.alarm H2540 bool",
            "cabinet.enabled H116 i16",
        ],
    ),
    (
        "danfoss-erc211",
        1,
        0,
        &[
            "cabinet.air_c H2529 i16 x0.01",
            "cabinet.setpoint_c H2500 i16 x0.01",
            "cabinet.mode H2006 u16",
            "cabinet.compressor H2509 bool",
            "cabinet.defrost H2006 u16",
            "cabinet.door_open H2006 u16",
            "cabinet.enabled H116 i16",
        ],
    ),
    (
        "danfoss-erc214",
        1,
        0,
        &[
            "cabinet.air_c H2529 i16 x0.01",
            "cabinet.evap_c H1010 i16 x0.01",
            "cabinet.cond_c H2646 i16 x0.01",
            "cabinet.setpoint_c H2500 i16 x0.01",
            "cabinet.mode H2006 u16",
            "cabinet.compressor H2509 bool",
            "cabinet.evap_fan H2510 bool",
            "cabinet.defrost H2511 bool",
            "cabinet.door_open H2006 u16",
            "cabinet.light H2583 bool",
            "cabinet.alarm H2582 bool",
            "cabinet.enabled H116 i16",
        ],
    ),
    (
        "carel-ir33",
        1,
        0,
        &[
            "cabinet.air_c I403 i16 x0.1",
            "cabinet.evap_c I412 i16 x0.1",
            "probe.temp_c#virtual I406 i16 x0.1",
            "cabinet.setpoint_c H404 i16 x0.1",
            "cabinet.compressor D7 bool",
            "cabinet.evap_fan D13 bool",
            "cabinet.defrost D18 bool",
            "cabinet.door_open D43 bool",
            "cabinet.enabled C54 bool",
            "controller_alarm.active#high_temp C5 bool",
            "controller_alarm.active#low_temp C2 bool",
            "controller_alarm.active#condenser_high C25 bool",
            "controller_alarm.active#probe_1 D3 bool",
            "controller_alarm.active#probe_2 D6 bool",
            "controller_alarm.active#defrost_timeout D29 bool",
            "controller_alarm.active#door D28 bool",
        ],
    ),
    (
        "carel-easy",
        1,
        0,
        &[
            "cabinet.air_c I409 i16 x0.1",
            "cabinet.evap_c I405 i16 x0.1",
            "probe.temp_c#2 I406 i16 x0.1",
            "probe.temp_c#3 I403 i16 x0.1",
            "cabinet.setpoint_c H415 i16 x0.1",
            "cabinet.compressor D0 bool",
            "cabinet.evap_fan D8 bool",
            "cabinet.defrost D29 bool",
            "cabinet.enabled C36 bool",
            "controller_alarm.active#high_temp D3 bool",
            "controller_alarm.active#low_temp D12 bool",
            "controller_alarm.active#probe_1 D4 bool",
            "controller_alarm.active#probe_2 D1 bool",
            "controller_alarm.active#probe_3 D9 bool",
            "controller_alarm.active#defrost_timeout D10 bool",
            "controller_alarm.active#door D28 bool",
        ],
    ),
    (
        "dixell-xjp60d",
        1,
        0,
        &[
            "cabinet.air_c H256 i16 x0.1",
            "probe.temp_c#2 H258 i16 x0.1",
            "probe.temp_c#3 H260 i16 x0.1",
            "probe.temp_c#4 H262 i16 x0.1",
            "probe.temp_c#5 H264 i16 x0.1",
            "probe.temp_c#6 H266 i16 x0.1",
            "controller_alarm.active#low_temp H257 u16&0x3",
            "controller_alarm.active#high_temp H257 u16&0x3",
            "controller_alarm.active#probe_1 H257 u16&0x3",
        ],
    ),
    ("dixell-xr", 1, 0, &["cabinet.air_c H256 i16 x0.1"]),
    (
        "eliwell-idplus",
        15,
        0,
        &[
            "cabinet.air_c H295 i16 x0.1",
            "cabinet.evap_c H297 i16 x0.1",
            "probe.temp_c#3 H299 i16 x0.1",
            "cabinet.setpoint_c H16416 i16 x0.1",
            "cabinet.compressor H32886 bool&0x8",
            "cabinet.evap_fan H32888 bool&0x80",
            "cabinet.defrost H32886 bool&0x20",
            "cabinet.door_open H32896 bool&0x8",
            "cabinet.enabled H32882 bool&0x2",
            "cabinet.alarm H32891 bool&0x20",
            "controller_alarm.active#over_temp H32876 bool&0x1",
            "controller_alarm.active#probe_1 H32876 bool&0x2",
            "controller_alarm.active#probe_2 H32876 bool&0x4",
            "controller_alarm.active#external H32876 bool&0x10",
            "controller_alarm.active#high_temp H32876 bool&0x20",
            "controller_alarm.active#low_temp H32876 bool&0x40",
            "controller_alarm.active#door H32876 bool&0x80",
            "controller_alarm.active#probe_3 H32877 bool&0x1",
            "controller_alarm.active#haccp H32877 bool&0x2",
            "controller_alarm.active#defrost_timeout H32878 bool&0x1",
        ],
    ),
    ("xy-md02", 2, 0, &["cabinet.air_c I1 i16 x0.1", "cabinet.rh_pct I2 u16 x0.1"]),
    ("lock-cu48", 1, 0, &["locker.door_open C0 count"]),
];

const METERS: &[Map] = &[
    (
        "eastron-sdm120",
        80,
        0,
        &[
            "energy.voltage_v I0 f32",
            "energy.current_a I6 f32",
            "energy.active_w I12 f32",
            "energy.reactive_var I24 f32",
            "energy.pf I30 f32",
            "energy.freq_hz I70 f32",
            "energy.energy_kwh_total I72 f32",
        ],
    ),
    (
        "eastron-sdm630",
        80,
        0,
        &[
            "energy.voltage_v I42 f32",
            "energy.current_a I48 f32",
            "energy.active_w I52 f32",
            "energy.reactive_var I60 f32",
            "energy.pf I62 f32",
            "energy.freq_hz I70 f32",
            "energy.energy_kwh_total I72 f32",
            "energy_phase.voltage_v#L1 I0 f32",
            "energy_phase.voltage_v#L2 I2 f32",
            "energy_phase.voltage_v#L3 I4 f32",
            "energy_phase.current_a#L1 I6 f32",
            "energy_phase.current_a#L2 I8 f32",
            "energy_phase.current_a#L3 I10 f32",
            "energy_phase.active_w#L1 I12 f32",
            "energy_phase.active_w#L2 I14 f32",
            "energy_phase.active_w#L3 I16 f32",
        ],
    ),
    (
        "pzem-016",
        10,
        0,
        &[
            "energy.voltage_v I0 u16 x0.1",
            "energy.current_a I1 u32:CDAB x0.001",
            "energy.active_w I3 u32:CDAB x0.1",
            "energy.energy_kwh_total I5 u32:CDAB x0.001",
            "energy.freq_hz I7 u16 x0.1",
            "energy.pf I8 u16 x0.01",
            "controller_alarm.active#overload I9 u16",
        ],
    ),
    (
        "chint-ddsu666",
        18,
        2,
        &[
            "energy.voltage_v H8192 f32",
            "energy.current_a H8194 f32",
            "energy.active_w H8196 f32 x1000",
            "energy.reactive_var H8198 f32 x1000",
            "energy.pf H8202 f32",
            "energy.freq_hz H8206 f32",
            "energy.energy_kwh_total H16384 f32",
        ],
    ),
    (
        "chint-dtsu666",
        24,
        0,
        &[
            "energy.active_w H8210 f32 x0.1",
            "energy.reactive_var H8218 f32 x0.1",
            "energy.pf H8234 f32 x0.001",
            "energy.freq_hz H8260 f32 x0.01",
            "energy.energy_kwh_total H4126 f32",
            "energy_phase.voltage_v#L1 H8198 f32 x0.1",
            "energy_phase.voltage_v#L2 H8200 f32 x0.1",
            "energy_phase.voltage_v#L3 H8202 f32 x0.1",
            "energy_phase.current_a#L1 H8204 f32 x0.001",
            "energy_phase.current_a#L2 H8206 f32 x0.001",
            "energy_phase.current_a#L3 H8208 f32 x0.001",
            "energy_phase.active_w#L1 H8212 f32 x0.1",
            "energy_phase.active_w#L2 H8214 f32 x0.1",
            "energy_phase.active_w#L3 H8216 f32 x0.1",
        ],
    ),
    (
        "fif-le01mp",
        2,
        0,
        &[
            "energy.voltage_v H0 u16 x0.1",
            "energy.current_a H1 u16 x0.1",
            "energy.freq_hz H2 u16 x0.1",
            "energy.active_w H3 u16",
            "energy.reactive_var H4 u16",
            "energy.pf H6 u16 x0.001",
            "energy.energy_kwh_total H7 u32 x0.01",
        ],
    ),
];

#[test]
fn registers_are_where_the_makers_put_them() {
    for (id, registers_max, gap_max, expected) in COLD.iter().chain(METERS) {
        let map = modbus(id);
        let found: Vec<String> = map.points.iter().map(told).collect();
        assert_eq!(found, *expected, "{id}");
        assert_eq!((map.registers_max, map.gap_max), (*registers_max, *gap_max), "{id}");
    }
}
