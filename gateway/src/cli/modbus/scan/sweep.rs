//! One setting of the port: every unit is asked, everything that is heard is counted.

use super::nothing_heard;
use facility_config::profile::{Dialect, FrameMap, Profile, SerialDefaults, Table, builtin, builtin_ids};
use facility_config::site::{Bus, Framing, Transport};
use facility_drivers::Fault;
use facility_drivers::modbus::trace::{Dir, Wire};
use facility_drivers::modbus::{Inquiry, NoAnswer};
use facility_drivers::plan::{Line, Request};
use facility_drivers::scan::{Heard, Model, Next, Said, Splitter, is_frame, next};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;

/// Pause between two questions of a scan.
pub(super) const PAUSE: Duration = Duration::from_millis(5);
/// How long a line is listened to before anything is asked.
const LISTEN: Duration = Duration::from_millis(150);
/// A unit that is there gets at least this long for a fingerprint.
const FINGERPRINT_WAIT: Duration = Duration::from_millis(300);
/// A unit whose answer came late is asked again with so much more time.
const PATIENCE: u32 = 8;
/// Questions without an answer after which a unit's fingerprint is given up.
const UNANSWERED_MAX: u32 = 5;

/// A unit that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitFound {
    pub(super) unit: u8,
    /// What it said to what, for people.
    pub(super) answers: Vec<String>,
    /// The likeliest first.
    pub(super) models: Vec<Model>,
    /// Longer to answer than the scan waits.
    pub(super) is_slow: bool,
}

/// A sweep over the units of a line.
pub(super) struct Sweep<'a> {
    inquiry: Inquiry,
    wires: Receiver<Arc<Wire>>,
    bus: &'a Bus,
    wait: Duration,
    heard: Heard,
    found: Vec<UnitFound>,
    late: BTreeSet<u8>,
}

/// Questions of a sweep, fingerprints not counted.
pub(super) fn questions(bus: &Bus, units: &[u8]) -> u64 {
    let boards: usize = boards(bus).iter().map(|(_, map)| units.iter().filter(|unit| map.units.contains(unit)).count()).sum();
    (units.len() * probes(bus).len() + boards) as u64
}

/// Time of a sweep in which nobody answers.
pub(super) fn longest(bus: &Bus, units: &[u8], wait: Duration) -> Duration {
    let line = Line::of(bus, wait);
    let one = Duration::from_nanos(line.cost_ns(&Request { table: Table::Holding, address: 0, count: 1 }));
    LISTEN + bus.connect_delay + one * u32::try_from(questions(bus, units)).unwrap_or(u32::MAX)
}

/// What every unit is asked until it answers: the beginnings of both tables of registers, and where a model with these
/// settings has its first mark, since some devices are silent about addresses they do not have.
fn probes(bus: &Bus) -> Vec<Request> {
    let mut probes = vec![Request { table: Table::Holding, address: 0, count: 1 }, Request { table: Table::Input, address: 0, count: 1 }];
    let marks = profiles().filter_map(|profile| match &profile.dialect {
        Dialect::Modbus(map) if map.serial.is_some_and(|serial| is_set_so(bus, serial)) => map.fingerprint.first().cloned(),
        _ => None,
    });
    let mut counts: BTreeMap<Request, usize> = BTreeMap::new();
    marks.for_each(|mark| *counts.entry(Request { table: mark.table, address: mark.address, count: mark.count }).or_default() += 1);
    probes
        .extend(counts.into_iter().max_by_key(|(_, count)| *count).map(|(request, _)| request).filter(|request| !probes.contains(request)));
    probes
}

/// Boards with frames of their own that could be on a line with these settings.
fn boards(bus: &Bus) -> Vec<(Arc<Profile>, FrameMap)> {
    let on_line = |map: &FrameMap| bus.framing == Framing::Rtu && map.serial.is_none_or(|serial| is_set_so(bus, serial));
    let map = |profile: Arc<Profile>| match &profile.dialect {
        Dialect::Frame(map) if on_line(map) => Some((profile.clone(), map.clone())),
        _ => None,
    };
    profiles().filter_map(map).collect()
}

