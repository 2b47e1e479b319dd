//! Messages that never came, from the numbers a device gives to its messages. Pure; a few bytes per device.

use std::collections::VecDeque;
use std::ops::Range;

/// A number further ahead than this begins another count.
const JUMP_MAX: u64 = 10_000;
/// Holes that late messages can still fill.
const HOLES_MAX: usize = 8;

/// The count of one device.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    newest: Option<u64>,
    lost: u64,
    /// Numbers that were passed over, oldest first.
    holes: VecDeque<Range<u64>>,
}

impl Numbers {
    /// Takes the number of a message that was not here before. A number that goes back is a device that has started again,
    /// unless one was missing there: then it is only late.
    pub(super) fn take(&mut self, number: u64) {
        if self.fill(number) {
            self.lost = self.lost.saturating_sub(1);
            return;
        }
        let passed = self.newest.and_then(|newest| number.checked_sub(newest)).map(|step| step.saturating_sub(1));
        match (self.newest, passed) {
            (Some(_), Some(0)) => {}
            (Some(newest), Some(missing)) if missing < JUMP_MAX => {
                self.lost = self.lost.saturating_add(missing);
                if self.holes.len() == HOLES_MAX {
                    self.holes.pop_front();
                }
                self.holes.push_back(newest + 1..number);
            }
            _ => self.holes.clear(),
        }
        self.newest = Some(number);
    }

    /// Takes the number of a message whose content was here before. If it is the next one, or one that was missing, it is not
    /// missing any more; any other says nothing.
    pub(super) fn take_repeated(&mut self, number: u64) {
        if self.newest.is_some_and(|newest| newest.checked_add(1) == Some(number)) || self.holes.iter().any(|hole| hole.contains(&number)) {
            self.take(number);
        }
    }

    /// Messages that are missing.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn fill(&mut self, number: u64) -> bool {
        let Some(at) = self.holes.iter().position(|hole| hole.contains(&number)) else { return false };
        let hole = std::mem::take(&mut self.holes[at]);
        self.holes[at] = number + 1..hole.end;
        if hole.start < number && self.holes.len() < HOLES_MAX {
            self.holes.insert(at, hole.start..number);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_lost_messages_and_steps_back_are_restarts() {
        // (numbers as they come, messages lost in the end)
        let table: [(&[u64], u64); 14] = [
            (&[], 0),
            (&[7], 0),
            (&[7, 8, 9], 0),
            (&[7, 9], 1),
            (&[7, 10_006, 10_007], 9_998),
            (&[7, 10_007], 9_999),
            (&[7, 10_008], 0),
            (&[100, 0, 1, 2], 0),
            (&[100, 0, 2], 1),
            (&[1, 4, 3, 2, 5], 0),
            (&[1, 6, 4, 3], 2),
            // The second 4 is nobody's: it has started again there.
            (&[1, 6, 4, 4, 3], 3),
            (&[u64::MAX - 2, u64::MAX, 0, 1], 1),
            (&[5, 5, 6], 0),
        ];
        for (numbers, lost) in table {
            let mut count = Numbers::default();
            numbers.iter().for_each(|number| count.take(*number));
            assert_eq!(count.lost(), lost, "{numbers:?}");
        }
    }

    #[test]
    fn what_came_twice_under_two_numbers_is_not_missing() {
        // (numbers as they come, those of repetitions negative; messages lost in the end)
        let table: [(&[i64], u64); 7] = [
            (&[7, -8, 9], 0),
            (&[7, -7, 8], 0),
            (&[7, 8, -7, 9], 0),
            (&[7, 10, -8, 11], 1),
            (&[-7, 9], 0),
            (&[7, -9, 10], 2),
            // It has started again, and the broker sends what it had sent before.
            (&[5000, 1, -5000, 2], 0),
        ];
        for (numbers, lost) in table {
            let mut count = Numbers::default();
            for number in numbers {
                match number.is_negative() {
                    true => count.take_repeated(number.unsigned_abs()),
                    false => count.take(number.unsigned_abs()),
                }
            }
            assert_eq!(count.lost(), lost, "{numbers:?}");
        }
    }

    #[test]
    fn any_numbers_are_taken_in_bounded_memory() {
        let mut rng = fastrand::Rng::with_seed(4);
        let mut count = Numbers::default();
        for _ in 0..20_000 {
            count.take(if rng.u8(..9) == 0 { rng.u64(..) } else { rng.u64(..400) });
            assert!(count.holes.len() <= HOLES_MAX);
        }
    }
}
