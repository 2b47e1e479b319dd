//! A command as it is written in its file, and what makes it one of the alarms' own. Pure.

use crate::alarm::Command;
use facility_config::alarm::RuleKind;
use facility_config::{Device, DeviceIx, Part, Site};
use serde::{Deserialize, Serialize};

/// Longest time an alarm can be shelved or a device be under maintenance, ms: what is forgotten is told again after a week.
pub const PAUSE_MS_MAX: i64 = 7 * 24 * 3_600_000;
/// Longest name of a person, and longest note, characters.
const BY_CHARS_MAX: usize = 64;
const NOTE_CHARS_MAX: usize = 200;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody has seen the alarm.
    Acknowledge,
    /// Do not tell it until a moment.
    Shelve,
    /// Tell it again.
    Unshelve,
    /// Somebody works at the device; without `until_ms` nobody does any more.
    Maintenance,
}

impl What {
    /// Word in the file and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Shelve => "shelve",
            Self::Unshelve => "unshelve",
            Self::Maintenance => "maintenance",
        }
    }
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// What to do.
    pub what: What,
    /// Id of the device.
    pub device: String,
    /// Name of the rule; none for maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Lane, compartment, probe or phase; without it all of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Until when, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// Who wants it.
    pub by: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why a command is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The file is none, or too large.
    NoCommand,
    /// No device of that name is declared.
    UnknownDevice,
    /// The device is not judged by such a rule.
    UnknownRule,
    /// The end is missing, has passed or is more than a week away.
    BadEnd,
    /// It would change nothing: no such alarm stands, or it is so already.
    NothingToDo,
}

impl Refusal {
    /// Word in files and in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NoCommand => "no_command",
            Self::UnknownDevice => "unknown_device",
            Self::UnknownRule => "unknown_rule",
            Self::BadEnd => "bad_end",
            Self::NothingToDo => "nothing_to_do",
        }
    }

    /// For people, English and Chinese.
    #[must_use]
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Self::NoCommand => ["the file is no command", "文件不是有效指令"],
            Self::UnknownDevice => ["the running gateway knows no such device", "运行中的网关没有该设备"],
            Self::UnknownRule => ["the device is not judged by such a rule", "该设备没有此报警规则"],
            Self::BadEnd => ["the end is missing, has passed or is more than seven days away", "截止时间缺失、已过或超过七天"],
            Self::NothingToDo => {
                ["there is nothing to do: no such alarm stands, or it is so already", "无需操作：没有此报警，或已是该状态"]
            }
        }
    }
}

impl Wish {
    /// Reads a file's text; `None` if it is no command.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let wish: Self = serde_json::from_slice(text).ok()?;
        let is_text = |text: &str, chars_max: usize| !text.chars().any(char::is_control) && text.chars().count() <= chars_max;
        let is_signed = !wish.by.trim().is_empty() && is_text(&wish.by, BY_CHARS_MAX);
        (is_signed && wish.note.as_deref().is_none_or(|note| is_text(note, NOTE_CHARS_MAX))).then_some(wish)
    }

    /// What such a command can be about: alarms of the gateway itself as of any device, but nobody works at the gateway while
    /// it runs.
    pub fn about<'a>(&self, site: &'a Site) -> impl Iterator<Item = (DeviceIx, &'a Device)> {
        let with_gateway = self.what != What::Maintenance;
        site.indexed().filter(move |(ix, _)| with_gateway || *ix != DeviceIx::GATEWAY)
    }

    /// The same in terms of the site.
    ///
    /// # Errors
    /// [`Refusal`], never [`Refusal::NothingToDo`]: that is for the alarms to say.
    pub fn command(&self, site: &Site, now_ms: i64) -> Result<Command, Refusal> {
        let found = self.about(site).find(|(_, device)| *device.id == *self.device);
        let (device, declared) = found.ok_or(Refusal::UnknownDevice)?;
        if self.what == What::Maintenance {
            let until_ms = self.until_ms.map(|until_ms| pause(until_ms, now_ms)).transpose()?;
            return Ok(Command::Maintenance { device, until_ms });
        }
        let is_named = |kind: &RuleKind| self.rule.as_deref() == Some(kind.as_str());
        let rule = declared.rules.iter().map(|rule| rule.kind).find(is_named).ok_or(Refusal::UnknownRule)?;
        let part = self.part.as_deref().map_or(Some(Part::WHOLE), Part::new).ok_or(Refusal::UnknownRule)?;
        match self.what {
            What::Shelve => {
                let until_ms = pause(self.until_ms.ok_or(Refusal::BadEnd)?, now_ms)?;
                Ok(Command::Shelve { device, rule, part, until_ms })
            }
            What::Unshelve => Ok(Command::Unshelve { device, rule, part }),
            What::Acknowledge | What::Maintenance => Ok(Command::Acknowledge { device, rule, part }),
        }
    }
}

fn pause(until_ms: i64, now_ms: i64) -> Result<i64, Refusal> {
    let lasts_ms = until_ms.saturating_sub(now_ms);
    if (1..=PAUSE_MS_MAX).contains(&lasts_ms) { Ok(until_ms) } else { Err(Refusal::BadEnd) }
}
