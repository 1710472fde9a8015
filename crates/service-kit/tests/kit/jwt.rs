//! Tokens, right and wrong in every way that we know of.

use std::{sync::LazyLock, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};
use service_kit::jwt::{Claims, JwtSettings, Refusal};
use test_kit::{KeyServer, hs256_token, token};
use tokio::runtime::{Builder, Runtime};

use crate::issuer::{ISSUER, NOW, Reader, good, with};

const SECRET: &str = "a secret of thirty-two bytes: 32!";

/// Both were signed by the `openssl` command: no code of ours or of our library.
const FOREIGN_RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InRlc3Qta2V5LTEiLCJ0eXAiOiJKV1QifQ.eyJleHAiOjE4MDAwMDAwNjAsImlz\
    cyI6Imh0dHA6Ly9pZC50ZXN0L3JlYWxtcy9wdWxzZSIsImF1ZCI6InB1bHNlLXVpIiwic3ViIjoib3BlbnNzbCJ9.Pk_qDxpe08xNu4BNjk_G95cx\
    d0Q4qpwLcnfyI3LGD_y1pdiAhmYbGENe3pk19C-M_KhBSets1iFUhX-1NrvRp_4_lPLf4eT-13zHKTA3cjGJigGV4ULA7xXfxOOVibBx7plLgj2MIU\
    OucPzh8-W8QVCoZcq0xr8C8H3NKzUhW4FTWx7QuXgHFW5WpzArAwxxtIeqVS0EfiCC6VZHaiZqCZcu__SCf87Hd0EuQ35l9dAKuepVbhRrBAurdE5v\
    0ibStw_WYJJynUeB-ainswu7AgfkzpuXac5gvYDO9MAshuGYagxgO9x8TJ1y1ft7x_2vj3xN3xxnn5U9KvMtaLCrgw";
const FOREIGN_HS256: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDAwMDAwNjAsImlzcyI6Imh0dHA6Ly9pZC50ZXN0L3JlYWxtcy9wdWxzZSI\
    sImF1ZCI6InB1bHNlLXVpIiwic3ViIjoib3BlbnNzbCJ9.r_rXLT86tG8WiEERzxxQUSC_5LOACn4CY9Zpg7fC9Vc";

#[tokio::test]
async fn a_token_of_the_realm_tells_who_it_is_of() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let claims = with(&json!({
        "aud": ["account", "pulse-ui"],
        "tenant_id": "demo-a",
        "role": "customer_admin",
        "realm_access": {"roles": ["offline_access", "customer_admin"]},
        "organization": {"other": {}},
        "nbf": NOW,
        "azp": "pulse-ui",
    }));
    let told = reader.verifier.verify(&server.sign(&claims)).await;
    let roles = ["customer_admin", "offline_access"];
    let expected = Claims {
        subject: Some("ana".to_owned()),
        tenant: Some("demo-a".to_owned()),
        roles: roles.map(str::to_owned).to_vec(),
        expires_at: chrono::DateTime::from_timestamp(NOW + 60, 0).unwrap(),
    };
    assert_eq!(told, Ok(expected));
    let head = server.heads().remove(0);
    let path = "/realms/pulse/protocol/openid-connect/certs";
    assert!(
        head.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
        "{head}"
    );
}

#[tokio::test]
async fn a_token_made_by_another_program_is_believed() {
    let server = KeyServer::start().await;
    let subject = |claims: Result<Claims, Refusal>| claims.unwrap().subject.unwrap();
    let rsa = Reader::of_keycloak(&server).verifier;
    assert_eq!(subject(rsa.verify(FOREIGN_RS256).await), "openssl");
    let hmac = Reader::of_secret(SECRET).verifier;
    assert_eq!(subject(hmac.verify(FOREIGN_HS256).await), "openssl");
}

#[tokio::test]
async fn any_issuer_may_be_believed_by_its_name_and_its_keys() {
    let server = KeyServer::start().await;
    let reader = Reader::new(&JwtSettings {
        jwt_issuer: Some("joe".to_owned()),
        jwt_jwks_url: Some(format!("{}/keys?v=2", server.url()).parse().unwrap()),
        jwt_audience: "farol".to_owned(),
        ..JwtSettings::default()
    });
    let claims = with(&json!({"iss": "joe", "aud": "farol"}));
    assert!(reader.believes(&server.sign(&claims)).await);
    assert!(server.heads()[0].starts_with("GET /keys?v=2 "));
    reader.refuses(&server.sign(&good())).await;
}

