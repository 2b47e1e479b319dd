//! The catalogue of conditions: code, severity and next step. Data only; [`conditions`](super::conditions) decides what
//! holds. A code once given keeps its meaning: manuals and alert rules name it.

use serde::{Serialize, Serializer};

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The gateway does not do its work: `/healthz` answers 503.
    Critical,
    /// Somebody should act; everything else goes on.
    Warning,
    /// Good to know.
    Info,
}

/// The closed set of conditions, in the order they are shown within a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A log cannot be written.
    StoreFault,
    /// No fresh snapshot.
    Stalled,
    /// Points on flash were damaged.
    StoreDamaged,
    /// Points are being deleted before they are delivered.
    Evicted,
    /// Nothing is acknowledged, because nothing may be deleted.
    StoreFull,
    /// The backlog fills its budget.
    Backlog,
    /// The account does not balance.
    Imbalance,
    /// The card is near its end.
    CardWorn,
    /// A broker is not connected.
    BrokerDown,
    /// A broker refuses us.
    BrokerDenied,
    /// A bus is not connected.
    BusDown,
    /// The system refuses us the port.
    BusDenied,
    /// The database does not answer.
    DatabaseDown,
    /// The database refuses us.
    DatabaseDenied,
    /// Devices are not heard although their link works.
    Silent,
    /// A bus cannot keep the intervals that are asked of it.
    BusOverloaded,
    /// Messages from devices that are not declared.
    UnknownDevice,
    /// Messages that cannot be read.
    MessagesRefused,
    /// Values that cannot be believed.
    ReadingsDropped,
    /// A field of a device is of another type than its profile says.
    SchemaChanged,
    /// A device sends more than it may.
    RateLimited,
    /// Sparkplug devices that have not introduced themselves.
    NoBirth,
    /// The clock stands before the build date.
    ClockUnset,
}

impl Code {
    /// Every condition.
    pub const ALL: [Self; 23] = [
        Self::StoreFault,
        Self::Stalled,
        Self::StoreDamaged,
        Self::Evicted,
        Self::StoreFull,
        Self::Backlog,
        Self::Imbalance,
        Self::CardWorn,
        Self::BrokerDown,
        Self::BrokerDenied,
        Self::BusDown,
        Self::BusDenied,
        Self::DatabaseDown,
        Self::DatabaseDenied,
        Self::Silent,
        Self::BusOverloaded,
        Self::UnknownDevice,
        Self::MessagesRefused,
        Self::ReadingsDropped,
        Self::SchemaChanged,
        Self::RateLimited,
        Self::NoBirth,
        Self::ClockUnset,
    ];

