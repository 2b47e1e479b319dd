//! The script of the demonstration: what goes wrong, when, and what the screen says about it.
//!
//! Pure: told how much real time has passed, it says what is due. It plays once. Laid out for 75 real seconds at
//! speed 60, where a second is a minute of the neighbourhood:
//!
//! | real s | beat | what follows |
//! |---|---|---|
//! | 3 | a compressor fails | −15 °C is passed after 8 to 12 simulated min, the alarm follows 30 min later: 41–45 s |
//! | 12 | a locker falls silent | `comm_loss` after two missed messages: 14–15 s |
//! | 17–29 | the same cabinet's door stands open | `door_open` after 3 simulated min: 20–22 s, while the database is away |
//! | 20–38 | the database is away | figures and alarms wait on flash, then the backlog drains |
//! | 50 | the locker is back | `comm_loss` clears |
//! | 60 | the compressor is repaired | colder than −16.5 °C after about 20 simulated min: the alarm clears at about 80 s |
//!
//! A shorter run is compressed evenly, a longer one keeps these times and stays quiet after them. Compression cannot
//! shorten the neighbourhood's own delays: [`Story::left_out`] says what a run is too short or too slow to show.

use super::fleet::{Fleet, Role, cast};
use std::sync::Arc;
use std::time::Duration;

/// The script is laid out for a run of this length, real seconds.
const LAID_OUT_S: f64 = 75.0;
/// From the failure to the alarm at the latest, simulated minutes: 12 until −15 °C is passed, 30 of on-delay
/// (DOMAIN §5 `frozen_high`), 1 until it is read.
const ALARM_MIN: f64 = 43.0;
/// From the repair until the alarm clears, simulated minutes.
const CLEAR_MIN: f64 = 25.0;
/// Until a silent device is declared lost, simulated minutes: two intervals and a look.
const SILENCE_MIN: f64 = 3.0;
/// Until an open door is an alarm, simulated minutes (DOMAIN §5 `cabinet_door_open`: 3), and two looks.
const DOOR_MIN: f64 = 5.0;

/// Something that happens in the neighbourhood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beat {
    /// A cabinet's compressor stops.
    CabinetFails(Arc<str>),
    /// It is repaired.
    CabinetRepaired(Arc<str>),
    /// A device says nothing any more.
    DeviceSilent(Arc<str>),
    /// It speaks again.
    DeviceBack(Arc<str>),
    /// The time-series database cannot be reached.
    DatabaseDown,
    /// It can be reached again.
    DatabaseUp,
    /// Somebody leaves a cabinet's door open.
    DoorLeftOpen(Arc<str>),
    /// Somebody closes it.
    DoorClosed(Arc<str>),
}

/// A sentence for the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// The script of one run.
#[derive(Debug)]
pub struct Story {
    /// Real seconds of the run and of each beat, in order.
    duration_s: f64,
    beats: Vec<(f64, Beat)>,
    /// Simulated minutes per real second.
    min_per_s: f64,
    next: usize,
}

impl Story {
    /// The script for a run of `duration` real time at `speed` simulated seconds per real one, with the cast of so many
    /// devices. A fleet without a frozen cabinet or a locker goes without their beats. A speed that is no positive
    /// number counts as 1.
    #[must_use]
    pub fn new(duration: Duration, speed: f64, devices: usize) -> Self {
        let duration_s = duration.as_secs_f64();
        let min_per_s = if speed.is_finite() && speed > 0.0 { speed / 60.0 } else { 1.0 / 60.0 };
        let scale = (duration_s / LAID_OUT_S).min(1.0);
        let mut beats = vec![(20.0 * scale, Beat::DatabaseDown), (38.0 * scale, Beat::DatabaseUp)];
        let cast = cast(devices);
        if let Some(cabinet) = cast.iter().find(|member| member.role == Role::Ekc202d).map(|member| &member.id) {
            let fails_s = 3.0 * scale;
            // Wait for the alarm before the repair where the run is long enough for it.
            let alarm_s = fails_s + ALARM_MIN / min_per_s;
            let repaired_s = if alarm_s <= duration_s { alarm_s.max(60.0 * scale) } else { 60.0 * scale };
            beats.push((fails_s, Beat::CabinetFails(cabinet.clone())));
            beats.push((17.0 * scale, Beat::DoorLeftOpen(cabinet.clone())));
            beats.push((29.0 * scale, Beat::DoorClosed(cabinet.clone())));
            beats.push((repaired_s, Beat::CabinetRepaired(cabinet.clone())));
        }
        if let Some(locker) = cast.iter().filter(|member| member.role == Role::Locker).take(2).last().map(|member| &member.id) {
            beats.push((12.0 * scale, Beat::DeviceSilent(locker.clone())));
            beats.push((50.0 * scale, Beat::DeviceBack(locker.clone())));
        }
        beats.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Self { duration_s, beats, min_per_s, next: 0 }
    }

