//! An answer that comes after its question was given up is never taken for the answer to another question.

use super::lab::{ADDRESSES, Kind, Lab, Script, TIMEOUT_MS, device, hasty, honest, own_addresses, together, unit};
use crate::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long a device usually thinks.
const THINKING_MS: u64 = 15;

/// How long an answer is waited for: behind a serial server its time on the wire comes on top, fifteen characters of
/// ten bits at 9600.
fn limit_ms(kind: Kind) -> u64 {
    if kind == Kind::RtuOverTcp { TIMEOUT_MS + 16 } else { TIMEOUT_MS }
}

fn slow(kind: Kind, delay_ms: Arc<AtomicU64>) -> Script {
    Box::new(move |_, question| vec![(delay_ms.load(Ordering::Relaxed), honest(kind.framing(), question))])
}

/// One answer is late by a little, by more than the quiet time, or by far; the polls after it are whole again.
#[tokio::test]
async fn one_late_answer_costs_at_most_two_polls() {
    for kind in Kind::ALL {
        // Six timeouts later the device is asked for a sign of life: the answer may meet that question.
        let limit = limit_ms(kind);
        let meeting = (0..6).map(|step| 6 * limit + 10 * step);
        let delays: Vec<u64> = [limit + 5, 2 * limit, 3 * limit, 10 * limit].into_iter().chain(meeting).collect();
        together(delays.into_iter().flat_map(|late_ms| (4..7).map(move |question| one_late_answer(kind, late_ms, question)))).await;
    }
}

async fn one_late_answer(kind: Kind, late_ms: u64, late_question: usize) {
    let script: Script =
        Box::new(move |at, question| vec![(if at == late_question { late_ms } else { THINKING_MS }, honest(kind.framing(), question))]);
    let device = device(kind, script).await;
    let mut lab = Lab::start(device.bus.clone(), vec![hasty(1, 1, 1, &ADDRESSES, 20)]);
    lab.shows(|link| link.faults[Fault::Timeout as usize] > 0).await;
    let mut incomplete = 0;
    // The batch of the poll that met the late answer may still be on the queue.
    while !own_addresses(&lab.telemetry().await) {
        incomplete += 1;
    }
    assert!(incomplete <= 2, "{kind:?}, {late_ms} ms, question {late_question}: {incomplete} incomplete polls");
    for _ in 0..3 {
        own_addresses(&lab.telemetry().await);
    }
    lab.stop().await;
}

/// The same with a device that is asked again at once: two questions have gone out, and two answers come.
#[tokio::test]
async fn a_question_that_was_asked_again_brings_no_wrong_values() {
    for kind in Kind::ALL {
        together((0..14).map(move |step| async move {
            let late_ms = limit_ms(kind) + 5 + 20 * step;
            // Every answer from the fifth to the eighth question is late by the same time.
            let script: Script =
                Box::new(move |at, question| vec![(if (4..8).contains(&at) { late_ms } else { 1 }, honest(kind.framing(), question))]);
            let device = device(kind, script).await;
            let mut one = hasty(1, 1, 1, &ADDRESSES, 20);
            one.polling.retries = 2;
            let mut lab = Lab::start(device.bus.clone(), vec![one]);
            lab.shows(|link| link.faults[Fault::Timeout as usize] > 0).await;
            let mut whole = 0;
            while whole < 3 {
                // Each value is held against its own address.
                whole += u32::from(own_addresses(&lab.telemetry().await));
            }
            lab.stop().await;
        }))
        .await;
    }
}

/// A device that is always late, by whatever time, is never believed; when it is quick again it is read again.
#[tokio::test]
async fn a_device_that_is_always_late_gives_no_value_of_another_register() {
    for kind in Kind::ALL {
        together((1..=24).map(|step| always_late(kind, limit_ms(kind) + step * TIMEOUT_MS / 4))).await;
    }
}

async fn always_late(kind: Kind, late_ms: u64) {
    let delay_ms = Arc::new(AtomicU64::new(0));
    let device = device(kind, slow(kind, delay_ms.clone())).await;
    let mut lab = Lab::start(device.bus.clone(), vec![hasty(1, 1, 1, &ADDRESSES, 20)]);
    assert!(own_addresses(&lab.telemetry().await));
    delay_ms.store(late_ms, Ordering::Relaxed);
    // Every batch on the way is checked for values of other registers.
    lab.shows(|link| link.faults[Fault::Timeout as usize] >= 5).await;
    delay_ms.store(0, Ordering::Relaxed);
    while !own_addresses(&lab.telemetry().await) {}
    let link = lab.stop().await;
    if kind != Kind::Tcp && late_ms < 2 * TIMEOUT_MS {
        assert!(link.faults[Fault::Late as usize] > 0, "{kind:?}, {late_ms} ms: {:?}", link.faults);
    }
}

/// The late answer of one unit meets the question to another: told apart, and the other's answer is still taken.
#[tokio::test]
async fn a_late_answer_of_a_neighbour_costs_nothing() {
    for kind in [Kind::RtuOverTcp, Kind::Serial] {
        let script: Script = Box::new(move |at, question| {
            // Unit 1 is slow once, unit 2 never; the answer to unit 1 arrives within the question to unit 2.
            let ghost = honest(kind.framing(), &[1, 3, 0, 30, 0, 1, 0, 0]);
            if at > 8 && question[0] == 2 {
                vec![(0, ghost), (5, honest(kind.framing(), question))]
            } else {
                vec![(0, honest(kind.framing(), question))]
            }
        });
        let device = device(kind, script).await;
        let units = vec![unit(1, 1, 1, &ADDRESSES, 20), unit(2, 2, 1, &ADDRESSES, 20)];
        let mut lab = Lab::start(device.bus.clone(), units);
        lab.shows(|link| link.faults[Fault::Foreign as usize] >= 5).await;
        for _ in 0..6 {
            assert!(own_addresses(&lab.telemetry().await), "{kind:?}");
        }
        assert_eq!(lab.count(Fault::Timeout), 0, "{kind:?}");
        lab.stop().await;
    }
}
