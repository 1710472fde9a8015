//! Turns the text of each setting into its type and keeps every complaint.

use std::collections::BTreeMap;

use crate::http_client::shown;

use super::{Field, Overrides, ServiceSettings, Setting};

/// What the examples in `deploy/` have in place of a value of one's own. Everybody can read it there, so it is no secret.
const PLACEHOLDER: &str = "CHANGE-ME";

/// One value as it was found. No Debug, here and wherever values are not yet told apart: it would print secrets.
pub(super) struct Found {
    pub(super) text: String,
    /// Where it stood, for the complaint: a file, the environment, a flag.
    pub(super) origin: String,
}

/// Reads fields one after the other. A complaint does not stop it: the operator gets them all at once.
pub struct Reader<'a> {
    found: &'a BTreeMap<String, Found>,
    overrides: Overrides,
    complaints: Vec<String>,
    /// What is required may be missing: for `Default`.
    lenient: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(found: &'a BTreeMap<String, Found>, overrides: Overrides) -> Self {
        Self {
            found,
            overrides,
            complaints: Vec::new(),
            lenient: false,
        }
    }

    /// The field `key` of `fields`, or a complaint and `None`.
    pub fn read<T: Setting>(&mut self, fields: &[Field], key: &str) -> Option<T> {
        let field = fields.iter().find(|field| field.key == key)?;
        let found = self.found.get(key).filter(|found| !found.text.is_empty());
        let default = field
            .default_under(self.overrides)
            .or(self.lenient.then_some(""));
        let Some(text) = found.map(|found| found.text.as_str()).or(default) else {
            self.complaints.push(format!(
                "{} is required: {}",
                field.env(),
                (field.rule)(field)
            ));
            return None;
        };
        let origin = found.map_or("the built-in default", |found| found.origin.as_str());
        if text.contains(PLACEHOLDER) {
            self.complaints.push(format!(
                "{} still has {PLACEHOLDER} in it: put a value of your own there (from {origin})",
                field.env()
            ));
            return None;
        }
        let value = T::parse(field, text.trim());
        if value.is_none() {
            self.complaints.push(complaint::<T>(field, text, origin));
        }
        value
    }

    /// Takes over what a rule between fields says.
    pub fn check(&mut self, verdict: Result<(), String>) -> Option<()> {
        // Defaults alone may lack what a rule between fields asks of a whole configuration.
        if self.lenient {
            return Some(());
        }
        verdict.map_err(|text| self.complaints.push(text)).ok()
    }

    pub(super) fn into_complaints(self) -> Vec<String> {
        self.complaints
    }

    /// The declared defaults of one concern.
    #[doc(hidden)]
    pub fn declared<T>(read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> T {
        Self::defaults(&[], read)
    }

    /// The defaults of one binary.
    #[doc(hidden)]
    pub fn declared_for<S: ServiceSettings>() -> S {
        Self::defaults(S::OVERRIDES, S::read)
    }

    fn defaults<T>(overrides: Overrides, read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> T {
        let nothing = BTreeMap::new();
        let mut reader = Reader {
            lenient: true,
            ..Reader::new(&nothing, overrides)
        };
        match read(&mut reader) {
            Some(value) => value,
            None => unreachable!(
                "a declared default breaks its own rule: {:?}",
                reader.complaints
            ),
        }
    }
}

fn complaint<T: Setting>(field: &Field, text: &str, origin: &str) -> String {
    let (name, rule) = (field.env(), (field.rule)(field));
    if T::SECRET {
        format!("{name} must be {rule} (from {origin}; the value is secret)")
    } else {
        let text = if text.contains('@') {
            shown(text)
        } else {
            text.to_owned()
        };
        format!("{name} must be {rule}, not {text:?} (from {origin})")
    }
}
