//! F6: somebody else fills the disk. The gateway goes on with what it has reserved; when that is used up nothing more is
//! acknowledged and the page says so, and it goes on by itself when there is room again.

use facility_drivers::sim::tsdb::Mode;
use facility_tests::{Gateway, Lab, Mount, until};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_disk_that_somebody_else_fills_stops_acknowledgements_not_the_gateway() {
    // Two rings of 8 MiB, and what the outbox reserves.
    let disk = Mount::tmpfs(48 << 20);
    let mut lab = Lab::with_window(1).await;
    let mut gateway = Gateway::prepare_at(&lab.config(1), &disk.path().join("store"));
    for (name, value) in [("COMMIT_DELAY_MS", 100), ("FREE_BYTES_MIN", 0), ("READINGS_BYTES_MAX", 32 << 20), ("OUTBOX_BYTES_MAX", 1 << 20)]
    {
        gateway.set_env(&format!("GW__STORE__{name}"), value);
    }
    gateway.set_env("GW__STORE__OVERFLOW", "block");
    gateway.resume().await;
    lab.until_listening(&gateway).await;
    lab.publish(20).await;
    lab.until_all_delivered(&gateway, SOON).await;

    // The ring is there, and so are the file that is filled and the next one.
    let filler = disk.fill("somebody-elses");
    lab.database.set_mode(Mode::Down);
    lab.publish(200).await;
    lab.until_acknowledged(SOON).await;
    let status = gateway.status().await.to_string();
    assert!(!status.contains("GW-H001"), "what is reserved can be written: {status}");
    assert!(gateway.is_running());

    // What was reserved is given away as well: now the ring is all there is, a page for each message.
    let reserved = disk.path().join("store/readings/blk");
    for entry in std::fs::read_dir(&reserved).unwrap() {
        let file = std::fs::OpenOptions::new().write(true).open(entry.unwrap().path()).unwrap();
        file.set_len(0).unwrap();
    }
    let more = disk.fill("more");
    lab.publish(2500).await;
    gateway.until_told("GW-H001", true, SOON).await;
    let acknowledged = until("acknowledgements to be withheld", SOON, || {
        let acknowledged = lab.acknowledged();
        std::future::ready((lab.withheld() > 0 && acknowledged > 1000).then_some(acknowledged))
    })
    .await;
    lab.set_air(-181);
    until("the cabinet to be read all the same", SOON, || async { gateway.status().await.to_string().contains("-18.1").then_some(()) })
        .await;
    assert!(lab.acknowledged() <= acknowledged + 1000 && lab.withheld() > 0, "{acknowledged} before");
    assert!(gateway.is_running() && gateway.memory("VmHWM") < 64 << 20, "{}", gateway.memory("VmHWM"));

    std::fs::remove_file(filler).unwrap();
    std::fs::remove_file(more).unwrap();
    lab.database.set_mode(Mode::Up);
    lab.until_all_delivered(&gateway, SOON).await;
    gateway.until_told("GW-H001", false, SOON).await;
    assert!(gateway.terminate().await.success());
}
