//! The outer form of a token (JWS compact serialization, RFC 7515), read strictly: nothing here is proven yet.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// Bytes; tokens travel in headers, which servers cap at about as much.
const LONGEST: usize = 8 * 1024;

/// The parts of a token.
pub(super) struct Token<'a> {
    pub(super) header: Header,
    /// What the signature is of.
    pub(super) signed: &'a str,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What a token says of itself. A member that comes twice is an error.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    /// Extensions that a reader must understand; none is understood here, whatever they are said to be.
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

impl<'a> Token<'a> {
    /// # Errors
    /// What is wrong with it, for logs.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("longer than 8 KiB");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or("not three parts")?;
        // A fourth part would leave a dot in the payload, which is no base64.
        let (header, payload) = signed.split_once('.').ok_or("not three parts")?;
        let header: Header =
            serde_json::from_slice(&part(header)?).map_err(|_| "the header is not readable")?;
        if header.crit.is_some() {
            return Err("it asks for an extension");
        }
        Ok(Self {
            header,
            signed,
            payload: part(payload)?,
            signature: part(signature)?,
        })
    }
}

/// Null is something too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IgnoredAny>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(Some)
}

fn part(text: &str) -> Result<Vec<u8>, &'static str> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| "a part is not base64url")
}
