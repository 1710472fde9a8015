//! Tokens of an issuer that the settings name, for whoever has the role `admin` there.

use service_kit::jwt::{Refusal, Verifier};

use crate::error::ApiError;

/// The role that may do everything here.
const ROLE: &str = "admin";
/// Characters of a subject that are kept: it is written beside runs, and is part of an index there.
const NAME_MOST: usize = 200;
/// Whoever has a token that names nobody.
const NAMELESS: &str = "bearer";

/// The token of `Bearer …`.
pub(super) fn token(authorization: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(authorization).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The name of who sent `token`; `None` for one that is not valid.
pub(super) async fn admit(verifier: &Verifier, token: &str) -> Result<Option<String>, ApiError> {
    match verifier.verify(token).await {
        Ok(claims) if claims.roles.iter().any(|role| role == ROLE) => {
            Ok(Some(name(claims.subject.as_deref())))
        }
        Ok(_) => Err(ApiError::NotAdmin),
        Err(Refusal::Invalid(why)) => {
            tracing::debug!(why, "a token was refused");
            Ok(None)
        }
        // Why is told by the verifier, once.
        Err(Refusal::KeysUnavailable(_)) => Err(ApiError::KeysAway),
    }
}

/// What Postgres can store of a subject: it has no NUL in texts, and a bound on entries of an index.
fn name(subject: Option<&str>) -> String {
    let kept = subject.unwrap_or_default().chars();
    let kept = kept.filter(|character| !character.is_control());
    let name: String = kept.take(NAME_MOST).collect();
    if name.is_empty() {
        NAMELESS.to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_is_read_in_any_case() {
        assert_eq!(token(b"Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(token(b"bEARER  a.b.c "), Some("a.b.c"));
        assert_eq!(token(b"Bearer "), Some(""));
        for other in [
            &b"Bearer"[..],
            b"",
            b"Basic YTpi",
            b"BearerX a",
            b"Bearer \xff",
        ] {
            assert_eq!(token(other), None);
        }
    }

    #[test]
    fn a_subject_is_cut_to_what_can_be_stored() {
        assert_eq!(name(Some("ana")), "ana");
        assert_eq!(name(Some("a\0n\na")), "ana");
        assert_eq!(name(Some("\0")), NAMELESS);
        assert_eq!(name(None), NAMELESS);
        assert_eq!(name(Some(&"ä".repeat(9_000))).chars().count(), NAME_MOST);
    }
}
