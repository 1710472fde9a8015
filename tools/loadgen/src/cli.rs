//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Load for the benches, on loopback.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hold event streams, cause changes, and check that every stream gets every change.
    Streams(Streams),
    /// The raw limit: for each change, a loop of writes of the same bytes over plain sockets.
    Raw(Raw),
    /// Repeat one GET over keep-alive connections.
    Gets(Gets),
    /// Be the backend and all clients of an SSE gateway, and send to them.
    Gateway(Gateway),
    /// Hold sockets of many tenants, let their devices write, and check who got which row.
    Sockets(Sockets),
    /// Only be the client API, with units that never change, until killed.
    Upstream(Upstream),
}

#[derive(Debug, Args)]
pub(crate) struct Streams {
    /// The stream, `http://127.0.0.1:PORT/path`.
    #[arg(long)]
    pub(crate) url: String,
    /// Streams to hold.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) connections: usize,
    /// Share of the streams that read slowly; they must only end at the last change.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) slow_fraction: f64,
    /// Bytes per second that a slow stream reads; 0 reads nothing until the end.
    #[arg(long, default_value_t = 8_192)]
    pub(crate) slow_rate: usize,
    /// What the slow streams ask for instead, so that they fall behind sooner.
    #[arg(long)]
    pub(crate) slow_url: Option<String>,
    /// What becomes of a slow stream.
    #[arg(long, value_enum, default_value_t = Slow::MustConverge)]
    pub(crate) slow: Slow,
    /// Local addresses 127.0.0.1 to 127.0.0.N to connect from, in turn.
    #[arg(long, default_value_t = 1)]
    pub(crate) source_addresses: u8,
    /// Changes to cause.
    #[arg(long, default_value_t = 10)]
    pub(crate) changes: u64,
    /// Polls (or beats of the pace) without a change before the first, for the cost of idling.
    #[arg(long, default_value_t = 0)]
    pub(crate) idle: u64,
    /// Milliseconds from change to change, where the load sets the pace.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) pace_ms: u64,
    /// A stream has joined only when it got a first state with a version.
    #[arg(long)]
    pub(crate) snapshot: bool,
    /// Payload bytes of a change, for the triggers that write it themselves.
    #[arg(long, default_value_t = 250)]
    pub(crate) frame_bytes: usize,
    /// The process whose CPU time and memory are reported (Linux).
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Seconds that any phase may take.
    #[arg(long, default_value_t = 30)]
    pub(crate) patience: u64,
    #[command(flatten)]
    pub(crate) trigger: Trigger,
}

/// How a change is caused: one of the three.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Trigger {
    /// Be the client API on this port: a change is a poll that is answered with other statuses.
    #[arg(long, value_name = "PORT")]
    pub(crate) upstream: Option<u16>,
    /// Tell a `loadgen raw`.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) raw: Option<SocketAddr>,
    /// POST the change as the data of an event.
    #[arg(long, value_name = "URL")]
    pub(crate) publish: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Slow {
    /// It must end at the newest change, whatever was folded on the way.
    MustConverge,
    /// Nothing is asked of it.
    Ignored,
}

#[derive(Debug, Args)]
pub(crate) struct Raw {
    /// Where to listen; 0 is any free port. The first line printed names it.
    #[arg(long)]
    pub(crate) port: u16,
    /// Streams to expect; only makes room for them.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) connections: usize,
    /// `SO_SNDBUF` of every stream; 0 leaves the kernel's own.
    #[arg(long, default_value_t = 0)]
    pub(crate) sndbuf: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Upstream {
    /// Where to listen.
    #[arg(long)]
    pub(crate) port: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Gets {
    /// What to get, `http://127.0.0.1:PORT/path`.
    #[arg(long)]
    pub(crate) url: String,
    /// Keep-alive connections, one request under way on each.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// By how many bytes a body may differ from the first one (an age has more digits later).
    #[arg(long, default_value_t = 8)]
    pub(crate) body_tolerance: usize,
    /// The process whose CPU time is reported (Linux).
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Gateway {
    /// The gateway, `http://127.0.0.1:PORT`.
    #[arg(long)]
    pub(crate) url: String,
    /// Where its callbacks come to.
    #[arg(long)]
    pub(crate) callback_port: u16,
    /// Streams to hold.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) connections: usize,
    /// Events to send, to one stream after the other.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) sends: u64,
    /// Kept-alive connections that send, one request under way on each.
    #[arg(long, default_value_t = 8)]
    pub(crate) senders: usize,
    /// Length of an event's data.
    #[arg(long, default_value_t = 200)]
    pub(crate) data_bytes: usize,
    /// The process whose CPU time and memory are reported (Linux).
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Seconds without any event that are too many.
    #[arg(long, default_value_t = 30)]
    pub(crate) patience: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Sockets {
    /// The socket, `http://127.0.0.1:PORT/path`.
    #[arg(long)]
    pub(crate) url: String,
    /// A file with a line `TENANT TOKEN` for each tenant.
    #[arg(long)]
    pub(crate) tokens: PathBuf,
    /// Sockets to hold, of one tenant after the other in turn.
    #[arg(long, default_value_t = 5_000)]
    pub(crate) connections: usize,
    /// Devices of each tenant, `dev-0001` and on; a socket subscribes to all of them.
    #[arg(long, default_value_t = 10)]
    pub(crate) devices: usize,
    /// The demo world whose devices write when they are told to, `http://127.0.0.1:PORT`.
    #[arg(long)]
    pub(crate) devices_url: String,
    /// Where the service tells its queries, `http://127.0.0.1:PORT/metrics`.
    #[arg(long)]
    pub(crate) metrics_url: String,
    /// Times that a tenant lets each of its devices write a row, in turn.
    #[arg(long, default_value_t = 200)]
    pub(crate) changes: u64,
    /// Milliseconds from one of them to the next, whichever the tenant.
    #[arg(long, default_value_t = 50)]
    pub(crate) pace_ms: u64,
    /// How long queries are counted while nothing is written, with few sockets and with all: whole
    /// intervals of the service, which looks at everything at once.
    #[arg(long, default_value_t = 30_000)]
    pub(crate) rest_ms: u64,
    /// What passes before: an idle connection tells Postgres's counters with up to ten seconds of delay
    /// what joining has cost. No whole intervals, so that no look falls on the border.
    #[arg(long, default_value_t = 12_500)]
    pub(crate) settle_ms: u64,
    /// The process whose CPU time and memory are reported (Linux).
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Seconds without any event that are too many.
    #[arg(long, default_value_t = 30)]
    pub(crate) patience: u64,
}
