//! One dead letter as it is shown, and the key that names it.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use farol_core::sync::topology::{AT_HEADER, ORIGINAL_ID_HEADER, REASON_HEADER};
use serde::Serialize;
use service_kit::broker::Shelved;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// Bytes of a body that are shown: a request has some hundred.
const SHOWN: usize = 2048;
/// Characters of a reason or an id that are shown.
const SHOWN_TEXT: usize = 255;
/// Bytes of the digest that make a key: nobody meets two of one by accident.
const KEY: usize = 16;

/// A message that nobody could read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Its name, made of all that it says; of two that say the same, each has it.
    #[schema(example = "0f6fa1c2b3d4e5f60718293a4b5c6d7e")]
    pub key: String,
    /// Why nobody could read it, in a word; null where whoever put it there did not say.
    #[schema(example = "invalid_json")]
    pub reason: Option<String>,
    /// When it was put there.
    pub at: Option<DateTime<Utc>>,
    /// The `message_id` that it had in its queue.
    pub original_message_id: Option<String>,
    /// Its body, at most the first 2048 bytes of it; bytes that are no UTF-8 are shown as U+FFFD.
    pub body: String,
    /// Whether there is more of it.
    pub truncated: bool,
    /// How many bytes the whole body has.
    pub bytes: u64,
}

/// Dead letters, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterList {
    /// How many there are.
    pub count: u32,
    /// The oldest of them.
    pub messages: Vec<DeadLetter>,
}

/// The name of a message. The same wherever and whenever it is computed by this build.
pub(super) fn key(message: &Shelved) -> String {
    key_of(message.message_id(), message.headers(), &message.body)
}

fn key_of(id: Option<String>, headers: Vec<(String, String)>, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        // Lengths between the parts: no two messages run together to one text.
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    };
    add(&[u8::from(id.is_some())]);
    add(id.unwrap_or_default().as_bytes());
    for (name, value) in headers {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    add(body);
    let mut name = String::with_capacity(2 * KEY);
    for byte in digest.finalize().iter().take(KEY) {
        // Text takes whatever is written.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

impl DeadLetter {
    pub(super) fn of(message: &Shelved) -> Self {
        let headers = message.headers();
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| cut(value))
        };
        let (body, truncated) = shown(&message.body);
        Self {
            key: key(message),
            reason: header(REASON_HEADER),
            at: header(AT_HEADER).and_then(|at| at.parse().ok()),
            original_message_id: header(ORIGINAL_ID_HEADER)
                .or_else(|| message.message_id().as_deref().map(cut)),
            body,
            truncated,
            bytes: u64::try_from(message.body.len()).unwrap_or(u64::MAX),
        }
    }
}

/// What strangers wrote, for a page and for the audit, whose database takes no NUL.
fn cut(text: &str) -> String {
    let kept = text.chars().take(SHOWN_TEXT);
    kept.map(|it| {
        if it == '\0' {
            char::REPLACEMENT_CHARACTER
        } else {
            it
        }
    })
    .collect()
}

/// The beginning of a body as text, and whether there is more. A character that is cut in two is left out.
fn shown(body: &[u8]) -> (String, bool) {
    let Some(beginning) = body.get(..SHOWN).filter(|it| it.len() < body.len()) else {
        return (String::from_utf8_lossy(body).into_owned(), false);
    };
    let halved = beginning.utf8_chunks().last().map_or(0, |chunk| {
        let rest = chunk.invalid();
        let is_begun = std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none());
        if is_begun { rest.len() } else { 0 }
    });
    let whole = &beginning[..beginning.len() - halved];
    (String::from_utf8_lossy(whole).into_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::{cut, key_of, shown};

    #[test]
    fn a_body_is_shown_as_text_whatever_it_is() {
        assert_eq!(shown(b"{}"), ("{}".to_owned(), false));
        assert_eq!(
            shown(b"a\xff\xfeb"),
            ("a\u{fffd}\u{fffd}b".to_owned(), false)
        );
        assert_eq!(shown(b""), (String::new(), false));
    }

    #[test]
    fn a_long_body_is_cut_between_characters() {
        let exact = "x".repeat(2048);
        assert_eq!(shown(exact.as_bytes()), (exact.clone(), false));
        let long = "é".repeat(1500);
        assert_eq!(shown(long.as_bytes()), ("é".repeat(1024), true));
        let odd = format!("x{long}");
        assert_eq!(
            shown(odd.as_bytes()),
            (format!("x{}", "é".repeat(1023)), true)
        );
        let garbage = vec![0xff; 3000];
        assert_eq!(shown(&garbage), ("\u{fffd}".repeat(2048), true));
    }

    #[test]
    fn a_key_tells_apart_whatever_differs() {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let all = [
            key_of(None, Vec::new(), b"ab"),
            key_of(Some(String::new()), Vec::new(), b"ab"),
            key_of(Some("a".to_owned()), Vec::new(), b"b"),
            key_of(None, header("a", "b"), b""),
            key_of(None, header("ab", ""), b""),
            key_of(None, Vec::new(), b""),
        ];
        for (place, key) in all.iter().enumerate() {
            assert_eq!(key.len(), 32);
            assert!(!all[..place].contains(key), "{place}");
        }
        assert_eq!(all[0], key_of(None, Vec::new(), b"ab"));
    }

    #[test]
    fn texts_of_strangers_are_cut_and_hold_no_nul() {
        assert_eq!(cut("a\0b"), "a\u{fffd}b");
        assert_eq!(cut(&"é".repeat(300)), "é".repeat(255));
    }
}
