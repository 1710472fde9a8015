//! The Postgres of one command: where it comes from, its start, its users.

use crate::checkout::Checkout;
use crate::environment;
use crate::failure::{Failure, Outcome};
use crate::process::Crew;
use crate::say;
use crate::servers::binaries::{self, Binaries};
use crate::servers::cluster::{Cluster, OWNER};
use crate::servers::credentials::Credentials;
use crate::servers::docker::Container;
use crate::servers::install::{Privilege, apt_install};
use crate::servers::psql::{Psql, with_login, without_password};
use rustix::process::Signal;
use std::time::Duration;

/// The first start of a container downloads its image.
const START_LIMIT: Duration = Duration::from_mins(5);
/// The database of the developer stack; tests make their own beside it.
const DATABASE: &str = "farol";

/// Where Postgres comes from, decided before anything is started.
pub(crate) enum Source {
    Given(String),
    Installed(Binaries),
    Apt(Privilege),
    Docker,
}

/// Which of this checkout's servers, and how it is meant.
pub(crate) struct Instance {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// Made anew each time and not kept safe from a crash of the machine: for tests.
    pub(crate) throwaway: bool,
    /// Begin with an empty database.
    pub(crate) fresh: bool,
}

/// A server that answers.
pub(crate) struct Postgres {
    pub(crate) owner_url: String,
    psql: Option<Psql>,
}

impl Source {
    /// May ask for a sudo password.
    pub(crate) fn find(checkout: &Checkout) -> Outcome<Self> {
        if let Some(url) = given(checkout, "DATABASE_URL")? {
            say::note(&format!(
                "using the given DATABASE_URL: {}",
                without_password(&url).0
            ));
            return Ok(Self::Given(url));
        }
        if let Some(installed) = Binaries::find() {
            return Ok(Self::Installed(installed));
        }
        if let Some(privilege) = Privilege::find() {
            return Ok(Self::Apt(privilege));
        }
        if Container::engine_answers() {
            return Ok(Self::Docker);
        }
        Err(Failure::new("there is no Postgres, and no way to get one from here")
            .why("no installed Postgres 13+, no apt-get with root or sudo rights, no Docker that answers")
            .advice(
                "One of these, then the same command again:\n\
                 Debian, Ubuntu: sudo apt-get install postgresql\n\
                 Fedora:         sudo dnf install postgresql-server\n\
                 macOS:          brew install postgresql@16\n\
                 or start Docker, or set DATABASE_URL to a database whose owner may create roles",
            ))
    }

    /// Ours to start, so its port must be free.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::Given(_))
    }
}

impl Postgres {
    /// Installs if need be, starts as a member of the crew, returns when it answers.
    pub(crate) fn start(crew: &Crew<'_>, source: Source, wanted: &Instance) -> Outcome<Self> {
        match source {
            Source::Given(url) => {
                if wanted.fresh && !wanted.throwaway {
                    say::note(
                        "--fresh leaves a given database as it is: empty it yourself if you mean it",
                    );
                }
                let program = binaries::psql().map(|path| vec![path.display().to_string()]);
                let psql = program.map(|program| Psql {
                    program,
                    url: url.clone(),
                });
                Ok(Self {
                    owner_url: url,
                    psql,
                })
            }
            Source::Installed(binaries) => Self::start_installed(crew, binaries, wanted),
            Source::Docker => Self::start_container(crew, wanted),
            Source::Apt(privilege) => {
                apt_install(crew, privilege, &["postgresql"])?;
                let installed = Binaries::find().ok_or_else(|| {
                    Failure::new("apt-get installed Postgres, but no version 13 or newer is there")
                })?;
                Self::start_installed(crew, installed, wanted)
            }
        }
    }

