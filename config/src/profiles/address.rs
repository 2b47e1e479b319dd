//! Addresses as manuals print them: from 0, from 1, or in PLC notation with the table in front.

use crate::profile::Table;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;

/// A number as the protocol counts, or PLC notation (`40001`, `400001`), as text with a bit behind a full stop (`256.3`).
pub(super) struct RawAddress(String);

/// Where a value lies.
pub(super) struct Place {
    pub(super) table: Table,
    pub(super) address: u16,
    /// The bit behind the full stop.
    pub(super) bit: Option<u8>,
}

impl RawAddress {
    /// `base` is the number of the first address, 0 or 1; PLC notation always counts from 1.
    pub(super) fn place(&self, table: Option<Table>, base: u16) -> Result<Place, String> {
        let text = self.0.as_str();
        let (number, bit) = match text.split_once('.') {
            Some((number, bit)) => (number, Some(bit.parse().map_err(|_| format!("address `{text}`: no bit behind the full stop"))?)),
            None => (text, None),
        };
        let (table, address) = match (plc(number), table) {
            (Some((of, address)), None) => (of, Some(address)),
            (_, Some(table)) => (table, number.parse::<u16>().ok().and_then(|number| number.checked_sub(base))),
            (None, None) => return Err(format!("address `{text}`: `table` is missing (or write 40001 for the first holding register)")),
        };
        Ok(Place { table, address: address.ok_or_else(|| format!("address `{text}` is no address: {base} to 65535"))?, bit })
    }
}

/// An address that is only a number, counted from `base`.
pub(super) fn counted(address: u16, base: u16) -> Result<u16, String> {
    address.checked_sub(base).ok_or_else(|| format!("address {address}: the first address is {base} here"))
}

/// PLC notation: the table, then the number from 1 in four or five digits.
fn plc(number: &str) -> Option<(Table, u16)> {
    if !matches!(number.len(), 5 | 6) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let table = match number.as_bytes().first()? {
        b'0' => Table::Coil,
        b'1' => Table::Discrete,
        b'3' => Table::Input,
        b'4' => Table::Holding,
        _ => return None,
    };
    let number: u32 = number.get(1..)?.parse().ok()?;
    Some((table, u16::try_from(number.checked_sub(1)?).ok()?))
}

impl<'de> Deserialize<'de> for RawAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl Visitor<'_> for Either {
    type Value = RawAddress;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address: a whole number, or text like \"40001\" or \"256.3\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RawAddress, E> {
        Ok(RawAddress(number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RawAddress, E> {
        Ok(RawAddress(number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawAddress, E> {
        Ok(RawAddress(text.to_owned()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<RawAddress, E> {
        Err(E::custom("an address with a bit is text: write \"256.3\" in quotes (as a number, 256.10 would be 256.1)"))
    }
}
