//! Alarm rules: defaults (DOMAIN §5), which of them suit a device, and how settings change them. Pure.

use crate::alarm::{Rule, RuleKind};
use crate::device::{ColdClass, Kind};
use crate::raw;
use std::time::Duration;

/// Whether a rule can apply to such a device at all. The gateway itself has no rules: it cannot miss itself.
pub(crate) fn suits(rule: RuleKind, kind: Kind, cold: Option<ColdClass>) -> bool {
    match rule {
        RuleKind::FrozenHigh => kind == Kind::Cabinet && cold == Some(ColdClass::Frozen),
        RuleKind::ChilledHigh => kind == Kind::Cabinet && matches!(cold, Some(ColdClass::Chilled | ColdClass::Fresh)),
        RuleKind::DoorOpen => kind == Kind::Cabinet,
        RuleKind::CommLoss => kind != Kind::Gateway,
    }
}

/// A rule before any setting.
pub(crate) fn default_rule(kind: RuleKind, cold: Option<ColdClass>) -> Rule {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let (limit, deadband, on_delay, defrost_delay) = match kind {
        // Product at or below -18 °C (GB/T 24616-2019) with ISO 23953 L1 air at -15; delays as EKC A03 and A12.
        RuleKind::FrozenHigh => (-15.0, 1.5, minutes(30), minutes(90)),
        // Fresh goods are kept at 0 to 4 °C; chilled ones at most at 8 (GB/T 24616-2019, EKC A13).
        RuleKind::ChilledHigh if cold == Some(ColdClass::Fresh) => (ColdClass::Fresh.limit_c(), 1.0, minutes(30), minutes(60)),
        RuleKind::ChilledHigh => (ColdClass::Chilled.limit_c(), 1.0, minutes(30), minutes(60)),
        RuleKind::DoorOpen => (0.0, 0.0, minutes(3), Duration::ZERO),
        // Two heartbeats of silence.
        RuleKind::CommLoss => (2.0, 0.0, Duration::ZERO, Duration::ZERO),
    };
    Rule { kind, limit, deadband, on_delay, off_delay: Duration::ZERO, defrost_delay }
}

/// The rules in force for a device: default, changed by the site's settings, changed by the device's own.
pub(crate) fn in_force(kind: Kind, cold: Option<ColdClass>, site: &raw::Alarm, device: &raw::Alarm) -> Vec<Rule> {
    let suiting = RuleKind::ALL.into_iter().filter(|rule| suits(*rule, kind, cold));
    let resolved = suiting.filter_map(|rule| {
        let (site, device) = (settings(site, rule), settings(device, rule));
        let enabled = device.enabled.or(site.enabled).unwrap_or(true);
        enabled.then(|| change(change(default_rule(rule, cold), &site), &device))
    });
    resolved.collect()
}

/// What an `[alarm]` table says about a rule.
pub(crate) fn settings(alarm: &raw::Alarm, rule: RuleKind) -> raw::Rule {
    let settings = match rule {
        RuleKind::FrozenHigh => alarm.frozen_high,
        RuleKind::ChilledHigh => alarm.chilled_high,
        RuleKind::DoorOpen => alarm.door_open,
        RuleKind::CommLoss => alarm.comm_loss,
    };
    settings.unwrap_or_default()
}

fn change(rule: Rule, settings: &raw::Rule) -> Rule {
    let seconds = |setting: Option<u64>, before: Duration| setting.map_or(before, Duration::from_secs);
    Rule {
        kind: rule.kind,
        limit: settings.limit_c.or(settings.silent_intervals.map(f64::from)).unwrap_or(rule.limit),
        deadband: settings.deadband_c.unwrap_or(rule.deadband),
        on_delay: seconds(settings.on_delay_s, rule.on_delay),
        off_delay: seconds(settings.off_delay_s, rule.off_delay),
        defrost_delay: seconds(settings.defrost_delay_s, rule.defrost_delay),
    }
}
