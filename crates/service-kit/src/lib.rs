//! Plumbing that every Farol service shares: settings, logs, metrics, errors, life and death of a process.
//! It knows no business word, and each thing that a service must not reach for by itself (clock, randomness,
//! environment, tasks, outbound HTTP) has its one home here.

pub mod backoff;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod http;
pub mod http_client;
pub mod jwt;
pub mod lifecycle;
pub mod limits;
pub mod metrics;
pub mod openapi;
pub mod ops;
pub mod pages;
pub mod pg;
pub mod problem;
pub mod proxies;
pub mod random;
pub mod request_id;
pub mod secrets;
pub mod settings;
pub mod telemetry;
pub mod tls;

/// The version of the whole workspace: services are released together.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that a release was built from (`FAROL_COMMIT` at compile time), else `unknown`. Development builds
/// do not ask git: every commit would then rebuild the whole workspace.
pub const COMMIT: &str = match option_env!("FAROL_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
