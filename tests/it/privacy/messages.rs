//! What devices send that must not be kept: telephones, codes and waybills in every place a message has.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Topic behind the site, and payload.
pub(super) type Message = (String, Vec<u8>);

const LOCKER: &str = "locker/lk-001/telemetry";
const EVENTS: &str = "locker/lk-001/event";
const VENDING: &str = "vending/vm-001/telemetry";
const SALES: &str = "vending/vm-001/event";

/// Payloads, TS standing for the time. Each is sent with a time of its own.
const TEXTS: &[(&str, &str)] = &[
    // A public locker protocol, as it is and as plain text around it.
    (LOCKER, "51#8888#13900000000#4055#0#"),
    (LOCKER, "6002#20#8#286633#"),
    (EVENTS, "13812345678"),
    ("locker/lk-001/status", "13812345678"),
    ("vending/vm-001/status", "online 13812345678"),
    // Fields that nobody named, as text, number, key, in lists and objects.
    (
        LOCKER,
        r#"{"v":1,"id":"lk-001","ts":"TS","seq":1,"phone":"13812345678","pickup_code":"286633","order":20260901735162894,"compartments":{"total":60,"occupied":41,"faulted":2,"owner":"13812345678"}}"#,
    ),
    (
        LOCKER,
        r#"{"v":1,"id":"lk-001","ts":"TS","seq":2,"13812345678":{"SF7351628940517":[13812345678,"350102199003078893"]},"compartments":{"total":60,"occupied":41,"faulted":2}}"#,
    ),
    (
        LOCKER,
        r#"{"v":1,"id":"lk-001","ts":"TS","seq":3,"list":[{"phone":13812345678},[["286633"]]],"compartments":{"total":60,"occupied":41,"faulted":2}}"#,
    ),
    (
        VENDING,
        r#"{"v":1,"id":"vm-001","ts":"TS","seq":1,"status":"in_service","openid":"13812345678","card":"6222021234567890123","trade":"20260901735162894"}"#,
    ),
    // Names of parts.
    (
        LOCKER,
        r#"{"v":1,"id":"lk-001","ts":"TS","seq":4,"compartments":{"total":60,"occupied":41,"faulted":2,"by_size":{"13812345678":{"total":3,"occupied":1},"286633":{"total":3}}}}"#,
    ),
    (
        VENDING,
        r#"{"v":1,"id":"vm-001","ts":"TS","seq":2,"status":"in_service","lanes":[{"no":"13812345678","level":3},{"no":286633,"level":4},{"no":13812345678,"level":4}]}"#,
    ),
    // Fields of the model with something else in them.
    (
        LOCKER,
        r#"{"v":1,"id":"lk-001","ts":"TS","seq":13812345678,"compartments":{"total":"13812345678","occupied":13812345678,"faulted":286633,"occupancy_source":"13812345678"},"env":{"temp_c":13812345678,"mains_ok":"286633"}}"#,
    ),
    (LOCKER, r#"{"v":1,"id":"lk-001","ts":"13812345678","seq":5,"compartments":{"total":60,"occupied":41,"faulted":2}}"#),
    (LOCKER, r#"{"v":1,"id":"lk-001","ts":13812345678,"seq":6,"compartments":{"total":60,"occupied":41,"faulted":2}}"#),
    (LOCKER, r#"{"v":1,"id":"13812345678","ts":"TS","seq":7,"compartments":{"total":60,"occupied":41,"faulted":2}}"#),
    (LOCKER, r#"{"v":1,"id":"lk-001","ts":"TS","seq":8,"compartments":["13812345678",286633]}"#),
    (
        LOCKER,
        r#"{"v":"13812345678","id":"lk-001","ts":"TS","seq":"350102199003078893","compartments":{"total":60,"occupied":41,"faulted":2}}"#,
    ),
    (
        VENDING,
        r#"{"v":1,"id":"vm-001","ts":"TS","seq":3,"status":"13812345678","lanes":[{"no":"A1","price_fen":13812345678}],"temps":{"air":"13812345678"}}"#,
    ),
    // Free texts, written together and apart.
    (
        EVENTS,
        r#"{"v":1,"eid":"SF7351628940517","id":"lk-001","ts":"TS","type":"open_fail","target":"13812345678","code":"SF7351628940517","ref":"SF7351628940517"}"#,
    ),
    (EVENTS, r#"{"v":1,"eid":"e-2","id":"lk-001","ts":"TS","type":"lock_fault","target":"286633","code":"138 1234 5678"}"#),
    (EVENTS, r#"{"v":1,"eid":"e-3","id":"lk-001","ts":"TS","type":"pickup","target":"A07","code":"286633","ref":"SF7351628940517"}"#),
    (EVENTS, r#"{"v":1,"eid":"e-4","id":"lk-001","ts":"TS","type":"13812345678","target":"A07"}"#),
    (EVENTS, r#"{"v":1,"eid":"e-5","id":"lk-001","ts":"TS","type":"deposit","note":"给 13812345678 的快递"}"#),
    (
        SALES,
        r#"{"v":1,"eid":"20260901735162894","id":"vm-001","ts":"TS","type":"vend_fail","target":"A1","code":"order 735162","amount_fen":350}"#,
    ),
    (
        SALES,
        r#"{"v":1,"eid":"e-6","id":"vm-001","ts":"TS","type":"vend_ok","target":"286633","code":"350102199003078893","amount_fen":13812345678}"#,
    ),
    // Names, addresses and numbers that are masked or written apart.
    (EVENTS, r#"{"v":1,"eid":"e-7","id":"lk-001","ts":"TS","type":"open_fail","target":"王小明 138****8000","code":"3栋2单元502"}"#),
    (EVENTS, r#"{"v":1,"eid":"e-8","id":"lk-001","ts":"TS","type":"张三","target":"A07"}"#),
    (EVENTS, r#"{"v":1,"eid":"e-9","id":"lk-001","ts":"TS","type":"lock_fault","target":"A07","code":"138,0013,8000"}"#),
    (
        VENDING,
        r#"{"v":1,"id":"vm-001","ts":"TS","seq":4,"status":"in_service","lanes":[{"no":"张三","level":3},{"no":"3栋2单元502","level":3}]}"#,
    ),
    // Numbers in fields of the model, in a message that is refused.
    (LOCKER, r#"{"v":1,"id":"lk-001","seq":13812345678,"compartments":{"total":13812345678,"occupied":286633,"faulted":2}}"#),
    // Broken.
    (LOCKER, r#"{"v":1,"id":"lk-001","ts":"TS","phone":"13812345678","compartments":{"total":60"#),
    (LOCKER, r#"{"phone":"13812345678" "code":286633}"#),
    (LOCKER, r#"{"v":1,"id":"lk-001","ts":"TS","seq":9,"compartments":{"total":13812345678e999,"occupied":41,"faulted":2}}"#),
    (LOCKER, r#"{"v":1,"id":"lk-001","id":"13812345678","ts":"TS","compartments":{"total":60,"occupied":41,"faulted":2}}"#),
    (LOCKER, r#""13812345678""#),
    (LOCKER, "13812345678"),
    (LOCKER, r#"["13812345678","286633"]"#),
    // Topics.
    (
        "locker/13812345678/telemetry",
        r#"{"v":1,"id":"13812345678","ts":"TS","seq":1,"phone":"13812345678","compartments":{"total":60,"occupied":41,"faulted":2}}"#,
    ),
    ("locker/lk-001/13812345678", "{}"),
    ("vending/SF7351628940517/event", r#"{"v":1,"eid":"286633","id":"SF7351628940517","ts":"TS","type":"vend_ok"}"#),
];

/// All of them, the first at this time and each a second after the one before it; then the longest once more, compressed,
/// compressed and cut short, as bytes that are no text, and too deep.
pub(super) fn all(start_ms: i64) -> Vec<Message> {
    let stamp = |nth: usize| jiff::Timestamp::from_second(start_ms / 1000 + nth as i64).map(|at| at.to_string()).unwrap_or_default();
    let mut messages: Vec<Message> = Vec::new();
    for (nth, (topic, text)) in TEXTS.iter().enumerate() {
        messages.push(((*topic).to_owned(), text.replace("TS", &stamp(nth)).into_bytes()));
    }
    let longest = messages.iter().max_by_key(|(_, payload)| payload.len()).map(|(_, payload)| payload.clone()).unwrap_or_default();
    let packed = gzip(&longest);
    let cut = packed[..packed.len() - 9].to_vec();
    let no_text = [b"\xff\xfe13812345678".to_vec(), longest.clone()].concat();
    let deep = format!("{}\"13812345678\"{}", "[".repeat(200), "]".repeat(200)).into_bytes();
    messages.extend([packed, cut, gzip(b"6002#20#8#286633#"), no_text, deep].map(|payload| (LOCKER.to_owned(), payload)));
    messages
}

fn gzip(payload: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(payload).and_then(|()| packer.finish()).unwrap_or_default()
}
