//! WebSocket framing (RFC 6455), as far as a client of small text messages needs it: what it sends,
//! and what of a server's bytes is which frame.

use crate::error::LoadError;

/// With a key of its own a client must know SHA-1; this pair is the example of RFC 6455, 1.3.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(super) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Any will do where nobody in between could be fooled.
const MASK: [u8; 4] = [0x46, 0x41, 0x52, 0x4f];
/// Far above what anybody sends here.
const MOST_PAYLOAD: usize = 1024 * 1024;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A frame of the server's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    /// With its code; 1005 where there is none.
    Close(u16),
}

/// Takes frames apart. Mostly they come whole, and nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a frame that is not whole yet.
    unread: Vec<u8>,
}

impl Frames {
    /// Hands on every frame that is whole by now.
    ///
    /// # Errors
    /// For what no server may send, or this load does not expect: masked, in pieces, binary, endless.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        if self.unread.is_empty() {
            let used = take(bytes, &mut each)?;
            self.unread.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        self.unread.extend_from_slice(bytes);
        let used = take(&self.unread, &mut each)?;
        self.unread.drain(..used);
        // Thousands of these are kept: an empty one should hold nothing.
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        Ok(())
    }
}

/// How many bytes were whole frames.
fn take(
    bytes: &[u8],
    each: &mut impl FnMut(Frame<'_>) -> Result<(), LoadError>,
) -> Result<usize, LoadError> {
    let mut used = 0;
    while let Some((opcode, start, end)) = extent(&bytes[used..])? {
        let payload = &bytes[used + start..used + end];
        match opcode {
            TEXT => each(Frame::Text(payload))?,
            PING => each(Frame::Ping(payload))?,
            CLOSE => {
                let code = payload
                    .first_chunk()
                    .map_or(1005, |code| u16::from_be_bytes(*code));
                each(Frame::Close(code))?;
            }
            other => return Err(unexpected(&format!("opcode {other}"))),
        }
        used += end;
    }
    Ok(used)
}

/// Opcode, and where the payload of the first frame begins and ends; none while it is not whole.
fn extent(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, LoadError> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0xf0 != FIN || second & MASKED != 0 {
        return Err(unexpected(&format!(
            "it begins with {first:#x} {second:#x}"
        )));
    }
    let (start, length) = match second {
        126 => match rest.first_chunk() {
            Some(length) => (4, usize::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => {
                let length = usize::try_from(u64::from_be_bytes(*length));
                (10, length.unwrap_or(usize::MAX))
            }
            None => return Ok(None),
        },
        short => (2, usize::from(*short)),
    };
    if length > MOST_PAYLOAD {
        return Err(unexpected(&format!("{length} bytes")));
    }
    let end = start + length;
    Ok((bytes.len() >= end).then_some((first & 0x0f, start, end)))
}

fn unexpected(what: &str) -> LoadError {
    LoadError::Unexpected(format!("no frame that is expected: {what}"))
}

/// Appends a text message.
pub(super) fn text(to: &mut Vec<u8>, message: &str) {
    send(to, TEXT, message.as_bytes());
}

/// Appends the answer to a ping.
pub(super) fn pong(to: &mut Vec<u8>, payload: &[u8]) {
    send(to, PONG, payload);
}

/// A payload of at most 125 bytes has the shortest head; a longer one is cut, which nobody sends.
fn send(to: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let payload = &payload[..payload.len().min(125)];
    let length = u8::try_from(payload.len()).unwrap_or(125);
    to.extend([FIN | opcode, MASKED | length]);
    to.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    to.extend(masked.map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text of 5, a ping, a text of 300, a close with 1001.
    fn wire() -> Vec<u8> {
        let mut wire = b"\x81\x05hello\x89\x01p\x81\x7e\x01\x2c".to_vec();
        wire.extend([b'x'; 300]);
        wire.extend(b"\x88\x02\x03\xe9");
        wire
    }

    fn shown(frame: &Frame<'_>) -> String {
        match frame {
            Frame::Text(text) => format!("{} bytes", text.len()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_split() {
        let wire = wire();
        for size in 1..wire.len() {
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for piece in wire.chunks(size) {
                let each = |frame: Frame<'_>| {
                    seen.push(shown(&frame));
                    Ok(())
                };
                frames.feed(piece, each).unwrap();
            }
            assert_eq!(seen, ["5 bytes", "Ping([112])", "300 bytes", "Close(1001)"]);
            assert!(frames.unread.is_empty());
        }
    }

    #[test]
    fn what_is_masked_in_pieces_or_endless_is_refused() {
        for wrong in [
            &b"\x81\x85abcdhello"[..],
            b"\x01\x05hello",
            b"\x82\x01x",
            b"\xc1\x05hello",
            b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert!(
                Frames::default().feed(wrong, |_| Ok(())).is_err(),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn what_is_sent_is_masked() {
        let mut sent = Vec::new();
        text(&mut sent, "hi");
        assert_eq!(sent[..6], [0x81, 0x82, 0x46, 0x41, 0x52, 0x4f]);
        assert_eq!([sent[6] ^ 0x46, sent[7] ^ 0x41], *b"hi");
    }
}
