#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// A made-up `/sys`, laid out as the kernel does it.
pub(in crate::wear) struct Sys(TempDir);

impl Sys {
    pub(in crate::wear) fn new() -> Self {
        let sys = Self(TempDir::new().unwrap());
        fs::create_dir_all(sys.path().join("dev/block")).unwrap();
        sys
    }

    pub(in crate::wear) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A device at `devices/…` with its number and files. A name in angle brackets is that of a link: `<slaves/sda1>`.
    pub(in crate::wear) fn device(&self, at: &str, number: u64, files: &[(&str, &str)]) {
        let dir = self.path().join("devices").join(at);
        fs::create_dir_all(&dir).unwrap();
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        symlink(Path::new("../../devices").join(at), self.path().join(format!("dev/block/{major}:{minor}"))).unwrap();
        for (name, text) in files {
            let link = name.strip_prefix('<').and_then(|name| name.strip_suffix('>'));
            let file = dir.join(link.unwrap_or(name));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            match link {
                Some(_) => symlink(self.path().join("devices").join(text), file).unwrap(),
                None => fs::write(file, text).unwrap(),
            }
        }
    }

    fn card(&self, major: u32, minor: u32) -> Result<Card, NoCard> {
        Card::of_device(rustix::fs::makedev(major, minor), self.path())
    }
}

/// As a Raspberry Pi and a board with eMMC show them; 17 fields since Linux 5.5, 11 before 4.18.
const STAT: &str = "   31762     6708  3112538     8837     7944    28837  3731000     7429        0     4616    16604     4183       15   171584      326      254       10\n";
const STAT_OLD: &str = "    1201      310    60116     1004      500      702     8816     3300        0     2000     4304\n";

fn sd(sys: &Sys) {
    let disk = "platform/emmc2bus/mmc0/mmc0:aaaa/block/mmcblk0";
    sys.device(
        disk,
        rustix::fs::makedev(179, 0),
        &[
            ("size", "31116288\n"),
            ("removable", "0\n"),
            ("stat", STAT),
            ("device/type", "SD\n"),
            ("device/name", "SC16G\n"),
            ("device/manfid", "0x000003\n"),
        ],
    );
    let partition = format!("{disk}/mmcblk0p2");
    sys.device(&partition, rustix::fs::makedev(179, 2), &[("partition", "2\n"), ("size", "30584832\n"), ("stat", STAT_OLD)]);
}

fn emmc(sys: &Sys) {
    let disk = "platform/fe310000.mmc/mmc1/mmc1:0001/block/mmcblk1";
    sys.device(
        disk,
        rustix::fs::makedev(179, 8),
        &[
            ("size", "30777344\n"),
            ("removable", "0\n"),
            ("stat", STAT_OLD),
            ("device/type", "MMC\n"),
            ("device/name", "DG4016\n"),
            ("device/manfid", "0x000045\n"),
            ("device/life_time", "0x02 0x01\n"),
            ("device/pre_eol_info", "0x01\n"),
        ],
    );
    sys.device(&format!("{disk}/mmcblk1p1"), rustix::fs::makedev(179, 9), &[("partition", "1\n"), ("size", "2048\n"), ("stat", STAT)]);
}

const EMMC_PARTITION: &str = "platform/fe310000.mmc/mmc1/mmc1:0001/block/mmcblk1/mmcblk1p1";

#[test]
fn a_partition_leads_to_its_card() {
    let sys = Sys::new();
    sd(&sys);
    let card = sys.card(179, 2).unwrap();
    let info = CardInfo {
        device: "mmcblk0".into(),
        kind: CardKind::Sd,
        name: Some("SC16G".into()),
        manufacturer: Some("0x000003".into()),
        removable: false,
        bytes: 31_116_288 * 512,
    };
    assert_eq!(card.info, info);
    assert_eq!(card.sectors_written(), Some(3_731_000), "all of the card, not of the partition");
    assert_eq!(card.told(), Told::default(), "an SD card does not know");
    assert_eq!(sys.card(179, 0), Ok(card), "a disk without partitions is its own");
}

#[test]
fn an_emmc_tells_of_its_wear() {
    let sys = Sys::new();
    emmc(&sys);
    let card = sys.card(179, 9).unwrap();
    assert_eq!((card.info.kind, card.info.device.as_str(), card.sectors_written()), (CardKind::Emmc, "mmcblk1", Some(8816)));
    let band = Band { from_pct: 10, to_pct: Some(20) };
    assert_eq!(card.told(), Told { life_used: Some(band), reserve: Some(Reserve::Normal) }, "the worse of the two counts");
}

