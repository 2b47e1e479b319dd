//! What is probably wrong with the wires, from what was heard under each setting of the port. Pure.
//!
//! Says what is likely, never more: counts of bytes cannot see a cable. Each finding has a sentence in two languages and what
//! to do next.

use facility_config::site::Parity;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// This share of damaged answers of one unit, of all it gave, is more than a bad line.
const DAMAGED_SHARE: f64 = 0.2;
/// Of bytes heard, this share of 00 and FF is a line without rest level.
const FLAT_SHARE: f64 = 0.6;
/// Bytes unasked that are more than the click of a relay.
const UNASKED_BYTES: u64 = 4;

/// What was heard under one setting of the port. Counts of questions and of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Bits per second; 0 where the line is behind a network.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// Questions asked.
    pub asked: u64,
    /// Questions that came back as they went out.
    pub echoed: u64,
    /// Right answers by unit, refusals included.
    pub answered: BTreeMap<u8, u64>,
    /// Answers with a bad checksum by the unit that was asked.
    pub damaged: BTreeMap<u8, u64>,
    /// Questions after which only rubbish came, by the unit that was asked.
    pub garbled: BTreeMap<u8, u64>,
    /// Right answers of other units than the one that was asked.
    pub foreign: u64,
    /// Bytes that were no frame.
    pub rubbish_bytes: u64,
    /// Of those, 00 and FF.
    pub flat_bytes: u64,
    /// Bytes that came while nothing was asked.
    pub unasked_bytes: u64,
    /// Of those, whole frames with a right checksum.
    pub unasked_frames: u64,
}

impl Heard {
    /// Nothing heard yet.
    #[must_use]
    pub fn nothing(baud: u32, parity: Parity) -> Self {
        Self {
            baud,
            parity,
            asked: 0,
            echoed: 0,
            answered: BTreeMap::new(),
            damaged: BTreeMap::new(),
            garbled: BTreeMap::new(),
            foreign: 0,
            rubbish_bytes: 0,
            flat_bytes: 0,
            unasked_bytes: 0,
            unasked_frames: 0,
        }
    }

    /// Whether any unit answered.
    #[must_use]
    pub fn has_units(&self) -> bool {
        !self.answered.is_empty()
    }

    fn is_silent(&self) -> bool {
        !self.has_units() && self.damaged.is_empty() && self.foreign + self.rubbish_bytes + self.unasked_bytes + self.echoed == 0
    }
}

/// What is probably wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "trouble")]
pub enum Trouble {
    /// Not a byte came back.
    Silence,
    /// Only our own bytes came back.
    EchoOnly,
    /// Our own bytes came back before the answers.
    Echo,
    /// Nothing but 00 and FF: a line without rest level.
    Flat,
    /// Bytes that are no frames, and no answers.
    Rubbish,
    /// One unit's answers are damaged, the others' are not.
    TwoUnits {
        /// Which.
        unit: u8,
    },
    /// Answers are damaged, of several units or of the only one.
    Damaged,
    /// Answers come, but from others than were asked.
    Foreign,
    /// Another master polls.
    OtherMaster,
    /// Bytes come unasked.
    Unasked,
    /// Damaged answers under one parity, right ones under another.
    OtherParity {
        /// Which is right.
        #[serde(serialize_with = "as_word")]
        parity: Parity,
    },
}

fn as_word<S: serde::Serializer>(parity: &Parity, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(parity.as_str())
}

