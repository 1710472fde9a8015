//! What goes over the broker: a doorbell that names a run, or the forms in which other programs ask for one.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::instant::{Zone, local_text};
use super::mode::Mode;
use super::window::Window;

/// The version of the message that we write.
pub const VERSION: i64 = 1;

/// Longest text of [`Unusable::detail`], in characters: it goes into logs and headers.
const DETAIL_CHARS: usize = 200;

/// A message that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doorbell {
    /// Look at this run: the row says all else.
    Ring {
        /// The row.
        execution_id: i32,
        /// Its mode, so that the right slot is looked for before the row is.
        mode: Mode,
    },
    /// Another program asks for an update; there is no row yet.
    Update,
    /// Another program asks for a backfill; there is no row yet. The dates are as they came.
    Backfill {
        /// Where its window begins.
        data_ini: String,
        /// Where its window ends.
        data_fim: String,
    },
}

/// A message that nobody can read: it is put aside, never a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Unusable {
    /// One word: `not_json`, `unknown_shape`, `unknown_version` or `unknown_mode`.
    pub reason: &'static str,
    /// What was found, at most 200 characters.
    pub detail: String,
}

impl Unusable {
    fn new(reason: &'static str, detail: &dyn fmt::Display) -> Self {
        let detail = detail.to_string().chars().take(DETAIL_CHARS).collect();
        Self { reason, detail }
    }
}

/// The fields that mean something; a field of another name is nobody's business.
#[derive(Deserialize)]
struct Body {
    v: Option<i64>,
    execution_id: Option<i32>,
    mode: Option<String>,
    data_ini: Option<String>,
    data_fim: Option<String>,
}

impl Doorbell {
    /// Reads a message of any bytes.
    ///
    /// # Errors
    /// When it is none of the forms of docs/API.md.
    pub fn parse(body: &[u8]) -> Result<Self, Unusable> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::Update);
        }
        let value: Value =
            serde_json::from_slice(body).map_err(|error| Unusable::new("not_json", &error))?;
        let Value::Object(fields) = &value else {
            return Err(Unusable::new("unknown_shape", &"not a JSON object"));
        };
        if fields.is_empty() {
            return Ok(Self::Update);
        }
        // The version first: another one may have other types in the same fields.
        if let Some(version) = fields
            .get("v")
            .filter(|version| **version != json!(VERSION))
        {
            return Err(Unusable::new("unknown_version", version));
        }
        let shape = |error: serde_json::Error| Unusable::new("unknown_shape", &error);
        Body::deserialize(&value).map_err(shape)?.form()
    }
}

impl Body {
    fn form(self) -> Result<Doorbell, Unusable> {
        let Some(word) = self.mode else {
            return Err(Unusable::new("unknown_shape", &"no mode"));
        };
        let Ok(mode) = word.parse::<Mode>() else {
            return Err(Unusable::new("unknown_mode", &word));
        };
        match (self.v, self.execution_id, mode) {
            (Some(_), Some(execution_id), mode) if execution_id > 0 => {
                Ok(Doorbell::Ring { execution_id, mode })
            }
            // Dates of an update are not looked at: its window is what is not proven.
            (None, None, Mode::Update) => Ok(Doorbell::Update),
            (None, None, Mode::Backfill) => match (self.data_ini, self.data_fim) {
                (Some(data_ini), Some(data_fim)) => Ok(Doorbell::Backfill { data_ini, data_fim }),
                _ => Err(Unusable::new(
                    "unknown_shape",
                    &"a backfill without both dates",
                )),
            },
            _ => Err(Unusable::new(
                "unknown_shape",
                &"v and a positive execution_id go together",
            )),
        }
    }
}

/// The message that rings for a run; dates in local time of `zone`, where the window is known.
pub fn ring_body(execution_id: i32, mode: Mode, window: Option<&Window>, zone: Zone) -> Value {
    let mut body = json!({"v": VERSION, "execution_id": execution_id, "mode": mode});
    if let Some(window) = window {
        let text = |instant: DateTime<Utc>| Value::from(local_text(instant, zone));
        body["data_ini"] = text(window.start());
        body["data_fim"] = text(window.end());
    }
    body
}
