//! What actix's own extractors refuse, as problems.

use actix_web::{
    error::{JsonPayloadError, PathError, QueryPayloadError, UrlencodedError},
    web::{FormConfig, JsonConfig, PathConfig, QueryConfig, ServiceConfig},
};

use super::{FieldError, Problem};

/// The limit of a request body where no contract says otherwise, in bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// Makes path, query, form and JSON extractors of an application answer problems, with bodies up to [`BODY_LIMIT`].
pub fn configure(application: &mut ServiceConfig) {
    application
        .app_data(
            JsonConfig::default()
                .limit(BODY_LIMIT)
                .error_handler(|error, _| json(&error).into()),
        )
        .app_data(
            FormConfig::default()
                .limit(BODY_LIMIT)
                .error_handler(|error, _| form(&error).into()),
        )
        .app_data(PathConfig::default().error_handler(|error, _| path(&error).into()))
        .app_data(QueryConfig::default().error_handler(|error, _| query(&error).into()));
}

fn json(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { limit, .. }
        | JsonPayloadError::Overflow { limit } => Problem::payload_too_large(*limit),
        JsonPayloadError::ContentType => Problem::unsupported_media_type("application/json"),
        JsonPayloadError::Deserialize(error) if error.is_data() => Problem::invalid_fields(
            "The body does not have the expected fields",
            vec![FieldError {
                field: "body".to_owned(),
                detail: error.to_string(),
            }],
        ),
        _ => Problem::bad_request("invalid_json", "The body is not valid JSON"),
    }
}

fn form(error: &UrlencodedError) -> Problem {
    match error {
        UrlencodedError::Overflow { limit, .. } => Problem::payload_too_large(*limit),
        UrlencodedError::ContentType => {
            Problem::unsupported_media_type("application/x-www-form-urlencoded")
        }
        _ => Problem::bad_request("invalid_form", "The body is not a valid form"),
    }
}

/// A path that does not parse names nothing that exists.
fn path(_: &PathError) -> Problem {
    Problem::not_found("Not found")
}

fn query(error: &QueryPayloadError) -> Problem {
    let detail = error.to_string();
    let field = "query".to_owned();
    Problem::invalid_fields("The query is not valid", vec![FieldError { field, detail }])
}
