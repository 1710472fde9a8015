//! Who signed in to the console, sealed: any replica with the same `SECRET_KEY` knows it again, and none keeps a list. How
//! it travels is in `cookie`.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use chrono::{DateTime, TimeDelta, Utc};
use fernet::Fernet;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use service_kit::clock::Clock;
use service_kit::settings::{ExposeSecret as _, Secret};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::basic::{Credentials, PasswordCheck};

/// What the key of the seal is made for: nothing else that is sealed under `SECRET_KEY` opens with it.
const SEAL: &str = "farol console session";
/// What the key of the fingerprint is made for.
const FINGERPRINT: &str = "farol console credentials";
/// The clocks of two replicas may be so far apart.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// What sessions go by.
#[derive(Clone, Debug)]
pub struct SessionRules {
    /// `SECRET_KEY`; without one sessions end with the process, and no other replica knows them.
    pub secret_key: Option<Secret>,
    /// How long a session lasts, whatever is done in it.
    pub lasts: Duration,
    /// Says when it is over.
    pub clock: Clock,
}

/// Makes sessions of the one user, and knows them again.
pub(super) struct Sessions {
    seal: Fernet,
    user: String,
    /// Of the credentials that are configured: with others every session ends.
    fingerprint: String,
    lasts: Duration,
    clock: Clock,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Session {
    user: String,
    /// When the user signed in, in seconds of the epoch.
    since: i64,
    fingerprint: String,
}

impl Sessions {
    pub(super) fn new(rules: SessionRules, credentials: &Credentials) -> Self {
        let secret = rules.secret_key.as_ref().map(Secret::expose_secret);
        let secret = secret.filter(|it| !it.is_empty()).map(str::to_owned);
        let secret = secret.unwrap_or_else(Fernet::generate_key);
        let sealing = BASE64_URL_SAFE.encode(mac(secret.as_bytes(), &[SEAL]));
        let Some(seal) = Fernet::new(&sealing) else {
            unreachable!("an HMAC-SHA256 has the 32 bytes that a Fernet key needs")
        };
        Self {
            seal,
            user: credentials.username.clone(),
            fingerprint: fingerprint(secret.as_bytes(), credentials),
            lasts: rules.lasts,
            clock: rules.clock,
        }
    }

    /// How long one lasts.
    pub(super) fn lasts(&self) -> Duration {
        self.lasts
    }

    /// A session that begins now.
    pub(super) fn begin(&self) -> String {
        let session = Session {
            user: self.user.clone(),
            since: self.clock.now().timestamp(),
            fingerprint: self.fingerprint.clone(),
        };
        let session = serde_json::json!(session).to_string();
        self.seal.encrypt(session.as_bytes())
    }

    /// Whose session it is; `None` for what is none, has ended, or was begun with other credentials.
    pub(super) fn user(&self, sealed: &str) -> Option<&str> {
        let opened = self.seal.decrypt(sealed).ok()?;
        let session: Session = serde_json::from_slice(&opened).ok()?;
        let sent = session.fingerprint.as_bytes();
        let ours = bool::from(sent.ct_eq(self.fingerprint.as_bytes()));
        (ours && session.user == self.user && self.is_under_way(session.since))
            .then_some(&self.user)
    }

