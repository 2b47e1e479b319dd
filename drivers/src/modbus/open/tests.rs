//! What happens to a port that somebody else has.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::serial::Serial;

fn line(path: &Path, baud: u32) -> SerialLine {
    SerialLine { path: path.into(), baud, parity: Parity::None, data_bits: 8, stop_bits: 1, rs485: None }
}

/// A second program that only tries must not leave the line at another speed.
#[tokio::test]
async fn a_port_in_use_is_refused_and_keeps_its_speed() {
    let (_near, far) = Serial::pseudo().unwrap();
    let first = serial(&line(far.path(), 9_600)).unwrap();
    let Err(refused) = serial(&line(far.path(), 115_200)) else { panic!("it is in use") };
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    assert!(refused.to_string().contains("another program"), "{refused}");
    let baud = |held: &Held| rustix::termios::tcgetattr(&held.0).unwrap().output_speed();
    assert_eq!(first.held.as_ref().map(baud), Some(9_600));
    drop(first);
    let again = serial(&line(far.path(), 115_200)).unwrap();
    assert_eq!(again.held.as_ref().map(baud), Some(115_200));
}
