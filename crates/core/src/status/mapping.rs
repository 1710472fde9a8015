//! From a client's word to one of the five statuses: the built-in words and an integration's
//! own mapping laid over them. Counting what no mapping knows is done in `normalize`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Status;

/// Words known without any configuration (docs/API.md, "Statuses"), in canonical form.
const BUILTIN: [(Status, &[&str]); 5] = [
    (
        Status::Available,
        &["available", "open", "free", "for_sale"],
    ),
    (
        Status::Reserved,
        &["reserved", "held", "hold", "on_hold", "pending"],
    ),
    (Status::Sold, &["sold", "purchased", "closed"]),
    (
        Status::Hidden,
        &[
            "hidden",
            "disabled",
            "inactive",
            "unavailable",
            "not_for_sale",
            "blocked",
            "maintenance",
        ],
    ),
    (Status::Unreleased, &["unreleased", "coming_soon", "future"]),
];

/// Which status a client's word means, and what becomes of words that nobody mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Keyed by [`canonical_word`].
    words: BTreeMap<Box<str>, Status>,
    unmapped: Status,
}

/// Why a part of an integration's `status_mapping` was left out. Where mappings are written it
/// is a reason to refuse; where they are read it is reported and the rest is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingComplaint {
    /// The whole column is something else than `{"<status>": ["<client value>", …]}`.
    #[error("the mapping is not an object of lists")]
    NotAnObject,
    /// A key that is none of the five statuses, compared exactly.
    #[error("`{key}` is not a status")]
    UnknownStatus {
        /// The key as written.
        key: String,
    },
    /// The value of a status is not a list.
    #[error("the values of `{status}` are not a list")]
    NotAList {
        /// The status whose values were left out.
        status: Status,
    },
    /// An entry of a list is not text, or is blank: a missing status stays unmapped.
    #[error("`{status}` lists a value that is not text, or blank")]
    NotAWord {
        /// The status under which it was found.
        status: Status,
    },
    /// One client value under two statuses. Neither is believed: a built-in meaning applies.
    #[error("`{word}` is listed under `{first}` and `{second}`")]
    Ambiguous {
        /// The value in canonical form.
        word: String,
        /// The status that listed it first, in the order of [`Status::ALL`].
        first: Status,
        /// Another status that lists it.
        second: Status,
    },
}

impl Mapping {
    /// The built-in words alone.
    pub fn builtin(unmapped: Status) -> Self {
        let words = BUILTIN
            .iter()
            .flat_map(|(status, words)| words.iter().map(|word| (Box::from(*word), *status)))
            .collect();
        Self { words, unmapped }
    }

    /// The built-in words with an integration's `status_mapping` (a JSON column; null = none)
    /// laid over them: a custom word wins over a built-in one. Total: what cannot be used is
    /// left out and returned as complaints.
    pub fn overlaid(custom: &Value, unmapped: Status) -> (Self, Vec<MappingComplaint>) {
        let mut mapping = Self::builtin(unmapped);
        let mut complaints = Vec::new();
        match custom {
            Value::Null => {}
            Value::Object(lists) => {
                complaints.extend(unknown_keys(lists));
                let words = custom_words(lists, &mut complaints);
                mapping.words.extend(words);
            }
            _ => complaints.push(MappingComplaint::NotAnObject),
        }
        (mapping, complaints)
    }

    /// The status that `word` is mapped to, compared in canonical form; None = unmapped.
    pub fn resolve(&self, word: &str) -> Option<Status> {
        self.words.get(canonical_word(word).as_ref()).copied()
    }

    /// What unmapped words become.
    pub fn unmapped(&self) -> Status {
        self.unmapped
    }
}

fn unknown_keys(
    lists: &serde_json::Map<String, Value>,
) -> impl Iterator<Item = MappingComplaint> + '_ {
    lists
        .keys()
        .filter(|key| key.parse::<Status>().is_err())
        .map(|key| MappingComplaint::UnknownStatus { key: key.clone() })
}