/// Everything that is probably wrong, the gravest first; empty if all is well.
#[must_use]
pub fn diagnose(heard: &[Heard]) -> Vec<Trouble> {
    let mut found = Vec::new();
    let any = |is_it: fn(&Heard) -> bool| heard.iter().any(is_it);
    let asked: u64 = heard.iter().map(|heard| heard.asked).sum();
    let has_units = any(Heard::has_units);
    let frames: u64 = heard.iter().map(|heard| heard.unasked_frames).sum();
    let unasked: u64 = heard.iter().map(|heard| heard.unasked_bytes).sum();
    if asked > 0 && heard.iter().all(Heard::is_silent) {
        found.push(Trouble::Silence);
    }
    let echoed: u64 = heard.iter().map(|heard| heard.echoed).sum();
    if echoed > 0 && echoed * 2 >= asked {
        found.push(if has_units { Trouble::Echo } else { Trouble::EchoOnly });
    }
    if !has_units && frames == 0 && echoed == 0 {
        found.extend(no_answers(heard));
    }
    found.extend(heard.iter().filter(|heard| heard.has_units()).find_map(damaged_units));
    if frames > 0 {
        found.push(Trouble::OtherMaster);
    } else if has_units && unasked > UNASKED_BYTES {
        found.push(Trouble::Unasked);
    }
    found.extend(other_parity(heard));
    found
}

/// What is wrong where bytes came back, but nothing that is right.
fn no_answers(heard: &[Heard]) -> Option<Trouble> {
    let sum = |of: fn(&Heard) -> u64| heard.iter().map(of).sum::<u64>();
    if sum(|heard| heard.foreign) > 0 {
        return Some(Trouble::Foreign);
    }
    let (rubbish, flat) = (sum(|heard| heard.rubbish_bytes), sum(|heard| heard.flat_bytes));
    match sum(|heard| heard.damaged.values().sum()) {
        // Unit, function and length were right: so are speed and wires.
        1.. => Some(Trouble::Damaged),
        0 if rubbish == 0 => None,
        0 if flat as f64 >= FLAT_SHARE * rubbish as f64 => Some(Trouble::Flat),
        0 => Some(Trouble::Rubbish),
    }
}

/// Units that answer badly too often: the only one, or several, or one where others answer well.
fn damaged_units(heard: &Heard) -> Option<Trouble> {
    let of = |counts: &BTreeMap<u8, u64>, unit: &u8| counts.get(unit).copied().unwrap_or(0);
    let is_bad = |unit: &&u8| {
        let (well, badly) = (of(&heard.answered, unit), of(&heard.damaged, unit) + of(&heard.garbled, unit));
        badly > 0 && badly as f64 >= DAMAGED_SHARE * (well + badly) as f64
    };
    let units: BTreeSet<&u8> = heard.answered.keys().chain(heard.damaged.keys()).chain(heard.garbled.keys()).collect();
    let bad: Vec<&&u8> = units.iter().filter(|unit| is_bad(unit)).collect();
    let others_are_fine = heard.answered.keys().any(|unit| !is_bad(&unit));
    match bad.as_slice() {
        [] => None,
        [unit] if others_are_fine => Some(Trouble::TwoUnits { unit: ***unit }),
        _ => Some(Trouble::Damaged),
    }
}

/// A parity under which units answer, at a speed at which there was only rubbish under another.
fn other_parity(heard: &[Heard]) -> Option<Trouble> {
    let right = heard.iter().find(|heard| heard.has_units() && heard.baud > 0)?;
    let wrong = |other: &&Heard| {
        other.baud == right.baud
            && other.parity != right.parity
            && !other.has_units()
            && other.rubbish_bytes + other.damaged.len() as u64 > 0
    };
    heard.iter().find(wrong).map(|_| Trouble::OtherParity { parity: right.parity })
}

