//! Notices by HTTP: a POST of JSON, signed so that its receiver can tell it from anybody else's.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use service_kit::http_client::{Outbound, OutboundError, Request};
use service_kit::settings::{ExposeSecret as _, Secret};
use sha2::Sha256;

use crate::alerts::Notice;

/// What a receiver answers is not read beyond this.
const ANSWER_CAP: usize = 64 * 1024;

/// The receiver.
pub struct Webhook {
    outbound: Outbound,
    url: Secret,
    key: Option<Secret>,
    timeout: Duration,
}

impl Webhook {
    /// Posts to `url`, signed with `key`.
    pub fn new(outbound: Outbound, url: Secret, key: Option<Secret>, timeout: Duration) -> Self {
        Self {
            outbound,
            url,
            key,
            timeout,
        }
    }

    /// Delivers one notice; anything but a 2xx is a failure.
    ///
    /// # Errors
    /// In words that name neither the address nor the key.
    pub async fn send(&self, notice: &Notice) -> Result<(), String> {
        let body = serde_json::to_vec(notice).map_err(|error| error.to_string())?;
        let answer = self
            .outbound
            .post(&self.request(&body)?, Bytes::from(body))
            .await;
        let answer = answer.map_err(|error| match error {
            // The address may be the credential.
            OutboundError::BadUrl(_) => "the address cannot be used".to_owned(),
            error => error.to_string(),
        })?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(format!("the receiver answered {}", answer.status.as_u16()))
        }
    }

    fn request(&self, body: &[u8]) -> Result<Request, String> {
        let mut request = Request {
            url: self.url.expose_secret().to_owned(),
            headers: std::iter::empty().collect(),
            timeout: self.timeout,
            cap: ANSWER_CAP,
        };
        let mut set = |name: &'static str, value: &str| {
            let value = value
                .parse()
                .map_err(|_| format!("{name} cannot be sent"))?;
            request.headers.insert(name, value);
            Ok::<_, String>(())
        };
        set("content-type", "application/json")?;
        if let Some(key) = &self.key {
            set("x-farol-signature", &signature(key, body)?)?;
        }
        Ok(request)
    }
}

/// `sha256=<HMAC-SHA256 of the body, hex>`.
fn signature(key: &Secret, body: &[u8]) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .map_err(|_| "the key cannot be used".to_owned())?;
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    Ok(digest.iter().fold("sha256=".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
