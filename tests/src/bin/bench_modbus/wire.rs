//! A serial line with simulated units that take their time, on a thread and a runtime of its own: what is measured does
//! not share them.

use facility_config::profile::Table;
use facility_drivers::sim::modbus::{Bank, Paced, Pty, Server, Uart};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Registers of every unit, and of every question.
pub(crate) const REGISTERS: u16 = 20;
/// Bits of a character, 8N1.
pub(crate) const CHAR_BITS: u32 = 10;
/// Characters of a question, and of its answer.
pub(crate) const ASKED: usize = 8;
pub(crate) const ANSWERED: usize = 5 + 2 * REGISTERS as usize;
/// The silence between two frames above 19200 baud (Modbus over serial line V1.02, 2.5.1.1).
const GAP_FAST: Duration = Duration::from_micros(1_750);

/// A line; ends when dropped.
#[derive(Debug)]
pub(crate) struct Wire {
    /// What to open.
    pub(crate) path: PathBuf,
    pub(crate) uart: Uart,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// A line of such a speed. Its units begin to answer one gap after the question: nothing that keeps to the standard
    /// can do so earlier.
    pub(crate) fn start(baud: u32, bank: Bank) -> Self {
        let uart = Uart { baud, char_bits: CHAR_BITS, turnaround: gap(baud) };
        let (say, said) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("line".to_owned()).spawn(move || serve(uart, bank, &say, stopped));
        let thread = thread.expect("a thread");
        Self { path: said.recv().expect("a line"), uart, stop: Some(stop), thread: Some(thread) }
    }

    /// Time of a question and its answer, a gap after each: the wire allows nothing faster.
    pub(crate) fn shortest(&self) -> Duration {
        self.uart.time_of(ASKED + ANSWERED) + 2 * gap(self.uart.baud)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// 3.5 characters, at least 1.75 ms on fast lines.
pub(crate) fn gap(baud: u32) -> Duration {
    if baud > 19_200 { GAP_FAST } else { Duration::from_secs_f64(f64::from(CHAR_BITS) / f64::from(baud)) * 7 / 2 }
}

/// Units 1 to `count` with their registers.
pub(crate) fn bank(count: u8) -> Bank {
    let bank = Bank::new();
    let words: Vec<u16> = (0..REGISTERS).collect();
    (1..=count).for_each(|unit| bank.set(unit, Table::Holding, 0, &words));
    bank
}

fn serve(uart: Uart, bank: Bank, say: &mpsc::Sender<PathBuf>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (line, far) = Pty::open().expect("a pseudo terminal");
        let _units = Server::rtu(Paced::new(far, uart).expect("a timer"), bank);
        say.send(line.path().to_owned()).expect("somebody waits for it");
        let _ = stopped.await;
    });
}
