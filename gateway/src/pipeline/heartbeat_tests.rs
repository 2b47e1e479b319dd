#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::aggregate::fixture;
use crate::status::sample;
use crate::store::memory::memory;

/// What the gateway says of its card, with its name in the database.
fn told(wear: WearInfo) -> Vec<(&'static str, Value)> {
    let (readings, _readings) = memory(Default::default());
    let (_queue, queue) = mpsc::channel(1);
    let (_publish, wear) = watch::channel(wear);
    let pipeline = Pipeline::new(Parts {
        site: fixture::site(Duration::from_secs(300), Vec::new()),
        clock: Clock::manual(fixture::T0),
        telemetry: Arc::default(),
        deliveries: Vec::new(),
        queue,
        orders: mpsc::channel(1).1,
        links: Vec::new(),
        readings,
        snapshot: PathBuf::new(),
        picture: watch::Sender::default(),
        wear,
        stop: CancellationToken::new(),
    });
    let said = pipeline.heartbeat(fixture::T0).readings;
    let names = said.into_iter().map(|reading| (reading.metric.point.info().name, reading.value));
    names.filter(|(name, _)| name.starts_with("gateway.card_")).collect()
}

#[test]
fn the_heartbeat_tells_of_the_card_what_is_known() {
    let (written, used) = ("gateway.card_written_bytes_per_day", "gateway.card_life_used_pct");
    assert_eq!(told(sample::wear()), [(written, Value::Int(600_000_000)), (used, Value::Float(10.0))]);
    assert_eq!(told(WearInfo { life_used: None, ..sample::wear() }), [(written, Value::Int(600_000_000))]);
    assert_eq!(told(WearInfo { written_bytes_per_day: None, ..sample::wear() }), [(used, Value::Float(10.0))]);
    assert_eq!(told(WearInfo::default()), []);
}
