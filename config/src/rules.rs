//! Alarm rules of a device: defaults (DOMAIN §5), changed by the settings of its site, kind, profile and its own. Pure.

use crate::alarm::{Rule, RuleKind};
use crate::device::{ColdClass, Kind};
use crate::raw;
use std::time::Duration;

/// Default defrost limits of controllers whose own is shorter than EKC d04: ERC d04, easy dP.
const DEFROST_30_MIN: [&str; 4] = ["danfoss-erc211", "danfoss-erc213", "danfoss-erc214", "carel-easy"];

/// What decides which rules a device has and what their defaults are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: Kind,
    pub(crate) cold: Option<ColdClass>,
    pub(crate) profile: &'a str,
    /// It is polled on a bus, not heard through a broker.
    pub(crate) is_polled: bool,
}

/// A rule before any setting.
pub(crate) fn default_rule(kind: RuleKind, subject: Subject<'_>) -> Rule {
    let rule = kind.default_rule();
    match kind {
        RuleKind::ChilledHigh if subject.cold == Some(ColdClass::Fresh) => Rule { limit: ColdClass::Fresh.limit_c(), ..rule },
        RuleKind::DefrostTimeout if DEFROST_30_MIN.contains(&subject.profile) => Rule { on_delay: Duration::from_secs(1800), ..rule },
        // Three polls on a bus, where one lost answer is nothing; two heartbeats on a broker.
        RuleKind::CommLoss if subject.is_polled => Rule { limit: 3.0, ..rule },
        _ => rule,
    }
}

/// The rules in force for a device: default, changed by the settings of the site, of its kind, of its profile, and its own.
///
/// A limit for many cabinets is meant for the looser of their classes: it makes fresh ones stricter, never looser. Only a
/// cabinet's own setting does that.
pub(crate) fn in_force(subject: Subject<'_>, site: &raw::Alarm, device: &raw::Rules) -> Vec<Rule> {
    let shared = [Some(&site.rules), site.kind.get(subject.kind.as_str()), site.profile.get(subject.profile)];
    let suiting = RuleKind::ALL.iter().filter(|rule| rule.info().suits.fits(subject.kind, subject.cold));
    let resolved = suiting.filter_map(|rule| {
        let name = rule.as_str();
        let settings = shared.iter().flatten().filter_map(|layer| layer.get(name));
        let (rule, enabled) = settings.fold((default_rule(*rule, subject), true), |(rule, enabled), settings| {
            (keep_class(subject, change(rule, settings)), settings.enabled.unwrap_or(enabled))
        });
        let own = device.get(name).map_or((rule, None), |settings| (change(rule, settings), settings.enabled));
        own.1.unwrap_or(enabled).then_some(own.0)
    });
    resolved.collect()
}

/// A rule that was changed for many cabinets, with the limit of the stricter class kept.
fn keep_class(subject: Subject<'_>, rule: Rule) -> Rule {
    match (rule.kind, subject.cold) {
        (RuleKind::ChilledHigh, Some(ColdClass::Fresh)) => Rule { limit: rule.limit.min(ColdClass::Fresh.limit_c()), ..rule },
        _ => rule,
    }
}

fn change(rule: Rule, settings: &raw::Rule) -> Rule {
    let seconds = |setting: Option<u64>, before: Duration| setting.map_or(before, Duration::from_secs);
    let limit = settings.limit_c.or(settings.limit_pct).or(settings.high_v);
    let counted = settings.silent_intervals.or(settings.polls).or(settings.fails).or(settings.starts_per_h).or(settings.parcels);
    let deadband = settings.deadband_c.or(settings.deadband_pct).or(settings.deadband_v).or(settings.deadband_starts.map(f64::from));
    Rule {
        kind: rule.kind,
        limit: limit.or(counted.map(f64::from)).unwrap_or(rule.limit),
        low: settings.low_v.or(rule.low),
        deadband: deadband.unwrap_or(rule.deadband),
        on_delay: seconds(settings.on_delay_s, rule.on_delay),
        off_delay: seconds(settings.off_delay_s, rule.off_delay),
        defrost_delay: seconds(settings.defrost_delay_s.or(settings.grace_s), rule.defrost_delay),
        latch: settings.latch.unwrap_or(rule.latch),
        re_alarm: seconds(settings.re_alarm_s, rule.re_alarm),
    }
}
