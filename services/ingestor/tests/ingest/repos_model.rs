//! One run among two workers, a reaper and an operator who do whatever they like in any order: the database does what
//! the state machine of core says, and nobody without the lease changes anything.

use std::time::Duration;

use farol_core::sync::{Mode, Move, State, Window};
use ingestor::infra::RepoError;
use ingestor::infra::execution_repo::{Claim, Ending, Lease, Renewal};
use ingestor::infra::segment_repo::Segment;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use sqlx::Row as _;

use crate::repos_kit::{LASTS, Repos, WORKER, answered, day, page, read, record};

/// Sequences that are tried, and steps of each.
const RUNS: usize = 12;
const STEPS: usize = 40;

#[derive(Clone, Copy, Debug)]
enum Step {
    Claim(usize),
    Renew(usize),
    Commit(usize),
    Leave(usize, Move),
    /// The reaper or an operator.
    Outside(Move),
}

fn step() -> impl Strategy<Value = Step> {
    let worker = 0..2_usize;
    let endings = proptest::sample::select(
        &[
            Move::Succeed,
            Move::EndIncomplete,
            Move::Fail,
            Move::Cancelled,
        ][..],
    );
    let pauses = proptest::sample::select(&[Move::Park, Move::FailInside][..]);
    let reaper = proptest::sample::select(&[Move::Rescue, Move::Due][..]);
    let others = proptest::sample::select(&[Move::RequestCancel, Move::Cancelled, Move::Lose][..]);
    prop_oneof![
        16 => worker.clone().prop_map(Step::Claim),
        4 => worker.clone().prop_map(Step::Renew),
        16 => worker.clone().prop_map(Step::Commit),
        1 => (worker.clone(), endings).prop_map(|(worker, by)| Step::Leave(worker, by)),
        6 => (worker, pauses).prop_map(|(worker, by)| Step::Leave(worker, by)),
        8 => reaper.prop_map(Step::Outside),
        1 => others.prop_map(Step::Outside),
    ]
}

/// What must be in the database.
struct Model {
    state: State,
    holder: Option<usize>,
    records: i32,
}

struct Game<'a> {
    repos: &'a Repos,
    id: i32,
    segment: Segment,
    leases: [Lease; 2],
    model: Model,
    pages: u32,
}

