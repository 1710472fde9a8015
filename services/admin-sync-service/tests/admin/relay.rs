//! From a committed row to a message on the queue, whatever dies in between.

use serde_json::{Value, json};
use test_kit::{ChaosProxy, Got, PATIENCE, ServiceProcess, rabbit_url, wait_until};

use crate::world::World;

#[tokio::test]
async fn what_is_committed_becomes_one_persistent_message_named_after_its_letter() {
    let world = World::start().await;
    let run = world.request().await;
    let message = next(&world).await;
    let letter: i64 = world.value("SELECT id FROM outbox").await;

    assert_eq!(message.message_id, Some(letter.to_string()));
    assert_eq!(message.content_type.as_deref(), Some("application/json"));
    assert!(
        message.persistent && message.headers.is_empty(),
        "{message:?}"
    );
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    let expected = json!({"v": 1, "execution_id": run, "mode": "backfill",
                          "data_ini": "2025-07-10T12:00:00", "data_fim": "2025-07-10T18:00:00"});
    assert_eq!(body, expected);
    world
        .holds(
            "SELECT published_at IS NOT NULL AND last_error IS NULL AND attempts = 1 FROM outbox",
        )
        .await;
    world
        .holds("SELECT dispatched_at IS NOT NULL FROM sync_executions")
        .await;
    assert_eq!(
        world.rabbit.depth(&world.queue).await,
        Some(0),
        "one letter, one message"
    );
    world.shutdown().await;
}

#[tokio::test]
async fn what_was_committed_before_a_crash_is_published_after_the_start() {
    let world = World::start().await;
    world.service.ready().await;
    let World {
        database,
        rabbit,
        queue,
        service,
    } = world;
    service.shutdown().await;

    let world = World::over(database, |settings| {
        settings.queue.queue_name.clone_from(&queue);
    })
    .await;
    let run = world.request_on(&queue).await;
    let mut found = None;
    wait_until("the letter is published", PATIENCE, async || {
        found = rabbit.get(&queue).await;
        found.is_some()
    })
    .await;
    let body: Value = serde_json::from_slice(&found.unwrap().body).unwrap();
    assert_eq!(body["execution_id"], run);
    world.shutdown().await;
}

/// The mark waits for a lock that the test holds: the process dies with the confirm in its hand.
#[tokio::test]
async fn a_crash_between_confirm_and_mark_publishes_twice_and_marks_once() {
    let world = World::with(|settings| settings.database.database_url = nowhere()).await;
    world.rabbit.declare(&world.queue).await;
    let run = world.request().await;
    let mut blocker = world.pool().begin().await.unwrap();
    let lock = sqlx::query("SELECT FROM sync_executions WHERE id = $1 FOR UPDATE").bind(run);
    lock.execute(&mut *blocker).await.unwrap();

    let first = process(&world);
    let one = next(&world).await;
    first.kill9();
    // Its server process does not know yet, and would go on with the mark.
    world
        .holds(
            "SELECT count(pg_terminate_backend(pid)) = 0 FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'admin-sync-service'",
        )
        .await;
    blocker.rollback().await.unwrap();
    drop(first);
    assert!(
        world
            .value::<bool>("SELECT published_at IS NULL FROM outbox")
            .await
    );

    // Its hold is over.
    world.sql("UPDATE outbox SET next_at = now()").await;
    let mut second = process(&world);
    let two = next(&world).await;
    assert_eq!(
        (one.message_id, one.body),
        (two.message_id, two.body),
        "the same message, twice"
    );
    world
        .holds("SELECT published_at IS NOT NULL AND attempts = 2 FROM outbox")
        .await;
    second.sigterm();
    assert_eq!(second.wait_exit().await, Some(0));
    world.shutdown().await;
}

