//! The tag of an integration: another one as soon as anything differs that somebody may have written, but not when
//! only the outcome of polling does.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::integration::IntegrationRow;

/// Bytes of the digest that are told.
const BYTES: usize = 16;

/// With its quotes, as in `ETag`. The key of the row, which nobody is told, keeps what is hashed with it from being
/// guessed.
pub fn etag(row: Option<&IntegrationRow>) -> String {
    let Some(row) = row else {
        return "\"none\"".to_owned();
    };
    let stored = &row.stored;
    let number = |column: Option<i32>| column.map(|it| it.to_string());
    let columns = [
        stored.api_base_url.clone(),
        stored.status_endpoint.clone(),
        stored.auth_type.clone(),
        stored.auth_credentials.clone(),
        stored.status_mapping.clone(),
        stored.unmapped_status.clone(),
        stored.update_method.clone(),
        number(stored.polling_interval_seconds),
        number(stored.timeout_seconds),
        number(stored.retry_count),
    ];
    let mut digest = Sha256::new();
    digest.update(row.id.as_bytes());
    for column in columns {
        // With its length, so that no text can move from one column to the next.
        let length = column.as_ref().map_or(u64::MAX, |it| it.len() as u64);
        digest.update(length.to_le_bytes());
        digest.update(column.unwrap_or_default());
    }
    let digest = digest.finalize();
    let mut tag = String::from('"');
    for byte in digest.iter().take(BYTES) {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// Whether an `If-Match` lets a change of `row` through.
pub fn matches(if_match: &str, row: Option<&IntegrationRow>) -> bool {
    let tag = etag(row);
    let mut told = if_match.split(',').map(str::trim);
    told.any(|it| it == "*" || it == tag)
}
