//! What a message of the telemetry service says, as far as the accounts need it. Searched, not parsed:
//! tens of thousands come in a second.

use memchr::memmem;

use crate::error::LoadError;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The newest row of a device, by its place (`dev-0001` is 0) and its counter.
    Telemetry {
        device: usize,
        seq: u64,
    },
    Alerts,
    Subscribed,
    /// A source cannot be read, or can again.
    State,
}

impl Message {
    /// # Errors
    /// For a message that such a load does not cause.
    pub(super) fn read(text: &[u8]) -> Result<Self, LoadError> {
        let kind = after(text, b"\"type\":\"").unwrap_or_default();
        let unexpected = || {
            let text = String::from_utf8_lossy(text);
            LoadError::Unexpected(format!("not expected from a socket: {text}"))
        };
        if kind.starts_with(b"telemetry\"") {
            let device = after(text, b"\"device_id\":\"dev-").and_then(number);
            let place = device.and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
            let seq = after(text, b"\"seq\":").and_then(number);
            return match place.zip(seq) {
                Some((device, seq)) => Ok(Self::Telemetry { device, seq }),
                None => Err(unexpected()),
            };
        }
        if kind.starts_with(b"alerts\"") {
            Ok(Self::Alerts)
        } else if kind.starts_with(b"subscribed\"") {
            Ok(Self::Subscribed)
        } else if kind.starts_with(b"state\"") {
            Ok(Self::State)
        } else {
            Err(unexpected())
        }
    }
}

fn after<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.get(memmem::find(text, name)? + name.len()..)
}

/// The digits at the start.
fn number(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let digits = text.get(..end.unwrap_or(text.len()))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let read = |text: &str| Message::read(text.as_bytes());
        let push = r#"{"type":"telemetry","device_id":"dev-0010","data":{"timestamp":"t","metrics":{"a":1},"seq":42}}"#;
        assert_eq!(
            read(push).unwrap(),
            Message::Telemetry { device: 9, seq: 42 }
        );
        let told = r#"{"type":"subscribed","channel":"device","device_id":"dev-0010"}"#;
        assert_eq!(read(told).unwrap(), Message::Subscribed);
        assert_eq!(
            read(r#"{"type":"alerts","alerts":[]}"#).unwrap(),
            Message::Alerts
        );
        assert_eq!(
            read(r#"{"type":"state","state":"stale"}"#).unwrap(),
            Message::State
        );
        for odd in [
            r#"{"type":"error","message":"no"}"#,
            r#"{"type":"telemetry","device_id":"dev-0001","data":{}}"#,
            r#"{"type":"telemetry","device_id":"dev-0000","data":{"seq":1}}"#,
            "{}",
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}
