//! The figures of a simulated month, by device and day, summed from the windows the fold closes (DOMAIN §4). Pure.
//!
//! Numerators and denominators are added, ratios are taken at the end; a figure nobody observed is absent. Bounded by
//! devices × days × figures.

use facility_config::{Kind, Point, Site};
use facility_drivers::{Batch, Value};
use std::ops::AddAssign;

/// Energy of a day is only told for 24 h when this share of it was observed (DOMAIN §4).
const DAY_COVERAGE_MIN: f64 = 0.9;

/// How a figure comes out of its sums.
#[derive(Debug, Clone, Copy)]
enum Made {
    /// Numerator over denominator.
    Share(Point, Point),
    /// What was counted, per observed day.
    PerDay(Point, f64),
    /// Told once a day and not to be added up: the mean over the days and devices that have one.
    OfDay(Point),
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Figure {
    /// Kind of device; none for all of them.
    pub(super) kind: Option<Kind>,
    pub(super) name: &'static str,
    pub(super) en: &'static str,
    pub(super) zh: &'static str,
    /// `%` for shares.
    pub(super) unit: &'static str,
    made: Made,
    /// Share of the window that was observed; none where a gap is the measure.
    coverage: Option<Point>,
}

const fn share(kind: Kind, words: [&'static str; 3], num: Point, den: Point, coverage: Point) -> Figure {
    let [name, en, zh] = words;
    Figure { kind: Some(kind), name, en, zh, unit: "%", made: Made::Share(num, den), coverage: Some(coverage) }
}

const fn per_day(kind: Kind, words: [&'static str; 4], counted: (Point, f64), coverage: Point) -> Figure {
    let [name, en, zh, unit] = words;
    Figure { kind: Some(kind), name, en, zh, unit, made: Made::PerDay(counted.0, counted.1), coverage: Some(coverage) }
}

const fn of_day(kind: Kind, words: [&'static str; 4], told: Point, coverage: Point) -> Figure {
    let [name, en, zh, unit] = words;
    Figure { kind: Some(kind), name, en, zh, unit, made: Made::OfDay(told), coverage: Some(coverage) }
}

const fn of_size(words: [&'static str; 3], occupied: Point, installed: Point) -> Figure {
    share(Kind::Locker, words, occupied, installed, Point::Locker5mCoverage)
}

/// What is told, in this order.
pub(super) static FIGURES: [Figure; 17] = [
    share(
        Kind::Locker,
        ["occupancy", "locker occupancy", "信包箱占用率"],
        Point::Locker5mOccupiedS,
        Point::Locker5mUsableS,
        Point::Locker5mCoverage,
    ),
    per_day(Kind::Locker, ["pickups", "pick-ups per locker", "出柜量", "/d"], (Point::Locker5mPickups, 1.0), Point::Locker5mCoverage),
    of_size(["occupancy_s", "occupancy, small", "小格口占用率"], Point::LockerSizeKpiSOccupiedS, Point::LockerSizeKpiSInstalledS),
    of_size(["occupancy_m", "occupancy, middle", "中格口占用率"], Point::LockerSizeKpiMOccupiedS, Point::LockerSizeKpiMInstalledS),
    of_size(["occupancy_l", "occupancy, large", "大格口占用率"], Point::LockerSizeKpiLOccupiedS, Point::LockerSizeKpiLInstalledS),
    of_day(
        Kind::Locker,
        ["dwell_p50_h", "dwell, half of a day's pick-ups", "滞留时长中位数（日均）", "h"],
        Point::LockerKpiDwellP50,
        Point::Locker5mCoverage,
    ),
    of_day(
        Kind::Locker,
        ["dwell_p90_h", "dwell, nine of ten", "滞留时长九成位（日均）", "h"],
        Point::LockerKpiDwellP90,
        Point::Locker5mCoverage,
    ),
    share(
        Kind::Locker,
        ["overdue", "parcels past their deadline", "超期率"],
        Point::LockerKpiOverdue,
        Point::LockerKpiDue,
        Point::Locker5mCoverage,
    ),
    share(
        Kind::Cabinet,
        ["compliance_raw", "temperature compliance, raw", "温度合规率（原始）"],
        Point::Cabinet5mCompliantS,
        Point::Cabinet5mObservedS,
        Point::Cabinet5mCoverage,
    ),
    share(
        Kind::Cabinet,
        ["compliance_adjusted", "temperature compliance, defrosts left out", "温度合规率（扣除化霜）"],
        Point::Cabinet5mAdjCompliantS,
        Point::Cabinet5mAdjObservedS,
        Point::Cabinet5mCoverage,
    ),
    per_day(
        Kind::Cabinet,
        ["door_open_min", "door open", "开门时长", "min/d"],
        (Point::Cabinet5mDoorOpenS, 1.0 / 60.0),
        Point::Cabinet5mCoverage,
    ),
    per_day(
        Kind::Cabinet,
        ["compressor_h", "compressor running", "压机运行", "h/d"],
        (Point::Cabinet5mCompressorS, 1.0 / 3_600.0),
        Point::Cabinet5mCoverage,
    ),
    share(
        Kind::Vending,
        ["availability", "vending availability", "可售率"],
        Point::Vending5mInServiceS,
        Point::Vending5mObservedS,
        Point::Vending5mCoverage,
    ),
    share(
        Kind::Vending,
        ["stock_out", "lanes without stock", "缺货率"],
        Point::Vending5mLaneEmptyS,
        Point::Vending5mLaneObservedS,
        Point::Vending5mCoverage,
    ),
    per_day(
        Kind::Vending,
        ["sales_yuan", "sales per machine", "单机销售额", "CNY/d"],
        (Point::Vending5mSales, 0.01),
        Point::Vending5mCoverage,
    ),
    per_day(Kind::Meter, ["energy_kwh", "energy per meter", "单表耗电量", "kWh/24 h"], (Point::Energy5mKwh, 1.0), Point::Energy5mCoverage),
    Figure {
        kind: None,
        name: "online_rate",
        en: "online rate",
        zh: "在线率",
        unit: "%",
        made: Made::Share(Point::Device5mOnlineS, Point::Device5mWindowS),
        coverage: None,
    },
];

/// Place of the online rate in [`FIGURES`].
pub(super) const ONLINE: usize = FIGURES.len() - 1;

/// Sums of one figure of one device over one day, or over more of both.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cell {
    num: f64,
    den: f64,
    /// Sum of the coverage of all windows, and how many there were.
    covered: f64,
    windows: f64,
    seen: bool,
}

impl AddAssign for Cell {
    fn add_assign(&mut self, other: Self) {
        self.num += other.num;
        self.den += other.den;
        self.covered += other.covered;
        self.windows += other.windows;
        self.seen |= other.seen;
    }
}

impl Cell {
    /// Share of the time that was observed, 0 to 1; none without a window.
    pub(super) fn coverage(&self, figure: &Figure) -> Option<f64> {
        (self.windows > 0.0).then(|| if figure.coverage.is_some() { self.covered / self.windows } else { 1.0 })
    }

    /// The figure in its unit; absent where nothing was observed, or too little of a day. `windows_per_day` makes days of windows.
    pub(super) fn value(&self, figure: &Figure, windows_per_day: f64) -> Option<f64> {
        match figure.made {
            Made::Share(..) => (self.den > 0.0).then(|| self.num / self.den * 100.0),
            Made::OfDay(_) => (self.den > 0.0).then(|| self.num / self.den),
            Made::PerDay(_, scale) => {
                let coverage = self.coverage(figure).filter(|coverage| self.seen && *coverage >= DAY_COVERAGE_MIN)?;
                Some(self.num * scale / (self.windows / windows_per_day) / coverage)
            }
        }
    }
}

/// All sums of a month.
#[derive(Debug)]
pub(super) struct Figures {
    start_ms: i64,
    days: usize,
    windows_per_day: f64,
    kinds: Vec<Kind>,
    /// Start of the newest window of each device, Unix ms.
    newest_ms: Vec<i64>,
    cells: Vec<Cell>,
}

impl Figures {
    /// Without a window yet, for a month that begins at a local midnight.
    pub(super) fn new(site: &Site, start_ms: i64, days: usize) -> Self {
        let kinds: Vec<Kind> = site.devices.iter().map(|device| device.kind).collect();
        let cells = vec![Cell::default(); kinds.len() * days * FIGURES.len()];
        let windows_per_day = 86_400.0 / site.window.as_secs_f64();
        Self { start_ms, days, windows_per_day, newest_ms: vec![i64::MIN; kinds.len()], kinds, cells }
    }

    /// Adds what a window says of a device; what is no figure of a base window is left alone, and so is a window that comes again:
    /// the figures are those that were told first.
    pub(super) fn add(&mut self, batch: &Batch) {
        let (Some(ix), Ok(since_ms)) = (batch.device, usize::try_from(batch.at_ms - self.start_ms)) else { return };
        let (day, Some(kind)) = (since_ms / 86_400_000, self.kinds.get(ix.at())) else { return };
        let is_window = batch.readings.iter().any(|reading| reading.metric.point == Point::Device5mWindowS);
        if day >= self.days || is_window && batch.at_ms <= self.newest_ms[ix.at()] {
            return;
        }
        if is_window {
            self.newest_ms[ix.at()] = batch.at_ms;
        }
        let first = (ix.at() * self.days + day) * FIGURES.len();
        for (figure, cell) in FIGURES.iter().zip(&mut self.cells[first..]) {
            if figure.kind.is_none_or(|wanted| wanted == *kind) {
                cell.windows += f64::from(u8::from(is_window));
                batch.readings.iter().for_each(|reading| cell.take(figure, reading.metric.point, &reading.value));
            }
        }
    }

    /// How many days.
    pub(super) fn days(&self) -> usize {
        self.days
    }

    /// Kinds by place in the site, the gateway first.
    pub(super) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Sums of a figure of one device over one day.
    pub(super) fn cell(&self, device: usize, day: usize, figure: usize) -> Cell {
        self.cells.get((device * self.days + day) * FIGURES.len() + figure).copied().unwrap_or_default()
    }

    /// Value of some sums.
    pub(super) fn value(&self, cell: &Cell, figure: usize) -> Option<f64> {
        cell.value(FIGURES.get(figure)?, self.windows_per_day)
    }

    /// Places in the site of the devices a figure is about.
    pub(super) fn devices(&self, figure: usize) -> impl Iterator<Item = usize> {
        let wanted = FIGURES.get(figure).and_then(|figure| figure.kind);
        let suits = move |kind: Kind| kind != Kind::Gateway && wanted.is_none_or(|wanted| wanted == kind);
        self.kinds.iter().enumerate().filter(move |(_, kind)| suits(**kind)).map(|(at, _)| at)
    }

    /// Sums of a figure of one device over the month.
    pub(super) fn month(&self, device: usize, figure: usize) -> Cell {
        let mut sum = Cell::default();
        (0..self.days).for_each(|day| sum += self.cell(device, day, figure));
        sum
    }

    /// Sums of a figure over the month and all devices that ever told of it: not every cabinet knows its compressor.
    pub(super) fn whole(&self, figure: usize) -> Cell {
        let mut sum = Cell::default();
        self.devices(figure).map(|device| self.month(device, figure)).filter(|month| month.seen).for_each(|month| sum += month);
        sum
    }

    /// Values of a figure on one day, of each device that has one, smallest first.
    pub(super) fn spread(&self, day: usize, figure: usize) -> Vec<f64> {
        sorted(self.devices(figure).filter_map(|device| self.value(&self.cell(device, day, figure), figure)))
    }

    /// Values of a figure over the month, of each device that has one, smallest first.
    pub(super) fn months(&self, figure: usize) -> Vec<f64> {
        sorted(self.devices(figure).filter_map(|device| self.value(&self.month(device, figure), figure)))
    }
}

impl Cell {
    fn take(&mut self, figure: &Figure, point: Point, value: &Value) {
        let number = match value {
            Value::Float(number) => *number,
            Value::Int(count) => *count as f64,
            Value::Bool(_) | Value::Text(_) | Value::Missing(_) => return,
        };
        let (num, den) = match figure.made {
            Made::Share(num, den) => (num, Some(den)),
            Made::PerDay(counted, _) | Made::OfDay(counted) => (counted, None),
        };
        if point == num {
            self.num += number;
            self.den += f64::from(u8::from(matches!(figure.made, Made::OfDay(_))));
            self.seen = true;
        } else if Some(point) == den {
            self.den += number;
        } else if Some(point) == figure.coverage {
            self.covered += number;
        }
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The value below which this share of a sorted list lies.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}
