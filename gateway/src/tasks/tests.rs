#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test(start_paused = true)]
async fn a_driver_that_panics_is_started_again() {
    let mut tasks = Tasks::default();
    let stop = tasks.stop_of(Kind::Bus);
    let starts = Arc::new(AtomicUsize::new(0));
    let (started, mut seen) = mpsc::channel(4);
    tasks.spawn(Kind::Bus, "bus cold", move || {
        let nth = starts.fetch_add(1, Ordering::SeqCst);
        let (stop, started) = (stop.clone(), started.clone());
        async move {
            started.send(nth).await.unwrap();
            assert!(nth >= 2, "a defect in a driver");
            stop.cancelled().await;
        }
    });
    for expected in 0..=2 {
        assert_eq!(seen.recv().await, Some(expected));
    }
    assert_eq!(tasks.shutdown().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_panics_ends_the_gateway() {
    let mut tasks = Tasks::default();
    tasks.spawn(Kind::Pipeline, "pipeline", || async { panic!("a defect in the pipeline") });
    assert_eq!(tasks.fatal().await, Fatal { task: "pipeline".into() });
}

#[tokio::test(start_paused = true)]
async fn stages_stop_in_the_direction_of_the_data_and_a_stuck_task_is_named() {
    let mut tasks = Tasks::default();
    let order = Arc::new(Mutex::new(Vec::new()));
    for kind in [Kind::Forward, Kind::Rollup, Kind::Pipeline, Kind::Bus, Kind::Broker] {
        let (stop, order) = (tasks.stop_of(kind), order.clone());
        tasks.spawn(kind, format!("{kind:?}"), move || {
            let (stop, order) = (stop.clone(), order.clone());
            async move {
                stop.cancelled().await;
                if kind == Kind::Rollup {
                    std::future::pending::<()>().await;
                }
                order.lock().unwrap().push(rule(kind).stage);
            }
        });
    }
    assert_eq!(tasks.shutdown().await, vec!["Rollup".to_owned()]);
    assert_eq!(*order.lock().unwrap(), vec![0, 0, 1, 3]);
}

#[test]
fn all_stages_together_stop_before_systemd_kills() {
    let stages: Duration = STAGES.iter().map(|(_, allowed)| *allowed).sum();
    assert!(stages + crate::app::STORE_CLOSE < Duration::from_secs(18), "TimeoutStopSec of deploy/systemd is 20 s");
}
