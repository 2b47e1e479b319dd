//! The fault rows of the disk and the clock from outside: the real binary on a real kernel that fails as told.
//!
//! Every test ends with the same question: is everything that was acknowledged in the database, once and unaltered.
//! Needs root for mounts; a machine that refuses fails the test with the reason.

mod calls;
mod clock;
mod full;
mod kill;
mod power;
mod real;
mod start;
mod stop;
