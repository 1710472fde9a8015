//! The servers that the services need, private to this checkout: own data folder, own ports.
//! One room per server; what both need (source, account, container, secrets) lies beside them.

mod account;
mod container;
mod credentials;
mod install;
mod instance;
mod postgres;
mod rabbitmq;
mod source;

use crate::checkout::Checkout;
use crate::failure::Outcome;
use crate::ports::ServerPorts;
use crate::process::Crew;
use crate::say;

pub(crate) use credentials::Credentials;
pub(crate) use install::{Privilege, apt_install};
pub(crate) use instance::Instance;
pub(crate) use postgres::{Postgres, PostgresSource, postgres_programs, without_password};
pub(crate) use rabbitmq::{RabbitMq, RabbitMqSource};
pub(crate) use source::{Place, Source, given};

/// Where both servers come from.
pub(crate) struct Sources {
    pub(crate) postgres: PostgresSource,
    pub(crate) rabbitmq: RabbitMqSource,
}

impl Sources {
    /// May ask for a sudo password.
    pub(crate) fn find(checkout: &Checkout) -> Outcome<Self> {
        Ok(Self {
            postgres: Source::find(checkout)?,
            rabbitmq: Source::find(checkout)?,
        })
    }

    /// The ports that will be listened on, with who will do so.
    pub(crate) fn ports(&self, ports: ServerPorts) -> Vec<(&'static str, u16)> {
        let mut wanted = Vec::new();
        if self.postgres.is_private() {
            wanted.push(("Postgres", ports.postgres));
        }
        if self.rabbitmq.is_private() {
            wanted.extend([
                ("RabbitMQ", ports.amqp),
                ("RabbitMQ (distribution)", ports.dist),
                ("RabbitMQ (epmd)", ports.epmd),
            ]);
        }
        wanted
    }

    /// One installation for both, then both at once; returns when both answer.
    pub(crate) fn start(self, crew: &Crew<'_>, wanted: &Instance) -> Outcome<(Postgres, RabbitMq)> {
        let all_ours = self.postgres.is_private() && self.rabbitmq.is_private();
        if wanted.fresh && !wanted.throwaway && !all_ours {
            say::note("--fresh leaves a given server as it is: empty it yourself if you mean it");
        }
        source::install(crew, &[self.postgres.lacking(), self.rabbitmq.lacking()])?;
        let (postgres, rabbitmq) = (self.postgres.place()?, self.rabbitmq.place()?);
        crew.side_by_side(
            || Postgres::start(crew, postgres, wanted),
            || RabbitMq::start(crew, rabbitmq, wanted),
        )
    }
}
