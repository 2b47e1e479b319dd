#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

const HEAD: &str = "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n";
const RAW: &str = "[forward.main]\nurl = \"http://127.0.0.1:1\"\norg = \"o\"\nbucket = \"b\"\nraw = true\n";

fn of(text: &str) -> [Options; 2] {
    options(&facility_config::from_toml("gateway.toml", &format!("{HEAD}{text}")).unwrap())
}

#[test]
fn the_policy_is_for_readings_and_the_outbox_gives_way_last() {
    for overflow in [Overflow::DropOldest, Overflow::Block, Overflow::Thin] {
        let text = format!("[store]\noverflow = \"{}\"\nfree_bytes_min = 1000\noutbox_bytes_max = 2000000\n", overflow.as_str());
        let [readings, outbox] = of(&text);
        assert_eq!((readings.overflow, readings.free_bytes_min, readings.bytes_max), (overflow, 1000, 1 << 30));
        assert_eq!((outbox.overflow, outbox.free_bytes_min, outbox.bytes_max), (Overflow::DropOldest, 500, 2_000_000));
    }
    assert_eq!(of("[store]\nfree_bytes_min = 0\n").map(|store| store.free_bytes_min), [0, 0]);
}

#[test]
fn only_who_reads_holds_readings_back() {
    assert_eq!(of("").map(|store| store.sinks), [vec![Sink::Aggregate], vec![Sink::Forward]]);
    assert_eq!(of(RAW).map(|store| store.sinks), [vec![Sink::Aggregate, Sink::Forward], vec![Sink::Forward]]);
}
