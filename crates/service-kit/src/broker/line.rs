//! One connection: dialling, lapin's recovery, and an end that is certain.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_rs::{Tokio, TokioRuntime, traits::Reactor};
use lapin::{
    AsyncTcpStream, Channel, Connection, ConnectionProperties,
    tcp::{AMQPUriTcpExt as _, TLSConfig},
    uri::{AMQPAuthority, AMQPScheme, AMQPUri},
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    end::End,
    trouble::{Trouble, step},
};
use crate::backoff::Backoff;

/// How long a TCP or TLS connection may take.
const DIAL: Duration = Duration::from_secs(5);

/// How long the broker may take from the TCP connection to open channels: a recovery that takes longer is stuck.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// The first wait between two attempts to dial.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// How often the state of a connection is looked at: lapin tells of a recovery, and not of a loss.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// How many handshakes in a row lapin may try for one recovery. Dialling itself is ours and has no limit.
const HANDSHAKES: usize = 3;

/// An open connection. Ends with its value, at the latest.
pub(super) struct Line {
    connection: Connection,
    end: Arc<End>,
    leash: Leash,
}

/// Why a channel has to be replaced, and whether its line has to be as well.
pub(super) enum Lost {
    Channel(String),
    Line(String),
}

/// The hold that we keep on a connection which lapin drives on a thread of its own.
struct Leash {
    wire: Arc<Wire>,
    polite: bool,
}

/// What the leash shares with the dialler.
struct Wire {
    retired: CancellationToken,
    phase: watch::Sender<Phase>,
    /// A second handle on the socket: shutting it down is the one way to end a handshake that hangs.
    socket: Mutex<Option<OwnedFd>>,
}

#[derive(Clone, Copy)]
enum Phase {
    Dialling,
    Dialled(Instant),
}

impl Line {
    /// Dials until somebody answers, telling `end` why not; then the handshake has its deadline.
    pub(super) async fn connect(end: &Arc<End>) -> Result<Self, Trouble> {
        const STEP: &str = "connecting";
        let leash = Leash::new();
        let properties = ConnectionProperties::default()
            .with_connection_name(end.name.into())
            .configure_backoff(|backoff| {
                let backoff = backoff.with_min_delay(FIRST_WAIT).with_jitter();
                backoff
                    .with_max_delay(crate::backoff::DEFAULT_CAP)
                    .with_max_times(HANDSHAKES)
            })
            .enable_auto_recover();
        let runtime =
            lapin::runtime::default_runtime().map_err(|error| Trouble::of(STEP, error))?;
        let (wire, dialling) = (Arc::clone(&leash.wire), Arc::clone(end));
        // lapin calls this again for every recovery, for as long as the line lives.
        let dial = async move |address: AMQPUri, runtime: TokioRuntime| {
            let mut backoff = Backoff::new(FIRST_WAIT);
            wire.hang_up();
            wire.phase.send_replace(Phase::Dialling);
            loop {
                if wire.retired.is_cancelled() {
                    return dial_nobody(address, &runtime).await;
                }
                let why = match timeout(DIAL, dial_once(&address, &runtime, &wire)).await {
                    Ok(Ok(stream)) => {
                        wire.phase.send_replace(Phase::Dialled(Instant::now()));
                        return Ok(stream);
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "no answer".to_owned(),
                };
                let (host, port) = (&address.authority.host, address.authority.port);
                dialling.set_down(format!(
                    "RabbitMQ cannot be reached at {host}:{port}: {why}"
                ));
                let pause = sleep(backoff.next(&dialling.random));
                wire.retired.run_until_cancelled(pause).await;
            }
        };
        let connecting = Connection::connector(end.address.clone(), runtime, dial, properties);
        tokio::select! {
            connected = connecting => Ok(Self {
                connection: connected.map_err(|error| Trouble::of(STEP, error))?,
                end: Arc::clone(end),
                leash,
            }),
            () = leash.overdue() => Err(Trouble::Silent(STEP.to_owned())),
        }
    }

    /// A new channel.
    pub(super) async fn channel(&self) -> Result<Channel, Trouble> {
        step("opening a channel", self.connection.create_channel()).await
    }

    /// RabbitMQ is short of memory or disk and reads nothing from this connection.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Resolves once `channel` (or, without one, the line) has to be replaced. What lapin brings back by itself is only
    /// told to `end`.
    pub(super) async fn watch(&self, channel: Option<&Channel>) -> Lost {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut absent: Option<Instant> = None;
        loop {
            look.tick().await;
            let line = self.connection.status();
            if line.errored() || line.closed() {
                return Lost::Line("the connection to RabbitMQ was lost".to_owned());
            }
            let open = channel.is_none_or(|channel| channel.status().connected());
            let coming = channel.is_some_and(|channel| channel.status().initializing());
            if line.connected() && open {
                absent = None;
                self.tell_open();
            } else if line.connected() && !coming {
                return Lost::Channel("RabbitMQ closed the channel".to_owned());
            } else if self.is_stuck(*absent.get_or_insert_with(Instant::now)) {
                return Lost::Line("the connection to RabbitMQ does not recover".to_owned());
            }
        }
    }

    fn tell_open(&self) {
        if self.is_blocked() {
            self.end
                .set_down("RabbitMQ takes no messages now: it is short of memory or disk");
        } else {
            self.end.set_up();
        }
    }

    /// The patience begins anew with each dialled connection, and does not run while nobody answers.
    fn is_stuck(&self, absent: Instant) -> bool {
        match *self.leash.wire.phase.borrow() {
            Phase::Dialling => false,
            Phase::Dialled(at) => {
                self.end
                    .set_down("the connection to RabbitMQ was lost, recovering");
                at.max(absent).elapsed() > HANDSHAKE
            }
        }
    }

    /// Says goodbye if the broker listens, and is certainly gone afterwards.
    pub(super) async fn close(&self) {
        let _ = timeout(GOODBYE, self.connection.close(200, "OK".into())).await;
        self.leash.wire.retire();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // lapin says goodbye for a working connection that is dropped; any other one is cut.
        self.leash.polite = self.connection.status().connected() && !self.is_blocked();
    }
}

impl Leash {
    fn new() -> Self {
        Self {
            wire: Arc::new(Wire {
                retired: CancellationToken::new(),
                phase: watch::Sender::new(Phase::Dialling),
                socket: Mutex::default(),
            }),
            polite: false,
        }
    }

