//! What POST /sync/force asks for, parsed once: whatever is wrong with it is told by field.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use farol_core::sync::{FieldProblem, Mode, Window, requested};
use serde_json::{Map, Value};

/// A run that may be enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForceRequest {
    mode: Mode,
    window: Option<Window>,
}

/// Why a body asks for nothing that we could do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Not JSON.
    #[error("not JSON")]
    NotJson,
    /// A backfill without both dates.
    #[error("a backfill without both dates")]
    MissingDates,
    /// Fields with values that cannot be.
    #[error("invalid fields")]
    Fields(Vec<FieldProblem>),
}

impl ForceRequest {
    /// Reads a body as of `now`; dates without an offset are in `zone`. Empty means an update. Dates of an update are
    /// not looked at: its window is what is not proven. Fields of other names are nobody's business.
    ///
    /// # Errors
    /// [`BadRequest`], with everything that is wrong.
    pub fn parse(body: &[u8], zone: Tz, now: DateTime<Utc>) -> Result<Self, BadRequest> {
        let fields = object(body)?;
        let mut wrong = Vec::new();
        let mode = mode(&fields, &mut wrong);
        let data_ini = text(&fields, "data_ini", &mut wrong);
        let data_fim = text(&fields, "data_fim", &mut wrong);
        let Some(mode) = mode.filter(|_| wrong.is_empty()) else {
            return Err(BadRequest::Fields(wrong));
        };
        let window = match (mode, data_ini, data_fim) {
            (Mode::Update, ..) => None,
            (Mode::Backfill, Some(data_ini), Some(data_fim)) => {
                let window = requested(data_ini, data_fim, zone, now);
                Some(window.map_err(BadRequest::Fields)?)
            }
            (Mode::Backfill, ..) => return Err(BadRequest::MissingDates),
        };
        Ok(Self { mode, window })
    }

    /// What the run is for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What a backfill reads; an update's window is fixed when it is claimed.
    pub fn window(&self) -> Option<Window> {
        self.window
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, BadRequest> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body).map_err(|_| BadRequest::NotJson)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(BadRequest::Fields(vec![problem(
            "body",
            "must be an object",
        )])),
    }
}

fn mode(fields: &Map<String, Value>, wrong: &mut Vec<FieldProblem>) -> Option<Mode> {
    let mode = match fields.get("mode") {
        None | Some(Value::Null) => Some(Mode::Update),
        Some(Value::String(word)) => word.parse().ok(),
        Some(_) => None,
    };
    if mode.is_none() {
        wrong.push(problem("mode", "must be update or backfill"));
    }
    mode
}

/// Null and the empty text are no date.
fn text<'a>(
    fields: &'a Map<String, Value>,
    field: &'static str,
    wrong: &mut Vec<FieldProblem>,
) -> Option<&'a str> {
    match fields.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
        Some(_) => {
            wrong.push(problem(field, "must be a text"));
            None
        }
    }
}

fn problem(field: &'static str, detail: &str) -> FieldProblem {
    FieldProblem {
        field,
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::Sao_Paulo;

    use super::*;

    fn parse(body: &str) -> Result<ForceRequest, BadRequest> {
        let now = "2025-08-01T00:00:00Z".parse().unwrap();
        ForceRequest::parse(body.as_bytes(), Sao_Paulo, now)
    }

    fn wrong(body: &str) -> Vec<&'static str> {
        match parse(body) {
            Err(BadRequest::Fields(fields)) => fields.iter().map(|it| it.field).collect(),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn nothing_and_null_and_the_word_are_an_update() {
        for body in [
            "",
            " \n",
            "{}",
            r#"{"mode":null}"#,
            r#"{"mode":"update","data_ini":null}"#,
        ] {
            assert_eq!(parse(body).unwrap().mode(), Mode::Update, "{body}");
            assert_eq!(parse(body).unwrap().window(), None, "{body}");
        }
    }

    #[test]
    fn a_backfill_has_the_window_of_its_dates_in_local_time() {
        let body = r#"{"mode":"backfill","data_ini":"2025-07-10T12:00:00","data_fim":"2025-07-10T18:00:00"}"#;
        let window = parse(body).unwrap().window().unwrap();
        assert_eq!(window.start().to_rfc3339(), "2025-07-10T15:00:00+00:00");
        assert_eq!(window.end().to_rfc3339(), "2025-07-10T21:00:00+00:00");
    }

    #[test]
    fn a_backfill_without_both_dates_says_so() {
        for body in [
            r#"{"mode":"backfill"}"#,
            r#"{"mode":"backfill","data_ini":"2025-07-10"}"#,
            r#"{"mode":"backfill","data_ini":"","data_fim":"2025-07-10"}"#,
            r#"{"mode":"backfill","data_ini":"2025-07-10","data_fim":null}"#,
        ] {
            assert_eq!(parse(body), Err(BadRequest::MissingDates), "{body}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(wrong("[]"), ["body"]);
        assert_eq!(wrong("7"), ["body"]);
        assert_eq!(
            wrong(r#"{"mode":"sync","data_ini":5}"#),
            ["mode", "data_ini"]
        );
        assert_eq!(wrong(r#"{"mode":["update"]}"#), ["mode"]);
        let backfill = |ini: &str, fim: &str| {
            wrong(&format!(
                r#"{{"mode":"backfill","data_ini":"{ini}","data_fim":"{fim}"}}"#
            ))
        };
        assert_eq!(
            backfill("yesterday", "2025-13-01"),
            ["data_ini", "data_fim"]
        );
        assert_eq!(backfill("2025-07-11", "2025-07-10"), ["data_ini"]);
        assert_eq!(backfill("2025-07-11", "2025-09-01"), ["data_fim"]);
        assert_eq!(backfill("2024-07-01", "2025-07-31"), ["data_fim"]);
    }

    #[test]
    fn what_is_not_json_is_told_apart() {
        for body in [
            "{",
            "mode=update",
            "\u{0}",
            "{\"mode\":\"update\"} trailing",
        ] {
            assert_eq!(parse(body), Err(BadRequest::NotJson), "{body}");
        }
        assert_eq!(
            ForceRequest::parse(b"\xff\xfe", Sao_Paulo, DateTime::UNIX_EPOCH),
            Err(BadRequest::NotJson)
        );
    }
}
