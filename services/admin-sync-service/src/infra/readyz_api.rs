//! Whether the gateway says that it is ready.

use std::time::Duration;

use service_kit::http_client::{Outbound, Request};
use service_kit::settings::Url;

/// A neighbour that needs longer is not ready.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The answer is a line.
const CAP: usize = 64 * 1024;

/// The gateway's `/readyz`.
#[derive(Clone, Debug)]
pub struct ReadyzApi {
    outbound: Outbound,
    url: String,
}

impl ReadyzApi {
    /// Of the gateway at `base`.
    pub fn new(outbound: Outbound, base: &Url) -> Self {
        let url = format!("{}/readyz", base.as_str().trim_end_matches('/'));
        Self { outbound, url }
    }

    /// Whether it is ready.
    ///
    /// # Errors
    /// In words for operators.
    pub async fn ask(&self) -> Result<(), String> {
        let request = Request {
            url: self.url.clone(),
            headers: std::iter::empty().collect(),
            timeout: TIMEOUT,
            cap: CAP,
        };
        let answer = self.outbound.get(&request).await;
        let answer = answer.map_err(|error| format!("the gateway gives no answer: {error}"))?;
        if answer.status.is_success() {
            Ok(())
        } else {
            let status = answer.status.as_u16();
            Err(format!("the gateway is not ready: it answers {status}"))
        }
    }
}
