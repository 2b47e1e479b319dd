//! Days that something came late for, worked over: their readings are read from the log once more, up to here.
//!
//! Devices that are due together share a way through the log: no more than [`LATE_DEVICES_PER_CLOSE`](facility_config::limits::LATE_DEVICES_PER_CLOSE) at one close of a window,
//! so that the figures of now come in between. What is held in memory are the readings of as many devices as
//! [`LATE_READINGS_MAX`] allows; the others wait for the next way, and of one that is too much alone the days are worked over
//! one by one. A day whose readings are not all there any more, or are too many even so, stays as it is and is counted.

use super::{Ended, Rollup, Work, long_rows};
use crate::aggregate::save::saved;
use crate::aggregate::{DueDay, Heard, Sign, is_followed, revise, sign, span_ms};
use crate::archive::Revised;
use crate::store::{Page, Seq};
use facility_config::limits::{CLOCK_AHEAD_MS_MAX, LATE_LEAD_MS, LATE_LONG_LEAD_MS, LATE_MARKS_MAX, LATE_READINGS_MAX, READ_POINTS_MAX};
use facility_config::{DeviceIx, Site};
use facility_drivers::Batch;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;
/// Readings there is room for; tests do with fewer.
const ROOM: usize = if cfg!(test) { 7_000 } else { LATE_READINGS_MAX };

/// Where the log was at the hours of its own time.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: Vec<Mark>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    hour_ms: i64,
    seq: u64,
}

saved!(Mark { hour_ms, seq });
saved!(Marks { marks });

impl Marks {
    /// Takes the next record of the log.
    pub(super) fn note(&mut self, log_ms: i64, seq: Seq) {
        let hour_ms = log_ms.div_euclid(HOUR_MS) * HOUR_MS;
        if self.marks.last().is_some_and(|last| last.hour_ms == hour_ms) {
            return;
        }
        // The log's time has stepped back: what lies before is not in order any more.
        self.marks.retain(|mark| mark.hour_ms < hour_ms);
        if self.marks.len() >= LATE_MARKS_MAX {
            self.marks.remove(0);
        }
        self.marks.push(Mark { hour_ms, seq });
    }

    /// Where to begin to read everything from a time on; the beginning of the log if that is later.
    fn before(&self, ms: i64) -> Seq {
        let after = self.marks.partition_point(|mark| mark.hour_ms <= ms - CLOCK_AHEAD_MS_MAX);
        after.checked_sub(1).and_then(|at| self.marks.get(at)).map_or(0, |mark| mark.seq)
    }
}

/// A device and its days that are due.
type Due = (DeviceIx, Vec<DueDay>);
/// Readings of some devices, in their order, and whether that is all there were.
type Back = (Vec<Vec<Heard>>, bool);
/// What has become of a day: of each device its sums, before and now, and its rows.
type Changed = Vec<(Revised, Vec<Batch>)>;

impl Rollup {
    /// Works over the days whose time has come. What the outbox covers is not looked at again.
    pub(super) async fn work_over(&self, work: &mut Work, seq: Seq, output: &mut Vec<Batch>) -> Result<(), Ended> {
        let due = work.fold.due_days();
        if seq < work.written {
            return Ok(());
        }
        let lead_ms = self.lead_ms(&due);
        let mut lacking: BTreeMap<DeviceIx, Vec<DueDay>> = BTreeMap::new();
        for (device, days) in self.work_over_from(work, due, lead_ms, seq, output).await? {
            lacking.entry(device).or_default().extend(days);
        }
        self.work_over_from(work, lacking.into_iter().collect(), LATE_LONG_LEAD_MS, seq, output).await?;
        Ok(())
    }

    /// The same for some devices, from so long before their days. Returns those that must be known from longer before.
    async fn work_over_from(
        &self,
        work: &mut Work,
        due: Vec<Due>,
        lead_ms: i64,
        seq: Seq,
        output: &mut Vec<Batch>,
    ) -> Result<Vec<Due>, Ended> {
        let mut lacking = Vec::new();
        let mut ways = VecDeque::from([due]);
        while let Some(mut due) = ways.pop_front() {
            if due.is_empty() {
                continue;
            }
            let (mut heard, is_whole) = self.read_back(work, &due, lead_ms, seq).await?;
            ways.push_front(due.split_off(heard.len().max(1)));
            if is_whole && heard.len() < due.len() {
                let apart = apart(due);
                if apart.len() > 1 {
                    apart.into_iter().rev().for_each(|day| ways.push_front(day));
                } else {
                    leave(work, &apart.concat());
                }
            } else if !is_whole {
                leave(work, &due);
            } else {
                if lead_ms < LATE_LONG_LEAD_MS {
                    lacking.extend(take_lacking(work, &mut due, &mut heard));
                }
                output.extend(self.work_over_all(work, &due, &heard, seq).await?);
            }
            self.write_portion(output, seq).await?;
        }
        Ok(lacking)
    }

    /// How far before its day a device must be known: a parcel whose deadline is in it was put in a keep period earlier.
    fn lead_ms(&self, due: &[Due]) -> i64 {
        let devices = due.iter().filter_map(|(device, _)| self.site.device(*device));
        devices.map(|device| span_ms(device.keep)).fold(LATE_LEAD_MS, i64::max)
    }

