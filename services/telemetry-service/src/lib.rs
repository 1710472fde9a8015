//! The telemetry service: phones and dashboards of many tenants watch devices and alerts live over one WebSocket,
//! each tenant only its own. It reads; devices write elsewhere.

pub mod model;
pub mod store;

mod feed;
mod http;
mod infra;
mod ws;
