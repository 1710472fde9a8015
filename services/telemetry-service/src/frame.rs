//! Frames of WebSocket as a server writes them (RFC 6455): unmasked, so one encoding serves every socket.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
/// The longest payload of a control frame.
const LONGEST_CONTROL: usize = 125;

/// An encoded frame, head and payload. Cloning copies a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// A message of JSON. What cannot be written as JSON (a map with keys that are no text) does not occur in our types;
    /// it would be an empty message rather than a lost socket.
    pub fn json(message: &impl Serialize) -> Self {
        Self::new(TEXT, &serde_json::to_vec(message).unwrap_or_default())
    }

    /// A question whether the other side is there.
    pub fn ping() -> Self {
        Self::new(PING, b"")
    }

    /// The answer to a ping with `payload`.
    pub fn pong(payload: &[u8]) -> Self {
        Self::new(PONG, &payload[..payload.len().min(LONGEST_CONTROL)])
    }

    /// The end, with a reason of at most 123 bytes.
    pub fn close(code: u16, reason: &str) -> Self {
        let reason = &reason.as_bytes()[..reason.len().min(LONGEST_CONTROL - 2)];
        Self::new(CLOSE, &[&code.to_be_bytes(), reason].concat())
    }

    /// What is written.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    fn new(opcode: u8, payload: &[u8]) -> Self {
        let mut frame = BytesMut::with_capacity(payload.len() + 10);
        frame.put_u8(FINAL | opcode);
        match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
            (Ok(short @ 0..=125), _) => frame.put_u8(short),
            (_, Ok(medium)) => {
                frame.put_u8(126);
                frame.put_u16(medium);
            }
            _ => {
                frame.put_u8(127);
                frame.put_u64(payload.len() as u64);
            }
        }
        frame.put_slice(payload);
        Self(frame.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_kind_and_length_in_the_shortest_form() {
        assert_eq!(&Frame::json(&"hi").0[..], b"\x81\x04\"hi\"");
        for (length, head) in [
            (123, vec![0x81, 125]),
            (124, vec![0x81, 126, 0, 126]),
            (65_533, vec![0x81, 126, 255, 255]),
            (65_534, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = Frame::json(&"x".repeat(length)).0;
            assert!(frame.starts_with(&head), "{length}");
            assert_eq!(frame.len(), head.len() + length + 2);
        }
    }

    #[test]
    fn control_frames_keep_to_their_limit() {
        assert_eq!(&Frame::ping().0[..], b"\x89\x00");
        assert_eq!(&Frame::pong(b"abc").0[..], b"\x8a\x03abc");
        assert_eq!(&Frame::close(4001, "no").0[..], b"\x88\x04\x0f\xa1no");
        assert_eq!(Frame::close(4001, &"x".repeat(200)).0.len(), 127);
        assert_eq!(Frame::pong(&[0; 200]).0.len(), 127);
    }
}
