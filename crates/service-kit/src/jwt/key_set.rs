//! A published key set (JWKS, RFC 7517), of which only keys that sign RS256 are kept.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;

/// Keys beyond these are not kept; an issuer in rotation has two or three.
const MOST: usize = 32;

/// Never empty.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Arc<PublicKey>>);

/// An RSA key that may sign tokens.
#[derive(Debug)]
pub(super) struct PublicKey {
    kid: Option<String>,
    numbers: RsaPublicKeyComponents<Vec<u8>>,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// Of a key of another kind, less is there or it means something else: it is left out alone.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    n: String,
    e: String,
}

impl KeySet {
    /// # Errors
    /// What is wrong with the set as a whole, for logs.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let published: Published =
            serde_json::from_slice(body).map_err(|_| "the answer is no key set")?;
        let keys = published.keys.into_iter().filter_map(PublicKey::read);
        let keys: Vec<_> = keys.take(MOST).map(Arc::new).collect();
        if keys.is_empty() {
            return Err("the key set has no RSA key for RS256");
        }
        Ok(Self(keys))
    }

    /// The key of this name. A token that names none is tried with the only key, if it is the only one.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Arc<PublicKey>> {
        match (kid, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), keys) => keys.iter().find(|key| key.kid.as_deref() == kid),
        }
    }
}

impl PublicKey {
    fn read(published: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(published).ok()?;
        let is = |member: &Option<String>, value| member.as_deref().is_none_or(|it| it == value);
        let ops = jwk.key_ops.as_ref();
        let verifies = ops.is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        let signs = jwk.kty == "RSA" && is(&jwk.alg, "RS256") && is(&jwk.usage, "sig") && verifies;
        if !signs {
            return None;
        }
        Some(Self {
            kid: jwk.kid,
            numbers: RsaPublicKeyComponents {
                n: number(&jwk.n)?,
                e: number(&jwk.e)?,
            },
        })
    }

    /// False too for a key of less than 2048 or more than 8192 bits.
    pub(super) fn has_signed(&self, signed: &str, signature: &[u8]) -> bool {
        let checked =
            self.numbers
                .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), signature);
        checked.is_ok()
    }
}

/// Big-endian bytes without leading zeros, which some issuers send.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    Some(bytes[zeros..].to_vec()).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn jwk(change: &Value) -> Value {
        let mut jwk = json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": "AQAB", "e": "AQAB",
        });
        for (name, value) in change.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    }

    fn kept(keys: &[Value]) -> usize {
        let body = json!({ "keys": keys }).to_string();
        KeySet::parse(body.as_bytes()).map_or(0, |set| set.0.len())
    }

    #[test]
    fn only_keys_that_sign_rs256_are_kept() {
        assert_eq!(kept(&[jwk(&json!({}))]), 1);
        let bare = json!({"alg": null, "use": null, "kid": null, "key_ops": null});
        assert_eq!(kept(&[jwk(&bare)]), 1);
        for other in [
            json!({"kty": "EC"}),
            json!({"kty": "oct", "k": "AQAB"}),
            json!({"alg": "RS512"}),
            json!({"alg": "RSA-OAEP"}),
            json!({"alg": "HS256"}),
            json!({"use": "enc"}),
            json!({"key_ops": ["encrypt"]}),
            json!({"n": "AQ=="}),
            json!({"n": ""}),
            json!({"n": null}),
            json!({"e": "AAAA"}),
            json!({"kid": 7}),
        ] {
            assert_eq!(kept(&[jwk(&other)]), 0, "{other}");
            assert_eq!(kept(&[jwk(&other), jwk(&json!({}))]), 1, "{other}");
        }
        assert_eq!(kept(&[json!(null), json!("RSA"), jwk(&json!({}))]), 1);
    }

    #[test]
    fn an_issuer_of_a_thousand_keys_is_remembered_in_part() {
        let keys: Vec<_> = (0..1000)
            .map(|n| jwk(&json!({"kid": n.to_string()})))
            .collect();
        assert_eq!(kept(&keys), MOST);
    }

    #[test]
    fn a_token_without_a_name_of_a_key_gets_the_only_key() {
        let set =
            |keys: &[Value]| KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        let one = set(&[jwk(&json!({}))]);
        let two = set(&[jwk(&json!({})), jwk(&json!({"kid": "2"}))]);
        assert!(one.find(None).is_some() && two.find(None).is_none());
        assert!(one.find(Some("2")).is_none() && two.find(Some("2")).is_some());
    }

    #[test]
    fn leading_zeros_are_no_part_of_a_number() {
        assert_eq!(number("AAEAAQ"), Some(vec![1, 0, 1]));
        assert_eq!(number("AA"), None);
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reading(body in ".{0,300}") {
            let _ = KeySet::parse(body.as_bytes());
        }
    }
}
