//! What clients say on a socket, and what they are answered. Pure; docs/API.md shows each message.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::feed::Channel;
use crate::frame::Frame;
use crate::model::DeviceId;

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Tell me of this from now on.
    Subscribe(Channel),
    /// Tell me no more of this.
    Unsubscribe(Channel),
    /// Are you there?
    Ping,
    /// Here is a newer token.
    Authenticate(String),
}

/// What is wrong with a message; the text goes to the client and never quotes it.
pub type Complaint = &'static str;

/// Fixed by the contract with older clients.
pub const NO_DEVICE: Complaint = "device_id required for device subscription";
/// Only text is understood.
pub const BINARY: Complaint = "Binary messages are not understood";
/// The bucket of messages is empty.
pub const TOO_FAST: Complaint = "Too many messages";

/// Reads a message.
///
/// # Errors
/// The [`Complaint`] that answers it.
pub fn parse(text: &[u8]) -> Result<Action, Complaint> {
    let message: Value = serde_json::from_slice(text).map_err(|_| "Invalid JSON")?;
    let word = |name: &str| message.get(name).and_then(Value::as_str);
    match word("action") {
        Some("subscribe") => channel(&message).map(Action::Subscribe),
        Some("unsubscribe") => channel(&message).map(Action::Unsubscribe),
        Some("ping") => Ok(Action::Ping),
        Some("authenticate") => match word("token") {
            Some(token) if !token.is_empty() => Ok(Action::Authenticate(token.to_owned())),
            _ => Err("token required for authenticate"),
        },
        _ => Err("Unknown action"),
    }
}

fn channel(message: &Value) -> Result<Channel, Complaint> {
    match message.get("type").and_then(Value::as_str) {
        Some("alerts") => Ok(Channel::Alerts),
        Some("device") => match message.get("device_id") {
            None | Some(Value::Null) => Err(NO_DEVICE),
            Some(Value::String(id)) if id.is_empty() => Err(NO_DEVICE),
            Some(Value::String(id)) => DeviceId::parse(id)
                .map(Channel::Device)
                .map_err(|_| BAD_DEVICE),
            Some(_) => Err(BAD_DEVICE),
        },
        _ => Err("Unknown subscription type"),
    }
}

const BAD_DEVICE: Complaint = "device_id must be 1 to 128 of A-Z a-z 0-9 . _ : -";

/// What a client is answered.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = SocketAnswer)]
pub enum Answer<'a> {
    /// From now on.
    Subscribed {
        /// Of what.
        #[serde(flatten)]
        of: Of<'a>,
    },
    /// No more.
    Unsubscribed {
        /// Of what.
        #[serde(flatten)]
        of: Of<'a>,
    },
    /// Here.
    Pong,
    /// The newer token counts from now on.
    Authenticated {
        /// Seconds until it ends.
        expires_in: u64,
    },
    /// The token ends soon.
    TokenExpiring {
        /// Seconds until then.
        in_seconds: u64,
    },
    /// That was not understood, or cannot be done.
    Error {
        /// Why.
        message: &'a str,
    },
}

/// A channel as answers name it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = SocketChannel)]
pub struct Of<'a> {
    /// What kind.
    #[schema(pattern = "^(device|alerts)$")]
    channel: &'static str,
    /// The device, of that channel.
    #[schema(value_type = DeviceId, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a DeviceId>,
}

impl<'a> From<&'a Channel> for Of<'a> {
    fn from(channel: &'a Channel) -> Self {
        let (channel, device_id) = match channel {
            Channel::Device(device) => ("device", Some(device)),
            Channel::Alerts => ("alerts", None),
        };
        Self { channel, device_id }
    }
}

