//! `/metrics`: the snapshot as OpenMetrics text. Base units in the names, counters end in `_total`.
//!
//! Labels are identities of the configuration and closed sets, so the number of series is bounded by the site. The one thing
//! devices decide is the names of places whose values are dropped: made harmless by the decoder, and bounded by
//! [`DROPPED_PLACES_MAX`](facility_config::limits::DROPPED_PLACES_MAX) for each broker.

use crate::ledger::Account;
use crate::process;
use crate::status::{LinkInfo, LinkKind, Status, StoreInfo};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

/// What the text is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<'a> = Vec<(&'static str, &'a str)>;

/// All metrics of a snapshot that is `age_ms` old, and of this process.
///
/// # Errors
/// When the encoder refuses, which writing to memory does not.
pub(super) fn text(status: Arc<Status>, age_ms: i64) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let mut own = Registry::with_prefix("facility_gateway");
    own.register_collector(Box::new(Snapshot { status, age_ms }));
    text::encode_registry(&mut out, &own)?;
    let mut process = Registry::default();
    process.register_collector(Box::new(Process));
    text::encode_registry(&mut out, &process)?;
    text::encode_eof(&mut out)?;
    Ok(out)
}

#[derive(Debug)]
struct Snapshot {
    status: Arc<Status>,
    age_ms: i64,
}

#[derive(Debug)]
struct Process;

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (to, status) = (&mut encoder, &*self.status);
        identity(to, status, self.age_ms)?;
        accounts(to, status)?;
        stores(to, status)?;
        wear(to, status)?;
        forward(to, status)?;
        links(to, status)?;
        devices(to, status)?;
        heard(to, status)
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some(usage) = process::usage() else { return Ok(()) };
        gauges(&mut encoder, "process_resident_memory", "Memory in use", Some(Unit::Bytes), [(vec![], usage.rss_bytes)])?;
        counters(&mut encoder, "process_cpu", "Processor time since start, user and system", Some(Unit::Seconds), [(vec![], usage.cpu_s)])
    }
}

fn identity(to: &mut DescriptorEncoder<'_>, status: &Status, age_ms: i64) -> fmt::Result {
    let gateway = &status.gateway;
    let who = vec![
        ("version", gateway.version),
        ("gw_id", gateway.id.as_str()),
        ("site_id", gateway.site.as_str()),
        ("district", gateway.district.as_str()),
    ];
    Info::new(who).encode(to.encode_descriptor("build", "Who this is and which version runs", None, MetricType::Info)?)?;
    gauges(to, "uptime", "Time since the process started", Some(Unit::Seconds), [(vec![], gateway.uptime_s)])?;
    gauges(to, "clock_set", "1 if the clock can be believed", None, [(vec![], u64::from(gateway.clock_set))])?;
    gauges(to, "snapshot_age", "Age of these figures", Some(Unit::Seconds), [(vec![], age_ms as f64 / 1e3)])?;
    let conditions =
        status.conditions.iter().map(|found| (vec![("code", found.code.as_str()), ("subject", found.subject.as_str())], 1_u64));
    gauges(to, "condition", "1 for every condition that holds; its code is explained in the manual", None, conditions)
}

/// `received = delivered + buffered + dropped + dead_lettered`, term by term.
fn accounts(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let all = || status.accounts.iter();
    let of = |account: &Account| vec![("account", account.name)];
    counters(to, "account_received", "All that came in", None, all().map(|row| (of(row), row.received)))?;
    counters(to, "account_delivered", "Accepted, folded or taken by the destination", None, all().map(|row| (of(row), row.delivered)))?;
    gauges(to, "account_buffered", "Held, not delivered yet", None, all().map(|row| (of(row), row.buffered)))?;
    let dropped = all().flat_map(|row| row.dropped.iter().map(|(reason, n)| (vec![("account", row.name), ("reason", *reason)], *n)));
    counters(to, "account_dropped", "Given up, by reason", None, dropped)?;
    counters(to, "account_dead_lettered", "Refused by the destination for good", None, all().map(|row| (of(row), row.dead_lettered)))?;
    gauges(to, "account_missing", "0 when the account balances", None, all().map(|row| (of(row), row.missing())))?;
    let corrected = status.corrected.iter().map(|(reason, n)| (vec![("reason", *reason)], *n));
    counters(to, "times_corrected", "Times of devices with a wrong clock, replaced by the gateway's", None, corrected)
}

