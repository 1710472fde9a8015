//! What `up` starts, in which order, with which settings. A later service is one more block here:
//! its port in `ports.rs`, its login, its `crew.start`, its lines in stack.env.

use crate::cargo::{self, Programs};
use crate::checkout::Checkout;
use crate::cli::Up;
use crate::commands::migrate;
use crate::environment;
use crate::failure::Outcome;
use crate::ports::Ports;
use crate::probe;
use crate::process::{Crew, Task};
use crate::say;
use crate::servers::{Credentials, Instance, Postgres, Source, given};
use crate::stack_env::StackEnv;
use rustix::process::Signal;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

/// Generous: a busy machine is slow, a broken service says so by dying.
const START_LIMIT: Duration = Duration::from_mins(1);
/// What every service gets unless the person's environment or `--set` says otherwise.
const DEVELOPER_SETTINGS: &[(&str, &str)] = &[
    // The demo world is on this machine, which the address guard refuses elsewhere.
    ("UPSTREAM_ALLOW_PRIVATE", "true"),
    ("VIEWER_INDEX", "true"),
    // The logs are files, but people read them.
    ("LOG_FORMAT", "text"),
    ("NO_COLOR", "1"),
    // Ctrl-C should not take ten seconds here.
    ("DRAIN_SECONDS", "2"),
];

/// A running stack, as its table shows it.
pub(crate) struct Stack {
    pub(crate) ports: Ports,
    pub(crate) urls: Urls,
    /// Slugs of the projects that there are to look at.
    pub(crate) projects: Vec<String>,
    pub(crate) with_demo: bool,
    /// Our own Postgres, whose passwords may be shown; those of a given one are somebody's secret.
    pub(crate) with_postgres: bool,
}

/// Database addresses by who logs in.
pub(crate) struct Urls {
    pub(crate) owner: String,
    pub(crate) public: String,
    pub(crate) admin: String,
}

/// What fails first fails before minutes are spent: ports and the source of Postgres, then the build.
pub(crate) fn start(crew: &Crew<'_>, options: &Up) -> Outcome<Stack> {
    let ports = Ports::shifted(options.port_offset)?;
    let source = Source::find(crew.checkout)?;
    let with_postgres = source.is_private();
    ports.expect_free(with_postgres, !options.no_demo)?;
    let wanted = Instance {
        name: "up",
        port: ports.postgres,
        throwaway: false,
        fresh: options.fresh,
    };
    say::step("Building the services and starting Postgres");
    let profile: &[&str] = if options.release {
        &["--bins", "--release"]
    } else {
        &["--bins"]
    };
    let (postgres, programs) = crew.side_by_side(
        || Postgres::start(crew, source, &wanted),
        || cargo::build(crew, profile),
    )?;

    migrate::apply(crew, &programs, &postgres.owner_url)?;
    let credentials = Credentials::of(&crew.checkout.servers_home()?)?;
    let urls = Urls::make(crew.checkout, &postgres, &credentials)?;
    let launcher = Launcher {
        crew,
        programs: &programs,
        options,
        ports,
        secret_key: secret_key(options, &credentials),
    };
    if !options.no_demo {
        launcher.demo(&urls)?;
    }
    launcher.public_service(&urls)?;
    launcher
        .stack_env(&urls)
        .write(&crew.checkout.state.join("stack.env"))?;
    let projects = postgres
        .query("SELECT slug FROM projects WHERE is_active ORDER BY slug LIMIT 10")
        .unwrap_or_default();
    Ok(Stack {
        ports,
        urls,
        projects,
        with_demo: !options.no_demo,
        with_postgres,
    })
}

impl Urls {
    /// Addresses that the person gave are used as they are; the others are logins made here.
    fn make(checkout: &Checkout, postgres: &Postgres, credentials: &Credentials) -> Outcome<Self> {
        let login = |name: &str, user: &str, group: &str, secret: &str| match given(checkout, name)?
        {
            Some(url) => Ok(url),
            None => postgres.login(user, group, credentials.get(secret)),
        };
        Ok(Self {
            public: login(
                "PUBLIC_DATABASE_URL",
                "farol_public_login",
                "farol_public",
                Credentials::PUBLIC,
            )?,
            admin: login(
                "ADMIN_DATABASE_URL",
                "farol_admin_login",
                "farol_admin",
                Credentials::ADMIN,
            )?,
            owner: postgres.owner_url.clone(),
        })
    }
}

