//! The ways out: Postgres by repos, the broker by the publisher, receivers of alerts.

pub mod outbox_repo;
