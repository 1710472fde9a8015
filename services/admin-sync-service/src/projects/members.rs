//! A JSON object of a request, member by member. Everything that is wrong is told at once, and a member that nobody
//! asked for is wrong too: a misspelt field that is passed over is a setting that somebody believes in.

use serde_json::{Map, Value};

use super::error::{ProjectError, WrongField};

/// Unknown members that are named, and characters of each name.
const MOST_UNKNOWN: usize = 20;
const MOST_NAME_CHARS: usize = 60;

/// The members that are left, and what was wrong with those that were taken.
#[derive(Debug)]
pub struct Members {
    left: Map<String, Value>,
    wrong: Vec<WrongField>,
    /// Before the names of members, where they are nested.
    within: &'static str,
}

/// What a client said about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<T> {
    /// Nothing: it stays.
    Nothing,
    /// Null: back to what it is by default.
    Null,
    /// This.
    Value(T),
}

impl Members {
    /// Those of a body; an empty one has none.
    ///
    /// # Errors
    /// [`ProjectError::NotJson`], or [`ProjectError::Fields`] for anything but an object.
    pub fn of_body(body: &[u8]) -> Result<Self, ProjectError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::of(Map::new(), ""));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(left)) => Ok(Self::of(left, "")),
            Ok(_) => Err(ProjectError::Fields(vec![wrong(
                "body",
                "must be an object",
            )])),
            Err(_) => Err(ProjectError::NotJson),
        }
    }

    /// Those of an object that is the member before the last dot of `within`.
    pub fn of(left: Map<String, Value>, within: &'static str) -> Self {
        let wrong = Vec::new();
        Self {
            left,
            wrong,
            within,
        }
    }

    /// What was said about `field`, as far as `judge` takes it; its error is the rule.
    pub fn take<T>(
        &mut self,
        field: &str,
        judge: impl FnOnce(Value) -> Result<T, String>,
    ) -> Said<T> {
        match self.left.remove(field) {
            None => Said::Nothing,
            Some(Value::Null) => Said::Null,
            Some(value) => match judge(value) {
                Ok(value) => Said::Value(value),
                Err(rule) => {
                    self.refuse(field, &rule);
                    Said::Nothing
                }
            },
        }
    }

    /// The same for a text.
    pub fn text<T>(
        &mut self,
        field: &str,
        judge: impl FnOnce(&str) -> Result<T, String>,
    ) -> Said<T> {
        self.take(field, |value| match value {
            Value::String(text) => judge(&text),
            _ => Err("must be a text".to_owned()),
        })
    }

    /// The same for a whole number of `bounds`.
    pub fn number(&mut self, field: &str, bounds: std::ops::RangeInclusive<i32>) -> Said<i32> {
        self.take(field, |value| {
            let number = value.as_i64().and_then(|it| i32::try_from(it).ok());
            let rule = || {
                let (least, most) = (bounds.start(), bounds.end());
                format!("must be a whole number, {least} to {most}")
            };
            number.filter(|it| bounds.contains(it)).ok_or_else(rule)
        })
    }

    /// One more thing that is wrong.
    pub fn refuse(&mut self, field: &str, rule: &str) {
        let field = format!("{}{field}", self.within);
        self.wrong.push(wrong(&field, rule));
    }

    /// Whether `field` was found wrong.
    pub fn is_refused(&self, field: &str) -> bool {
        self.wrong.iter().any(|it| it.field == field)
    }

    /// All that is wrong, members that nobody took included.
    pub fn finish(mut self) -> Vec<WrongField> {
        let names: Vec<String> = self.left.keys().take(MOST_UNKNOWN).cloned().collect();
        for name in names {
            let name: String = name.chars().take(MOST_NAME_CHARS).collect();
            self.refuse(&name, "is not known");
        }
        self.wrong
    }
}

/// A field and the rule that it breaks.
pub fn wrong(field: &str, rule: &str) -> WrongField {
    WrongField {
        field: field.to_owned(),
        rule: rule.to_owned(),
    }
}
