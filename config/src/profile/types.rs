//! The closed words of a register point: type, group, polarity, layout and encoding of characters.

/// How the bits of a value lie in its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterType {
    /// A coil, a discrete input, or a register that is not zero.
    Bool,
    /// High byte of a register, unsigned.
    U8Hi,
    /// Low byte of a register, unsigned.
    U8Lo,
    /// High byte of a register, two's complement.
    I8Hi,
    /// Low byte of a register, two's complement.
    I8Lo,
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Low three bytes of two registers, unsigned.
    U24,
    /// Low three bytes of two registers, two's complement.
    I24,
    /// Two registers, unsigned.
    U32,
    /// Two registers, two's complement.
    I32,
    /// Three registers, unsigned.
    U48,
    /// Four registers, unsigned.
    U64,
    /// Four registers, two's complement.
    I64,
    /// One register, IEEE 754 half.
    F16,
    /// Two registers, IEEE 754 single.
    F32,
    /// Four registers, IEEE 754 double.
    F64,
    /// Low byte of a register, two decimal digits.
    Bcd8,
    /// One register, four decimal digits.
    Bcd16,
    /// Two registers, low three bytes, six decimal digits.
    Bcd24,
    /// Two registers, eight decimal digits.
    Bcd32,
    /// Two registers, seconds since 1970.
    EpochS,
    /// Four registers, milliseconds since 1970.
    EpochMs,
    /// Characters; `length` registers.
    Text,
    /// How many of `length` bits (coils, discrete inputs, or bits of registers, lowest first) are set.
    Count,
}

impl RegisterType {
    /// Every type, as profiles name it.
    pub const ALL: [(Self, &'static str); 25] = [
        (Self::Bool, "bool"),
        (Self::U8Hi, "u8_hi"),
        (Self::U8Lo, "u8_lo"),
        (Self::I8Hi, "i8_hi"),
        (Self::I8Lo, "i8_lo"),
        (Self::U16, "u16"),
        (Self::I16, "i16"),
        (Self::U24, "u24"),
        (Self::I24, "i24"),
        (Self::U32, "u32"),
        (Self::I32, "i32"),
        (Self::U48, "u48"),
        (Self::U64, "u64"),
        (Self::I64, "i64"),
        (Self::F16, "f16"),
        (Self::F32, "f32"),
        (Self::F64, "f64"),
        (Self::Bcd8, "bcd8"),
        (Self::Bcd16, "bcd16"),
        (Self::Bcd24, "bcd24"),
        (Self::Bcd32, "bcd32"),
        (Self::EpochS, "epoch_s"),
        (Self::EpochMs, "epoch_ms"),
        (Self::Text, "text"),
        (Self::Count, "count"),
    ];

    /// Word in profiles.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(ty, _)| *ty == self).map_or("", |(_, word)| word)
    }

    /// Registers it takes; `None` for the types whose length the profile gives.
    #[must_use]
    pub fn width(self) -> Option<u16> {
        Some(match self {
            Self::Bool | Self::U8Hi | Self::U8Lo | Self::I8Hi | Self::I8Lo => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bcd8 | Self::Bcd16 => 1,
            Self::U24 | Self::I24 | Self::U32 | Self::I32 | Self::F32 | Self::Bcd24 | Self::Bcd32 | Self::EpochS => 2,
            Self::U48 => 3,
            Self::U64 | Self::I64 | Self::F64 | Self::EpochMs => 4,
            Self::Text | Self::Count => return None,
        })
    }
}

/// How often a point is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// At the device's interval.
    #[default]
    Fast,
    /// At [`ModbusMap::slow`]: set points, firmware, what rarely changes.
    Slow,
    /// When the device is first heard, and when it comes back.
    Once,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Slow, Self::Once];

    /// Word in profiles.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Once => "once",
        }
    }
}

/// What a set bit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// Yes.
    #[default]
    Set,
    /// No.
    Clear,
    /// Nobody knows before the device is commissioned (`door_open_is` of the device); until then there is no value.
    Commissioned,
}

impl Polarity {
    /// Word in profiles.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Clear => "clear",
            Self::Commissioned => "commissioned",
        }
    }
}

/// How characters lie in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Two in each register, the high byte first.
    #[default]
    Both,
    /// Two in each register, the low byte first.
    Swapped,
    /// One in the high byte of each.
    High,
    /// One in the low byte of each.
    Low,
}

impl Layout {
    /// Word in profiles.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Swapped => "swapped",
            Self::High => "high",
            Self::Low => "low",
        }
    }
}

/// What the bytes of a text mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// ASCII.
    #[default]
    Ascii,
    /// UTF-8.
    Utf8,
    /// GBK (GB 18030 two-byte part).
    Gbk,
}

impl Encoding {
    /// Word in profiles.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Utf8 => "utf8",
            Self::Gbk => "gbk",
        }
    }
}
