//! Bytes take their time, never less.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::{Bank, Pty, Server};
use super::*;
use crate::serial::Serial;
use facility_config::profile::Table;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const QUESTION: [u8; 8] = [0x01, 0x03, 0x01, 0x00, 0x00, 0x01, 0x85, 0xF6];
const ANSWER: [u8; 7] = [0x01, 0x03, 0x02, 0x01, 0x04, 0xB8, 0x17];

/// Asks over and over; how much later than the wire allows each answer came.
async fn lateness(uart: Uart, rounds: usize) -> Vec<Duration> {
    let bank = Bank::new();
    bank.set(1, Table::Holding, 256, &[260]);
    let (pty, far) = Pty::open().unwrap();
    let _server = Server::rtu(Paced::new(far, uart).unwrap(), bank);
    let mut port = Serial::new(serial2::SerialPort::open(pty.path(), uart.baud).unwrap()).unwrap();
    let least = uart.time_of(QUESTION.len()) + uart.turnaround + uart.time_of(ANSWER.len());
    let mut late = Vec::new();
    for _ in 0..rounds {
        let asked = Instant::now();
        port.write_all(&QUESTION).await.unwrap();
        let mut answer = [0; ANSWER.len()];
        port.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, ANSWER);
        late.push(asked.elapsed().checked_sub(least).expect("no byte is faster than the wire"));
    }
    late.sort_unstable();
    late
}

#[test]
fn characters_take_as_long_as_their_bits() {
    let uart = |baud, char_bits| Uart { baud, char_bits, turnaround: Duration::ZERO };
    assert_eq!(uart(9600, 10).time_of(8), Duration::from_nanos(8_333_333));
    assert_eq!(uart(9600, 11).time_of(1), Duration::from_nanos(1_145_833));
    assert_eq!(uart(115_200, 10).time_of(255), Duration::from_nanos(22_135_416));
    assert_eq!(uart(0, 10).time_of(1), Duration::from_secs(10), "no speed is no reason to panic");
}

#[tokio::test]
async fn no_answer_is_faster_than_the_wire() {
    for (baud, turnaround_us) in [(9_600, 2_500), (115_200, 300)] {
        lateness(Uart { baud, char_bits: 10, turnaround: Duration::from_micros(turnaround_us) }, 10).await;
    }
}

/// `cargo test … -- --ignored --nocapture` prints how exact the line is on this machine.
#[tokio::test]
#[ignore = "a measurement that prints how late answers are; it checks nothing"]
#[allow(clippy::print_stdout)]
async fn how_late_a_paced_answer_is() {
    for (baud, rounds) in [(9_600, 300), (115_200, 2_000)] {
        let late = lateness(Uart { baud, char_bits: 10, turnaround: Duration::from_micros(500) }, rounds).await;
        let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
        println!("{baud} Bd: late by {:?} (half), {:?} (99 %), {:?} (worst of {rounds})", at(0.5), at(0.99), at(1.0));
    }
}
