//! When a device is asked again, and when a connection is opened again.

#![allow(clippy::panic)]

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn pace(interval: Duration) -> Pace {
    Pace { every: [Some(interval), None, None], timeout: Duration::from_millis(500), offline_after: 3, off_max: 30 * SECOND, named: false }
}

/// A device that has shown that it lives.
fn proven(pace: &Pace) -> Session {
    let mut session = Session::new(0, pace);
    assert_eq!(session.next(), (0, Ask::Probe), "an answer to an older process may be on its way");
    session.probed(0);
    session
}

const FAST: Ask = Ask::Round(Group::Fast);
const SLOW: Ask = Ask::Round(Group::Slow);
const ONCE: Ask = Ask::Round(Group::Once);

#[test]
fn a_device_that_answers_keeps_its_rate() {
    let mut session = proven(&pace(5 * SECOND));
    assert_eq!(session.next(), (500, FAST), "once everything that could be on its way has arrived");
    session.answered(Group::Fast, 620, false);
    assert_eq!((session.next(), session.health()), ((5_000, FAST), Health::Online));
    session.answered(Group::Fast, 5_080, false);
    assert_eq!(session.next(), (10_000, FAST), "answer times do not add up");
    session.answered(Group::Fast, 31_000, false);
    assert_eq!(session.next(), (31_000, FAST), "missed polls are not made up for");
}

#[test]
fn where_answers_name_their_questions_nothing_is_doubted() {
    let mut session = Session::new(0, &Pace { named: true, ..pace(SECOND) });
    assert_eq!(session.next(), (0, FAST));
    session.stumbled(Group::Fast, 700);
    assert_eq!(session.next().1, FAST);
    session.failed(2_000);
    assert_eq!(session.next(), (3_000, FAST));
}

#[test]
fn slow_points_and_those_asked_once_have_their_own_times() {
    let mut session = proven(&Pace { every: [Some(5 * SECOND), Some(60 * SECOND), Some(5 * SECOND)], ..pace(SECOND) });
    let mut asked = Vec::new();
    for _ in 0..16 {
        let (at_ms, ask) = session.next();
        let Ask::Round(group) = ask else { panic!("{ask:?}") };
        asked.push((at_ms, ask));
        session.answered(group, at_ms, false);
    }
    assert_eq!(asked[..4], [(500, FAST), (500, SLOW), (500, ONCE), (5_000, FAST)]);
    assert_eq!(asked.iter().filter(|(_, ask)| *ask == SLOW).map(|(at_ms, _)| *at_ms).collect::<Vec<_>>(), [500, 60_000]);
    assert_eq!(asked.iter().filter(|(_, ask)| *ask == ONCE).count(), 1);
    (0..3).for_each(|_| session.failed(70_000));
    session.probed(200_000);
    session.answered(Group::Fast, 201_000, false);
    session.answered(Group::Slow, 201_000, false);
    assert_eq!(session.next(), (201_000, FAST));
    session.answered(Group::Fast, 201_100, false);
    let (_, SLOW) = session.next() else { panic!("{:?}", session.next()) };
    session.answered(Group::Slow, 201_100, false);
    assert_eq!(session.next(), (201_000, ONCE), "who comes back may have been replaced");
}

#[test]
fn a_dead_device_is_asked_ever_less_often_and_at_once_again_when_it_answers() {
    let mut session = proven(&pace(5 * SECOND));
    let mut now_ms = 500;
    let mut waits = Vec::new();
    for _ in 0..7 {
        session.failed(now_ms);
        waits.push(session.next().0 - now_ms);
        now_ms = session.next().0;
    }
    assert_eq!(waits, [5_000, 5_000, 10_000, 20_000, 30_000, 30_000, 30_000]);
    assert_eq!((session.health(), session.next().1), (Health::Offline, Ask::Probe));
    session.probed(now_ms);
    assert_eq!(session.next(), (now_ms + 500, FAST));
    session.answered(Group::Fast, now_ms + 520, false);
    assert_eq!(session.health(), Health::Online);
}

#[test]
fn a_device_that_fell_silent_is_left_alone_for_longer_than_a_probe_and_a_question_take() {
    let timeout_ms = 500;
    let mut fast = proven(&pace(Duration::from_millis(10)));
    fast.stumbled(Group::Fast, 0);
    assert_eq!(fast.health(), Health::Online, "it did answer something");
    assert_eq!(fast.next().1, Ask::Probe);
    assert!(fast.next().0 > 3 * timeout_ms);
    fast.failed(0);
    assert!(fast.next().0 > 3 * timeout_ms);
    assert_eq!(fast.health(), Health::Failing(1));
}

#[test]
fn a_device_that_takes_long_has_a_right_to_its_share_only() {
    let mut slow = proven(&pace(SECOND));
    assert_eq!(slow.deadline_ms(500, 10), 1_500);
    (0..40).for_each(|_| slow.cost(3_000));
    let deadline_ms = slow.deadline_ms(500, 10);
    assert!((25_000..=30_500).contains(&deadline_ms), "ten of them would need 30 s: {deadline_ms}");
    (0..40).for_each(|_| slow.cost(0));
    assert_eq!(slow.deadline_ms(500, 10), 1_500, "quick again");
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
