//! Which credentials an `auth_type` takes, and whether a header can carry them. No rule that is told shows a value.

use client_api::{Auth, headers};
use serde_json::{Map, Value};

use super::error::WrongField;
use super::members::{Members, Said};

/// The kinds, in the order of the contract.
pub const KINDS: [&str; 4] = ["none", "bearer", "api_key", "basic"];
/// Characters of one secret: headers have to fit into what servers read.
const LONGEST: usize = 4096;
/// Headers with a meaning of their own: a key in one of them would not arrive, or would change the request.
const TAKEN: [&str; 12] = [
    "accept",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What `kind` is told to need.
pub fn needs(kind: &str) -> &'static str {
    match kind {
        "bearer" => "{\"token\"}",
        "api_key" => "{\"api_key\", \"api_key_header\"?}",
        "basic" => "{\"username\", \"password\"}",
        _ => "null",
    }
}

/// Credentials for `kind`, as they are sealed.
///
/// # Errors
/// Everything that is wrong with them.
pub fn judged(
    kind: &str,
    given: Map<String, Value>,
) -> Result<Map<String, Value>, Vec<WrongField>> {
    let mut members = Members::of(given, "auth_credentials.");
    let mut taken = Map::new();
    let mut keep = |name: &str, said: Said<String>| {
        if let Said::Value(text) = said {
            taken.insert(name.to_owned(), text.into());
            return true;
        }
        false
    };
    let needed: &[&str] = match kind {
        "bearer" => {
            keep("token", members.text("token", header_value));
            &["token"]
        }
        "api_key" => {
            keep("api_key", members.text("api_key", header_value));
            keep(
                "api_key_header",
                members.text("api_key_header", header_name),
            );
            &["api_key"]
        }
        "basic" => {
            keep("username", members.text("username", username));
            keep("password", members.text("password", password));
            &["username", "password"]
        }
        _ => &[],
    };
    for name in needed {
        let field = format!("auth_credentials.{name}");
        if !taken.contains_key(*name) && !members.is_refused(&field) {
            members.refuse(name, &format!("is required for auth_type {kind}"));
        }
    }
    let wrong = members.finish();
    if wrong.is_empty() {
        Ok(taken)
    } else {
        Err(wrong)
    }
}

/// What goes into a header as it is.
fn header_value(text: &str) -> Result<String, String> {
    bounded(text)?;
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.trim() != text {
        return Err("must not begin or end with white space".to_owned());
    }
    headers(&Auth::Bearer(text.into())).map_err(|_| unusable())?;
    Ok(text.to_owned())
}

fn header_name(text: &str) -> Result<String, String> {
    let auth = Auth::ApiKey {
        header: text.to_owned(),
        key: "key".into(),
    };
    if text.len() > 100 || headers(&auth).is_err() {
        return Err("must be the name of a header, such as X-API-Key".to_owned());
    }
    if TAKEN.contains(&text.to_ascii_lowercase().as_str()) {
        return Err("must not be a header that HTTP itself uses".to_owned());
    }
    Ok(text.to_owned())
}

fn username(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(':') {
        return Err("must be a text without ':', not empty".to_owned());
    }
    password(text)
}

/// An empty one is one.
fn password(text: &str) -> Result<String, String> {
    bounded(text)?;
    if text.chars().any(char::is_control) {
        return Err(unusable());
    }
    Ok(text.to_owned())
}

fn bounded(text: &str) -> Result<(), String> {
    if text.chars().count() > LONGEST {
        return Err(format!("must have at most {LONGEST} characters"));
    }
    Ok(())
}

fn unusable() -> String {
    "must not contain characters that a header cannot carry".to_owned()
}
