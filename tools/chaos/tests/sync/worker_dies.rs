//! An ingestor that is killed, or stands still past its lease, at every stage of a run.

use demo_world::portal::Match;
use test_kit::wait_until;

use crate::barrier::Barrier;
use crate::stack::{RUN_PATIENCE, Stack, first_day};
use crate::truth;

/// The second of three pages of the first day.
fn in_the_middle() -> Match {
    Match::any().modalidade(6).day(first_day()).page(2)
}

/// Requests for one page of the first day, each with its number of times.
fn asked(stack: &Stack, page: u32) -> usize {
    let wanted = format!("pagina={page}");
    let seen = stack.portal.requests();
    let like = |path: &str| {
        let mut query = path.split(['?', '&']);
        path.contains("dataInicial=20250708")
            && path.contains("codigoModalidadeContratacao=6")
            && query.any(|part| part == wanted)
    };
    seen.iter().filter(|seen| like(&seen.path)).count()
}

#[tokio::test]
async fn killed_after_the_claim() {
    let stack = Stack::new().await;
    let gate = stack.portal.hold();
    let (admin, mut worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    stack.wait_for(id, &["running"]).await;
    worker.kill9();
    worker.wait_exit().await;
    gate.release();

    let _next = stack.worker();
    truth::holds(&stack, id).await;
    assert_eq!(stack.execution(id).await["rescues"], 1);
}

#[tokio::test]
async fn killed_between_a_committed_page_and_the_next() {
    let stack = Stack::new().await;
    let gate = stack.portal.hold_at(in_the_middle());
    let (admin, mut worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    wait_until(
        "page 3 is committed, page 2 is asked",
        RUN_PATIENCE,
        async || asked(&stack, 2) == 1,
    )
    .await;
    worker.kill9();
    worker.wait_exit().await;
    gate.release();

    let _next = stack.worker();
    truth::holds(&stack, id).await;
    // The last page was committed and is not read again; page 1 is read twice by anybody.
    assert_eq!([1, 2, 3].map(|page| asked(&stack, page)), [2, 2, 1]);
}

#[tokio::test]
async fn killed_in_the_commit_of_a_page() {
    let stack = Stack::new().await;
    let middle = "NEW.page = 2 AND NEW.pages = 3";
    let mut barrier = Barrier::before(&stack.database, "sync_pages", "INSERT", middle).await;
    let (admin, mut worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    barrier.met().await;
    worker.kill9();
    worker.wait_exit().await;
    barrier.away_with_the_dead().await;

    let _next = stack.worker();
    truth::holds(&stack, id).await;
}

#[tokio::test]
async fn killed_before_the_end_is_written() {
    let stack = Stack::new().await;
    let end = "NEW.state = 'success'";
    let mut barrier = Barrier::before(&stack.database, "sync_executions", "UPDATE", end).await;
    let (admin, mut worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    barrier.met().await;
    worker.kill9();
    worker.wait_exit().await;
    barrier.away_with_the_dead().await;

    let before = stack.portal.request_count();
    let _next = stack.worker();
    truth::holds(&stack, id).await;
    assert_eq!(stack.portal.request_count(), before, "all was read already");
}

#[tokio::test]
async fn standing_still_past_the_lease_while_another_works() {
    let stack = Stack::new().await;
    let gate = stack.portal.hold_at(in_the_middle());
    let (admin, mut paused) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    wait_until(
        "the first worker is in the middle",
        RUN_PATIENCE,
        async || asked(&stack, 2) == 1,
    )
    .await;
    let first = stack.execution(id).await["worker"].clone();
    paused.sigstop();

    let _other = stack.worker();
    wait_until("another has taken over", RUN_PATIENCE, async || {
        let row = stack.execution(id).await;
        row["state"] == "running" && row["worker"] != first && asked(&stack, 2) == 2
    })
    .await;
    paused.sigcont();
    gate.release();
    truth::holds(&stack, id).await;
    assert_ne!(stack.execution(id).await["worker"], first);

    // It noticed, said so, and is ready for other work.
    paused
        .wait_for_line("the lease is lost", |line| line.text.contains("lease"))
        .await;
    paused.sigterm();
    assert_eq!(paused.wait_exit().await, Some(0), "{}", paused.output());
}

#[tokio::test]
async fn asked_to_end_in_the_middle_it_parks_and_uses_up_no_rescue() {
    let stack = Stack::new().await;
    let gate = stack.portal.hold_at(in_the_middle());
    let (admin, mut worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    wait_until("the worker is in the middle", RUN_PATIENCE, async || {
        asked(&stack, 2) == 1
    })
    .await;
    worker.sigterm();
    assert_eq!(worker.wait_exit().await, Some(0), "{}", worker.output());
    assert_eq!(stack.execution(id).await["state"], "queued");
    gate.release();

    let _next = stack.worker();
    truth::holds(&stack, id).await;
    let row = stack.execution(id).await;
    assert_eq!((&row["rescues"], &row["attempt"]), (&0.into(), &1.into()));
    assert_eq!(asked(&stack, 3), 1);
}

#[tokio::test]
async fn three_workers_that_die_of_it_make_a_run_lost() {
    let stack = Stack::new().await;
    let _gate = stack.portal.hold();
    let admin = stack.admin().await;
    let id = admin.force().await;
    for rescues in 0..4 {
        let mut worker = stack.worker();
        stack.wait_for(id, &["running"]).await;
        assert_eq!(stack.execution(id).await["rescues"], rescues);
        worker.kill9();
        worker.wait_exit().await;
        stack.wait_for(id, &["queued", "lost"]).await;
    }
    let row = stack.ended(id).await;
    assert_eq!(
        (&row["state"], &row["status"]),
        (&"lost".into(), &"error".into())
    );
    assert!(row["error_message"].is_string(), "{row}");
}