impl Answer<'_> {
    /// As it is written.
    pub fn frame(&self) -> Frame {
        Frame::json(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(message: &Value) -> Result<Action, Complaint> {
        parse(message.to_string().as_bytes())
    }

    fn written(answer: &Answer<'_>) -> Value {
        serde_json::to_value(answer).unwrap()
    }

    fn device() -> Channel {
        Channel::Device(DeviceId::parse("dev-0001").unwrap())
    }

    #[test]
    fn every_message_of_the_contract_is_read() {
        let asks = |action: &str, kind: &str| json!({"action": action, "type": kind, "device_id": "dev-0001"});
        for (message, action) in [
            (asks("subscribe", "device"), Action::Subscribe(device())),
            (
                asks("subscribe", "alerts"),
                Action::Subscribe(Channel::Alerts),
            ),
            (asks("unsubscribe", "device"), Action::Unsubscribe(device())),
            (
                asks("unsubscribe", "alerts"),
                Action::Unsubscribe(Channel::Alerts),
            ),
            (json!({"action": "ping"}), Action::Ping),
            (
                json!({"action": "authenticate", "token": "t"}),
                Action::Authenticate("t".to_owned()),
            ),
        ] {
            assert_eq!(parsed(&message), Ok(action), "{message}");
        }
    }

    #[test]
    fn the_document_shows_every_action() {
        const API: &str = include_str!("../../../../docs/API.md");
        let cells = API
            .lines()
            .filter(|line| line.starts_with("| `{\"action\""));
        let said = cells.filter_map(|line| line.split('`').nth(1));
        let shown: BTreeSet<&str> = said
            .map(|message| match parse(message.as_bytes()).unwrap() {
                Action::Subscribe(Channel::Device(_)) => "subscribe to a device",
                Action::Subscribe(Channel::Alerts) => "subscribe to alerts",
                Action::Unsubscribe(Channel::Device(_)) => "unsubscribe from a device",
                Action::Unsubscribe(Channel::Alerts) => "unsubscribe from alerts",
                Action::Ping => "ping",
                Action::Authenticate(_) => "authenticate",
            })
            .collect();
        assert_eq!(shown.len(), 6, "{shown:?}");
    }

    #[test]
    fn whatever_is_wrong_has_its_own_text() {
        for action in ["subscribe", "unsubscribe"] {
            for missing in [
                json!({}),
                json!({"device_id": null}),
                json!({"device_id": ""}),
            ] {
                let mut message = json!({"action": action, "type": "device"});
                message
                    .as_object_mut()
                    .unwrap()
                    .extend(missing.as_object().unwrap().clone());
                assert_eq!(parsed(&message), Err(NO_DEVICE), "{message}");
            }
            for odd in [
                json!(7),
                json!("a b"),
                json!("x' OR 1=1 --"),
                json!(["dev-0001"]),
            ] {
                let message = json!({"action": action, "type": "device", "device_id": odd});
                assert_eq!(parsed(&message), Err(BAD_DEVICE), "{message}");
            }
            let unknown = json!({"action": action, "type": "tenants"});
            assert_eq!(parsed(&unknown), Err("Unknown subscription type"));
        }
        for odd in [
            json!({}),
            json!([]),
            json!(null),
            json!({"action": "drop"}),
            json!({"action": 1}),
        ] {
            assert_eq!(parsed(&odd), Err("Unknown action"), "{odd}");
        }
        assert_eq!(parse(b"{\"action\":"), Err("Invalid JSON"));
        let no_token = json!({"action": "authenticate"});
        assert_eq!(parsed(&no_token), Err("token required for authenticate"));
    }

    #[test]
    fn every_answer_is_written_as_the_contract_has_it() {
        let (device, alerts) = (device(), Channel::Alerts);
        for (answer, expected) in [
            (
                Answer::Subscribed {
                    of: (&device).into(),
                },
                json!({"type": "subscribed", "channel": "device", "device_id": "dev-0001"}),
            ),
            (
                Answer::Subscribed {
                    of: (&alerts).into(),
                },
                json!({"type": "subscribed", "channel": "alerts"}),
            ),
            (
                Answer::Unsubscribed {
                    of: (&device).into(),
                },
                json!({"type": "unsubscribed", "channel": "device", "device_id": "dev-0001"}),
            ),
            (
                Answer::Unsubscribed {
                    of: (&alerts).into(),
                },
                json!({"type": "unsubscribed", "channel": "alerts"}),
            ),
            (Answer::Pong, json!({"type": "pong"})),
            (
                Answer::TokenExpiring { in_seconds: 60 },
                json!({"type": "token_expiring", "in_seconds": 60}),
            ),
            (
                Answer::Error { message: NO_DEVICE },
                json!({"type": "error", "message": "device_id required for device subscription"}),
            ),
        ] {
            assert_eq!(written(&answer), expected);
        }
    }

    proptest! {
        #[test]
        fn no_message_breaks_the_reader(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_subscribed_to_is_a_plain_name(id in ".{0,140}") {
            let message = json!({"action": "subscribe", "type": "device", "device_id": id});
            if let Ok(Action::Subscribe(Channel::Device(device))) = parsed(&message) {
                prop_assert_eq!(device.as_str(), id);
                prop_assert!(device.as_str().bytes().all(|it| it.is_ascii_alphanumeric() || b"._:-".contains(&it)));
            }
        }
    }
}
