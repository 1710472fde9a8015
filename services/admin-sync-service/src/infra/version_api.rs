//! The version of the frontend, as its own file tells it.

use std::time::Duration;

use serde::Deserialize;
use service_kit::http_client::{Outbound, Request};
use service_kit::settings::Url;

use crate::live::Announced;

/// A file of a web server near by.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A version and its changelog.
const CAP: usize = 256 * 1024;

/// `FRONTEND_VERSION_URL`.
#[derive(Clone, Debug)]
pub struct VersionApi {
    outbound: Outbound,
    url: Url,
}

#[derive(Deserialize)]
struct VersionFile {
    version: String,
    changelog: Option<String>,
}

impl VersionApi {
    /// The file at `url`: `{"version", "changelog"?}`.
    pub fn new(outbound: Outbound, url: Url) -> Self {
        Self { outbound, url }
    }

    /// What it says now.
    ///
    /// # Errors
    /// In words for the log.
    pub async fn fetch(&self) -> Result<Announced, String> {
        let request = Request {
            url: self.url.to_string(),
            headers: std::iter::empty().collect(),
            timeout: TIMEOUT,
            cap: CAP,
        };
        let answer = self.outbound.get(&request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("it answers {}", answer.status.as_u16()));
        }
        let file: VersionFile =
            serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        Ok(Announced {
            version: file.version,
            changelog: file.changelog,
        })
    }
}
