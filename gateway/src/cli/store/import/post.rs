//! Points to a database right away, in the order of the file, in portions. A portion that is refused is parted until the
//! lines to blame are known; the others are stored. One portion in memory.

use super::point::{Imported, parse};
use super::source::{Line, Source};
use super::{ImportArgs, Rejected, no_input};
use crate::cli::Exit;
use crate::cli::store::words::count;
use crate::forward::batch::{Bounds, Packer};
use crate::forward::http::{Writer, gzip};
use crate::forward::outcome::Outcome;
use crate::store::record::{MetricName, Names, Origin, Page, Record};
use facility_config::limits::{
    BACKOFF_MS_MAX, FORWARD_BYTES_DEFAULT, FORWARD_LINES_DEFAULT, FORWARD_REFUSALS_IN_A_ROW_MAX, FORWARD_RETRY_MS, READ_POINTS_MAX,
};
use facility_config::series::Class;
use facility_config::site::{Database, Login, Tls, WriteApi};
use facility_drivers::{Backoff, Clock};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Attempts at one portion before the command gives up.
const TRIES: usize = 8;
/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A line of line protocol and the line of the file it begins with.
type Numbered = (u64, String);

/// The database and what it has taken.
struct Post<'a> {
    writer: Writer,
    clock: Clock,
    rejected: &'a mut Rejected,
    refused_in_a_row: u32,
    stored: u64,
    passed: u64,
}

/// Sends every line of the file. Returns the account in words.
pub(super) fn post(args: &ImportArgs, url: &str, rejected: &mut Rejected) -> Result<String, Exit> {
    let database = Database {
        url: url.to_owned(),
        api: WriteApi::Influx2 { org: args.org.clone().unwrap_or_default(), bucket: args.bucket.clone().unwrap_or_default() },
        login: args.token_file.clone().map_or(Login::None, Login::Token),
        tls: Tls { ca_file: args.ca_file.clone(), ..Tls::default() },
        timeout: TIMEOUT,
        proxy: None,
        server_name: None,
    };
    let writer = Writer::new(&database).map_err(|error| Exit::Start { code: 78, message: error.to_string() })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Exit::Defect(error.to_string()))?;
    let mut post = Post { writer, clock: Clock::system(), rejected, refused_in_a_row: 0, stored: 0, passed: 0 };
    runtime.block_on(post.all(args))?;
    let passed = if post.passed == 0 { String::new() } else { format!("; {} points without a value have no line", count(post.passed)) };
    Ok(format!("{} lines are in the database{passed}", count(post.stored)))
}

