//! A TCP proxy that breaks on demand, to stand between a service and a server it needs.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
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

/// One connection, both ways, until either side ends or it is cut.
async fn carry(client: TcpStream, target: String, mut mode: watch::Receiver<Mode>) {
    let reset_client = client.set_zero_linger();
    if mode.wait_for(|mode| *mode != Mode::Pause).await.is_err() || reset_client.is_err() {
        return;
    }
    if *mode.borrow() == Mode::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let both = async {
        // An end is passed on in its direction; the connection is over when both have ended.
        let up = pump(from_client, to_server, mode.clone());
        let down = pump(from_server, to_client, mode.clone());
        tokio::join!(up, down)
    };
    let mut cut = mode.clone();
    tokio::select! {
        _ = both => {}
        _ = cut.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
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
