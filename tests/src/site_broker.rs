//! mosquitto as `deploy/mosquitto` sets it up, in a folder of its own and on free ports.

use crate::servers::{Process, listening};
use crate::{free_port, root};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A broker with an authority of its own.
#[derive(Debug)]
pub struct SiteBroker {
    /// Where the gateway finds it, on loopback.
    pub port: u16,
    kiosk_port: u16,
    process: Option<Process>,
    dir: TempDir,
}

#[expect(clippy::expect_used, reason = "a laboratory without its broker cannot go on")]
impl SiteBroker {
    /// Runs the script and starts mosquitto with what it wrote; only the ports are others.
    ///
    /// # Panics
    /// When the script fails.
    pub async fn set_up() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut broker = Self { port: free_port(), kiosk_port: free_port(), process: None, dir };
        broker.script(&["setup", "localhost", "127.0.0.1"]);
        let conf = broker.path("etc/mosquitto/conf.d/facility.conf");
        let text = std::fs::read_to_string(&conf).expect("what the script wrote");
        let (kiosks, gateway) = (format!("listener {} 127.0.0.1\n", broker.kiosk_port), format!("listener {} 127.0.0.1\n", broker.port));
        assert!(text.contains("listener 8883\n") && text.contains("listener 1883 127.0.0.1\n"), "{text}");
        let text = text.replace("listener 8883\n", &kiosks).replace("listener 1883 127.0.0.1\n", &gateway);
        std::fs::write(&conf, text).expect("its configuration");
        // As Debian's mosquitto.conf; under root it would give up its rights, and with them the way to the folder.
        let main = format!(
            "user root\npersistence true\npersistence_location {}/\ninclude_dir {}\n",
            broker.dir.path().display(),
            broker.path("etc/mosquitto/conf.d").display()
        );
        std::fs::write(broker.path("mosquitto.conf"), main).expect("its configuration");
        broker.resume().await;
        broker
    }

    /// File with the gateway's password.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.path("etc/facility-gateway/mqtt.password")
    }

    /// Gives a kiosk a certificate.
    pub fn admit(&self, id: &str) {
        self.script(&["device", id]);
    }

    /// Takes it back. The kiosk still has its files.
    ///
    /// # Panics
    /// When the script fails.
    pub async fn revoke(&mut self, id: &str) {
        let kept = ["pem", "key"].map(|ending| (self.own(id, ending), std::fs::read(self.own(id, ending)).expect("its certificate")));
        self.script(&["revoke", id]);
        for (file, bytes) in kept {
            std::fs::write(file, bytes).expect("its certificate");
        }
        self.resume().await;
    }

    /// Publishes as a kiosk with that certificate, or with none, at QoS 1.
    ///
    /// # Errors
    /// As the client of mosquitto says.
    pub fn publish(&self, id: Option<&str>, topic: &str, payload: &str) -> Result<(), String> {
        self.publish_with(id, topic, payload, &[])
    }

    /// The same with more options of `mosquitto_pub`.
    ///
    /// # Errors
    /// As the client of mosquitto says.
    pub fn publish_with(&self, id: Option<&str>, topic: &str, payload: &str, options: &[&str]) -> Result<(), String> {
        let file = self.path("payload");
        std::fs::write(&file, payload).expect("a payload");
        let mut command = Command::new("timeout");
        command
            .args(["20", "mosquitto_pub", "-h", "localhost", "-p", &self.kiosk_port.to_string(), "-q", "1", "-t", topic, "-f"])
            .arg(&file);
        command.args(options);
        command.arg("--cafile").arg(self.path("etc/mosquitto/facility/ca.pem"));
        if let Some(id) = id {
            command.arg("--cert").arg(self.own(id, "pem")).arg("--key").arg(self.own(id, "key"));
        }
        let output = command.output().expect("mosquitto_pub is installed: run tests/run.sh");
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    async fn resume(&mut self) {
        self.process = None;
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(self.path("mosquitto.conf"));
        self.process = Some(Process::start(&mut command, &self.path("log")));
        for port in [self.port, self.kiosk_port] {
            listening("mosquitto", port).await;
        }
    }

    fn script(&self, arguments: &[&str]) {
        let mut command = Command::new(root().join("deploy/mosquitto/facility-mosquitto"));
        let output = command.args(arguments).env("FACILITY_ROOT", self.dir.path()).output().expect("a shell");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn own(&self, id: &str, ending: &str) -> PathBuf {
        self.path("etc/mosquitto/facility/devices").join(Path::new(id).with_extension(ending))
    }
}
