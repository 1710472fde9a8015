//! What is asked of the gateway: to send, to close, to list. Answers are judged here; what follows from them is not.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use service_kit::http_client::{
    HeaderMap, HeaderValue, Outbound, OutboundError, OutboundSettings, Request, Response,
    StatusCode,
};
use service_kit::settings::{ExposeSecret as _, Secret, Url};

use crate::token::{Instance, Token};

/// One call, connection included. A gateway stands beside its backend: what takes longer is as good as lost, and a
/// sender that waits is late for everybody else.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The gateway refuses larger bodies, and longer lists.
const BATCH_BYTES: usize = 1024 * 1024 - BATCH_FRAME.len();
const BATCH_FRAME: &str = r#"{"sends":[]}"#;
const MOST_SENDS: usize = 1000;

/// An answer to 1,000 sends is a tenth of this.
const SEND_ANSWER_CAP: usize = 1024 * 1024;

/// 50,000 connections with addresses of 300 bytes.
const LIST_ANSWER_CAP: usize = 32 * 1024 * 1024;

/// One gateway. Clones share its connections.
#[derive(Clone, Debug)]
pub struct GatewayApi {
    outbound: Outbound,
    send_url: String,
    list_url: String,
    headers: HeaderMap,
}

/// Why the gateway gave no usable answer, in words that name neither its address nor the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Not reached, or not in time.
    #[error("the gateway gave no answer: {0}")]
    Outbound(#[from] OutboundError),
    /// It refused.
    #[error("the gateway answered {0}")]
    Status(u16),
    /// Not the body that the contract names.
    #[error("the gateway's answer cannot be read: {0}")]
    Body(String),
    /// The secret holds bytes that no header can.
    #[error("the gateway's secret cannot be sent in a header")]
    Secret,
}

/// A client as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The connection.
    pub token: Token,
    /// The path and query that it asked for, without the values of secrets.
    pub url: String,
}

/// What the gateway holds open.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) instance: Instance,
    pub(crate) connections: Vec<Listed>,
}

/// How an event to one token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Delivered,
    /// The gateway does not know the token.
    Gone,
    Failed,
}

/// One event, to any number of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) name: &'a str,
    pub(crate) data: &'a str,
    pub(crate) close: bool,
}

#[derive(Serialize)]
struct SendBody<'a> {
    token: &'a str,
    event: EventBody<'a>,
    close: bool,
}

#[derive(Serialize)]
struct EventBody<'a> {
    name: &'a str,
    data: &'a str,
}

#[derive(Deserialize)]
struct BatchAnswer {
    results: Vec<BatchResult>,
}

#[derive(Deserialize)]
struct BatchResult {
    status: u16,
}

#[derive(Deserialize)]
struct ListAnswer {
    instance: Instance,
    connections: Vec<ListedAnswer>,
}

#[derive(Deserialize)]
struct ListedAnswer {
    token: String,
    url: String,
}

impl GatewayApi {
    /// The gateway at `base`; `secret` is its `INTERNAL_SECRET`, where it has one.
    ///
    /// # Errors
    /// [`GatewayError::Secret`]; [`GatewayError::Outbound`] where TLS cannot be set up.
    pub fn new(base: &Url, secret: Option<&Secret>) -> Result<Self, GatewayError> {
        let outbound = Outbound::new(&OutboundSettings {
            // Operators name the gateway, and it is a neighbour: the guard is against addresses that users typed in.
            upstream_allow_private: true,
            ..OutboundSettings::default()
        })?;
        let json = HeaderValue::from_static("application/json");
        let mut headers: HeaderMap = std::iter::empty().collect();
        headers.insert("content-type", json);
        if let Some(secret) = secret {
            let bearer = format!("Bearer {}", secret.expose_secret());
            let bearer = HeaderValue::try_from(bearer);
            let mut bearer = bearer.map_err(|_| GatewayError::Secret)?;
            // Neither our Debug nor that of anybody who holds us may show it.
            bearer.set_sensitive(true);
            headers.insert("authorization", bearer);
        }
        let base = base.as_str().trim_end_matches('/');
        Ok(Self {
            outbound,
            send_url: format!("{base}/internal/send"),
            list_url: format!("{base}/internal/connections"),
            headers,
        })
    }

