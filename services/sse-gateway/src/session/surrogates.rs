//! Halves of characters in JSON. Programs whose texts are UTF-16 cut them anywhere and escape what is left, `\ud83d`;
//! such JSON is sound for them and for nobody else. Each half becomes U+FFFD, as on its way through the predecessor.

/// Bytes of an escape.
const ESCAPE: usize = r"\u0000".len();
const REPLACEMENT: &[u8] = br"\ufffd";

/// `json` with its halves replaced; `None` where it has none.
pub fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let (mut text, mut at) = (json.to_vec(), 0);
    let mut found = false;
    while let Some(next) = text.get(at..).and_then(|rest| position(rest, b'\\')) {
        at += next;
        match (unit(&text, at), unit(&text, at + ESCAPE)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => at += 2 * ESCAPE,
            (Some(0xD800..0xE000), _) => {
                text[at..at + ESCAPE].copy_from_slice(REPLACEMENT);
                found = true;
                at += ESCAPE;
            }
            // What is escaped is no beginning of an escape.
            _ => at += 2,
        }
    }
    found.then_some(text)
}

fn position(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|other| *other == byte)
}

/// The UTF-16 unit that an escape at `at` stands for.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + ESCAPE)?.strip_prefix(br"\u")?;
    let sound = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| sound)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_halves_of_characters_are_replaced() {
        for (sent, read) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""a\uDE00b""#, Some(r#""a\ufffdb""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\n""#, Some(r#""\ufffd\n""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\u00e9 \ud83""#, None),
            (r#""\"#, None),
            ("{}", None),
        ] {
            let mended = mended(sent.as_bytes());
            assert_eq!(mended.as_deref(), read.map(str::as_bytes), "{sent}");
        }
    }

    proptest! {
        #[test]
        fn what_any_utf_16_program_writes_can_be_read(units in prop::collection::vec(any::<u16>(), 0..20)) {
            let escape = |text: String, unit: &u16| text + &format!("\\u{unit:04x}");
            let escaped = units.iter().fold(String::new(), escape);
            let json = format!("\"{escaped}\"");
            let json = mended(json.as_bytes()).unwrap_or(json.into_bytes());
            let read: String = serde_json::from_slice(&json).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
