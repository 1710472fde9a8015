//! JSON Web Tokens for tests: right ones and wrong ones, signed with keys that are worth nothing.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::RSA_PKCS1_SHA256,
};
use serde_json::{Value, json};

/// Fixed, because making an RSA key takes a debug build seconds.
const KEYS: [&str; 3] = [
    include_str!("../keys/test-key-1.pem"),
    include_str!("../keys/test-key-2.pem"),
    include_str!("../keys/test-key-3.pem"),
];
const KIDS: [&str; 3] = ["test-key-1", "test-key-2", "test-key-3"];

/// A token with an HS256 signature, as `JWT_HS256_SECRET` expects it.
pub fn hs256_token(secret: &str, claims: &Value) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    token(&header, claims, |input| {
        hmac::sign(&key, input).as_ref().to_vec()
    })
}

/// A token of these parts with whatever signature `sign` makes of them; an empty one is that of `alg: none`.
pub fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// One of the keys of this folder.
pub(crate) struct TestKey {
    pem: &'static str,
    kid: &'static str,
    pair: KeyPair,
}

impl TestKey {
    /// They come round again after the last one.
    pub(crate) fn number(number: usize) -> Self {
        let number = number % KEYS.len();
        let pem = KEYS[number];
        let der = BASE64_STANDARD.decode(block(pem, "PRIVATE KEY").replace('\n', ""));
        let der = der.expect("a test key is PEM");
        Self {
            pem,
            kid: KIDS[number],
            pair: KeyPair::from_pkcs8(&der).expect("a test key is PKCS#8"),
        }
    }

    pub(crate) fn kid(&self) -> &'static str {
        self.kid
    }

    pub(crate) fn public_pem(&self) -> String {
        let label = "PUBLIC KEY";
        let block = block(self.pem, label);
        format!("-----BEGIN {label}-----{block}-----END {label}-----\n")
    }

    pub(crate) fn jwk(&self) -> Value {
        let public: PublicKeyComponents<Vec<u8>> = self.pair.public().into();
        json!({
            "kid": self.kid,
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "n": BASE64_URL_SAFE_NO_PAD.encode(&public.n),
            "e": BASE64_URL_SAFE_NO_PAD.encode(&public.e),
        })
    }

    pub(crate) fn sign(&self, input: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let signed = self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            input,
            &mut signature,
        );
        signed.expect("a test key can sign");
        signature
    }
}

/// What stands between the lines of a PEM block.
fn block<'a>(pem: &'a str, label: &str) -> &'a str {
    let from = pem.split_once(&format!("-----BEGIN {label}-----"));
    let until = from.and_then(|(_, rest)| rest.split_once(&format!("-----END {label}-----")));
    until
        .map(|(block, _)| block)
        .expect("a test key has both halves")
}
