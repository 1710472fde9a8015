//! Query parameters, each judged by its own rule; everything that is wrong is told at once, by field.

use std::collections::HashMap;

use actix_web::HttpRequest;
use farol_core::sync::FieldProblem;

use crate::error::ApiError;
use crate::sync::Overlap;

/// The parameters of one request. Empty ones are not there, as forms send them; unknown ones are nobody's business.
pub struct Query {
    pairs: HashMap<String, Vec<String>>,
    wrong: Vec<FieldProblem>,
}

impl Query {
    /// Those of `request`.
    pub fn of(request: &HttpRequest) -> Self {
        let mut pairs: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            if !value.is_empty() {
                pairs
                    .entry(name.into_owned())
                    .or_default()
                    .push(value.into_owned());
            }
        }
        Self {
            pairs,
            wrong: Vec::new(),
        }
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
            self.refuse(field, rule);
        }
        parsed
    }

    /// One more thing that is wrong.
    pub fn refuse(&mut self, field: &'static str, rule: &str) {
        let detail = rule.to_owned();
        self.wrong.push(FieldProblem { field, detail });
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

/// `?overlap=` of requests for a run.
///
/// # Errors
/// [`ApiError::Fields`] for another word.
pub fn overlap(request: &HttpRequest) -> Result<Overlap, ApiError> {
    let mut query = Query::of(request);
    let overlap = query.read("overlap", "must be reject or queue", |word| match word {
        "reject" => Some(Overlap::Reject),
        "queue" => Some(Overlap::Queue),
        _ => None,
    });
    query.finish()?;
    Ok(overlap.unwrap_or_default())
}
