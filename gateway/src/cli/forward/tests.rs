//! What the commands say of destinations that work, are away, or have never been there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::probe::{Answer, ask};
use super::status::{Stand, of_snapshot};
use super::*;
use facility_drivers::Clock;
use facility_drivers::sim::tsdb::{Mode, Tsdb};
use serde_json::json;
use std::net::SocketAddr;

const HEAD: &str = "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n";

fn site(url: &str) -> Site {
    let text = format!(
        "{HEAD}[forward.main]\nurl = \"{url}\"\norg = \"o\"\nbucket = \"b\"\n[forward.stick]\nprotocol = \"file\"\ndir = \"/nowhere/stick\"\n"
    );
    facility_config::from_toml("gateway.toml", &text).unwrap()
}

#[test]
fn a_snapshot_gives_each_destination_its_own_figures() {
    let site = site("http://127.0.0.1:1");
    let account =
        |buffered: u64| json!({"delivered": 7, "buffered": buffered, "dead_lettered": 2, "dropped": {"evicted": 3, "wrong_type": 9}});
    let snapshot = json!({
        "links": [
            {"kind": "broker", "name": "main", "state": "denied"},
            {"kind": "database", "name": "main", "state": "connecting", "since_ms": 5, "error": "connection refused"},
            {"kind": "database", "name": "stick", "state": "up", "since_ms": 6, "error": null},
        ],
        "forward": [{"name": "main", "accounts": [account(40), account(2)]}, {"name": "stick", "accounts": []}],
    });
    let main = of_snapshot(&site.forward[0], &snapshot);
    assert_eq!((main.state.as_str(), main.since_ms, main.error.as_deref()), ("connecting", Some(5), Some("connection refused")));
    assert_eq!((main.waiting, main.delivered, main.dead_lettered, main.lost), (42, 14, 4, 6));
    let stick = of_snapshot(&site.forward[1], &snapshot);
    assert_eq!((stick.state.as_str(), stick.waiting, stick.error.as_deref()), ("up", 0, None));
    assert!(!main.works() && stick.works());
    let text = status::text(&[main, stick]);
    assert!(text.contains("connection refused") && text.contains("42") && text.contains("/nowhere/stick"), "{text}");
    // A gateway of another version, or one that was started with another file.
    let unknown = of_snapshot(&site.forward[0], &json!({}));
    assert_eq!(unknown, Stand { name: "main".into(), address: "http://127.0.0.1:1".into(), state: "unknown".into(), ..Stand::default() });
}

#[tokio::test]
async fn a_test_says_in_words_what_came_back() {
    let tsdb = Tsdb::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    tsdb.keep_all(true);
    let site = site(&tsdb.url());
    let table = [
        (Mode::Up, true, "stored"),
        (Mode::Down, false, "try again"),
        (Mode::Status(404, None), false, "no such bucket"),
        (Mode::Portal, false, "login page"),
    ];
    for (mode, expected, what) in table {
        tsdb.set_mode(mode);
        let (ok, words) = ask(&site.forward[0], "gateway_test,gw_id=g sent=1i 1\n", &Clock::manual(1)).await;
        assert!(ok == expected && words.contains(what), "{mode:?}: {words}");
    }
    assert_eq!(tsdb.summary().lines, 1);
    let (ok, words) = ask(&site.forward[1], "", &Clock::manual(1)).await;
    assert!(!ok && words.contains("stick"), "{words}");
    let answer = Answer { name: "stick".into(), address: "/nowhere/stick".into(), ok, words };
    assert!(probe::text(&[answer]).contains("FAILED"));
}

#[test]
fn only_configured_destinations_can_be_chosen() {
    let site = site("http://127.0.0.1:1");
    assert_eq!(chosen(&site, None).unwrap().len(), 2);
    assert_eq!(&*chosen(&site, Some("stick")).unwrap()[0].name, "stick");
    assert!(matches!(chosen(&site, Some("city")), Err(Exit::Start { code: 2, message }) if message.contains("main, stick")));
}

