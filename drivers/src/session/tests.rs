//! When a device is asked again, and when a connection is opened again.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn session() -> Session {
    Session::new(0, 5 * SECOND, Duration::from_millis(500), 30 * SECOND)
}

#[test]
fn a_device_that_answers_keeps_its_rate() {
    let mut session = session();
    assert_eq!((session.due_ms(), session.doubted()), (0, true));
    session.answered(120);
    assert_eq!((session.due_ms(), session.doubted(), session.health()), (5_000, false, Health::Online));
    session.answered(5_080);
    assert_eq!(session.due_ms(), 10_000, "answer times do not add up");
    session.answered(31_000);
    assert_eq!(session.due_ms(), 31_000, "missed polls are not made up for");
}

#[test]
fn a_dead_device_is_asked_ever_less_often_and_at_once_again_when_it_answers() {
    let mut session = session();
    let mut now_ms = 0;
    let mut waits = Vec::new();
    for _ in 0..7 {
        session.failed(now_ms);
        waits.push(session.due_ms() - now_ms);
        now_ms = session.due_ms();
    }
    assert_eq!(waits, [5_000, 5_000, 10_000, 20_000, 30_000, 30_000, 30_000]);
    assert_eq!((session.health(), session.doubted()), (Health::Offline, true));
    session.answered(now_ms);
    assert_eq!((session.health(), session.due_ms()), (Health::Online, now_ms + 5_000));
}

#[test]
fn a_device_that_fell_silent_is_left_alone_for_longer_than_a_probe_and_a_question_take() {
    let timeout_ms = 500;
    let mut fast = Session::new(0, Duration::from_millis(10), Duration::from_millis(timeout_ms), SECOND);
    fast.stumbled(0);
    assert_eq!(fast.health(), Health::Online, "it did answer something");
    assert!(fast.doubted());
    assert!(fast.due_ms() > 3 * timeout_ms as i64);
    fast.failed(0);
    assert!(fast.due_ms() > 3 * timeout_ms as i64);
    assert_eq!(fast.health(), Health::Failing(1));
}

#[test]
fn a_connection_that_carried_answers_is_reopened_at_once_and_a_useless_one_ever_later() {
    let mut reconnect = Reconnect::new(0, 7);
    assert_eq!(reconnect.due_ms(), 0);
    let mut longest = 0;
    for _ in 0..50 {
        reconnect.lost(0);
        assert!((50..=BACKOFF_MS_MAX as i64).contains(&reconnect.due_ms()));
        longest = longest.max(reconnect.due_ms());
    }
    assert!(longest > 10_000);
    reconnect.proven();
    reconnect.lost(1_000);
    assert_eq!(reconnect.due_ms(), 1_000);
    reconnect.lost(1_000);
    assert!((1_050..=1_200).contains(&reconnect.due_ms()), "the wait starts short again");
}