    fn is_under_way(&self, since: i64) -> bool {
        let Some(since) = DateTime::<Utc>::from_timestamp(since, 0) else {
            return false;
        };
        let age = self.clock.now() - since;
        let lasts = TimeDelta::from_std(self.lasts).unwrap_or(TimeDelta::MAX);
        -SKEW <= age && age < lasts
    }
}

/// A digest that tells nothing to whoever lacks the key, and is another one for any other name, password or hash.
fn fingerprint(secret: &[u8], credentials: &Credentials) -> String {
    let (kind, password) = match &credentials.password {
        PasswordCheck::Plain(password) => ("plain", password),
        PasswordCheck::Argon2(hash) => ("argon2", hash),
    };
    let parts = [
        FINGERPRINT,
        &credentials.username,
        kind,
        password.expose_secret(),
    ];
    BASE64_URL_SAFE.encode(mac(secret, &parts))
}

/// Each part with its length: no two lists of parts are one text.
fn mac(secret: &[u8], parts: &[&str]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        unreachable!("HMAC takes keys of any length")
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use service_kit::clock::ManualClock;
    use service_kit::secrets::{SecretError, Vault};

    use super::*;

    const KEY: &str = "correct horse battery staple";
    const HOUR: Duration = Duration::from_hours(1);

    fn credentials(username: &str, password: PasswordCheck) -> Credentials {
        Credentials {
            username: username.to_owned(),
            password,
        }
    }

    fn plain(password: &str) -> PasswordCheck {
        PasswordCheck::Plain(password.into())
    }

    fn ana() -> Credentials {
        credentials("ana", plain("hunter2"))
    }

    fn under(key: Option<&str>, credentials: &Credentials) -> (Sessions, ManualClock) {
        let (clock, hand) = Clock::manual("2026-11-27T12:00:00Z".parse().unwrap());
        let rules = SessionRules {
            secret_key: key.map(Into::into),
            lasts: HOUR,
            clock,
        };
        (Sessions::new(rules, credentials), hand)
    }

    #[test]
    fn a_session_ends_after_its_time_whatever_is_done_in_it() {
        let (sessions, hand) = under(Some(KEY), &ana());
        let sealed = sessions.begin();
        assert_eq!(sessions.user(&sealed), Some("ana"));
        hand.advance(Duration::from_secs(3599));
        assert_eq!(sessions.user(&sealed), Some("ana"));
        hand.advance(Duration::from_secs(1));
        assert_eq!(sessions.user(&sealed), None);
    }

    #[test]
    fn one_from_the_future_is_refused() {
        let (sessions, hand) = under(Some(KEY), &ana());
        let now = sessions.clock.now();
        hand.advance(Duration::from_mins(1));
        let skewed = sessions.begin();
        hand.advance(Duration::from_secs(1));
        let ahead = sessions.begin();
        hand.set(now);
        assert_eq!(sessions.user(&skewed), Some("ana"));
        assert_eq!(sessions.user(&ahead), None);
    }

    #[test]
    fn another_replica_with_the_same_key_knows_it_and_none_with_another_key() {
        let sealed = under(Some(KEY), &ana()).0.begin();
        assert_eq!(under(Some(KEY), &ana()).0.user(&sealed), Some("ana"));
        for key in [Some("another"), Some(""), None] {
            assert_eq!(under(key, &ana()).0.user(&sealed), None, "{key:?}");
        }
    }

    #[test]
    fn without_a_key_every_process_has_its_own() {
        let ((one, _), (other, _)) = (under(None, &ana()), under(Some(""), &ana()));
        let sealed = one.begin();
        assert_eq!(one.user(&sealed), Some("ana"));
        assert_eq!(other.user(&sealed), None);
        assert_eq!(under(None, &ana()).0.user(&sealed), None);
    }

    #[test]
    fn with_other_credentials_it_ends() {
        let sealed = under(Some(KEY), &ana()).0.begin();
        for other in [
            credentials("ana", plain("hunter3")),
            credentials("ana", PasswordCheck::Argon2("hunter2".into())),
            credentials("anah", plain("unter2")),
            credentials("maria", plain("hunter2")),
        ] {
            assert_eq!(under(Some(KEY), &other).0.user(&sealed), None, "{other:?}");
        }
    }

    #[test]
    fn it_tells_nothing_of_the_password() {
        let (sessions, _) = under(Some(KEY), &ana());
        let opened = sessions.seal.decrypt(&sessions.begin()).unwrap();
        let text = String::from_utf8(opened).unwrap();
        let unkeyed = BASE64_URL_SAFE.encode(mac(b"", &[FINGERPRINT, "ana", "plain", "hunter2"]));
        assert!(text.contains("ana"), "{text}");
        assert!(
            !text.contains("hunter2") && !text.contains(&unkeyed),
            "{text}"
        );
    }

    #[test]
    fn nothing_of_the_vault_opens_as_a_session_nor_a_session_in_the_vault() {
        let (sessions, vault) = (under(Some(KEY), &ana()).0, Vault::new(&KEY.into()));
        let sealed = sessions.begin();
        assert_eq!(vault.open(&sealed), Err(SecretError::Undecipherable));
        let content = sessions.seal.decrypt(&sealed).unwrap();
        let content: serde_json::Map<_, _> = serde_json::from_slice(&content).unwrap();
        assert_eq!(sessions.user(&vault.seal(&content)), None);
        // What the vault lets pass as it stands.
        let plain = serde_json::Value::Object(content).to_string();
        assert_eq!(sessions.user(&plain), None);
    }

    #[test]
    fn what_is_no_session_is_nobodys() {
        let (sessions, _) = under(Some(KEY), &ana());
        let sealed = sessions.begin();
        for (at, character) in sealed.char_indices() {
            let mut changed = sealed.clone();
            changed.replace_range(at..=at, if character == 'A' { "B" } else { "A" });
            // The last character before the padding has bits that say nothing.
            let says_nothing = at + 4 > sealed.len();
            assert!(says_nothing || sessions.user(&changed).is_none(), "{at}");
        }
        for text in ["", "=", "a", "gAAAAA", "{}", "\u{0}", "ä"] {
            assert_eq!(sessions.user(text), None, "{text}");
        }
        for content in [
            r#"{"user":"ana","since":1795780800}"#,
            "[]",
            r#"{"user":"ana","since":9223372036854775807,"fingerprint":""}"#,
        ] {
            let sealed = sessions.seal.encrypt(content.as_bytes());
            assert_eq!(sessions.user(&sealed), None, "{content}");
        }
    }
}
