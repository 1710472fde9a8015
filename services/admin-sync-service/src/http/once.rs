//! The `Idempotency-Key` of a request, and what makes two requests the same.

use actix_web::HttpRequest;
use farol_core::sync::FieldProblem;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;
use crate::sync::{Once, Overlap};

const HEADER: &str = "Idempotency-Key";
/// Bytes of the longest key.
const LONGEST: usize = 255;

/// What the request says about being done once.
///
/// # Errors
/// [`ApiError::Fields`] for a key that is no key.
pub fn once(
    request: &HttpRequest,
    overlap: Overlap,
    body: &[u8],
) -> Result<Option<Once>, ApiError> {
    let Some(key) = request.headers().get(HEADER) else {
        return Ok(None);
    };
    let key = key.to_str().ok().map(str::trim);
    let key = key.filter(|key| (1..=LONGEST).contains(&key.len()));
    let key = key.ok_or_else(|| {
        let detail = format!("must be 1 to {LONGEST} printable ASCII characters");
        ApiError::Fields(vec![FieldProblem {
            field: HEADER,
            detail,
        }])
    })?;
    let mut asked = Sha256::new();
    asked.update(request.path());
    asked.update([0, u8::from(overlap == Overlap::Queue)]);
    asked.update(canonical(body));
    Ok(Some(Once::new(key, asked.finalize().to_vec())))
}

/// The same for bodies that say the same: spaces and the empty body mean nothing of their own.
fn canonical(body: &[u8]) -> Vec<u8> {
    if body.trim_ascii().is_empty() {
        return b"{}".to_vec();
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => value.to_string().into_bytes(),
        Err(_) => body.to_vec(),
    }
}