fn stores(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let all = || status.stores.iter();
    let of = |store: &StoreInfo| vec![("store", store.name)];
    gauges(to, "store_disk", "Held on disk", Some(Unit::Bytes), all().map(|row| (of(row), row.bytes_on_disk)))?;
    gauges(to, "store_budget", "Byte budget", Some(Unit::Bytes), all().map(|row| (of(row), row.bytes_max)))?;
    counters(to, "store_written", "Written to flash since start", Some(Unit::Bytes), all().map(|row| (of(row), row.bytes_written)))?;
    counters(to, "store_commits", "Group commits since start", None, all().map(|row| (of(row), row.commits)))?;
    counters(to, "store_points", "Points made durable since the log was created", None, all().map(|row| (of(row), row.end)))?;
    gauges(to, "store_backlog_points", "Durable points not delivered yet", None, all().map(|row| (of(row), row.backlog)))?;
    gauges(to, "store_pending_points", "Points not durable yet", None, all().map(|row| (of(row), row.pending)))?;
    counters(to, "store_evicted_points", "Points deleted unread by the byte budget", None, all().map(|row| (of(row), row.evicted)))?;
    counters(to, "store_thinned_points", "Points thinned out unread for room", None, all().map(|row| (of(row), row.thinned)))?;
    counters(to, "store_no_disk_points", "Points given up while nothing could be written", None, all().map(|row| (of(row), row.no_disk)))?;
    gauges(to, "store_full", "1 if nothing is acknowledged because it is full", None, all().map(|row| (of(row), u64::from(row.full))))?;
    gauges(to, "store_damaged_points", "Points lost to damage found at open", None, all().map(|row| (of(row), row.damaged)))?;
    gauges(to, "store_writable", "1 if the log can be written", None, all().map(|row| (of(row), u64::from(row.fault.is_none()))))
}

/// The card under the stores: no sample where there is none, nor of what is not known yet.
fn wear(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let (wear, card) = (&status.wear, status.wear.card.as_ref());
    let (capacity, written) = (one(card.map(|card| card.bytes)), one(card.map(|_| wear.written_bytes)));
    gauges(to, "card_capacity", "Capacity of the card the stores are on", Some(Unit::Bytes), capacity)?;
    counters(to, "card_written", "Written to the whole card since start, by everything on it", Some(Unit::Bytes), written)?;
    gauges(to, "card_written_bytes_per_day", "The same per day, mean of the last 24 h", None, one(wear.written_bytes_per_day))?;
    gauges(to, "card_store_bytes_per_day", "What the stores wrote of it per day", None, one(wear.store_bytes_per_day))?;
    gauges(to, "card_projected_life_years", "Life of a new card at this pace, by the cycles assumed", None, one(wear.life_years))?;
    let used = wear.life_used.map(|used| f64::from(used.from_pct) / 100.0);
    gauges(to, "card_life_used_ratio", "Life the card reports as used, lower end of its band", None, one(used))?;
    let reserve = wear.reserve.map(|reserve| reserve as u64 + 1);
    gauges(to, "card_reserve_state", "Spare blocks as the card reports them: 1 normal, 2 warning, 3 urgent", None, one(reserve))
}

fn one<V>(value: Option<V>) -> impl Iterator<Item = (Labels<'static>, V)> {
    value.into_iter().map(|value| (Labels::new(), value))
}

fn forward(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let one = |figure: fn(&crate::status::ForwardInfo) -> u64| {
        status.forward.iter().map(move |sent| (vec![("destination", sent.name.as_str())], figure(sent)))
    };
    counters(to, "forward_requests", "Write requests sent", None, one(|sent| sent.requests))?;
    counters(to, "forward_retries", "Write requests that had to be repeated", None, one(|sent| sent.retries))?;
    counters(to, "forward_lines", "Lines the destination took", None, one(|sent| sent.lines))?;
    counters(to, "forward_points", "Points the destination took", None, one(|sent| sent.points))?;
    counters(to, "forward_wire", "Request bodies, compressed", Some(Unit::Bytes), one(|sent| sent.wire_bytes))?;
    let all = || status.forward.iter().map(|sent| (vec![("destination", sent.name.as_str())], sent));
    let behind = all().filter_map(|(labels, sent)| Some((labels, sent.backlog?.points)));
    gauges(to, "forward_behind_points", "Points that wait behind new ones", None, behind)?;
    let budgets = || all().filter_map(|(labels, sent)| Some((labels, sent.budget?)));
    gauges(
        to,
        "forward_budget_level",
        "What the month's budget leaves out: 0 nothing to 4 hours and shorter",
        None,
        budgets().map(|(labels, budget)| (labels, budget.level as u64)),
    )?;
    gauges(
        to,
        "forward_month_used",
        "Sent and received in the calendar month",
        Some(Unit::Bytes),
        budgets().map(|(labels, budget)| (labels, budget.used_bytes)),
    )
}

