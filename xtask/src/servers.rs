//! The servers that the services need, private to this checkout: own data folder, own ports.
//! One struct per server; `RabbitMQ` joins as `servers/rabbitmq.rs` with the first service that
//! needs a broker, found, installed and started as Postgres is.

mod binaries;
mod cluster;
mod credentials;
mod docker;
mod install;
mod postgres;
mod psql;

pub(crate) use credentials::Credentials;
pub(crate) use install::{Privilege, apt_install};
pub(crate) use postgres::{Instance, Postgres, Source, given};
pub(crate) use psql::without_password;