    /// Hands the event to each of `tokens`, and tells of each what became of it, in their order.
    ///
    /// One call for all of them, as far as the gateway takes bodies of that size. After a call without an answer the
    /// rest is not tried: it would fail the same way, one deadline later each.
    pub(crate) async fn send(
        &self,
        tokens: &[Token],
        outgoing: Outgoing<'_>,
    ) -> (Vec<Sent>, Result<(), GatewayError>) {
        let mut outcomes = Vec::with_capacity(tokens.len());
        let mut result = Ok(());
        for batch in batches(tokens, outgoing) {
            match self.post(&batch).await {
                Ok(answered) => outcomes.extend(answered),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        outcomes.resize(tokens.len(), Sent::Failed);
        (outcomes, result)
    }

    async fn post(&self, batch: &[String]) -> Result<Vec<Sent>, GatewayError> {
        let alone = batch.len() == 1;
        let sends = batch.join(",");
        let body = if alone {
            sends
        } else {
            format!(r#"{{"sends":[{sends}]}}"#)
        };
        let request = self.request(&self.send_url, SEND_ANSWER_CAP);
        let answer = self.outbound.post(&request, Bytes::from(body)).await?;
        if alone {
            return match Sent::of(answer.status.as_u16()) {
                Sent::Failed => Err(GatewayError::Status(answer.status.as_u16())),
                sent => Ok(vec![sent]),
            };
        }
        let answered: BatchAnswer = read(&answer)?;
        if answered.results.len() != batch.len() {
            let found = format!("{} results", answered.results.len());
            return Err(GatewayError::Body(found));
        }
        let results = answered.results.iter();
        Ok(results.map(|result| Sent::of(result.status)).collect())
    }

    /// What the gateway holds open at this moment.
    pub(crate) async fn list(&self) -> Result<List, GatewayError> {
        let request = self.request(&self.list_url, LIST_ANSWER_CAP);
        let answer: ListAnswer = read(&self.outbound.get(&request).await?)?;
        let connections = answer.connections.into_iter();
        // What is no token of ours cannot be in our maps either.
        let connections = connections.filter_map(|listed| {
            let token = Token::parse(&listed.token).ok()?;
            let url = listed.url;
            Some(Listed { token, url })
        });
        Ok(List {
            instance: answer.instance,
            connections: connections.collect(),
        })
    }

    fn request(&self, url: &str, cap: usize) -> Request {
        Request {
            url: url.to_owned(),
            headers: self.headers.clone(),
            timeout: TIMEOUT,
            cap,
        }
    }
}

impl Sent {
    fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            404 => Self::Gone,
            _ => Self::Failed,
        }
    }
}

/// One JSON object per token, in groups that fit into one body each.
fn batches(tokens: &[Token], outgoing: Outgoing<'_>) -> Vec<Vec<String>> {
    let Outgoing { name, data, close } = outgoing;
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut room = 0;
    for token in tokens {
        let token = token.as_str();
        let event = EventBody { name, data };
        let send = SendBody {
            token,
            event,
            close,
        };
        // Strings and a bool: there is nothing that serde could refuse.
        let send = serde_json::to_string(&send).unwrap_or_default();
        let size = send.len() + 1;
        match batches.last_mut() {
            Some(batch) if size <= room && batch.len() < MOST_SENDS => {
                room -= size;
                batch.push(send);
            }
            _ => {
                room = BATCH_BYTES.saturating_sub(size);
                batches.push(vec![send]);
            }
        }
    }
    batches
}

fn read<T: DeserializeOwned>(answer: &Response) -> Result<T, GatewayError> {
    if answer.status != StatusCode::OK {
        return Err(GatewayError::Status(answer.status.as_u16()));
    }
    serde_json::from_slice(&answer.body).map_err(|error| GatewayError::Body(error.to_string()))
}
