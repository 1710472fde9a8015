//! The admin service as its operators, the broker and the receivers of its alerts meet it: a real database, a
//! real broker, real sockets, nothing of the inside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod alerts;
mod alerts_made_good;
mod audit;
mod bearer;
mod bodies;
mod connecting;
mod console_pages;
mod console_session;
mod console_words;
mod contract;
mod dead_letters;
mod door;
mod echo;
mod estimate;
mod executions;
mod figures;
mod force;
mod history;
mod history_counts;
mod hostile;
mod idempotency;
mod integration_rows;
mod integration_secrets;
mod integrations;
mod keeper;
mod live;
mod live_callback;
mod live_document;
mod live_faults;
mod live_gateway;
mod live_tasks;
mod live_versions;
mod mails;
mod neighbours;
mod neighbours_real;
mod ops_cli;
mod ops_listeners;
mod ops_surface;
mod projects;
mod projects_viewers;
mod receivers;
mod relay;
mod retention;
mod rows;
mod schedule;
mod status;
mod sync_state;
mod system;
mod trial;
mod world;
