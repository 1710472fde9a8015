//! Query parameters, each judged by its own rule; everything that is wrong is told at once, by field.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use farol_core::sync::{Zone, parse_instant};
use service_kit::problem::FieldError;

use crate::error::ApiError;
use crate::model::DeviceId;
use crate::store::Span;

/// Rows on a page.
const PAGE: RangeInclusive<u16> = 1..=1000;
/// How far into a list a page may begin; the database reads past what is left out.
const DEEPEST: u32 = 100_000;

/// The parameters of one request. Empty ones are not there, as forms send them; unknown ones are nobody's business.
pub struct Query {
    pairs: HashMap<String, Vec<String>>,
    wrong: Vec<FieldError>,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// At most so many rows.
    pub limit: u16,
    /// Behind so many.
    pub offset: u32,
}

impl Query {
    /// Those of `request`.
    pub fn of(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    fn parse(text: &str) -> Self {
        let mut pairs: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if !value.is_empty() {
                let values = pairs.entry(name.into_owned()).or_default();
                values.push(value.into_owned());
            }
        }
        let wrong = Vec::new();
        Self { pairs, wrong }
    }

    /// The parameter `field`, if it is there and `parse` takes it; `rule` is what a client is told else.
    pub fn read<T>(
        &mut self,
        field: &'static str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let values = self.pairs.remove(field)?;
        let parsed = match values.as_slice() {
            [one] => parse(one),
            _ => None,
        };
        if parsed.is_none() {
            let (field, detail) = (field.to_owned(), rule.to_owned());
            self.wrong.push(FieldError { field, detail });
        }
        parsed
    }

    /// A whole number within `range`, `default` where it is not given.
    pub fn count(&mut self, field: &'static str, range: RangeInclusive<u16>, default: u16) -> u16 {
        let rule = format!("must be {} to {}", range.start(), range.end());
        let count = self.read(field, &rule, |text| {
            digits(text)
                .and_then(|it| it.parse().ok())
                .filter(|it| range.contains(it))
        });
        count.unwrap_or(default)
    }

    /// `limit` (100) and `offset` (0) of a list.
    pub fn page(&mut self) -> Page {
        let limit = self.count("limit", PAGE, 100);
        let rule = format!("must be 0 to {DEEPEST}");
        let offset = self.read("offset", &rule, |text| {
            digits(text)
                .and_then(|it| it.parse().ok())
                .filter(|it| *it <= DEEPEST)
        });
        let offset = offset.unwrap_or_default();
        Page { limit, offset }
    }

    /// `start` and `end` of a range of time.
    ///
    /// # Errors
    /// [`ApiError::NoTime`], [`ApiError::EmptySpan`].
    pub fn span(&mut self) -> Result<Span, ApiError> {
        let span = Span {
            start: self.time("start")?,
            end: self.time("end")?,
        };
        match (span.start, span.end) {
            (Some(start), Some(end)) if start >= end => Err(ApiError::EmptySpan),
            _ => Ok(span),
        }
    }

    /// ISO 8601. Without an offset it is UTC, as every time that we tell: older clients send it so.
    fn time(&mut self, field: &'static str) -> Result<Option<DateTime<Utc>>, ApiError> {
        let Some(values) = self.pairs.remove(field) else {
            return Ok(None);
        };
        let time = match values.as_slice() {
            [one] => parse_instant(one, Zone::UTC),
            _ => None,
        };
        time.map(Some).ok_or(ApiError::NoTime(field))
    }

    /// Whether all that was read is usable.
    ///
    /// # Errors
    /// [`ApiError::Fields`], with everything that is wrong.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Fields(self.wrong))
        }
    }
}

/// The device of a path. What cannot be an id is no device, and nobody is asked about it.
///
/// # Errors
/// [`ApiError::DeviceNotFound`].
pub fn device(id: &str) -> Result<DeviceId, ApiError> {
    DeviceId::parse(id).map_err(|_| ApiError::DeviceNotFound)
}

/// `parse` takes a sign too.
fn digits(text: &str) -> Option<&str> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_bounds_and_defaults() {
        let page = |text: &str| {
            let mut query = Query::parse(text);
            let page = query.page();
            query
                .finish()
                .map(|()| (page.limit, page.offset))
                .map_err(|error| match error {
                    ApiError::Fields(wrong) => {
                        wrong.into_iter().map(|it| it.field).collect::<Vec<_>>()
                    }
                    other => panic!("{other}"),
                })
        };
        assert_eq!(page(""), Ok((100, 0)));
        assert_eq!(page("limit=&offset=&other=x"), Ok((100, 0)));
        assert_eq!(page("limit=1000&offset=100000"), Ok((1000, 100_000)));
        let both = Err(vec!["limit".to_owned(), "offset".to_owned()]);
        for odd in [
            "0&offset=-1",
            "1001&offset=100001",
            "+1&offset=1e3",
            "1&limit=2&offset=%200",
        ] {
            assert_eq!(page(&format!("limit={odd}")), both, "{odd}");
        }
    }

    #[test]
    fn a_span_is_strict_and_without_an_offset_in_utc() {
        let span = |text: &str| Query::parse(text).span();
        assert_eq!(span("").unwrap(), Span::default());
        let read = span("start=2026-11-27T10:00:00Z&end=2026-11-27T10:00:00%2B01:00");
        assert!(matches!(read, Err(ApiError::EmptySpan)), "an hour earlier");
        let read = span("start=2026-11-27T10:00:00&end=2026-11-27T10:00:00.001-03:00").unwrap();
        assert_eq!(
            read.start.unwrap().to_rfc3339(),
            "2026-11-27T10:00:00+00:00"
        );
        assert_eq!(
            read.end.unwrap().to_rfc3339(),
            "2026-11-27T13:00:00.001+00:00"
        );
        let now = "2026-11-27T10:00:00Z";
        assert!(matches!(
            span(&format!("start={now}&end={now}")),
            Err(ApiError::EmptySpan)
        ));
        for odd in [
            "yesterday",
            "1764237600",
            "2026-13-01",
            "2026-11-27T25:00:00Z",
            "2026-11-27T10:00:00 00:00",
        ] {
            let read = span(&format!("end={odd}"));
            assert!(matches!(read, Err(ApiError::NoTime("end"))), "{odd}");
        }
        let twice = span("start=2026-01-01&start=2026-01-02");
        assert!(matches!(twice, Err(ApiError::NoTime("start"))));
    }
}
