//! What every connection of a listener needs.

use std::sync::Arc;
use std::time::Duration;

use service_kit::clock::Clock;
use service_kit::random::Random;
use service_kit::request_id::RequestId;
use service_kit::settings::{ExposeSecret as _, Secret};
use subtle::ConstantTimeEq as _;
use tokio_util::sync::CancellationToken;

use crate::metrics::GatewayMetrics;
use crate::session::Sessions;
use crate::settings::RejectMode;
use crate::wire::{Head, Stamp};

/// Those turned away come back spread over this many seconds.
const COME_BACK_SECONDS: u64 = 8;

/// Shared by all connections.
pub struct Gate {
    /// Behind it all.
    pub sessions: Arc<Sessions>,
    /// How rejections are told.
    pub reject: RejectMode,
    /// Between two heartbeats of a stream.
    pub heartbeat: Duration,
    /// Without it, anyone who reaches `/internal/` may send.
    pub secret: Option<Secret>,
    /// One line per request.
    pub access_log: bool,
    /// Streams end within this time of a stop.
    pub drain: Duration,
    /// For the gauge of open streams, and refused sends.
    pub metrics: GatewayMetrics,
    /// For spreading, and identities of requests.
    pub random: Random,
    /// For the `Date` of answers.
    pub clock: Clock,
    /// The first stage of a stop.
    pub stopping: CancellationToken,
}

/// Which side of the house a listener is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Streams and `/internal/`.
    Both,
    /// Streams only.
    Public,
    /// `/internal/` only.
    Internal,
}

impl Gate {
    /// Whether `authorization` lets its bearer into `/internal/`.
    pub fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let Some(secret) = &self.secret else {
            return true;
        };
        let (scheme, given) = authorization
            .unwrap_or_default()
            .split_at_checked(7)
            .unwrap_or_default();
        let known = given.trim_ascii().ct_eq(secret.expose_secret().as_bytes());
        scheme.eq_ignore_ascii_case(b"Bearer ") && known.into()
    }

    /// What the answer to `head` carries.
    pub fn stamp(&self, head: &Head) -> Stamp {
        Stamp {
            date: httpdate::fmt_http_date(self.clock.now().into()),
            id: RequestId::sane_or_fresh(head.request_id(), &self.random),
        }
    }

    /// The access log: one line, the path without its query.
    pub fn log(&self, head: &Head, status: u16, stamp: &Stamp) {
        if self.access_log {
            let (method, path) = (head.method, head.path());
            tracing::info!(?method, path, status, request_id = %stamp.id, "answered");
        }
    }

    /// Seconds until a client may come back.
    pub fn retry_after(&self) -> u64 {
        2 + self.random.u64_below(COME_BACK_SECONDS)
    }
}
