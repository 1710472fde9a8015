//! GET /internal/connections: who is here, so that a backend can drop what a dead gateway left behind.

use chrono::SecondsFormat;
use serde_json::json;
use service_kit::http_client::shown;

use super::gate::Gate;
use super::routes::Told;
use crate::error::ApiError;
use crate::wire::Head;

/// `{"instance":{…},"connections":[{"token","url","since","bytes_queued"}]}`
pub fn list(gate: &Gate, head: &Head) -> Result<Told, ApiError> {
    if !gate.admits(head.authorization()) {
        return Err(ApiError::unauthorized());
    }
    let connections = gate.sessions.all();
    let each = connections.iter().map(|connection| {
        json!({
            "token": connection.token.to_string(),
            "url": without_secrets(&connection.request.url),
            "since": connection.since.to_rfc3339_opts(SecondsFormat::Millis, true),
            "bytes_queued": connection.queued(),
        })
    });
    let list = serde_json::Value::from(each.collect::<Vec<_>>());
    let instance = gate.sessions.instance.json();
    let body = format!(r#"{{"instance":{instance},"connections":{list}}}"#);
    Ok(Told::ok(body.into_bytes()))
}

/// A target is shown as an address is, without the host that it may lack. What follows a `#` is no part of an address.
fn without_secrets(target: &str) -> String {
    const HOST: &str = "http://gateway";
    let target = target.split('#').next().unwrap_or_default();
    if !target.starts_with('/') {
        return shown(target);
    }
    let shown = shown(&format!("{HOST}{target}"));
    shown.strip_prefix(HOST).unwrap_or_default().to_owned()
}
