//! Takes one batch to the database: waits, repeats, and takes it apart until every line is stored or refused.
//!
//! Repeats the very same bytes. Works in the order of the log and moves the cursor after each part. A line is given
//! up only on the database's word about that line; on a mere "server error" only if the database proves with other
//! lines that it works.

use super::batch::Batch;
use super::dead_letter::Letter;
use super::http::gzip;
use super::outcome::Outcome;
use super::{Ended, Forwarder};
use bytes::Bytes;
use facility_config::limits::{FORWARD_BYTES_MIN, FORWARD_REFUSALS_IN_A_ROW_MAX, FORWARD_SERVER_ERRORS_MAX, FORWARD_STOP_MS_MAX};
use facility_drivers::LinkState;
use std::ops::Range;
use std::pin::pin;
use std::time::Duration;

/// How often an unset clock is looked at before TLS is tried.
const CLOCK_CHECK: Duration = Duration::from_secs(5);

/// The end of all repetitions of one request.
enum Answer {
    Stored,
    TooLarge(String),
    Refused(String),
    /// Status 500 again and again.
    Suspicious(String),
}

impl Forwarder {
    /// Sends a batch until each of its lines is stored or refused. Returns early, the rest untouched, if it takes
    /// newer lines to find out whether the database works.
    pub(super) async fn deliver(&mut self, feed: usize, batch: &Batch) -> Result<(), Ended> {
        let mut todo: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
        while let Some(lines) = todo.pop().filter(|lines| !lines.is_empty()) {
            match self.answer(batch.text(lines.clone())).await? {
                Answer::Stored => self.settle_stored(feed, batch, lines).await?,
                answer if lines.len() > 1 => {
                    if matches!(answer, Answer::TooLarge(_)) {
                        self.bytes_max = (batch.text(lines.clone()).len() / 2).max(FORWARD_BYTES_MIN).min(self.bytes_max);
                    }
                    let middle = lines.start + lines.len() / 2;
                    todo.push(middle..lines.end);
                    todo.push(lines.start..middle);
                }
                // No line is that large: the limit is wrong, not the line.
                Answer::TooLarge(why) if batch.text(lines.clone()).len() <= FORWARD_BYTES_MIN => {
                    self.hold(format!("even a single line is too large; raise the limit of the database or its proxy: {why}")).await?;
                    todo.push(lines);
                }
                Answer::TooLarge(why) | Answer::Refused(why) => self.bury(feed, batch, lines, why).await?,
                Answer::Suspicious(why) => match self.works_without(batch, &lines, &todo).await? {
                    Some(true) => self.bury(feed, batch, lines, why).await?,
                    Some(false) => todo.push(lines),
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// Sends the same bytes until the answer is about them.
    async fn answer(&mut self, text: &str) -> Result<Answer, Ended> {
        let body = gzip(text);
        let mut server_errors = 0;
        loop {
            match self.send(body.clone()).await? {
                Outcome::Stored => return Ok(Answer::Stored),
                Outcome::TooLarge { why } => return Ok(Answer::TooLarge(why)),
                Outcome::Refused { why } => return Ok(Answer::Refused(why)),
                Outcome::Retry { after, why, suspicious } => {
                    self.task.delivery.retries.add(1);
                    server_errors = if suspicious { server_errors + 1 } else { 0 };
                    self.note(LinkState::Connecting, Some(why.clone()));
                    self.wait_to_retry(after).await?;
                    if server_errors >= FORWARD_SERVER_ERRORS_MAX {
                        return Ok(Answer::Suspicious(why));
                    }
                }
                Outcome::Hold { why, token } => {
                    self.task.delivery.retries.add(1);
                    if !token || !self.token_changed() {
                        self.hold(why).await?;
                        self.token_changed();
                    }
                }
            }
        }
    }

    /// One request. At the stop signal it gets a little more time to be answered.
    async fn send(&mut self, body: Bytes) -> Result<Outcome, Ended> {
        while self.writer.is_tls() && !self.task.clock.is_set() {
            self.note(LinkState::Connecting, Some("waiting for the clock to be set: a certificate cannot be checked before".to_owned()));
            self.pause(CLOCK_CHECK).await?;
        }
        if self.task.stop.is_cancelled() {
            return Err(Ended::Stop);
        }
        let delivery = &self.task.delivery;
        delivery.requests.add(1);
        delivery.wire_bytes.add(body.len() as u64);
        let mut sent = pin!(self.writer.send(body, self.task.clock.now_ms()));
        let outcome = tokio::select! {
            outcome = &mut sent => outcome,
            () = self.task.stop.cancelled() => {
                tokio::time::timeout(Duration::from_millis(FORWARD_STOP_MS_MAX), sent).await.map_err(|_| Ended::Stop)?
            }
        };
        if outcome == Outcome::Stored {
            self.retry.reset();
            self.hold.reset();
            self.note(LinkState::Up, None);
        }
        Ok(outcome)
    }

    /// Whether the database stores other lines of the batch and still says "server error" to this one. `None` if
    /// there are no other lines.
    async fn works_without(&mut self, batch: &Batch, line: &Range<usize>, others: &[Range<usize>]) -> Result<Option<bool>, Ended> {
        if others.is_empty() {
            return Ok(None);
        }
        for other in others.iter().rev() {
            if self.send(gzip(batch.text(other.clone()))).await? == Outcome::Stored {
                let again = self.send(gzip(batch.text(line.clone()))).await?;
                return Ok(Some(matches!(again, Outcome::Retry { suspicious: true, .. })));
            }
            self.wait_to_retry(None).await?;
        }
        Ok(Some(false))
    }

    async fn settle_stored(&mut self, feed: usize, batch: &Batch, lines: Range<usize>) -> Result<(), Ended> {
        self.refusals_in_a_row = 0;
        let share = batch.share(lines.clone());
        let delivery = &self.task.delivery;
        delivery.lines.add(lines.len() as u64);
        delivery.points.add(share.points);
        self.feeds[feed].settle(share, true).await
    }

    /// Gives up one line, with the reason, for ever.
    async fn bury(&mut self, feed: usize, batch: &Batch, line: Range<usize>, why: String) -> Result<(), Ended> {
        self.refusals_in_a_row = self.refusals_in_a_row.saturating_add(1);
        if self.refusals_in_a_row > FORWARD_REFUSALS_IN_A_ROW_MAX {
            // Without the database's words: they may repeat the line, which belongs into no log.
            self.hold("every line is refused; read the reasons in the dead letter, check the database and its bucket".to_owned()).await?;
        }
        let text = batch.text(line.clone()).trim_end_matches('\n').to_owned();
        let letter = Letter { at_ms: self.task.clock.now_ms(), why, line: text };
        // A line that cannot be kept is not given up.
        while let Err(error) = self.keep(&letter).await {
            tracing::error!(%error, lane = self.feeds[feed].name(), "a refused line could not be kept; check the data directory");
            self.hold(format!("a refused line cannot be kept in the dead letter: {error}; check the data directory")).await?;
        }
        let share = batch.share(line);
        self.task.delivery.dead_lettered.add(share.points);
        self.feeds[feed].settle(share, false).await
    }

    /// A slow card must not hold up the collection of readings.
    async fn keep(&self, letter: &Letter) -> std::io::Result<()> {
        let (letters, letter) = (self.letters.clone(), letter.clone());
        tokio::task::spawn_blocking(move || letters.keep(&letter)).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }

    /// Says that somebody has to act, and waits.
    async fn hold(&mut self, why: String) -> Result<(), Ended> {
        self.note(LinkState::Denied, Some(why));
        let wait = self.hold.next_wait();
        self.pause(self.task.clock.real(wait)).await
    }

    /// The pause the database asked for, and a random one on top, so that a district does not come back at once.
    async fn wait_to_retry(&mut self, after: Option<Duration>) -> Result<(), Ended> {
        let jitter = self.retry.next_wait();
        self.pause(after.unwrap_or_default() + self.task.clock.real(jitter)).await
    }

    pub(super) async fn pause(&self, span: Duration) -> Result<(), Ended> {
        tokio::select! {
            () = self.task.stop.cancelled() => Err(Ended::Stop),
            () = tokio::time::sleep(span) => Ok(()),
        }
    }

    fn token_changed(&mut self) -> bool {
        match self.writer.reload_login() {
            Ok(changed) => changed,
            Err(error) => {
                tracing::warn!(%error, "the token stays as it was");
                false
            }
        }
    }
}
