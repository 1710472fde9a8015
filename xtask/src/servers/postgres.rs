//! The Postgres of one command: where it comes from, its start, its users.

mod binaries;
mod cluster;
mod psql;

use crate::failure::{Failure, Outcome};
use crate::process::Crew;
use crate::say;
use crate::servers::container::{Container, Image};
use crate::servers::credentials::Credentials;
use crate::servers::instance::Instance;
use crate::servers::source::{Place, Source};
use binaries::Binaries;
use cluster::{Cluster, OWNER};
use psql::{Psql, with_login};
use rustix::process::Signal;
use std::time::Duration;

pub(crate) use binaries::programs as postgres_programs;
pub(crate) use psql::without_password;

/// The first start of a container downloads its image.
const START_LIMIT: Duration = Duration::from_mins(5);
/// The database of the developer stack; tests make their own beside it.
const DATABASE: &str = "farol";

/// The same image as in docker-compose.yml.
const IMAGE: Image = Image {
    name: "postgres:16.9-bookworm",
    port: 5432,
    data: "/var/lib/postgresql/data",
};

/// Where a Postgres comes from.
pub(crate) type PostgresSource = Source<Binaries>;

/// A server that answers.
pub(crate) struct Postgres {
    pub(crate) owner_url: String,
    psql: Option<Psql>,
}

impl Postgres {
    /// Starts it as a member of the crew, returns when it answers.
    pub(crate) fn start(
        crew: &Crew<'_>,
        place: Place<Binaries>,
        wanted: &Instance,
    ) -> Outcome<Self> {
        match place {
            Place::Given(url) => Ok(Self::given(url)),
            Place::Installed(binaries) => Self::start_installed(crew, binaries, wanted),
            Place::Docker => Self::start_container(crew, wanted),
        }
    }

    /// It is somebody's: nothing of it is started, stopped or emptied here.
    fn given(url: String) -> Self {
        let psql = binaries::psql().map(|path| Psql {
            program: vec![path.display().to_string()],
            url: url.clone(),
        });
        Self {
            owner_url: url,
            psql,
        }
    }

    /// The usual way: programs of this machine, data of this checkout.
    fn start_installed(crew: &Crew<'_>, binaries: Binaries, wanted: &Instance) -> Outcome<Self> {
        let home = crew.checkout.servers_home()?;
        let credentials = Credentials::of(&home)?;
        let major = binaries.major;
        let cluster = Cluster::at(&home, wanted, binaries)?;
        if wanted.starts_anew() {
            cluster.remove()?;
        }
        if !cluster.exists() {
            say::step(&format!(
                "Making a private Postgres {major} cluster (tuned for development, not for safety)"
            ));
            cluster.create(credentials.get(Credentials::OWNER))?;
        }
        let port = wanted.ports.postgres;
        crew.start(
            &wanted.member("postgres"),
            &mut cluster.server(port),
            Signal::INT,
        )?;
        let psql = vec![cluster.psql().display().to_string()];
        Self::ready(crew, psql, port, port, &credentials)
    }

    /// The same server for the rest of the program: a member that ends at SIGINT.
    fn start_container(crew: &Crew<'_>, wanted: &Instance) -> Outcome<Self> {
        let home = crew.checkout.servers_home()?;
        let credentials = Credentials::of(&home)?;
        let password = credentials.get(Credentials::OWNER);
        let member = wanted.member("postgres");
        let name = format!("{}-{member}", crew.checkout.tag());
        let container = Container::named(name, wanted.throwaway);
        container.remove();
        if wanted.starts_anew() {
            container.remove_data();
        }
        say::step("Starting Postgres in Docker (the first time this downloads its image)");
        let login = [("POSTGRES_USER", OWNER), ("POSTGRES_PASSWORD", password)];
        let port = wanted.ports.postgres;
        let mut server = container.server(&IMAGE, port, &login);
        server.args(["-c", "max_connections=400", "-c", "synchronous_commit=off"]);
        crew.start(&member, &mut server, Signal::INT)?;
        // Over TCP: the image's set-up phase listens on a socket only.
        let psql = container.inside("psql", "PGPASSWORD");
        Self::ready(crew, psql, IMAGE.port, port, &credentials)
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
