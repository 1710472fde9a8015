//! Changes as fast as they can be told one by one: a source is asked at once
//! when its settings are edited, and no test can wait for two hundred intervals.

use std::time::Duration;

use demo_world::ProjectHandle;
use public_service::settings::Settings;
use test_kit::{Database, PATIENCE, ProjectRow, wait_until};

use crate::world::World;

/// Changes the units of a project and sees each change published.
pub struct Pace<'a> {
    database: &'a Database,
    row: ProjectRow,
    handle: ProjectHandle,
}

impl<'a> Pace<'a> {
    /// For a project that `World::project…` made.
    pub fn new(world: &'a World, slug: &str, handle: ProjectHandle) -> Self {
        let row = ProjectRow::named(slug)
            .upstream(world.client_api.base_url(), handle.endpoint())
            .interval(300);
        Self {
            database: &world.database,
            row,
            handle,
        }
    }

    /// Settings are read again all the time, and refreshes are not limited.
    pub fn quick(settings: &mut Settings) {
        settings.source.settings_reload_seconds = Duration::from_millis(5);
        settings.limit.refresh_min_seconds = Duration::ZERO;
        settings.limit.refresh_per_minute = 100_000;
    }

    /// Gives a unit a word.
    pub async fn set(&mut self, unit: &str, word: &str) {
        self.handle.set(unit, word);
        self.publish().await;
    }

    /// Takes a unit away.
    pub async fn remove(&mut self, unit: &str) {
        self.handle.remove(unit);
        self.publish().await;
    }

    /// Has the source asked, and returns when it has been.
    pub async fn publish(&mut self) {
        let asked = self.handle.request_count();
        // Never what it was a moment ago: two edits may be read as one.
        let interval = self.row.interval_seconds.unwrap_or_default();
        self.row.interval_seconds = Some(100 + (interval + 1) % 200);
        self.database.update_project(self.row.clone()).await;
        wait_until("the edited source is asked", PATIENCE, async || {
            self.handle.request_count() > asked && self.handle.in_flight() == 0
        })
        .await;
    }
}
