//! What can be told by calling: names, ports, and one line to each destination.
//!
//! Never says anything to a device: a connection to a broker or a converter is made and closed. A serial port is only looked at.

use super::Finding;
use crate::cli::forward::probe;
use facility_config::Site;
use facility_config::site::{Broker, Bus, Forward, Target, Transport};
use facility_drivers::Clock;
use rustix::fs::Access;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Longest wait for a name, and for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn broker(broker: &Broker) -> Finding {
    let what = format!("broker 服务器 {}", broker.name);
    let mut faults = Vec::new();
    for endpoint in &broker.endpoints {
        match connect(&endpoint.host, endpoint.port).await {
            Ok(address) => return Finding::ok(what, format!("{endpoint} answers ({address}); a login is not tried")),
            Err((fault, next)) => faults.push((format!("{endpoint}: {fault}"), next)),
        }
    }
    let next = faults.first().map_or("", |(_, next)| *next);
    Finding::fail(what, faults.iter().map(|(fault, _)| fault.as_str()).collect::<Vec<_>>().join("\n"), next)
}

pub(super) async fn bus(bus: &Bus) -> Finding {
    let what = format!("bus 总线 {}", bus.name);
    match &bus.transport {
        Transport::Serial(line) => match rustix::fs::access(&line.path, Access::READ_OK | Access::WRITE_OK) {
            Ok(()) => Finding::ok(what, format!("{} is there and may be used; it was not opened", line.path.display())),
            Err(error) => {
                let next = "is the adapter plugged in (ls /dev/serial/by-id)? The gateway's user must be in the group dialout";
                Finding::fail(what, format!("{}: {error}", line.path.display()), next)
            }
        },
        Transport::Dial { address, .. } => match connect(&address.host, address.port).await {
            Ok(at) => Finding::ok(what, format!("the converter answers ({at}); facility-gateway modbus scan asks the devices")),
            Err((fault, next)) => Finding::fail(what, format!("{}:{}: {fault}", address.host, address.port), next),
        },
        Transport::Listen { address, .. } => Finding::ok(what, format!("the gateway listens on {address}; the DTU calls when it can")),
    }
}

/// Name, connection, TLS, login and a write, as far as it comes.
pub(super) async fn destination(site: &Site, forward: &Forward, clock: &Clock) -> Finding {
    let what = format!("destination 转发目标 {}", forward.name);
    if let Some((host, port)) = first_host(forward)
        && let Err((fault, next)) = connect(&host, port).await
    {
        return Finding::fail(what, format!("{}: {fault}", forward.address()), next);
    }
    let line = probe::line(site, clock);
    match probe::ask(forward, &line, clock).await {
        (true, words) => Finding::ok(what, format!("{}: {words}", forward.address())),
        (false, words) => {
            Finding::fail(what, format!("{}: {words}", forward.address()), "do what it says, then: facility-gateway forward test")
        }
    }
}

/// What is called first: a proxy, or the database itself. A platform's addresses are called by its own client.
fn first_host(forward: &Forward) -> Option<(String, u16)> {
    let Target::Database(database) = &forward.target else { return None };
    let url = reqwest::Url::parse(database.proxy.as_deref().unwrap_or(&database.url)).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_or_known_default()?))
}

/// Connects and hangs up. What is wrong, and what to do.
async fn connect(host: &str, port: u16) -> Result<String, (String, &'static str)> {
    let dns = "is the name written right, and is there a name server: getent hosts NAME";
    let found = match timeout(PATIENCE, lookup_host((host, port))).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => return Err((format!("the name {host} is not found: {error}"), dns)),
        Err(_) => return Err((format!("nobody says in {PATIENCE:?} where {host} is"), dns)),
    };
    let mut why = format!("the name {host} has no address");
    for address in found {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(address.to_string()),
            Ok(Err(error)) => why = format!("no connection to {address}: {error}"),
            Err(_) => why = format!("no connection to {address} in {PATIENCE:?}"),
        }
    }
    Err((why, "does it run there, is the port right, does a firewall or the mobile network let it through?"))
}
