//! A body as it came to something that can be walked through: a text, or a tree that was read from another format.
//!
//! Bounded in bytes and depth before any of it is believed.

use super::{body, cbor, dts, repair};
use crate::fault::Fault;
use facility_config::limits::PAYLOAD_BYTES_MAX;
use facility_config::profile::Format;
use serde_json::Value;
use std::borrow::Cow;

/// What can be walked through.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// JSON, or one value as text.
    Text(Cow<'a, str>),
    Tree(Value),
}

/// A body, and how it was packed.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) body: Body<'a>,
    pub(super) packing: Option<&'static str>,
    pub(super) bytes: usize,
}

#[cfg(test)]
thread_local! {
    /// Bodies that were opened: the dear part of a message.
    pub(super) static OPENED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Unpacks and reads a body, except Sparkplug's: that needs to know its node.
pub(super) fn open(format: Format, payload: &[u8]) -> Result<Opened<'_>, Fault> {
    #[cfg(test)]
    OPENED.with(|opened| opened.set(opened.get() + 1));
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Fault::Oversize);
    }
    let (unpacked, packing) = body::unpack(payload)?;
    let bytes = unpacked.len();
    let body = match format {
        Format::Cbor => Body::Tree(cbor::read(&unpacked)?),
        Format::Dts => Body::Tree(dts::read(&unpacked)?),
        Format::Plain | Format::Json | Format::Sparkplug => Body::Text(text(unpacked)?),
    };
    match &body {
        Body::Text(text) if format == Format::Json && repair::is_too_deep(text) => Err(Fault::Undecodable),
        _ => Ok(Opened { body, packing, bytes }),
    }
}

fn text(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Fault> {
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Fault::Undecodable),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Fault::Undecodable),
    }
}

/// Word for people.
pub(super) fn word(format: Format) -> &'static str {
    match format {
        Format::Json => "json",
        Format::Cbor => "cbor",
        Format::Plain => "plain",
        Format::Dts => "dts",
        Format::Sparkplug => "sparkplug",
    }
}
