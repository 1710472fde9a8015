//! Whom we let users make us ask: nobody on our side of the wall, unless the
//! operator allows it.

use demo_world::Fault;
use service_kit::http_client::OutboundSettings;
use test_kit::ProjectRow;

use crate::world::World;

const UNITS: &[(&str, &str)] = &[("A101", "sold")];

#[tokio::test]
async fn by_default_no_address_on_our_side_of_the_wall_is_asked() {
    let world = World::with(|settings| settings.outbound = OutboundSettings::default()).await;
    let client_api = world.project("tower", UNITS).await;
    let port = world.client_api.address().port();
    for (number, host) in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "[fe80::1]",
        "[fd00::1]",
    ]
    .into_iter()
    .enumerate()
    {
        let slug = format!("inside-{number}");
        let base = format!("http://{host}:{port}");
        let row = ProjectRow::named(&slug).upstream(base, client_api.endpoint());
        world.database.insert_project(row).await;
        assert_eq!(
            world.status(&slug).await.json()["state"],
            "unknown",
            "{host}"
        );
        let shown = world.ops_project(&slug).await;
        let error = shown["last_error"].as_str().unwrap_or_default();
        assert!(
            error.contains("address cannot be asked"),
            "{host}: {error:?}"
        );
    }
    assert_eq!(client_api.request_count(), 0);
    world.shutdown().await;
}

#[tokio::test]
async fn a_host_that_the_operator_lists_is_asked_and_no_other() {
    let world = World::with(|settings| {
        settings.outbound = OutboundSettings {
            upstream_allow_hosts: vec!["localhost".to_owned()],
            ..OutboundSettings::default()
        };
    })
    .await;
    let refused = world.project("refused", UNITS).await;
    let allowed = world.client_api.project("allowed");
    allowed.set_units(UNITS.iter().copied());
    let base = format!("http://localhost:{}", world.client_api.address().port());
    let row = ProjectRow::named("allowed").upstream(base, allowed.endpoint());
    world.database.insert_project(row).await;

    assert_eq!(world.status("allowed").await.json()["state"], "live");
    assert_eq!(world.status("refused").await.json()["state"], "unknown");

    assert_eq!(refused.request_count(), 0);
    world.shutdown().await;
}

#[tokio::test]
async fn a_redirect_does_not_lead_inside() {
    let world = World::with(|settings| {
        settings.outbound = OutboundSettings {
            upstream_allow_hosts: vec!["localhost".to_owned()],
            ..OutboundSettings::default()
        };
    })
    .await;
    let inside = world.project("inside", UNITS).await;
    let outside = world.client_api.project("outside");
    outside.set_fault(Fault::Redirect {
        location: inside.url(),
    });
    let base = format!("http://localhost:{}", world.client_api.address().port());
    let row = ProjectRow::named("outside").upstream(base, outside.endpoint());
    world.database.insert_project(row).await;

    assert_eq!(world.status("outside").await.json()["state"], "unknown");

    assert_eq!(outside.request_count(), 1);
    assert_eq!(inside.request_count(), 0);
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_no_web_address_is_told_without_its_secrets() {
    let world = World::start().await;
    for (slug, base) in [
        ("file", "file:///etc/passwd?token=s3cret-of-url"),
        ("ftp", "ftp://s3cret-of-url@127.0.0.1"),
        ("words", "no address s3cret-of-url"),
        ("user-info", "http://ana:s3cret-of-url@127.0.0.1:9"),
        ("query", "http://127.0.0.1:1/?token=s3cret-of-url&x="),
    ] {
        let row = ProjectRow::named(slug).upstream(base, "/units");
        world.database.insert_project(row).await;
        let get = world.status(slug).await;
        assert_eq!(get.json()["state"], "unknown", "{slug}");
        let shown = world.ops_project(slug).await;
        assert!(shown["last_error"].is_string(), "{slug}");
        let all = shown.to_string() + get.text();
        assert!(!all.contains("s3cret-of-url"), "{slug}: {all}");
    }
    world.shutdown().await;
}
