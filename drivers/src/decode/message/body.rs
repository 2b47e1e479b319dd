//! Compressed bodies, known by their first bytes: gzip (RFC 1952) and zstd (RFC 8878).
//!
//! Neither beginning is one of another format: both are invalid UTF-8, and neither CBOR nor a Sparkplug payload can start so
//! and be whole. Compression is undone once, never in layers. Bounded by [`PAYLOAD_BYTES_MAX`] before and after; at most one
//! block (128 KiB) more than that is ever unpacked. Checksums of zstd are not verified: whatever carries MQTT does.

use crate::fault::Fault;
use facility_config::limits::{PAYLOAD_BYTES_MAX, READINGS_PER_MESSAGE_MAX};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::borrow::Cow;
use std::io::Read as _;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Largest window a zstd encoder may ask for; streaming encoders ask for 8 MiB at their highest ordinary level, whatever the
/// size of the message. Only what is really unpacked takes memory.
const ZSTD_WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Values one body may hold that is not JSON: more than a profile can make readings of, as a device also says what nobody
/// asked for.
pub(super) const VALUES_MAX: usize = 4 * READINGS_PER_MESSAGE_MAX;

/// The body as its sender wrote it, and by what it had been compressed.
///
/// # Errors
/// [`Fault::Oversize`] for a body larger than [`PAYLOAD_BYTES_MAX`], packed or not; [`Fault::Undecodable`] for one that is
/// damaged, cut, or followed by something else.
pub fn unpack(payload: &[u8]) -> Result<(Cow<'_, [u8]>, Option<&'static str>), Fault> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Fault::Oversize);
    }
    if payload.starts_with(&GZIP) {
        gzip(payload).map(|body| (Cow::Owned(body), Some("gzip")))
    } else if payload.starts_with(&ZSTD) {
        zstd(payload).map(|body| (Cow::Owned(body), Some("zstd")))
    } else {
        Ok((Cow::Borrowed(payload), None))
    }
}

fn gzip(payload: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    let read = MultiGzDecoder::new(payload).take(PAYLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut body);
    match read {
        Ok(_) if body.len() > PAYLOAD_BYTES_MAX => Err(Fault::Oversize),
        Ok(_) => Ok(body),
        Err(_) => Err(Fault::Undecodable),
    }
}

/// One frame after the other. A frame is unpacked until it ends or until it is more than there is room for.
fn zstd(payload: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    let mut rest = payload;
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
    while !rest.is_empty() {
        decoder.reset(&mut rest).map_err(|error| match error {
            FrameDecoderError::WindowSizeTooBig { .. } => Fault::Oversize,
            _ => Fault::Undecodable,
        })?;
        let room = PAYLOAD_BYTES_MAX - body.len();
        let upto = BlockDecodingStrategy::UptoBytes(room + 1);
        let is_whole = decoder.decode_blocks(&mut rest, upto).map_err(|_| Fault::Undecodable)?;
        let frame = if is_whole { decoder.collect().unwrap_or_default() } else { return Err(Fault::Oversize) };
        if frame.len() > room {
            return Err(Fault::Oversize);
        }
        body.extend_from_slice(&frame);
    }
    Ok(body)
}

#[cfg(test)]
pub(super) mod tests;