fn links(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let all = || status.links.iter();
    let of = |link: &'_ LinkInfo| link_kind(link.kind);
    let labels = |link| -> Labels<'_> { vec![("kind", of(link)), ("link", link.name.as_str())] };
    gauges(to, "link_up", "1 if the connection works", None, all().map(|link| (labels(link), u64::from(link.is_up()))))?;
    counters(to, "link_connects", "Connections made since start", None, all().map(|link| (labels(link), link.connects)))?;
    let faults = all().flat_map(|link| {
        link.faults
            .iter()
            .map(move |(reason, n)| (vec![("kind", link_kind(link.kind)), ("link", link.name.as_str()), ("reason", *reason)], *n))
    });
    counters(to, "link_faults", "Faults on the connection since start, by reason", None, faults)
}

fn devices(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let online =
        status.devices.iter().map(|device| (vec![("device_id", device.id.as_str()), ("kind", device.kind)], u64::from(device.online)));
    gauges(to, "device_online", "1 if the device was heard within two intervals", None, online)?;
    let seen = status.devices.iter().filter_map(|device| {
        device.last_seen_ms.map(|ms| (vec![("device_id", device.id.as_str()), ("kind", device.kind)], ms as f64 / 1e3))
    });
    gauges(to, "device_last_seen_timestamp", "When the device was last heard, Unix time", Some(Unit::Seconds), seen)?;
    let raised = status.raised().map(|alarm| {
        let target = Some(("target", alarm.target.as_str())).filter(|(_, target)| !target.is_empty());
        ([("device_id", alarm.device.as_str()), ("rule", alarm.rule)].into_iter().chain(target).collect(), 1_u64)
    });
    gauges(to, "alarm_active", "1 for every raised alarm", None, raised)
}

/// What came over brokers besides readings.
fn heard(to: &mut DescriptorEncoder<'_>, status: &Status) -> fmt::Result {
    let dropped = status.dropped.iter().map(|drop| {
        (vec![("device_id", drop.device.as_str()), ("place", drop.place.as_str()), ("reason", drop.reason.label())], drop.count)
    });
    counters(to, "dropped_values", "Values dropped since start, by device, place in the payload and reason", None, dropped)?;
    let brokers = status.links.iter().filter(|link| link.kind == LinkKind::Broker);
    let strangers = brokers.map(|link| {
        let n = status.strangers.iter().filter(|one| one.broker == link.name).count();
        (vec![("link", link.name.as_str())], n as u64)
    });
    gauges(to, "strangers", "Devices that were heard and are not declared", None, strangers)?;
    let letters = &status.letters;
    gauges(to, "dead_letters", "Messages kept that could not be decoded", None, one(Some(letters.kept as u64)))?;
    counters(to, "dead_letters_lost", "Such messages that could not be kept", None, one(Some(letters.lost)))
}

fn link_kind(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Broker => "broker",
        LinkKind::Bus => "bus",
        LinkKind::Database => "database",
    }
}

fn gauges<'a, V: EncodeGaugeValue>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<Unit>,
    rows: impl IntoIterator<Item = (Labels<'a>, V)>,
) -> fmt::Result {
    let rows = rows.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value)));
    family(to, name, help, unit, MetricType::Gauge, rows)
}

fn counters<'a, V: EncodeCounterValue>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<Unit>,
    rows: impl IntoIterator<Item = (Labels<'a>, V)>,
) -> fmt::Result {
    let rows = rows.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value)));
    family(to, name, help, unit, MetricType::Counter, rows)
}

/// One metric with all its series.
fn family<'a>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<Unit>,
    kind: MetricType,
    rows: impl Iterator<Item = (Labels<'a>, impl EncodeMetric)>,
) -> fmt::Result {
    let mut encoder = to.encode_descriptor(name, help, unit.as_ref(), kind)?;
    for (labels, value) in rows {
        if labels.is_empty() {
            // A family of one: `name value`, not `name{} value`.
            return value.encode(encoder);
        }
        value.encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}