impl Trouble {
    /// What it is and what to do next, in English.
    #[must_use]
    pub fn en(self) -> String {
        match self {
            Self::Silence => "Nothing answers and nothing is on the line. Check that the devices have power, that A and B are connected at both ends, that this is the right port, and whether the devices use a speed or unit ids that were not tried.".into(),
            Self::EchoOnly => "Only our own questions come back. Set `echo = true` for this bus or turn the adapter's local echo off; if the adapter has none, its transmit and receive lines are bridged, or nothing is connected behind it.".into(),
            Self::Echo => "Our own questions come back before the answers. Set `echo = true` for this bus, or turn the adapter's local echo off.".into(),
            Self::Flat => "Nothing but zeros and ones at rest comes back. Swap A and B first: makers do not agree which is which. Then connect the common ground (GND), and make sure that the line has one bias and 120 Ω at both ends.".into(),
            Self::Rubbish => "Bytes come back, but no frame. The devices probably use a speed or parity that was not tried (--baud, --parity); if all were, swap A and B, connect the common ground (GND), and keep the cable away from compressors and inverters.".into(),
            Self::TwoUnits { unit } => format!("Answers of unit {unit} are damaged while others are fine: probably two devices have this id and answer at the same time. Disconnect one and scan again; if it stays, check that device's own stub and terminal."),
            Self::Damaged => "Answers are damaged. Check the termination (120 Ω at both ends, nowhere else), the bias, the common ground, and cables beside compressors and inverters. If it is one unit only, another device may have its id as well.".into(),
            Self::Foreign => "Answers come, but from other unit ids than were asked: devices that answer more slowly than the scan waits, or a device that does not keep to its id. Scan again with a longer --timeout and more --units.".into(),
            Self::OtherMaster => "Somebody else asks on this line: another gateway or a monitoring unit. There can be one master only: disconnect it, or read through it.".into(),
            Self::Unasked => "Bytes come while nothing is asked: noise on a line without bias, or a lock board that reports its doors by itself. Connect bias and ground; such boards belong on a line of their own.".into(),
            Self::OtherParity { parity } => format!("The devices use parity `{}`; under the other one their answers are damaged. Set `parity = \"{}\"` for this bus.", parity.as_str(), parity.as_str()),
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::Silence => "线路上没有任何应答。请检查设备是否通电、A/B 两端是否接好、串口是否选对，以及设备的波特率或地址是否在扫描范围之外。".into(),
            Self::EchoOnly => "只收到自己发出的数据。请在该总线设置 echo = true 或关闭适配器的本地回显；若适配器没有回显功能，则是收发线短接，或后面没有接设备。".into(),
            Self::Echo => "应答之前先收到自己发出的数据。请在该总线设置 echo = true，或关闭适配器的本地回显。".into(),
            Self::Flat => "收到的几乎全是 00 和 FF。请先对调 A、B（各厂家标法不一），再接好公共地线 GND，确认总线有偏置电阻且两端各有 120 Ω 终端电阻。".into(),
            Self::Rubbish => "收到的数据不成帧。设备很可能使用未尝试过的波特率或校验位（--baud、--parity）；若都试过，请对调 A、B，接好公共地线 GND，并让线缆远离压缩机和变频器。".into(),
            Self::TwoUnits { unit } => format!("地址 {unit} 的应答损坏而其他设备正常：很可能有两台设备同用这个地址。请断开一台再扫描；若仍如此，请检查该设备的支线和端子。"),
            Self::Damaged => "应答损坏。请检查终端电阻（仅两端各 120 Ω）、偏置电阻、公共地线，以及线缆是否靠近压缩机或变频器；若只有一个地址如此，可能有两台设备同用它。".into(),
            Self::Foreign => "收到的应答来自未被询问的地址：设备应答比扫描等待的更慢，或设备地址不对。请加大 --timeout 和 --units 后再扫描。".into(),
            Self::OtherMaster => "这条线上还有别的主站在轮询（另一台网关或监控主机）。RS-485 只能有一个主站：请断开它，或经由它读取。".into(),
            Self::Unasked => "未发问时也收到数据：线路没有偏置而受干扰，或锁控板会主动上报开门。请接好偏置和地线；此类锁控板应单独用一条线。".into(),
            Self::OtherParity { parity } => format!("设备使用的校验位是 {0}，用另一种时应答损坏。请在该总线设置 parity = \"{0}\"。", parity.as_str()),
        }
    }
}

#[cfg(test)]
mod tests;
