//! How each program of the stack is started: with which login, which settings, on which ports.

use super::logins::Urls;
use super::stack::local;
use super::values::Values;
use crate::cargo::Programs;
use crate::cli::Up;
use crate::environment;
use crate::failure::Outcome;
use crate::ports::Ports;
use crate::probe;
use crate::process::{Crew, Task};
use crate::say;
use crate::tokens;
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
/// The portal of the demo world is ours to hurry: a run takes seconds instead of minutes.
const WITH_DEMO: &[(&str, &str)] = &[("PNCP_RATE_PER_SECOND", "20")];
/// The real portal is read only when somebody asks for it.
const WITHOUT_DEMO: &[(&str, &str)] = &[("SYNC_INTERVAL_MINUTES", "0")];

/// Whose devices the demo world has.
const DEMO_TENANTS: [&str; 2] = ["demo-a", "demo-b"];

/// What every start of a program needs.
pub(super) struct Launcher<'a> {
    pub(super) crew: &'a Crew<'a>,
    pub(super) programs: &'a Programs,
    pub(super) options: &'a Up,
    pub(super) ports: Ports,
    pub(super) urls: &'a Urls,
    pub(super) values: &'a Values,
}

impl Launcher<'_> {
    /// The world outside listens before its addresses are written into the database.
    pub(super) fn demo(&self) -> Outcome {
        let (upstream, pncp) = (self.ports.demo_upstream, self.ports.demo_pncp);
        let mut serve = self.program("demo-world", &self.urls.owner)?;
        serve.args(["serve", "--host", "127.0.0.1"]);
        serve.args(["--port", &upstream.to_string()]);
        serve.args(["--pncp-port", &pncp.to_string()]);
        serve.env("DEMO_DEVICES_DATABASE_URL", &self.urls.devices);
        self.crew.start("demo-world", &mut serve, Signal::TERM)?;
        let answers = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        self.crew.wait_until("demo-world", START_LIMIT, || {
            answers(upstream) && answers(pncp)
        })?;
        say::step("Writing the demo projects");
        let mut seed = self.program("demo-world", &self.urls.owner)?;
        seed.args(["seed", "--upstream-url", &local(upstream)]);
        self.crew.run_shown(
            &Task {
                name: "demo-world seed",
                interruptible: true,
            },
            &mut seed,
        )
    }

    /// All at once; returns when the ops listener of each says that it is ready.
    pub(super) fn services(&self) -> Outcome {
        say::step(
            "Starting public-service, admin-sync-service, sse-gateway, telemetry-service and ingestor",
        );
        let services = [
            self.public_service()?,
            self.admin_service()?,
            self.gateway()?,
            self.telemetry()?,
            self.ingestor()?,
        ];
        for (name, ops_port) in services {
            self.crew.wait_until(name, START_LIMIT, || {
                probe::status(ops_port, "/health/ready") == Some(200)
            })?;
        }
        Ok(())
    }

    /// It gets the login that can only read.
    fn public_service(&self) -> Outcome<(&'static str, u16)> {
        let mut command = self.program("public-service", &self.urls.public)?;
        command.env("PORT", self.ports.public.to_string());
        self.service("public-service", command, self.ports.public_ops)
    }

    /// Whoever knows the password of the table is its operator.
    fn admin_service(&self) -> Outcome<(&'static str, u16)> {
        let mut command = self.program("admin-sync-service", &self.urls.admin)?;
        command
            .env("PORT", self.ports.admin.to_string())
            .env("ADMIN_USERNAME", &self.values.admin_username)
            .env("ADMIN_PASSWORD", &self.values.admin_password);
        self.service("admin-sync-service", command, self.ports.admin_ops)
    }

    /// Of its backend it knows an address only.
    fn gateway(&self) -> Outcome<(&'static str, u16)> {
        let mut command = self.program("sse-gateway", &self.urls.public)?;
        command
            .env("PORT", self.ports.gateway.to_string())
            .env_remove("DATABASE_URL")
            .env_remove("RABBITMQ_URL");
        self.service("sse-gateway", command, self.ports.gateway_ops)
    }

    /// It reads, and may become the tenant that it reads for.
    fn telemetry(&self) -> Outcome<(&'static str, u16)> {
        let mut command = self.program("telemetry-service", &self.urls.telemetry)?;
        command
            .env("PORT", self.ports.telemetry.to_string())
            .env_remove("RABBITMQ_URL");
        self.service("telemetry-service", command, self.ports.telemetry_ops)
    }

    /// For both tenants of the demo, made anew at each start: they live for 30 days. None where
    /// another issuer is believed.
    pub(super) fn tokens(&self) -> Outcome<Option<[String; 2]>> {
        let secret = &self.values.jwt_secret;
        if secret.is_empty() {
            return Ok(None);
        }
        let program = self.program("farol-token", &self.urls.public)?;
        let lines = tokens::lines(self.crew, program, secret, DEMO_TENANTS.map(str::to_owned))?;
        let of = |tenant| tokens::of(&lines, tenant).unwrap_or_default().to_owned();
        Ok(Some(DEMO_TENANTS.map(of)))
    }

    /// It has no public listener.
    fn ingestor(&self) -> Outcome<(&'static str, u16)> {
        let command = self.program("ingestor", &self.urls.ingest)?;
        self.service("ingestor", command, self.ports.ingestor_ops)
    }

    /// Starts a service; its ops port, which `--set` may not change, tells when it is ready.
    fn service(
        &self,
        name: &'static str,
        mut command: Command,
        ops_port: u16,
    ) -> Outcome<(&'static str, u16)> {
        command
            .env("OPS_HOST", "127.0.0.1")
            .env("OPS_PORT", ops_port.to_string());
        self.crew.start(name, &mut command, Signal::TERM)?;
        Ok((name, ops_port))
    }

    /// Where the administration sees how the others are.
    fn neighbours(&self) -> [(&'static str, String); 5] {
        [
            ("PUBLIC_URL", local(self.ports.public)),
            ("PUBLIC_OPS_URL", local(self.ports.public_ops)),
            ("GATEWAY_OPS_URL", local(self.ports.gateway_ops)),
            ("TELEMETRY_OPS_URL", local(self.ports.telemetry_ops)),
            ("INGESTOR_OPS_URL", local(self.ports.ingestor_ops)),
        ]
    }

    /// A program with the settings that all have in common; the person's own come last.
    fn program(&self, name: &str, database_url: &str) -> Outcome<Command> {
        let mut command = self.programs.command(name)?;
        environment::without_cargo_run(&mut command);
        let demo = if self.options.no_demo {
            WITHOUT_DEMO
        } else {
            WITH_DEMO
        };
        let gateway = local(self.ports.gateway);
        let callback = self.values.callback_url(self.ports.admin);
        let neighbours = self.neighbours();
        let mut ours: Vec<(&str, &str)> = [DEVELOPER_SETTINGS, demo].concat();
        ours.extend(neighbours.iter().map(|(name, url)| (*name, url.as_str())));
        ours.extend([
            ("SSE_GATEWAY_URL", gateway.as_str()),
            ("CALLBACK_URL", &callback),
        ]);
        if !self.options.no_demo {
            ours.push(("PNCP_BASE_URL", &self.values.pncp_url));
        }
        for (name, value) in ours {
            if environment::variable(name).is_none() {
                command.env(name, value);
            }
        }
        command
            .env("HOST", "127.0.0.1")
            .env("DATABASE_URL", database_url)
            .env("RABBITMQ_URL", &self.urls.broker);
        command
            .envs(self.options.set.iter().cloned())
            .env("QUEUE_NAME", &self.values.queue_name)
            .env("SSE_CALLBACK_SECRET", &self.values.callback_secret)
            .env("JWT_HS256_SECRET", &self.values.jwt_secret)
            .env("SECRET_KEY", &self.values.secret_key);
        Ok(command)
    }
}