impl Game<'_> {
    fn holds(&self, worker: usize) -> bool {
        self.model.holder == Some(worker) && self.model.state.is_worked_on()
    }

    /// What the state machine says of `by`, from whoever may do it.
    fn moved(&mut self, by: Move) -> bool {
        let Ok(state) = self.model.state.after(by) else {
            return false;
        };
        self.model.state = state;
        if !state.is_worked_on() {
            self.model.holder = None;
        }
        true
    }

    async fn play(&mut self, step: Step) {
        match step {
            Step::Claim(worker) => self.claim(worker).await,
            Step::Renew(worker) => self.renew(worker).await,
            Step::Commit(worker) => self.commit(worker).await,
            Step::Leave(worker, by) => self.leave(worker, by).await,
            Step::Outside(by) => self.outside(by).await,
        }
        let row = sqlx::query(
            "SELECT state, records_processed, lease_token FROM sync_executions WHERE id = $1",
        )
        .bind(self.id)
        .fetch_one(self.repos.database.owner_pool())
        .await
        .unwrap();
        assert_eq!(row.get::<&str, _>(0), self.model.state.as_str());
        assert_eq!(row.get::<i32, _>(1), self.model.records);
        let token = self.model.holder.map(|worker| self.leases[worker].token);
        assert_eq!(row.get::<Option<uuid::Uuid>, _>(2), token);
    }

    async fn claim(&mut self, worker: usize) {
        let before = self.model.state;
        let claim = self
            .repos
            .executions
            .claim(self.id, WORKER, LASTS)
            .await
            .unwrap();
        if !self.moved(Move::Claim) {
            assert_eq!(claim, Claim::NotQueued(before));
            return;
        }
        let Claim::Taken(claimed) = claim else {
            panic!("{claim:?}")
        };
        self.leases[worker] = claimed.lease;
        self.model.holder = Some(worker);
    }

    async fn renew(&mut self, worker: usize) {
        let told = self
            .repos
            .executions
            .renew(&self.leases[worker], LASTS)
            .await
            .unwrap();
        let held = Renewal::Held(self.model.state);
        assert_eq!(
            told,
            if self.holds(worker) {
                held
            } else {
                Renewal::Lost
            }
        );
    }

    async fn commit(&mut self, worker: usize) {
        self.pages += 1;
        let raws = [record(
            u32::try_from(self.id).unwrap() * 1000 + self.pages,
            1,
            "",
        )];
        let (records, answered) = (read(&raws), answered(self.pages, &raws));
        let page = page(&answered, &records);
        let committed = self
            .repos
            .records
            .commit_page(&self.leases[worker], self.segment.id, &page)
            .await;
        if self.holds(worker) {
            assert_eq!(committed.unwrap().inserted, 1);
            self.model.records += 1;
        } else {
            assert!(
                matches!(committed, Err(RepoError::LeaseLost)),
                "{committed:?}"
            );
        }
    }

    async fn leave(&mut self, worker: usize, by: Move) {
        let (executions, lease) = (&self.repos.executions, &self.leases[worker]);
        let left = match by {
            Move::Park => executions.park(lease, WORKER).await,
            Move::FailInside => {
                executions
                    .fail_inside(lease, WORKER, "why", Duration::ZERO)
                    .await
            }
            by => {
                executions
                    .finish(
                        lease,
                        WORKER,
                        Ending {
                            by,
                            verdict: None,
                            error_message: None,
                        },
                    )
                    .await
            }
        };
        let may = self.holds(worker) && self.moved(by);
        assert_eq!(left.is_ok(), may, "{by} by {worker}: {left:?}");
    }

    /// As admin-sync-service does it: with the state as its only guard.
    async fn outside(&mut self, by: Move) {
        let from: Vec<&str> = by
            .from_states()
            .iter()
            .map(|state| state.as_str())
            .collect();
        let moved = sqlx::query(
            "UPDATE sync_executions SET state = $2,
                    lease_token = CASE WHEN $2 = 'cancelling' THEN lease_token END,
                    lease_until = CASE WHEN $2 = 'cancelling' THEN lease_until END
              WHERE id = $1 AND state = ANY($3)",
        )
        .bind(self.id)
        .bind(by.to().as_str())
        .bind(from)
        .execute(self.repos.database.owner_pool())
        .await
        .unwrap();
        assert_eq!(moved.rows_affected() == 1, self.moved(by), "{by}");
    }
}

#[tokio::test]
async fn whatever_workers_reapers_and_operators_do_the_row_is_what_the_state_machine_says() {
    let repos = Repos::fresh().await;
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().new_rng());
    for number in 0..RUNS {
        let steps = proptest::collection::vec(step(), STEPS)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        // Windows apart, so that no run is in another's way.
        let start = day().start() + chrono::TimeDelta::days(i64::try_from(number).unwrap());
        let window = Window::new(start, start + chrono::TimeDelta::hours(1)).unwrap();
        let id = repos.enqueue(Mode::Backfill, Some(window)).await;
        let run = repos.claim(id).await;
        let segment = repos.reading(&run.lease).await;
        let model = Model {
            state: State::Running,
            holder: Some(0),
            records: 0,
        };
        let leases = [
            run.lease,
            Lease {
                token: uuid::Uuid::nil(),
                ..run.lease
            },
        ];
        let mut game = Game {
            repos: &repos,
            id,
            segment,
            leases,
            model,
            pages: 0,
        };
        for step in steps {
            game.play(step).await;
        }
    }
    let counted = repos.value("SELECT sum(inserted) AS a, (SELECT sum(records_processed) FROM sync_executions) AS b, (SELECT count(*) FROM pncp_contratacoes) AS c, (SELECT count(*) FROM sync_pages JOIN sync_segments s ON s.id = segment_id JOIN sync_executions e ON e.id = s.execution_id WHERE e.state IN ('success', 'incomplete', 'error')) AS d FROM sync_segments").await;
    let first = &counted[0]["a"];
    assert!(first.as_i64().unwrap() > 30, "{counted}");
    assert!(
        ["b", "c"].iter().all(|name| &counted[0][name] == first),
        "{counted}"
    );
    assert_eq!(counted[0]["d"], 0, "pages that nobody reads on from");
}
