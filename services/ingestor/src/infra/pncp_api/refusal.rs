//! What an answer that is none means: each status and each broken connection in its class, in one sentence.

use serde::Deserialize;
use service_kit::http_client::{OutboundError, Response, StatusCode};

use crate::ingest::fault::{Fault, FaultClass};

/// So much of what the portal says goes into a message.
const MOST_SAID: usize = 160;

/// There was no answer.
pub(super) fn unanswered(error: &OutboundError) -> Fault {
    let class = match error {
        OutboundError::Timeout => FaultClass::Timeout,
        OutboundError::Connect(_) | OutboundError::Body(_) => FaultClass::Unreachable,
        OutboundError::TooLarge(_) | OutboundError::Redirect(_) => FaultClass::BadContent,
        OutboundError::Blocked(_) | OutboundError::BadUrl(_) => FaultClass::Rejected,
    };
    Fault {
        class,
        status: None,
        detail: error.to_string(),
    }
}

/// There was an answer with a status that says no.
pub(super) fn refused(response: &Response) -> Fault {
    let status = response.status;
    let class = match status {
        StatusCode::TOO_MANY_REQUESTS => FaultClass::RateLimited,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            FaultClass::Overloaded
        }
        StatusCode::REQUEST_TIMEOUT => FaultClass::Timeout,
        StatusCode::UNPROCESSABLE_ENTITY => FaultClass::Unprocessable,
        status if is_a_wall(status, response) => FaultClass::BadContent,
        StatusCode::NOT_FOUND => FaultClass::NotFound,
        status if status.is_server_error() => FaultClass::ServerError,
        _ => FaultClass::Rejected,
    };
    let said = said(response);
    let colon = if said.is_empty() { "" } else { ": " };
    Fault {
        class,
        status: Some(status.as_u16()),
        detail: format!("the portal answered {}{colon}{said}", status.as_u16()),
    }
}

/// Something in front of the portal answers in its place: a ban, a login, a maintenance page. Not a word about the
/// question, so the same one may be answered later, and many of these are an outage.
fn is_a_wall(status: StatusCode, response: &Response) -> bool {
    status.is_redirection()
        || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        || (status.is_client_error() && is_web_page(response))
}

/// There was an answer that says yes and is not what was asked for.
pub(super) fn unfit(response: &Response, why: impl std::fmt::Display) -> Fault {
    Fault {
        class: FaultClass::BadContent,
        status: Some(response.status.as_u16()),
        detail: format!("the portal's answer cannot be used: {why}"),
    }
}

/// The portal's own words: the message of its JSON, else the text itself; of a web page only that it is one.
pub(super) fn said(response: &Response) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    if is_web_page(response) {
        return "a web page".to_owned();
    }
    let text = serde_json::from_slice::<Said>(&response.body).map_or_else(
        |_| String::from_utf8_lossy(&response.body).into_owned(),
        |said| said.message,
    );
    let shown = |char: char| if char.is_control() { ' ' } else { char };
    text.trim().chars().take(MOST_SAID).map(shown).collect()
}

/// By its label, or by its first character: pages also come labelled as JSON.
pub(super) fn is_web_page(response: &Response) -> bool {
    let label = response.headers.get("content-type");
    label.is_some_and(|label| {
        label
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"text/html")
    }) || response.body.trim_ascii_start().starts_with(b"<")
}
