//! The ways out: Postgres and the telemetry stores.
