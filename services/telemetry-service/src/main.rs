//! Starts the telemetry service; everything testable is in the library.

fn main() {}
