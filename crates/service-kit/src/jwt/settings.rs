//! Whose tokens are believed: three ways to say it, of which one may be used.

use crate::settings::{ExposeSecret as _, Secret, Url};

/// A key of HMAC-SHA-256 has at least the length of its hash (RFC 7518, 3.2), in bytes.
const SECRET_LEAST: usize = 32;

crate::settings! {
    /// Whose tokens (JWT) are believed: those of a Keycloak realm, of any issuer with a key set, or of a shared secret.
    pub struct JwtSettings {
        /// Where browsers see Keycloak: the issuer of tokens is this + `/realms/{KEYCLOAK_REALM}`.
        keycloak_public_url: Option<Url> = "";
        /// Where this service asks Keycloak for its keys; unset means `KEYCLOAK_PUBLIC_URL`.
        keycloak_internal_url: Option<Url> = "";
        /// The realm.
        keycloak_realm: String = "pulse";
        /// What `aud` of every token must name.
        jwt_audience: String = "pulse-ui";
        /// What `iss` must be: beside `JWT_JWKS_URL` always, beside `JWT_HS256_SECRET` where it is set.
        jwt_issuer: Option<String> = "";
        /// The key set (JWKS) of an issuer that is no Keycloak; its tokens are RS256.
        jwt_jwks_url: Option<Url> = "";
        /// A secret of at least 32 bytes that the issuer shares; its tokens are HS256.
        jwt_hs256_secret: Option<Secret> = "";
    }
    check = JwtSettings::do_not_contradict;
}

/// The settings contradict each other; says how, without a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableIdentity(&'static str);

/// How tokens are proven.
#[derive(Debug)]
pub(super) enum Trust {
    /// RS256 by the keys that are published at `url`.
    KeySet { issuer: String, url: Url },
    /// HS256.
    Secret {
        secret: Secret,
        issuer: Option<String>,
    },
}

impl JwtSettings {
    /// Somebody's tokens are believed.
    pub fn is_configured(&self) -> bool {
        matches!(self.trust(), Ok(Some(_)))
    }

    pub(super) fn trust(&self) -> Result<Option<Trust>, UnusableIdentity> {
        let keycloak = self.keycloak_public_url.is_some() || self.keycloak_internal_url.is_some();
        match (keycloak, &self.jwt_jwks_url, &self.jwt_hs256_secret) {
            (false, None, None) => self.nobody(),
            (true, None, None) => self.keycloak().map(Some),
            (false, Some(url), None) => self.key_set(url).map(Some),
            (false, None, Some(secret)) => self.shared(secret).map(Some),
            _ => Err(UnusableIdentity(
                "KEYCLOAK_PUBLIC_URL, JWT_JWKS_URL and JWT_HS256_SECRET must not be set beside each other: \
                 tokens are proven in one way",
            )),
        }
    }

    fn do_not_contradict(&self) -> Result<(), String> {
        match self.trust() {
            Ok(_) => Ok(()),
            Err(unusable) => Err(unusable.to_string()),
        }
    }

    fn nobody(&self) -> Result<Option<Trust>, UnusableIdentity> {
        if self.jwt_issuer.is_none() {
            return Ok(None);
        }
        Err(UnusableIdentity(
            "JWT_JWKS_URL or JWT_HS256_SECRET is required beside JWT_ISSUER",
        ))
    }

    fn keycloak(&self) -> Result<Trust, UnusableIdentity> {
        if self.jwt_issuer.is_some() {
            return Err(UnusableIdentity(
                "JWT_ISSUER must not be set beside KEYCLOAK_PUBLIC_URL, which names the issuer",
            ));
        }
        let Some(public) = &self.keycloak_public_url else {
            return Err(UnusableIdentity(
                "KEYCLOAK_PUBLIC_URL is required beside KEYCLOAK_INTERNAL_URL: it names the issuer",
            ));
        };
        let internal = self.keycloak_internal_url.as_ref().unwrap_or(public);
        let realm = ["realms", &self.keycloak_realm];
        let certs = ["protocol", "openid-connect", "certs"];
        Ok(Trust::KeySet {
            issuer: below(public, &realm).into(),
            url: below(&below(internal, &realm), &certs),
        })
    }

