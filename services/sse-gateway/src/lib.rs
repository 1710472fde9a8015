//! A sidecar that ends Server-Sent-Events connections on behalf of a backend: the backend hears of connects and
//! disconnects by HTTP callback, and pushes events by token (docs/API.md, "SSE gateway").

pub mod app;
mod error;
mod http;
mod infra;
mod metrics;
mod session;
pub mod settings;
mod wire;
