//! The way in over HTTP: routes, who may come in, handlers, and the live page. The WebSocket itself is `ws`, which is
//! mounted here.

mod access;
mod alerts;
mod cors;
mod devices;
mod health;
mod pages;
mod query;
mod readings;
mod routes;
mod tenant_limit;
mod ticket;

pub use cors::Origins;
pub use routes::{State, configure, default_headers};
pub use tenant_limit::TenantLimit;
