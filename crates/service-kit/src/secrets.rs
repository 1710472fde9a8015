//! Credentials at rest: Fernet tokens over JSON objects, the format of rows written by other programs too.
//! The key never leaves [`Vault`]; what was opened never prints.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use fernet::Fernet;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::settings::Secret;

/// Seals and opens `auth_credentials`. The key is base64url(SHA-256(`SECRET_KEY`)), see docs/API.md.
#[derive(Clone)]
pub struct Vault(Fernet);

/// What a row held. Debug tells the names of its members, never a value.
#[derive(Clone, PartialEq)]
pub struct Credentials {
    map: Map<String, Value>,
    plain: bool,
}

/// Why a row could not be opened. Says nothing about its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Neither a token of this key nor a plain JSON object: another `SECRET_KEY`, or a damaged row.
    #[error("the credentials cannot be decrypted with this SECRET_KEY")]
    Undecipherable,
    /// A good token over something else than a JSON object.
    #[error("the decrypted credentials are not a JSON object")]
    NotAnObject,
}

impl Vault {
    /// A vault under the key that `secret_key` gives.
    pub fn new(secret_key: &Secret) -> Self {
        let digest = Sha256::digest(secret_key.expose_secret().as_bytes());
        match Fernet::new(&BASE64_URL_SAFE.encode(digest)) {
            Some(fernet) => Self(fernet),
            None => unreachable!("a SHA-256 digest has the 32 bytes that a Fernet key needs"),
        }
    }

    /// Opens what a row holds: a token of this vault, or a plain JSON object (then [`Credentials::is_plain`]).
    ///
    /// # Errors
    /// [`SecretError`] where it is neither.
    pub fn open(&self, stored: &str) -> Result<Credentials, SecretError> {
        let stored = stored.trim();
        if let Ok(Value::Object(map)) = serde_json::from_str(stored) {
            return Ok(Credentials { map, plain: true });
        }
        let bytes = self
            .0
            .decrypt(stored)
            .map_err(|_| SecretError::Undecipherable)?;
        let map = serde_json::from_slice(&bytes).map_err(|_| SecretError::NotAnObject)?;
        Ok(Credentials { map, plain: false })
    }

    /// A token over `credentials`; two calls give two tokens, both open to the same.
    pub fn seal(&self, credentials: &Map<String, Value>) -> String {
        self.0
            .encrypt(Value::Object(credentials.clone()).to_string().as_bytes())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault(..)")
    }
}

impl Credentials {
    /// The text of one member; `None` where it is missing or no text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.map.get(name).and_then(Value::as_str)
    }

    /// All members.
    pub fn map(&self) -> &Map<String, Value> {
        &self.map
    }

    /// The row was not encrypted: worth one warning per row.
    pub fn is_plain(&self) -> bool {
        self.plain
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("members", &self.map.keys().collect::<Vec<_>>())
            .field("plain", &self.plain)
            .finish()
    }
}
