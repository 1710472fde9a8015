//! Rows that other programs wrote: shown with what is odd about them, changed without losing it, never an error.

use serde_json::{Value, json};
use test_kit::ProjectRow;

use crate::bodies::ok;
use crate::connecting::{Connecting, KEY, sealed_with};

fn row(slug: &str) -> ProjectRow {
    ProjectRow::named(slug).upstream("http://api.example.com", "/units")
}

#[tokio::test]
async fn rows_of_other_programs_are_shown_with_what_is_odd_about_them() {
    let there = Connecting::start().await;
    let database = &there.world.database;
    let token = json!({"token": "s3cret-of-another"});
    for (row, complaints) in [
        (row("nulls").all_null(), vec![]),
        (
            ProjectRow::named("empty").all_null(),
            vec!["api_base_url is not set", "status_endpoint is not set"],
        ),
        (
            row("plain").auth("bearer", token.to_string()),
            vec!["stored unencrypted"],
        ),
        (
            row("foreign").auth("bearer", sealed_with("another key", &token)),
            vec!["cannot be decrypted with this SECRET_KEY"],
        ),
        (
            row("junk").auth("basic", "s3cret-junk"),
            vec!["cannot be decrypted"],
        ),
        (
            row("unknown").auth("oauth", sealed_with(KEY, &token)),
            vec!["auth_type \"oauth\" is not known"],
        ),
        (
            row("unmapped").unmapped_status("gone"),
            vec!["unmapped_status \"gone\" is none of the five"],
        ),
        (
            row("list").mapping(json!(["sold"])),
            vec!["not an object of lists"],
        ),
        (
            row("ambiguous").mapping(json!({"sold": ["x"], "hidden": ["X"], "lost": ["y"]})),
            vec!["`lost` is not a status", "listed under"],
        ),
        (
            ProjectRow::named("address")
                .upstream("http://ana:s3cret-pass@api.example.com", "@evil/units"),
            vec![
                "api_base_url must not contain a user",
                "status_endpoint must begin with one /",
            ],
        ),
        (
            row("large").mapping(
                json!({"sold": (0..50_000).map(|it| format!("word {it}")).collect::<Vec<_>>()}),
            ),
            vec![],
        ),
    ] {
        let slug = row.slug.clone();
        database.insert_project(row).await;
        let shown = there.integration(&slug).await;
        let told: Vec<&str> = shown["complaints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        assert_eq!(told.len(), complaints.len(), "{slug}: {told:?}");
        for complaint in complaints {
            assert!(
                told.iter().any(|it| it.contains(complaint)),
                "{slug}: {told:?}"
            );
        }
        // It can still be changed, and what is not named stays as odd as it is.
        let changed = ok(&there.put(&slug, &json!({"timeout_seconds": 3})).await);
        assert_eq!(changed["timeout_seconds"], 3, "{slug}");
        assert_eq!(changed["status_mapping"], shown["status_mapping"], "{slug}");
        assert_eq!(changed["complaints"], shown["complaints"], "{slug}");
    }
    assert_eq!(
        there.integration("large").await["status_mapping"]["sold"]
            .as_array()
            .unwrap()
            .len(),
        50_000
    );
    let kept: Value = there.world.value("SELECT status_mapping FROM integration_configs i JOIN projects p ON p.id = i.project_id WHERE slug = 'list'").await;
    assert_eq!(kept, json!(["sold"]));
    there.shutdown().await;
}

#[tokio::test]
async fn a_password_in_an_address_of_another_program_is_not_told_and_not_lost() {
    let there = Connecting::start().await;
    let stored = "http://ana:s3cret@pass@api.example.com:81/v1/@tenant";
    let row = ProjectRow::named("address").upstream(stored, "/units");
    there.world.database.insert_project(row).await;
    let told = "http://***@api.example.com:81/v1/@tenant";
    assert_eq!(there.integration("address").await["api_base_url"], told);
    let one = ok(&there.world.get("/api/projects/address").await);
    let all = ok(&there.world.get("/api/projects").await);
    for project in [&one, &all["projects"][0]] {
        assert_eq!(project["integration"]["api_base_url"], told);
    }
    let changed = ok(&there.put("address", &json!({"timeout_seconds": 3})).await);
    assert_eq!(changed["api_base_url"], told);
    let kept: String = there
        .world
        .value("SELECT api_base_url FROM integration_configs")
        .await;
    assert_eq!(kept, stored);
    there.shutdown().await;
}

#[tokio::test]
async fn what_no_table_of_ours_would_hold_is_shown_and_said_how_it_is_used() {
    let there = Connecting::start().await;
    there.world.database.insert_project(row("nulls")).await;
    there
        .world
        .sql("ALTER TABLE integration_configs DROP CONSTRAINT integration_configs_timeout,
                  DROP CONSTRAINT integration_configs_polling_interval, DROP CONSTRAINT integration_configs_retry_count")
        .await;
    there
        .world
        .sql("UPDATE integration_configs SET timeout_seconds = 999, polling_interval_seconds = -5, retry_count = 11,
                  status_mapping = '{\"sold\": [1e999]}', sync_status = NULL, created_at = NULL, updated_at = NULL
               WHERE project_id = (SELECT id FROM projects WHERE slug = 'nulls')")
        .await;
    let shown = there.integration("nulls").await;
    assert_eq!(
        (&shown["timeout_seconds"], &shown["sync_status"]),
        (&json!(999), &json!("idle"))
    );
    let told = shown["complaints"].to_string();
    for complaint in [
        "timeout_seconds 999 is used as 60",
        "polling_interval_seconds -5 is used as 1",
        "retry_count 11 is used as 10",
        "status_mapping cannot be read",
    ] {
        assert!(told.contains(complaint), "{told}");
    }
    there.shutdown().await;
}