#[tokio::test]
async fn times_are_those_of_the_clock_that_is_handed_in() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let lasting = server.sign(&good());
    let coming = server.sign(&with(&json!({"nbf": NOW + 60, "exp": NOW + 200})));
    assert!(reader.believes(&lasting).await);
    assert_eq!(reader.refuses(&coming).await, "not valid yet");
    reader.hand.advance(Duration::from_secs(89));
    assert!(reader.believes(&lasting).await && reader.believes(&coming).await);
    reader.hand.advance(Duration::from_secs(1));
    assert_eq!(reader.refuses(&lasting).await, "expired");
    assert!(reader.believes(&coming).await);
}

#[tokio::test]
async fn a_token_without_its_claims_is_refused() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    for change in [
        json!({"exp": null}),
        json!({"exp": "1800000060"}),
        json!({"iss": null}),
        json!({"iss": "http://id.test/realms/other"}),
        json!({"iss": format!("{ISSUER}/")}),
        json!({"aud": null}),
        json!({"aud": "account"}),
        json!({"aud": ["account", "pulse"]}),
        json!({"nbf": NOW + 31}),
    ] {
        reader.refuses(&server.sign(&with(&change))).await;
    }
    for claims in [json!(null), json!([]), json!("ana"), json!({})] {
        reader.refuses(&server.sign(&claims)).await;
    }
}

#[tokio::test]
async fn only_the_algorithm_of_the_settings_counts_whatever_a_token_says() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    assert!(reader.believes(&server.sign(&good())).await);
    let header = |alg: Value| json!({"alg": alg, "kid": server.kid()});
    for alg in [
        "none", "None", "nOnE", "", "HS256", "RS384", "RS512", "PS256", "ES256", "rs256",
    ] {
        let header = header(json!(alg));
        reader.refuses(&server.sign_as(&header, &good())).await;
        reader
            .refuses(&token(&header, &good(), |_| Vec::new()))
            .await;
    }
    for odd in [json!(null), json!(["RS256"]), json!({})] {
        reader.refuses(&server.sign_as(&header(odd), &good())).await;
    }
    reader
        .refuses(&server.sign_as(&json!({"kid": server.kid()}), &good()))
        .await;
    reader
        .refuses(&token(&header(json!("RS256")), &good(), |_| Vec::new()))
        .await;
}

