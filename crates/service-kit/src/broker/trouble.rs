//! What went wrong between us and the broker, in words for operators.

use std::time::Duration;

use lapin::protocol::AMQPError;
use tokio::time::timeout;

/// How long one exchange with the broker may take (open, declare, consume, close).
pub(super) const STEP: Duration = Duration::from_secs(5);

/// A step that failed. Shows no credentials: lapin's errors hold none.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// No answer in time.
    #[error("{0}: RabbitMQ does not answer")]
    Silent(String),
    /// The broker said no.
    #[error("{0}: RabbitMQ answered {code} {text}", code = .1.get_id(), text = .1.get_message())]
    Refused(String, AMQPError),
    /// lapin gave up on what it read. It happens with properties that are no UTF-8, and with nothing else that RabbitMQ
    /// lets through; such a message comes again and again.
    #[error(
        "{0}: RabbitMQ sends a message with properties that are no UTF-8: take it out of the queue by hand"
    )]
    Unreadable(String),
    /// The connection or channel was lost meanwhile.
    #[error("{0}: {1}")]
    Lost(String, lapin::Error),
}

impl Trouble {
    pub(super) fn of(step: &str, error: lapin::Error) -> Self {
        match error.kind() {
            lapin::ErrorKind::ProtocolError(refusal) => {
                Self::Refused(step.to_owned(), refusal.clone())
            }
            lapin::ErrorKind::ParsingError(_) => Self::Unreadable(step.to_owned()),
            _ => Self::Lost(step.to_owned(), error),
        }
    }
}

/// One exchange with the broker, with its deadline.
pub(super) async fn step<T>(
    what: &str,
    exchange: impl Future<Output = lapin::Result<T>>,
) -> Result<T, Trouble> {
    match timeout(STEP, exchange).await {
        Ok(answer) => answer.map_err(|error| Trouble::of(what, error)),
        Err(_) => Err(Trouble::Silent(what.to_owned())),
    }
}