    async fn work_over_all(&self, work: &mut Work, due: &[Due], heard: &[Vec<Heard>], seq: Seq) -> Result<Vec<Batch>, Ended> {
        let mut changed: BTreeMap<i64, (DueDay, Changed)> = BTreeMap::new();
        for ((device, days), heard) in due.iter().zip(heard) {
            for day in days {
                let Some(mut redo) = work.fold.again(*device, *day, heard) else { continue };
                while redo.step() {
                    tokio::task::yield_now().await;
                }
                if let Some(again) = redo.end() {
                    let (_, changed) = changed.entry(day.day.start_ms).or_insert_with(|| (*day, Vec::new()));
                    changed.push((Revised { device: *device, before: again.before, now: again.sums }, again.batches));
                }
                tokio::task::yield_now().await;
            }
        }
        let mut output = Vec::new();
        for (day, changed) in changed.into_values() {
            output.extend(self.revise(work, day, changed, seq).await?);
        }
        Ok(output)
    }

    /// Archives what has become of a day, and returns it with the longer windows that it changes.
    async fn revise(&self, work: &mut Work, day: DueDay, changed: Changed, seq: Seq) -> Result<Vec<Batch>, Ended> {
        let (cut, ended) = (work.cut(seq), work.fold.ended_around(day.day));
        let (sums, rows): (Vec<_>, Vec<_>) = changed.into_iter().unzip();
        let devices: Vec<DeviceIx> = sums.iter().map(|revised: &Revised| revised.device).collect();
        let sums = Arc::new(sums);
        let (revs, longer) = self.archived(move |archive| archive.revise(cut, day.day, &sums, &ended)).await?;
        let mut output = Vec::new();
        for ((device, batches), rev) in devices.into_iter().zip(rows).zip(revs) {
            // What it was before cannot be made again from the log: then what it is now cannot either.
            let Some(rev) = rev else {
                work.fold.unrevised(device);
                continue;
            };
            for mut batch in batches {
                revise(&mut batch, rev);
                output.push(batch);
            }
        }
        output.extend(long_rows(&work.fold, longer));
        Ok(output)
    }

    /// What the log has of the first devices for their days, from so long before them up to `upto`. Of as many devices as
    /// there is room for; of none if there is not room for one.
    async fn read_back(&self, work: &Work, due: &[Due], lead_ms: i64, upto: Seq) -> Result<Back, Ended> {
        let first_ms = due.iter().flat_map(|(_, days)| days).map(|day| day.day.start_ms).min().unwrap_or(i64::MAX);
        let mut back = Reading::new(&self.site, due);
        let mut at = work.marks.before(first_ms - lead_ms);
        while at < upto && !back.heard.is_empty() {
            let page = self.readings.read(at, READ_POINTS_MAX).await?;
            if page.next == at {
                // It was read before: the disk does not give it just now. A page that is dead for good becomes a hole.
                self.wait().await?;
                continue;
            }
            if page.lost > 0 || page.first != at {
                return Ok((back.heard, false));
            }
            back.take_page(&page, upto);
            at = page.next;
            tokio::task::yield_now().await;
        }
        Ok((back.heard, true))
    }
}

/// Each day of a device by itself.
fn apart(due: Vec<Due>) -> Vec<Vec<Due>> {
    due.into_iter().flat_map(|(device, days)| days.into_iter().map(move |day| vec![(device, vec![day])])).collect()
}

/// Counts days that stay as they are.
fn leave(work: &mut Work, due: &[Due]) {
    due.iter().for_each(|(device, days)| days.iter().for_each(|_| work.fold.unrevised(*device)));
    let (devices, days) = (due.len(), work.fold.irregular().unrevised);
    tracing::warn!(
        devices,
        days,
        "GW-S043 days that something came late for stay as they are: the log lacks some of their readings, or has too many"
    );
}

/// Takes out the devices whose first day begins with a counter that had been silent before.
fn take_lacking(work: &Work, due: &mut Vec<Due>, heard: &mut Vec<Vec<Heard>>) -> Vec<Due> {
    let all = std::mem::take(due).into_iter().zip(std::mem::take(heard));
    let lacks = |((_, days), heard): &(Due, Vec<Heard>)| days.first().is_some_and(|first| work.fold.lacks_a_beginning(first.day, heard));
    let (lacking, whole): (Vec<_>, Vec<_>) = all.partition(lacks);
    (*due, *heard) = whole.into_iter().unzip();
    lacking.into_iter().map(|(of, _)| of).collect()
}

/// Readings of several devices as they are read.
struct Reading {
    /// By device: its place, and the end of its last day.
    places: Vec<Option<(usize, i64)>>,
    heard: Vec<Vec<Heard>>,
    held: usize,
}

impl Reading {
    fn new(site: &Site, due: &[Due]) -> Self {
        let mut places = vec![None; site.devices.len()];
        for (at, (device, days)) in due.iter().enumerate() {
            if let (Some(place), Some(last)) = (places.get_mut(device.at()), days.last()) {
                *place = Some((at, last.day.end_ms));
            }
        }
        Self { places, heard: due.iter().map(|_| Vec::new()).collect(), held: 0 }
    }

    fn take_page(&mut self, page: &Page, upto: Seq) {
        for (_, record) in (page.first..upto).zip(&page.records) {
            let Some((device, metric)) = page.names.of(record) else { continue };
            let Some((at, end_ms)) = self.places.get(device.at()).copied().flatten() else { continue };
            if record.at_ms.min(record.log_ms) >= end_ms {
                continue;
            }
            let Some(heard) = self.heard.get_mut(at) else { continue };
            let is_of_message = |last: &Heard| last.at_ms == record.at_ms && sign(last.metric.point, &last.value) == Sign::Message;
            if !is_followed(&metric) && heard.last().is_some_and(is_of_message) {
                continue;
            }
            heard.push(Heard { log_ms: record.log_ms, at_ms: record.at_ms, metric, value: record.value.clone() });
            self.held += 1;
            while self.held > ROOM {
                // The last one waits for another way.
                self.held -= self.heard.pop().map_or(self.held, |heard| heard.len());
            }
        }
    }
}
