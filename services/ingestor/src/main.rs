//! Starts the service; everything testable is in the library.

fn main() {}
