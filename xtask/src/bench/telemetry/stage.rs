//! What a run of `bench telemetry` stands on: the service on a core of its own, devices that have
//! written one row each, and a token for each tenant.

use super::options::Telemetry;
use crate::bench::backend::{Backend, Running};
use crate::bench::http::Http;
use crate::bench::pin::Cores;
use crate::checkout::write_private;
use crate::failure::Outcome;
use crate::ports;
use crate::process::Crew;
use crate::servers::Credentials;
use crate::tokens;
use std::path::PathBuf;

/// Of 32 bytes, as the service wants it; it opens nothing but this.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(super) struct Stage<'b> {
    service: Running<'b>,
    _devices: Running<'b>,
    ports: Ports,
    /// A line `TENANT TOKEN` for each tenant.
    pub(super) tokens: PathBuf,
}

#[derive(Clone, Copy)]
struct Ports {
    socket: u16,
    ops: u16,
    devices: u16,
    /// The demo world has a portal too, which nobody asks.
    portal: u16,
}

impl<'b> Stage<'b> {
    pub(super) fn set(
        crew: &Crew<'_>,
        backend: &'b Backend<'_>,
        cores: Cores,
        options: &Telemetry,
    ) -> Outcome<Self> {
        let ports = Ports {
            socket: ports::any_free()?,
            ops: ports::any_free()?,
            devices: ports::any_free()?,
            portal: ports::any_free()?,
        };
        let tokens = token_file(crew, backend, options.tenants)?;
        let devices = devices(backend, ports, options.tenants)?;
        first_rows(ports.devices, options.tenants)?;
        let service = cores.on_server(|| service(backend, ports))?;
        Ok(Self {
            service,
            _devices: devices,
            ports,
            tokens,
        })
    }

    pub(super) fn service_pid(&self) -> u32 {
        self.service.pid
    }

    pub(super) fn socket_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v2/ws", self.ports.socket)
    }

    pub(super) fn metrics_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.ports.ops)
    }

    pub(super) fn devices_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.devices)
    }
}

fn tenant(number: u16) -> String {
    format!("bench-{number:03}")
}

/// In a file: a list of processes shows what is on a command line.
fn token_file(crew: &Crew<'_>, backend: &Backend<'_>, tenants: u16) -> Outcome<PathBuf> {
    let program = backend.program("farol-token")?;
    let lines = tokens::lines(crew, program, SECRET, (1..=tenants).map(tenant))?;
    let path = crew.checkout.state.join("bench-tokens");
    write_private(&path, &lines)?;
    Ok(path)
}

/// Ten of each tenant, which write when they are told to.
fn devices<'b>(backend: &'b Backend<'_>, ports: Ports, tenants: u16) -> Outcome<Running<'b>> {
    let login = backend.login("farol_devices", Credentials::DEVICES)?;
    let mut command = backend.program("demo-world")?;
    command.args(["serve", "--port", &ports.devices.to_string()]);
    command.args([
        "--pncp-port",
        &ports.portal.to_string(),
        "--pncp-records",
        "1",
    ]);
    command.args(["--devices-still", &tenants.to_string()]);
    command
        .env("DEMO_DEVICES_DATABASE_URL", login)
        .env("LOG_LEVEL", "warn");
    backend.start("bench-devices", &mut command, (ports.devices, "/health"))
}

/// A socket has joined when it has a row of every device, so there must be one.
fn first_rows(port: u16, tenants: u16) -> Outcome {
    let mut http = Http::connect(port, "")?;
    for number in 1..=tenants {
        let path = format!("/_control/devices/{}/write", tenant(number));
        http.post(&path, "")?.json()?;
    }
    Ok(())
}

fn service<'b>(backend: &'b Backend<'_>, ports: Ports) -> Outcome<Running<'b>> {
    let login = backend.login("farol_telemetry", Credentials::TELEMETRY)?;
    let mut command = backend.service("telemetry-service", &login, ports.ops)?;
    command
        .env("PORT", ports.socket.to_string())
        .env("JWT_HS256_SECRET", SECRET);
    let ready = (ports.ops, "/health/ready");
    backend.start("bench-telemetry", &mut command, ready)
}
