//! Occupancy of a locker by the size of its compartments: the sizes of DOMAIN §1, no others.
//!
//! Of a size a locker says how many compartments it has and how many are occupied, not how many are out of order, so it is
//! held against all of them. Each size is observed by itself. Costs nothing at a locker that does not speak of sizes.

use super::cascade::Add;
use super::column::{Cell, Cells, Keep, Kept, MS_PER_S, Name, rounded};
use super::hold::{Frame, Held, Sample, walk};
use super::row::Row;
use super::save::{Save, saved};
use facility_config::{Part, Point};

/// How large a compartment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Xs,
    S,
    M,
    L,
    Xl,
}

impl Size {
    const ALL: [Self; 5] = [Self::Xs, Self::S, Self::M, Self::L, Self::Xl];

    /// The size a part names.
    pub(super) fn of(part: Part) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.as_str() == part.as_str())
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Xs => "xs",
            Self::S => "s",
            Self::M => "m",
            Self::L => "l",
            Self::Xl => "xl",
        }
    }

    /// Names of its numbers in the archive: seconds observed, occupied, installed.
    fn kept_as(self) -> [&'static str; 3] {
        match self {
            Self::Xs => ["xs.observed", "xs.occupied", "xs.installed"],
            Self::S => ["s.observed", "s.occupied", "s.installed"],
            Self::M => ["m.observed", "m.occupied", "m.installed"],
            Self::L => ["l.observed", "l.occupied", "l.installed"],
            Self::Xl => ["xl.observed", "xl.occupied", "xl.installed"],
        }
    }

    /// Occupancy, its numerator and its denominator.
    fn points(self) -> [Point; 3] {
        match self {
            Self::Xs => [Point::LockerSizeKpiXsOccupancy, Point::LockerSizeKpiXsOccupiedS, Point::LockerSizeKpiXsInstalledS],
            Self::S => [Point::LockerSizeKpiSOccupancy, Point::LockerSizeKpiSOccupiedS, Point::LockerSizeKpiSInstalledS],
            Self::M => [Point::LockerSizeKpiMOccupancy, Point::LockerSizeKpiMOccupiedS, Point::LockerSizeKpiMInstalledS],
            Self::L => [Point::LockerSizeKpiLOccupancy, Point::LockerSizeKpiLOccupiedS, Point::LockerSizeKpiLInstalledS],
            Self::Xl => [Point::LockerSizeKpiXlOccupancy, Point::LockerSizeKpiXlOccupiedS, Point::LockerSizeKpiXlInstalledS],
        }
    }
}

/// What stands, of one size.
#[derive(Debug)]
struct OfSize {
    clock_ms: i64,
    total: Held<i64>,
    occupied: Held<i64>,
}

impl Default for OfSize {
    fn default() -> Self {
        Self { clock_ms: i64::MIN, total: Held::default(), occupied: Held::default() }
    }
}

/// Compartment-milliseconds of one size, except `observed_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    observed_ms: i64,
    occupied_ms: i64,
    installed_ms: i64,
}

saved!(OfSize { clock_ms, total, occupied });
saved!(Sum { observed_ms, occupied_ms, installed_ms });

/// The sums of a window, of all sizes in their order; empty if none was observed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct BySize(Vec<Sum>);

/// A locker's sizes and the two short windows that are open.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    /// All of them, or none yet.
    sizes: Vec<OfSize>,
    slots: [BySize; 2],
}

saved!(Sizes { sizes, slots });

impl Sizes {
    /// Takes what a locker says of a size. False if the record is older than what is known.
    pub(super) fn observe(&mut self, point: Point, size: Size, sample: &Sample<'_>) -> bool {
        self.sizes.resize_with(Size::ALL.len(), OfSize::default);
        let Some(of_size) = self.sizes.get_mut(size as usize) else { return true };
        of_size.advance(size as usize, sample.at_ms, sample.frame, &mut self.slots);
        let held = if point == Point::SizeTotal { &mut of_size.total } else { &mut of_size.occupied };
        held.set(sample.at_ms, sample.terms.hold_ms(), sample.count())
    }

