//! What a site declares: its devices, buses, brokers, thresholds and where the figures go.
//!
//! Pure: no socket, no clock, no runtime. Only [`load`] reads files. A [`Site`] can be built by [`check`] alone, so
//! holding one is proof that the configuration is valid.

pub mod alarm;
pub mod device;
pub mod limits;
pub mod place;
pub mod profile;
pub mod series;
pub mod site;

pub use device::{Device, DeviceIx, Kind, Source};
pub use profile::Profile;
pub use series::{Measurement, Part, Point};
pub use site::Site;
