//! Runs that are over are kept for ever, or for `RETENTION_DAYS`.

use crate::world::World;

async fn old(world: &World, mode: &str, state: &str, parent: &str) -> i32 {
    let id = world
        .run(
            "mode, state, parent_id, created_at, finished_at",
            &format!(
                "'{mode}', '{state}', {parent}, now() - interval '50 days', now() - interval '41 days'"
            ),
        )
        .await;
    for theirs in [
        "sync_events (execution_id, actor, kind) VALUES (ID, 'worker-1', 'claim')",
        "sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to)
         VALUES (ID, 'publicacao', 6, '2025-07-10', '2025-07-10', '2025-07-10', '2025-07-11')",
        "sync_quarantine (execution_id, endpoint, reason, raw, at)
         VALUES (ID, 'publicacao', 'odd', '{}', now() - interval '41 days')",
    ] {
        let insert = format!("INSERT INTO {theirs}").replace("(ID,", &format!("({id},"));
        world.sql(&insert).await;
    }
    id
}

async fn kept(world: &World) -> Vec<i32> {
    let ids = "SELECT COALESCE(array_agg(id ORDER BY id), '{}') FROM sync_executions WHERE requested_by IS NULL";
    world.value(ids).await
}

#[tokio::test]
async fn nothing_is_deleted_unless_somebody_says_after_how_long() {
    let world = World::start().await;
    let run = old(&world, "backfill", "error", "NULL").await;
    world.a_whole_round().await;
    assert_eq!(kept(&world).await, [run]);
    world.shutdown().await;
}

#[tokio::test]
async fn runs_that_are_over_for_long_go_with_all_that_is_theirs_and_what_is_needed_stays() {
    let world = World::start().await;
    old(&world, "update", "success", "NULL").await;
    let newest = old(&world, "update", "success", "NULL").await;
    old(&world, "update", "incomplete", "NULL").await;
    let parent = old(&world, "backfill", "error", "NULL").await;
    let child = world
        .run(
            "mode, state, parent_id, finished_at",
            &format!("'backfill', 'success', {parent}, now()"),
        )
        .await;
    let line = old(&world, "backfill", "lost", "NULL").await;
    old(&world, "backfill", "cancelled", &line.to_string()).await;
    let told = old(&world, "backfill", "error", "NULL").await;
    world
        .sql(&format!(
            "INSERT INTO sync_incidents (fingerprint, kind, summary, execution_id) VALUES ('x', 'run_error', 'x', {told})"
        ))
        .await;
    // Asked for long ago and not over: nobody's business here.
    let waiting = world
        .run(
            "mode, state, created_at, updated_at",
            "'backfill', 'queued', now() - interval '50 days', now()",
        )
        .await;
    // Not before all is there: what looks needless for a moment would go.
    let world = world
        .restarted(|settings| settings.keeper.retention_days = 40)
        .await;
    world
        .holds(&format!(
            "SELECT array_agg(id ORDER BY id) = ARRAY[{newest}, {parent}, {child}, {told}, {waiting}]
             FROM sync_executions WHERE requested_by IS NULL"
        ))
        .await;
    world.a_whole_round().await;
    assert_eq!(kept(&world).await, [newest, parent, child, told, waiting]);
    for table in ["sync_events", "sync_segments", "sync_quarantine"] {
        let theirs = format!(
            "SELECT count(*) FROM {table} t WHERE NOT EXISTS
                 (SELECT FROM sync_executions e WHERE e.id = t.execution_id)"
        );
        assert_eq!(world.value::<i64>(&theirs).await, 0, "{table}");
    }
    let counted: bool = world
        .value(
            "SELECT (SELECT sum(runs) FROM sync_execution_day_counts) = (SELECT count(*) FROM sync_executions)",
        )
        .await;
    assert!(counted);
    world.shutdown().await;
}
