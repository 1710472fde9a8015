//! The way in over HTTP: routes, who may come in, handlers, and the live page; and the way of a
//! WebSocket from its request to the session that owns it (`ws`).

mod access;
mod alerts;
mod cors;
mod devices;
mod front;
mod handover;
mod health;
mod openapi;
mod pages;
mod query;
mod readings;
mod reads;
mod routes;
mod tenant_limit;
mod ticket;
mod upgrade;

pub use cors::Origins;
pub use front::FrontFactory;
pub use handover::UpgradeFactory;
pub use openapi::document;
pub use reads::Reads;
pub use routes::{State, configure, default_headers};
pub use tenant_limit::TenantLimit;