fn profiles() -> impl Iterator<Item = Arc<Profile>> {
    builtin_ids().filter_map(builtin)
}

/// Whether the port is set as the maker sets his; nobody knows what is behind a network.
fn is_set_so(bus: &Bus, serial: SerialDefaults) -> bool {
    match &bus.transport {
        Transport::Serial(line) => line.baud == serial.baud && line.parity == serial.parity,
        Transport::Dial { .. } | Transport::Listen { .. } => true,
    }
}

impl<'a> Sweep<'a> {
    pub(super) fn new(inquiry: Inquiry, bus: &'a Bus, wait: Duration) -> Self {
        let wires = inquiry.tap().watch();
        Self { inquiry, wires, bus, wait, heard: nothing_heard(bus), found: Vec::new(), late: BTreeSet::new() }
    }

    /// Asks everybody. `progress` is told how many questions were asked and how many units were found.
    pub(super) async fn run(&mut self, units: &[u8], progress: &mut dyn FnMut(u64, usize)) -> io::Result<()> {
        self.inquiry.listen(LISTEN, &mut Vec::new()).await?;
        self.account(None, false);
        let probes = probes(self.bus);
        let mut asked = 0;
        for unit in units {
            progress(asked, self.found.len());
            self.probe(*unit, &probes, self.wait).await?;
            asked += probes.len() as u64;
        }
        let late: Vec<u8> = self.late.iter().copied().filter(|late| !self.found.iter().any(|found| found.unit == *late)).collect();
        for unit in late {
            let before = self.found.len();
            self.probe(unit, &probes, self.wait * PATIENCE).await?;
            self.found.iter_mut().skip(before).for_each(|found| found.is_slow = true);
        }
        for (profile, map) in boards(self.bus) {
            for unit in units.iter().filter(|unit| map.units.contains(unit)) {
                progress(asked, self.found.len());
                self.board(*unit, &profile, &map).await?;
                asked += 1;
            }
        }
        Ok(())
    }

    /// What was found and heard.
    pub(super) fn end(self) -> (Vec<UnitFound>, Heard) {
        (self.found, self.heard)
    }

    /// Asks a unit until it says something; then what it can be.
    async fn probe(&mut self, unit: u8, probes: &[Request], wait: Duration) -> io::Result<()> {
        let mut answers = Vec::new();
        let mut said = BTreeMap::new();
        for request in probes {
            let what = self.ask(unit, request, wait).await?;
            let name = format!("FC{} {}", request.function(), request.address);
            match &what {
                Said::Words(words) => answers.push(format!("{name} = {}", words.first().copied().unwrap_or(0))),
                // A gateway that finds nobody behind it.
                Said::Refused(10 | 11) => break,
                Said::Refused(code) => answers.push(format!("{name} refused ({code})")),
                Said::Nothing => {}
            }
            said.insert(*request, what);
        }
        if !answers.is_empty() {
            let models = self.models(unit, said, wait.max(FINGERPRINT_WAIT)).await?;
            self.found.push(UnitFound { unit, answers, models, is_slow: false });
        }
        Ok(())
    }

    /// Models all of whose marks hold.
    async fn models(&mut self, unit: u8, mut said: BTreeMap<Request, Said>, wait: Duration) -> io::Result<Vec<Model>> {
        let (mut models, mut unanswered) = (Vec::new(), 0);
        for profile in profiles() {
            let Dialect::Modbus(map) = &profile.dialect else { continue };
            loop {
                match next(map, &said) {
                    Next::Ask(_) if unanswered >= UNANSWERED_MAX => break,
                    Next::Ask(request) => {
                        let what = self.ask(unit, &request, wait).await?;
                        unanswered = if what == Said::Nothing { unanswered + 1 } else { 0 };
                        said.insert(request, what);
                    }
                    Next::Holds => {
                        models.push(Model { profile: profile.id.clone(), title: profile.title(), marks: map.fingerprint.len() });
                        break;
                    }
                    Next::Fails => break,
                }
            }
        }
        models.sort_by_key(|model| usize::MAX - model.marks);
        Ok(models)
    }

