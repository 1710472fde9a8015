//! Finds which change a frame carries: the number behind the hyphen of `"version":"<epoch>-<n>"`
//! in its data. Event ids would not do: other servers make their own.

use memchr::memmem;

const NAME: &[u8] = b"\"version\"";

/// An incremental scanner; how the bytes are split over [`Markers::feed`] makes no difference.
#[derive(Debug, Default)]
pub(crate) struct Markers {
    /// The unfinished last line, mostly empty: frames end with a line end.
    line: Vec<u8>,
}

impl Markers {
    /// Calls `found` with every number, in order.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(u64)) {
        let Some(end) = memchr::memrchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            return;
        };
        let (whole, rest) = bytes.split_at(end + 1);
        if self.line.is_empty() {
            scan(whole, &mut found);
        } else {
            self.line.extend_from_slice(whole);
            scan(&self.line, &mut found);
            self.line = Vec::new();
        }
        self.line.extend_from_slice(rest);
    }
}

fn scan(lines: &[u8], found: &mut impl FnMut(u64)) {
    for at in memmem::find_iter(lines, NAME) {
        let value = lines.get(at + NAME.len()..).unwrap_or_default();
        if let Some(number) = number(value) {
            found(number);
        }
    }
}

/// `:"6f1c2a-41"` → 41.
fn number(value: &[u8]) -> Option<u64> {
    let value = value.strip_prefix(b":")?;
    let value = value.strip_prefix(b" ").unwrap_or(value);
    let value = value.strip_prefix(b"\"")?;
    let text = value.split(|byte| *byte == b'"').next()?;
    let digits = text.rsplit(|byte| *byte == b'-').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Markers;

    const STREAM: &[u8] = b"event: connected\ndata: {\"project\":\"x\"}\n\nid: ab-1\ndata: \
        {\"updates\":{},\"version\":\"ab-1\"}\n\ndata: {\"version\": \"ab-12\"}\n\n\
        data: {\"version\":\"none\"}\n\ndata: {\"versions\":\"a-3\",\"version\":7}\n\n";

    fn found(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u64> {
        let (mut markers, mut all) = (Markers::default(), Vec::new());
        pieces.for_each(|piece| markers.feed(&piece, |number| all.push(number)));
        all
    }

    #[test]
    fn the_number_of_every_version_is_found_and_nothing_else() {
        assert_eq!(found([STREAM.to_vec()].into_iter()), [1, 12]);
    }

    #[test]
    fn it_is_found_however_the_bytes_are_split() {
        for size in 1..STREAM.len() {
            assert_eq!(
                found(STREAM.chunks(size).map(<[u8]>::to_vec)),
                [1, 12],
                "pieces of {size}"
            );
        }
    }
}
