//! Why alarms are held back: nothing new of them is raised and nothing is told again, but what stands may clear.

use crate::aggregate::save::saved;
use facility_config::Part;
use facility_config::alarm::RuleKind;

/// Why an alarm is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Somebody works at the device.
    Maintenance,
    /// Somebody has shelved it.
    Shelved,
    /// The link of the device is down, which is told by itself.
    Link,
}

impl Held {
    /// Word on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Shelved => "shelved",
            Self::Link => "link",
        }
    }
}

/// A rule, or one part of it, that is not told until a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shelf {
    pub(super) rule: RuleKind,
    pub(super) part: Part,
    pub(super) until_ms: i64,
}

saved!(Shelf { rule, part, until_ms });

/// Why a rule of a part is held back, if it is.
pub(super) fn held(rule: RuleKind, part: Part, shelves: &[Shelf], maintenance_ms: Option<i64>, link_is_down: bool) -> Option<Held> {
    if maintenance_ms.is_some() {
        Some(Held::Maintenance)
    } else if shelves.iter().any(|shelf| shelf.rule == rule && covers(shelf.part, part)) {
        Some(Held::Shelved)
    } else {
        (link_is_down && rule == RuleKind::CommLoss).then_some(Held::Link)
    }
}

/// What is said of a whole device is said of each of its parts.
pub(super) fn covers(said: Part, part: Part) -> bool {
    said.is_whole() || said == part
}
