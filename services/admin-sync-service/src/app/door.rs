//! Who may come in, and what the console is told: built from settings.

use std::time::Duration;

use service_kit::VERSION;
use service_kit::clock::Clock;
use service_kit::jwt::Verifier;

use crate::http::{Access, Credentials, Facts, PasswordCheck, SessionRules};
use crate::settings::{AccessSettings, AdminAuth, Settings};

/// Somebody can come in, or the settings would not have passed; without credentials nobody does by accident.
pub fn access(settings: &Settings, verifier: Option<Verifier>, clock: Clock) -> Access {
    let AccessSettings {
        admin_auth,
        admin_username,
        admin_password,
        admin_password_hash,
        auth_failures_per_minute,
        ..
    } = &settings.access;
    if *admin_auth == AdminAuth::Off {
        return Access::open();
    }
    let password = match (admin_password_hash, admin_password) {
        (Some(hash), _) => Some(PasswordCheck::Argon2(hash.clone())),
        (None, plain) => plain.clone().map(PasswordCheck::Plain),
    };
    let credentials = admin_username.clone().zip(password);
    let credentials = credentials.map(|(username, password)| Credentials { username, password });
    let rules = SessionRules {
        secret_key: settings.integration.secret_key.clone(),
        lasts: Duration::from_hours(u64::from(settings.console.session_hours)),
        clock,
    };
    Access::guarded(credentials, rules, verifier, *auth_failures_per_minute)
}

/// What the console has to know.
pub fn facts(settings: &Settings) -> Facts {
    let viewer = settings.console.public_url.as_ref();
    Facts {
        version: VERSION,
        time_zone: settings.sync.sync_timezone.0.name().to_owned(),
        modalidades: settings.sync.pncp_modalidades.0.clone(),
        stream_url: settings.stream.public_url(),
        viewer_url: viewer.map(|url| url.as_str().trim_end_matches('/').to_owned()),
        unmapped_status: settings.integration.unmapped_status.clone(),
    }
}