#[test]
fn other_disks_are_only_counted() {
    let sys = Sys::new();
    let (nvme, usb) = ("pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1", "platform/usb/1-1/host0/target0:0:0/0:0:0:0/block/sda");
    sys.device(nvme, rustix::fs::makedev(259, 0), &[("size", "250069680\n"), ("stat", STAT), ("device/model", "WDS128G1X0C  \n")]);
    sys.device(&format!("{nvme}/nvme0n1p3"), rustix::fs::makedev(259, 3), &[("partition", "3\n")]);
    let scsi =
        [("size", "7\n"), ("removable", "1\n"), ("device/type", "0\n"), ("device/model", "Ultra\n"), ("device/vendor", "SanDisk \n")];
    sys.device(usb, rustix::fs::makedev(8, 0), &scsi);
    let nvme = sys.card(259, 3).unwrap();
    assert_eq!((nvme.info.device.as_str(), nvme.info.kind, nvme.info.name.as_deref()), ("nvme0n1", CardKind::Disk, Some("WDS128G1X0C")));
    assert_eq!((nvme.sectors_written(), nvme.told()), (Some(3_731_000), Told::default()));
    let usb = sys.card(8, 0).unwrap();
    assert_eq!((usb.info.kind, usb.info.manufacturer.as_deref(), usb.info.removable), (CardKind::Disk, Some("SanDisk"), true));
    assert_eq!(usb.sectors_written(), None, "no counter is not zero");
}

#[test]
fn a_device_on_one_disk_wears_that_disk() {
    let sys = Sys::new();
    emmc(&sys);
    let empty = ("size", "1000\n");
    sys.device("virtual/block/dm-0", rustix::fs::makedev(254, 0), &[empty, ("<slaves/mmcblk1p1>", EMMC_PARTITION)]);
    sys.device("virtual/block/dm-1", rustix::fs::makedev(254, 1), &[empty, ("<slaves/dm-0>", "virtual/block/dm-0")]);
    assert_eq!(sys.card(254, 0).unwrap().info.device, "mmcblk1");
    assert_eq!(sys.card(254, 1).unwrap().info.device, "mmcblk1", "encrypted, on a logical volume");
}

#[test]
fn a_device_on_several_disks_stays_what_it_is() {
    let sys = Sys::new();
    sd(&sys);
    emmc(&sys);
    let slaves = [("<slaves/mmcblk1p1>", EMMC_PARTITION), ("<slaves/mmcblk0>", "platform/emmc2bus/mmc0/mmc0:aaaa/block/mmcblk0")];
    sys.device("virtual/block/md0", rustix::fs::makedev(9, 0), &[("size", "8\n"), ("stat", STAT), slaves[0], slaves[1]]);
    let md = sys.card(9, 0).unwrap();
    assert_eq!((md.info.device.as_str(), md.info.kind, md.sectors_written()), ("md0", CardKind::Virtual, Some(3_731_000)));
}

#[test]
fn a_loop_wears_the_disk_that_holds_its_file() {
    let sys = Sys::new();
    let image = sys.path().join("disk image.ext4");
    fs::write(&image, "").unwrap();
    let holder = fs::metadata(&image).unwrap().dev();
    let backing = format!("{}\n", image.display());
    sys.device("virtual/block/loop0", rustix::fs::makedev(7, 0), &[("size", "2048\n"), ("stat", STAT), ("loop/backing_file", &backing)]);
    sys.device("virtual/block/loop1", rustix::fs::makedev(7, 1), &[("size", "2048\n"), ("loop/backing_file", "/gone (deleted)\n")]);
    // Where the temporary folder is in memory the file is on no disk, and the loop is all there is to see.
    assert_eq!(sys.card(7, 0).unwrap().info.device, "loop0");
    assert_eq!(sys.card(7, 1).unwrap().info.kind, CardKind::Virtual);
    if rustix::fs::major(holder) != 0 {
        sys.device("platform/mmc0/mmc0:1/block/mmcblk9", holder, &[("size", "4096\n"), ("device/type", "SD\n")]);
        assert_eq!(sys.card(7, 0).unwrap().info.device, "mmcblk9");
    }
}

