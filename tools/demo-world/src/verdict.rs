//! What is to be done about a request, and doing it: answer, late perhaps, or not at all. Shared by
//! the client API and the portal.

use std::io;
use std::time::Duration;

use crate::message::{Reply, Request};
use crate::requests::InFlight;
use crate::wire::Connection;

/// What to do about a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Answer, after the pause if there is one.
    Answer(Reply, Duration),
    /// Never answer.
    Silence,
    /// Reset the connection.
    Reset,
}

impl Verdict {
    /// Answer at once.
    pub(crate) fn now(reply: Reply) -> Self {
        Self::Answer(reply, Duration::ZERO)
    }

    /// Does it; the connection comes back if it can take another request.
    pub(crate) async fn carry_out(
        self,
        connection: Connection,
        request: &Request,
        in_flight: &InFlight<'_>,
    ) -> io::Result<Option<Connection>> {
        let (reply, pause) = match self {
            Self::Answer(reply, pause) => (reply, pause),
            Self::Silence => {
                connection.gone().await;
                return Ok(None);
            }
            Self::Reset => return connection.reset().map(|()| None),
        };
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = connection.gone() => return Ok(None),
            }
        }
        in_flight.answered(reply.status());
        connection.write(request, reply).await
    }
}
