//! What is written beside an integration about how its client API does.

use std::time::Duration;

use admin_sync_service::settings::Settings;
use serde_json::{Value, json};

use crate::bodies::ok;
use crate::ops_listeners::{OpsListener, told};
use crate::world::{Service, World};

async fn writing(listeners: &[&OpsListener]) -> World {
    World::with(|settings| often(settings, listeners)).await
}

fn often(settings: &mut Settings, listeners: &[&OpsListener]) {
    settings.neighbour.public_ops_url = listeners.iter().map(|it| it.url()).collect();
    settings.neighbour.neighbour_check_ms = Duration::from_millis(20);
    settings.neighbour.sync_state_ms = Duration::from_millis(20);
}

impl World {
    async fn connected(&self, slug: &str) {
        let new = json!({"slug": slug, "name": slug});
        assert_eq!(self.post("/api/projects", &new).await.status(), 201);
        self.sql(&format!(
            "INSERT INTO integration_configs (project_id, api_base_url, status_mapping, updated_at)
             SELECT id, 'http://client.example', '{{\"sold\": [\"Vendido\"]}}', '2025-01-01' FROM projects WHERE slug = '{slug}'"
        ))
        .await;
    }

    /// Waits until the row of a project says so.
    async fn says(&self, slug: &str, what: &str) {
        self.holds(&format!(
            "SELECT coalesce({what}, false) FROM integration_configs c JOIN projects p ON p.id = c.project_id WHERE slug = '{slug}'"
        ))
        .await;
    }
}

#[tokio::test]
async fn what_public_service_tells_is_written_and_shown() {
    let mut failing = told("gate", "stale", "2025-07-10T11:00:00.000Z");
    failing["last_error"] = json!(format!("{}\u{0}", "é".repeat(700)));
    let mut unasked = told("quay", "unknown", "");
    unasked["as_of"] = Value::Null;
    let live = told("tower", "live", "2025-07-10T12:00:00.123Z");
    let listener = OpsListener::ready("1", &json!([live, failing, unasked])).await;
    let world = writing(&[&listener]).await;
    for slug in ["tower", "gate", "quay", "unheard"] {
        world.connected(slug).await;
    }
    world
        .sql("UPDATE integration_configs SET sync_status = 'error', sync_error = 'of an earlier program'")
        .await;
    world
        .says("tower", "last_sync_at = '2025-07-10T12:00:00.123Z' AND sync_status = 'success' AND sync_error IS NULL")
        .await;
    world
        .says("gate", "last_sync_at = '2025-07-10T11:00:00Z' AND sync_status = 'error' AND sync_error = repeat('é', 500)")
        .await;
    world
        .says(
            "quay",
            "last_sync_at IS NULL AND sync_status = 'idle' AND sync_error IS NULL",
        )
        .await;
    world
        .says(
            "unheard",
            "last_sync_at IS NULL AND sync_error = 'of an earlier program'",
        )
        .await;
    let shown = ok(&world.get("/api/projects/tower").await);
    assert_eq!(shown["integration"]["sync_status"], "success");
    assert_eq!(
        shown["integration"]["last_sync_at"],
        "2025-07-10T12:00:00.123Z"
    );
    for slug in ["tower", "gate", "quay"] {
        world.says(slug, "c.updated_at = '2025-01-01'").await;
    }
    world.shutdown().await;
}

