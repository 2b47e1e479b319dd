//! What buses learn, over restarts and changes of the configuration.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_config::profile::Table;

fn site(dir: &Path, profile: &str) -> Site {
    let text = format!(
        "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-test\"\ndistrict = \"350102\"\n[store]\ndir = {dir:?}\n\
         [bus.shop]\ntransport = \"tcp\"\naddress = \"127.0.0.1:502\"\n\
         [device.fz-01]\nprofile = \"{profile}\"\nbus = \"shop\"\nunit = 1\n[device.fz-02]\nprofile = \"{profile}\"\nbus = \"shop\"\nunit = 2\n"
    );
    facility_config::from_toml("test", &text).unwrap()
}

fn refused(address: u16) -> Learned {
    Learned { refused: [(Table::Holding, address)].into(), ..Learned::default() }
}

async fn keep(site: &Site, changes: &[(u16, Learned)]) {
    let (notes, watched) = watch::channel(notes(site, &read(&site.store.dir)));
    let stop = CancellationToken::new();
    let keeper = Keeper { site: Arc::new(site.clone()), notes: watched, stop: stop.clone() };
    let task = tokio::spawn(keeper.run());
    for (device, learned) in changes {
        notes.send_modify(|notes| _ = notes.insert(DeviceIx(*device), learned.clone()));
        let id = site.devices[usize::from(*device)].id.to_string();
        while read(&site.store.dir).get(&id).is_none_or(|entry| entry.learned != *learned) {
            tokio::task::yield_now().await;
        }
    }
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn what_is_learned_comes_back_for_the_same_device_and_profile_only() {
    let dir = tempfile::tempdir().unwrap();
    let first = site(dir.path(), "danfoss-ekc202d");
    assert!(notes(&first, &read(dir.path())).is_empty(), "nothing is known at first");
    keep(&first, &[(1, refused(2545)), (2, refused(2583)), (1, refused(2532))]).await;
    let known = notes(&first, &read(dir.path()));
    assert_eq!(known, Notes::from([(DeviceIx(1), refused(2532)), (DeviceIx(2), refused(2583))]));
    // The controller was replaced by one of another model: its registers are others.
    let other = site(dir.path(), "danfoss-ekc204a1");
    assert!(notes(&other, &read(dir.path())).is_empty());
    keep(&other, &[(2, refused(7))]).await;
    assert_eq!(notes(&other, &read(dir.path())), Notes::from([(DeviceIx(2), refused(7))]));
    assert_eq!(notes(&first, &read(dir.path())), Notes::from([(DeviceIx(1), refused(2532))]), "the other entry is kept");
}

#[test]
fn a_broken_file_costs_nothing_but_what_it_held() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["", "{", "[]", "{\"fz-01\": 3}", "{\"fz-01\":{\"profile\":\"x\",\"learned\":{\"refused\":[[\"holding\",70000]]}}}"] {
        std::fs::write(dir.path().join(FILE), text).unwrap();
        assert!(read(dir.path()).is_empty(), "{text}");
    }
}
