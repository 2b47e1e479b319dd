//! System calls that fail, are cut short or take long, injected into the thread of the readings store while the gateway
//! runs (F7, F8, F9). A failed sync is never repeated, an acknowledgement never comes before its record is durable,
//! and whatever the disk does, devices go on being read.

use facility_tests::{Gateway, Lab, Mount, Strace, until};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
/// An alarm is due within this.
const ALARM: Duration = Duration::from_secs(10);

async fn running(interval_s: u32) -> (Lab, Gateway) {
    let mut lab = Lab::start().await;
    let mut gateway = Gateway::prepare(&lab.config(interval_s));
    gateway.set_env("GW__STORE__COMMIT_DELAY_MS", 100);
    gateway.resume().await;
    lab.until_listening(&gateway).await;
    lab.publish(20).await;
    lab.until_acknowledged(SOON).await;
    (lab, gateway)
}

/// The cabinet goes on being read: a value that was just set is shown.
async fn until_read(lab: &Lab, gateway: &Gateway, tenths: i16) {
    lab.set_air(tenths);
    until("a fresh value of the cabinet", SOON, || async {
        gateway.status().await.to_string().contains(&format!(":{:.1}", f64::from(tenths) / 10.0)).then_some(())
    })
    .await;
}

/// F7: one failed sync. No acknowledgement leaves before another segment has the record, and the file whose sync failed
/// is not synced again.
#[tokio::test]
async fn a_failed_sync_is_never_repeated_and_its_record_is_written_elsewhere() {
    let (mut lab, gateway) = running(60).await;
    let calls = "trace=pwrite64,fdatasync,sendto,write,writev,sendmsg";
    let strace = Strace::attach(gateway.pid(), &["-f", "-s", "8", "-e", calls, "-e", "inject=fdatasync:error=EIO:when=1"]).await;
    lab.publish(5).await;
    lab.until_all_delivered(&gateway, SOON).await;
    let trace = strace.detach();
    let store = gateway_thread(&trace);
    let failed = trace.lines().position(|line| line.starts_with(&store) && line.contains("fdatasync") && line.contains("EIO")).unwrap();
    let fd = |line: &str| line.split_once('(').map(|(_, rest)| rest.split([',', ')']).next().unwrap_or_default().to_owned());
    let bad = fd(trace.lines().nth(failed).unwrap()).unwrap();
    let mut durable_again = false;
    for line in trace.lines().skip(failed + 1) {
        if line.starts_with(&store) && line.contains("fdatasync") {
            assert_ne!(fd(line), Some(bad.clone()), "a file is synced again after its sync failed:\n{trace}");
            durable_again = true;
        }
        // 0x40 begins a PUBACK.
        assert!(durable_again || !line.contains("\"@\\2"), "acknowledged before it was durable:\n{trace}");
    }
    assert!(durable_again, "{trace}");
}

/// Process id and blank in front of the lines of the thread that met the first failure.
fn gateway_thread(trace: &str) -> String {
    let line = trace.lines().find(|line| line.contains("EIO")).expect("a failed sync");
    line.split_inclusive(' ').next().unwrap_or_default().to_owned()
}

/// F7: nothing can be written for a while.
#[tokio::test]
async fn a_dead_disk_withholds_acknowledgements_and_comes_back_by_itself() {
    for error in ["inject=fdatasync:error=EIO", "inject=pwrite64:error=EIO", "inject=pwrite64,fdatasync,openat:error=EROFS"] {
        let (mut lab, mut gateway) = running(1).await;
        let strace = Strace::attach(gateway.thread("readings"), &["-e", "trace=pwrite64,fdatasync,openat", "-e", error]).await;
        // What was on its way before.
        let acknowledged = lab.acknowledged();
        lab.publish(100).await;
        gateway.until_told("GW-H001", true, ALARM).await;
        until_read(&lab, &gateway, -187).await;
        assert_eq!(lab.acknowledged(), acknowledged, "{error}: nothing is acknowledged");
        assert_eq!(lab.withheld(), 100, "{error}");
        assert!(gateway.is_running(), "{error}");
        drop(strace);
        lab.until_all_delivered(&gateway, SOON).await;
        gateway.until_told("GW-H001", false, ALARM).await;
        let air = lab.series("cabinet", "air_c");
        assert!(air.values().any(|air| *air == -18.7), "{error}: what was read meanwhile arrives: {air:?}");
        assert!(gateway.terminate().await.success(), "{error}");
    }
}

/// F7: the file system turns read-only under the gateway.
#[tokio::test]
async fn a_disk_that_turns_read_only_stops_acknowledgements_not_the_gateway() {
    let disk = Mount::ext4(128);
    let mut lab = Lab::start().await;
    let mut gateway = Gateway::prepare_at(&lab.config(1), &disk.path().join("store"));
    gateway.set_env("GW__STORE__FREE_BYTES_MIN", 0);
    gateway.resume().await;
    lab.until_listening(&gateway).await;
    lab.publish(20).await;
    lab.until_acknowledged(SOON).await;
    let acknowledged = lab.acknowledged();
    disk.turn_read_only();
    lab.publish(60).await;
    gateway.until_told("GW-H001", true, ALARM).await;
    until_read(&lab, &gateway, -176).await;
    assert_eq!((lab.acknowledged(), lab.withheld()), (acknowledged, 60), "nothing is acknowledged");
    assert!(gateway.is_running());
    // No writing without a repair: this medium needs a person.
    gateway.kill();
    disk.repair();
    gateway.resume().await;
    lab.until_all_delivered(&gateway, SOON).await;
}