#[tokio::test]
async fn the_last_answer_never_goes_back_nor_into_the_future() {
    let listener = OpsListener::ready(
        "1",
        &json!([told("tower", "live", "2025-07-10T12:00:00.000Z")]),
    )
    .await;
    let world = writing(&[&listener]).await;
    world.connected("tower").await;
    world
        .says("tower", "last_sync_at = '2025-07-10T12:00:00Z'")
        .await;
    // A replica that has been restarted, and has not heard since.
    listener.projects(&json!([told("tower", "stale", "2025-07-10T11:00:00.000Z")]));
    world
        .says(
            "tower",
            "last_sync_at = '2025-07-10T12:00:00Z' AND sync_status = 'idle'",
        )
        .await;
    listener.projects(&json!([told("tower", "live", "2999-01-01T00:00:00.000Z")]));
    world
        .says("tower", "sync_status = 'success' AND last_sync_at BETWEEN now() - interval '1 minute' AND now()")
        .await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_change_made_while_public_service_is_away_stays() {
    let listener = OpsListener::ready(
        "1",
        &json!([told("tower", "live", "2025-07-10T12:00:00.000Z")]),
    )
    .await;
    let world = writing(&[&listener]).await;
    world.connected("tower").await;
    world.says("tower", "sync_status = 'success'").await;
    listener.says("/status", 503, "");
    let put = json!({"status_mapping": {"reserved": ["Reservado"]}});
    let answer = test_kit::http_request(
        "PUT",
        &world.url("/api/projects/tower/integration"),
        &[
            crate::world::AUTHORIZATION,
            ("content-type", "application/json"),
        ],
        put.to_string().as_bytes(),
    )
    .await;
    let changed = ok(&answer);
    world.a_whole_round().await;
    world.says("tower", "sync_status = 'success'").await;
    listener.projects(&json!([told("tower", "stale", "2025-07-10T12:01:00.000Z")]));
    world.says("tower", "sync_status = 'idle'").await;
    let shown = ok(&world.get("/api/projects/tower/integration").await);
    assert_eq!(shown["status_mapping"], changed["status_mapping"]);
    assert_eq!(shown["updated_at"], changed["updated_at"]);
    world.shutdown().await;
}

#[tokio::test]
async fn what_no_column_takes_keeps_no_other_project_from_being_written() {
    let mut nul = told("tower", "live", "2025-07-10T12:00:00.000Z");
    nul["slug"] = json!("tow\u{0}er");
    let listener = OpsListener::ready(
        "1",
        &json!([
            nul,
            told("gate", "live", "-200000-01-01T00:00:00Z"),
            told("quay", "live", "+200000-01-01T00:00:00Z"),
            told("tower", "live", "2025-07-10T12:00:00.000Z"),
        ]),
    )
    .await;
    let world = writing(&[&listener]).await;
    for slug in ["tower", "gate", "quay"] {
        world.connected(slug).await;
    }
    world
        .says("tower", "last_sync_at = '2025-07-10T12:00:00Z'")
        .await;
    for slug in ["gate", "quay"] {
        world
            .says(slug, "last_sync_at IS NULL AND sync_status = 'success'")
            .await;
    }
    world.shutdown().await;
}

/// The seat is the test's, so that nobody leads.
#[tokio::test]
async fn only_the_leader_writes() {
    let listener = OpsListener::ready(
        "1",
        &json!([told("tower", "live", "2025-07-10T12:00:00.000Z")]),
    )
    .await;
    let world = World::with(|settings| {
        settings.database.database_url = "postgres://nobody@127.0.0.1:1/nothing".to_owned().into();
    })
    .await;
    world
        .sql("INSERT INTO projects (slug, name) VALUES ('tower', 'Tower')")
        .await;
    world
        .sql("INSERT INTO integration_configs (project_id) SELECT id FROM projects")
        .await;
    let mut seat = world.pool().acquire().await.unwrap();
    let take = sqlx::query("SELECT pg_advisory_lock(4706230114010)");
    take.execute(&mut *seat).await.unwrap();
    let follower: Service = world.replica(|settings| often(settings, &[&listener]));
    follower.ready().await;
    test_kit::wait_until(
        "it has heard of the project",
        test_kit::PATIENCE,
        async || listener.asked("/status") > 20,
    )
    .await;
    world
        .says("tower", "last_sync_at IS NULL AND sync_status = 'idle'")
        .await;
    let leave = sqlx::query("SELECT pg_advisory_unlock(4706230114010)");
    leave.execute(&mut *seat).await.unwrap();
    world.says("tower", "sync_status = 'success'").await;
    follower.shutdown().await;
    world.shutdown().await;
}