    async fn ask(&mut self, unit: u8, request: &Request, wait: Duration) -> io::Result<Said> {
        let mut faults = Vec::new();
        let answer = self.inquiry.read(unit, request, wait, &mut faults).await;
        let said = match answer {
            Ok(words) => Said::Words(words),
            Err(NoAnswer::Refused(code)) => Said::Refused(code),
            Err(NoAnswer::Timeout | NoAnswer::Damaged | NoAnswer::Nonsense) => Said::Nothing,
            Err(NoAnswer::Lost(error)) => return Err(error),
        };
        self.count(unit, &faults, said != Said::Nothing);
        Ok(said)
    }

    async fn board(&mut self, unit: u8, profile: &Profile, map: &FrameMap) -> io::Result<()> {
        let mut faults = Vec::new();
        match self.inquiry.channels(map, unit, self.wait, &mut faults).await {
            Ok(channels) => {
                self.count(unit, &faults, true);
                let open = channels.iter().filter(|set| **set).count();
                let answers = vec![format!("{} channels, {open} set", channels.len())];
                let models = vec![Model { profile: profile.id.clone(), title: profile.title(), marks: 1 }];
                self.found.push(UnitFound { unit, answers, models, is_slow: false });
            }
            Err(NoAnswer::Lost(error)) => return Err(error),
            // What is heard after a board's question says nothing about Modbus frames.
            Err(_) => self.account(None, true),
        }
        Ok(())
    }

    fn count(&mut self, unit: u8, faults: &[Fault], answered: bool) {
        self.heard.asked += 1;
        self.heard.echoed += u64::from(faults.contains(&Fault::Echoed));
        if answered {
            *self.heard.answered.entry(unit).or_default() += 1;
        }
        if faults.contains(&Fault::BadChecksum) {
            *self.heard.damaged.entry(unit).or_default() += 1;
        }
        let damaged = faults.contains(&Fault::BadChecksum);
        self.account(Some(unit), answered || damaged);
    }

    /// Looks at the bytes since the last time. `asked` is who was asked; `taken` says that its answer, right or damaged, is
    /// counted already.
    fn account(&mut self, asked: Option<u8>, taken: bool) {
        let (mut before, mut after, mut question) = (Vec::new(), Vec::new(), None);
        while let Ok(wire) = self.wires.try_recv() {
            match wire.dir {
                Dir::Out => question = Some(wire.bytes.clone()),
                Dir::In if question.is_none() => before.extend_from_slice(&wire.bytes),
                Dir::In => after.extend_from_slice(&wire.bytes),
            }
        }
        if self.bus.framing != Framing::Rtu {
            return;
        }
        self.unasked(&before);
        if taken {
            return;
        }
        let rubbish_before = self.heard.rubbish_bytes;
        for (dir, piece) in frames(&after) {
            match (dir, is_frame(&piece)) {
                _ if question.as_ref() == Some(&piece) => {}
                (Dir::Out, true) => self.heard.unasked_frames += 1,
                (Dir::In, true) => {
                    self.heard.foreign += 1;
                    self.late.extend(piece.first().filter(|unit| Some(**unit) != asked));
                }
                (_, false) => {
                    self.heard.rubbish_bytes += piece.len() as u64;
                    self.heard.flat_bytes += piece.iter().filter(|byte| matches!(byte, 0 | 0xFF)).count() as u64;
                }
            }
        }
        if let Some(unit) = asked.filter(|_| self.heard.rubbish_bytes > rubbish_before) {
            *self.heard.garbled.entry(unit).or_default() += 1;
        }
    }

    /// What came before a question: late answers are no noise.
    fn unasked(&mut self, bytes: &[u8]) {
        for (dir, piece) in frames(bytes) {
            match (dir, is_frame(&piece)) {
                (Dir::Out, true) => {
                    self.heard.unasked_frames += 1;
                    self.heard.unasked_bytes += piece.len() as u64;
                }
                (Dir::In, true) => self.late.extend(piece.first()),
                (_, false) => self.heard.unasked_bytes += piece.len() as u64,
            }
        }
    }
}

fn frames(bytes: &[u8]) -> Vec<(Dir, Vec<u8>)> {
    let mut splitter = Splitter::default();
    let mut frames = splitter.feed(bytes);
    frames.extend(splitter.flush());
    frames
}