impl Post<'_> {
    async fn all(&mut self, args: &ImportArgs) -> Result<(), Exit> {
        let mut source = Source::open(&args.file).map_err(|error| no_input(args, &error))?;
        let (mut points, mut lines) = (Vec::new(), Vec::<Numbered>::new());
        let mut bytes = 0;
        while let Some(line) = source.next() {
            match line {
                Line::Bad(number, why) => self.rejected.note(number, why),
                Line::Text(number, text) if text.starts_with('{') => match parse(text) {
                    Ok(point) => points.push((number, point)),
                    Err(why) => self.rejected.note(number, &why),
                },
                Line::Text(_, text) if text.starts_with('#') => {}
                Line::Text(number, text) => {
                    bytes += text.len() + 1;
                    lines.push((number, format!("{text}\n")));
                }
            }
            if points.len() >= READ_POINTS_MAX {
                self.points(&mut points).await?;
            }
            if lines.len() >= FORWARD_LINES_DEFAULT || bytes >= FORWARD_BYTES_DEFAULT {
                bytes = 0;
                self.send(&std::mem::take(&mut lines)).await?;
            }
        }
        self.points(&mut points).await?;
        self.send(&lines).await
    }

    async fn points(&mut self, points: &mut Vec<(u64, Imported)>) -> Result<(), Exit> {
        let (lines, passed) = pack(points);
        points.clear();
        self.passed += passed;
        self.send(&lines).await
    }

    async fn send(&mut self, lines: &[Numbered]) -> Result<(), Exit> {
        let mut todo = vec![lines];
        while let Some(part) = todo.pop().filter(|part| !part.is_empty()) {
            let text: String = part.iter().map(|(_, text)| text.as_str()).collect();
            let Some(why) = self.answer(&text).await? else {
                self.refused_in_a_row = 0;
                self.stored += part.len() as u64;
                continue;
            };
            if part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                todo.extend([second, first]);
                continue;
            }
            self.refused_in_a_row += 1;
            part.iter().for_each(|(number, _)| self.rejected.note(*number, &why));
            if self.refused_in_a_row > FORWARD_REFUSALS_IN_A_ROW_MAX {
                return Err(self.stop(65, "the database refuses every line"));
            }
        }
        Ok(())
    }

    /// Sends some lines until there is an answer about them: `None` if they are stored, or why they are not.
    async fn answer(&mut self, text: &str) -> Result<Option<String>, Exit> {
        let body = gzip(text);
        let mut backoff = Backoff::new(Duration::from_millis(FORWARD_RETRY_MS), Duration::from_millis(BACKOFF_MS_MAX), 1);
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.writer.send(body.clone(), self.clock.now_ms()).await {
                Outcome::Stored => return Ok(None),
                Outcome::Refused { why } | Outcome::TooLarge { why } => return Ok(Some(why)),
                Outcome::Partial { refused } => return Ok(refused.into_iter().map(|one| one.why).next()),
                Outcome::Hold { why, .. } => return Err(self.stop(78, &why)),
                Outcome::Retry { after, why, .. } => {
                    last = why;
                    tokio::time::sleep(after.unwrap_or_default() + backoff.next_wait()).await;
                }
            }
        }
        Err(self.stop(75, &last))
    }

    fn stop(&self, code: u8, why: &str) -> Exit {
        let stored = count(self.stored);
        Exit::Start { code, message: format!("{why}; {stored} lines are stored, sending the whole file again does no harm") }
    }
}

/// Points as lines, each with the number of the first line of the file that is in it; and how many points have no line.
fn pack(points: &[(u64, Imported)]) -> (Vec<Numbered>, u64) {
    let page = page(points);
    let everything = Bounds { lines: usize::MAX, bytes: usize::MAX };
    let mut packer = Packer::new(0, &[Class::Reading, Class::Metric, Class::Event], everything);
    packer.take(&page);
    let batch = packer.finish();
    let passed = batch.share(0..batch.len()).passed + batch.passed().map_or(0, |share| share.passed);
    let mut from = 0;
    let lines = (0..batch.len()).map(|nth| {
        let number = points.get(from as usize).map_or(0, |(number, _)| *number);
        from = batch.share(nth..nth + 1).next;
        (number, batch.text(nth..nth + 1).to_owned())
    });
    (lines.collect(), passed)
}

fn page(points: &[(u64, Imported)]) -> Page {
    let (mut names, mut origins, mut metrics) = (Names::default(), HashMap::new(), HashMap::new());
    let mut records = Vec::with_capacity(points.len());
    for (_, point) in points {
        let origin = *origins.entry(&*point.tags).or_insert_with(|| {
            names.origins.push(Origin { tags: Arc::from(&*point.tags), device: None });
            names.origins.len() as u32 - 1
        });
        let metric = *metrics.entry((&point.metric.name, point.metric.part)).or_insert_with(|| {
            names.metrics.push(MetricName::clone(&point.metric));
            names.metrics.len() as u32 - 1
        });
        let value = point.value.clone();
        records.push(Record { origin, metric, flags: point.flags, at_ms: point.at_ms, log_ms: point.at_ms, value });
    }
    Page { first: 0, next: records.len() as u64, lost: 0, records, names: Arc::new(names) }
}
