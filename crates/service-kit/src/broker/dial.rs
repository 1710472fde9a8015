//! The dialler that lapin calls for the first connection and for every recovery, and the leash that ends it.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_rs::{Tokio, TokioRuntime, traits::Reactor};
use lapin::{
    AsyncTcpStream,
    tcp::{AMQPUriTcpExt as _, TLSConfig},
    uri::{AMQPAuthority, AMQPScheme, AMQPUri},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::end::End;
use crate::backoff::Backoff;

/// How long a TCP or TLS connection may take.
const DIAL: Duration = Duration::from_secs(5);

/// The first wait between two attempts.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(250);

type Stream = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

/// The hold that we keep on a connection which lapin drives on a thread of its own.
pub(super) struct Leash {
    pub(super) wire: Arc<Wire>,
    /// lapin says goodbye by itself: do not cut it short.
    pub(super) polite: bool,
}

/// What the leash shares with the dialler.
pub(super) struct Wire {
    retired: CancellationToken,
    phase: watch::Sender<Phase>,
    /// A second handle on the socket: shutting it down is the one way to end a handshake that hangs.
    socket: Mutex<Option<OwnedFd>>,
}

/// How far the present attempt is.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    Dialling,
    /// The last attempt found nobody.
    Nobody,
    Dialled(Instant),
}

impl Leash {
    pub(super) fn new() -> Self {
        Self {
            wire: Arc::new(Wire {
                retired: CancellationToken::new(),
                phase: watch::Sender::new(Phase::Dialling),
                socket: Mutex::default(),
            }),
            polite: false,
        }
    }

    /// Resolves when somebody answered the call `limit` ago and the handshake is still not done.
    pub(super) async fn overdue(&self, limit: Duration) {
        let mut phase = self.wire.phase.subscribe();
        loop {
            let begun = *phase.borrow_and_update();
            let overdue = async {
                match begun {
                    Phase::Dialling | Phase::Nobody => std::future::pending().await,
                    Phase::Dialled(at) => sleep_until(at + limit).await,
                }
            };
            tokio::select! {
                () = overdue => return,
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
    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Dials until somebody answers, telling `end` why nobody does. A retired wire is answered by nobody at once.
    pub(super) async fn dial(
        &self,
        address: AMQPUri,
        runtime: &TokioRuntime,
        end: &End,
    ) -> lapin::Result<Stream> {
        let mut backoff = Backoff::new(FIRST_WAIT);
        self.hang_up();
        self.phase.send_replace(Phase::Dialling);
        while !self.retired.is_cancelled() {
            let why = match timeout(DIAL, self.dial_once(&address, runtime)).await {
                Ok(Ok(stream)) => {
                    self.phase.send_replace(Phase::Dialled(Instant::now()));
                    return Ok(stream);
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            self.phase.send_replace(Phase::Nobody);
            let (host, port) = (&address.authority.host, address.authority.port);
            end.set_down(format!(
                "RabbitMQ cannot be reached at {host}:{port}: {why}"
            ));
            let pause = sleep(backoff.next(&end.random));
            self.retired.run_until_cancelled(pause).await;
        }
        dial_nobody(address, runtime).await
    }

    /// The socket is held before TLS, which may hang as well.
    async fn dial_once(&self, address: &AMQPUri, runtime: &TokioRuntime) -> io::Result<Stream> {
        let plain = AMQPUri {
            scheme: AMQPScheme::AMQP,
            ..address.clone()
        };
        let stream = plain
            .connect_with_config_async(TLSConfig::default(), runtime)
            .await?;
        if let AsyncTcpStream::Plain(socket) = &stream {
            self.hold(socket.get_ref().as_fd().try_clone_to_owned()?);
        }
        match address.scheme {
            AMQPScheme::AMQP => Ok(stream),
            AMQPScheme::AMQPS => {
                let host = &address.authority.host;
                stream.into_tls(host, TLSConfig::default()).await
            }
        }
    }

    /// No more dialling, no more socket: whatever lapin still does, it does without the broker.
    pub(super) fn retire(&self) {
        self.retired.cancel();
        self.hang_up();
    }

    fn hang_up(&self) {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = socket.take() {
            // Already closed by the other side: nothing to end.
            let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Both);
        }
    }

    fn hold(&self, socket: OwnedFd) {
        let mut held = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(socket);
        drop(held);
        // Retired meanwhile: nobody would come to shut it down.
        if self.retired.is_cancelled() {
            self.hang_up();
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
    let stream = nobody.connect_with_config_async(TLSConfig::default(), runtime);
    Ok(stream.await?)
}
