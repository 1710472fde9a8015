//! What every bench stands on: built programs, a throwaway Postgres, a project of 200 units.

use super::pin::Cores;
use crate::cargo::{self, Programs};
use crate::commands::migrate;
use crate::failure::Outcome;
use crate::process::Crew;
use crate::say;
use crate::servers::{Credentials, Instance, Postgres, Source};

/// The project that is watched.
pub(super) const SLUG: &str = "bench-tower";

const LOGIN: &str = "farol_public_login";
const RELEASE: &[&str] = &["--release"];
const PROGRAMS: &[&str] = &[
    "--bin",
    "public-service",
    "--bin",
    "farol-migrate",
    "--bin",
    "loadgen",
];

pub(super) struct Ground<'a> {
    pub(super) crew: &'a Crew<'a>,
    pub(super) programs: Programs,
    pub(super) cores: Cores,
    /// As the service logs in.
    pub(super) database_url: String,
    postgres: Postgres,
}

impl<'a> Ground<'a> {
    pub(super) fn prepare(crew: &'a Crew<'a>, release: bool) -> Outcome<Self> {
        let source = Source::find(crew.checkout)?;
        let wanted = Instance::throwaway("bench")?;
        say::step("Building the service and the load, starting a throwaway Postgres");
        let profile = if release { RELEASE } else { &[] };
        let (postgres, programs) = crew.side_by_side(
            || Postgres::start(crew, source.settled(crew)?, &wanted),
            || cargo::build(crew, &[PROGRAMS, profile].concat()),
        )?;
        migrate::apply(crew, &programs, &postgres.owner_url)?;
        let credentials = Credentials::of(&crew.checkout.servers_home()?)?;
        let password = credentials.get(Credentials::PUBLIC);
        Ok(Self {
            database_url: postgres.login(LOGIN, "farol_public", password)?,
            cores: Cores::find(),
            crew,
            programs,
            postgres,
        })
    }

    /// The project's client API is on this port from now on, and asked every second.
    pub(super) fn set_upstream(&self, port: u16) -> Outcome {
        self.postgres.query(&format!(
            "INSERT INTO projects (slug, name) VALUES ('{SLUG}', 'Bench') ON CONFLICT (slug) DO NOTHING;\n\
             INSERT INTO integration_configs (project_id, api_base_url, status_endpoint, polling_interval_seconds)\n\
             SELECT id, 'http://127.0.0.1:{port}', '/units', 1 FROM projects WHERE slug = '{SLUG}'\n\
             ON CONFLICT (project_id) DO UPDATE SET api_base_url = excluded.api_base_url;"
        ))?;
        Ok(())
    }
}