/// `--set` wins over the environment, which wins over what was generated.
fn secret_key(options: &Up, credentials: &Credentials) -> String {
    let set = options
        .set
        .iter()
        .rev()
        .find(|(name, _)| name == "SECRET_KEY")
        .map(|(_, value)| value.clone());
    set.or_else(|| environment::variable("SECRET_KEY"))
        .unwrap_or_else(|| credentials.get(Credentials::SECRET_KEY).to_owned())
}

/// What every start of a program needs.
struct Launcher<'a> {
    crew: &'a Crew<'a>,
    programs: &'a Programs,
    options: &'a Up,
    ports: Ports,
    secret_key: String,
}

impl Launcher<'_> {
    /// The client API listens before its address is written into the database.
    fn demo(&self, urls: &Urls) -> Outcome {
        let port = self.ports.demo_upstream;
        let mut serve = self.program("demo-world", &urls.owner)?;
        serve.args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()]);
        self.crew.start("demo-world", &mut serve, Signal::TERM)?;
        self.crew.wait_until("demo-world", START_LIMIT, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        })?;
        say::step("Writing the demo projects");
        let mut seed = self.program("demo-world", &urls.owner)?;
        seed.args(["seed", "--upstream-url", &local(port)]);
        self.crew.run_shown(
            &Task {
                name: "demo-world seed",
                interruptible: true,
            },
            &mut seed,
        )
    }

    /// It gets the login that can only read.
    fn public_service(&self, urls: &Urls) -> Outcome {
        let mut command = self.program("public-service", &urls.public)?;
        Self::listen(&mut command, self.ports.public, self.ports.public_ops);
        self.service("public-service", &mut command, self.ports.public_ops)
    }

    /// Starts a service and waits until its ops listener says that it is ready.
    fn service(&self, name: &str, command: &mut Command, ops_port: u16) -> Outcome {
        say::step(&format!("Starting {name}"));
        self.crew.start(name, command, Signal::TERM)?;
        self.crew.wait_until(name, START_LIMIT, || {
            probe::status(ops_port, "/health/ready") == Some(200)
        })
    }

    /// A program with the settings that all have in common; the person's own come last.
    fn program(&self, name: &str, database_url: &str) -> Outcome<Command> {
        let mut command = self.programs.command(name)?;
        environment::without_cargo_run(&mut command);
        for (name, value) in DEVELOPER_SETTINGS {
            if environment::variable(name).is_none() {
                command.env(name, value);
            }
        }
        command
            .env("HOST", "127.0.0.1")
            .env("DATABASE_URL", database_url);
        command
            .envs(self.options.set.iter().cloned())
            .env("SECRET_KEY", &self.secret_key);
        Ok(command)
    }

    /// The two ports of a service, which `--set` may not change.
    fn listen(command: &mut Command, port: u16, ops_port: u16) {
        command
            .env("PORT", port.to_string())
            .env("OPS_HOST", "127.0.0.1")
            .env("OPS_PORT", ops_port.to_string());
    }

    /// Names of services that do not exist yet are left out rather than made up.
    fn stack_env(&self, urls: &Urls) -> StackEnv {
        let mut env = StackEnv::default();
        env.set("DATABASE_URL", &urls.owner);
        env.set("PUBLIC_DATABASE_URL", &urls.public);
        env.set("ADMIN_DATABASE_URL", &urls.admin);
        env.set("PUBLIC_URL", local(self.ports.public));
        env.set("PUBLIC_OPS_URL", local(self.ports.public_ops));
        if !self.options.no_demo {
            env.set("DEMO_UPSTREAM_URL", local(self.ports.demo_upstream));
        }
        env.set("SECRET_KEY", &self.secret_key);
        env
    }
}

/// The address of something on this machine.
pub(crate) fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
