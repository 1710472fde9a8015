//! Event names and ids that cannot break a frame: CR, LF and NUL are refused when they are made.
//! How they are written is decided in `encode`.

use std::borrow::Cow;
use std::fmt;

/// A text that cannot be an event name or id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForbiddenText {
    /// A name is needed: the standard reads an empty one as "message".
    #[error("an event name is not empty")]
    Empty,
    /// A line end would start another field, and browsers ignore an id with NUL.
    #[error("CR, LF and NUL cannot stand in an event name or id")]
    ControlCharacter,
}

/// The value of an `event:` field; what `addEventListener` is called with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName(Cow<'static, str>);

impl EventName {
    /// A name known when compiling: in a const, a bad one does not compile.
    ///
    /// # Panics
    /// On a name that `try_from` refuses, if it is called at run time.
    pub const fn from_static(name: &'static str) -> Self {
        assert!(!name.is_empty(), "an event name is not empty");
        assert!(!breaks_a_line(name), "CR, LF or NUL in an event name");
        Self(Cow::Borrowed(name))
    }

    /// The name as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventName {
    type Error = ForbiddenText;

    fn try_from(name: String) -> Result<Self, ForbiddenText> {
        if name.is_empty() {
            return Err(ForbiddenText::Empty);
        }
        checked(name).map(|name| Self(Cow::Owned(name)))
    }
}

impl TryFrom<&str> for EventName {
    type Error = ForbiddenText;

    fn try_from(name: &str) -> Result<Self, ForbiddenText> {
        Self::try_from(name.to_owned())
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The value of an `id:` field, which a browser sends back as `Last-Event-ID`. May be empty,
/// which makes the browser forget the last one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Box<str>);

impl EventId {
    /// The id as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventId {
    type Error = ForbiddenText;

    fn try_from(id: String) -> Result<Self, ForbiddenText> {
        checked(id).map(|id| Self(id.into()))
    }
}

impl TryFrom<&str> for EventId {
    type Error = ForbiddenText;

    fn try_from(id: &str) -> Result<Self, ForbiddenText> {
        Self::try_from(id.to_owned())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn checked(text: String) -> Result<String, ForbiddenText> {
    if breaks_a_line(&text) {
        Err(ForbiddenText::ControlCharacter)
    } else {
        Ok(text)
    }
}

/// A loop over bytes, because a const fn can have no iterator.
const fn breaks_a_line(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b'\r' | b'\n' | 0) {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_nul_are_refused_wherever_they_stand() {
        for bad in [
            "\r", "\n", "\0", "a\rb", "a\nb", "a\0b", "\r\n", "end\n", "\nstart",
        ] {
            assert_eq!(
                EventName::try_from(bad),
                Err(ForbiddenText::ControlCharacter),
                "{bad:?}"
            );
            assert_eq!(
                EventId::try_from(bad),
                Err(ForbiddenText::ControlCharacter),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn anything_else_is_taken_as_it_is() {
        for good in [
            " x ", "a:b", ":", "\u{feff}", "\u{2028}", "\t", "🗼", "data",
        ] {
            assert_eq!(EventName::try_from(good).unwrap().as_str(), good);
            assert_eq!(EventId::try_from(good.to_owned()).unwrap().as_str(), good);
        }
    }

    #[test]
    fn an_id_may_be_empty_and_a_name_may_not() {
        assert_eq!(EventId::try_from("").unwrap().as_str(), "");
        assert_eq!(EventName::try_from(""), Err(ForbiddenText::Empty));
    }

    #[test]
    fn a_static_name_equals_the_same_name_made_at_run_time() {
        const PING: EventName = EventName::from_static("ping");
        assert_eq!(PING, EventName::try_from("ping").unwrap());
    }

    #[test]
    #[should_panic(expected = "CR, LF or NUL in an event name")]
    fn a_static_name_that_breaks_a_line_panics_where_it_is_made() {
        drop(EventName::from_static("a\nb"));
    }
}
