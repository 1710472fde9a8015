//! `health`: a service's own program asks the ops listener of the process beside it, so that an image needs no HTTP
//! client. It blocks, with a deadline, and nothing else is at work in its process.

use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

use clap::{Args as _, Command};
use thiserror::Error;
use tokio::time::Instant;

use crate::settings::{
    Concern as _, Group, OpsSettings, Overrides, Reader, ServiceSettings, Sources, load,
};

/// The word on the command line.
pub(super) const WORD: &str = "health";
/// The whole question ends after this: below the usual timeouts of a probe.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is read of an answer.
const MOST_BYTES: usize = 64 * 1024;

// No Debug: `--set` may hold a secret.
#[derive(clap::Args)]
pub(super) struct Question {
    /// Ask whether the process works at all (/health/live), instead of whether it is ready.
    #[arg(long)]
    live: bool,
    /// As for the service: read settings from this TOML file.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// As for the service: set one setting. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::assignment)]
    set: Vec<(String, String)>,
}

/// Why the answer is no.
#[derive(Debug, Error)]
pub(super) enum Unwell {
    #[error("{address} does not answer: {error}")]
    Away {
        address: SocketAddr,
        error: io::Error,
    },
    #[error("{address} does not speak HTTP")]
    Stranger { address: SocketAddr },
    #[error("{path} says {status}: {body}")]
    Refused {
        path: &'static str,
        status: String,
        body: String,
    },
}

/// Programs without an ops listener have nothing to ask.
pub(super) fn is_offered<S: ServiceSettings>() -> bool {
    let groups = S::groups();
    let mut keys = groups.iter().flat_map(|group| group.fields);
    keys.any(|field| field.key == "ops_port")
}

pub(super) fn command() -> Command {
    Question::augment_args(Command::new(WORD)).about(
        "Ask the running service whether it is ready, as OPS_HOST and OPS_PORT say. Exit codes: 0 yes, 1 no, 2 unusable settings",
    )
}

impl Question {
    /// Where to ask. Only the ops settings are read: a probe needs no secret.
    pub(super) fn address<S: ServiceSettings>(
        &self,
        env: HashMap<String, String>,
    ) -> Result<SocketAddr, String> {
        let sources = Sources {
            file: self.config.clone(),
            env,
            flags: self.set.clone(),
        };
        let read = load::<OpsOf<S>>(&sources);
        let ops = read.map_err(|complaints| complaints.to_string())?.ops;
        if ops.ops_port == 0 {
            return Err("OPS_PORT is 0: only the log of the service knows its port".to_owned());
        }
        Ok(SocketAddr::new(reachable(ops.ops_host), ops.ops_port))
    }

    /// Asks once.
    pub(super) fn ask(&self, address: SocketAddr) -> Result<(), Unwell> {
        let path = if self.live {
            "/health/live"
        } else {
            "/health/ready"
        };
        let answer = get(address, path).map_err(|error| Unwell::Away { address, error })?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let mut words = head.split_ascii_whitespace();
        let version = words.next().unwrap_or_default();
        match words.next() {
            Some("200") if version.starts_with("HTTP/1.") => Ok(()),
            Some(status) if version.starts_with("HTTP/1.") => Err(Unwell::Refused {
                path,
                status: status.to_owned(),
                body: body.trim().to_owned(),
            }),
            _ => Err(Unwell::Stranger { address }),
        }
    }
}

/// A listener on all addresses is asked on this machine's own.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        one => one,
    }
}

fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    // A timeout is of one read: whoever sends a byte now and then would be waited for without end.
    while answer.len() < MOST_BYTES {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let count = stream.read(&mut piece)?;
        if count == 0 {
            break;
        }
        answer.extend(piece.iter().take(count));
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero())
        .then_some(left)
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

/// The ops settings of a program, read as the program reads them; whatever else is there is known and not looked at.
struct OpsOf<S> {
    ops: OpsSettings,
    of: PhantomData<S>,
}

impl<S: ServiceSettings> ServiceSettings for OpsOf<S> {
    const SERVICE: &'static str = S::SERVICE;
    const OVERRIDES: Overrides = S::OVERRIDES;

    fn groups() -> Vec<Group> {
        S::groups()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            ops: OpsSettings::read(reader)?,
            of: PhantomData,
        })
    }
}
