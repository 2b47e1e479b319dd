//! What a site declares: its devices, buses, brokers, thresholds and where the figures go.
//!
//! Pure: no socket, no clock, no runtime. Only [`load`] reads files. A [`Site`] is built by the checks alone, so
//! holding one is proof that the configuration is valid.

mod address;
pub mod alarm;
pub mod calibration;
mod check;
pub mod destination;
pub mod device;
mod keys;
mod layer;
pub mod limits;
pub mod load;
pub mod place;
pub mod problem;
pub mod profile;
mod profiles;
mod raw;
mod report;
mod rules;
pub mod schema;
mod secret;
pub mod series;
pub mod site;
mod text;
mod variables;
pub mod zone;

pub use device::{Device, DeviceIx, Ingest, Kind, Source};
pub use keys::nearest;
pub use load::{Loaded, check_profile, from_toml, import_csv, look, open, own_profiles};
pub use problem::{Place, Problem, Problems};
pub use profile::Profile;
pub use secret::is_exposed;
pub use series::{Measurement, Part, Point};
pub use site::{Overflow, Site};