#[tokio::test]
async fn a_queue_that_was_deleted_is_declared_again_and_gets_its_message() {
    let world = World::start().await;
    world.ready().await;
    world.rabbit.delete(&world.queue).await;
    let run = world.request().await;
    wait_until(
        "the queue is there again with its message",
        PATIENCE,
        async || world.rabbit.depth(&world.queue).await == Some(1),
    )
    .await;
    let body: Value = serde_json::from_slice(&next(&world).await.body).unwrap();
    assert_eq!(body["execution_id"], run);
    world.shutdown().await;
}

#[tokio::test]
async fn a_letter_that_no_queue_takes_holds_up_no_other() {
    let world = World::start().await;
    world.request_on("farol.test.no.such.queue").await;
    world
        .holds("SELECT last_error IS NOT NULL FROM outbox")
        .await;
    world.request().await;
    next(&world).await;
    let kept = "SELECT count(*) FROM outbox WHERE published_at IS NULL AND last_error LIKE '%no such queue%'";
    assert_eq!(world.value::<i64>(kept).await, 1);
    world.shutdown().await;
}

#[tokio::test]
async fn while_the_broker_is_away_letters_wait_and_go_when_it_is_back() {
    let broker = ChaosProxy::to(broker_address()).await;
    let through = broker_through(&broker);
    let world = World::with(|settings| settings.broker.rabbitmq_url = through.into()).await;
    world.ready().await;
    broker.cut();
    let ready = world.service.ops_url("/health/ready");
    wait_until(
        "the service says that the broker is away",
        PATIENCE,
        async || {
            let answer = test_kit::http_get(&ready, &[]).await;
            answer.status() == 503 && answer.json()["checks"]["broker"]["status"] == "not_ready"
        },
    )
    .await;

    let run = world.request().await;
    wait_until("the letter is counted", PATIENCE, async || {
        world.service.metric("outbox_pending").await > 0.0
    })
    .await;
    assert!(world.row(run).await["dispatched_at"].is_null());

    broker.restore();
    let body: Value = serde_json::from_slice(&next(&world).await.body).unwrap();
    assert_eq!(body["execution_id"], run);
    wait_until("nothing waits any more", PATIENCE, async || {
        world.service.metric("outbox_pending").await < 1.0
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn two_relays_publish_every_letter_once() {
    const LETTERS: usize = 60;
    let world = World::start().await;
    let other = world.replica(|_| {});
    world.ready().await;
    other.ready().await;
    for _ in 0..LETTERS {
        world.request().await;
    }
    world
        .holds("SELECT count(*) = 0 FROM outbox WHERE published_at IS NULL")
        .await;
    let depth = world.rabbit.depth(&world.queue).await;
    assert_eq!(depth, u32::try_from(LETTERS).ok());
    other.shutdown().await;
    world.shutdown().await;
}

/// The next message of the test's queue.
async fn next(world: &World) -> Got {
    let mut found = None;
    wait_until("a message is on the queue", PATIENCE, async || {
        if world.rabbit.depth(&world.queue).await.is_some() {
            found = world.rabbit.get(&world.queue).await;
        }
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// The service as a process of its own over the same database and queue.
fn process(world: &World) -> ServiceProcess {
    let (database, rabbit) = (world.database.admin_url(), rabbit_url());
    let environment = [
        ("DATABASE_URL", database.as_str()),
        ("RABBITMQ_URL", &rabbit),
        ("QUEUE_NAME", &world.queue),
        ("ADMIN_AUTH", "off"),
        ("SYNC_INTERVAL_MINUTES", "0"),
        ("DRAIN_SECONDS", "0"),
        ("PORT", "0"),
        ("OPS_PORT", "0"),
    ];
    ServiceProcess::spawn("admin-sync-service", &environment)
}

/// A database that nobody can reach: this replica leaves the letters to others.
fn nowhere() -> service_kit::settings::Secret {
    "postgres://nobody@127.0.0.1:1/nowhere".into()
}

fn broker_address() -> String {
    let url = rabbit_url();
    let (_, address) = url.split_once('@').expect("an address with user info");
    address.split('/').next().expect("a host").to_owned()
}

fn broker_through(proxy: &ChaosProxy) -> String {
    rabbit_url().replace(&broker_address(), &proxy.address().to_string())
}
