//! Takes connections from a listener, until the stop.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use service_kit::lifecycle::Tasks;
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::sync::Semaphore;

use super::connection;
use super::gate::{Door, Gate};
use crate::wire::Socket;

/// Connections that the kernel keeps for us while we are busy: a reconnect storm.
const BACKLOG: i32 = 4096;
/// Bytes of a stream that the kernel holds unsent: what is more waits where `SEND_BUFFER_BYTES` counts it.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;
/// A client that acknowledges nothing for this long has vanished.
#[cfg(target_os = "linux")]
const VANISHED: Duration = Duration::from_mins(2);
/// When there are no file descriptors left, somebody must leave first.
const PAUSE: Duration = Duration::from_millis(50);

/// Binds a listener. Connections inherit its options.
///
/// # Errors
/// When the address is taken or not ours.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = RawSocket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_notsent_lowat(UNSENT)?;
        socket.set_tcp_user_timeout(Some(VANISHED))?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves `listener` until the stop; connections are tasks of their own, as many as there are `places`.
pub async fn listen(
    listener: tokio::net::TcpListener,
    door: Door,
    gate: Arc<Gate>,
    places: Arc<Semaphore>,
    tasks: Tasks,
) {
    let accept = async {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let serve = connection::serve(Socket::new(stream), door, Arc::clone(&gate));
                    // Boxed: every wrapper of a task would hold its size once more.
                    let serve = Box::pin(serve);
                    tasks.spawn_tracked("http.connection", async move {
                        serve.await;
                        drop(place);
                    });
                }
                Err(error) if is_about_one(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot take connections");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    let _ = gate.stopping.run_until_cancelled(accept).await;
}

/// Trouble of a single client that left before we came.
fn is_about_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
