//! The public status service as its viewers, its operators and client APIs meet
//! it: a real database, real sockets, nothing of the inside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answers;
mod audience;
mod board;
mod changes;
mod contract;
mod heads;
mod join;
mod limits;
mod memory;
mod ops_cli;
mod ops_log;
mod ops_secrets;
mod ops_surface;
mod pace;
mod raw;
mod resume;
mod settings_reload;
mod slow;
mod source_address;
mod source_auth;
mod source_conditional;
mod source_doubt;
mod source_faults;
mod source_politeness;
mod source_shapes;
mod status_get;
mod status_refresh;
mod stop;
mod transports;
mod world;
