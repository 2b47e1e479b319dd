//! The fold as a whole: the reference results of DOMAIN §4, a second implementation, restarts, and nonsense.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod days;
mod golden;
mod irregular;
mod kept;
mod late;
mod long;
mod restart;
mod second;
mod speed;
mod wild;