/// F8: calls that were interrupted, or wrote nothing, leave no torn frame behind.
#[tokio::test]
async fn interrupted_and_short_calls_are_taken_up_again() {
    let calls = [
        "pwrite64:error=EINTR:when=1+2",
        "fdatasync:error=EINTR:when=1+2",
        "pread64:error=EINTR:when=1+2",
        "pwrite64:retval=0:when=2",
        "pwrite64:error=EAGAIN:when=3",
    ];
    let (mut lab, mut gateway) = running(60).await;
    for call in calls {
        let inject = format!("inject={call}");
        let strace = Strace::attach(gateway.thread("readings"), &["-e", "trace=pwrite64,fdatasync,pread64", "-e", &inject]).await;
        for _ in 0..5 {
            lab.publish(10).await;
            lab.until_acknowledged(SOON).await;
        }
        lab.until_all_delivered(&gateway, SOON).await;
        assert!(strace.detach().contains("INJECTED") || call.starts_with("pread64"), "{call}");
    }
    gateway.kill();
    gateway.resume().await;
    lab.until_all_delivered(&gateway, SOON).await;
    assert!(!gateway.status().await.to_string().contains("GW-H003"), "no damage is found at the start");
}

/// F8: real short writes, by a limit in the middle of a frame; the next call says that nothing more fits (F6 without a
/// mount).
#[tokio::test]
async fn a_file_size_limit_in_the_middle_of_a_frame_tears_nothing() {
    let mut lab = Lab::with_window(1).await;
    let mut gateway = Gateway::prepare(&lab.config(60));
    gateway.wrap(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    gateway.set_env("GW__STORE__COMMIT_DELAY_MS", 100);
    gateway.resume().await;
    lab.until_listening(&gateway).await;
    lab.publish(10).await;
    lab.until_acknowledged(SOON).await;
    limit_files(&gateway, "130000");
    lab.publish(300).await;
    gateway.until_told("GW-H001", true, SOON).await;
    let (acknowledged, withheld) = (lab.acknowledged(), lab.withheld());
    assert!(withheld > 0 && acknowledged < 310, "{acknowledged} acknowledged, {withheld} withheld");
    limit_files(&gateway, "unlimited");
    lab.until_all_delivered(&gateway, SOON).await;
    gateway.until_told("GW-H001", false, ALARM).await;
    gateway.kill();
    gateway.resume().await;
    lab.until_all_delivered(&gateway, SOON).await;
    assert!(!gateway.status().await.to_string().contains("GW-H003"), "no damage is found at the start");
}

fn limit_files(gateway: &Gateway, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let status = std::process::Command::new("prlimit").args(["--pid", &gateway.pid().to_string(), &limit]).status();
    assert!(status.is_ok_and(|status| status.success()), "prlimit");
}

/// A medium that does not give what was written, for a moment: readers wait for it and go on by themselves, without a
/// commit that wakes them.
#[tokio::test]
async fn readers_go_on_when_the_disk_gives_again_what_it_has() {
    let mut lab = Lab::start().await;
    // Nothing comes by itself meanwhile.
    let gateway = Gateway::start(&lab.config(3600)).await;
    lab.until_listening(&gateway).await;
    let strace = Strace::attach(gateway.thread("readings"), &["-e", "trace=pread64", "-e", "inject=pread64:error=EIO"]).await;
    lab.publish(100).await;
    lab.until_acknowledged(SOON).await;
    until("a reader to meet the error", SOON, || std::future::ready(strace.trace().contains("INJECTED").then_some(()))).await;
    assert_eq!(lab.delivered().len(), 0, "nothing can be read");
    drop(strace);
    lab.until_all_delivered(&gateway, SOON).await;
    let status = gateway.status().await;
    assert_eq!(status["stores"][0]["damaged"], 0, "{}", status["stores"]);
}

/// F9: every sync takes 2.5 s. Devices are read as before, memory stays bounded.
#[tokio::test]
async fn a_slow_disk_stalls_no_poll() {
    let (mut lab, gateway) = running(1).await;
    let slow = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=2500000"];
    let strace = Strace::attach(gateway.thread("readings"), &slow).await;
    lab.publish(500).await;
    for tenths in -190..-185 {
        until_read(&lab, &gateway, tenths).await;
    }
    assert!(lab.withheld() > 0, "the disk was the bottleneck");
    assert!(gateway.memory("VmHWM") < 64 << 20, "{} bytes", gateway.memory("VmHWM"));
    drop(strace);
    lab.until_all_delivered(&gateway, SOON).await;
    let times: Vec<i64> = lab.series("cabinet", "air_c").into_keys().collect();
    let mean_ms = (times[times.len() - 1] - times[0]) / (times.len() as i64 - 1);
    assert!(times.len() >= 5 && mean_ms < 1500, "a poll each second came every {mean_ms} ms: {times:?}");
}
