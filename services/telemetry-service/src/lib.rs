//! The telemetry service: phones and dashboards of many tenants watch devices and alerts live over one WebSocket,
//! each tenant only its own. It reads; devices write elsewhere.

pub mod app;
mod error;
mod feed;
mod frame;
mod http;
mod identity;
pub mod infra;
mod keeper;
mod listen;
mod metrics;
pub mod model;
pub mod settings;
pub mod store;
mod tickets;
mod wire;
mod ws;

pub use http::document as openapi;
