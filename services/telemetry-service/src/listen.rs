//! The public listener's socket, and its certificate.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use service_kit::settings::TlsSettings;
use service_kit::tls::UnusableCertificate;
use socket2::{Domain, Protocol, Socket, Type};
use tokio_rustls::TlsAcceptor;

use crate::settings::SocketSettings;

/// Connections that the kernel keeps for us while we are busy: a reconnect storm.
const BACKLOG: i32 = 4096;
/// A client that sends no complete head, or shakes no hands, for this long is dropped.
pub const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How much longer the kernel waits than a session does.
const AFTER_SESSIONS: Duration = Duration::from_secs(5);
/// An idle connection is kept for this long.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Binds the public listener. Connections inherit its options.
///
/// # Errors
/// When the address is taken or not ours.
pub fn bind(address: SocketAddr, settings: &SocketSettings) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_send_buffer_size(settings.stream_sndbuf_bytes)?;
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        // The kernel takes a push when all before it are on their way: a reader that stands still is seen at its
        // second push, and old states are not hoarded.
        socket.set_tcp_notsent_lowat(1)?;
        // For answers that actix writes. A session lets go by itself, and knows why: it has the first word.
        let deadline = settings.write_deadline_seconds + AFTER_SESSIONS;
        socket.set_tcp_user_timeout(Some(deadline))?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The certificate of the settings, if there is one. Only HTTP/1.1 is offered: a WebSocket over HTTP/2 is a protocol of
/// its own (RFC 8441), and browsers ask for HTTP/1.1 where they see nothing else.
///
/// # Errors
/// When its files cannot be read or used.
pub fn tls(settings: &TlsSettings) -> Result<Option<TlsAcceptor>, UnusableCertificate> {
    let config = service_kit::tls::server(settings, &[b"http/1.1"])?;
    Ok(config.map(TlsAcceptor::from))
}
