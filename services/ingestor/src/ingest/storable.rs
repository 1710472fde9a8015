//! Makes any JSON text one that Postgres takes as `jsonb`. The two differ where it hurts: `\u0000`, half of a
//! surrogate pair, absurd numbers and absurd nesting are JSON, but abort the transaction of the whole page.

use std::borrow::Cow;

/// Deeper nesting is no record; Postgres gives up at some thousand levels.
const DEEPEST: usize = 64;

/// A number token with more characters, or more digits in its exponent, may be beyond `numeric`.
const LONGEST_NUMBER: usize = 300;
const LONGEST_EXPONENT: usize = 3;

/// `json` (valid JSON) for `jsonb`: itself, or with U+FFFD for the characters that Postgres refuses.
///
/// # Errors
/// A reason, where no small change would do.
pub(super) fn as_jsonb(json: &str) -> Result<Cow<'_, str>, &'static str> {
    let mut scan = Scan {
        json,
        at: 0,
        depth: 0,
        refused: Vec::new(),
    };
    scan.run()?;
    Ok(mended(json, &scan.refused))
}

/// Like [`as_jsonb`]; what cannot be mended becomes one JSON text that holds it.
pub(super) fn always(json: &str) -> Cow<'_, str> {
    as_jsonb(json).unwrap_or_else(|_| Cow::Owned(serde_json::Value::from(json).to_string()))
}

struct Scan<'a> {
    json: &'a str,
    at: usize,
    depth: usize,
    /// Where the `\uXXXX` stand that Postgres refuses.
    refused: Vec<usize>,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), &'static str> {
        let bytes = self.json.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => self.skip_text(bytes),
                b'-' | b'0'..=b'9' => self.skip_number(bytes)?,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            if self.depth > DEEPEST {
                return Err("it is nested too deeply");
            }
        }
        Ok(())
    }

    /// Past the closing quote.
    fn skip_text(&mut self, bytes: &[u8]) {
        self.at += 1;
        while let Some(found) = special(bytes.get(self.at..).unwrap_or_default()) {
            self.at += found;
            if bytes[self.at] == b'"' {
                self.at += 1;
                return;
            }
            self.at += self.escape(&bytes[self.at..]);
        }
        self.at = bytes.len();
    }

    /// The length of the escape that `rest` begins with; notes it where Postgres refuses it.
    fn escape(&mut self, rest: &[u8]) -> usize {
        match code_unit(rest) {
            None => 2,
            Some(0xD800..=0xDBFF)
                if matches!(rest.get(6..).and_then(code_unit), Some(0xDC00..=0xDFFF)) =>
            {
                12
            }
            Some(0 | 0xD800..=0xDFFF) => {
                self.refused.push(self.at);
                6
            }
            Some(_) => 6,
        }
    }

    fn skip_number(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let rest = &bytes[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let token = &rest[..rest.iter().take_while(|byte| is_part(byte)).count()];
        let exponent = token.iter().rev().take_while(|byte| byte.is_ascii_digit());
        let has_exponent = token.iter().any(|byte| matches!(byte, b'e' | b'E'));
        if token.len() > LONGEST_NUMBER || has_exponent && exponent.count() > LONGEST_EXPONENT {
            return Err("it holds a number beyond numeric");
        }
        self.at += token.len();
        Ok(())
    }
}

/// Where the text ends or an escape begins.
fn special(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'))
}

/// The value of a `\uXXXX` at the start of `bytes`.
fn code_unit(bytes: &[u8]) -> Option<u16> {
    let hex = bytes.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

fn mended<'a>(json: &'a str, refused: &[usize]) -> Cow<'a, str> {
    if refused.is_empty() {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let mut from = 0;
    for at in refused {
        text.push_str(&json[from..*at]);
        text.push_str("\\ufffd");
        from = at + 6;
    }
    text.push_str(&json[from..]);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests;
