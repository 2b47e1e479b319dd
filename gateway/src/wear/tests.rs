#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::card::tests::Sys;
use super::*;
use facility_config::limits::CARD_CYCLES_DEFAULT;
use std::os::unix::fs::MetadataExt;

fn store(dir: &Path) -> site::Store {
    site::Store {
        dir: dir.to_path_buf(),
        commit_delay: Duration::from_secs(1),
        readings_bytes_max: 1 << 30,
        outbox_bytes_max: 1 << 28,
        overflow: facility_config::Overflow::DropOldest,
        free_bytes_min: 0,
        card_cycles: CARD_CYCLES_DEFAULT,
    }
}

/// A stat file with so many sectors written.
fn stat(sectors: u64) -> String {
    format!("1 2 3 4 5 6 {sectors} 8 9 10 11\n")
}

#[test]
fn both_stores_and_the_whole_card_are_read_at_each_look() {
    let sys = Sys::new();
    let folder = sys.path().join("store");
    std::fs::create_dir(&folder).unwrap();
    let device = std::fs::metadata(&folder).unwrap().dev();
    let dir = "platform/mmc0/mmc0:1/block/mmcblk0";
    let wear = [("device/life_time", "0x09 0x01\n"), ("device/pre_eol_info", "0x02\n")];
    sys.device(dir, device, &[("size", "31116288\n"), ("device/type", "MMC\n"), ("stat", &stat(1_000)), wear[0], wear[1]]);
    let stores = [watch::Sender::new(Durable::default()), watch::Sender::new(Durable::default())];
    let clock = Clock::manual(1_788_220_800_000);
    let mut gauge = Gauge::new(&store(&folder), sys.path(), stores.each_ref().map(watch::Sender::subscribe), clock.clone());
    let shown = gauge.shown();
    if rustix::fs::major(device) == 0 {
        // Temporary files in memory: there is a reason and no card.
        assert_eq!(*shown.borrow(), WearInfo::without(NoCard::NoDevice));
        return;
    }
    let first = shown.borrow().clone();
    assert_eq!(first.card.as_ref().map(|card| card.device.as_str()), Some("mmcblk0"));
    assert_eq!((first.written_bytes, first.written_bytes_per_day, first.life_years), (0, None, None));
    assert_eq!((first.life_used.map(|used| used.from_pct), first.reserve), (Some(80), Some(card::Reserve::Warning)), "known at once");

    for (sender, written) in stores.iter().zip([4_096, 8_192]) {
        sender.send_modify(|durable| durable.bytes_written = written);
    }
    let counter = sys.path().join("devices").join(dir).join("stat");
    std::fs::write(&counter, stat(1_048)).unwrap();
    // The clock of the wall goes back to 1970: no matter.
    clock.set(0);
    gauge.look();
    assert_eq!(shown.borrow().written_bytes, 48 * 512);

    std::fs::remove_file(&counter).unwrap();
    gauge.look();
    assert_eq!(shown.borrow().written_bytes, 48 * 512, "what cannot be read changes nothing");
    std::fs::write(&counter, stat(20)).unwrap();
    gauge.look();
    assert_eq!(shown.borrow().written_bytes, 68 * 512, "plugged in again: the counter began anew");
}

#[test]
fn a_card_is_shown_as_measured() {
    let info = crate::status::sample::wear().card.unwrap();
    let mut meter = Meter::default();
    meter.push(0, 0, 0);
    meter.push(86_400_000, 1_171_875, 450_000_000);
    let told = card::Told { life_used: None, reserve: Some(card::Reserve::Normal) };
    let shown = WearInfo::new(&info, told, &meter, 500);
    assert_eq!((shown.measured_s, shown.written_bytes, shown.cycles_assumed), (86_400, 600_000_000, 500));
    assert_eq!((shown.written_bytes_per_day, shown.store_bytes_per_day), (Some(600_000_000), Some(450_000_000)));
    assert!((shown.life_years.unwrap() - 35.953).abs() < 0.001, "{shown:?}");
    assert_eq!((shown.life_used, shown.reserve), (None, Some(card::Reserve::Normal)));
    assert_eq!((shown.card, shown.why_en), (Some(info), ""));
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_told_to() {
    let stores = [watch::Sender::new(Durable::default()), watch::Sender::new(Durable::default())];
    let gauge = Gauge::new(
        &store(Path::new("/nowhere at all")),
        Path::new("/nowhere"),
        stores.each_ref().map(watch::Sender::subscribe),
        Clock::system(),
    );
    assert_eq!(*gauge.shown().borrow(), WearInfo::without(NoCard::NoFolder));
    let stop = CancellationToken::new();
    let running = tokio::spawn(gauge.run(stop.clone()));
    tokio::time::advance(Duration::from_millis(3 * WEAR_SAMPLE_MS)).await;
    assert!(!running.is_finished());
    stop.cancel();
    running.await.unwrap();
}
