//! `modbus` as a technician meets it: the real program against simulated devices, recordings, and a listening gateway.

use facility_config::profile::builtin;
use facility_config::site::Framing;
use facility_config::{Part, Point};
use facility_drivers::Value as Reading;
use facility_drivers::modbus::trace::{Dir, Head, Recording, Wire};
use facility_drivers::sim::modbus::{Bank, Pty, Server};
use facility_tests::binary;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Nothing here takes this long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(60);

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("modbus").args(words).env_clear().kill_on_drop(true).stdin(Stdio::null());
    command
}

async fn run(words: &[&str]) -> Output {
    timeout(DEADLINE, command(words).output()).await.unwrap().unwrap()
}

async fn out(words: &[&str]) -> String {
    let output = run(words).await;
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn json(words: &[&str]) -> Value {
    serde_json::from_str(&out(&[words, &["--json"]].concat()).await).unwrap()
}

/// A command that serves or listens, and its lines.
async fn start(words: &[&str]) -> (Child, tokio::io::Lines<BufReader<tokio::process::ChildStdout>>) {
    let mut child = command(words).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

async fn line_with(lines: &mut tokio::io::Lines<BufReader<tokio::process::ChildStdout>>, word: &str) -> String {
    timeout(DEADLINE, async {
        loop {
            let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("ended before {word:?}"));
            if line.contains(word) {
                return line;
            }
        }
    })
    .await
    .unwrap()
}

async fn interrupt(mut child: Child) {
    std::process::Command::new("kill").args(["-INT", &child.id().unwrap().to_string()]).status().unwrap();
    let status = timeout(DEADLINE, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "ctrl-c is how it ends: {status}");
}

fn any() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A controller at -18.5 °C as unit 3, a meter as unit 7, nobody else.
fn shop() -> Bank {
    let bank = Bank::new();
    let controller = builtin("danfoss-ekc202d").unwrap();
    assert!(bank.serve(3, &controller) && bank.serve(7, &builtin("eastron-sdm120").unwrap()));
    show(&bank, -18.5);
    bank
}

/// What the controller's display shows.
fn show(bank: &Bank, air_c: f64) {
    let controller = builtin("danfoss-ekc202d").unwrap();
    let facility_config::profile::Dialect::Modbus(map) = &controller.dialect else { panic!("registers") };
    let air = map.points.iter().find(|point| point.point == Point::CabinetAir && point.part == Part::WHOLE).unwrap();
    assert!(bank.set_point(3, air, &Reading::Float(air_c)));
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_scan_finds_the_units_and_names_their_models() {
    let server = Server::rtu_over_tcp(any(), shop()).await.unwrap();
    let at = server.addr().to_string();
    let found = json(&["scan", "--rtu-over-tcp", &at, "--units", "3,5,7", "--timeout", "60"]).await;
    let units: Vec<(u64, &str)> = found["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| (unit["unit"].as_u64().unwrap(), unit["models"][0]["profile"].as_str().unwrap()))
        .collect();
    assert_eq!(units, [(3, "danfoss-ekc202d"), (7, "eastron-sdm120")], "{found:#}");
    assert_eq!(found["troubles"], serde_json::json!([]));
    // What it proposes is a configuration.
    let gateway = "[gateway]\nid = \"gw-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n";
    let site = facility_config::from_toml("scan", &format!("{gateway}{}", found["toml"].as_str().unwrap())).unwrap();
    assert_eq!(site.devices.len(), 3, "the gateway and two devices");
}

#[tokio::test]
async fn a_scan_of_a_port_ends_where_somebody_answers_and_names_the_fault_where_nobody_does() {
    let (pty, near) = Pty::open().unwrap();
    let server = Server::rtu(near, shop());
    let words = ["scan", "--port", path(pty.path()), "--baud", "9600,19200", "--parity", "none", "--units", "3", "--timeout", "60"];
    let text = out(&words).await;
    assert!(text.contains("Danfoss EKC 202D (danfoss-ekc202d)") && text.contains("baud = 9600") && !text.contains("19200"), "{text}");
    drop(server);

    let (pty, _near) = Pty::open().unwrap();
    let words = ["scan", "--port", path(pty.path()), "--baud", "9600", "--parity", "none", "--units", "1-2", "--timeout", "10", "--json"];
    let silent = run(&words).await;
    assert_eq!(silent.status.code(), Some(69));
    let found: Value = serde_json::from_slice(&silent.stdout).unwrap();
    assert_eq!(found["troubles"][0]["trouble"], "silence");
}

#[tokio::test]
async fn a_scan_names_the_likely_fault_of_the_wires() {
    let cases = [
        ("echo", "3", "echo", true),
        ("crc unit 3 every 2, crc unit 3 from 1", "3,7", "two_units", true),
        ("truncated unit 3", "3,7", "two_units", true),
        ("crc", "3", "damaged", false),
        ("foreign", "3", "foreign", false),
    ];
    let scans = cases.map(|(script, units, trouble, is_found)| {
        tokio::spawn(async move {
            let bank = shop();
            bank.script(script.parse().unwrap());
            let server = Server::rtu_over_tcp(any(), bank).await.unwrap();
            let output = run(&["scan", "--rtu-over-tcp", &server.addr().to_string(), "--units", units, "--timeout", "60", "--json"]).await;
            assert_eq!(output.status.code(), Some(if is_found { 0 } else { 69 }), "{script}: {}", String::from_utf8_lossy(&output.stderr));
            let found: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(found["troubles"][0]["trouble"], trouble, "{script}: {found:#}");
        })
    });
    for scan in scans {
        scan.await.unwrap();
    }
}

#[tokio::test]
async fn a_device_is_read_by_its_profile_and_by_its_registers() {
    let (pty, near) = Pty::open().unwrap();
    let bank = shop();
    let _server = Server::rtu(near, bank.clone());
    let line = ["--port", path(pty.path()), "--parity", "even"];
    let text = out(&[&["read", "--unit", "3", "--profile", "danfoss-ekc202d"], &line[..]].concat()).await;
    let air = text.lines().find(|line| line.starts_with("cabinet.air_c")).unwrap();
    assert!(air.contains("-18.5 °C") && air.contains("good") && air.contains("FF47") && air.contains("holding 2531"), "{air}");
    let read = json(&[&["read", "--unit", "3", "holding", "0x9E3"], &line[..]].concat()).await;
    assert_eq!((read["registers"][0]["address"].as_u64(), read["registers"][0]["i16"].as_i64()), (Some(2531), Some(-185)));
    let nobody = run(&[&["read", "--unit", "5", "holding", "0", "--timeout", "20"], &line[..]].concat()).await;
    assert_eq!(nobody.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&nobody.stdout).contains("no answer"));

    let (mut watching, mut lines) = start(&[&["read", "--unit", "3", "holding", "2531", "--watch"], &line[..]].concat()).await;
    line_with(&mut lines, "-185").await;
    show(&bank, -17.0);
    let changed = line_with(&mut lines, "-170").await;
    assert!(changed.starts_with('*'), "{changed}");
    watching.kill().await.unwrap();
}

#[tokio::test]
async fn a_lock_board_shows_its_bits() {
    let bank = Bank::new();
    let board = builtin("lock-8a80").unwrap();
    let facility_config::profile::Dialect::Frame(map) = &board.dialect else { panic!("frames") };
    bank.channels(1, map, &[false, true, false]);
    let server = Server::rtu_over_tcp(any(), bank).await.unwrap();
    let text = out(&["read", "--rtu-over-tcp", &server.addr().to_string(), "--unit", "1", "--profile", "lock-8a80"]).await;
    assert!(
        text.lines().any(|line| line.split_whitespace().eq(["1", "to", "8", "01000000", "2"])) && text.contains("1 of 24 bits are set"),
        "{text}"
    );
}

#[tokio::test]
async fn a_port_has_one_user() {
    let (pty, near) = Pty::open().unwrap();
    let _server = Server::rtu(near, shop());
    let port = path(pty.path());
    let (child, mut lines) = start(&["read", "--port", port, "--unit", "3", "holding", "2531", "--watch"]).await;
    line_with(&mut lines, "-185").await;
    let second = run(&["read", "--port", port, "--unit", "3", "holding", "2531"]).await;
    assert_eq!(second.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&second.stderr).contains("systemctl stop facility-gateway"));
    drop(child);
}

#[tokio::test]
async fn a_guess_finds_the_register_of_the_display_and_a_second_look_leaves_it() {
    let bank = shop();
    let server = Server::tcp(any(), bank.clone()).await.unwrap();
    let (at, dir) = (server.addr().to_string(), tempfile::tempdir().unwrap());
    let kept = dir.path().join("now.json");
    let line = ["guess", "--tcp", &at, "--unit", "3", "--in", "holding:2525-2550"];
    let found = json(&[&line[..], &["--shows", "-18.5", "--save", path(&kept)]].concat()).await;
    let best = &found[0]["guesses"][0];
    assert_eq!((best["address"].as_u64(), best["type"].as_str(), best["scale"].as_f64()), (Some(2531), Some("i16"), Some(0.1)), "{found}");
    show(&bank, -17.0);
    let text = out(&[&line[..], &["--shows", "-17", "--before", path(&kept), "--showed", "-18.5"]].concat()).await;
    assert!(
        text.contains("[[modbus.point]]\npoint = \"cabinet.air_c\"\ntable = \"holding\"\naddress = 2531\ntype = \"i16\"\nscale = 0.1\n"),
        "{text}"
    );
    let none = run(&[&line[..], &["--shows", "999.9"]].concat()).await;
    assert_eq!(none.status.code(), Some(66));
}

fn site(dir: &Path, port: u16) -> std::path::PathBuf {
    let path = dir.join("site.toml");
    let text = format!(
        "[gateway]\nid = \"gw-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[store]\ndir = \"{}\"\n[api]\nlisten = \"127.0.0.1:{port}\"\n[bus.kitchen]\ntransport = \"rtu\"\npath = \"/dev/serial/by-id/usb-none\"\n[device.fz-0001]\nprofile = \"danfoss-ekc202d\"\nbus = \"kitchen\"\nunit = 3\n[device.em-0001]\nprofile = \"eastron-sdm120\"\nbus = \"kitchen\"\nunit = 7\n",
        dir.join("store").display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_plan_says_what_is_asked_and_what_was_learned() {
    let dir = tempfile::tempdir().unwrap();
    let config = site(dir.path(), 8600);
    let both = json(&["plan", "--config", path(&config)]).await;
    assert_eq!(both.as_array().unwrap().len(), 2);
    std::fs::create_dir(dir.path().join("store")).unwrap();
    let learned = r#"{"fz-0001":{"profile":"danfoss-ekc202d","learned":{"refused":[["holding",2531]],"unreadable":[{"table":"holding","first":2532,"last":2533}],"registers_max":1}},"em-0001":{"profile":"another","learned":{"registers_max":1}}}"#;
    std::fs::write(dir.path().join("store/modbus-learned.json"), learned).unwrap();
    let text = out(&["plan", "fz-0001", "--config", path(&config)]).await;
    assert!(text.contains("not asked for: cabinet.air_c") && text.contains("% of the line"), "{text}");
    let lines = out(&["plan", "--config", path(&config), "--bus", "kitchen", "--learned"]).await;
    let expected =
        "registers_max = 1\nunreadable = [{ table = \"holding\", first = 2532, last = 2533 }]\n# remove the point at holding 2531";
    assert!(lines.contains(expected) && lines.contains("# nothing yet"), "{lines}");
    let model = json(&["plan", "--profile", "eastron-sdm120", "--baud", "9600"]).await;
    assert!(model[0]["registers"]["share_pct"].as_f64().unwrap() > 0.0, "{model}");
}

fn exchange() -> [Wire; 2] {
    let wire =
        |at_us, dir, hex| Wire { at_us, dir, bytes: Wire::from_line(&format!(r#"{{"at_us":0,"dir":"in","hex":"{hex}"}}"#)).unwrap().bytes };
    let (question, answer) = air_frames();
    [wire(1000, Dir::Out, &question), wire(21_000, Dir::In, &answer)]
}

/// Question and answer about register 2531 of unit 3, -185, with their checksums.
fn air_frames() -> (String, String) {
    let crc = |body: &[u8]| {
        body.iter().fold(0xFFFF_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
        })
    };
    let frame = |body: &[u8]| {
        let [low, high] = crc(body).to_le_bytes();
        [body, &[low, high]].concat().iter().map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    (frame(&[3, 3, 0x09, 0xE3, 0, 1]), frame(&[3, 3, 2, 0xFF, 0x47]))
}

#[tokio::test]
async fn a_trace_of_another_masters_line_is_recorded_and_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("line.jsonl");
    let (pty, mut near) = Pty::open().unwrap();
    let (child, mut lines) = start(&["trace", "--port", path(pty.path()), "--record", path(&file)]).await;
    let [question, answer] = exchange();
    // Spoken again and again: nobody says when the command has begun to listen.
    let speaking = tokio::spawn(async move {
        loop {
            near.write_all(&question.bytes).await.unwrap();
            near.write_all(&answer.bytes).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    line_with(&mut lines, "read holding registers 2531").await;
    line_with(&mut lines, "/-185").await;
    // The line outlives the command: one that is gone ends it by itself.
    interrupt(child).await;
    speaking.abort();
    let recording = Recording::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(recording.head.as_ref().unwrap().framing, Framing::Rtu);
    assert!(recording.wires.iter().any(|wire| wire.dir == Dir::Out) && recording.wires.iter().any(|wire| wire.dir == Dir::In));

    let (child, mut lines) = start(&["replay", path(&file), "--rtu-over-tcp", "127.0.0.1:0", "--at-once"]).await;
    let told = line_with(&mut lines, "--rtu-over-tcp").await;
    let at = told.split_whitespace().last().unwrap();
    let read = json(&["read", "--rtu-over-tcp", at, "--unit", "3", "holding", "2531"]).await;
    assert_eq!(read["registers"][0]["i16"], -185);
    interrupt(child).await;
}

#[tokio::test]
async fn a_running_gateway_is_asked_for_its_trace() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind(any()).await.unwrap();
    let config = site(dir.path(), listener.local_addr().unwrap().port());
    let gateway = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 1024];
        let read = stream.read(&mut asked).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n").await.unwrap();
        for piece in exchange().map(|wire| wire.to_line() + "\n") {
            let (first, second) = piece.split_at(piece.len() / 2);
            stream.write_all(first.as_bytes()).await.unwrap();
            stream.write_all(second.as_bytes()).await.unwrap();
        }
        stream.write_all(b"\n{\"missed\":3}\n").await.unwrap();
        String::from_utf8_lossy(&asked[..read]).into_owned()
    });
    let text = out(&["trace", "--config", path(&config), "kitchen"]).await;
    assert!(text.contains("→ unit 3: read holding registers 2531") && text.contains("← unit 3: holding registers: 65351/-185"), "{text}");
    assert!(gateway.await.unwrap().starts_with("GET /api/bus/kitchen/trace "));
    // It is gone now.
    let gone = run(&["trace", "--config", path(&config), "kitchen"]).await;
    assert_eq!(gone.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("Is the gateway running"));
}

#[tokio::test]
async fn simulated_devices_can_be_read_as_they_say() {
    let words =
        ["sim", "--profile", "danfoss-ekc202d@3", "--profile", "eastron-sdm120@7", "--tcp", "127.0.0.1:0", "--set", "cabinet.air_c=-18.5"];
    let (child, mut lines) = start(&words).await;
    let told = line_with(&mut lines, "--profile danfoss-ekc202d").await;
    let words: Vec<&str> = told.split_whitespace().skip(2).collect();
    let read = json(&words).await;
    let air = read["points"].as_array().unwrap().iter().find(|point| point["point"] == "cabinet.air_c").unwrap();
    assert_eq!((air["value"].as_f64(), air["quality"].as_str()), (Some(-18.5), Some("good")));
    interrupt(child).await;
}

#[tokio::test]
async fn wrong_usage_is_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let config = site(dir.path(), 8600);
    std::fs::write(dir.path().join("other.jsonl"), Head { bus: "x".into(), framing: Framing::Rtu }.to_line()).unwrap();
    let other = dir.path().join("other.jsonl");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["read", "--unit", "3", "holding", "1"], 2, "which line?"),
        (&["read", "--tcp", "127.0.0.1:1", "--unit", "3"], 2, "required"),
        (&["read", "--tcp", "nowhere", "--unit", "3", "holding", "1"], 2, "host:port"),
        (&["read", "--tcp", "127.0.0.1:1", "--unit", "3", "holding", "65535", "2"], 2, "65535"),
        (&["read", "--tcp", "127.0.0.1:1", "--unit", "3", "--profile", "no-such"], 2, "danfoss-ekc202d"),
        (&["read", "--port", "/dev/none", "--unit", "3", "--profile", "locker"], 2, "no profile"),
        (&["read", "--port", "/dev/no-such-port", "--unit", "3", "holding", "1"], 66, "/dev/serial/by-id"),
        (&["read", "--config", path(&config), "--device", "fz-9999"], 2, "fz-0001"),
        (&["read", "--config", path(&config), "--bus", "cellar", "--unit", "1", "holding", "0"], 2, "kitchen"),
        (&["scan", "--port", "/dev/none", "--units", "9-x"], 2, "unit id"),
        (&["guess", "--tcp", "127.0.0.1:1", "--unit", "1", "--shows", "1", "--in", "coil:0-9"], 2, "holding:0-999"),
        (&["guess", "--tcp", "127.0.0.1:1", "--unit", "1", "--shows", "nan"], 2, "numbers"),
        (&["plan", "--tcp", "127.0.0.1:1"], 2, "--profile"),
        (&["trace", "--tcp", "127.0.0.1:1"], 2, "nothing to listen to"),
        (&["sim", "--profile", "danfoss-ekc202d"], 2, "required"),
        (&["sim", "--profile", "danfoss-ekc202d", "--tcp", "192.168.1.1:502"], 2, "loopback"),
        (&["sim", "--profile", "danfoss-ekc202d", "--tcp", "127.0.0.1:0", "--fault", "rain"], 2, "there is no trouble `rain`"),
        (&["sim", "--profile", "danfoss-ekc202d", "--tcp", "127.0.0.1:0", "--set", "cabinet.air_c=warm"], 2, "no value"),
        (&["sim", "--profile", "danfoss-ekc202d", "--profile", "xy-md02", "--tcp", "127.0.0.1:0"], 2, "xy-md02@2"),
        (&["replay", path(&other), "--tcp", "127.0.0.1:0"], 2, "other frames"),
        (&["replay", path(&config), "--tcp", "127.0.0.1:0"], 65, "line 1"),
    ];
    for (words, code, said) in cases {
        let output = run(words).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {text}");
        assert!(text.contains(said), "{words:?}: {text}");
    }
}
