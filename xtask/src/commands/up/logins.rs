//! The addresses of the servers as each service logs in to them.

use crate::checkout::Checkout;
use crate::failure::Outcome;
use crate::servers::{Credentials, Postgres, RabbitMq, given};

/// Addresses by who logs in.
pub(crate) struct Urls {
    pub(crate) owner: String,
    pub(crate) public: String,
    pub(crate) admin: String,
    pub(crate) ingest: String,
    pub(crate) telemetry: String,
    /// Writes what the demo's devices measure.
    pub(crate) devices: String,
    /// Publishers and consumers share one user.
    pub(crate) broker: String,
}

impl Urls {
    /// Addresses that the person gave are used as they are; the others are logins made here, each
    /// with the rights of its service's role.
    pub(super) fn make(
        checkout: &Checkout,
        postgres: &Postgres,
        rabbitmq: &RabbitMq,
        credentials: &Credentials,
    ) -> Outcome<Self> {
        let login = |name: &str, role: &str, secret: &str| match given(checkout, name)? {
            Some(url) => Ok(url),
            None => postgres.login(&format!("{role}_login"), role, credentials.get(secret)),
        };
        Ok(Self {
            public: login("PUBLIC_DATABASE_URL", "farol_public", Credentials::PUBLIC)?,
            admin: login("ADMIN_DATABASE_URL", "farol_admin", Credentials::ADMIN)?,
            ingest: login("INGEST_DATABASE_URL", "farol_ingest", Credentials::INGEST)?,
            telemetry: login(
                "TELEMETRY_DATABASE_URL",
                "farol_telemetry",
                Credentials::TELEMETRY,
            )?,
            devices: login(
                "DEMO_DEVICES_DATABASE_URL",
                "farol_devices",
                Credentials::DEVICES,
            )?,
            owner: postgres.owner_url.clone(),
            broker: rabbitmq.url.clone(),
        })
    }
}