    /// Resolves when a handshake takes too long.
    async fn overdue(&self) {
        let mut phase = self.wire.phase.subscribe();
        loop {
            let begun = *phase.borrow_and_update();
            let limit = async {
                match begun {
                    Phase::Dialling => std::future::pending().await,
                    Phase::Dialled(at) => sleep_until(at + HANDSHAKE).await,
                }
            };
            tokio::select! {
                () = limit => return,
                // The sender lives as long as `self`.
                _ = phase.changed() => {}
            }
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if self.polite {
            self.wire.retired.cancel();
        } else {
            self.wire.retire();
        }
    }
}

impl Wire {
    /// No more dialling, no more socket: whatever lapin still does, it does without the broker.
    fn retire(&self) {
        self.retired.cancel();
        self.hang_up();
    }

    fn hang_up(&self) {
        let socket = self
            .socket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(socket) = socket {
            // Already closed by the other side: nothing to end.
            let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Both);
        }
    }

    fn hold(&self, socket: OwnedFd) {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
        if self.retired.is_cancelled() {
            self.hang_up();
        }
    }
}

type Stream = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

/// One attempt. The socket is held before TLS, which may hang as well.
async fn dial_once(address: &AMQPUri, runtime: &TokioRuntime, wire: &Wire) -> io::Result<Stream> {
    let plain = AMQPUri {
        scheme: AMQPScheme::AMQP,
        ..address.clone()
    };
    let stream = plain
        .connect_with_config_async(TLSConfig::default(), runtime)
        .await?;
    if let AsyncTcpStream::Plain(socket) = &stream {
        wire.hold(socket.get_ref().as_fd().try_clone_to_owned()?);
    }
    match address.scheme {
        AMQPScheme::AMQP => Ok(stream),
        AMQPScheme::AMQPS => {
            let host = &address.authority.host;
            stream.into_tls(host, TLSConfig::default()).await
        }
    }
}

/// A connection that ends at once. An error would do for lapin to give up, but it would then forget to end the task
/// that carries out its commands, one more for each line.
async fn dial_nobody(address: AMQPUri, runtime: &TokioRuntime) -> lapin::Result<Stream> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let nobody = AMQPUri {
        authority: AMQPAuthority {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: listener.local_addr()?.port(),
            ..address.authority
        },
        scheme: AMQPScheme::AMQP,
        ..address
    };
    Ok(nobody
        .connect_with_config_async(TLSConfig::default(), runtime)
        .await?)
}
