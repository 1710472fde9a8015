//! Accepts connections and reads requests for whichever site stands behind the listener; ends all
//! of it together. What a request is answered is the site's business.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::message::Request;
use crate::wire::Connection;

/// Pause after a failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Something that answers requests on connections of its own. Clones are the same site.
pub(crate) trait Site: Clone + Send + Sync + 'static {
    /// One request and its answer; the connection comes back if it can take another.
    fn turn(
        &self,
        connection: Connection,
        request: &Request,
    ) -> impl Future<Output = io::Result<Option<Connection>>> + Send;
}

/// Serves until it is dropped. Owns the connections: they end with it.
pub(crate) async fn accept(listener: TcpListener, site: impl Site) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(serve(stream, site.clone())); }
                // Out of descriptors, most likely: they come back when connections end.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, site: impl Site) {
    let mut connection = Connection::new(stream);
    loop {
        let request = match connection.read().await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "unreadable request");
                return;
            }
        };
        match site.turn(connection, &request).await {
            Ok(Some(kept)) => connection = kept,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, path = request.path, "the reader left");
                return;
            }
        }
    }
}
