//! The secrets of this checkout's private servers: made once, kept beside the servers' data, so
//! that they live and die with what they open.

use crate::checkout::write_private;
use crate::failure::{Outcome, While};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Generated values by name.
#[derive(Default)]
pub(crate) struct Credentials(BTreeMap<String, String>);

impl Credentials {
    /// The superuser who owns the database.
    pub(crate) const OWNER: &str = "owner";
    /// The login users, one per service role.
    pub(crate) const PUBLIC: &str = "public";
    pub(crate) const ADMIN: &str = "admin";
    pub(crate) const INGEST: &str = "ingest";
    pub(crate) const TELEMETRY: &str = "telemetry";
    /// The devices of the demo world.
    pub(crate) const DEVICES: &str = "devices";
    /// The user of the broker.
    pub(crate) const BROKER: &str = "broker";
    /// `ADMIN_PASSWORD`, which people log in to the administration with.
    pub(crate) const ADMIN_PASSWORD: &str = "admin_password";
    /// `SECRET_KEY`, which opens what the demo data seals.
    pub(crate) const SECRET_KEY: &str = "secret_key";
    /// `SSE_CALLBACK_SECRET`, by which the administration knows its gateway.
    pub(crate) const CALLBACK: &str = "callback";
    /// `JWT_HS256_SECRET`, which signs the tokens of the demo's tenants.
    pub(crate) const JWT: &str = "jwt";

    const ALL: [&str; 11] = [
        Self::OWNER,
        Self::PUBLIC,
        Self::ADMIN,
        Self::INGEST,
        Self::TELEMETRY,
        Self::DEVICES,
        Self::BROKER,
        Self::ADMIN_PASSWORD,
        Self::SECRET_KEY,
        Self::CALLBACK,
        Self::JWT,
    ];

    /// Reads what `home` has and makes what is missing: a later version asks for more names.
    pub(crate) fn of(home: &Path) -> Outcome<Self> {
        let path = home.join("credentials.json");
        let kept = fs::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok());
        let mut values: BTreeMap<String, String> = kept.unwrap_or_default();
        let before = values.len();
        for name in Self::ALL {
            if !values.contains_key(name) {
                values.insert(name.to_owned(), random()?);
            }
        }
        if values.len() > before {
            let text = serde_json::to_string_pretty(&values)
                .while_doing(|| "writing credentials".into())?;
            write_private(&path, &text)?;
        }
        Ok(Self(values))
    }

    /// Whether an address opens one of our own servers: a shell that has sourced stack.env gives
    /// it back to us as if a person had chosen that database.
    pub(crate) fn made(&self, url: &str) -> bool {
        self.0
            .values()
            .any(|value| url.contains(&format!(":{value}@127.0.0.1:")))
    }

    /// Empty for a name that is not in the list above.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// 128 bits as hexadecimal digits, which every shell, URL and config file takes as they are.
fn random() -> Outcome<String> {
    let mut bytes = [0_u8; 16];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.while_doing(|| "reading /dev/urandom".into())?;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_and_only_missing_ones_are_made() {
        let home = std::env::temp_dir().join(format!("farol-credentials-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("credentials.json"), r#"{"owner":"kept"}"#).unwrap();
        let first = Credentials::of(&home).unwrap();
        let second = Credentials::of(&home).unwrap();
        assert_eq!(first.get(Credentials::OWNER), "kept");
        assert_eq!(first.get(Credentials::SECRET_KEY).len(), 32);
        assert_eq!(first.0, second.0);
        assert!(first.made("postgres://farol:kept@127.0.0.1:54329/farol"));
        assert!(!first.made("postgres://farol:kept@db.example.org:54329/farol"));
        fs::remove_dir_all(home).unwrap();
    }
}
