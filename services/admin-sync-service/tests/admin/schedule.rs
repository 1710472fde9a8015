//! The schedule of updates, and the one leader that keeps it.

use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use test_kit::{ChaosProxy, Database, PATIENCE, wait_until};

use crate::world::{Service, World};

/// Ends the connection that holds the leader's seat; the number of seats that were held.
const UNSEAT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
    WHERE locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = 4706230114010
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn two_replicas_make_one_update_per_interval() {
    let world = scheduled().await;
    let other = world.replica(|settings| settings.sync.sync_interval_minutes = 1);
    other.ready().await;
    world.a_whole_round().await;
    assert_eq!(world.runs().await, 1);

    end_update(&world, "1 minute 1 second", "1 second").await;
    wait_until("the next one is made", PATIENCE, async || {
        world.runs().await == 2
    })
    .await;
    world.a_whole_round().await;
    assert_eq!(world.runs().await, 2);
    let by: i64 = world
        .value("SELECT count(*) FROM sync_executions WHERE requested_by = 'schedule'")
        .await;
    assert_eq!(by, 2);
    other.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_scheduled_update_is_announced_and_noted() {
    let world = scheduled().await;
    let mut found = None;
    wait_until("it is announced", PATIENCE, async || {
        if world.rabbit.depth(&world.queue).await.is_some() {
            found = world.rabbit.get(&world.queue).await;
        }
        found.is_some()
    })
    .await;
    let body: Value = serde_json::from_slice(&found.unwrap().body).unwrap();
    let id: i32 = world.value("SELECT id FROM sync_executions").await;
    assert_eq!(
        body,
        serde_json::json!({"v": 1, "execution_id": id, "mode": "update"})
    );
    assert_eq!(world.events(id).await, ["queued"]);
    let row = world.row(id).await;
    assert!(
        row["window_start"].is_null(),
        "the window is fixed by the claim: {row}"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn no_update_is_made_while_one_lives() {
    let world = scheduled().await;
    for state in ["queued", "retry_wait"] {
        world
            .sql(&format!(
                "UPDATE sync_executions SET state = '{state}', created_at = now() - interval '1 day',
                        next_attempt_at = now() + interval '1 hour' WHERE mode = 'update'"
            ))
            .await;
        world.a_whole_round().await;
        assert_eq!(world.runs().await, 1, "{state}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn after_a_long_update_the_next_waits_for_twice_its_duration() {
    let world = scheduled().await;
    end_update(&world, "9 minutes", "5 minutes").await;
    world.a_whole_round().await;
    assert_eq!(world.runs().await, 1, "nine minutes are not twice five");

    world.sql("UPDATE sync_executions SET created_at = now() - interval '11 minutes' WHERE mode = 'update'").await;
    wait_until("the next one is made", PATIENCE, async || {
        world.runs().await == 2
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_long_rest_in_the_middle_of_an_update_is_no_long_update() {
    let world = scheduled().await;
    let claimed = "INSERT INTO sync_events (execution_id, actor, kind, at)
                   SELECT id, 'ingestor-2', 'claimed', now() - interval '20 minutes' FROM sync_executions";
    world.sql(claimed).await;
    // Begun two days ago, parked, claimed again, and ended a quarter of an hour ago.
    end_update(&world, "2 days", "47 hours 45 minutes").await;
    wait_until("the next one is made", PATIENCE, async || {
        world.runs().await == 2
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn an_update_that_somebody_forced_counts_as_one() {
    let world = scheduled().await;
    end_update(&world, "1 day", "1 second").await;
    wait_until("the next one is made", PATIENCE, async || {
        world.runs().await == 2
    })
    .await;
    world
        .sql(
            "UPDATE sync_executions SET state = 'success', started_at = now(), finished_at = now(),
                     requested_by = 'ana' WHERE state = 'queued' AND mode = 'update'",
        )
        .await;
    world.a_whole_round().await;
    assert_eq!(world.runs().await, 2);
    world.shutdown().await;
}

#[tokio::test]
async fn without_an_interval_nothing_is_scheduled() {
    let world = World::start().await;
    world.a_whole_round().await;
    assert_eq!(world.runs().await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn a_leader_whose_connection_is_cut_is_replaced_and_the_work_goes_on() {
    let world = World::start().await;
    let other = world.replica(|_| {});
    one_leads(&world.service, &other).await;
    for _ in 0..3 {
        assert_eq!(world.value::<i64>(UNSEAT).await, 1, "one seat");
        let id = world.claimed("update", -1, 0).await;
        world.state_becomes(id, "queued").await;
        world
            .sql(&format!(
                "UPDATE sync_executions SET state = 'cancelled' WHERE id = {id}"
            ))
            .await;
        one_leads(&world.service, &other).await;
    }
    other.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_leader_that_stops_leaves_its_seat_to_another() {
    let world = World::start().await;
    one_alone_leads(&world.service).await;
    let other = world.replica(|_| {});
    other.ready().await;
    let World {
        database,
        rabbit,
        queue,
        service,
    } = world;
    service.shutdown().await;
    one_alone_leads(&other).await;
    let world = World {
        database,
        rabbit,
        queue,
        service: other,
    };
    world.a_whole_round().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_database_that_is_cut_off_or_silent_is_waited_for_and_the_work_goes_on() {
    let (world, proxy) = over_a_proxy().await;
    for fault in [ChaosProxy::cut, ChaosProxy::pause] {
        fault(&proxy);
        let run = world.claimed("update", -1, 0).await;
        let letter = world.request().await;
        wait_until("nobody leads", PATIENCE, async || {
            world.service.metric("admin_leader").await < 0.5
        })
        .await;
        proxy.resume();
        proxy.restore();
        world.state_becomes(run, "queued").await;
        world
            .holds(&format!(
                "SELECT published_at IS NOT NULL FROM outbox WHERE execution_id = {letter}"
            ))
            .await;
        world
            .sql(&format!(
                "UPDATE sync_executions SET state = 'cancelled' WHERE id = {run}"
            ))
            .await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_database_that_has_gone_silent_does_not_hold_up_the_end() {
    let (world, proxy) = over_a_proxy().await;
    proxy.pause();
    world.shutdown().await;
}

/// A service whose way to the database can be broken.
async fn over_a_proxy() -> (World, ChaosProxy) {
    let database = Database::fresh().await;
    let direct: PgConnectOptions = database.admin_url().parse().unwrap();
    let proxy = ChaosProxy::to(format!("{}:{}", direct.get_host(), direct.get_port())).await;
    let address = proxy.address();
    let through = direct.host(&address.ip().to_string()).port(address.port());
    let through = through.to_url_lossy().to_string();
    let world = World::over(database, |settings| {
        settings.database.database_url = through.into();
    })
    .await;
    world.ready().await;
    (world, proxy)
}

async fn scheduled() -> World {
    let world = World::with(|settings| settings.sync.sync_interval_minutes = 1).await;
    wait_until("the first update is made", PATIENCE, async || {
        world.runs().await == 1
    })
    .await;
    world
}

/// The update succeeded: it began `ago` and took `took`.
async fn end_update(world: &World, ago: &str, took: &str) {
    world
        .sql(&format!(
            "UPDATE sync_executions SET state = 'success', created_at = now() - interval '{ago}',
                    started_at = now() - interval '{ago}', finished_at = now() - interval '{ago}' + interval '{took}'
             WHERE mode = 'update'"
        ))
        .await;
}

async fn one_leads(one: &Service, other: &Service) {
    wait_until("one of two leads", PATIENCE, async || {
        let leaders = one.metric("admin_leader").await + other.metric("admin_leader").await;
        (0.5..1.5).contains(&leaders)
    })
    .await;
}

async fn one_alone_leads(service: &Service) {
    wait_until("it leads", PATIENCE, async || {
        service.metric("admin_leader").await > 0.5
    })
    .await;
}
