//! F10: kill -9 at a system call of the write path: commits, blocks, rotation, making room, and the opening of a store.
//! The calls are chosen, not hit by luck: strace kills the gateway at the n-th of a kind.

use super::real::Real;
use facility_tests::{Mount, Strace, until};
use std::time::Duration;

/// A debug build that is flooded; the bench has the true figure.
const RSS_BYTES_MAX: u64 = 64 << 20;
const SOON: Duration = Duration::from_secs(15);

/// While it runs: the call, which one of those the store's thread makes, and how many messages of 2 000 readings are
/// enough to come there. Commits are many, blocks some, files few.
const RUNNING: [(&str, u32, u32); 11] = [
    ("pwrite64", 1, 1),
    ("pwrite64", 6, 40),
    ("fdatasync", 1, 1),
    ("fdatasync", 6, 40),
    ("fdatasync", 7, 40),
    ("rename", 1, 160),
    ("fsync", 1, 160),
    ("fallocate", 1, 160),
    ("unlink", 1, 160),
    ("unlink", 2, 160),
    ("ftruncate", 1, 160),
];

/// While it opens its stores, which may need less of one kind: then it starts.
const OPENING: [(&str, u32); 8] =
    [("flock", 2), ("pwrite64", 1), ("pwrite64", 2), ("fdatasync", 1), ("fdatasync", 4), ("fsync", 1), ("fsync", 2), ("fallocate", 1)];

#[tokio::test]
async fn a_kill_at_any_call_of_the_write_path_loses_nothing_and_doubles_nothing() {
    let mut real = Real::start().await;
    // Two rings and little more: files are small, and room has to be made for each.
    let disk = Mount::tmpfs(19 << 20);
    let mut gateway = real.gateway(&disk.path().join("store"), "block").await;
    for (call, nth, messages) in RUNNING {
        let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
        let strace = Strace::attach(gateway.thread("readings"), &["-e", &format!("trace={call}"), "-e", &inject]).await;
        real.publish_wide(messages).await;
        real.publish(10).await;
        gateway.ended(SOON).await;
        drop(strace);
        gateway.resume().await;
    }
    real.publish_wide(20).await;
    gateway.kill();
    for (call, nth) in OPENING {
        gateway.start_killed_at(call, nth).await;
    }
    gateway.resume().await;
    real.assert_all_delivered(&gateway).await;
    assert!(gateway.terminate().await.success());
}

/// Calls of thinning out: the file with fewer points is written, named, and takes the place of the old one.
const THINNING: [(&str, u32); 6] = [("rename", 1), ("rename", 2), ("unlink", 1), ("fsync", 2), ("pwrite64", 12), ("ftruncate", 1)];

#[tokio::test]
async fn a_kill_while_room_is_made_counts_what_was_given_up_once() {
    let mut real = Real::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = real.gateway(&dir.path().join("store"), "thin").await;
    real.stop_database();
    gateway.kill();
    // So much is never free: every new file has to be earned.
    gateway.set_env("GW__STORE__FREE_BYTES_MIN", 1_i64 << 40);
    gateway.resume().await;
    real.publish_wide(300).await;
    until("600 000 points to be taken", SOON, || async { (gateway.status().await["stores"][0]["end"].as_u64()? > 600_000).then_some(()) })
        .await;
    // F11: whatever waits, waits on flash.
    assert!(gateway.memory("VmHWM") < RSS_BYTES_MAX, "{} bytes", gateway.memory("VmHWM"));
    for (call, nth) in THINNING {
        let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
        let strace = Strace::attach(gateway.thread("readings"), &["-e", &format!("trace={call}"), "-e", &inject]).await;
        real.publish(10).await;
        real.publish_wide(260).await;
        gateway.ended(SOON).await;
        drop(strace);
        gateway.resume().await;
    }
    real.resume_database().await;
    let store = real.assert_losses_are_counted(&gateway).await;
    assert!(store["thinned"].as_u64() > Some(0) && store["damaged"] == 0, "{store}");
    assert!(gateway.terminate().await.success());
}
