//! Reads a body up to a cap.

use bytes::{Bytes, BytesMut};

use super::OutboundError;

/// The announced length is believed only where it already breaks the cap: what arrives is counted anyway.
pub(super) async fn read(
    answer: &mut reqwest::Response,
    cap: usize,
) -> Result<Bytes, OutboundError> {
    let announced = answer.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > cap) {
        return Err(OutboundError::TooLarge(cap));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| OutboundError::of(&error))?
    {
        if body.len() + chunk.len() > cap {
            return Err(OutboundError::TooLarge(cap));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
