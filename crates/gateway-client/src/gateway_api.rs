//! What is asked of the gateway: to send and to list. What follows from its answers is not decided here.

use std::time::Duration;

use serde::Deserialize;
use service_kit::http_client::{
    HeaderMap, HeaderValue, Outbound, OutboundSettings, Request, StatusCode,
};
use service_kit::settings::{ExposeSecret as _, Secret, Url};

use crate::batch::{Batch, Outgoing, Sent};
use crate::error::GatewayError;
use crate::token::{Instance, Token};

/// One call, connection included. A gateway stands beside its backend: what takes longer is as good as lost, and a
/// sender that waits is late for everybody else.
const TIMEOUT: Duration = Duration::from_secs(2);

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

    /// Hands the event to each of `tokens`, and tells of each what became of it, in their order; beside it the last error.
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
        for batch in Batch::of(tokens, outgoing) {
            match self.post(&batch).await {
                Ok(answered) => outcomes.extend(answered),
                Err(error) => {
                    outcomes.resize(outcomes.len() + batch.len(), Sent::Failed);
                    let unanswered = matches!(error, GatewayError::Outbound(_));
                    result = Err(error);
                    if unanswered {
                        break;
                    }
                }
            }
        }
        outcomes.resize(tokens.len(), Sent::Failed);
        (outcomes, result)
    }

    async fn post(&self, batch: &Batch) -> Result<Vec<Sent>, GatewayError> {
        let request = self.request(&self.send_url, SEND_ANSWER_CAP);
        let answer = self.outbound.post(&request, batch.body()).await?;
        batch.judge(answer.status.as_u16(), &answer.body)
    }

    /// What the gateway holds open at this moment.
    pub(crate) async fn list(&self) -> Result<List, GatewayError> {
        let request = self.request(&self.list_url, LIST_ANSWER_CAP);
        let answer = self.outbound.get(&request).await?;
        if answer.status != StatusCode::OK {
            return Err(GatewayError::Status(answer.status.as_u16()));
        }
        let answer: ListAnswer = serde_json::from_slice(&answer.body)
            .map_err(|error| GatewayError::Body(error.to_string()))?;
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
