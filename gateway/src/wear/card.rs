//! The card under a folder, as Linux tells of it in `/sys`: which disk, how large, how much was ever written to it since
//! the board started, and what it says of its own wear.
//!
//! Reads small text files of sysfs and nothing else: never the card itself, never a file of the store. `/proc/self/io`
//! is no source: it counts whole folios for a page that is written again (BUFFER §2). What is missing or makes no sense
//! is unknown, never zero. Bounded: [`TEXT_BYTES_MAX`] of a file, [`LAYERS_MAX`] devices one on the other.

use serde::Serialize;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Unit of `size` and `stat`, whatever the blocks of the disk are (Documentation/block/stat.rst).
pub const SECTOR_BYTES: u64 = 512;
/// A file of sysfs is at most one page.
const TEXT_BYTES_MAX: u64 = 4096;
/// Devices that are made of other devices: a loop on an encrypted volume on a partition has three.
const LAYERS_MAX: usize = 8;

/// What the stores are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardInfo {
    /// The system's name of the disk: `mmcblk0`, `nvme0n1`.
    pub device: String,
    /// What it is.
    pub kind: CardKind,
    /// The maker's name of the product.
    pub name: Option<String>,
    /// The maker: a name, or for SD and eMMC the number registered with the card (`0x000003`).
    pub manufacturer: Option<String>,
    /// Whether the system takes it for a medium that can be taken out. SD slots mostly say no.
    pub removable: bool,
    /// Capacity, bytes.
    pub bytes: u64,
}

/// What a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CardKind {
    /// SD or microSD card.
    Sd,
    /// Soldered flash on the same bus; it knows its wear.
    Emmc,
    /// Any other disk: NVMe, SATA, USB.
    Disk,
    /// A device made of several others or of a file whose disk is not known.
    Virtual,
}

/// A disk whose counters can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What it is.
    pub info: CardInfo,
    dir: PathBuf,
}

/// What a card tells of its own wear; only eMMC does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// How much of its life is used; the worse of its two kinds of memory.
    pub life_used: Option<Band>,
    /// How its spare blocks stand.
    pub reserve: Option<Reserve>,
}

/// Why there is no card to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCard {
    /// The folder cannot be looked at.
    NoFolder,
    /// The file system is on no block device: memory, overlay, network, a volume of btrfs.
    NoDevice,
    /// The system does not tell of the device.
    NotListed,
}

/// A share of the life, as the card reports it: bands of ten percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Band {
    /// At least this much is used, percent; 100 when the life it was made for is over.
    pub from_pct: u8,
    /// At most this much, percent; `None` when its life is over.
    pub to_pct: Option<u8>,
}

/// Blocks the card keeps to replace dead ones (JEDEC eMMC 5, PRE_EOL_INFO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reserve {
    /// Enough of them.
    Normal,
    /// 80 % are used.
    Warning,
    /// Nearly none is left.
    Urgent,
}

impl NoCard {
    /// The reason in words, English and Chinese.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoFolder => ("the folder of the store cannot be looked at", "无法查看存储目录"),
            Self::NoDevice => (
                "the store is on no block device (memory, overlay, network or btrfs)",
                "存储目录不在块设备上（内存、overlay、网络或 btrfs）",
            ),
            Self::NotListed => ("the system does not tell of the device (/sys is not there)", "系统没有提供该设备的信息（/sys 不可用）"),
        }
    }
}

impl Card {
    /// The card that carries a folder. `sys` is `/sys`, elsewhere only in tests.
    ///
    /// # Errors
    /// Why there is none.
    pub fn under(folder: &Path, sys: &Path) -> Result<Self, NoCard> {
        let device = fs::metadata(folder).map_err(|_| NoCard::NoFolder)?.dev();
        Self::of_device(device, sys)
    }

