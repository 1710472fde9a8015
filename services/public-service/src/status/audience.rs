//! Polling follows the audience: the first subscriber of a project starts its
//! poller, under the topic's lock. The poller sees the last one leave and stops
//! itself after a linger, under the same lock.

use std::sync::Weak;

use live_hub::Audience;

use super::project::Project;

/// Tells a project of its comers and goers.
pub struct Watchers(pub Weak<Project>);

impl Audience for Watchers {
    fn first_in(&self) {
        if let Some(project) = self.0.upgrade() {
            project.start_poller();
        }
    }

    fn last_out(&self) {
        if let Some(project) = self.0.upgrade() {
            project.nudge();
        }
    }
}
