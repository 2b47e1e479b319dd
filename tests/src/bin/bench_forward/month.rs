//! What leaves a site of fifty devices in a month in which much goes wrong, raw readings left out.
//!
//! The simulated month goes through the real figures and alarms; what they say goes into a store and from there through
//! the real forwarder to an endpoint that counts: a request when a window closes, or one for several windows.

use crate::backlog::options;
use crate::endpoint::Endpoint;
use crate::figures::{Kept, MONTH_VALUES, MONTHS};
use crate::sender::{Sending, To};
use facility_config::series::Class;
use facility_config::{DeviceIx, Site};
use facility_drivers::sim::fleet::{Address, FleetSpec, HEARTBEAT_MS, Month, MonthSpec, READ_INTERVAL_MS, SITE, buses, cast};
use facility_drivers::sim::workload::START_MS;
use facility_drivers::{Batch, Clock, Reading};
use facility_gateway::aggregate::Fold;
use facility_gateway::alarm::Engine;
use facility_gateway::store::{Append, Opened, RealDisk, open};
use facility_tests::table::Table;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

const DEVICES: usize = 50;
const DAY_MS: i64 = 86_400_000;
const WINDOW_MS: i64 = 300_000;
/// A month of the reckoning.
const MONTH_DAYS: f64 = 30.0;

pub(crate) fn measure(table: &mut Table, days: u32) {
    let site = Arc::new(site());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for kept in &MONTHS {
        runtime.block_on(send(table, kept, &site, days));
    }
    table.note(format!("month: {days} simulated days of {DEVICES} devices, counted for {MONTH_DAYS}; answers, TCP and TLS come on top"));
}

/// What the figures and alarms of each window have to say, in its order.
fn live(site: &Arc<Site>, days: u32) -> Vec<Vec<Batch>> {
    let by_id: BTreeMap<&str, DeviceIx> = site.indexed().map(|(ix, device)| (&*device.id, ix)).collect();
    let places: Vec<_> = cast(DEVICES).iter().map(|member| by_id.get(&*member.id).copied()).collect();
    let mut month = Month::new(MonthSpec { fleet: FleetSpec { devices: DEVICES, seed: 1, start_ms: START_MS }, days });
    let (mut fold, mut engine) = (Fold::new(Arc::clone(site)), Engine::new(Arc::clone(site)));
    let (mut arrivals, mut windows) = (Vec::new(), Vec::new());
    for window in 0..i64::from(days) * DAY_MS / WINDOW_MS {
        let now_ms = START_MS + (window + 1) * WINDOW_MS;
        month.arrivals(now_ms, &mut arrivals);
        let mut said = Vec::new();
        for arrival in arrivals.drain(..) {
            let Some(device) = places.get(arrival.at).copied().flatten() else { continue };
            let readings: Vec<Reading> = arrival.values.into_iter().map(|(metric, value)| Reading { metric, value }).collect();
            for reading in &readings {
                fold.observe(arrival.log_ms, device, reading.metric, arrival.at_ms, &reading.value);
            }
            let batch = Batch { readings, ..Batch::new(device, arrival.subject, arrival.at_ms) };
            said.append(&mut engine.observe(&batch, arrival.log_ms));
        }
        said.append(&mut engine.tick(now_ms));
        while let Some(mut closed) = Some(fold.close(now_ms)).filter(|closed| !closed.is_empty()) {
            said.append(&mut closed);
        }
        windows.push(said);
    }
    windows
}

async fn send(table: &mut Table, kept: &'static Kept, site: &Arc<Site>, days: u32) {
    let dir = tempfile::tempdir().expect("a folder");
    let endpoint = Endpoint::start();
    let clock = Clock::manual(START_MS);
    let Opened { store, .. } = open(options(dir.path(), origins(site)), clock.clone(), RealDisk).expect("the store opens");
    let sending =
        Sending::start(store.clone(), &To::of(&endpoint.url()), clock.clone(), dir.path(), (vec![Class::Metric, Class::Event], kept.short));
    let mut windows = live(site, days).into_iter();
    let mut expected = 0;
    while windows.len() > 0 {
        let batches: Vec<Batch> = windows.by_ref().take(kept.windows).flatten().collect();
        expected += batches.iter().map(|batch| batch.readings.len() as u64).sum::<u64>();
        clock.set(clock.now_ms() + WINDOW_MS * kept.windows as i64);
        if !batches.is_empty() {
            store.append(Append { batches, mark: None }).await.expect("the store runs");
        }
        while sending.next().await < expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let counted = endpoint.counted();
    let of_month = |bytes: u64| bytes as f64 / 1e6 * MONTH_DAYS / f64::from(days);
    table.add(&kept.month, of_month(counted.bytes()));
    table.add(&kept.body, of_month(counted.body_bytes));
    if kept.windows == 1 && kept.short {
        table.add(&MONTH_VALUES, of_month(sending.delivery.points.get()));
    }
}

/// Tags as the gateway makes them.
fn origins(site: &Site) -> Vec<String> {
    let tags = |(_, device): (DeviceIx, &facility_config::device::Device)| {
        format!("device_id={},district=350102,gw_id=gw-month,kind={},site_id={SITE}", device.id, device.kind.as_str())
    };
    site.indexed().map(tags).collect()
}

/// The cast of the simulated neighbourhood as a configuration would declare it.
fn site() -> Site {
    let mut text = format!(
        "[gateway]\nid = \"gw-month\"\nsite = \"{SITE}\"\ndistrict = \"350102\"\n[metrics]\nwindow_s = 300\n[mqtt.kiosk]\nurl = \"mqtt://127.0.0.1\"\n"
    );
    for bus in 0..buses(DEVICES) {
        writeln!(text, "[bus.cold-{bus}]\ntransport = \"tcp\"\naddress = \"127.0.0.1:{}\"", 5_020 + bus).expect("a text");
    }
    for member in cast(DEVICES) {
        let (source, interval_ms) = match member.address {
            Address::Mqtt => ("mqtt = \"kiosk\"".to_owned(), HEARTBEAT_MS),
            Address::Bus { bus, unit } => (format!("bus = \"cold-{bus}\"\nunit = {unit}"), READ_INTERVAL_MS),
        };
        let (id, profile, interval_s) = (&member.id, member.role.profile(), interval_ms / 1_000);
        writeln!(text, "[device.{id}]\nprofile = \"{profile}\"\n{source}\ninterval_s = {interval_s}").expect("a text");
        if let Some(class) = member.cold {
            writeln!(text, "cold = \"{}\"", format!("{class:?}").to_lowercase()).expect("a text");
        }
    }
    facility_config::from_toml("bench", &text).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}
