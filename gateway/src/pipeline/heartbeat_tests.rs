#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::aggregate::fixture;
use crate::status::sample;
use crate::store::memory::memory;
use facility_drivers::Fault;

fn pipeline(wear: WearInfo) -> Pipeline {
    let (readings, _readings) = memory(Default::default());
    let (_queue, queue) = mpsc::channel(1);
    let (_publish, wear) = watch::channel(wear);
    Pipeline::new(Parts {
        site: fixture::site(Duration::from_secs(300), vec![fixture::device("lk-01", facility_config::Kind::Locker, 60)]),
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
    })
}

/// What the gateway says of its card, with its name in the database.
fn told(wear: WearInfo) -> Vec<(&'static str, Value)> {
    let said = pipeline(wear).heartbeat(fixture::T0).readings;
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

#[test]
fn what_was_refused_is_told_before_the_next_heartbeat_and_once() {
    let mut pipeline = pipeline(WearInfo::default());
    let refused = |device, fault, at_ms| Batch::refused(device, fault, at_ms);
    let locker = Some(DeviceIx(1));
    let came = [
        refused(locker, Fault::Undecodable, fixture::T0 + 5),
        refused(locker, Fault::Undecodable, fixture::T0 + 9),
        refused(locker, Fault::Retained, fixture::T0 + 20),
        refused(locker, Fault::Duplicate, fixture::T0 + 25),
        refused(None, Fault::UnknownDevice, fixture::T0 + 30),
    ];
    came.iter().for_each(|batch| pipeline.refusals.note(batch));
    let told = pipeline.beat(fixture::T0 + 60_000);
    let [first, heartbeat] = &told[..] else { panic!("{told:?}") };
    assert_eq!((first.device, first.at_ms, first.subject), (locker, fixture::T0 + 9, Subject::Health));
    assert_eq!((first.readings[0].metric.point, &first.readings[0].value), (Point::HealthRefused, &Value::Int(2)));
    assert_eq!(heartbeat.device, Some(DeviceIx::GATEWAY));
    assert_eq!(pipeline.beat(fixture::T0 + 120_000).len(), 1);
}
