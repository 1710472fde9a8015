//! Who may come in: HTTP Basic against one user, compared in constant time, and a limit on wrong guesses.

mod failures;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::web::{self, Data};
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use argon2::{Argon2, PasswordVerifier as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use service_kit::settings::{ExposeSecret as _, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use self::failures::Failures;
use super::State;
use crate::error::ApiError;

/// Who asks, among the extensions of a request that came in.
#[derive(Debug, Clone)]
pub struct Actor(pub String);

/// How a password is checked.
#[derive(Clone, Debug)]
pub enum PasswordCheck {
    /// It is this one.
    Plain(Secret),
    /// Its argon2 hash is this one, in PHC format.
    Argon2(Secret),
}

/// The one user.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: PasswordCheck,
}

/// The door's keeper.
pub struct Access {
    /// `None`: everybody may come in.
    credentials: Option<Credentials>,
    failures: Failures,
    /// The digest of what was last found right: argon2 is meant to be slow, and once is enough.
    verified: Mutex<Option<[u8; 32]>>,
    /// One hash at a time: guesses from many addresses take one core at most, and are counted before the next.
    hashing: Semaphore,
}

impl Access {
    /// A door that opens to `credentials`, or to everybody; after `failures_per_minute` wrong guesses an address
    /// has to wait.
    pub fn new(credentials: Option<Credentials>, failures_per_minute: u32) -> Self {
        Self {
            credentials,
            failures: Failures::new(failures_per_minute),
            verified: Mutex::default(),
            hashing: Semaphore::new(1),
        }
    }

    /// The name of who asks, given the `Authorization` header.
    async fn admit(
        &self,
        client: IpAddr,
        authorization: Option<&[u8]>,
    ) -> Result<String, ApiError> {
        let Some(credentials) = &self.credentials else {
            return Ok("anonymous".to_owned());
        };
        // Asking without any is how a browser learns that some are wanted: no guess.
        let authorization = authorization.ok_or(ApiError::Unauthorized)?;
        self.failures.may_try(client).map_err(ApiError::LockedOut)?;
        let sent = basic(authorization);
        let right = match &sent {
            Some((name, password)) => self.is_right(client, credentials, name, password).await?,
            None => false,
        };
        if right {
            return Ok(credentials.username.clone());
        }
        self.failures.count(client);
        tracing::warn!(%client, "a login failed");
        Err(ApiError::Unauthorized)
    }

    /// As long for a wrong name as for a wrong password.
    async fn is_right(
        &self,
        client: IpAddr,
        credentials: &Credentials,
        name: &str,
        password: &str,
    ) -> Result<bool, ApiError> {
        let known = digest(name).ct_eq(&digest(&credentials.username));
        match &credentials.password {
            PasswordCheck::Plain(plain) => {
                let same = digest(password).ct_eq(&digest(plain.expose_secret()));
                Ok((known & same).into())
            }
            PasswordCheck::Argon2(hash) => {
                let same = self.is_hashed(client, password, hash).await?;
                Ok(bool::from(known) & same)
            }
        }
    }

    async fn is_hashed(
        &self,
        client: IpAddr,
        password: &str,
        hash: &Secret,
    ) -> Result<bool, ApiError> {
        let sent = digest(password);
        if self.is_verified(&sent) {
            return Ok(true);
        }
        let Ok(_turn) = self.hashing.acquire().await else {
            return Ok(false);
        };
        // Others may have been wrong, or right, while this one waited.
        self.failures.may_try(client).map_err(ApiError::LockedOut)?;
        if self.is_verified(&sent) {
            return Ok(true);
        }
        let (password, hash) = (password.to_owned(), hash.clone());
        let verify = move || {
            let verified =
                Argon2::default().verify_password(password.as_bytes(), hash.expose_secret());
            verified.is_ok()
        };
        let same = web::block(verify).await.unwrap_or(false);
        if same {
            *self.verified.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent);
        }
        Ok(same)
    }

    fn is_verified(&self, sent: &[u8; 32]) -> bool {
        let verified = *self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.is_some_and(|known| known.ct_eq(sent).into())
    }
}

/// Digests are compared, so that neither length nor content shows in the time it takes.
fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Name and password of `Basic …`; the password may hold colons.
fn basic(authorization: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(authorization).ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (name, password) = decoded.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| (name.to_owned(), password.to_owned()))
}

/// The door, in front of all routes.
pub async fn door<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admitted(&request).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.call(request)
                .await
                .map(ServiceResponse::map_into_left_body)
        }
        Err(error) => {
            let response = error.error_response().map_into_right_body();
            Ok(request.into_response(response))
        }
    }
}

async fn admitted(request: &ServiceRequest) -> Result<Actor, ApiError> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(ApiError::Unauthorized);
    };
    let client = state.client(request.request());
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|it| it.as_bytes().to_vec());
    let actor = state.access.admit(client, authorization.as_deref()).await?;
    if crosses_sites(request) {
        return Err(ApiError::CrossSite);
    }
    Ok(Actor(actor))
}

/// A browser adds the credentials that it has for us to whatever another site's page sends here, and says so.
fn crosses_sites(request: &ServiceRequest) -> bool {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let site = request
        .headers()
        .get("sec-fetch-site")
        .map(header::HeaderValue::as_bytes);
    !safe && matches!(site, Some(b"cross-site" | b"same-site"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_read_strictly() {
        let header = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let read = |text: &str| basic(text.as_bytes());
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(read(&header("ana:a:b")), pair("ana", "a:b"));
        assert_eq!(read(&header(":")), pair("", ""));
        assert_eq!(read(&header("ana:pä")), pair("ana", "pä"));
        assert_eq!(
            read(&header("ana:x").replace("Basic", "bAsIc")),
            pair("ana", "x")
        );
        for odd in [
            "",
            "Basic",
            "Basic !",
            "Bearer abc",
            "Basic YW5h",
            "Digest YTpi",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(basic(b"Basic \xff"), None);
    }
}
