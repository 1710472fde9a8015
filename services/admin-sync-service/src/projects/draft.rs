//! What may be written of an integration: each field by its own rule, then all of it laid over what is stored.

use client_api::{Ask, Integration, Reading, StoredIntegration};
use farol_core::status::{Mapping, Status};
use serde_json::{Map, Value};

use super::address::{Origin, base_url, endpoint};
use super::credentials::{KINDS, judged, needs};
use super::error::{ProjectError, WrongField};
use super::integration::{fresh, has_credentials};
use super::members::{Members, Said, wrong};

/// Bytes of a mapping as JSON, its words, and characters of each.
const LARGEST_MAPPING: usize = 64 * 1024;
const MOST_WORDS: usize = 2000;
const LONGEST_WORD: usize = 200;
/// Complaints about one mapping that are told.
const MOST_COMPLAINTS: usize = 10;
/// What a view has and nobody writes.
const READ_ONLY: [&str; 7] = [
    "has_credentials",
    "last_sync_at",
    "sync_status",
    "sync_error",
    "created_at",
    "updated_at",
    "complaints",
];

/// What was said about each field. Never printed: it may hold credentials.
pub struct IntegrationDraft {
    api_base_url: Said<String>,
    status_endpoint: Said<String>,
    auth_type: Said<String>,
    auth_credentials: Said<Map<String, Value>>,
    status_mapping: Said<Value>,
    unmapped_status: Said<String>,
    update_method: Said<String>,
    polling_interval_seconds: Said<i32>,
    timeout_seconds: Said<i32>,
    retry_count: Said<i32>,
    wrong: Vec<WrongField>,
}

/// What becomes of the credentials.
#[derive(Clone, PartialEq)]
pub enum Fate {
    /// They stay; there may be none.
    Kept,
    /// There are none any more.
    Cleared,
    /// These are new.
    Given(Map<String, Value>),
}

/// A draft over what is stored.
pub struct Laid {
    /// The row as it would be.
    pub stored: StoredIntegration,
    /// The names of what would differ.
    pub changed: Vec<&'static str>,
    /// What becomes of the credentials.
    pub credentials: Fate,
    /// Another origin would be asked than the one that stored credentials were given for.
    pub is_moved: bool,
    /// Everything that is wrong.
    pub wrong: Vec<WrongField>,
}

impl IntegrationDraft {
    /// Reads a body. What is wrong with its fields is told when it is laid over what is stored.
    ///
    /// # Errors
    /// [`ProjectError`] for what is no object.
    pub fn parse(body: &[u8]) -> Result<Self, ProjectError> {
        let mut members = Members::of_body(body)?;
        let mut draft = Self {
            api_base_url: members.text("api_base_url", base_url),
            status_endpoint: members.text("status_endpoint", endpoint),
            auth_type: members.text("auth_type", |it| one_of(it, &KINDS)),
            auth_credentials: members.take("auth_credentials", |it| match it {
                Value::Object(map) => Ok(map),
                _ => Err("must be an object, or null".to_owned()),
            }),
            status_mapping: members.take("status_mapping", Ok),
            unmapped_status: members.text("unmapped_status", |it| {
                one_of(it, &Status::ALL.map(Status::as_str))
            }),
            update_method: members.text("update_method", |it| one_of(it, &["polling"])),
            polling_interval_seconds: members.number("polling_interval_seconds", 1..=300),
            timeout_seconds: members.number("timeout_seconds", 1..=60),
            retry_count: members.number("retry_count", 0..=10),
            wrong: Vec::new(),
        };
        if let Said::Value(mapping) = &draft.status_mapping {
            for rule in broken_rules(mapping) {
                members.refuse("status_mapping", &rule);
            }
        }
        draft.wrong = members.finish();
        for problem in &mut draft.wrong {
            if READ_ONLY.contains(&problem.field.as_str()) {
                "is read only".clone_into(&mut problem.rule);
            }
        }
        Ok(draft)
    }

    /// The draft over `current`, `None` where there is no row.
    pub fn onto(self, current: Option<&StoredIntegration>, reading: &Reading) -> Laid {
        let before = current.cloned().unwrap_or_else(fresh);
        let mut stored = before.clone();
        let defaults = fresh();
        lay(&mut stored.api_base_url, self.api_base_url, None);
        lay(&mut stored.status_endpoint, self.status_endpoint, None);
        lay(&mut stored.auth_type, self.auth_type, defaults.auth_type);
        let mapping = match self.status_mapping {
            Said::Value(mapping) => Said::Value(mapping.to_string()),
            Said::Null => Said::Null,
            Said::Nothing => Said::Nothing,
        };
        lay(&mut stored.status_mapping, mapping, defaults.status_mapping);
        lay(&mut stored.unmapped_status, self.unmapped_status, None);
        lay(
            &mut stored.update_method,
            self.update_method,
            defaults.update_method,
        );
        let interval = &mut stored.polling_interval_seconds;
        lay(
            interval,
            self.polling_interval_seconds,
            defaults.polling_interval_seconds,
        );
        let timeout = &mut stored.timeout_seconds;
        lay(timeout, self.timeout_seconds, defaults.timeout_seconds);
        lay(
            &mut stored.retry_count,
            self.retry_count,
            defaults.retry_count,
        );
        let mut problems = self.wrong;
        let credentials = settle(&mut stored, self.auth_credentials, reading, &mut problems);
        if credentials == Fate::Kept
            && stored.auth_type != before.auth_type
            && !problems.iter().any(|it| it.field.starts_with("auth_"))
        {
            problems.extend(unfit(&stored, reading));
        }
        Laid {
            changed: different(&before, &stored),
            is_moved: is_moved(&before, &stored),
            stored,
            credentials,
            wrong: problems,
        }
    }
}

