//! Modbus of other makers: servers of pymodbus and libmodbus, and mbpoll, the other master. All from Debian.

use crate::servers::Process;
use crate::{free_port, root, until};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(20);
/// Debian's own interpreter: the packages belong to it, whatever else is installed.
const PYTHON: &str = "/usr/bin/python3";

/// A file of `tests/peers`.
#[must_use]
pub fn peer_file(name: &str) -> PathBuf {
    root().join("tests/peers").join(name)
}

/// A server of another maker, with the values of `tests/peers/every-type.toml`.
#[derive(Debug)]
pub struct Peer {
    command: Vec<String>,
    /// Where it listens, if it does.
    pub port: Option<u16>,
    process: Option<Process>,
    dir: TempDir,
}

impl Peer {
    /// pymodbus through TCP: `tcp`, `rtu_over_tcp` or `ascii_over_tcp`.
    pub async fn pymodbus(kind: &str) -> Self {
        let port = free_port();
        Self::start(python(kind, &port.to_string()), Some(port)).await
    }

    /// pymodbus on a line: `rtu` or `ascii`.
    pub async fn pymodbus_on(kind: &str, line: &Path) -> Self {
        Self::start(python(kind, &line.display().to_string()), None).await
    }

    /// libmodbus through TCP.
    pub async fn libmodbus() -> Self {
        let port = free_port();
        Self::start(vec![libmodbus().display().to_string(), "tcp".to_owned(), port.to_string()], Some(port)).await
    }

    /// libmodbus on a line, RTU.
    pub async fn libmodbus_on(line: &Path) -> Self {
        Self::start(vec![libmodbus().display().to_string(), "rtu".to_owned(), line.display().to_string()], None).await
    }

    #[expect(clippy::expect_used, reason = "a machine without a temporary directory runs no test")]
    async fn start(command: Vec<String>, port: Option<u16>) -> Self {
        let mut peer = Self { command, port, process: None, dir: tempfile::tempdir().expect("a temporary directory") };
        peer.resume(-195).await;
        peer
    }

    /// Ends it.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again in its place, with this in register 10 (pymodbus only), tenths of a degree.
    pub async fn resume(&mut self, air: i16) {
        self.kill();
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        if self.command[0] == PYTHON {
            command.arg(air.to_string());
        }
        self.process = Some(Process::start(&mut command, &self.dir.path().join("log")));
        // One on a line is asked until it answers; that is the gateway's business.
        if let Some(port) = self.port {
            until("the peer to listen", START, || async { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok() }).await;
        }
    }
}

fn python(kind: &str, place: &str) -> Vec<String> {
    vec![PYTHON.to_owned(), peer_file("pymodbus_server.py").display().to_string(), kind.to_owned(), place.to_owned()]
}

/// The server of libmodbus, compiled once per test program.
#[expect(clippy::expect_used, reason = "tests/run.sh installs what is missing")]
fn libmodbus() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = BUILT.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let program = dir.path().join("libmodbus_server");
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-Wall", "-Werror", "-I/usr/include/modbus", "-o"]).arg(&program);
        let built = cc.arg(peer_file("libmodbus_server.c")).arg("-lmodbus").output().expect("a C compiler");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        (dir, program)
    });
    program
}

/// One question of mbpoll, which counts addresses from 0 here; it gives up by itself after a second.
///
/// # Panics
/// If it is not installed.
#[expect(clippy::expect_used, reason = "tests/run.sh installs what is missing")]
pub async fn mbpoll(arguments: &str) -> Output {
    let words = format!("-0 -1 {arguments}").split(' ').map(str::to_owned).collect::<Vec<_>>();
    tokio::process::Command::new("mbpoll").args(words).output().await.expect("mbpoll is installed: run tests/run.sh")
}
