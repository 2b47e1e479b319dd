//! What can be said of a device while no gateway answers: its declaration, and what is on flash. Reads the store folder only.

use super::chain::{declared_device, undeclared};
use super::hop::{Hop, Step, Verdict, both};
use crate::cli::store::words::{count, device as device_of, time};
use crate::status::StrangerInfo;
use crate::store::card::{Card, CardError, facts::Facts};
use crate::strangers;
use facility_config::Site;

/// The gateway that does not answer, the declaration, and both stores.
pub(super) fn hops(site: &Site, id: &str, why: &str) -> Vec<Hop> {
    let gateway = Hop::new(
        Step::Gateway,
        Verdict::Failed,
        (
            format!("No gateway with this configuration answers: {why}. This is from the configuration and the store folder."),
            format!("使用此配置的网关没有应答：{why}。以下内容来自配置和存储目录。"),
        ),
    );
    let gateway = gateway.next(both(
        "Start it, or see why it ended: systemctl status facility-gateway, journalctl -u facility-gateway",
        "启动网关或查明其退出原因：systemctl status facility-gateway、journalctl -u facility-gateway",
    ));
    let Some(device) = declared_device(site, id) else {
        let known = strangers::still_strange(site, strangers::read(&site.store.dir));
        let known = known.into_iter().flat_map(|(broker, all)| all.into_iter().map(move |one| StrangerInfo::new(&broker, one)));
        return vec![gateway, undeclared(site, &known.collect::<Vec<_>>(), id)];
    };
    let words = (format!("{}, declared.", device.kind.as_str()), format!("{}，已登记。", device.kind.zh()));
    let declared = Hop::new(Step::Declared, Verdict::Ok, words);
    let stored = of_store(site, "readings", Step::Stored, id);
    vec![gateway, declared, stored, of_store(site, "outbox", Step::Forwarded, id)]
}

fn of_store(site: &Site, name: &str, step: Step, id: &str) -> Hop {
    let dir = site.store.dir.join(name);
    match Card::open(&dir) {
        Ok(mut card) => judged(&card.facts(), name, step, id),
        Err(CardError::Nothing { path }) => {
            let path = path.display();
            let words =
                (format!("There is no {name} store in {path}, or it may not be read."), format!("{path} 中没有 {name} 存储，或无权读取。"));
            Hop::new(step, Verdict::Unknown, words).next(both(
                "No gateway has run with this configuration yet; otherwise do this as the user it runs as.",
                "可能尚未用此配置运行过网关；否则请以网关的运行用户执行本命令。",
            ))
        }
        Err(error) => Hop::new(step, Verdict::Unknown, (format!("{error}."), format!("无法读取 {}：{error}。", dir.display()))),
    }
}

fn judged(facts: &Facts, name: &str, step: Step, id: &str) -> Hop {
    let own = facts.devices.iter().filter(|found| found.tags.as_deref().and_then(device_of).as_deref() == Some(id));
    let points = count(own.map(|found| found.points).sum());
    let newest = facts.at_ms.map_or_else(|| "–".to_owned(), |(_, to_ms)| time(to_ms));
    let waiting = count(facts.readers.iter().map(|reader| reader.waiting).max().unwrap_or(0));
    let words = (
        format!(
            "The {name} store holds {points} points of it; the newest of all devices is from {newest}, {waiting} wait for their reader."
        ),
        format!("{name} 存储中有该设备的 {points} 个数据点；所有设备最新数据为 {newest}，{waiting} 个等待处理。"),
    );
    Hop::new(step, if points == "0" { Verdict::Suspect } else { Verdict::Ok }, words)
}
