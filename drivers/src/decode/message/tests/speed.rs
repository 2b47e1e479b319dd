//! How long one message takes. Not a test of anything: run by hand, `--ignored --nocapture`, twice.

use crate::decode::message::MessageDecoder;
use crate::decode::message::fixture::{CABINET_TOPIC, arrival, site};
use std::time::Instant;

/// Ten readings in about 250 bytes, the payload of the benchmark.
const PAYLOAD: &str = r#"{"v":1,"id":"tj-aofengzhou-fz-02","ts":1788220800000,"temps":{"air":-19.4,"product":-18.2,"evaporator":-27.1,"condenser":38.2,"setpoint":-20.0},"state":{"mode":"cooling","compressor":true,"door_open":false},"power":{"voltage_v":228.4,"active_w":486.0}}"#;

#[test]
#[ignore = "a measurement that prints nanoseconds per message; a timing is no assertion"]
#[expect(clippy::print_stdout, reason = "a measurement")]
fn nanoseconds_per_message() {
    let mut decoder = MessageDecoder::new(&site(), 0);
    // Twenty milliseconds apart: as many as one device may send for ever.
    let mut message = arrival(CABINET_TOPIC, PAYLOAD.as_bytes());
    let mut decode = || {
        message.now_ms += 20;
        decoder.decode(&message).readings.len()
    };
    assert_eq!(decode(), 10);
    for _ in 0..5 {
        let (rounds, began) = (200_000, Instant::now());
        let readings: usize = (0..rounds).map(|_| decode()).sum();
        println!("{} bytes, {readings} readings: {} ns per message", PAYLOAD.len(), began.elapsed().as_nanos() / rounds);
    }
}
