//! The duty of the leader to write beside each integration how its client API does, so that it is known without
//! public-service, too.

use std::time::Duration;

use chrono::Datelike as _;
use tokio::time::Instant;

use super::{Live, Neighbours};
use crate::infra::sync_state_repo::{SyncFact, SyncStateRepo};

/// Characters that the column has room for.
const LONGEST_ERROR: usize = 500;

/// Writes what public-service knows of each project.
pub struct SyncState {
    /// What it knows.
    pub neighbours: Neighbours,
    /// Where it is written.
    pub repo: SyncStateRepo,
    /// `SYNC_STATE_MS`: between two times.
    pub every: Duration,
    /// When it is due next; `None`: now.
    pub due: Option<Instant>,
    /// It could not be written the last time.
    pub fails: bool,
}

impl SyncState {
    /// Writes, where it is time to. That it cannot be is told once, and keeps the leader from no other duty.
    pub async fn look(&mut self) {
        if self.due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        let live = self.neighbours.all_live();
        let facts: Vec<SyncFact> = live.iter().map(|(slug, live)| fact(slug, live)).collect();
        // A project that nobody knows keeps what was written of it.
        let written = if facts.is_empty() {
            Ok(0)
        } else {
            self.repo.write(&facts).await
        };
        // From the end of the write: a slow database is not asked without a pause.
        self.due = Some(Instant::now() + self.every);
        match (&written, self.fails) {
            (Err(error), false) => {
                tracing::warn!(%error, "the state of integrations is not written");
            }
            (Ok(_), true) => tracing::info!("the state of integrations is written again"),
            _ => {}
        }
        self.fails = written.is_err();
    }
}

/// `error` with the error, whatever viewers still see; `success` while the state is live; `idle` where nobody asks the
/// client API, or it has not answered yet.
fn fact(slug: &str, live: &Live) -> SyncFact {
    let error = live.last_error.as_deref().map(cut);
    SyncFact {
        slug: slug.to_owned(),
        // One time that the column cannot take would keep all others from being written.
        heard_at: live.as_of.filter(|it| (1..=9999).contains(&it.year())),
        status: match (&error, live.state.as_str()) {
            (Some(_), _) => "error",
            (None, "live") => "success",
            (None, _) => "idle",
        },
        error,
    }
}

/// What the column takes: no NUL, and only so much.
fn cut(text: &str) -> String {
    let kept = text.chars().take(LONGEST_ERROR);
    kept.map(|it| {
        if it == '\0' {
            char::REPLACEMENT_CHARACTER
        } else {
            it
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{Live, fact};

    fn told(state: &str, error: Option<&str>) -> (&'static str, Option<String>) {
        let live = Live {
            state: state.to_owned(),
            last_error: error.map(str::to_owned),
            ..Live::default()
        };
        let fact = fact("tower", &live);
        (fact.status, fact.error)
    }

    #[test]
    fn an_error_comes_before_what_viewers_still_see() {
        for state in ["live", "stale", "unknown"] {
            let expected = ("error", Some("no answer".to_owned()));
            assert_eq!(told(state, Some("no answer")), expected);
        }
        assert_eq!(told("live", None), ("success", None));
        assert_eq!(told("stale", None), ("idle", None));
        assert_eq!(told("unknown", None), ("idle", None));
    }

    #[test]
    fn an_error_is_cut_at_a_character_and_holds_no_nul() {
        let (_, error) = told("stale", Some(&format!("\0{}", "é".repeat(600))));
        assert_eq!(error, Some(format!("\u{fffd}{}", "é".repeat(499))));
    }
}