    /// The usual way: programs of this machine, data of this checkout.
    fn start_installed(crew: &Crew<'_>, binaries: Binaries, wanted: &Instance) -> Outcome<Self> {
        let home = crew.checkout.servers_home()?;
        let credentials = Credentials::of(&home)?;
        let major = binaries.major;
        let cluster = Cluster::at(&home, wanted.name, binaries, wanted.throwaway)?;
        if wanted.fresh || wanted.throwaway {
            cluster.remove()?;
        }
        if !cluster.exists() {
            say::step(&format!(
                "Making a private Postgres {major} cluster (tuned for development, not for safety)"
            ));
            cluster.create(credentials.get(Credentials::OWNER))?;
        }
        crew.start(
            &log_name(wanted),
            &mut cluster.server(wanted.port),
            Signal::INT,
        )?;
        let psql = vec![cluster.psql().display().to_string()];
        Self::ready(crew, psql, wanted.port, wanted.port, &credentials)
    }

    /// The same server for the rest of the program: a member that ends at SIGINT.
    fn start_container(crew: &Crew<'_>, wanted: &Instance) -> Outcome<Self> {
        let home = crew.checkout.servers_home()?;
        let credentials = Credentials::of(&home)?;
        let container = Container::named(
            format!("{}-{}", crew.checkout.tag(), wanted.name),
            wanted.throwaway,
        );
        container.remove();
        if wanted.fresh || wanted.throwaway {
            container.remove_data();
        }
        say::step("Starting Postgres in Docker (the first time this downloads its image)");
        crew.start(
            &log_name(wanted),
            &mut container.server(wanted.port, credentials.get(Credentials::OWNER)),
            Signal::INT,
        )?;
        Self::ready(crew, container.psql(), 5432, wanted.port, &credentials)
    }

    /// `inner` is the port as psql sees it, `outer` as this machine does.
    fn ready(
        crew: &Crew<'_>,
        program: Vec<String>,
        inner: u16,
        outer: u16,
        credentials: &Credentials,
    ) -> Outcome<Self> {
        let password = credentials.get(Credentials::OWNER);
        let url = |port: u16, database: &str| {
            format!("postgres://{OWNER}:{password}@127.0.0.1:{port}/{database}")
        };
        let first = Psql {
            program: program.clone(),
            url: url(inner, "postgres"),
        };
        crew.wait_until("Postgres", START_LIMIT, || first.run("SELECT 1").is_ok())?;
        if first
            .run(&format!(
                "SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"
            ))?
            .is_empty()
        {
            first.run(&format!("CREATE DATABASE {DATABASE}"))?;
        }
        let psql = Psql {
            program,
            url: url(inner, DATABASE),
        };
        Ok(Self {
            owner_url: url(outer, DATABASE),
            psql: Some(psql),
        })
    }

    /// Makes `user` a login with the rights of `group`, and returns its address.
    pub(crate) fn login(&self, user: &str, group: &str, password: &str) -> Outcome<String> {
        self.query(&format!(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{user}') THEN CREATE ROLE {user}; END IF; END $$;\n\
             ALTER ROLE {user} LOGIN PASSWORD '{password}';\n\
             GRANT {group} TO {user};"
        ))?;
        Ok(with_login(&self.owner_url, user, password))
    }

    /// Rows as lines.
    pub(crate) fn query(&self, sql: &str) -> Outcome<Vec<String>> {
        let Some(psql) = &self.psql else {
            return Err(
                Failure::new("the given DATABASE_URL needs `psql` to make login users")
                    .why("no psql is installed")
                    .advice("Install it, or give PUBLIC_DATABASE_URL and ADMIN_DATABASE_URL too."),
            );
        };
        psql.run(sql)
    }
}

/// A database address that a person chose, rather than one that this checkout made.
pub(crate) fn given(checkout: &Checkout, name: &str) -> Outcome<Option<String>> {
    let credentials = Credentials::of(&checkout.servers_home()?)?;
    Ok(environment::variable(name).filter(|url| !credentials.made(url)))
}

/// Two instances may run at once, each with a log and a record of its own.
fn log_name(wanted: &Instance) -> String {
    format!("postgres-{}", wanted.name)
}
