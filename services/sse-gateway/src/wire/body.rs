//! Bodies: how long they are, and reading them whole, up to a cap.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A longer line inside of a chunked body is no HTTP; nor are more extensions and trailers together, which mean nothing.
const LONGEST_LINE: usize = 4096;
/// Room that is made ahead of what comes.
const STEP: usize = 16 * 1024;
/// Of the size of a chunk.
const MOST_DIGITS: usize = 8;

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    /// With the connection; answers only.
    ToEnd,
}

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadBody {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body is malformed")]
    Malformed,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Framing {
    /// Reads a body of at most `cap` bytes from `buffer` and, behind it, `io`. What follows it stays in `buffer`.
    pub async fn read<R: AsyncRead + Unpin>(
        self,
        io: &mut R,
        buffer: &mut BytesMut,
        cap: usize,
    ) -> Result<Bytes, BadBody> {
        match self {
            Self::None => Ok(Bytes::new()),
            Self::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                if length > cap {
                    return Err(BadBody::TooLarge);
                }
                fill(io, buffer, length).await?;
                Ok(buffer.split_to(length).freeze())
            }
            Self::Chunked => chunked(io, buffer, cap).await,
            Self::ToEnd => {
                while io.read_buf(buffer).await? > 0 {
                    if buffer.len() > cap {
                        return Err(BadBody::TooLarge);
                    }
                }
                Ok(buffer.split().freeze())
            }
        }
    }
}

async fn chunked<R: AsyncRead + Unpin>(
    io: &mut R,
    buffer: &mut BytesMut,
    cap: usize,
) -> Result<Bytes, BadBody> {
    let mut body = BytesMut::new();
    let mut beside = 0;
    loop {
        let line = line(io, buffer).await?;
        beside += line.len().saturating_sub(MOST_DIGITS);
        if beside > LONGEST_LINE {
            return Err(BadBody::Malformed);
        }
        let size = chunk_size(&line).ok_or(BadBody::Malformed)?;
        if size == 0 {
            break;
        }
        if size > cap - body.len() {
            return Err(BadBody::TooLarge);
        }
        fill(io, buffer, size + 2).await?;
        body.extend_from_slice(&buffer[..size]);
        buffer.advance(size);
        if !buffer.starts_with(b"\r\n") {
            return Err(BadBody::Malformed);
        }
        buffer.advance(2);
    }
    loop {
        let line = line(io, buffer).await?;
        beside += line.len();
        if line.is_empty() {
            return Ok(body.freeze());
        }
        if beside > LONGEST_LINE {
            return Err(BadBody::Malformed);
        }
    }
}

/// Hexadecimal digits, and an extension that means nothing to us.
fn chunk_size(line: &[u8]) -> Option<usize> {
    let size = line.split(|byte| *byte == b';').next()?.trim_ascii_end();
    let sound = (1..=MOST_DIGITS).contains(&size.len()) && size.iter().all(u8::is_ascii_hexdigit);
    let size = std::str::from_utf8(size).ok().filter(|_| sound)?;
    usize::from_str_radix(size, 16).ok()
}

/// A line, without its end. Only CRLF ends one: others disagree on a lone LF or CR.
async fn line<R: AsyncRead + Unpin>(
    io: &mut R,
    buffer: &mut BytesMut,
) -> Result<BytesMut, BadBody> {
    loop {
        if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let mut line = buffer.split_to(end + 1);
            line.truncate(end);
            if line.last() != Some(&b'\r') {
                return Err(BadBody::Malformed);
            }
            line.truncate(end - 1);
            if line.contains(&b'\r') {
                return Err(BadBody::Malformed);
            }
            return Ok(line);
        }
        if buffer.len() > LONGEST_LINE {
            return Err(BadBody::Malformed);
        }
        let wanted = buffer.len() + 1;
        fill(io, buffer, wanted).await?;
    }
}

/// Reads until `buffer` holds `wanted` bytes. Room is made as they come: a length that was only claimed costs nothing.
async fn fill<R: AsyncRead + Unpin>(
    io: &mut R,
    buffer: &mut BytesMut,
    wanted: usize,
) -> io::Result<()> {
    while buffer.len() < wanted {
        buffer.reserve((wanted - buffer.len()).min(STEP));
        if io.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use proptest::prelude::*;

    use super::*;

    /// Reads a chunked body that arrives in two parts.
    fn read(bytes: &[u8], cut: usize) -> Result<(Bytes, Vec<u8>), BadBody> {
        let (first, mut later) = bytes.split_at(cut.min(bytes.len()));
        let mut buffer = BytesMut::from(first);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let body = runtime.block_on(Framing::Chunked.read(&mut later, &mut buffer, 1_000))?;
        let behind = [&buffer[..], later].concat();
        Ok((body, behind))
    }

    #[test]
    fn a_length_that_is_only_claimed_takes_no_memory() {
        let (_writer, mut reader) = tokio::io::duplex(64);
        for begin in [&b""[..], b"fffff\r\n"] {
            let framing = if begin.is_empty() {
                Framing::Length(1_000_000)
            } else {
                Framing::Chunked
            };
            let mut buffer = BytesMut::from(begin);
            {
                let read = std::pin::pin!(framing.read(&mut reader, &mut buffer, 2_000_000));
                let mut context = Context::from_waker(Waker::noop());
                assert!(read.poll(&mut context).is_pending());
            }
            assert!(buffer.capacity() <= 2 * STEP, "{}", buffer.capacity());
        }
    }

    proptest! {
        #[test]
        fn chunks_of_any_size_are_put_together_and_what_follows_is_kept(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cut in 0..400_usize,
        ) {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:X};x=y\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\nTrailer: x\r\n\r\nnext");
            let (body, behind) = read(&bytes, cut).unwrap();
            prop_assert_eq!(&body[..], &chunks.concat()[..]);
            prop_assert_eq!(&behind[..], b"next");
        }

        #[test]
        fn any_bytes_are_a_body_or_none_and_never_a_panic(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r'), Just(b'1')], 0..300),
            cut in 0..300_usize,
        ) {
            if let Ok((body, _)) = read(&bytes, cut) {
                prop_assert!(body.len() <= 1_000);
            }
        }
    }
}
