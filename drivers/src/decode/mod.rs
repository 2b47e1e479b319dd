//! Bytes to readings and back. Pure: no I/O, no clock, never fails; it yields readings and faults.

pub mod frames;
pub mod message;
pub mod registers;

#[cfg(test)]
mod golden;
