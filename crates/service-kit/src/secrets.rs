//! Credentials at rest: Fernet tokens over JSON objects, the format of rows written by other programs too.
//! The key never leaves [`Vault`]; what was opened never prints.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use fernet::Fernet;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::settings::Secret;

/// Seals and opens `auth_credentials`.
///
/// ```
/// use service_kit::secrets::Vault;
///
/// let vault = Vault::new(&"the SECRET_KEY".into());
/// let opened = vault.open(r#"{"token": "abc"}"#)?;
/// assert!(opened.is_plain(), "worth a warning");
///
/// let sealed = vault.seal(opened.map());
/// assert_eq!(vault.open(&sealed)?.get("token"), Some("abc"));
/// # Ok::<(), service_kit::secrets::SecretError>(())
/// ```
///
/// The key is base64url(SHA-256(`SECRET_KEY`)), see docs/API.md.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const KEY: &str = "correct horse battery staple";

    /// Made with openssl and hmac from the Fernet specification, under [`KEY`]: no code of ours or of the library.
    const FOREIGN: &str = "gAAAAABlU_EAAAECAwQFBgcICQoLDA0ODz7J53DroAoHOCS1XGCMtFxv6LEARY7ryve5IScY0esUprtavfzt-k2\
        -Edzjq3wVbz24Ir4BzJkCEwSCYr4fuacejfAExFWY5IA06wo2TKkm";

    /// The same over `["a list"]`.
    const FOREIGN_LIST: &str = "gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD8peoCW6cS8CWwM_zvw9uFkGc_Y_ZWXW4NhkBTSwyTNdux_2JGM\
        IsM9sOlK_ooVx0Q==";

    fn vault() -> Vault {
        Vault::new(&KEY.into())
    }

    #[test]
    fn a_token_made_by_another_program_opens() {
        let opened = vault().open(FOREIGN).unwrap();
        assert_eq!(opened.get("token"), Some("s3cr3t"));
        assert_eq!(opened.map()["scope"], json!(["a", "b"]));
        assert!(!opened.is_plain());
    }

    #[test]
    fn a_plain_object_opens_and_says_so() {
        let opened = vault().open(r#" {"token": "abc"} "#).unwrap();
        assert_eq!(opened.get("token"), Some("abc"));
        assert!(opened.is_plain());
    }

    #[test]
    fn what_is_neither_is_named_without_its_content() {
        let other = Vault::new(&"another key".into());
        assert_eq!(other.open(FOREIGN), Err(SecretError::Undecipherable));
        assert_eq!(vault().open(FOREIGN_LIST), Err(SecretError::NotAnObject));
        for text in ["", "hunter2", "[]", "null", "\"hunter2\"", "{\"token\":"] {
            assert_eq!(vault().open(text), Err(SecretError::Undecipherable));
        }
    }

    #[test]
    fn a_changed_token_does_not_open() {
        let mut token = FOREIGN.to_owned();
        token.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
        assert_eq!(vault().open(&token), Err(SecretError::Undecipherable));
    }

    #[test]
    fn nothing_that_prints_shows_a_value() {
        let opened = vault().open(r#"{"token": "hunter2"}"#).unwrap();
        let shown = format!("{opened:?} {:?}", vault());
        assert!(shown.contains("token"));
        assert!(
            !shown.contains("hunter2") && !shown.contains("staple"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_to_the_same(
            members in proptest::collection::btree_map(".{0,20}", ".{0,60}", 0..6)
        ) {
            let map: Map<String, Value> =
                members.into_iter().map(|(name, text)| (name, Value::from(text))).collect();
            let opened = vault().open(&vault().seal(&map)).unwrap();
            prop_assert_eq!(opened.map(), &map);
            prop_assert!(!opened.is_plain());
        }

        #[test]
        fn no_text_breaks_the_vault(text in ".{0,200}") {
            let _ = vault().open(&text);
        }
    }
}
