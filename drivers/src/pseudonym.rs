//! Links what happens to one parcel without knowing which parcel it is: keyed hashes under keys that only this process has.
//!
//! A parcel's number never leaves the decoder; what leaves it are pseudonyms (HMAC-SHA-256, first 16 bytes), which are kept in
//! memory only. Keys are random, made anew every day, never written and never sent, and destroyed once no deposit made under
//! them can still wait ([`PARCEL_LINK_MS_MAX`]); from then on nobody can link anything. A plain hash would not do: all telephone
//! numbers of the country are tried in seconds.

use facility_config::limits::PARCEL_LINK_MS_MAX;
use ring::hmac;
use ring::rand::SystemRandom;
use std::collections::VecDeque;
use std::fmt;

/// How long new pseudonyms are made under one key.
const KEY_MS: i64 = 24 * 3_600_000;

/// Stands for a parcel under one key. Printed, it says nothing: none belongs in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym([u8; 16]);

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonym")
    }
}

/// The keys that are kept.
pub struct Pseudonyms {
    /// The newest first, with the time it was made, Unix ms.
    keys: VecDeque<(i64, hmac::Key)>,
    random: SystemRandom,
}

impl Pseudonyms {
    /// Without a key; the first one is made when it is needed.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: VecDeque::new(), random: SystemRandom::new() }
    }

    /// The parcel's pseudonyms at that time, the newest key's first. Empty if the system has no randomness to give: then
    /// nothing is linked.
    pub fn of(&mut self, device: &str, parcel: &[u8], now_ms: i64) -> Vec<Pseudonym> {
        self.turn(now_ms);
        self.keys.iter().map(|(_, key)| pseudonym(key, device, parcel)).collect()
    }

    /// Makes and destroys keys as time passes. A clock that was set back by days makes every key one from the future: they
    /// are destroyed too.
    fn turn(&mut self, now_ms: i64) {
        self.keys.retain(|(made_ms, _)| (-KEY_MS..PARCEL_LINK_MS_MAX + KEY_MS).contains(&(now_ms - made_ms)));
        if self.keys.front().is_none_or(|(made_ms, _)| now_ms - made_ms >= KEY_MS)
            && let Ok(key) = hmac::Key::generate(hmac::HMAC_SHA256, &self.random)
        {
            self.keys.push_front((now_ms, key));
        }
    }
}

fn pseudonym(key: &hmac::Key, device: &str, parcel: &[u8]) -> Pseudonym {
    let mut context = hmac::Context::with_key(key);
    context.update(device.as_bytes());
    // Device ids hold no zero byte: nobody can move letters from one part to the other.
    context.update(&[0]);
    context.update(parcel);
    let mut short = [0; 16];
    short.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    Pseudonym(short)
}

impl Default for Pseudonyms {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonyms({} keys)", self.keys.len())
    }
}

#[cfg(test)]
mod tests;