    /// What is due when `elapsed` real time has passed, each beat once, in order.
    pub fn due(&mut self, elapsed: Duration) -> Vec<Beat> {
        let from = self.next;
        self.next = self.beats.partition_point(|(at_s, _)| *at_s <= elapsed.as_secs_f64()).max(from);
        self.beats[from..self.next].iter().map(|(_, beat)| beat.clone()).collect()
    }

    /// Every beat with its real time, in order.
    pub fn beats(&self) -> impl Iterator<Item = (Duration, &Beat)> {
        self.beats.iter().map(|(at_s, beat)| (Duration::try_from_secs_f64(*at_s).unwrap_or_default(), beat))
    }

    /// What this run cannot show because the neighbourhood's own delays do not fit into it, and what would help.
    #[must_use]
    pub fn left_out(&self) -> Vec<Sentence> {
        let mut left_out = Vec::new();
        let at = |wanted: fn(&Beat) -> bool| self.beats.iter().find(|(_, beat)| wanted(beat)).map(|(at_s, _)| *at_s);
        let mut need = |from: Option<f64>, to: Option<f64>, minutes: f64, en: &str, zh: &str| {
            let (Some(from), Some(to)) = (from, to) else { return };
            if (to - from) * self.min_per_s < minutes {
                // A run can be over before its last beat: then no speed helps, only a longer run.
                let speed = (minutes * 60.0 / (to - from).max(1.0)).ceil();
                left_out.push(Sentence {
                    en: format!("This run will not show {en}: it takes {minutes} simulated minutes. Run longer, or with --speed {speed}."),
                    zh: format!("本次演示看不到{zh}：需要 {minutes} 个模拟分钟。请延长演示时间，或使用 --speed {speed}。"),
                });
            }
        };
        let fails = at(|beat| matches!(beat, Beat::CabinetFails(_)));
        let repaired = at(|beat| matches!(beat, Beat::CabinetRepaired(_)));
        let end = Some(self.duration_s);
        need(fails, repaired, ALARM_MIN, "the temperature alarm", "超温报警");
        need(repaired, end, CLEAR_MIN, "the temperature alarm clearing", "超温报警解除");
        let silent = at(|beat| matches!(beat, Beat::DeviceSilent(_)));
        let back = at(|beat| matches!(beat, Beat::DeviceBack(_)));
        need(silent, back, SILENCE_MIN, "the alarm for the silent device", "设备失联报警");
        let opened = at(|beat| matches!(beat, Beat::DoorLeftOpen(_)));
        let closed = at(|beat| matches!(beat, Beat::DoorClosed(_)));
        need(opened, closed, DOOR_MIN, "the door alarm", "柜门未关报警");
        left_out
    }
}

impl Beat {
    /// Lets it happen to a fleet. The database is not part of one: its beats do nothing here.
    pub fn play(&self, fleet: &mut Fleet) {
        match self {
            Self::CabinetFails(id) => fleet.fail_compressor(id),
            Self::CabinetRepaired(id) => fleet.repair(id),
            Self::DeviceSilent(id) => fleet.silence(id, true),
            Self::DeviceBack(id) => fleet.silence(id, false),
            Self::DoorLeftOpen(id) => fleet.leave_door_open(id),
            Self::DoorClosed(id) => fleet.close_door(id),
            Self::DatabaseDown | Self::DatabaseUp => true,
        };
    }

    /// What the screen says about it.
    #[must_use]
    pub fn sentence(&self) -> Sentence {
        let (en, zh) = match self {
            Self::CabinetFails(id) => (
                format!("The compressor of {id} stops. Its controller does not notice; the air gets warmer."),
                format!("{id} 压缩机停转，控制器没有发现，柜温开始上升。"),
            ),
            Self::CabinetRepaired(id) => (format!("{id} is repaired. It gets cold again."), format!("{id} 已修复，柜温开始下降。")),
            Self::DeviceSilent(id) => {
                (format!("{id} falls silent: no telemetry, no farewell."), format!("{id} 失去联系：没有数据，也没有离线通知。"))
            }
            Self::DeviceBack(id) => (format!("{id} speaks again."), format!("{id} 恢复通信。")),
            Self::DatabaseDown => (
                "The database goes away. Readings, metrics and alarms wait on flash.".to_owned(),
                "数据库无法访问，读数、指标和报警保存在本地闪存中等待。".to_owned(),
            ),
            Self::DatabaseUp => {
                ("The database is back. The backlog drains, oldest first.".to_owned(), "数据库恢复，积压数据按先后顺序补传。".to_owned())
            }
            Self::DoorLeftOpen(id) => (format!("Somebody leaves the door of {id} open."), format!("{id} 的柜门没有关好。")),
            Self::DoorClosed(id) => (format!("The door of {id} is closed."), format!("{id} 的柜门已关上。")),
        };
        Sentence { en, zh }
    }
}

#[cfg(test)]
mod tests;