    /// Code in messages, manuals and labels. Never given to another condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StoreFault => "GW-H001",
            Self::Stalled => "GW-H002",
            Self::StoreDamaged => "GW-H003",
            Self::Evicted => "GW-H004",
            Self::Backlog => "GW-H005",
            Self::Imbalance => "GW-H006",
            Self::StoreFull => "GW-H007",
            Self::CardWorn => "GW-H008",
            Self::BrokerDown => "GW-H010",
            Self::BrokerDenied => "GW-H011",
            Self::BusDown => "GW-H012",
            Self::BusDenied => "GW-H013",
            Self::DatabaseDown => "GW-H014",
            Self::DatabaseDenied => "GW-H015",
            Self::Silent => "GW-H020",
            Self::BusOverloaded => "GW-H021",
            Self::UnknownDevice => "GW-H030",
            Self::MessagesRefused => "GW-H031",
            Self::ReadingsDropped => "GW-H032",
            Self::SchemaChanged => "GW-H033",
            Self::RateLimited => "GW-H034",
            Self::NoBirth => "GW-H035",
            Self::ClockUnset => "GW-H040",
        }
    }

    /// How bad. Only what stops the gateway's own work is critical: a watchdog restarts on it, and a restart mends
    /// neither a cable nor a password.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::StoreFault | Self::Stalled => Severity::Critical,
            Self::ReadingsDropped => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// Next step, English and Chinese.
    #[must_use]
    pub fn hint(self) -> (&'static str, &'static str) {
        match self {
            Self::StoreFault => (
                "Check free space and the card: `df -h`, `dmesg`. Replace the card if it turned read-only. Nothing is acknowledged meanwhile, whatever the overflow policy; it goes on by itself.",
                "检查剩余空间和存储卡（df -h、dmesg）；若卡已变为只读，请更换。期间无论 overflow 如何设置都不会确认任何消息，恢复后自动继续。",
            ),
            Self::Stalled => (
                "Restart the service; nothing acknowledged is lost. Keep the log: `journalctl -u facility-gateway`.",
                "重启服务，已确认的数据不会丢失；请保留日志（journalctl -u facility-gateway）。",
            ),
            Self::StoreDamaged => (
                "Plan to replace the card: flash that damages data once does it again.",
                "请安排更换存储卡：闪存一旦损坏数据，往往会再次发生。",
            ),
            Self::Evicted => (
                "Bring the connection to the destination back, free space on the card, or raise the byte budget in the [store] section; overflow = \"thin\" there keeps more of the oldest readings.",
                "请恢复与转发目标的连接、释放存储卡空间，或在 [store] 中调大字节预算；设置 overflow = \"thin\" 可保留更久的旧读数。",
            ),
            Self::StoreFull => (
                "Bring the connection to the destination back, raise the byte budget or free space on the card; or let the oldest readings go: overflow = \"thin\" or \"drop_oldest\" in the [store] section.",
                "请恢复与转发目标的连接、调大字节预算或释放存储卡空间；也可在 [store] 中设置 overflow = \"thin\" 或 \"drop_oldest\"，舍弃最旧的读数。",
            ),
            Self::Backlog => (
                "Bring the connection to the destination back before the store is full and its overflow policy decides what gives way.",
                "请在存储写满、overflow 策略开始舍弃数据之前恢复与转发目标的连接。",
            ),
            Self::Imbalance => (
                "This is a fault of the gateway. Save /api/status and the log, and report it.",
                "这是网关自身的故障。请保存 /api/status 和日志并反馈。",
            ),
            Self::CardWorn => (
                "Plan to replace the card, best by an industrial one (pSLC). If little of what is written is the store's, see what else writes: logs, swap.",
                "请安排更换存储卡，最好换用工业级（pSLC）卡；若写入大多不是来自本网关的存储，请检查其他写入来源：日志、交换分区。",
            ),
            Self::BrokerDown => (
                "Check that the broker runs and that its address and port are right; then the network between.",
                "检查消息服务器是否运行、地址和端口是否正确，再检查网络。",
            ),
            Self::BrokerDenied => (
                "Check user name, password file or certificate, and the broker's access rules for this client.",
                "检查用户名、密码文件或证书，以及消息服务器对该客户端的访问规则。",
            ),
            Self::BusDown => {
                ("Check the cable, the converter's power and the address or port of the bus.", "检查线缆、转换器电源以及总线的地址或串口。")
            }
            Self::BusDenied => (
                "Give the service's user access to the port (group dialout), and see that nothing else holds it.",
                "请授予服务用户串口权限（dialout 组），并确认没有其他程序占用。",
            ),
            Self::DatabaseDown => (
                "Check the uplink and the destination's address, or its folder. Everything is kept on flash and sent later.",
                "检查上行网络和转发目标的地址（或文件夹）。数据保存在本地闪存，恢复后补传。",
            ),
            Self::DatabaseDenied => (
                "Of a database check the token file, the organisation and the bucket; of a platform's broker user, password, client id and its access rules for `topic`. A new token or password is read without a restart.",
                "数据库：检查令牌文件、组织和存储桶名称；平台消息服务器：检查用户名、密码、client_id 及其对 topic 的访问规则。更换令牌或密码后无需重启。",
            ),
            Self::Silent => (
                "Check the device's power and wiring, and its unit id or topic; the connection itself works.",
                "检查设备电源、接线以及站号或主题；链路本身正常。",
            ),
            Self::BusOverloaded => (
                "See `facility-gateway modbus plan --bus NAME`: a higher baud rate, longer intervals, slow points in the slow group, or a second line. A device that answers slowly has only a right to its share.",
                "请运行 facility-gateway modbus plan --bus 名称 查看：可提高波特率、加大轮询间隔、将慢变点放入 slow 组，或另接一条总线。应答慢的设备只能占用自己的份额。",
            ),
            Self::UnknownDevice => (
                "`facility-gateway mqtt strangers` lists them, `facility-gateway mqtt adopt ID` declares one; or find out who is publishing on these topics.",
                "运行 facility-gateway mqtt strangers 查看，运行 facility-gateway mqtt adopt 编号 登记；否则请查明是谁在发布这些主题。",
            ),
            Self::MessagesRefused => (
                "Check that the device's profile fits its firmware; `facility-gateway deadletter list` and `deadletter show ID` say what was wrong with which message.",
                "检查设备型号文件与其固件是否一致；运行 facility-gateway deadletter list 和 deadletter show 编号 查看具体消息和原因。",
            ),
            Self::ReadingsDropped => (
                "Other values of the same messages were kept. Check the profile's fields and ranges.",
                "同一消息中的其他值已保留。请检查型号文件中的字段和取值范围。",
            ),
            Self::SchemaChanged => (
                "See what it sends: `facility-gateway mqtt tail --device ID --drops`. After a change of firmware adapt a copy of the profile in profiles.d. Points keep their type, so the destinations hold nothing wrong.",
                "运行 facility-gateway mqtt tail --device 编号 --drops 查看报文。若固件已更新，请在 profiles.d 中修改型号文件的副本。测点类型固定，转发目标中的数据不受影响。",
            ),
            Self::RateLimited => (
                "Find out why it sends so much. If it is right, raise messages_per_s_max of the device; other devices are not affected.",
                "查明该设备为何发送如此频繁；如属正常，请调大该设备的 messages_per_s_max。其他设备不受影响。",
            ),
            Self::NoBirth => (
                "Restart the Sparkplug node, or let its host ask it for a rebirth: this gateway only listens and cannot ask.",
                "请重启 Sparkplug 节点，或由其主机请求重新发送 birth；本网关只接收，不能发出请求。",
            ),
            Self::ClockUnset => (
                "Give the board a time source: network time, or a battery-backed clock. Readings are kept and put right later.",
                "请为设备提供时间来源：网络校时或带电池的时钟。读数会保留并在校时后修正。",
            ),
        }
    }
}

/// Next step where nobody on a connected link is heard: it need not be the devices.
pub(super) const MUTE_HINT: (&str, &str) = (
    "All of them at once: check what they have in common, the line or network behind the connection, its power, its baud rate or topics. The connection itself is up, which says nothing of what is behind it.",
    "所有设备同时无数据：请检查其公共部分，即链路之后的总线线缆或网络、电源、波特率或主题。链路本身已连接，但不代表其后的线路正常。",
);

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
