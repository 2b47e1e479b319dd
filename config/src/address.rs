//! Addresses as text: `host:port`, `mqtt://host`, `https://host/base`.
//!
//! Never resolves a name. User names and passwords inside an address are refused: they belong into a file.

use crate::problem;
use crate::report::Complaint;
use std::net::{IpAddr, Ipv6Addr};

/// A checked address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    /// IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Empty, or with a slash in front.
    pub(crate) path: String,
}

impl Url {
    /// Whether it is this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_local(&self.host)
    }
}

/// Whether a host is this machine.
pub(crate) fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An address with one of these schemes, each with its usual port.
pub(crate) fn url(key: &str, text: &str, schemes: &[(&str, u16)]) -> Result<Url, Complaint> {
    let known = || schemes.iter().map(|(scheme, _)| format!("{scheme}://host")).collect::<Vec<_>>().join(" or ");
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(bad(key, "has no scheme").hint(format!("write {}", known())));
    };
    let Some((scheme, default_port)) = schemes.iter().find(|(known, _)| *known == scheme) else {
        return Err(bad(key, &format!("can not begin with `{}://`", shorten(scheme))).hint(format!("write {}", known())));
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if rest.contains('@') {
        return Err(bad(key, "has a user name or password in it")
            .hint("use `username` and a `…_file` setting; an address is logged, a secret must not be"));
    }
    if path.contains(['?', '#', ' ']) || authority.contains(['?', '#']) {
        return Err(bad(key, "may have a path, but neither query nor fragment"));
    }
    let (host, port) = host_and_port(key, authority, Some(*default_port))?;
    Ok(Url { scheme: (*scheme).to_owned(), host, port, path: path.trim_end_matches('/').to_owned() })
}

/// `host:port`, where an IPv6 address is in brackets. Without a port the given one is used, if there is one.
pub(crate) fn host_and_port(key: &str, text: &str, default_port: Option<u16>) -> Result<(String, u16), Complaint> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            address.parse::<Ipv6Addr>().map_err(|_| bad(key, "has no IPv6 address in its brackets"))?;
            (address, port)
        }
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || host.len() > 253 || !host.chars().all(allowed) {
        return Err(bad(key, "has no valid host name").hint("write a name or an address, then a colon and the port"));
    }
    let port = match (port.strip_prefix(':'), default_port) {
        (Some(digits), _) => digits.parse().ok().filter(|port| *port > 0),
        (None, default) if port.is_empty() => default,
        (None, _) => None,
    };
    match port {
        Some(port) => Ok((host.to_owned(), port)),
        None => {
            Err(bad(key, "needs a port from 1 to 65535").hint(format!("for example {}:{}", shorten(host), default_port.unwrap_or(502))))
        }
    }
}

fn bad(key: &str, fault: &str) -> Complaint {
    Complaint::new(problem::BAD_ADDRESS, format!("`{key}` {fault}"))
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
