//! What can be told on this machine: configuration, clock, data folder, and what the running gateway says of its links.

use super::Finding;
use crate::store::{Disk, RealDisk};
use facility_config::{Loaded, Problems, Site};
use facility_drivers::Clock;
use rustix::fs::Access;
use serde_json::Value;
use std::path::Path;

pub(super) fn configuration(loaded: &Loaded, file: &Path) -> Finding {
    let what = "configuration 配置";
    if loaded.warnings.is_empty() {
        return Finding::ok(what, format!("{} is valid", file.display()));
    }
    let words = Problems(loaded.warnings.clone()).render(false);
    Finding::warning(what, words, "the gateway starts with it; read what is said above")
}

pub(super) fn clock(clock: &Clock) -> Finding {
    let what = "clock 时钟";
    if clock.is_set() {
        return Finding::ok(what, crate::cli::store::words::time(clock.now_ms()));
    }
    let found = "it stands before this program was built: nobody has set it since the start";
    Finding::fail(what, found, "check the time server: timedatectl; until then there is no TLS, and times are guesses")
}

/// The folder, and room in it.
pub(super) fn data(site: &Site) -> Finding {
    let (what, dir) = ("data folder 数据目录", &site.store.dir);
    let next = "the gateway makes it at its start if it may write above; is it mounted?";
    if !dir.is_dir() {
        return Finding::warning(what, format!("{} is not there yet", dir.display()), next);
    }
    if let Err(error) = rustix::fs::access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let next =
            format!("run this as the user of the gateway; if it still says so, give that user the folder: chown -R USER {}", dir.display());
        return Finding::fail(what, format!("{} may not be written to: {error}", dir.display()), next);
    }
    let min = site.store.free_bytes_min;
    match RealDisk.free_bytes(dir) {
        Ok(free) if free < min => {
            let found = format!("{} has {} MiB free, fewer than store.free_bytes_min ({} MiB)", dir.display(), free >> 20, min >> 20);
            Finding::fail(what, found, "make room on that file system; the oldest readings give way until then")
        }
        Ok(free) => Finding::ok(what, format!("{} may be written to and has {} MiB free", dir.display(), free >> 20)),
        Err(error) => Finding::fail(what, format!("{}: {error}", dir.display()), "check the card or disk: dmesg"),
    }
}

pub(super) fn gateway(running: Result<(), &str>) -> Finding {
    let what = "gateway 网关";
    match running {
        Ok(()) => Finding::ok(what, "it runs and answers"),
        Err(why) => {
            Finding::warning(what, format!("none answers: {why}"), "systemctl status facility-gateway; journalctl -u facility-gateway")
        }
    }
}

/// A link as the running gateway sees it.
pub(super) fn link(links: &Value, kind: &str, what: &str, name: &str) -> Finding {
    let mut all = links.as_array().into_iter().flatten();
    let Some(link) = all.find(|link| link["kind"] == kind && link["name"] == name) else {
        return Finding::warning(what, "the running gateway does not know it", "it runs with another configuration: restart it");
    };
    let (state, error) = (link["state"].as_str().unwrap_or("unknown"), link["error"].as_str());
    match (state, error) {
        ("up", None) => Finding::ok(what, "up, says the running gateway"),
        ("up", Some(error)) => Finding::warning(what, format!("up, but: {error}"), "do what it says"),
        (state, error) => {
            let found = format!("{state}: {}", error.unwrap_or("not tried yet"));
            Finding::fail(what, found, "do what it says; then facility-gateway explain DEVICE for what hangs on it")
        }
    }
}
