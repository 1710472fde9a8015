//! POST /api/sse/callback: what the gateway tells, with a secret of its own instead of an operator's credentials.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use gateway_client::{Instance, Token};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service_kit::settings::{ExposeSecret as _, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

use super::State;
use super::body::Extracted;
use super::openapi::PlainProblem;
use crate::error::PlainError;
use crate::live::{Arrival, Said, identifier};

/// Characters of what is repeated in an answer.
const REPEATED: usize = 300;

/// What callbacks must carry; without one everybody on this machine may call.
#[derive(Clone, Debug)]
pub struct CallbackSecret(Option<[u8; 32]>);

/// What the gateway tells.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the schema of a body that is judged member by member"
)]
pub struct Callback {
    /// `connect` or `disconnect`.
    #[schema(pattern = "^(connect|disconnect)$")]
    action: String,
    /// The connection.
    token: String,
    /// Of a disconnect: `client_closed`, `server_closed` or `error`.
    reason: Option<String>,
    /// The request of the client: `url`, the raw target, and `headers`.
    #[schema(value_type = Object)]
    request: Value,
    /// The same on every repetition of a disconnect.
    disconnect_id: Option<String>,
    /// The run of the gateway: `id` and `started_at`.
    #[schema(value_type = Option<Object>)]
    instance: Option<Value>,
}

/// What the gateway does with a connection that it told of.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "the schema of an answer that never varies")]
pub struct CallbackAnswer {
    /// Of a connect: the first event of the stream, `name` and `data`.
    #[schema(value_type = Option<Object>)]
    event: Option<Value>,
}

impl CallbackSecret {
    /// This one; an empty one is none.
    pub fn new(secret: Option<&Secret>) -> Self {
        let secret = secret.map(Secret::expose_secret);
        Self(secret.filter(|it| !it.is_empty()).map(digest))
    }

    /// Digests are compared: neither length nor content shows in the time it takes.
    fn admits(&self, query: &str) -> bool {
        let Some(wanted) = &self.0 else { return true };
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let sent = pairs.find(|(name, _)| name == "secret");
        let sent = sent.map(|(_, value)| value).unwrap_or_default();
        digest(&sent).ct_eq(wanted).into()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Takes in what the gateway tells of its clients. Never waits for anything.
#[utoipa::path(
    post, path = "/api/sse/callback", tag = "streams",
    security(()),
    params(("secret" = Option<String>, Query, description = "`SSE_CALLBACK_SECRET`, where one is set.")),
    request_body(content = Callback, content_type = "application/json"),
    responses(
        (status = 200, description = "Noted.", body = CallbackAnswer),
        (status = 400, description = "Not a callback, or of no stream.", body = PlainProblem),
        (status = 401, description = "Another secret.", body = PlainProblem),
        (status = 409, description = "The client's disconnect came first.", body = PlainProblem),
        (status = 413, description = "More than 1 MiB.", body = PlainProblem),
        (status = 503, description = "As many watch as may.", body = PlainProblem),
    ),
)]
pub async fn callback(
    request: HttpRequest,
    state: Data<State>,
    body: Extracted,
) -> Result<Json<Value>, PlainError> {
    if !state.callback_secret.admits(request.query_string()) {
        return Err(PlainError::Unauthorized);
    }
    let body = body.map_err(|_| PlainError::TooLarge)?;
    let payload = payload(&body)?;
    match payload.get("action") {
        Some(Value::String(action)) if action == "connect" => connect(&state, &payload),
        Some(Value::String(action)) if action == "disconnect" => disconnect(&state, &payload),
        Some(Value::String(other)) => Err(PlainError::UnknownAction(cut(other))),
        _ => Err(invalid("action", "must be connect or disconnect")),
    }
}

fn connect(state: &State, payload: &Map<String, Value>) -> Result<Json<Value>, PlainError> {
    let token = token(payload)?;
    let url = payload.get("request").and_then(|it| it.get("url"));
    let url = url.and_then(Value::as_str);
    let url = url.ok_or_else(|| invalid("request.url", "must be a string"))?;
    let identifier = identifier(url).ok_or_else(|| PlainError::CannotRoute(cut(url)))?;
    // A gateway before ours tells none, and an odd one is none.
    let instance = payload.get("instance").cloned();
    let instance: Option<Instance> = instance.and_then(|it| serde_json::from_value(it).ok());
    let arrival = Arrival {
        identifier,
        token,
        instance,
    };
    state.lobby.arrive(arrival).map_err(PlainError::NotLetIn)?;
    let name = Said::ConnectionOpen.name().as_str();
    Ok(Json(json!({
        "event": {"name": name, "data": r#"{"status": "connected"}"#}
    })))
}

fn disconnect(state: &State, payload: &Map<String, Value>) -> Result<Json<Value>, PlainError> {
    let id = payload.get("disconnect_id").and_then(Value::as_str);
    state.lobby.leave(&token(payload)?, id);
    Ok(Json(json!({})))
}

fn payload(body: &[u8]) -> Result<Map<String, Value>, PlainError> {
    if body.trim_ascii().is_empty() {
        return Err(PlainError::MissingBody);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(payload)) => Ok(payload),
        Ok(Value::Null) => Err(PlainError::MissingBody),
        Ok(_) => Err(invalid("body", "must be an object")),
        Err(_) => Err(PlainError::InvalidJson),
    }
}

fn token(payload: &Map<String, Value>) -> Result<Token, PlainError> {
    let token = payload.get("token").and_then(Value::as_str);
    let token = token.and_then(|text| Token::parse(text).ok());
    token.ok_or_else(|| invalid("token", "must be a string of 1 to 256 bytes"))
}

fn invalid(member: &str, rule: &str) -> PlainError {
    PlainError::InvalidPayload(vec![format!("{member} {rule}")])
}

fn cut(text: &str) -> String {
    text.chars().take(REPEATED).collect()
}
