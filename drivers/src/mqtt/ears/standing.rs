//! A connection that stands: what is shown of it, and what is looked at once a second.

use super::{Call, Ears, End};
use crate::link::LinkState;
use crate::mqtt::set_state;
use crate::mqtt::trouble::Trouble;
use facility_config::limits::MQTT_CONNECT_TIMEOUT_S;
use std::time::Duration;

/// How long a connection that is given up by choice waits for the messages it brought to become durable.
const DRAIN: Duration = Duration::from_secs(5);

impl Ears {
    /// Shows whether the broker sends all that it was asked for. What was wrong before stays to be read until the connection
    /// has proven itself.
    pub(super) fn settle(&self) {
        let complaint = self.complaint();
        let state = if self.subscriptions.is_complete() { LinkState::Up } else { LinkState::Denied };
        self.task.link.send_modify(|link| {
            set_state(link, state, &self.task.clock);
            if self.proven || complaint.is_some() {
                link.error = complaint;
            }
        });
    }

    /// The connection works: what was wrong before is over.
    pub(super) fn now_proven(&mut self) {
        self.proven = true;
        self.places.proven();
        self.show_complaint();
    }

    fn show_complaint(&self) {
        let complaint = self.complaint();
        self.task.link.send_if_modified(|link| {
            let changes = link.state == LinkState::Up && link.error != complaint;
            if changes {
                link.error = complaint;
            }
            changes
        });
    }

    /// What is wrong although the connection works.
    fn complaint(&self) -> Option<String> {
        self.files.trouble.clone().or_else(|| self.subscriptions.complaint(&self.task.broker.client_id))
    }

    /// Once a second: what was heard, what the broker owes, what has changed on disk.
    pub(super) async fn look_around(&mut self, call: &mut Call) -> Result<(), End> {
        self.intake.publish(&self.task);
        call.quiet_ticks += 1;
        // Pings alone are an event every keep-alive time.
        if call.quiet_ticks > 2 * self.task.broker.keep_alive.as_secs() + MQTT_CONNECT_TIMEOUT_S {
            return Err(End::Lost(Trouble::no_progress("the client does not make progress")));
        }
        if self.subscriptions.is_overdue() {
            return Err(End::Lost(Trouble::no_progress("the broker does not answer a SUBSCRIBE")));
        }
        self.look_at_files()?;
        if self.subscriptions.is_due()
            && let Some(subscribe) = self.subscriptions.ask()
        {
            self.send(call, [subscribe]).await?;
        }
        Ok(())
    }

    /// Files that have changed are used by connecting anew, if they are good for that. A half-written pair is not: then the
    /// connection stays, and says why.
    fn look_at_files(&mut self) -> Result<(), End> {
        let trouble = match self.files.changed() {
            None => return Ok(()),
            Some(false) => None,
            Some(true) => match self.options() {
                Ok(_) => {
                    tracing::info!(broker = %self.task.broker.name, "certificates or password have changed: connecting anew");
                    return Err(End::Again(DRAIN));
                }
                Err(words) => Some(format!("{words}; the connection goes on with what was read before")),
            },
        };
        if trouble != self.files.trouble {
            self.files.trouble = trouble;
            self.show_complaint();
        }
        Ok(())
    }
}
