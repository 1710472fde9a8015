//! Tickets: what a browser opens a WebSocket with, so that its token stays out of addresses and their logs. Whoever
//! reads the table of tickets can use none of them: only digests are kept.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::identity::{Denied, Role, Viewer};
use crate::infra::ticket_repo::TicketRepo;
use crate::model::{SourceError, TenantId};

/// A ticket is good for this long, and once.
pub const TICKET_LIFE: TimeDelta = TimeDelta::seconds(30);

/// Gives tickets out and takes them back, whichever instance gave them.
#[derive(Clone)]
pub struct Tickets {
    /// Where digests are kept.
    pub repo: TicketRepo,
}

impl Tickets {
    /// A ticket that stands for `viewer`, its token's end included.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be kept.
    pub async fn issue(&self, viewer: &Viewer) -> Result<String, SourceError> {
        let ticket = fresh();
        let claims = Stored::of(viewer)?;
        let hash = digest(&ticket);
        self.repo.put(&hash, &claims, TICKET_LIFE).await?;
        Ok(ticket)
    }

    /// Whom `ticket` stands for. It is used up by this.
    ///
    /// # Errors
    /// [`Denied::Ticket`] when it was used, is over or never was, [`Denied::Away`] when that cannot be said; the
    /// ticket may be used up or not then.
    pub async fn redeem(&self, ticket: &str) -> Result<Viewer, Denied> {
        if !looks_like_one(ticket) {
            return Err(Denied::Ticket);
        }
        match self.repo.take(&digest(ticket)).await {
            Ok(claims) => claims.and_then(Stored::viewer).ok_or(Denied::Ticket),
            Err(error) => {
                tracing::warn!(%error, "tickets cannot be read");
                Err(Denied::Away)
            }
        }
    }
}

/// A viewer as the table keeps it.
#[derive(Serialize, Deserialize)]
struct Stored {
    tenant_id: String,
    role: Role,
    expires_at: DateTime<Utc>,
}

impl Stored {
    fn of(viewer: &Viewer) -> Result<Value, SourceError> {
        let stored = Self {
            tenant_id: viewer.tenant.as_str().to_owned(),
            role: viewer.role,
            expires_at: viewer.expires_at,
        };
        // Texts and a time always serialize.
        serde_json::to_value(stored).map_err(|error| SourceError::Refused(error.to_string()))
    }

    /// `None` for a row that no version of ours has written.
    fn viewer(claims: Value) -> Option<Viewer> {
        let stored: Self = serde_json::from_value(claims).ok()?;
        Some(Viewer {
            tenant: TenantId::parse(&stored.tenant_id).ok()?,
            role: stored.role,
            expires_at: stored.expires_at,
        })
    }
}

/// 32 bytes in hex, from the operating system's randomness (all but the twelve bits that mark a UUID's version).
fn fresh() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// What cannot be a ticket costs no query.
fn looks_like_one(ticket: &str) -> bool {
    ticket.len() == 64 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn digest(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_32_bytes_that_nobody_has() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one, other);
        assert!(looks_like_one(&one), "{one}");
        for odd in [
            "",
            "abc",
            &one[1..],
            &format!("{}'", &one[1..]),
            &format!("{one}0"),
        ] {
            assert!(!looks_like_one(odd), "{odd}");
        }
    }

    #[test]
    fn what_is_kept_gives_the_same_viewer_and_anything_else_nobody() {
        let viewer = Viewer {
            tenant: TenantId::parse("demo-a").unwrap(),
            role: Role::CustomerViewer,
            expires_at: DateTime::UNIX_EPOCH,
        };
        let claims = Stored::of(&viewer).unwrap();
        assert_eq!(claims["role"], "customer_viewer");
        assert_eq!(Stored::viewer(claims), Some(viewer));
        let odd = serde_json::json!({"tenant_id": "a b", "role": "customer_viewer", "expires_at": "1970-01-01T00:00:00Z"});
        assert_eq!(Stored::viewer(odd), None);
        assert_eq!(Stored::viewer(Value::Null), None);
    }
}
