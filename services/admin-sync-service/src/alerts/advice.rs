//! What to do, for each kind of incident: for whoever is woken at three in the morning.

/// What to do about an incident of this kind; `run` is the run it showed in, as its id or `{id}`.
pub fn advice(kind: &str, run: &str, queue: &str) -> String {
    match kind {
        "run_incomplete" => format!(
            "What was read is kept. If `source` in GET /sync/status is down, wait until it is ok. Then POST \
             /sync/executions/{run}/retry: it reads only the segments that are missing."
        ),
        "run_error" => format!(
            "GET /sync/executions/{run} has the cause and the events. Mend it (database, disk, settings of the \
             ingestor), then POST /sync/executions/{run}/retry."
        ),
        "run_lost" => format!(
            "Its workers died or hung several times: look for crashes and out-of-memory kills of the ingestor. What \
             was read is kept; POST /sync/executions/{run}/retry goes on from there."
        ),
        "no_progress" => format!(
            "If `source` in GET /sync/status is down, the run waits for the portal and goes on by itself. Otherwise \
             see /status of the ingestor; POST /sync/executions/{run}/cancel, then …/retry, starts it afresh \
             without loss."
        ),
        "not_claimed" => format!(
            "See that an ingestor runs, that its /health/ready is 200, and that it reads the queue {queue} of the \
             same broker and database. Nothing has to be asked for again: the run starts when one does."
        ),
        "no_update" => "See GET /sync/history?mode=update for why the last ones did not succeed. Nothing is lost: the \
             next complete update reads from the last proven instant. POST /sync/force starts one now."
            .to_owned(),
        "gap" => "MAX_CATCHUP_DAYS keeps an update from reaching back so far. POST /sync/force with mode backfill and \
             these two instants as data_ini and data_fim reads what was published then, and ends this incident; \
             what was only changed then comes with its next change, or with a backfill of the day it was published."
            .to_owned(),
        "source_down" => "Runs wait for the portal and go on by themselves. See whether it answers a browser; if it \
             does, see /status of the ingestor and its way out to the network."
            .to_owned(),
        "dead_letters" => format!(
            "Some program sent what is no request. The header x-farol-reason of each message in {queue}.dead says \
             why. Mend the sender or the ingestor; then requeue what can be read now, and drop the rest, on the page System \
             of the console: that ends this incident."
        ),
        _ => "See GET /sync/dashboard.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of incidents that `condition` finds.
    const KINDS: [&str; 9] = [
        "run_incomplete",
        "run_error",
        "run_lost",
        "no_progress",
        "not_claimed",
        "no_update",
        "gap",
        "source_down",
        "dead_letters",
    ];

    #[test]
    fn every_kind_has_advice_of_its_own() {
        let other = advice("another", "17", "q");
        let all = KINDS.map(|kind| advice(kind, "17", "q"));
        for (kind, text) in KINDS.iter().zip(&all) {
            assert_ne!(*text, other, "{kind}");
            assert!(!text.contains("  "), "{kind}: {text}");
        }
    }
}
