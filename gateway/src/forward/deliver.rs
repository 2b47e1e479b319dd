//! Takes one batch to the database: waits, repeats, and takes it apart until every line is stored or refused.
//!
//! Repeats the very same bytes. Works in the order of the log and moves the cursor after each part. A line is given
//! up only on the database's word about that line; on a mere "server error" only if the database proves with other
//! lines that it works.

use super::batch::Batch;
use super::dead_letter::Letter;
use super::outcome::{Outcome, Rejected};
use super::outlet::Body;
use super::{Ended, Forwarder};
use facility_config::limits::{
    FORWARD_BYTES_MIN, FORWARD_GROW_AFTER, FORWARD_PROBE_AFTER, FORWARD_REFUSALS_IN_A_ROW_MAX, FORWARD_SERVER_ERRORS_MAX,
    FORWARD_STOP_MS_MAX,
};
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
    Partial(Vec<Rejected>),
    /// Status 500 again and again.
    Suspicious(String),
}

impl Forwarder {
    /// Sends a batch until each of its lines is stored or refused. Returns early, the rest untouched, if it takes
    /// newer lines to find out whether the database works.
    pub(super) async fn deliver(&mut self, feed: usize, batch: &Batch) -> Result<(), Ended> {
        let mut todo: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
        while let Some(lines) = todo.pop().filter(|lines| !lines.is_empty()) {
            match self.answer(batch, &lines).await? {
                Answer::Stored => self.settle_stored(feed, batch, lines).await?,
                Answer::Partial(refused) if are_these(&refused, batch, &lines) => self.settle_partial(feed, batch, lines, refused).await?,
                answer if lines.len() > 1 => {
                    if matches!(answer, Answer::TooLarge(_)) {
                        self.stored_in_a_row = 0;
                        self.bytes_max = (batch.text(lines.clone()).len() / 2).max(FORWARD_BYTES_MIN).min(self.bytes_max);
                    }
                    let middle = lines.start + lines.len() / 2;
                    todo.push(middle..lines.end);
                    todo.push(lines.start..middle);
                }
                // No line is that large: the limit is wrong, not the line.
                Answer::TooLarge(why) if batch.text(lines.clone()).len() <= FORWARD_BYTES_MIN => {
                    self.hold(format!(
                        "even a single line is too large; raise the limit of the destination or of a proxy before it: {why}"
                    ))
                    .await?;
                    todo.push(lines);
                }
                Answer::TooLarge(why) | Answer::Refused(why) => self.bury(feed, batch, lines, why).await?,
                Answer::Partial(refused) => {
                    let why = refused.into_iter().map(|one| one.why).next().unwrap_or_default();
                    self.bury(feed, batch, lines, why).await?;
                }
                Answer::Suspicious(why) => match self.works_without(batch, &lines, &todo).await? {
                    Some(true) => self.bury(feed, batch, lines, why).await?,
                    Some(false) => todo.push(lines),
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// Sends the same bytes until the answer is about them. After several failures only the first line is sent, as a probe:
    /// a database that is away, on a metered line, costs little. What is stored twice is the same bytes.
    async fn answer(&mut self, batch: &Batch, lines: &Range<usize>) -> Result<Answer, Ended> {
        let body = self.outlet.body(batch.text(lines.clone()));
        let (mut failures, mut server_errors, mut proved) = (0, 0, false);
        loop {
            let is_probe = failures >= FORWARD_PROBE_AFTER && lines.len() > 1;
            let sent = if is_probe { self.outlet.body(batch.text(lines.start..lines.start + 1)) } else { body.clone() };
            match self.send(sent).await? {
                Outcome::Retry { after, why, suspicious } => {
                    self.task.delivery.retries.add(1);
                    (failures, server_errors) = if suspicious { (0, server_errors + 1) } else { (failures + 1, 0) };
                    self.note(LinkState::Connecting, Some(why.clone()));
                    self.wait_to_retry(after).await?;
                    if server_errors >= FORWARD_SERVER_ERRORS_MAX {
                        return Ok(Answer::Suspicious(why));
                    }
                }
                Outcome::Hold { why, token } => {
                    self.task.delivery.retries.add(1);
                    failures = failures.max(FORWARD_PROBE_AFTER);
                    if !token || !self.login_changed().await {
                        self.hold(why).await?;
                        self.login_changed().await;
                    }
                }
                // The way works again.
                _ if is_probe && !proved => (failures, proved) = (0, true),
                // And again it works for one line only.
                _ if is_probe => return Ok(Answer::TooLarge("only small requests get through".to_owned())),
                Outcome::Stored => return Ok(Answer::Stored),
                Outcome::TooLarge { why } => return Ok(Answer::TooLarge(why)),
                Outcome::Refused { why } => return Ok(Answer::Refused(why)),
                Outcome::Partial { refused } => return Ok(Answer::Partial(refused)),
            }
        }
    }

    /// One request. At the stop signal it gets a little more time to be answered.
    async fn send(&mut self, body: Body) -> Result<Outcome, Ended> {
        while self.outlet.is_tls() && !self.task.clock.is_set() {
            self.note(LinkState::Connecting, Some("waiting for the clock to be set: a certificate cannot be checked before".to_owned()));
            self.pause(CLOCK_CHECK).await?;
        }
        if self.task.stop.is_cancelled() {
            return Err(Ended::Stop);
        }
        self.wait_for_budget().await?;
        self.take_turn().await?;
        let delivery = &self.task.delivery;
        delivery.requests.add(1);
        delivery.wire_bytes.add(body.len() as u64);
        self.charge(body.len() as u64);
        let outcome = {
            let mut sent = pin!(self.outlet.send(body, &self.task.clock));
            tokio::select! {
                outcome = &mut sent => outcome,
                () = self.task.stop.cancelled() => {
                    tokio::time::timeout(Duration::from_millis(FORWARD_STOP_MS_MAX), sent).await.map_err(|_| Ended::Stop)?
                }
            }
        };
        if matches!(outcome, Outcome::Stored | Outcome::Partial { .. }) {
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
            if self.send(self.outlet.body(batch.text(other.clone()))).await? == Outcome::Stored {
                let again = self.send(self.outlet.body(batch.text(line.clone()))).await?;
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
        self.grow();
        self.feeds[feed].settle(share, true).await
    }

    /// A request that was cut down, for a limit or a slow line, gets larger again when many went well.
    pub(super) fn grow(&mut self) {
        self.stored_in_a_row = self.stored_in_a_row.saturating_add(1);
        if self.stored_in_a_row >= FORWARD_GROW_AFTER {
            self.stored_in_a_row = 0;
            self.bytes_max = self.bytes_max.saturating_mul(2).min(self.task.forward.bytes_max);
        }
    }

    /// The lines that the database names are given up, the others are stored.
    async fn settle_partial(&mut self, feed: usize, batch: &Batch, lines: Range<usize>, refused: Vec<Rejected>) -> Result<(), Ended> {
        let mut at = lines.start;
        for one in refused {
            let line = lines.start + one.nth;
            if at < line {
                self.settle_stored(feed, batch, at..line).await?;
            }
            self.bury(feed, batch, line..line + 1, one.why).await?;
            at = line + 1;
        }
        if at < lines.end {
            self.settle_stored(feed, batch, at..lines.end).await?;
        }
        Ok(())
    }

    /// Gives up one line, with the reason, for ever.
    async fn bury(&mut self, feed: usize, batch: &Batch, line: Range<usize>, why: String) -> Result<(), Ended> {
        self.refusals_in_a_row = self.refusals_in_a_row.saturating_add(1);
        if self.refusals_in_a_row > FORWARD_REFUSALS_IN_A_ROW_MAX {
            // Without the database's words: they may repeat the line, which belongs into no log.
            self.hold("every line is refused; read the reasons in the dead letter, check the destination and its bucket".to_owned())
                .await?;
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
        self.rest(self.task.clock.real(wait)).await
    }

    /// The pause the database asked for, and a random one on top, so that a district does not come back at once.
    async fn wait_to_retry(&mut self, after: Option<Duration>) -> Result<(), Ended> {
        let jitter = self.retry.next_wait();
        self.rest(after.unwrap_or_default() + self.task.clock.real(jitter)).await
    }

    /// A pause while the way does not work, which may be for days: how it stands is shown, and what it cost is kept.
    async fn rest(&mut self, span: Duration) -> Result<(), Ended> {
        self.meter.hung_up();
        self.task.way.tell(false);
        self.show();
        self.save_month(false).await;
        self.pause(span).await
    }

    pub(super) async fn pause(&self, span: Duration) -> Result<(), Ended> {
        tokio::select! {
            () = self.task.stop.cancelled() => Err(Ended::Stop),
            () = tokio::time::sleep(span) => Ok(()),
        }
    }

    /// Token, password and certificates may have been replaced on disk.
    async fn login_changed(&mut self) -> bool {
        match self.outlet.reload().await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::warn!(%error, "token, password and certificates stay as they were");
                false
            }
        }
    }
}

/// Whether the lines that a database names are lines of this request.
pub(super) fn are_these(refused: &[Rejected], batch: &Batch, lines: &Range<usize>) -> bool {
    refused.iter().all(|one| {
        let line = lines.start + one.nth;
        let said = one.line.trim_end_matches("...").trim_end();
        line < lines.end && batch.text(line..line + 1).starts_with(said)
    })
}
