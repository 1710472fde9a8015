//! What `up` starts, and in which order. A later service is one more block in the launcher, its
//! port in `ports.rs`, its login in `logins.rs`.

use super::handout;
use super::launcher::Launcher;
use super::logins::Urls;
use super::values::Values;
use crate::cargo;
use crate::cli::Up;
use crate::commands::migrate;
use crate::failure::Outcome;
use crate::ports::Ports;
use crate::process::Crew;
use crate::say;
use crate::servers::{Credentials, Instance, Sources};

/// A running stack, as its table shows it.
pub(crate) struct Stack {
    pub(crate) ports: Ports,
    pub(crate) urls: Urls,
    pub(crate) values: Values,
    /// Of demo-a and demo-b, where they are ours to make.
    pub(crate) tokens: Option<[String; 2]>,
    /// Slugs of the projects that there are to look at.
    pub(crate) projects: Vec<String>,
    pub(crate) with_demo: bool,
    /// Our own servers, whose passwords may be shown; those of given ones are somebody's secret.
    pub(crate) with_postgres: bool,
    pub(crate) with_rabbitmq: bool,
}

/// What fails first fails before minutes are spent: ports and the sources of servers, then the build.
pub(crate) fn start(crew: &Crew<'_>, options: &Up) -> Outcome<Stack> {
    let ports = Ports::shifted(options.port_offset)?;
    let with_demo = !options.no_demo;
    let sources = Sources::find(crew.checkout)?;
    ports.expect_free(&sources.ports(ports.servers), with_demo)?;
    let (with_postgres, with_rabbitmq) =
        (sources.postgres.is_private(), sources.rabbitmq.is_private());
    let wanted = Instance {
        name: "up",
        ports: ports.servers,
        throwaway: false,
        fresh: options.fresh,
    };
    say::step("Building the services, starting Postgres and RabbitMQ");
    let profile: &[&str] = if options.release {
        &["--bins", "--release"]
    } else {
        &["--bins"]
    };
    let ((postgres, rabbitmq), programs) = crew.side_by_side(
        || sources.start(crew, &wanted),
        || cargo::build(crew, profile),
    )?;

    migrate::apply(crew, &programs, &postgres.owner_url)?;
    let credentials = Credentials::of(&crew.checkout.servers_home()?)?;
    let urls = Urls::make(crew.checkout, &postgres, &rabbitmq, &credentials)?;
    let values = Values::of(options, &credentials, ports);
    let launcher = Launcher {
        crew,
        programs: &programs,
        options,
        ports,
        urls: &urls,
        values: &values,
    };
    if with_demo {
        launcher.demo()?;
    }
    launcher.services()?;
    let tokens = launcher.tokens()?;
    let projects = postgres
        .query("SELECT slug FROM projects WHERE is_active ORDER BY slug LIMIT 10")
        .unwrap_or_default();
    let stack = Stack {
        ports,
        urls,
        values,
        tokens,
        projects,
        with_demo,
        with_postgres,
        with_rabbitmq,
    };
    handout::stack_env(&stack).write(&crew.checkout.state.join("stack.env"))?;
    Ok(stack)
}

/// The address of something on this machine.
pub(crate) fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
impl Stack {
    /// One with every kind of server, for the tests of what is told of it.
    pub(super) fn example() -> Self {
        let urls = Urls {
            owner: "postgres://o:hush@h/d".into(),
            public: "postgres://p".into(),
            admin: "postgres://a".into(),
            ingest: "postgres://i".into(),
            telemetry: "postgres://t".into(),
            devices: "postgres://d".into(),
            broker: "amqp://b:ours@h/".into(),
        };
        let values = Values {
            secret_key: "key".into(),
            admin_username: "boss".into(),
            admin_password: "word".into(),
            queue_name: "bells".into(),
            callback_secret: "ring".into(),
            jwt_secret: "seal".into(),
            pncp_url: "http://portal".into(),
        };
        let ports = Ports::shifted(10).unwrap();
        Self {
            ports,
            urls,
            values,
            tokens: Some(["aa.bb.cc".into(), "dd.ee.ff".into()]),
            projects: vec!["tower".into()],
            with_demo: false,
            with_postgres: false,
            with_rabbitmq: true,
        }
    }
}