    /// The card that carries a block device; `device` as in `stat(2)`.
    pub(super) fn of_device(device: u64, sys: &Path) -> Result<Self, NoCard> {
        if rustix::fs::major(device) == 0 {
            return Err(NoCard::NoDevice);
        }
        let mut dir = disk_of(device, sys).ok_or(NoCard::NotListed)?;
        for _ in 0..LAYERS_MAX {
            match below(&dir, sys) {
                Some(lower) => dir = lower,
                None => break,
            }
        }
        let device = dir.file_name().map(|name| name.to_string_lossy().into_owned()).ok_or(NoCard::NotListed)?;
        // Compressed memory that looks like a disk: log2ram and the like.
        if device.starts_with("zram") || device.starts_with("ram") {
            return Err(NoCard::NoDevice);
        }
        let sectors = number(&dir.join("size")).ok_or(NoCard::NotListed)?;
        let info = CardInfo {
            device,
            kind: kind(&dir),
            name: word(&dir.join("device/name")).or_else(|| word(&dir.join("device/model"))),
            manufacturer: word(&dir.join("device/manfid")).or_else(|| word(&dir.join("device/vendor"))),
            removable: number(&dir.join("removable")) == Some(1),
            bytes: sectors.saturating_mul(SECTOR_BYTES),
        };
        Ok(Self { info, dir })
    }

    /// Sectors written to the whole disk since it was found by the system, by everybody. The counter of a 32-bit board
    /// wraps, and one of a card that was plugged in again begins anew.
    #[must_use]
    pub fn sectors_written(&self) -> Option<u64> {
        text(&self.dir.join("stat"))?.split_ascii_whitespace().nth(6)?.parse().ok()
    }

    /// What the card tells of its own wear. The kernel asks the card when the board starts, so this costs it nothing.
    #[must_use]
    pub fn told(&self) -> Told {
        let file = |name: &str| text(&self.dir.join(name));
        Told {
            life_used: file("device/life_time").and_then(|told| band(&told)),
            reserve: file("device/pre_eol_info").and_then(|told| reserve(&told)),
        }
    }
}

/// `0x02 0x01`: tenths begun, for both kinds of memory; 0 is not defined, 11 past the end.
fn band(told: &str) -> Option<Band> {
    let tenths = told.split_ascii_whitespace().filter_map(hex).filter(|tenth| (1..=11).contains(tenth)).max()?;
    let from_pct = (tenths - 1) * 10;
    Some(Band { from_pct, to_pct: (from_pct < 100).then_some(from_pct + 10) })
}

fn reserve(told: &str) -> Option<Reserve> {
    match hex(told.trim())? {
        1 => Some(Reserve::Normal),
        2 => Some(Reserve::Warning),
        3 => Some(Reserve::Urgent),
        _ => None,
    }
}

/// Folder of the whole disk that a device number belongs to.
fn disk_of(device: u64, sys: &Path) -> Option<PathBuf> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    whole(&sys.join(format!("dev/block/{major}:{minor}")))
}

/// The disk of a partition; a disk is its own.
fn whole(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    if dir.join("partition").exists() { dir.parent().map(Path::to_path_buf) } else { Some(dir) }
}

/// What a device is made of: the one disk under a mapped device (LVM, encryption), the one that holds a loop device's
/// file. A device on several disks wears all of them and stays what it is.
fn below(dir: &Path, sys: &Path) -> Option<PathBuf> {
    let mut lower = fs::read_dir(dir.join("slaves")).into_iter().flatten().flatten();
    match (lower.next(), lower.next()) {
        (Some(only), None) => whole(&only.path()),
        (Some(_), Some(_)) => None,
        (None, _) => {
            let file = text(&dir.join("loop/backing_file"))?;
            disk_of(fs::metadata(file.trim_end_matches('\n')).ok()?.dev(), sys)
        }
    }
}

fn kind(dir: &Path) -> CardKind {
    match word(&dir.join("device/type")).as_deref() {
        Some("SD") => CardKind::Sd,
        Some("MMC") => CardKind::Emmc,
        _ if dir.join("device").exists() => CardKind::Disk,
        _ => CardKind::Virtual,
    }
}

/// A file's text. Names on cards without a brand hold any bytes.
fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(TEXT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn word(path: &Path) -> Option<String> {
    let word: String = text(path)?.trim().chars().filter(|c| !c.is_control()).collect();
    (!word.is_empty()).then_some(word)
}

fn number(path: &Path) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

/// `0x0a`; older kernels leave out the `0x` of some files.
fn hex(word: &str) -> Option<u8> {
    u8::from_str_radix(word.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
#[path = "card_tests.rs"]
pub(super) mod tests;