/// The custom words that one status alone claims.
fn custom_words(
    lists: &serde_json::Map<String, Value>,
    complaints: &mut Vec<MappingComplaint>,
) -> Vec<(Box<str>, Status)> {
    let mut words = Vec::new();
    let claims = Vec::from_iter(claims(lists, complaints));
    for claimants in claims.chunk_by(|a, b| a.0 == b.0) {
        match claimants {
            [(word, first), (_, second), ..] => complaints.push(MappingComplaint::Ambiguous {
                word: word.to_string(),
                first: *first,
                second: *second,
            }),
            _ => words.extend_from_slice(claimants),
        }
    }
    words
}

/// Every word with every status that lists it: sorted, so that neither the outcome nor the order
/// of complaints depends on the order in the column.
fn claims(
    lists: &serde_json::Map<String, Value>,
    complaints: &mut Vec<MappingComplaint>,
) -> BTreeSet<(Box<str>, Status)> {
    let mut claims = BTreeSet::new();
    for status in Status::ALL {
        let entries = match lists.get(status.as_str()) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(entries)) => entries,
            Some(_) => {
                complaints.push(MappingComplaint::NotAList { status });
                continue;
            }
        };
        for entry in entries {
            match entry.as_str().map(canonical_word) {
                Some(word) if !word.is_empty() => {
                    claims.insert((word.into(), status));
                }
                _ => complaints.push(MappingComplaint::NotAWord { status }),
            }
        }
    }
    claims
}

/// The form in which words are compared: trimmed, lower-cased (Unicode), and every run of white
/// space, `-` and `_` inside is one `_`. So `"On  Hold"`, `"on-hold"` and `"ON_HOLD"` are one
/// word. Borrowed when the word is canonical as it stands, which is the usual case.
pub fn canonical_word(word: &str) -> Cow<'_, str> {
    let trimmed = word.trim();
    if is_canonical_ascii(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    // The whole text is lower-cased at once, not char by char: a final sigma needs its context.
    let mut canonical = String::with_capacity(trimmed.len());
    for letter in trimmed.to_lowercase().chars() {
        if !is_separator(letter) {
            canonical.push(letter);
        } else if !canonical.ends_with('_') {
            canonical.push('_');
        }
    }
    Cow::Owned(canonical)
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || letter == '-' || letter == '_'
}

