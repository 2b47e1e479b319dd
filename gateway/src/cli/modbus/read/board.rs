//! The channels of a lock board as bits, for whoever stands in front of it and opens a door.

use super::Seen;
use crate::cli::modbus::why;
use facility_config::device::Polling;
use facility_config::profile::FrameMap;
use facility_drivers::modbus::{Inquiry, NoAnswer};
use serde_json::json;
use std::io;
use std::time::Duration;

/// Channels of one row.
const ROW: usize = 8;

pub(super) struct Board {
    map: FrameMap,
    open_is_set: Option<bool>,
    wait: Duration,
}

impl Board {
    pub(super) fn new(map: FrameMap, polling: &Polling, wait: Option<Duration>) -> Self {
        let wait = wait.or(polling.timeout).unwrap_or(map.timeout);
        Self { open_is_set: polling.door_open_is_set, wait, map }
    }

    pub(super) async fn read(&self, inquiry: &mut Inquiry, unit: u8) -> io::Result<Seen> {
        match inquiry.channels(&self.map, unit, self.wait, &mut Vec::new()).await {
            Ok(channels) => Ok(self.seen(unit, &channels)),
            Err(NoAnswer::Lost(error)) => Err(error),
            Err(no) => {
                let why = why(&no);
                Ok(Seen {
                    rows: Vec::new(),
                    note: Some(format!("board {unit}: {why}")),
                    json: json!({ "unit": unit, "error": why }),
                    answered: false,
                })
            }
        }
    }

    fn seen(&self, unit: u8, channels: &[bool]) -> Seen {
        let mut rows = vec![vec!["channels".to_owned(), "bits, first channel left".to_owned(), "set".to_owned()]];
        for (nth, group) in channels.chunks(ROW).enumerate() {
            let first = nth * ROW + 1;
            let bits: String = group.iter().map(|set| if *set { '1' } else { '0' }).collect();
            let set: Vec<String> = group.iter().zip(first..).filter(|(set, _)| **set).map(|(_, channel)| channel.to_string()).collect();
            rows.push(vec![format!("{first} to {}", first + group.len() - 1), bits, set.join(" ")]);
        }
        let set = channels.iter().filter(|set| **set).count();
        let open = self.open_is_set.map(|open_is_set| if open_is_set { set } else { channels.len() - set });
        let note = match open {
            Some(open) => format!("{open} of {} doors are open", channels.len()),
            None => format!("{set} of {} bits are set; what an open door is has not been told (door_open_is)", channels.len()),
        };
        Seen { rows, note: Some(note), json: json!({ "unit": unit, "channels": channels, "set": set, "open": open }), answered: true }
    }
}
