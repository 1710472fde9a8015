//! JSON Web Tokens of others: who somebody is, proven by a signature of the one issuer that the settings name.
//! What a tenant or a role may do is the services' business; tokens are never made here, and never printed.

mod claims;
mod key_set;
mod keys;
mod metrics;
mod settings;
mod token;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ring::hmac;

pub use metrics::JwtMetrics;
pub use settings::{JwtSettings, UnusableIdentity};

use claims::Expected;
use keys::Keys;
use settings::Trust;
use token::Token;

use crate::{
    clock::Clock, http_client::Outbound, lifecycle::Lifecycle, settings::ExposeSecret as _,
};

/// How soon it is worth asking again after [`Refusal::KeysUnavailable`]: the key server is not asked more often.
pub const RETRY_AFTER: Duration = keys::ASK_EVERY;

/// Who a valid token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: the person, as the issuer counts them.
    pub subject: Option<String>,
    /// `tenant_id`, or else the first `organization`.
    pub tenant: Option<String>,
    /// `role` and `realm_access.roles`, each once.
    pub roles: Vec<String>,
    /// `exp`, without leeway.
    pub expires_at: DateTime<Utc>,
}

/// Why a token is not believed, for logs: clients are not told which part was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not hold, and will not.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// It may be good, but there are no keys to tell: whoever sent it should keep it and come again.
    #[error("the keys of tokens are not available: {0}")]
    KeysUnavailable(String),
}

/// Believes the tokens of one issuer. Clones share what it knows of keys.
///
/// Exactly one algorithm is accepted, that of the settings, whatever a token says of itself: RS256 by the issuer's
/// published keys, or HS256 by a shared secret. `exp` is required; `exp` and `nbf` have a leeway of 30 s by the clock
/// that is handed in.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    proof: Proof,
    expected: Expected,
    clock: Clock,
}

enum Proof {
    Rs256(Keys),
    Hs256(hmac::Key),
}

impl Verifier {
    /// A verifier as `settings` want it; `None` where they name nobody to believe. Nothing is asked yet.
    ///
    /// `outbound` must be allowed to ask the key server: it is the operator's own address, often a private one.
    ///
    /// # Errors
    /// Settings that contradict each other, which their check refuses too.
    pub fn new(
        settings: &JwtSettings,
        outbound: Outbound,
        clock: Clock,
        lifecycle: &Lifecycle,
        metrics: JwtMetrics,
    ) -> Result<Option<Self>, UnusableIdentity> {
        let Some(trust) = settings.trust()? else {
            return Ok(None);
        };
        let (proof, issuer) = match trust {
            Trust::KeySet { issuer, url } => {
                let keys = Keys::new(url, outbound, lifecycle, metrics);
                (Proof::Rs256(keys), Some(issuer))
            }
            Trust::Secret { secret, issuer } => {
                let secret = secret.expose_secret().as_bytes();
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                (Proof::Hs256(key), issuer)
            }
        };
        let audience = settings.jwt_audience.clone();
        Ok(Some(Self {
            inner: Arc::new(Inner {
                proof,
                expected: Expected { issuer, audience },
                clock,
            }),
        }))
    }

    /// Who `token` belongs to. Waits for the key server where nothing else helps, 10 s at most.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify(&self, token: &str) -> Result<Claims, Refusal> {
        let token = Token::parse(token).map_err(Refusal::Invalid)?;
        self.inner.proof.holds(&token).await?;
        let now = self.inner.clock.now();
        claims::read(&token.payload, &self.inner.expected, now).map_err(Refusal::Invalid)
    }
}

impl Proof {
    /// The algorithm is compared before any key is looked up: a public RSA key is never taken for a shared secret.
    async fn holds(&self, token: &Token<'_>) -> Result<(), Refusal> {
        let holds = match (self, token.header.alg.as_str()) {
            (Self::Rs256(keys), "RS256") => {
                let key = keys.key(token.header.kid.as_deref()).await?;
                key.has_signed(token.signed, &token.signature)
            }
            (Self::Hs256(key), "HS256") => {
                hmac::verify(key, token.signed.as_bytes(), &token.signature).is_ok()
            }
            _ => return Err(Refusal::Invalid("another algorithm")),
        };
        if holds {
            return Ok(());
        }
        Err(Refusal::Invalid("the signature does not match"))
    }
}
