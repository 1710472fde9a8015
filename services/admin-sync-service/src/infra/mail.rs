//! Notices by mail, over SMTP.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use service_kit::settings::{ExposeSecret as _, Secret};
use tokio::time::timeout;

use crate::alerts::Notice;

/// The way to the mail server.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    within: Duration,
}

/// What the settings say about mail cannot be used. Quotes no address of a server: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableMail {
    /// `SMTP_URL` cannot be read.
    #[error(
        "SMTP_URL must be smtp://user:password@host:port, with ?tls=required, or smtps://… (the value is secret)"
    )]
    Server,
    /// Not an address of a person.
    #[error("{0:?} is no mail address")]
    Address(String),
}

impl Mail {
    /// Sends by `server` from and to these.
    ///
    /// # Errors
    /// [`UnusableMail`].
    pub fn new(
        server: &Secret,
        from: &str,
        to: &[String],
        within: Duration,
    ) -> Result<Self, UnusableMail> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(server.expose_secret())
            .map_err(|_| UnusableMail::Server)?
            .timeout(Some(within))
            .build();
        Ok(Self {
            transport,
            from: mailbox(from)?,
            to: to
                .iter()
                .map(|one| mailbox(one))
                .collect::<Result<_, _>>()?,
            within,
        })
    }

    /// Delivers one notice to everybody.
    ///
    /// # Errors
    /// In words of the server; it is never told the password in them.
    pub async fn send(&self, notice: &Notice) -> Result<(), String> {
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(notice.subject());
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message
            .header(ContentType::TEXT_PLAIN)
            .body(notice.text())
            .map_err(|error| error.to_string())?;
        match timeout(self.within, self.transport.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(|error| error.to_string()),
            Err(_) => Err("the mail server did not answer in time".to_owned()),
        }
    }
}

fn mailbox(text: &str) -> Result<Mailbox, UnusableMail> {
    text.trim()
        .parse()
        .map_err(|_| UnusableMail::Address(text.to_owned()))
}
