//! HTTP Basic against one user, compared in constant time. How many guesses an address has is its caller's count.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use actix_web::web;
use argon2::{Argon2, PasswordVerifier as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use service_kit::settings::{ExposeSecret as _, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::failures::Failures;
use crate::error::ApiError;

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

/// Knows the one user again.
pub(super) struct Basic {
    credentials: Credentials,
    /// The digest of what was last found right: argon2 is meant to be slow, and once is enough.
    verified: Mutex<Option<[u8; 32]>>,
    /// One hash at a time: guesses from many addresses take one core at most, and are counted before the next.
    hashing: Semaphore,
}

impl Basic {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            verified: Mutex::default(),
            hashing: Semaphore::new(1),
        }
    }

    /// The name of the user, where the `Authorization` header is right.
    pub(super) async fn admit(
        &self,
        client: IpAddr,
        authorization: &[u8],
        failures: &Failures,
    ) -> Result<Option<String>, ApiError> {
        let Some((name, password)) = read(authorization) else {
            return Ok(None);
        };
        let right = self.is_right(client, &name, &password, failures).await?;
        Ok(right.then(|| self.credentials.username.clone()))
    }

    /// As long for a wrong name as for a wrong password.
    async fn is_right(
        &self,
        client: IpAddr,
        name: &str,
        password: &str,
        failures: &Failures,
    ) -> Result<bool, ApiError> {
        let known = digest(name).ct_eq(&digest(&self.credentials.username));
        match &self.credentials.password {
            PasswordCheck::Plain(plain) => {
                let same = digest(password).ct_eq(&digest(plain.expose_secret()));
                Ok((known & same).into())
            }
            PasswordCheck::Argon2(hash) => {
                let same = self.is_hashed(client, password, hash, failures).await?;
                Ok(bool::from(known) & same)
            }
        }
    }

    async fn is_hashed(
        &self,
        client: IpAddr,
        password: &str,
        hash: &Secret,
        failures: &Failures,
    ) -> Result<bool, ApiError> {
        let sent = digest(password);
        if self.is_verified(&sent) {
            return Ok(true);
        }
        let Ok(_turn) = self.hashing.acquire().await else {
            return Ok(false);
        };
        // Others may have been wrong, or right, while this one waited.
        failures.may_try(client).map_err(ApiError::LockedOut)?;
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
fn read(authorization: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(authorization).ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (name, password) = decoded.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_read_strictly() {
        let header = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let of = |text: &str| read(text.as_bytes());
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(of(&header("ana:a:b")), pair("ana", "a:b"));
        assert_eq!(of(&header(":")), pair("", ""));
        assert_eq!(of(&header("ana:pä")), pair("ana", "pä"));
        assert_eq!(
            of(&header("ana:x").replace("Basic", "bAsIc")),
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
            assert_eq!(of(odd), None, "{odd}");
        }
        assert_eq!(read(b"Basic \xff"), None);
    }
}