fn is_canonical_ascii(word: &str) -> bool {
    let mut after_separator = false;
    word.bytes().all(|byte| {
        let doubled = byte == b'_' && after_separator;
        after_separator = byte == b'_';
        !doubled && byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b'-'
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_compared_without_regard_to_case_edges_and_separators() {
        for (written, canonical) in [
            ("sold", "sold"),
            ("  SOLD\n", "sold"),
            ("For Sale", "for_sale"),
            ("for-sale", "for_sale"),
            ("for_sale", "for_sale"),
            ("for - sale", "for_sale"),
            ("for\u{a0}\tsale", "for_sale"),
            ("not__for--sale", "not_for_sale"),
            ("_sold", "_sold"),
            ("--", "_"),
            ("", ""),
            ("   ", ""),
            ("VENDIDO À VISTA", "vendido_à_vista"),
            ("ΟΔΟΣ", "οδος"),
            ("İ", "i\u{307}"),
        ] {
            assert_eq!(canonical_word(written), canonical, "{written:?}");
        }
    }

    #[test]
    fn a_word_that_is_canonical_already_is_borrowed() {
        assert!(matches!(
            canonical_word(" on_hold "),
            Cow::Borrowed("on_hold")
        ));
    }

    #[test]
    fn every_builtin_word_of_the_contract_is_known() {
        let table = [
            ("available open free for_sale", Status::Available),
            ("reserved held hold on_hold pending", Status::Reserved),
            ("sold purchased closed", Status::Sold),
            (
                "hidden disabled inactive unavailable not_for_sale blocked maintenance",
                Status::Hidden,
            ),
            ("unreleased coming_soon future", Status::Unreleased),
        ];
        let mapping = Mapping::builtin(Status::Available);
        for (words, status) in table {
            for word in words.split(' ') {
                assert_eq!(mapping.resolve(word), Some(status), "{word}");
                assert_eq!(
                    mapping.resolve(&word.to_uppercase().replace('_', "-")),
                    Some(status)
                );
            }
        }
        assert_eq!(mapping.words.len(), 22);
    }

    #[test]
    fn builtin_words_are_written_in_canonical_form() {
        for word in Mapping::builtin(Status::Hidden).words.keys() {
            assert_eq!(canonical_word(word), word.as_ref());
        }
    }

    #[test]
    fn a_custom_word_wins_over_a_builtin_one_and_the_others_stay() {
        let custom = json!({"reserved": ["Open", "In Talks"], "sold": []});
        let (mapping, complaints) = Mapping::overlaid(&custom, Status::Hidden);
        assert_eq!(complaints, []);
        assert_eq!(mapping.resolve("OPEN"), Some(Status::Reserved));
        assert_eq!(mapping.resolve("in-talks"), Some(Status::Reserved));
        assert_eq!(mapping.resolve("free"), Some(Status::Available));
        assert_eq!(mapping.resolve("nonsense"), None);
        assert_eq!(mapping.unmapped(), Status::Hidden);
    }

    #[test]
    fn a_value_under_two_statuses_is_reported_and_keeps_its_builtin_meaning() {
        let custom = json!({"sold": ["open", "gone"], "hidden": ["OPEN", "Gone"]});
        let (mapping, complaints) = Mapping::overlaid(&custom, Status::Available);
        let ambiguous = |word: &str| MappingComplaint::Ambiguous {
            word: word.to_owned(),
            first: Status::Sold,
            second: Status::Hidden,
        };
        assert_eq!(complaints, [ambiguous("gone"), ambiguous("open")]);
        assert_eq!(mapping.resolve("open"), Some(Status::Available));
        assert_eq!(mapping.resolve("gone"), None);
    }

    #[test]
    fn a_value_twice_under_one_status_is_no_complaint() {
        let custom = json!({"sold": ["gone", "Gone", "gone "]});
        assert_eq!(Mapping::overlaid(&custom, Status::Available).1, []);
    }

    #[test]
    fn whatever_is_not_a_list_of_words_is_reported_and_the_rest_is_used() {
        let custom = json!({
            "Available": ["a"], "vendido": ["b"],
            "reserved": "c", "hidden": null,
            "sold": ["gone", 7, "  ", null],
        });
        let (mapping, complaints) = Mapping::overlaid(&custom, Status::Available);
        let unknown = |key: &str| MappingComplaint::UnknownStatus {
            key: key.to_owned(),
        };
        let not_a_word = MappingComplaint::NotAWord {
            status: Status::Sold,
        };
        assert_eq!(
            complaints,
            [
                unknown("Available"),
                unknown("vendido"),
                MappingComplaint::NotAList {
                    status: Status::Reserved
                },
                not_a_word.clone(),
                not_a_word.clone(),
                not_a_word,
            ]
        );
        assert_eq!(mapping.resolve("gone"), Some(Status::Sold));
        assert_eq!(mapping.resolve("a"), None);
    }

    #[test]
    fn a_null_column_is_no_mapping_and_any_other_json_is_reported() {
        let builtin = Mapping::builtin(Status::Sold);
        assert_eq!(
            Mapping::overlaid(&Value::Null, Status::Sold),
            (builtin.clone(), vec![])
        );
        for custom in [json!([]), json!("open"), json!(1), json!(true)] {
            assert_eq!(
                Mapping::overlaid(&custom, Status::Sold),
                (builtin.clone(), vec![MappingComplaint::NotAnObject])
            );
        }
    }
}