    /// The sums of the oldest window; makes room for the next.
    pub(super) fn close(&mut self, frame: Frame) -> BySize {
        for (at, of_size) in self.sizes.iter_mut().enumerate() {
            of_size.advance(at, frame.open_end_ms(), frame, &mut self.slots);
        }
        super::shift(&mut self.slots)
    }
}

impl OfSize {
    fn advance(&mut self, at: usize, to_ms: i64, frame: Frame, slots: &mut [BySize; 2]) {
        let Self { clock_ms, total, occupied } = self;
        walk(clock_ms, to_ms, frame, &[total.until_ms(), occupied.until_ms()], |slot, from_ms, step_ms| {
            let Some((total, occupied)) = total.at(from_ms).zip(occupied.at(from_ms)) else { return };
            let sums = &mut slots[slot].0;
            sums.resize_with(Size::ALL.len(), Sum::default);
            if let Some(sum) = sums.get_mut(at) {
                sum.observed_ms += step_ms;
                sum.occupied_ms = sum.occupied_ms.saturating_add(occupied.saturating_mul(step_ms));
                sum.installed_ms = sum.installed_ms.saturating_add(total.saturating_mul(step_ms));
            }
        });
    }
}

impl BySize {
    /// Writes a long window's figures: nothing for a locker without sizes.
    pub(super) fn write_long(&self, row: &mut Row<'_>) {
        let observed = self.0.iter().map(|sum| sum.observed_ms).filter(|observed_ms| *observed_ms > 0);
        let Some(observed_ms) = observed.min() else { return };
        for (size, sum) in Size::ALL.into_iter().zip(&self.0).filter(|(_, sum)| sum.observed_ms > 0) {
            let [occupancy, occupied_s, installed_s] = size.points();
            row.share(occupancy, sum.occupied_ms.min(sum.installed_ms), sum.installed_ms);
            row.seconds(occupied_s, sum.occupied_ms);
            row.seconds(installed_s, sum.installed_ms);
        }
        row.coverage(Point::LockerSizeKpiCoverage, observed_ms);
        row.quality(Point::LockerSizeKpiQuality, observed_ms);
    }
}

impl Add for Sum {
    fn take_in(&mut self, later: &Self) {
        self.observed_ms.take_in(&later.observed_ms);
        self.occupied_ms.take_in(&later.occupied_ms);
        self.installed_ms.take_in(&later.installed_ms);
    }
}

impl Add for BySize {
    fn take_in(&mut self, later: &Self) {
        if self.0.len() < later.0.len() {
            self.0.resize_with(later.0.len(), Sum::default);
        }
        self.0.iter_mut().zip(&later.0).for_each(|(sum, later)| sum.take_in(later));
    }
}

impl Save for BySize {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Vec::load(input).map(Self)
    }
}

/// Its times in seconds: three numbers of each size that was observed, a column for each, so that like stands beside like.
impl Keep for BySize {
    fn keep(&self, field: &'static str, cells: &mut Cells) {
        for (size, sum) in Size::ALL.into_iter().zip(&self.0).filter(|(_, sum)| sum.observed_ms > 0) {
            let numbers = [sum.observed_ms, sum.occupied_ms, sum.installed_ms];
            let kept = size.kept_as().into_iter().zip(numbers);
            cells.extend(kept.map(|(part, ms)| (Name::part(field, part), Cell::Int(Some(rounded(ms, MS_PER_S))))));
        }
    }

    fn recall(field: &'static str, row: &dyn Kept) -> Self {
        let sum = |size: Size| {
            let [observed, occupied, installed] = size.kept_as().map(|part| row.int(Name::part(field, part)));
            let ms = |seconds: Option<i64>| seconds.unwrap_or(0).saturating_mul(MS_PER_S);
            observed.map(|_| Sum { observed_ms: ms(observed), occupied_ms: ms(occupied), installed_ms: ms(installed) })
        };
        let sums = Size::ALL.map(sum);
        if sums.iter().all(Option::is_none) { Self::default() } else { Self(sums.map(Option::unwrap_or_default).to_vec()) }
    }
}
