//! Takes secrets out of what a client API answered. Some echo what they were sent, and a trial shows what they say.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// What stands in the place of a secret.
pub const HIDDEN: &str = "***";

/// Every spelling of every secret.
#[derive(Clone)]
pub struct Scrub {
    needles: Vec<Needle>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Needle {
    /// In ASCII lower case.
    text: String,
    /// A user name may be part of a word that means something else.
    is_word: bool,
}

impl Scrub {
    /// Of these credentials.
    pub fn of(credentials: &[Map<String, Value>]) -> Self {
        let mut needles = Vec::new();
        for map in credentials {
            for (name, value) in map.iter().filter(|it| it.0 != "api_key_header") {
                collect(value, name == "username", &mut needles);
            }
            let member = |name: &str| map.get(name).and_then(Value::as_str);
            if let Some(username) = member("username") {
                let pair = format!("{username}:{}", member("password").unwrap_or_default());
                spell(&pair, false, &mut needles);
            }
        }
        // The longest first: one secret may be the beginning of another.
        needles.sort_by(|one, other| (other.text.len(), other).cmp(&(one.text.len(), one)));
        needles.dedup();
        Self { needles }
    }

    /// `text` without them.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for needle in &self.needles {
            text = needle.cut_from(text);
        }
        text
    }

    /// The same, at most `most` characters of it. Cut last: half a secret is not found any more.
    pub fn cut(&self, text: &str, most: usize) -> String {
        let text = self.text(text);
        match text.char_indices().nth(most) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

impl Needle {
    fn cut_from(&self, text: String) -> String {
        // Of the same length, byte by byte.
        let lower = text.to_ascii_lowercase();
        if !lower.contains(&self.text) {
            return text;
        }
        let mut kept = String::with_capacity(text.len());
        let mut end = 0;
        for (start, found) in lower.match_indices(&self.text) {
            let behind = start + found.len();
            if self.is_word && !is_alone(&lower, start, behind) {
                continue;
            }
            kept.push_str(&text[end..start]);
            kept.push_str(HIDDEN);
            end = behind;
        }
        kept.push_str(&text[end..]);
        kept
    }
}

fn is_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    ![before, after]
        .into_iter()
        .flatten()
        .any(char::is_alphanumeric)
}

/// Other programs keep more than texts.
fn collect(value: &Value, is_word: bool, needles: &mut Vec<Needle>) {
    match value {
        Value::String(text) => spell(text, is_word, needles),
        Value::Number(number) => spell(&number.to_string(), is_word, needles),
        Value::Array(list) => list.iter().for_each(|it| collect(it, is_word, needles)),
        Value::Object(map) => map.values().for_each(|it| collect(it, is_word, needles)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// As it is, as JSON has it, as addresses have it, and as HTTP Basic has it.
fn spell(secret: &str, is_word: bool, needles: &mut Vec<Needle>) {
    let json = Value::from(secret).to_string();
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let spellings = [
        secret.to_owned(),
        secret.trim().to_owned(),
        json.trim_matches('"').to_owned(),
        form.replace('+', "%20"),
        form,
        BASE64_STANDARD_NO_PAD.encode(secret),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
    ];
    needles.extend(
        spellings
            .into_iter()
            .filter(|it| !it.is_empty())
            .map(|it| Needle {
                text: it.to_ascii_lowercase(),
                is_word,
            }),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scrub(credentials: &Value) -> Scrub {
        Scrub::of(&[credentials.as_object().unwrap().clone()])
    }

    #[test]
    fn no_spelling_of_a_secret_stays() {
        let scrub = scrub(&json!({"token": "s3cret/\"+ x"}));
        for spelled in [
            "Bearer s3cret/\"+ x!",
            "S3CRET/\"+ X",
            r#"{"echo": "s3cret/\"+ x"}"#,
            "?token=s3cret%2F%22%2B+x&",
            "?token=s3cret%2F%22%2B%20x&",
            "czNjcmV0LyIrIHg=",
            "czNjcmV0LyIrIHg",
        ] {
            let shown = scrub.text(spelled);
            assert!(shown.contains(HIDDEN), "{shown}");
            assert!(!shown.to_lowercase().contains("s3cret"), "{shown}");
            assert!(!shown.contains("czNjc"), "{shown}");
        }
    }

    #[test]
    fn a_pair_is_found_as_a_header_has_it_and_a_name_only_where_it_stands_alone() {
        let scrub = scrub(&json!({"username": "ana", "password": "hunter2"}));
        assert_eq!(scrub.text("Basic YW5hOmh1bnRlcjI="), "Basic ***=");
        assert_eq!(
            scrub.text("ana, Anabel and banana: hunter2"),
            "***, Anabel and banana: ***"
        );
    }

    #[test]
    fn a_secret_that_begins_like_another_leaves_no_rest_and_a_cut_no_half() {
        let both = [json!({"token": "abcd"}), json!({"token": "abcdefgh"})];
        let both: Vec<_> = both
            .iter()
            .map(|it| it.as_object().unwrap().clone())
            .collect();
        assert_eq!(Scrub::of(&both).text("abcdefgh abcd"), "*** ***");
        let long = "k".repeat(300);
        let scrub = scrub(&json!({"api_key": long}));
        assert_eq!(scrub.cut(&format!("a {long} b"), 100), "a *** b");
        assert_eq!(scrub.cut("äöü", 2), "äö…");
    }

    #[test]
    fn the_name_of_a_header_is_no_secret() {
        let scrub = scrub(&json!({"api_key": "key-1", "api_key_header": "X-Client"}));
        assert_eq!(scrub.text("x-client: key-1"), "x-client: ***");
    }
}
