//! Credentials as request headers.

use secrecy::{ExposeSecret as _, SecretString};
use service_kit::http_client::{HeaderMap, HeaderName, HeaderValue};

use crate::source::{Auth, FetchError};

/// The headers that let us in.
///
/// # Errors
/// [`FetchError::Credentials`] for what HTTP cannot carry; the text shows no value.
pub fn headers(auth: &Auth) -> Result<HeaderMap, FetchError> {
    let (name, value) = match auth {
        Auth::None => return Ok(HeaderMap::new()),
        Auth::Bearer(token) => (authorization(), prefixed("Bearer ", token)),
        Auth::ApiKey { header, key } => {
            let name = HeaderName::from_bytes(header.as_bytes())
                .map_err(|_| unusable("api_key_header is not a header name"))?;
            (name, prefixed("", key))
        }
        Auth::Basic { username, password } => {
            let pair = format!("{username}:{}", password.expose_secret());
            (authorization(), prefixed("Basic ", &base64(&pair).into()))
        }
    };
    let mut value = HeaderValue::try_from(value.expose_secret())
        .map_err(|_| unusable("they hold characters that a header cannot carry"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(name, value)]))
}

fn authorization() -> HeaderName {
    HeaderName::from_static("authorization")
}

fn prefixed(scheme: &str, secret: &SecretString) -> SecretString {
    format!("{scheme}{}", secret.expose_secret()).into()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(text)
}

fn unusable(reason: &str) -> FetchError {
    FetchError::Credentials(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(auth: &Auth) -> Vec<(String, String)> {
        headers(auth)
            .unwrap()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn each_kind_of_credentials_has_its_header() {
        assert!(sent(&Auth::None).is_empty());
        assert_eq!(
            sent(&Auth::Bearer("t0k".to_owned().into())),
            [("authorization".to_owned(), "Bearer t0k".to_owned())]
        );
        let api_key = Auth::ApiKey {
            header: "X-Client-Key".into(),
            key: "k".to_owned().into(),
        };
        assert_eq!(sent(&api_key), [("x-client-key".into(), "k".into())]);
        let basic = Auth::Basic {
            username: "ana".into(),
            password: "pão".to_owned().into(),
        };
        assert_eq!(
            sent(&basic),
            [("authorization".into(), "Basic YW5hOnDDo28=".into())]
        );
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused_without_showing_it() {
        for auth in [
            Auth::Bearer("line\nbreak-s3cret".to_owned().into()),
            Auth::ApiKey {
                header: "not a header".into(),
                key: "s3cret".to_owned().into(),
            },
        ] {
            let error = headers(&auth).unwrap_err();
            assert!(!format!("{error:?}{error}").contains("s3cret"));
        }
    }

    #[test]
    fn credentials_never_print() {
        let headers = headers(&Auth::Bearer("s3cret".to_owned().into())).unwrap();
        assert!(!format!("{headers:?}").contains("s3cret"));
    }
}
