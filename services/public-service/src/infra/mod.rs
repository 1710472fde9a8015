//! The ways out: client APIs over HTTP, and the database. Knows no web framework.

pub mod client_api;
pub mod client_auth;
pub mod project_repo;
