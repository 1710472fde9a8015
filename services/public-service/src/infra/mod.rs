//! The ways out: client APIs over HTTP, and the database. Knows no web framework.

pub mod project_repo;
