//! The ways out: Postgres by repos, the broker by the publisher, receivers of alerts.

pub mod connection_repo;
pub mod figure_repo;
pub mod finding_repo;
pub mod incident_repo;
pub mod keeper_repo;
pub mod leader_repo;
pub mod mail;
pub mod outbox_repo;
pub mod publisher;
pub mod schedule_repo;
pub mod webhook_api;