#[test]
fn where_there_is_no_card_it_says_why() {
    let sys = Sys::new();
    sys.device("virtual/block/zram1", rustix::fs::makedev(252, 1), &[("size", "8192\n"), ("stat", STAT)]);
    sys.device("virtual/block/odd", rustix::fs::makedev(240, 0), &[("stat", STAT)]);
    for (case, major, minor, why) in [
        ("tmpfs, overlay, NFS", 0, 27, NoCard::NoDevice),
        ("compressed memory", 252, 1, NoCard::NoDevice),
        ("not in /sys", 8, 1, NoCard::NotListed),
        ("without a size", 240, 0, NoCard::NotListed),
    ] {
        assert_eq!(sys.card(major, minor), Err(why), "{case}");
    }
    let folder = sys.path().join("nothing here");
    assert_eq!(Card::under(&folder, sys.path()), Err(NoCard::NoFolder));
    assert_eq!(Card::under(sys.path(), Path::new("/no/sys/here")).unwrap_err(), expected_without_sys(sys.path()));
    for why in [NoCard::NoFolder, NoCard::NoDevice, NoCard::NotListed] {
        assert!(why.words().0.is_ascii() && !why.words().1.is_ascii(), "{why:?}");
    }
}

/// A temporary folder may itself be in memory.
fn expected_without_sys(folder: &Path) -> NoCard {
    if rustix::fs::major(fs::metadata(folder).unwrap().dev()) == 0 { NoCard::NoDevice } else { NoCard::NotListed }
}

#[test]
fn devices_that_lie_on_each_other_in_a_ring_come_to_an_end() {
    let sys = Sys::new();
    sys.device("virtual/block/dm-0", rustix::fs::makedev(254, 0), &[("size", "8\n"), ("<slaves/dm-1>", "virtual/block/dm-1")]);
    sys.device("virtual/block/dm-1", rustix::fs::makedev(254, 1), &[("size", "8\n"), ("<slaves/dm-0>", "virtual/block/dm-0")]);
    assert_eq!(sys.card(254, 0).unwrap().info.kind, CardKind::Virtual);
}

#[test]
fn bands_and_spare_blocks_are_read_as_the_standard_has_them() {
    let shown = |told: &str| band(told).map(|band| (band.from_pct, band.to_pct));
    for (told, expected) in [
        ("0x01 0x01\n", Some((0, Some(10)))),
        ("0x00 0x09\n", Some((80, Some(90)))),
        ("0x0a 0x01\n", Some((90, Some(100)))),
        ("0x0b 0x0b\n", Some((100, None))),
        ("0x0B 0x02\n", Some((100, None))),
        ("02 03\n", Some((20, Some(30)))),
        ("0x00 0x00\n", None),
        ("0x0c 0xff\n", None),
        ("0x100 -1\n", None),
        ("", None),
        ("unknown\n", None),
    ] {
        assert_eq!(shown(told), expected, "{told:?}");
    }
    for (told, expected) in [
        ("0x01\n", Some(Reserve::Normal)),
        ("02\n", Some(Reserve::Warning)),
        ("0x03\n", Some(Reserve::Urgent)),
        ("0x00\n", None),
        ("0x04\n", None),
        ("\n", None),
    ] {
        assert_eq!(reserve(told), expected, "{told:?}");
    }
}

#[test]
fn what_makes_no_sense_is_unknown() {
    let sys = Sys::new();
    for (at, (minor, stat)) in
        [(0, "\n"), (1, "1 2 3 4 5 6\n"), (2, "1 2 3 4 5 6 x 8\n"), (3, "1 2 3 4 5 6 -7 8\n")].into_iter().enumerate()
    {
        sys.device(&format!("block/sd{at}"), rustix::fs::makedev(8, minor), &[("size", "8\n"), ("stat", stat)]);
        assert_eq!(sys.card(8, minor).unwrap().sectors_written(), None, "{stat:?}");
    }
    sys.device("block/sdx", rustix::fs::makedev(8, 9), &[("size", "99999999999999999999\n")]);
    assert_eq!(sys.card(8, 9), Err(NoCard::NotListed));
    sys.device("block/sdy", rustix::fs::makedev(8, 10), &[("size", "18446744073709551615\n"), ("device/manfid", "  \n")]);
    let huge = sys.card(8, 10).unwrap();
    assert_eq!((huge.info.bytes, huge.info.manufacturer), (u64::MAX, None));
    fs::write(sys.path().join("devices/block/sdy/device/name"), b"\xff\x07GB\x1b[1m\n").unwrap();
    assert_eq!(sys.card(8, 10).unwrap().info.name.as_deref(), Some("\u{fffd}GB[1m"));
}

#[test]
#[cfg(target_os = "linux")]
fn the_real_sys_is_understood() {
    // On whatever disk the sources are: either it has a counter or there is a reason.
    match Card::under(Path::new(env!("CARGO_MANIFEST_DIR")), Path::new(crate::wear::SYS)) {
        Ok(card) => assert!(card.info.bytes > 0 && card.sectors_written().is_some(), "{card:?}"),
        Err(reason) => assert_ne!(reason, NoCard::NoFolder),
    }
}
