//! From what is found in the database to what is wrong, in words: one condition per thing that can be wrong, whether
//! it is or not. Pure; what becomes of one is the watch's business.

/// Whether one thing is as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The same thing has the same one, whatever run it showed in.
    pub fingerprint: String,
    /// What is wrong; `None` = nothing is.
    pub wrong: Option<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// One word of a closed set; `advice` knows what to do about it.
    pub kind: &'static str,
    /// What happened, in one sentence.
    pub summary: String,
    /// The run that it showed in.
    pub execution_id: Option<i32>,
}

/// A run that has a worker and gets nowhere.
#[derive(Clone, Debug)]
pub struct SilentRun {
    /// Which.
    pub id: i32,
    /// `update` or `backfill`.
    pub mode: String,
    /// Who has it.
    pub worker: Option<String>,
    /// Since it last committed something.
    pub minutes: i64,
}

/// A run that nobody takes.
#[derive(Clone, Debug)]
pub struct WaitingRun {
    /// Which.
    pub id: i32,
    /// `update` or `backfill`.
    pub mode: String,
    /// Since it is queued.
    pub minutes: i64,
    /// Why its message is not published, where that is so.
    pub broker_error: Option<String>,
}

/// How old the newest complete update is.
#[derive(Clone, Copy, Debug)]
pub struct LateUpdate {
    /// The newest complete one; `None` = there has been none.
    pub id: Option<i32>,
    /// Since it ended, or since the first update was asked for.
    pub minutes: i64,
}

/// How the source has been, where anybody has ever said so.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// Minutes for which it has been down; `None` = it is not.
    pub down_minutes: Option<i64>,
    /// The word comes from a worker; if not, none has reported for 30 s.
    pub is_reported: bool,
}

/// Whether every run that has a worker moves on.
pub fn progress(silent: &[SilentRun]) -> Condition {
    let wrong = silent.first().map(|first| {
        let worker = first.worker.as_deref().unwrap_or("unknown");
        let (mode, id, minutes) = (&first.mode, first.id, first.minutes);
        let others = others(silent.len());
        Finding {
            kind: "no_progress",
            summary: format!(
                "{mode} {id} has committed nothing for {minutes} min (worker {worker}){others}"
            ),
            execution_id: Some(id),
        }
    });
    named("no_progress", wrong)
}

/// Whether every queued run finds a worker.
pub fn claims(waiting: &[WaitingRun]) -> Condition {
    let wrong = waiting.first().map(|first| {
        let (mode, id, minutes) = (&first.mode, first.id, first.minutes);
        let why = first.broker_error.as_ref().map_or_else(
            || "its message is with the broker, and no ingestor takes it".to_owned(),
            |error| format!("its message is not with the broker: {error}"),
        );
        let others = others(waiting.len());
        Finding {
            kind: "not_claimed",
            summary: format!("{mode} {id} has been queued for {minutes} min: {why}{others}"),
            execution_id: Some(id),
        }
    });
    named("not_claimed", wrong)
}

/// Whether the data is fresh: a complete update within `limit` minutes.
pub fn freshness(late: LateUpdate, limit: u32) -> Condition {
    let wrong = (late.minutes >= i64::from(limit)).then(|| Finding {
        kind: "no_update",
        summary: match late.id {
            Some(id) => format!(
                "no update has been complete for {} min; the last one was {id}",
                late.minutes
            ),
            None => format!("no update has ever been complete, for {} min", late.minutes),
        },
        execution_id: late.id,
    });
    named("no_update", wrong)
}

/// Whether the source can be read, unless it is down for less than `limit` minutes.
pub fn source(state: &SourceState, limit: u32) -> Condition {
    let down = state
        .down_minutes
        .filter(|minutes| *minutes >= i64::from(limit));
    let wrong = down.map(|minutes| Finding {
        kind: "source_down",
        summary: if state.is_reported {
            format!("the portal cannot be read, for {minutes} min")
        } else {
            format!("no ingestor has said how the portal is, for {minutes} min")
        },
        execution_id: None,
    });
    named("source_down", wrong)
}

/// A count of dead letters that can be believed. Whoever looks into the queue holds its messages for a moment, and none is
/// counted then: it is empty where it was so at the last look too (`emptied`).
pub fn counted(dead: Option<u32>, emptied: &mut bool) -> Option<u32> {
    let was_empty = std::mem::replace(emptied, dead == Some(0));
    dead.filter(|count| *count > 0 || was_empty)
}

/// Whether every message could be read.
pub fn dead_letters(queue: &str, count: u32) -> Condition {
    let wrong = (count > 0).then(|| Finding {
        kind: "dead_letters",
        summary: format!("{count} messages that nobody can read are in the queue {queue}"),
        execution_id: None,
    });
    named("dead_letters", wrong)
}

fn named(fingerprint: &str, wrong: Option<Finding>) -> Condition {
    Condition {
        fingerprint: fingerprint.to_owned(),
        wrong,
    }
}

fn others(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        more => format!("; {more} more like it"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn a_queue_that_somebody_looks_into_is_not_taken_for_empty() {
        let mut emptied = false;
        let looks = [
            Some(2),
            Some(0),
            Some(2),
            Some(0),
            None,
            Some(0),
            Some(0),
            Some(1),
        ];
        let told = looks.map(|dead| counted(dead, &mut emptied));
        let expected = [Some(2), None, Some(2), None, None, None, Some(0), Some(1)];
        assert_eq!(told, expected);
    }
}
