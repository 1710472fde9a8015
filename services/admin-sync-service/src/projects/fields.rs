//! The rules of single texts: how long, and of which characters. Postgres keeps no NUL.

/// Characters of a name; the column has no room for more.
const LONGEST_NAME: usize = 255;
/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 2000;

/// A name, without blanks around it.
///
/// # Errors
/// The rule.
pub fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(format!(
            "must be a text of 1 to {LONGEST_NAME} characters, not blank"
        ));
    }
    if name.chars().any(char::is_control) {
        return Err("must be one line without control characters".to_owned());
    }
    Ok(name.to_owned())
}

/// A description; lines are fine.
///
/// # Errors
/// The rule.
pub fn description(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_DESCRIPTION {
        return Err(format!(
            "must be a text of at most {LONGEST_DESCRIPTION} characters"
        ));
    }
    let odd = |it: char| it.is_control() && !matches!(it, '\n' | '\r' | '\t');
    if text.chars().any(odd) {
        return Err("must not contain control characters other than line ends and tabs".to_owned());
    }
    Ok(text.to_owned())
}
