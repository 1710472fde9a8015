//! The ops listener of another service: whether it is ready, what it does, which build it is.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use farol_core::status::Slug;
use serde::Deserialize;
use serde_json::value::RawValue;
use service_kit::http_client::{Outbound, Request, shown};
use service_kit::settings::Url;

use crate::neighbours::{Health, Live};

/// A listener on a thread of its own that needs longer is away.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Thousands of projects, each with its unmapped words, are on `/status`.
const CAP: usize = 16 * 1024 * 1024;
/// Projects of one listener that are kept. An entry takes a few bytes there and hundreds here.
const MOST_PROJECTS: usize = 20_000;

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

/// Entries are looked at one by one where they stand: as values they would take fifty times their room.
#[derive(Deserialize)]
struct StatusBody<'a> {
    uptime_seconds: Option<u64>,
    #[serde(borrow, default)]
    projects: Vec<&'a RawValue>,
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
        told(&body).ok_or_else(|| "its answer to /status is none of a service of ours".to_owned())
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

/// What a `/status` says; `None` for what is none. Projects have slugs: others are nobody's, and no column takes some.
fn told(body: &[u8]) -> Option<Doing> {
    let body: StatusBody<'_> = serde_json::from_slice(body).ok()?;
    let projects = body.projects.iter();
    let projects = projects.filter_map(|it| serde_json::from_str::<Project>(it.get()).ok());
    let projects = projects.filter(|it| Slug::parse(&it.slug).is_some());
    let projects = projects.take(MOST_PROJECTS);
    Some(Doing {
        uptime_seconds: body.uptime_seconds,
        projects: projects.map(|it| (it.slug, it.live)).collect(),
    })
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
    use super::{MOST_PROJECTS, told, version};

    #[test]
    fn entries_that_are_no_projects_hide_no_other() {
        let body = r#"{"uptime_seconds": 7, "projects": [
            0, {}, {"slug": "a\u0000b"}, {"slug": "Tower"}, {"slug": "gate", "units": -1},
            {"slug": "tower", "units": 3, "more": [1]}
        ]}"#;
        let doing = told(body.as_bytes()).unwrap();
        assert_eq!(doing.uptime_seconds, Some(7));
        let slugs: Vec<_> = doing.projects.keys().collect();
        assert_eq!(slugs, ["tower"]);
        assert_eq!(doing.projects["tower"].units, 3);
        for none in ["", "[]", r#"{"projects": {}}"#, r#"{"projects": [1"#] {
            assert!(told(none.as_bytes()).is_none(), "{none}");
        }
    }

    #[test]
    fn a_flood_of_projects_is_not_kept() {
        let entries: Vec<_> = (0..=MOST_PROJECTS)
            .map(|it| format!(r#"{{"slug":"p-{it}"}}"#))
            .collect();
        let body = format!(r#"{{"projects":[{}]}}"#, entries.join(","));
        assert_eq!(told(body.as_bytes()).unwrap().projects.len(), MOST_PROJECTS);
    }

    #[test]
    fn the_version_is_a_label_of_the_build() {
        let metrics = "# TYPE build_info gauge\nother{version=\"9\"} 1\nbuild_info{commit=\"c\",version=\"1.2.3\"} 1\n";
        assert_eq!(version(metrics).as_deref(), Some("1.2.3"));
        for none in ["", "build_info 1", "build_info{commit=\"c\"} 1", "<html>"] {
            assert_eq!(version(none), None, "{none}");
        }
    }
}
