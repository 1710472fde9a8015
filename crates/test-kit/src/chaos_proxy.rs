//! A TCP proxy that breaks on demand, to stand between a service and a server it needs.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    Pause,
    Cut,
}

/// Forwards connections to one address while it lives.
#[derive(Debug)]
pub struct ChaosProxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    _tasks: JoinSet<()>,
}

impl ChaosProxy {
    /// A proxy on a free port before `target` (`host:port`).
    pub async fn to(target: impl Into<String>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let mode = watch::Sender::new(Mode::Forward);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target.into(), mode.subscribe()));
        Self {
            address,
            mode,
            _tasks: tasks,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets every connection; new ones are reset as soon as they are accepted.
    pub fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Keeps connections open, and accepts new ones, but carries nothing: a network that is silent.
    pub fn pause(&self) {
        self.mode.send_replace(Mode::Pause);
    }

    /// Carries on after `pause`; what was held back is delivered.
    pub fn resume(&self) {
        self.restore();
    }

    /// Forwards again after `cut`; the connections that were cut stay so.
    pub fn restore(&self) {
        self.mode.send_replace(Mode::Forward);
    }
}

async fn accept(listener: TcpListener, target: String, mode: watch::Receiver<Mode>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(carry(client, target.clone(), mode.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, both ways, until both sides have ended or it is cut.
async fn carry(mut client: TcpStream, target: String, mut mode: watch::Receiver<Mode>) {
    let begin = mode.wait_for(|mode| *mode != Mode::Pause).await;
    if begin.is_ok_and(|mode| *mode == Mode::Forward)
        && let Ok(mut server) = TcpStream::connect(target).await
    {
        if forward(&mut client, &mut server, mode).await == End::Both {
            return;
        }
        reset(&server);
    }
    reset(&client);
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Both,
    Cut,
}

async fn forward(
    client: &mut TcpStream,
    server: &mut TcpStream,
    mut mode: watch::Receiver<Mode>,
) -> End {
    // Borrowed halves: owned ones would say farewell to a connection that is to be reset.
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = pump(&mut from_client, &mut to_server, mode.clone());
    let down = pump(&mut from_server, &mut to_client, mode.clone());
    tokio::select! {
        ended = async { tokio::try_join!(up, down) } => match ended {
            Ok(_) => End::Both,
            // One side was reset, so the other one is.
            Err(_) => End::Cut,
        },
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => End::Cut,
    }
}

/// One direction; its end is passed on.
async fn pump(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let size = from.read(&mut buffer).await?;
        if mode.wait_for(|mode| *mode == Mode::Forward).await.is_err() {
            return Ok(());
        }
        if size == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..size]).await?;
    }
}

/// Makes the close that follows a reset.
fn reset(stream: &TcpStream) {
    // A socket that is gone already needs no reset.
    let _ = stream.set_zero_linger();
}
