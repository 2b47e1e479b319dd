//! Power cuts at any step, also while recovering: what was acknowledged is there, nothing else, in order.

use super::*;

/// What a run knows about what it wrote.
#[derive(Default)]
struct Model {
    /// By position from 0.
    points: Vec<Seen>,
    /// Positions up to which acknowledgements were released.
    acked: Seq,
    /// Mark and the end of its points.
    marks: Vec<(i64, Seq)>,
    cursor: Seq,
}

struct Run {
    disk: SimDisk,
    rng: fastrand::Rng,
    model: Model,
    options: Options,
    /// The reader never moves: then everything missing was unread, and is counted.
    reader_sleeps: bool,
    acks: Acks,
    next_ack: u64,
    waiting: std::collections::BTreeMap<u64, Seq>,
}

fn run(seed: u64, garbage: bool, sync_faults: bool) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let disk = SimDisk::new(seed);
    disk.state().garbage = garbage;
    let bytes_max = if rng.bool() { ROOMY } else { 4 * 64 * 1024 + 100_000 };
    let overflow = [Overflow::DropOldest, Overflow::Thin][rng.usize(..2)];
    let (options, reader_sleeps) = (Options { overflow, ..options(bytes_max) }, rng.bool());
    let (model, acks, waiting) = (Model::default(), Acks::new(), std::collections::BTreeMap::new());
    let mut run = Run { disk, rng, model, options, reader_sleeps, acks, next_ack: 0, waiting };
    for _ in 0..6 {
        run.session(sync_faults);
        run.disk.crash();
        while run.rng.u8(..3) == 0 {
            run.crash_while_opening();
        }
        run.check(seed);
    }
}

impl Run {
    fn open(&self) -> Result<(Log<SimDisk>, Recovery), super::super::OpenError> {
        super::super::open::open_log(self.options.clone(), Clock::manual(NOW_MS), self.disk.clone(), SMALL)
    }

    /// Opens, writes until the power goes.
    fn session(&mut self, sync_faults: bool) {
        let crash_in = self.rng.u64(1..600);
        let (mut log, _) = self.open().unwrap();
        self.disk.state().crash_in = Some(crash_in);
        let base = Instant::now();
        for step in 0..120 {
            let now = base + Duration::from_secs(step * 4);
            if sync_faults && self.rng.u8(..10) == 0 {
                let mut state = self.disk.state();
                if self.rng.bool() {
                    state.syncs = super::super::sim_disk::Fail::Once
                } else {
                    state.writes = super::super::sim_disk::Fail::Once
                }
            }
            while log.takes_more() && self.rng.u8(..4) > 0 {
                let append = self.random_append();
                log.append(append, now);
            }
            if self.rng.bool() {
                log.work(now);
            }
            if !self.reader_sleeps && self.rng.u8(..4) == 0 {
                self.model.cursor = self.rng.u64(self.model.cursor..=log.end.max(self.model.cursor));
                log.advance(Sink::Forward, super::super::Cursor { next: self.model.cursor, ..Default::default() }, now);
            }
            if self.rng.u8(..40) == 0 && log.close(now) {
                break;
            }
        }
        for number in self.acks.drain() {
            let end = self.waiting.remove(&number).expect("released once");
            assert!(end >= self.model.acked, "released in order");
            self.model.acked = end;
        }
        self.waiting.clear();
    }

    fn random_append(&mut self) -> Append {
        let mut batches = Vec::new();
        for _ in 0..self.rng.usize(..4) {
            let mut batch = random_batch(&mut self.rng, 30);
            batch.keep = self.rng.u8(..8) == 0;
            self.model.points.extend(seen(&batch));
            batch.ack = self.acks.ack(self.next_ack);
            self.waiting.insert(self.next_ack, self.model.points.len() as Seq);
            self.next_ack += 1;
            batches.push(batch);
        }
        let has_points = batches.iter().any(|batch| !batch.readings.is_empty());
        let mark = (has_points && self.rng.bool()).then_some(self.next_ack as i64);
        self.model.marks.extend(mark.map(|mark| (mark, self.model.points.len() as Seq)));
        Append { batches, mark }
    }

    fn crash_while_opening(&mut self) {
        self.disk.state().crash_in = Some(self.rng.u64(1..120));
        drop(self.open());
        self.disk.crash();
    }

    fn check(&mut self, seed: u64) {
        self.disk.state().syncs = super::super::sim_disk::Fail::Never;
        self.disk.state().writes = super::super::sim_disk::Fail::Never;
        let (mut log, report) = self.open().unwrap();
        assert_eq!((report.damaged, report.lost_tail), (0, 0), "seed {seed}: {report:?}");
        assert!(log.end >= self.model.acked, "seed {seed}: acknowledged up to {}, held up to {}", self.model.acked, log.end);
        assert!(log.end <= self.model.points.len() as Seq, "seed {seed}: points from nowhere");
        let (all, lost) = read_all(&mut log, 0);
        let given_up = log.evicted + log.thinned;
        assert!(given_up <= lost && (!self.reader_sleeps || given_up == lost), "seed {seed}: {lost} missing, {given_up} given up");
        assert!(self.options.bytes_max < ROOMY || lost == 0, "seed {seed}: nothing had to go");
        for (seq, seen) in &all {
            assert_eq!(*seen, self.model.points[*seq as usize], "seed {seed}: point {seq}");
        }
        assert_eq!(all.len() as u64 + lost, log.end, "seed {seed}");
        assert_eq!(log.damaged, 0, "seed {seed}");
        assert!(log.cursor(Sink::Forward).next <= self.model.cursor.max(log.start), "seed {seed}: a cursor never runs ahead");
        let expected = self.model.marks.iter().rev().find(|(_, end)| *end <= log.end).map(|(mark, _)| *mark);
        assert_eq!(log.mark, expected, "seed {seed}: the newest mark whose points are there");
        self.model.points.truncate(log.end as usize);
        self.model.marks.retain(|(_, end)| *end <= log.end);
        self.model.acked = log.end;
        self.model.cursor = log.cursor(Sink::Forward).next;
    }
}

/// Rounds of each kind. A soak: `STORE_CRASH_ROUNDS=20000 cargo test -p facility-gateway --lib store::tests::crash`
fn rounds() -> u64 {
    std::env::var("STORE_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(150)
}

#[test]
fn no_acknowledged_point_is_lost_by_torn_writes() {
    (0..rounds()).for_each(|seed| run(seed, false, false));
}

#[test]
fn no_acknowledged_point_is_lost_when_pages_in_flight_turn_to_garbage() {
    (1_000_000..1_000_000 + rounds()).for_each(|seed| run(seed, true, false));
}

#[test]
fn no_acknowledged_point_is_lost_when_syncs_fail_and_then_the_power() {
    (2_000_000..2_000_000 + rounds()).for_each(|seed| run(seed, true, true));
}
