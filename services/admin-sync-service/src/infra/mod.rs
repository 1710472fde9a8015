//! The ways out: Postgres by repos, the broker by the publisher, receivers of alerts.

pub mod connection_repo;
mod count_repo;
pub mod coverage_repo;
pub mod dashboard_repo;
pub mod doorbell_repo;
pub mod execution_repo;
pub mod figure_repo;
pub mod finding_repo;
pub mod history_repo;
pub mod idempotency_repo;
pub mod incident_repo;
pub mod keeper_repo;
pub mod leader_repo;
pub mod mail;
pub mod ops_api;
pub mod outbox_repo;
pub mod publisher;
pub mod readyz_api;
pub mod run_repo;
pub mod schedule_repo;
mod search_repo;
pub mod sweep_repo;
pub mod task_repo;
pub mod version_api;
pub mod webhook_api;
