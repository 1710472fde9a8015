//! Makes tokens of the shared secret for trying out: `farol-token for TENANT…` prints `TENANT TOKEN` lines, for a viewer
//! of each tenant, good for 30 days. Settings: `JWT_HS256_SECRET`, `JWT_AUDIENCE`, `JWT_ISSUER`.

use std::process::ExitCode;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ring::hmac;
use serde_json::{Value, json};
use service_kit::{
    cli, clock::Clock, jwt::JwtSettings, service_settings, settings::ExposeSecret as _,
};

const ABOUT: &str = "Makes tokens of a shared secret for trying out: a line `TENANT TOKEN` for a viewer of each tenant, good for 30 days.

  JWT_HS256_SECRET=… farol-token for TENANT…

Exit codes: 0 done, 1 no secret or no tenant, 2 unusable settings. Settings: JWT_HS256_SECRET, JWT_AUDIENCE and
JWT_ISSUER, as telemetry-service has them.";
const DAYS: TimeDelta = TimeDelta::days(30);
const ROLE: &str = "customer_viewer";

service_settings! {
    "farol-token";
    jwt: JwtSettings,
}

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let verb = arguments.iter().position(|word| word == "for");
    let tenants = verb.map_or_else(Vec::new, |at| arguments.split_off(at));
    let settings = match cli::start_tool::<Settings>("farol-token", ABOUT, arguments) {
        Ok(settings) => settings.jwt,
        Err(code) => return code,
    };
    let tenants: Vec<_> = tenants
        .iter()
        .skip(1)
        .filter_map(|it| it.to_str())
        .collect();
    let secret = settings.jwt_hs256_secret.as_ref();
    let Some(secret) = secret.filter(|_| !tenants.is_empty()) else {
        eprintln!("usage: JWT_HS256_SECRET=… farol-token for TENANT…");
        return ExitCode::FAILURE;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let now = Clock::system().now();
    for tenant in tenants {
        println!("{tenant} {}", token(&key, &claims(&settings, tenant, now)));
    }
    ExitCode::SUCCESS
}

fn claims(settings: &JwtSettings, tenant: &str, now: DateTime<Utc>) -> Value {
    let mut claims = json!({
        "sub": format!("viewer of {tenant}"),
        "tenant_id": tenant,
        "role": ROLE,
        "aud": settings.jwt_audience,
        "iat": now.timestamp(),
        "exp": (now + DAYS).timestamp(),
    });
    if let Some(issuer) = &settings.jwt_issuer {
        claims["iss"] = json!(issuer);
    }
    claims
}

fn token(key: &hmac::Key, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(key, signed.as_bytes()));
    format!("{signed}.{signature}")
}
