//! The ops listener of another service: whether it is ready, what it does, which build it is.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use service_kit::http_client::{Outbound, Request, shown};
use service_kit::settings::Url;

use crate::neighbours::{Health, Live};

/// A listener on a thread of its own that needs longer is away.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Thousands of projects, each with its unmapped words, are on `/status`.
const CAP: usize = 16 * 1024 * 1024;

/// One listener. Its outbound client allows private addresses: it is the operator's own.
#[derive(Clone, Debug)]
pub struct OpsApi {
    outbound: Outbound,
    base: String,
}

/// What a service does right now.
#[derive(Debug, Default)]
pub struct Doing {
    /// Since its start.
    pub uptime_seconds: Option<u64>,
    /// Of public-service: the projects that it knows, by slug.
    pub projects: BTreeMap<String, Live>,
}

#[derive(Deserialize)]
struct StatusBody {
    uptime_seconds: Option<u64>,
    #[serde(default)]
    projects: Vec<Value>,
}

#[derive(Deserialize)]
struct Project {
    slug: String,
    #[serde(flatten)]
    live: Live,
}

impl OpsApi {
    /// The listener at `base`.
    pub fn new(outbound: Outbound, base: &Url) -> Self {
        let base = base.as_str().trim_end_matches('/').to_owned();
        Self { outbound, base }
    }

    /// Its address, as it may be shown.
    pub fn shown(&self) -> String {
        shown(&self.base).trim_end_matches('/').to_owned()
    }

    /// `/health/ready`: both of its answers are one.
    ///
    /// # Errors
    /// In words for operators.
    pub async fn health(&self) -> Result<Health, String> {
        let (status, body) = self.get("/health/ready").await?;
        if !matches!(status, 200 | 503) {
            return Err(format!("it answers {status} to /health/ready"));
        }
        serde_json::from_slice(&body).map_err(|_| {
            format!("its answer to /health/ready ({status}) is none of a service of ours")
        })
    }

    /// `/status`. An entry that cannot be read hides no other.
    ///
    /// # Errors
    /// In words for operators.
    pub async fn doing(&self) -> Result<Doing, String> {
        let (status, body) = self.get("/status").await?;
        if status != 200 {
            return Err(format!("it answers {status} to /status"));
        }
        let body: StatusBody = serde_json::from_slice(&body)
            .map_err(|_| "its answer to /status is none of a service of ours".to_owned())?;
        let projects = body.projects.into_iter();
        let projects = projects.filter_map(|it| serde_json::from_value::<Project>(it).ok());
        Ok(Doing {
            uptime_seconds: body.uptime_seconds,
            projects: projects.map(|it| (it.slug, it.live)).collect(),
        })
    }

    /// The version of its build, from `/metrics`: asked for once per process, since it renders every figure.
    ///
    /// # Errors
    /// In words for operators.
    pub async fn version(&self) -> Result<Option<String>, String> {
        let (status, body) = self.get("/metrics").await?;
        if status != 200 {
            return Err(format!("it answers {status} to /metrics"));
        }
        Ok(version(&String::from_utf8_lossy(&body)))
    }

    async fn get(&self, path: &str) -> Result<(u16, Bytes), String> {
        let request = Request {
            url: format!("{}{path}", self.base),
            headers: std::iter::empty().collect(),
            timeout: TIMEOUT,
            cap: CAP,
        };
        let answer = self.outbound.get(&request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        Ok((answer.status.as_u16(), answer.body))
    }
}

/// The label of `build_info{…,version="…"}`.
fn version(metrics: &str) -> Option<String> {
    let mut lines = metrics.lines();
    let labels = lines.find_map(|line| line.strip_prefix("build_info{"))?;
    let (_, value) = labels.split_once("version=\"")?;
    let (version, _) = value.split_once('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_a_label_of_the_build() {
        let metrics = "# TYPE build_info gauge\nother{version=\"9\"} 1\nbuild_info{commit=\"c\",version=\"1.2.3\"} 1\n";
        assert_eq!(version(metrics).as_deref(), Some("1.2.3"));
        for none in ["", "build_info 1", "build_info{commit=\"c\"} 1", "<html>"] {
            assert_eq!(version(none), None, "{none}");
        }
    }
}
