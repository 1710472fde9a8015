//! `/status` of the ops listener: what is known of every project, for operators
//! and the admin console. The only place where slugs and errors are shown.

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::present::DataState;
use super::project::Project;
use super::projects::Projects;
use super::report::UnmappedValue;

#[derive(Serialize)]
struct ProjectOverview<'a> {
    slug: &'a str,
    state: DataState,
    as_of: Option<String>,
    subscribers: usize,
    version: String,
    units: usize,
    last_error: Option<String>,
    /// RFC 3339; null while a fetch runs, or where none is planned.
    next_attempt_at: Option<String>,
    circuit_open: bool,
    upstream: Upstream,
    unmapped: Vec<UnmappedValue>,
    skipped: usize,
    duplicates: usize,
    settings_complaints: Vec<String>,
}

#[derive(Serialize)]
struct Upstream {
    requests: u64,
    not_modified: u64,
    failures: u64,
}

impl Projects {
    /// One entry per known project, by slug.
    pub fn overview(&self) -> Value {
        self.all().iter().map(|project| overview(project)).collect()
    }
}

fn overview(project: &Project) -> Value {
    let present = project.present();
    let subscribers = project.topic.subscribers();
    let integration = project.integration();
    let engine = project.engine.lock();
    let report = &engine.report;
    let shown = ProjectOverview {
        slug: project.slug.as_str(),
        state: present.state,
        as_of: present.as_of(),
        subscribers,
        version: present.version.to_string(),
        units: present.units.len(),
        last_error: report.last_error.clone().or_else(|| integration.problem()),
        next_attempt_at: project.next_attempt_at(&engine, Instant::now()),
        circuit_open: engine.schedule.circuit_open(),
        upstream: Upstream {
            requests: report.requests,
            not_modified: report.not_modified,
            failures: report.failures,
        },
        unmapped: report.unmapped(),
        skipped: report.skipped,
        duplicates: report.duplicates,
        settings_complaints: integration.complaints.clone(),
    };
    json!(shown)
}
