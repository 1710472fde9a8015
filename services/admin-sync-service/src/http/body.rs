//! Bodies of requests, whole, and only as large as we read.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;

use crate::error::ApiError;

/// What the extractor made of a body.
pub type Extracted = Result<Bytes, actix_web::Error>;

/// A body of JSON; an empty one may have any type, and so may one that names none.
pub fn json(request: &HttpRequest, body: Extracted) -> Result<Bytes, ApiError> {
    let body = body.map_err(|error| refused(&error))?;
    let named = request.headers().get(header::CONTENT_TYPE);
    let named = named.map(|it| {
        it.to_str()
            .unwrap_or("?")
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
    });
    let is_json = |named: &str| {
        let named = named.to_ascii_lowercase();
        named == "application/json"
            || (named.starts_with("application/") && named.ends_with("+json"))
    };
    if body.trim_ascii().is_empty() || named.is_none_or(is_json) {
        Ok(body)
    } else {
        Err(ApiError::NotJsonType)
    }
}

fn refused(error: &actix_web::Error) -> ApiError {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => ApiError::TooLarge,
        _ => ApiError::BrokenBody,
    }
}
