//! Which links to devices are up, as the alarms are to know it: a change is told once.
//!
//! Looked at with every tick; what lasts less than one is not seen. A link that has not been tried yet is not known, and one
//! that was told to stop has not failed.

use crate::alarm::LinkId;
use facility_drivers::Link;
use facility_drivers::link::LinkState;
use tokio::sync::watch;

pub(super) struct Links(Vec<One>);

struct One {
    id: LinkId,
    link: watch::Receiver<Link>,
    was_up: Option<bool>,
}

impl Links {
    pub(super) fn new(links: Vec<(LinkId, watch::Receiver<Link>)>) -> Self {
        Self(links.into_iter().map(|(id, link)| One { id, link, was_up: None }).collect())
    }

    /// Links whose state is another than when they were looked at before.
    pub(super) fn changed(&mut self) -> Vec<(LinkId, bool)> {
        let mut changed = Vec::new();
        for one in &mut self.0 {
            let is_up = is_up(&one.link.borrow());
            if is_up.is_some() && is_up != one.was_up {
                one.was_up = is_up;
                changed.extend(is_up.map(|is_up| (one.id, is_up)));
            }
        }
        changed
    }
}

fn is_up(link: &Link) -> Option<bool> {
    match link.state {
        LinkState::Up => Some(true),
        LinkState::Denied => Some(false),
        LinkState::Connecting => (link.connects > 0 || link.error.is_some()).then_some(false),
        LinkState::Stopped => None,
    }
}
