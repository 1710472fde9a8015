//! Who somebody is: from a token to a viewer of one tenant, or why not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::jwt::{Claims, Refusal, Verifier};
use service_kit::lifecycle::Latch;

use crate::model::TenantId;

/// What somebody may do; everything here is read, so both roles may do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// `customer_admin`
    CustomerAdmin,
    /// `customer_viewer`
    CustomerViewer,
}

/// Somebody who may see what one tenant has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Whose data.
    pub tenant: TenantId,
    /// As what.
    pub role: Role,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Why somebody is nobody here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No token at all.
    #[error("no token")]
    Missing,
    /// A token that does not hold.
    #[error("the token is not valid")]
    Invalid,
    /// A ticket that was never given, was used, or is too old.
    #[error("the ticket is not valid")]
    Ticket,
    /// A good token of somebody without a tenant or a role here.
    #[error("not authorized")]
    Unauthorized,
    /// The keys, or the tickets, cannot be read now; the token may be good.
    #[error("identities cannot be checked")]
    Away,
}

/// Tells who a token belongs to. Clones share what it knows of keys.
#[derive(Clone)]
pub struct Gate {
    verifier: Verifier,
    keys: Arc<Keys>,
}

/// Whether there were keys the last time that they mattered, for operators: the process is ready without them, since
/// whoever is in stays in.
struct Keys {
    latch: Latch,
    away: AtomicBool,
}

impl Keys {
    fn are(&self, away: bool) {
        if self.away.swap(away, Ordering::Relaxed) == away {
            return;
        }
        if away {
            self.latch
                .degraded("there are no keys to check tokens with");
        } else {
            self.latch.ready();
        }
    }
}

impl Gate {
    /// A gate that believes `verifier`, and tells `latch` when it has no keys.
    pub fn new(verifier: Verifier, latch: Latch) -> Self {
        latch.ready();
        let away = AtomicBool::new(false);
        Self {
            verifier,
            keys: Arc::new(Keys { latch, away }),
        }
    }

    /// Whose token it is. The token is never logged, nor is what is wrong with it told to the client.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn admit(&self, token: Option<&str>) -> Result<Viewer, Denied> {
        let token = token.filter(|it| !it.is_empty()).ok_or(Denied::Missing)?;
        match self.verifier.verify(token).await {
            Ok(claims) => {
                self.keys.are(false);
                Viewer::try_from(claims)
            }
            Err(Refusal::Invalid(why)) => {
                tracing::debug!(why, "a token was refused");
                Err(Denied::Invalid)
            }
            // The verifier has told why, once per outage.
            Err(Refusal::KeysUnavailable(_)) => {
                self.keys.are(true);
                Err(Denied::Away)
            }
        }
    }
}

impl TryFrom<Claims> for Viewer {
    type Error = Denied;

    fn try_from(claims: Claims) -> Result<Self, Denied> {
        let tenant = claims.tenant.as_deref().map(TenantId::parse);
        let Some(Ok(tenant)) = tenant else {
            return Err(Denied::Unauthorized);
        };
        Ok(Self {
            tenant,
            role: Role::among(&claims.roles).ok_or(Denied::Unauthorized)?,
            expires_at: claims.expires_at,
        })
    }
}

impl Role {
    /// The one that allows more, where somebody has both.
    fn among(roles: &[String]) -> Option<Self> {
        let has = |name| roles.iter().any(|role| role == name);
        if has("customer_admin") {
            Some(Self::CustomerAdmin)
        } else {
            has("customer_viewer").then_some(Self::CustomerViewer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(tenant: Option<&str>, roles: &[&str]) -> Result<Viewer, Denied> {
        Viewer::try_from(Claims {
            subject: None,
            tenant: tenant.map(str::to_owned),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            expires_at: DateTime::UNIX_EPOCH,
        })
    }

    #[test]
    fn only_a_customer_of_a_tenant_is_a_viewer() {
        let admin = viewer(
            Some("a"),
            &["offline_access", "customer_viewer", "customer_admin"],
        );
        assert_eq!(admin.unwrap().role, Role::CustomerAdmin);
        assert_eq!(
            viewer(Some("a"), &["customer_viewer"]).unwrap().role,
            Role::CustomerViewer
        );
        for (tenant, roles) in [
            (None, vec!["customer_admin"]),
            (Some(""), vec!["customer_admin"]),
            (Some("a' OR '1'='1"), vec!["customer_admin"]),
            (Some("a"), vec!["operator", "Customer_Admin"]),
            (Some("a"), vec![]),
        ] {
            assert_eq!(
                viewer(tenant, &roles),
                Err(Denied::Unauthorized),
                "{tenant:?} {roles:?}"
            );
        }
    }
}
