//! An edit of a project takes effect without a restart and without a reconnect,
//! and a database that is away changes nothing for those who are here.

use demo_world::{Auth, ClientApi, Fault};
use serde_json::{Value, json};
use test_kit::{PATIENCE, ProjectRow, http_get, wait_until};

use crate::answers::{judge_problem, retry_after};
use crate::source_auth::sealed;
use crate::world::World;

const KEY: &str = "the-key-of-these-edits";
const UNITS: &[(&str, &str)] = &[("A101", "livre"), ("A102", "sold")];

/// So long that no poll comes by itself.
const RARELY: i32 = 300;

/// The row of "tower" as it is before its edit.
fn row(world: &World) -> ProjectRow {
    let client_api = world.client_api.project("tower");
    let row = ProjectRow::named("tower").interval(RARELY);
    row.upstream(world.client_api.base_url(), client_api.endpoint())
}

async fn rarely_polled(world: &World) -> demo_world::ProjectHandle {
    world
        .project_with("tower", UNITS, |row| row.interval(RARELY))
        .await
}

#[tokio::test]
async fn a_shorter_interval_begins_at_once() {
    let world = World::start().await;
    let client_api = rarely_polled(&world).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;

    world.database.update_project(row(&world).interval(1)).await;

    client_api.wait_for_requests(3).await.unwrap();
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn another_mapping_or_unmapped_status_reaches_those_who_watch() {
    let world = World::start().await;
    rarely_polled(&world).await;
    let mut stream = world.stream("tower").await;
    let whole = stream.skip_to("status_update").await.json();
    assert_eq!(whole["statuses"]["A101"], "available");

    let hidden = row(&world).unmapped_status("hidden");
    world.database.update_project(hidden).await;
    let bulk = stream.expect("bulk_update").await.json();
    assert_eq!(bulk["updates"], json!({"A101": "hidden"}));

    let mapped = row(&world).mapping(json!({"reserved": ["LIVRE"]}));
    world.database.update_project(mapped).await;
    let bulk = stream.expect("bulk_update").await.json();
    assert_eq!(bulk["updates"], json!({"A101": "reserved"}));
    assert_eq!(world.ops_project("tower").await["unmapped"], json!([]));
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn an_edit_reaches_those_who_only_get() {
    let world = World::start().await;
    rarely_polled(&world).await;
    let before = world.status("tower").await.json();
    assert_eq!(before["statuses"]["A101"], "available");

    let mapped = row(&world).mapping(json!({"reserved": ["livre"]}));
    world.database.update_project(mapped).await;

    wait_until("a GET shows the new mapping", PATIENCE, async || {
        world.status("tower").await.json()["statuses"]["A101"] == "reserved"
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn corrected_credentials_let_a_refused_project_in() {
    let world = World::with(|settings| {
        settings.integration.secret_key = Some(KEY.to_owned().into());
    })
    .await;
    let client_api = world.client_api.project("tower");
    client_api.set_units(UNITS.iter().copied());
    client_api.require_auth(Auth::bearer("right"));
    let with_token =
        |token: &str| row(&world).auth("bearer", sealed(KEY, &json!({"token": token})));
    world.database.insert_project(with_token("wrong")).await;
    let mut stream = world.stream("tower").await;
    // The refusal has been told: nobody is let in before.
    let refused = stream.skip_to("status_update").await.json();
    assert_eq!(refused["state"], "unknown");

    world.database.update_project(with_token("right")).await;

    let state = stream.skip_to("state").await.json();
    assert_eq!(state["state"], "live");
    assert_eq!(world.status("tower").await.json()["count"], 2);
    assert_eq!(client_api.auth_failures(), 1);
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn another_address_is_asked_at_once_and_the_old_one_no_more() {
    let world = World::start().await;
    let old = rarely_polled(&world).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;
    let elsewhere = ClientApi::start().unwrap();
    let new = elsewhere.project("moved");
    new.set_units([("A101", "reserved"), ("A102", "sold")]);

    let moved = ProjectRow::named("tower").interval(RARELY);
    let moved = moved.upstream(elsewhere.base_url() + "/", new.endpoint());
    world.database.update_project(moved).await;

    let bulk = stream.expect("bulk_update").await.json();
    assert_eq!(bulk["updates"], json!({"A101": "reserved"}));
    assert_eq!((old.request_count(), new.request_count()), (1, 1));
    let request = new.requests().remove(0);
    assert_eq!(request.path, "/moved/units");
    assert_eq!(request.header("if-none-match"), None, "of the other source");
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn an_edit_does_not_wait_for_the_source_that_it_leaves() {
    let world = World::start().await;
    let change = |row: ProjectRow| row.interval(RARELY).timeout(60).retries(10);
    let old = world.project_with("tower", UNITS, change).await;
    old.set_fault(Fault::Silence);
    let mut stream = world.stream("tower").await;
    stream.expect("connected").await;
    old.wait_for_requests(1).await.unwrap();
    let elsewhere = ClientApi::start().unwrap();
    let new = elsewhere.project("moved");
    new.set_units(UNITS.iter().copied());

    let moved = ProjectRow::named("tower").interval(RARELY);
    let moved = moved.upstream(elsewhere.base_url(), new.endpoint());
    world.database.update_project(moved).await;

    let whole = stream.expect("status_update").await.json();
    assert_eq!(whole["state"], "live");
    assert_eq!(world.ops_project("tower").await["upstream"]["failures"], 0);
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn without_its_integration_a_project_is_empty_and_unknown_to_those_who_watch() {
    let world = World::start().await;
    rarely_polled(&world).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;

    let bare = ProjectRow::named("tower").without_integration();
    world.database.update_project(bare).await;

    let bulk = stream.expect("bulk_update").await.json();
    assert_eq!(bulk["removed"], json!(["A101", "A102"]));
    assert_eq!(stream.expect("state").await.json()["state"], "unknown");
    let body = world.status("tower").await.json();
    assert_eq!(
        (&body["state"], &body["count"]),
        (&json!("unknown"), &json!(0))
    );

    world.database.update_project(row(&world)).await;
    assert_eq!(stream.skip_to("state").await.json()["state"], "live");
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn deactivation_says_goodbye_and_reactivation_brings_the_project_back() {
    for deleted in [false, true] {
        let world = World::start().await;
        let client_api = rarely_polled(&world).await;
        let mut streams = [world.stream("tower").await, world.stream("tower").await];
        for stream in &mut streams {
            stream.skip_to("status_update").await;
        }

        if deleted {
            world.database.delete_project("tower").await;
        } else {
            world.database.update_project(row(&world).inactive()).await;
        }

        for stream in &mut streams {
            let closed = stream.expect("closed").await;
            assert_eq!(closed.json(), json!({"reason": "project_inactive"}));
            assert_eq!(stream.next_or_end().await, None);
            assert!(!stream.cut_short());
        }
        let gone = world.status("tower").await;
        judge_problem(&gone, 404, "project_not_found", "inactive");
        let stream = http_get(&world.stream_url("tower"), &[]).await;
        judge_problem(&stream, 404, "project_not_found", "inactive stream");
        assert_eq!(world.ops_project("tower").await, Value::Null);
        let reason = r#"public_streams_closed_total{reason="project_inactive"}"#;
        world.count_reaches(reason, 2).await;

        world.database.update_project(row(&world)).await;
        assert_eq!(world.status("tower").await.json()["state"], "live");
        assert_eq!(client_api.request_count(), 2);
        let mut again = world.stream("tower").await;
        let whole = again.skip_to("status_update").await.json();
        assert_eq!(whole["statuses"]["A102"], "sold");
        again.close();
        world.shutdown().await;
    }
}

#[tokio::test]
async fn a_row_of_nulls_is_polled_with_the_defaults() {
    let world = World::start().await;
    let client_api = world
        .project_with("tower", UNITS, ProjectRow::all_null)
        .await;
    let mut stream = world.stream("tower").await;
    let whole = stream.skip_to("status_update").await.json();

    assert_eq!(whole["state"], "live");
    assert_eq!(
        whole["statuses"],
        json!({"A101": "available", "A102": "sold"})
    );
    let shown = world.ops_project("tower").await;
    assert_eq!(shown["settings_complaints"], json!([]));
    assert_eq!(client_api.request_count(), 1);
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn an_update_method_other_than_polling_is_polled_with_a_warning() {
    let world = World::start().await;
    let change = |mut row: ProjectRow| {
        row.update_method = Some("webhook".to_owned());
        row
    };
    let client_api = world.project_with("tower", UNITS, change).await;
    let stream = world.stream("tower").await;
    client_api.wait_for_requests(2).await.unwrap();
    let complaints = world.ops_project("tower").await["settings_complaints"].to_string();
    assert!(complaints.contains("webhook"), "{complaints}");
    stream.close();
    world.shutdown().await;
}

/// Runs a statement as the owner of every table.
async fn as_owner(world: &World, statement: &'static str) {
    let owner = world.database.owner_pool();
    sqlx::query(statement).execute(owner).await.unwrap();
}

#[tokio::test]
async fn a_mapping_that_cannot_be_read_is_told_and_holds_up_no_other_project() {
    let world = World::start().await;
    rarely_polled(&world).await;
    world.project("other", UNITS).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;
    let mut others = world.stream("other").await;
    others.skip_to("status_update").await;

    // Postgres keeps this number; no program that counts in 64 bits does.
    as_owner(
        &world,
        r#"UPDATE integration_configs SET status_mapping = '{"sold": [1e999]}'
            WHERE project_id = (SELECT id FROM projects WHERE slug = 'tower')"#,
    )
    .await;
    world
        .database
        .update_project(ProjectRow::named("other").inactive())
        .await;

    assert_eq!(
        others.skip_to("closed").await.json()["reason"],
        "project_inactive"
    );
    wait_until("it is told", PATIENCE, async || {
        let shown = world.ops_project("tower").await;
        shown["settings_complaints"]
            .to_string()
            .contains("status_mapping cannot be read")
    })
    .await;
    assert_eq!(world.status("tower").await.json()["state"], "live");
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_leaves_its_project_as_it_is() {
    let world = World::start().await;
    world.project("tower", UNITS).await;
    let bare = ProjectRow::named("bare").without_integration();
    world.database.insert_project(bare.clone()).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;
    let mut other = world.stream("bare").await;
    other.skip_to("status_update").await;

    as_owner(
        &world,
        "ALTER TABLE integration_configs ALTER COLUMN retry_count TYPE bigint",
    )
    .await;
    // Sessions that have asked before are refused from now on.
    as_owner(
        &world,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'public-service'",
    )
    .await;
    world.database.update_project(bare.inactive()).await;

    assert_eq!(
        other.skip_to("closed").await.json()["reason"],
        "project_inactive"
    );
    let client_api = world.client_api.project("tower");
    client_api.set("A102", "reserved");
    let bulk = stream.skip_to("bulk_update").await.json();
    assert_eq!(bulk["updates"], json!({"A102": "reserved"}));
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn while_the_database_is_away_known_projects_go_on_and_edits_come_after() {
    let (world, proxy) = World::with_cuttable_database(|_, _| {}).await;
    let client_api = world.project("tower", UNITS).await;
    world.project("stranger", UNITS).await;
    let mut stream = world.stream("tower").await;
    stream.skip_to("status_update").await;

    proxy.cut();
    client_api.set("A102", "reserved");
    let bulk = stream.expect("bulk_update").await.json();
    assert_eq!(bulk["updates"], json!({"A102": "reserved"}));
    assert_eq!(world.status("tower").await.json()["state"], "live");
    let mut late = world.stream("tower").await;
    late.skip_to("status_update").await;
    for url in [
        world.url("/api/public/stranger/status"),
        world.url("/api/status/stranger"),
        world.stream_url("stranger"),
    ] {
        let answer = http_get(&url, &[]).await;
        judge_problem(&answer, 503, "database_unavailable", &url);
        assert!((1..=10).contains(&retry_after(&answer)));
    }
    let refused = world.refresh("stranger").await;
    judge_problem(&refused, 503, "database_unavailable", "refresh");

    let edited = row(&world).unmapped_status("hidden");
    world.database.update_project(edited).await;
    proxy.restore();

    let bulk = stream.expect("bulk_update").await.json();
    assert_eq!(bulk["updates"], json!({"A101": "hidden"}));
    assert_eq!(world.status("stranger").await.json()["state"], "live");
    late.close();
    stream.close();
    world.shutdown().await;
}

#[tokio::test]
async fn a_service_that_starts_without_its_database_begins_when_it_comes() {
    let (world, proxy) = World::with_cuttable_database(|_, proxy| proxy.cut()).await;
    world.project("tower", UNITS).await;
    let ready = async || {
        let answer = http_get(&world.ops_url("/health/ready"), &[]).await;
        answer.status()
    };
    assert_eq!(ready().await, 503);
    let early = world.status("tower").await;
    judge_problem(&early, 503, "database_unavailable", "before the database");

    proxy.restore();

    wait_until("the service is ready", PATIENCE, async || {
        ready().await == 200
    })
    .await;
    assert_eq!(world.status("tower").await.json()["state"], "live");
    world.shutdown().await;
}

#[tokio::test]
async fn a_database_that_says_nothing_holds_neither_readers_nor_settings_up() {
    let (world, proxy) = World::with_cuttable_database(|_, _| {}).await;
    let client_api = world.project("tower", UNITS).await;
    world.project("stranger", UNITS).await;
    world.status("tower").await;
    let mut owner = world.database.owner_pool().begin().await.unwrap();
    let lock = "LOCK TABLE projects IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *owner).await.unwrap();
    wait_until("the service waits for the lock", PATIENCE, async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = sqlx::query_scalar::<_, i64>(waiting);
        waiting.fetch_one(&mut *owner).await.unwrap() > 0
    })
    .await;

    // As if the server's machine were gone: nobody is left who could say so.
    proxy.pause();
    owner.rollback().await.unwrap();
    client_api.set_fault(Fault::status(500));
    world.refresh("tower").await;

    let answer = world.status("stranger").await;
    judge_problem(&answer, 503, "database_unavailable", "a silent database");
    // Projects are counted each time before their settings are read.
    wait_until("the reading goes on", PATIENCE, async || {
        world.count(r#"public_projects{state="stale"}"#).await == 1
    })
    .await;
    proxy.restore();
    world.shutdown().await;
}
