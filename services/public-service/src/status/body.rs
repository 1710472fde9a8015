//! The JSON of GET and refresh. A GET's bytes are kept until something in them
//! changes: a thousand readers a second share one serialization per second.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use farol_core::status::Snapshot;
use serde::Serialize;
use utoipa::ToSchema;

use super::present::{DataState, Present, Version};
use super::shape;

/// The present state of a project.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectStatus)]
pub struct StatusBody<'a> {
    /// The slug.
    project: &'a str,
    #[schema(schema_with = shape::statuses)]
    statuses: &'a Snapshot,
    /// How many units.
    count: usize,
    /// How far they can be trusted.
    state: DataState,
    /// When the client API last gave a good answer.
    #[schema(required, format = DateTime)]
    as_of: Option<String>,
    /// Whole seconds since then.
    #[schema(required)]
    age_seconds: Option<u64>,
    #[schema(schema_with = shape::version)]
    version: &'a Version,
    /// Described apart: a GET has none.
    #[serde(flatten)]
    #[schema(ignore)]
    refresh: Option<Refresh>,
}

/// What a forced refresh tells beside the state.
#[derive(Serialize, ToSchema)]
pub struct Refresh {
    /// Whether the fetch brought data.
    refreshed: bool,
    /// When it ended.
    #[schema(format = DateTime)]
    refreshed_at: String,
}

/// The answer to a forced refresh at `at` (RFC 3339).
pub fn refreshed(present: &Present, ok: bool, at: String) -> Bytes {
    let refresh = Refresh {
        refreshed: ok,
        refreshed_at: at,
    };
    encode(present, Some(refresh))
}

/// The bytes of the last GET, with what they were made of.
#[derive(Default)]
pub struct BodyCache(Mutex<Option<(Key, Bytes)>>);

#[derive(PartialEq)]
struct Key {
    step: u64,
    state: DataState,
    as_of: Option<chrono::DateTime<chrono::Utc>>,
    age_seconds: Option<u64>,
}

impl BodyCache {
    /// The answer to a GET that may show `present`.
    pub fn get(&self, present: &Present) -> Bytes {
        let key = Key {
            step: present.version.step,
            state: present.state,
            as_of: present.read.map(|read| read.as_of),
            age_seconds: age_seconds(present),
        };
        if let Some((_, bytes)) = self.lock().as_ref().filter(|(cached, _)| *cached == key) {
            return bytes.clone();
        }
        let bytes = encode(present, None);
        *self.lock() = Some((key, bytes.clone()));
        bytes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Key, Bytes)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(present: &Present, refresh: Option<Refresh>) -> Bytes {
    let body = StatusBody {
        project: present.slug.as_str(),
        statuses: &present.units,
        count: present.units.len(),
        state: present.state,
        as_of: present.as_of(),
        age_seconds: age_seconds(present),
        version: &present.version,
        refresh,
    };
    // Text and numbers always serialize.
    serde_json::to_vec(&body).unwrap_or_default().into()
}

fn age_seconds(present: &Present) -> Option<u64> {
    present.age().map(|age| age.as_secs())
}
