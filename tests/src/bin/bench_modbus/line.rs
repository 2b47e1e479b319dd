//! How much of a serial line the driver uses, and how much of it a loop that does nothing else.

use crate::client::{Polled, on_line, runtime, unit};
use crate::figures::SPEEDS;
use crate::wire::{ANSWERED, ASKED, REGISTERS, Wire, bank, gap};
use facility_tests::table::{Table, spread};
use serial2::{SerialPort, Settings};
use std::time::{Duration, Instant};

/// Turns of each. The best of them is shown: whatever else the machine does only ever makes a line wait.
const TURNS: u32 = 5;

pub(crate) fn measure(table: &mut Table, span: Duration) {
    for speed in &SPEEDS {
        let wire = Wire::start(speed.baud, bank(1));
        let allowed = 1.0 / wire.shortest().as_secs_f64();
        let turns: Vec<(f64, f64)> = (0..TURNS).map(|_| (driver(&wire, span / TURNS), bare(&wire, span / TURNS))).collect();
        let (rates, bares): (Vec<f64>, Vec<f64>) = turns.into_iter().unzip();
        let ((least, middle, rate), (bare_least, bare_middle, bare)) = (spread(&rates), spread(&bares));
        table.add(&speed.rate, rate);
        table.add(&speed.share, 100.0 * rate / allowed);
        table.add(&speed.bare, 100.0 * bare / allowed);
        table.add(&speed.of_bare, 100.0 * rate / bare);
        table.note(format!(
            "line: {} baud allows {allowed:.1}/s: {} characters and two gaps of {:.2} ms; least and median of {TURNS} turns {:.1} and {:.1} %, bare {:.1} and {:.1} %",
            speed.baud,
            ASKED + ANSWERED,
            1e3 * gap(speed.baud).as_secs_f64(),
            100.0 * least / allowed,
            100.0 * middle / allowed,
            100.0 * bare_least / allowed,
            100.0 * bare_middle / allowed
        ));
    }
}

/// Polls per second of the driver.
fn driver(wire: &Wire, span: Duration) -> f64 {
    runtime().block_on(async {
        let bus = on_line(&wire.path, wire.uart.baud);
        let mut polled = Polled::start(vec![(bus, vec![unit(1, Duration::ZERO, Duration::from_millis(400))])]);
        polled.warm_up(3).await;
        let rounds: u64 = polled.count(span).await.values().sum();
        rounds as f64 / span.as_secs_f64()
    })
}

/// Exchanges per second of a thread that only writes, reads and sleeps: what the pseudo terminal and its pacer allow.
fn bare(wire: &Wire, span: Duration) -> f64 {
    let port = SerialPort::open(&wire.path, |mut settings: Settings| {
        settings.set_raw();
        Ok(settings)
    });
    let mut port = port.expect("a port");
    let mut answer = [0; ANSWERED];
    // The answer to the driver's last question may still come; taken for one's own, it would put this loop ahead by one.
    port.set_read_timeout(Duration::from_millis(300)).expect("a port with a limit");
    while port.read(&mut answer).is_ok() {}
    port.set_read_timeout(Duration::from_secs(5)).expect("a port with a limit");
    let mut question = vec![1, 3, 0, 0, 0, REGISTERS as u8];
    question.extend(crc(&question).to_le_bytes());
    let (began, mut count) = (Instant::now(), 0u32);
    while began.elapsed() < span {
        port.write_all(&question).expect("a line");
        let mut read = 0;
        while read < ANSWERED {
            read += port.read(&mut answer[read..]).expect("an answer");
        }
        count += 1;
        std::thread::sleep(gap(wire.uart.baud));
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// CRC-16/MODBUS (Modbus over serial line V1.02, 6.2.2).
fn crc(bytes: &[u8]) -> u16 {
    let step = |crc: u16| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
    bytes.iter().fold(0xFFFF, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| step(crc)))
}
