//! Hours put together to days and to runs above the limit. Pure: sums of numerators and of denominators, never means of
//! shares.

use crate::coldchain::hour::{HOUR_MS, mkt_c, quality};
use crate::coldchain::record::{Hour, LOCAL};
use crate::coldchain::verify::Verdict;
use facility_config::{Device, Site};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// The log of a device over some days.
pub(super) struct Extract<'a> {
    pub(super) site: &'a Site,
    pub(super) device: &'a Device,
    pub(super) from: Date,
    pub(super) to: Date,
    /// By start, Unix ms: the newest record of each hour.
    pub(super) hours: BTreeMap<i64, Hour>,
    pub(super) verdict: Verdict,
}

/// A local day, or all of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sum {
    pub(super) coverage: f64,
    pub(super) quality: &'static str,
    pub(super) air_min_c: Option<f64>,
    pub(super) air_mean_c: Option<f64>,
    pub(super) air_max_c: Option<f64>,
    pub(super) mkt_c: Option<f64>,
    pub(super) product_min_c: Option<f64>,
    pub(super) product_max_c: Option<f64>,
    pub(super) above_min: Option<f64>,
    pub(super) above_adjusted_min: Option<f64>,
    pub(super) degree_min: Option<f64>,
    pub(super) door_min: Option<f64>,
    pub(super) door_openings: Option<u64>,
    pub(super) defrost_min: Option<f64>,
    pub(super) alarms_raised: u64,
}

/// Hours one after the other, each with time above the limit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) first: String,
    pub(super) hours: usize,
    pub(super) above_min: f64,
    pub(super) above_adjusted_min: Option<f64>,
    pub(super) degree_min: f64,
    pub(super) peak_c: f64,
}

impl Extract<'_> {
    /// Every day asked for, with its hours; an hour without a record is absent.
    pub(super) fn days(&self) -> impl Iterator<Item = (Date, Vec<(i64, Option<&Hour>)>)> {
        self.from.series(jiff::Span::new().days(1)).take_while(|day| *day <= self.to).map(|day| {
            let start_ms = LOCAL.to_timestamp(day.at(0, 0, 0, 0)).map_or(0, jiff::Timestamp::as_millisecond);
            (day, (0..24).map(|nth| start_ms + nth * HOUR_MS).map(|at_ms| (at_ms, self.hours.get(&at_ms))).collect())
        })
    }

    /// Runs of hours with time above the limit, oldest first.
    pub(super) fn runs(&self) -> Vec<Run> {
        let (mut runs, mut before_ms) = (Vec::<Run>::new(), None);
        for hour in self.hours.values().filter(|hour| hour.above_min.is_some_and(|minutes| minutes > 0.0)) {
            if before_ms != Some(hour.hour_ms - HOUR_MS) {
                let first = hour.local.clone();
                runs.push(Run { first, hours: 0, above_min: 0.0, above_adjusted_min: None, degree_min: 0.0, peak_c: f64::MIN });
            }
            before_ms = Some(hour.hour_ms);
            if let Some(run) = runs.last_mut() {
                run.hours += 1;
                run.above_min += hour.above_min.unwrap_or(0.0);
                run.above_adjusted_min = sum([run.above_adjusted_min, hour.above_adjusted_min]);
                run.degree_min += hour.degree_min.unwrap_or(0.0);
                run.peak_c = hour.air_max_c.unwrap_or(run.peak_c).max(run.peak_c);
            }
        }
        runs
    }
}

impl Sum {
    /// Of hours that stand for `of` hours of time.
    pub(super) fn of<'h>(hours: impl Iterator<Item = &'h Hour> + Clone, of: usize) -> Self {
        let each = |figure: fn(&Hour) -> Option<f64>| hours.clone().filter_map(figure);
        let weighted = |figure: fn(&Hour) -> Option<f64>| hours.clone().filter_map(move |hour| Some((figure(hour)?, hour.observed_s)));
        let (total, observed_s) = weighted(|hour| hour.air_mean_c).fold((0.0, 0.0), |(sum, all), (air_c, s)| (sum + air_c * s, all + s));
        let coverage = observed_s / (of as f64 * 3600.0);
        Self {
            coverage,
            quality: quality(coverage),
            air_min_c: each(|hour| hour.air_min_c).reduce(f64::min),
            air_mean_c: (observed_s > 0.0).then(|| total / observed_s),
            air_max_c: each(|hour| hour.air_max_c).reduce(f64::max),
            mkt_c: mkt_c(weighted(|hour| hour.mkt_c)),
            product_min_c: each(|hour| hour.product_min_c).reduce(f64::min),
            product_max_c: each(|hour| hour.product_max_c).reduce(f64::max),
            above_min: sum(each(|hour| hour.above_min).map(Some)),
            above_adjusted_min: sum(each(|hour| hour.above_adjusted_min).map(Some)),
            degree_min: sum(each(|hour| hour.degree_min).map(Some)),
            door_min: sum(each(|hour| hour.door_min).map(Some)),
            door_openings: hours.clone().filter_map(|hour| hour.door_openings).reduce(|one, other| one + other),
            defrost_min: sum(each(|hour| hour.defrost_min).map(Some)),
            alarms_raised: hours.map(|hour| hour.alarms_raised).sum(),
        }
    }
}

/// Sum of what is there; none of nothing.
fn sum(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    values.into_iter().flatten().reduce(|one, other| one + other)
}

/// A figure as it is written, or nothing.
pub(super) fn shown(value: Option<f64>, places: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.places$}"))
}
