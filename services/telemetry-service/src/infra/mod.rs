//! The ways out: Postgres and the telemetry stores.

pub mod alert_repo;
mod connection_repo;
pub mod device_repo;
pub mod hint_repo;
pub mod influx_api;
mod influx_row;
mod influx_sql;
mod influxql;
mod jsonb;
pub mod partition_repo;
pub mod telemetry_influx_api;
pub mod telemetry_pg_repo;
mod tenant_repo;
pub mod ticket_repo;
