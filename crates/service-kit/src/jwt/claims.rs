//! What a proven token claims, and whether that holds here and now.

use std::{fmt, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::Claims;

/// How far the issuer's clock and ours may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// What every token must claim.
pub(super) struct Expected {
    /// `None`: any issuer, or none.
    pub(super) issuer: Option<String>,
    pub(super) audience: String,
}

/// Claims on the wire; all others are left unread. A claim that comes twice, or has another type, is an error.
#[derive(Deserialize)]
struct Wire {
    exp: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Names>,
    sub: Option<String>,
    tenant_id: Option<String>,
    role: Option<Names>,
    realm_access: Option<RealmAccess>,
    organization: Option<First>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct RealmAccess {
    #[serde(default)]
    roles: Vec<String>,
}

/// The first name of a list, or of the members of an object in the order of the text; a bare name is its own first.
struct First(Option<String>);

/// # Errors
/// The first claim that does not hold, for logs.
pub(super) fn read(
    payload: &[u8],
    expected: &Expected,
    now: DateTime<Utc>,
) -> Result<Claims, &'static str> {
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| "the claims are not readable")?;
    let expires_at = wire.exp.ok_or("no exp")?;
    let expires_at = date(expires_at).ok_or("exp is no date")?;
    if now.signed_duration_since(expires_at) >= LEEWAY {
        return Err("expired");
    }
    if let Some(begins_at) = wire.nbf {
        let begins_at = date(begins_at).ok_or("nbf is no date")?;
        if begins_at.signed_duration_since(now) > LEEWAY {
            return Err("not valid yet");
        }
    }
    if expected.issuer.is_some() && wire.iss != expected.issuer {
        return Err("another issuer");
    }
    if !Names::list(wire.aud).contains(&expected.audience) {
        return Err("another audience");
    }
    let named = |name: Option<String>| name.filter(|name| !name.is_empty());
    let organization = wire.organization.and_then(|First(name)| name);
    let realm = wire.realm_access.map_or(Vec::new(), |access| access.roles);
    Ok(Claims {
        subject: named(wire.sub),
        tenant: named(wire.tenant_id).or(named(organization)),
        roles: once([Names::list(wire.role), realm].concat()),
        expires_at,
    })
}

/// Seconds of 1970 as a date; fractions are allowed, and dates before 1970 are not.
fn date(seconds: f64) -> Option<DateTime<Utc>> {
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    DateTime::<Utc>::UNIX_EPOCH.checked_add_signed(TimeDelta::from_std(since).ok()?)
}

fn once(names: Vec<String>) -> Vec<String> {
    let mut seen = Vec::with_capacity(names.len());
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

impl Names {
    fn list(names: Option<Self>) -> Vec<String> {
        match names {
            Some(Self::One(name)) => vec![name],
            Some(Self::Many(names)) => names,
            None => Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FirstVisitor).map(Self)
    }
}

struct FirstVisitor;

impl<'de> Visitor<'de> for FirstVisitor {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name, a list of names, or an object by name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Some(name.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
        let first = names.next_element()?;
        while names.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let first = members.next_entry::<String, IgnoredAny>()?;
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(first.map(|(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn claims(change: &Value) -> Result<Claims, &'static str> {
        let expected = Expected {
            issuer: Some("joe".to_owned()),
            audience: "pulse-ui".to_owned(),
        };
        let mut wire = json!({"exp": NOW + 60, "iss": "joe", "aud": "pulse-ui", "sub": "ana"});
        for (name, value) in change.as_object().unwrap() {
            wire[name] = value.clone();
        }
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        read(wire.to_string().as_bytes(), &expected, now)
    }

    fn tenant(change: &Value) -> Option<String> {
        claims(change).unwrap().tenant
    }

    #[test]
    fn both_clocks_may_be_half_a_minute_apart() {
        assert!(claims(&json!({"exp": NOW - 29})).is_ok());
        assert_eq!(claims(&json!({"exp": NOW - 30})), Err("expired"));
        assert!(claims(&json!({"nbf": NOW + 30})).is_ok());
        assert_eq!(claims(&json!({"nbf": NOW + 31})), Err("not valid yet"));
        let exact = claims(&json!({"exp": 1_800_000_000.5})).unwrap();
        assert_eq!(exact.expires_at.timestamp_millis(), NOW * 1000 + 500);
    }

    #[test]
    fn a_date_that_is_none_is_refused() {
        for exp in [
            json!(null),
            json!("1800000060"),
            json!(-1),
            json!(1e300),
            json!([]),
        ] {
            assert!(claims(&json!({ "exp": exp })).is_err(), "{exp}");
        }
        assert!(claims(&json!({"nbf": 1e300})).is_err());
        assert!(claims(&json!({"nbf": null})).is_ok());
    }

    #[test]
    fn issuer_and_audience_are_those_of_the_settings() {
        for iss in [json!(null), json!("Joe"), json!(["joe"])] {
            assert!(claims(&json!({ "iss": iss })).is_err(), "{iss}");
        }
        assert!(claims(&json!({"aud": ["account", "pulse-ui"]})).is_ok());
        for aud in [
            json!(null),
            json!("pulse"),
            json!([]),
            json!([1]),
            json!({"pulse-ui": 1}),
        ] {
            assert!(claims(&json!({ "aud": aud })).is_err(), "{aud}");
        }
    }

    #[test]
    fn the_tenant_is_the_claim_or_else_the_first_organization() {
        assert_eq!(tenant(&json!({})), None);
        let organization = json!(["acme", "other"]);
        for (tenant_id, expected) in [
            (json!("a"), "a"),
            (json!(null), "acme"),
            (json!(""), "acme"),
        ] {
            let both = json!({"tenant_id": tenant_id, "organization": organization});
            assert_eq!(tenant(&both).as_deref(), Some(expected));
        }
        assert_eq!(
            tenant(&json!({"organization": "acme"})).as_deref(),
            Some("acme")
        );
        for nobody in [json!([]), json!({}), json!(null), json!([""])] {
            assert_eq!(tenant(&json!({ "organization": nobody })), None);
        }
        assert!(claims(&json!({"organization": 7})).is_err());
        assert!(claims(&json!({"tenant_id": ["a"]})).is_err());
    }

    #[test]
    fn organizations_of_an_object_keep_the_order_of_the_text() {
        let First(name) = serde_json::from_str(r#"{"zeta": {"id": "1"}, "alpha": {}}"#).unwrap();
        assert_eq!(name.as_deref(), Some("zeta"));
    }

    #[test]
    fn roles_of_both_claims_count_once() {
        let roles = |change| claims(&change).unwrap().roles;
        assert_eq!(roles(json!({})), [""; 0]);
        assert_eq!(roles(json!({"role": "admin"})), ["admin"]);
        let both = json!({"role": ["a", "b"], "realm_access": {"roles": ["b", "c"]}});
        assert_eq!(roles(both), ["a", "b", "c"]);
        assert_eq!(roles(json!({"realm_access": {}})), [""; 0]);
    }

    #[test]
    fn a_claim_that_comes_twice_is_refused() {
        let expected = Expected {
            issuer: None,
            audience: "a".to_owned(),
        };
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let twice = br#"{"exp": 1800000060, "exp": 1900000000, "aud": "a"}"#;
        assert!(read(twice, &expected, now).is_err());
        let once = br#"{"exp": 1800000060, "aud": "a", "iss": "whoever"}"#;
        assert!(read(once, &expected, now).is_ok());
    }
}