    fn key_set(&self, url: &Url) -> Result<Trust, UnusableIdentity> {
        let Some(issuer) = &self.jwt_issuer else {
            return Err(UnusableIdentity(
                "JWT_ISSUER is required beside JWT_JWKS_URL: keys may be shared by many issuers",
            ));
        };
        Ok(Trust::KeySet {
            issuer: issuer.clone(),
            url: url.clone(),
        })
    }

    fn shared(&self, secret: &Secret) -> Result<Trust, UnusableIdentity> {
        if secret.expose_secret().len() < SECRET_LEAST {
            return Err(UnusableIdentity(
                "JWT_HS256_SECRET must have at least 32 bytes (the value is secret)",
            ));
        }
        Ok(Trust::Secret {
            secret: secret.clone(),
            issuer: self.jwt_issuer.clone(),
        })
    }
}

/// `base` with more path, each segment escaped; a slash at its end makes no difference.
fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Settings take http and https only, which always have a path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn asked(settings: &JwtSettings) -> (String, String) {
        match settings.trust().unwrap() {
            Some(Trust::KeySet { issuer, url }) => (issuer, url.into()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_realm_has_one_address_for_browsers_and_one_for_us() {
        let mut settings = JwtSettings {
            keycloak_public_url: Some(url("https://id.example.org/auth/")),
            keycloak_internal_url: Some(url("http://keycloak:8080")),
            ..JwtSettings::default()
        };
        let (issuer, keys) = asked(&settings);
        assert_eq!(issuer, "https://id.example.org/auth/realms/pulse");
        let certs = "/realms/pulse/protocol/openid-connect/certs";
        assert_eq!(keys, format!("http://keycloak:8080{certs}"));
        settings.keycloak_internal_url = None;
        let (_, keys) = asked(&settings);
        assert_eq!(keys, format!("https://id.example.org/auth{certs}"));
        settings.keycloak_realm = "a/b".to_owned();
        let (issuer, _) = asked(&settings);
        assert_eq!(issuer, "https://id.example.org/auth/realms/a%2Fb");
    }

    #[test]
    fn any_issuer_is_its_name_and_its_keys() {
        let settings = JwtSettings {
            jwt_issuer: Some("joe".to_owned()),
            jwt_jwks_url: Some(url("https://id.example.org/keys?v=2")),
            ..JwtSettings::default()
        };
        let (issuer, keys) = asked(&settings);
        assert_eq!(
            (issuer.as_str(), keys.as_str()),
            ("joe", "https://id.example.org/keys?v=2")
        );
    }

    #[test]
    fn without_any_nobody_is_believed() {
        let settings = JwtSettings::default();
        assert!(settings.trust().unwrap().is_none() && !settings.is_configured());
    }

    #[test]
    fn contradictions_are_told_without_the_secret() {
        let with = |change: fn(&mut JwtSettings)| {
            let mut settings = JwtSettings::default();
            change(&mut settings);
            settings
        };
        let keys = "https://id.example.org/keys";
        let wrong = [
            with(|it| it.jwt_issuer = Some("joe".to_owned())),
            with(|it| it.jwt_jwks_url = Some(url("https://id.example.org/keys"))),
            with(|it| it.keycloak_internal_url = Some(url("http://keycloak:8080"))),
            with(|it| it.jwt_hs256_secret = Some(SECRET[1..].into())),
            JwtSettings {
                jwt_jwks_url: Some(url(keys)),
                jwt_issuer: Some("joe".to_owned()),
                jwt_hs256_secret: Some(SECRET.into()),
                ..JwtSettings::default()
            },
            JwtSettings {
                keycloak_public_url: Some(url(keys)),
                jwt_hs256_secret: Some(SECRET.into()),
                ..JwtSettings::default()
            },
            JwtSettings {
                keycloak_public_url: Some(url(keys)),
                jwt_issuer: Some("joe".to_owned()),
                ..JwtSettings::default()
            },
        ];
        for settings in wrong {
            let told = settings.do_not_contradict().unwrap_err();
            assert!(
                told.contains("JWT_") || told.contains("KEYCLOAK_"),
                "{told}"
            );
            assert!(!told.contains("89abcdef"), "{told}");
        }
    }
}
