//! The `facility-gateway` binary.
fn main() {}