#[tokio::test]
async fn the_public_key_is_never_taken_for_a_secret() {
    let server = KeyServer::start().await;
    let reader = Reader::of_keycloak(&server);
    let pem = server.public_pem();
    let jwk = server.jwks()["keys"][0].to_string();
    let modulus = server.jwks()["keys"][0]["n"].as_str().unwrap().to_owned();
    for secret in [pem.as_str(), pem.trim(), &jwk, &modulus, ""] {
        let why = reader.refuses(&hs256_token(secret, &good())).await;
        assert_eq!(why, "another algorithm");
    }
    assert_eq!(server.requests(), 0, "no key was even looked for");
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_is_not_looked_at() {
    let (server, stranger) = (KeyServer::start().await, KeyServer::start().await);
    stranger.rotate();
    let reader = Reader::of_keycloak(&server);
    let header = json!({
        "alg": "RS256",
        "kid": server.kid(),
        "jwk": stranger.jwks()["keys"][0],
        "jku": stranger.url(),
        "x5u": stranger.url(),
    });
    let why = reader.refuses(&stranger.sign_as(&header, &good())).await;
    assert_eq!(why, "the signature does not match");
    assert_eq!(stranger.requests(), 0);
    for wanted in [json!(["b64"]), json!([]), json!(null)] {
        let header = json!({"alg": "RS256", "kid": server.kid(), "crit": wanted, "b64": false});
        reader.refuses(&server.sign_as(&header, &good())).await;
    }
}

#[tokio::test]
async fn a_token_that_was_touched_is_refused() {
    let server = KeyServer::start().await;
    let token = server.sign(&good());
    let reader = Reader::of_keycloak(&server);
    assert!(reader.believes(&token).await);
    for place in (0..token.len()).step_by(7) {
        let mut touched = token.clone().into_bytes();
        touched[place] = if touched[place] == b'A' { b'B' } else { b'A' };
        let touched = String::from_utf8(touched).unwrap();
        // Where the touched byte is in `kid`, the key is another one, which is asked for once.
        reader.refuses(&touched).await;
    }
    let parts: Vec<_> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    for shape in [
        String::new(),
        "..".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{token}.{signature}"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
    ] {
        reader.refuses(&shape).await;
    }
}

#[tokio::test]
async fn a_shared_secret_proves_what_was_signed_with_it() {
    let reader = Reader::of_secret(SECRET);
    assert!(reader.believes(&hs256_token(SECRET, &good())).await);
    let anybody = with(&json!({"iss": null}));
    assert!(reader.believes(&hs256_token(SECRET, &anybody)).await);
    reader
        .refuses(&hs256_token("another secret of the same length", &good()))
        .await;
    reader
        .refuses(&hs256_token(SECRET, &with(&json!({"aud": "account"}))))
        .await;
    reader
        .refuses(&hs256_token(SECRET, &with(&json!({"exp": NOW - 30}))))
        .await;
    let server = KeyServer::start().await;
    let why = reader.refuses(&server.sign(&good())).await;
    assert_eq!(why, "another algorithm");
    reader
        .refuses(&token(&json!({"alg": "none"}), &good(), |_| Vec::new()))
        .await;
    reader
        .refuses(&token(&json!({"alg": "HS256"}), &good(), |_| Vec::new()))
        .await;
}

#[tokio::test]
async fn beside_a_shared_secret_the_issuer_counts_where_it_is_named() {
    let reader = Reader::new(&JwtSettings {
        jwt_issuer: Some(ISSUER.to_owned()),
        jwt_hs256_secret: Some(SECRET.into()),
        ..JwtSettings::default()
    });
    assert!(reader.believes(&hs256_token(SECRET, &good())).await);
    for iss in [json!(null), json!("joe")] {
        let claims = with(&json!({ "iss": iss }));
        assert_eq!(
            reader.refuses(&hs256_token(SECRET, &claims)).await,
            "another issuer"
        );
    }
}

#[tokio::test]
async fn a_long_token_is_refused_unread() {
    let reader = Reader::of_secret(SECRET);
    let padded = |size| hs256_token(SECRET, &with(&json!({"pad": "x".repeat(size)})));
    let (most, over) = (padded(5_000), padded(9_000));
    assert!(most.len() <= 8 * 1024 && over.len() > 8 * 1024);
    assert!(reader.believes(&most).await);
    assert_eq!(reader.refuses(&over).await, "longer than 8 KiB");
}

/// Text that looks like a token often enough to get past the first look.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[A-Za-z0-9_.-]{0,200}",
        "eyJhbGciOiJIUzI1NiJ9\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{43}",
        (".{0,40}", ".{0,40}").prop_map(|(alg, claims)| {
            token(&json!({"alg": alg}), &json!(claims), |_| vec![0; 32])
        }),
    ]
}

/// One for all cases: whoever asks outside loads the machine's certificates, which takes longer than a case.
fn with_reader(case: impl AsyncFnOnce(&Reader)) {
    static SHARED: LazyLock<(Runtime, Reader)> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let reader = runtime.block_on(async { Reader::of_secret(SECRET) });
        (runtime, reader)
    });
    let (runtime, reader) = &*SHARED;
    runtime.block_on(case(reader));
}

proptest! {
    #[test]
    fn any_text_is_refused_and_nothing_breaks(text in any_text()) {
        with_reader(async |reader| {
            reader.refuses(&text).await;
        });
    }

    #[test]
    fn any_claims_under_a_good_signature_break_nothing(
        name in "exp|nbf|iss|aud|sub|tenant_id|role|realm_access|organization",
        text in any::<String>(),
        number in any::<f64>(),
    ) {
        let member = json!({text.clone(): [number]});
        with_reader(async |reader| {
            for value in [json!(text), json!(number), json!([text]), member] {
                let claims = with(&json!({ name.clone(): value }));
                let _ = reader.verifier.verify(&hs256_token(SECRET, &claims)).await;
            }
        });
    }
}