impl Laid {
    /// Stored credentials would go along to another origin.
    pub fn takes_credentials_along(&self) -> bool {
        let stored = self.stored.auth_credentials.as_deref();
        self.credentials == Fate::Kept && self.is_moved && has_credentials(stored)
    }
}

fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("must be {}", words.join(", ")))
}

fn lay<T>(column: &mut Option<T>, said: Said<T>, default: Option<T>) {
    match said {
        Said::Nothing => {}
        Said::Null => *column = default,
        Said::Value(value) => *column = Some(value),
    }
}

/// Writes new credentials, sealed, or takes them away.
fn settle(
    stored: &mut StoredIntegration,
    said: Said<Map<String, Value>>,
    reading: &Reading,
    problems: &mut Vec<WrongField>,
) -> Fate {
    let given = match said {
        Said::Nothing => return Fate::Kept,
        Said::Value(given) if !given.is_empty() => given,
        Said::Value(_) | Said::Null => {
            stored.auth_credentials = None;
            return Fate::Cleared;
        }
    };
    let kind = stored.auth_type.as_deref().unwrap_or("none");
    if kind == "none" {
        let rule = "must be null or {} where auth_type is none";
        problems.push(wrong("auth_credentials", rule));
        return Fate::Kept;
    }
    if !KINDS.contains(&kind) {
        problems.push(wrong("auth_type", &format!("must be {}", KINDS.join(", "))));
        return Fate::Kept;
    }
    match judged(kind, given) {
        Ok(given) => {
            stored.auth_credentials = Some(reading.vault.seal(&given));
            Fate::Given(given)
        }
        Err(found) => {
            problems.extend(found);
            Fate::Kept
        }
    }
}

/// Another kind of credentials than those that are stored: every request would fail.
fn unfit(stored: &StoredIntegration, reading: &Reading) -> Option<WrongField> {
    let addressed = StoredIntegration {
        api_base_url: Some("http://localhost".to_owned()),
        status_endpoint: Some("/".to_owned()),
        ..stored.clone()
    };
    let kind = stored.auth_type.as_deref().unwrap_or("none");
    let read = Integration::read(Some(&addressed), reading);
    matches!(read.ask, Ask::Broken(_)).then(|| {
        let rule = format!("must be given for auth_type {kind}: {}", needs(kind));
        wrong("auth_credentials", &rule)
    })
}

fn is_moved(before: &StoredIntegration, after: &StoredIntegration) -> bool {
    let origin = |it: &StoredIntegration| {
        Origin::of(it.api_base_url.as_deref(), it.status_endpoint.as_deref())
    };
    let after = origin(after);
    after.is_some() && origin(before) != after
}

fn different(before: &StoredIntegration, after: &StoredIntegration) -> Vec<&'static str> {
    let numbers = (
        before.polling_interval_seconds != after.polling_interval_seconds,
        before.timeout_seconds != after.timeout_seconds,
        before.retry_count != after.retry_count,
    );
    [
        ("api_base_url", before.api_base_url != after.api_base_url),
        (
            "status_endpoint",
            before.status_endpoint != after.status_endpoint,
        ),
        ("auth_type", before.auth_type != after.auth_type),
        (
            "auth_credentials",
            before.auth_credentials != after.auth_credentials,
        ),
        ("status_mapping", json(before) != json(after)),
        (
            "unmapped_status",
            before.unmapped_status != after.unmapped_status,
        ),
        ("update_method", before.update_method != after.update_method),
        ("polling_interval_seconds", numbers.0),
        ("timeout_seconds", numbers.1),
        ("retry_count", numbers.2),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// Postgres writes a mapping with other blanks, and its members in another order.
fn json(stored: &StoredIntegration) -> Result<Option<Value>, &str> {
    let text = stored.status_mapping.as_deref();
    let parsed = text.map(|text| serde_json::from_str(text).map_err(|_| text));
    parsed.transpose()
}

fn broken_rules(mapping: &Value) -> Vec<String> {
    if mapping.to_string().len() > LARGEST_MAPPING {
        return vec![format!("must have at most {LARGEST_MAPPING} bytes")];
    }
    let lists = mapping.as_object().into_iter().flat_map(|it| it.values());
    let words = lists.filter_map(Value::as_array).flatten();
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    if words.len() > MOST_WORDS {
        return vec![format!("must have at most {MOST_WORDS} words")];
    }
    let mut broken: Vec<String> = Vec::new();
    if words.iter().any(|it| it.chars().count() > LONGEST_WORD) {
        broken.push(format!(
            "must have words of at most {LONGEST_WORD} characters"
        ));
    }
    if words.iter().any(|it| it.contains('\0')) {
        broken.push("must not contain NUL".to_owned());
    }
    let (_, complaints) = Mapping::overlaid(mapping, Status::Available);
    let told = complaints.iter().take(MOST_COMPLAINTS);
    broken.extend(told.map(|it| {
        let told: String = it.to_string().chars().take(300).collect();
        format!("is refused: {told}")
    }));
    broken
}
