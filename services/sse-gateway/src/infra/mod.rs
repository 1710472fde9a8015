//! The ways out of the gateway.

pub mod backend_api;