#[test]
fn a_backlog_an_order_and_a_budget_are_told_when_there_are_some() {
    let site = site("http://127.0.0.1:1");
    let snapshot = json!({
        "links": [{"kind": "database", "name": "main", "state": "up", "since_ms": 5}],
        "forward": [{
            "name": "main",
            "waits_for": "city", "accounts": [{"delivered": 7, "buffered": 40, "dead_lettered": 0, "dropped": {"over_budget": 12}}],
            "backlog": {"points": 9000, "points_per_s": 150.0, "empty_s": 60},
            "replay": {"from_ms": 0, "to_ms": 1000, "done_points": 3, "of_points": 11, "sent_points": 2, "refused_points": 0},
            "budget": {"level": "no_readings", "used_bytes": 21_000_000, "allowed_bytes": 30_000_000, "forecast_bytes": null},
        }],
    });
    let main = of_snapshot(&site.forward[0], &snapshot);
    assert_eq!((main.over_budget, main.lost), (12, 0), "what can still be sent is not lost");
    let text = status::text(&[main]);
    for words in ["150 points/s", "1 min", "3 of 11", "21.0 of 30.0 MB", "no readings", "因限额未发", "waits for city 等待 city 补发"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let bare = of_snapshot(&site.forward[1], &snapshot);
    assert!(bare.backlog.is_none() && bare.replay.is_none() && bare.budget.is_none() && bare.waits_for.is_none());
}

#[tokio::test]
async fn a_platform_is_never_tried_under_the_running_gateways_client_id() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    for (given, expected) in [("", "gw-test-01-city-TEST"), ("client_id = \"sn-0815\"\n", "sn-0815-TEST")] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = format!("{HEAD}[forward.city]\nprotocol = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{port}\"\n{given}");
        let site = facility_config::from_toml("gateway.toml", &lines).unwrap();
        // Lets nobody in, by 5 as by 3.1.1, and keeps what it was told.
        let broker = tokio::spawn(async move {
            let mut heard = Vec::new();
            for answer in [&[0x20, 3, 0, 0x87, 0][..], &[0x20, 2, 0, 5][..]] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut connect = [0; 1_024];
                let got = stream.read(&mut connect).await.unwrap();
                heard.push(String::from_utf8_lossy(&connect[..got]).into_owned());
                stream.write_all(answer).await.unwrap();
            }
            heard
        });
        let (ok, words) = ask(&site.forward[0], "m v=1i 1\n", &Clock::system()).await;
        let heard = broker.await.unwrap();
        assert!(!ok && heard.iter().all(|connect| connect.contains(expected)), "{heard:?}");
        assert_eq!(words.contains("admits only that one"), !given.is_empty(), "{words}");
    }
}

#[test]
fn an_order_waits_for_a_gateway_and_a_span_that_is_none_is_refused() {
    use crate::operator::Spool;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gateway.toml");
    let store = dir.path().join("store");
    let text = format!("{HEAD}[store]\ndir = {store:?}\n[forward.main]\nurl = \"http://127.0.0.1:1\"\norg = \"o\"\nbucket = \"b\"\n");
    std::fs::write(&config, text).unwrap();
    let order = |args: &[&str]| {
        use clap::Parser as _;
        let all = [&["facility-gateway", "forward", "replay", "main", "--config", config.to_str().unwrap()], args].concat();
        match crate::cli::Cli::try_parse_from(all).unwrap().command {
            crate::cli::Command::Forward(ForwardCommand::Replay(args)) => args.leave(0),
            _ => panic!("another command"),
        }
    };
    assert!(matches!(order(&["--from", "-2d"]), Err(Exit::Start { code: 74, .. })), "no gateway was ever there");
    let spool = Spool::new(&crate::forward::replay::dir(&store, "main"));
    spool.make().unwrap();
    assert!(matches!(order(&["--from", "-1h", "--to", "-2h"]), Err(Exit::Start { code: 2, .. })));
    assert!(matches!(order(&["--from", "-2d", "--json"]), Ok(Exit::Done)));
    let ids = spool.ids().unwrap();
    spool.take(&ids[0]).unwrap();
    let left = crate::forward::replay::Order::parse(&spool.read(&ids[0]).unwrap()).unwrap();
    assert!(left.to_ms - left.from_ms >= 2 * 86_400_000 - 60_000);
}
