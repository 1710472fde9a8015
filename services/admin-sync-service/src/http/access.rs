//! Who may come in: the one user of HTTP Basic, whoever signed in to the console with that, or whoever has a token that
//! says `admin`; and a limit on wrong guesses. What of a request is looked at is in `shown`.

mod basic;
mod bearer;
mod cookie;
mod door;
mod failures;
mod session;
mod shown;

use std::net::IpAddr;

use service_kit::jwt::Verifier;

pub use self::basic::{Credentials, PasswordCheck};
pub use self::door::door;
pub use self::session::SessionRules;
pub use self::shown::Shown;

use self::basic::Basic;
use self::failures::Failures;
use self::session::Sessions;
use crate::error::{ApiError, Challenges};

/// Whoever comes in where everybody may.
const ANYBODY: &str = "anonymous";

/// Who asks, among the extensions of a request that came in.
#[derive(Debug, Clone)]
pub struct Actor(pub String);

/// The door's keeper.
pub struct Access {
    /// `None`: everybody may come in.
    ways: Option<Ways>,
    failures: Failures,
}

/// The ways in; a door without any stays shut.
struct Ways {
    password: Option<ByPassword>,
    bearer: Option<Verifier>,
}

/// The one user, and whoever has shown to be that user before.
struct ByPassword {
    basic: Basic,
    sessions: Sessions,
}

/// Who came in, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The name.
    pub name: String,
    /// By a cookie alone, which a browser sends whoever made it ask.
    pub by_session: bool,
}

impl Access {
    /// A door that opens to `credentials` and to sessions that were begun with them, and to tokens of an admin that
    /// `verifier` believes; after `failures_per_minute` wrong guesses an address has to wait.
    pub fn guarded(
        credentials: Option<Credentials>,
        rules: SessionRules,
        verifier: Option<Verifier>,
        failures_per_minute: u32,
    ) -> Self {
        let password = credentials.map(|credentials| ByPassword {
            sessions: Sessions::new(rules, &credentials),
            basic: Basic::new(credentials),
        });
        Self {
            ways: Some(Ways {
                password,
                bearer: verifier,
            }),
            failures: Failures::new(failures_per_minute),
        }
    }

    /// A door that opens to everybody.
    pub fn open() -> Self {
        Self {
            ways: None,
            failures: Failures::new(0),
        }
    }

    /// Whether anybody is asked for anything.
    pub fn is_guarded(&self) -> bool {
        self.ways.is_some()
    }

    /// Whether a name and a password are a way in.
    pub fn takes_passwords(&self) -> bool {
        self.password().is_some()
    }

    /// Who asks. The `Authorization` header wins over a cookie.
    ///
    /// # Errors
    /// [`ApiError`], for whoever may not come in.
    pub async fn admit(&self, shown: &Shown) -> Result<Admitted, ApiError> {
        let Some(ways) = &self.ways else {
            shown.is_by_no_public_name()?;
            return Ok(Admitted::otherwise(ANYBODY.to_owned()));
        };
        let Some(authorization) = &shown.authorization else {
            // Asking without any is how a browser learns that some are wanted, and a session that is over is one
            // that was good: no guesses.
            let session = self.session(shown);
            return session.ok_or_else(|| ways.unauthorized(shown));
        };
        let attempt = ways.admit(shown.client, authorization, &self.failures);
        let name = self.counted(ways, shown, attempt).await?;
        Ok(Admitted::otherwise(name))
    }

    /// Who signed in, if anybody did: only wrong credentials are refused.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn known(&self, shown: &Shown) -> Result<Option<Admitted>, ApiError> {
        if self.is_guarded() && shown.authorization.is_none() {
            return Ok(self.session(shown));
        }
        self.admit(shown).await.map(Some)
    }

    /// Begins a session for whoever shows name and password: the name, and the value of `Set-Cookie`. Where everybody
    /// may come in there is nothing to remember.
    ///
    /// # Errors
    /// [`ApiError`], as at the door.
    pub async fn sign_in(&self, shown: &Shown) -> Result<(String, Option<String>), ApiError> {
        shown.is_from_the_console()?;
        let Some(ways) = &self.ways else {
            return Ok((ANYBODY.to_owned(), None));
        };
        let (Some(password), Some(authorization)) = (&ways.password, &shown.authorization) else {
            return Err(ways.unauthorized(shown));
        };
        let attempt = password
            .basic
            .admit(shown.client, authorization, &self.failures);
        let name = self.counted(ways, shown, attempt).await?;
        tracing::info!(client = %shown.client, actor = name, "signed in to the console");
        let sessions = &password.sessions;
        let cookie = cookie::set(&sessions.begin(), sessions.lasts(), shown.over_tls);
        Ok((name, Some(cookie)))
    }

    /// The value of `Set-Cookie` for a browser that keeps a cookie which opens nothing any more.
    pub fn forgets(&self, shown: &Shown) -> Option<String> {
        let judged = shown.authorization.is_none() && !shown.sessions.is_empty();
        let bad = judged && self.session(shown).is_none();
        bad.then(|| shown.forget())
    }

    /// An attempt that counts where it fails, and is not made at all after too many.
    async fn counted(
        &self,
        ways: &Ways,
        shown: &Shown,
        attempt: impl Future<Output = Result<Option<String>, ApiError>>,
    ) -> Result<String, ApiError> {
        let client = shown.client;
        self.failures.may_try(client).map_err(ApiError::LockedOut)?;
        if let Some(name) = attempt.await? {
            return Ok(name);
        }
        self.failures.count(client);
        tracing::warn!(%client, "a login failed");
        Err(ways.unauthorized(shown))
    }

    fn session(&self, shown: &Shown) -> Option<Admitted> {
        let sessions = &self.password()?.sessions;
        let name = shown.sessions.iter().find_map(|it| sessions.user(it))?;
        Some(Admitted {
            name: name.to_owned(),
            by_session: true,
        })
    }

    fn password(&self) -> Option<&ByPassword> {
        self.ways.as_ref()?.password.as_ref()
    }
}

impl Admitted {
    fn otherwise(name: String) -> Self {
        Self {
            name,
            by_session: false,
        }
    }
}

impl Ways {
    async fn admit(
        &self,
        client: IpAddr,
        authorization: &[u8],
        failures: &Failures,
    ) -> Result<Option<String>, ApiError> {
        match (bearer::token(authorization), &self.bearer, &self.password) {
            (Some(token), Some(verifier), _) => bearer::admit(verifier, token).await,
            (None, _, Some(password)) => {
                password.basic.admit(client, authorization, failures).await
            }
            _ => Ok(None),
        }
    }

    /// The console has a form of its own: a browser that were asked for Basic would show another.
    fn unauthorized(&self, shown: &Shown) -> ApiError {
        let password = self.password.is_some();
        ApiError::Unauthorized(Challenges {
            basic: password && !shown.by_the_console,
            session: password && shown.by_the_console,
            bearer: self.bearer.is_some(),
        })
    }
}
