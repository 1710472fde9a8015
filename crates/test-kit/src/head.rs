//! The head of an HTTP/1.1 answer, read strictly: what a lenient client would forgive is a failure.

use std::collections::BTreeMap;

/// Status and headers of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    headers: BTreeMap<String, Vec<String>>,
}

impl Head {
    /// A header's value by any-case name; panics when it came more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.all(name) {
            [] => None,
            [one] => Some(one),
            several => panic!("header {name} came {} times: {several:?}", several.len()),
        }
    }

    /// Every value of a header, in order.
    pub fn all(&self, name: &str) -> &[String] {
        let values = self.headers.get(&name.to_ascii_lowercase());
        values.map_or(&[], Vec::as_slice)
    }

    /// The head at the start of `bytes` and its length; `None` while it is incomplete.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut answer = httparse::Response::new(&mut fields);
        let status = answer.parse(bytes).unwrap_or_else(|error| {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
            panic!("this is no HTTP answer ({error}): {text:?}")
        });
        let httparse::Status::Complete(size) = status else {
            return None;
        };
        // 0 is HTTP/1.0, in which old clients are answered.
        assert!(
            matches!(answer.version, Some(0 | 1)),
            "the answer is not HTTP/1"
        );
        let mut headers = BTreeMap::<String, Vec<String>>::new();
        for field in answer.headers.iter() {
            let value = std::str::from_utf8(field.value).expect("header values are text");
            let values = headers.entry(field.name.to_ascii_lowercase()).or_default();
            values.push(value.to_owned());
        }
        let status = answer.code.expect("a complete head has a status");
        Some((Self { status, headers }, size))
    }
}
