//! Which destination may use the line first while several need it. Pure.
//!
//! Never lets a destination stand back for one that is down or waits for something else itself: what is told here is only who
//! drains a backlog over a way that works. Bounded by the destinations there can be.

use facility_config::limits::DESTINATIONS_MAX;

/// Who needs the line, with what priority, by place in the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Needs([Option<u8>; DESTINATIONS_MAX]);

impl Needs {
    /// Notes whether a destination needs the line; true if that is news.
    pub(super) fn tell(&mut self, at: usize, priority: u8, needs: bool) -> bool {
        let Some(known) = self.0.get_mut(at) else { return false };
        let now = needs.then_some(priority);
        std::mem::replace(known, now) != now
    }

    /// The destination that goes before one of this priority: the one with the smallest number, if that is smaller; of several the first.
    #[must_use]
    pub(super) fn before(&self, priority: u8) -> Option<usize> {
        let needing = self.0.iter().enumerate().filter_map(|(at, needs)| needs.map(|of| (of, at)));
        needing.min().filter(|(of, _)| *of < priority).map(|(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_of_those_that_need_it_goes_before_all_that_are_less_urgent() {
        let table: [([Option<u8>; 4], [Option<usize>; 4]); 6] = [
            ([None; 4], [None; 4]),
            // Alike: nobody waits.
            ([Some(1), Some(1), None, None], [None, Some(0), Some(0), Some(0)]),
            ([None, Some(2), None, None], [None, None, Some(1), Some(1)]),
            ([Some(3), Some(2), None, None], [None, None, Some(1), Some(1)]),
            ([Some(4), None, None, Some(1)], [None, Some(3), Some(3), Some(3)]),
            ([None, Some(4), None, None], [None; 4]),
        ];
        for (needs, expected) in table {
            assert_eq!([1, 2, 3, 4].map(|priority| Needs(needs).before(priority)), expected, "{needs:?}");
        }
    }

    #[test]
    fn what_is_told_holds_until_something_else_is_told() {
        let mut needs = Needs::default();
        assert!(!needs.tell(0, 1, false), "nothing new");
        assert!(needs.tell(0, 1, true) && !needs.tell(0, 1, true));
        assert_eq!(needs.before(2), Some(0));
        assert!(needs.tell(0, 1, false));
        assert_eq!(needs, Needs::default());
        assert!(!needs.tell(DESTINATIONS_MAX, 1, true), "there is no such place");
    }
}
