//! The backend, as the gateway calls it: one address, JSON in and maybe JSON out, no redirects.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use service_kit::VERSION;
use service_kit::http_client::{OutboundError, Url, tls_config};

use crate::wire::{CallError, Caller};

/// How a call went.
#[derive(Debug)]
pub enum Called {
    /// The backend answered, whatever it was.
    Answered {
        /// Its status.
        status: u16,
        /// And body.
        body: Bytes,
    },
    /// It has not got the call, for sure.
    Unreachable(String),
    /// It may have got it.
    Lost(String),
}

/// The backend, if one is configured.
pub struct BackendApi {
    caller: Option<Caller>,
}

/// `CALLBACK_URL` cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum BadBackend {
    /// No TLS.
    #[error("TLS: {0}")]
    Tls(#[from] OutboundError),
    /// No such address.
    #[error("{0}")]
    Address(#[from] io::Error),
}

impl BackendApi {
    /// The backend at `url`.
    ///
    /// # Errors
    /// [`BadBackend`], before anything is called.
    pub fn new(url: Option<&Url>) -> Result<Self, BadBackend> {
        let caller = url.map(caller).transpose()?;
        Ok(Self { caller })
    }

    /// Whether there is one.
    pub fn is_configured(&self) -> bool {
        self.caller.is_some()
    }

    /// Tells it `body`; sets `written` from when on it may have been heard.
    pub async fn call(&self, body: Bytes, written: &AtomicBool) -> Called {
        let Some(caller) = &self.caller else {
            return Called::Unreachable("CALLBACK_URL is not set".to_owned());
        };
        match caller.call(&body, written).await {
            Ok((status, body)) => Called::Answered { status, body },
            Err(CallError::NotSent(error)) => Called::Unreachable(error.to_string()),
            Err(CallError::Lost(error)) => Called::Lost(error.to_string()),
        }
    }
}

fn caller(url: &Url) -> Result<Caller, BadBackend> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let tls = if url.scheme() == "https" {
        let mut config = tls_config()?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Arc::new(config))
    } else {
        None
    };
    let query = url.query().map(|query| format!("?{query}"));
    let target = format!("{}{}", url.path(), query.unwrap_or_default());
    let authority = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let head = format!(
        "Host: {authority}\r\nUser-Agent: farol/{VERSION}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
    );
    Ok(Caller::new(host, port, tls, &target, &head)?)
}
