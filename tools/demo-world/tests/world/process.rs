//! The binary as `cargo xtask up` runs it.

use test_kit::{Database, PATIENCE, ServiceProcess, http_get, wait_until};

#[tokio::test]
async fn the_demo_lives_and_ends_in_order() {
    let arguments = ["serve", "--port", "0", "--pncp-port", "0", "--seed", "7"];
    let mut process = ServiceProcess::spawn_with("demo-world", &arguments, &[]);
    let base = format!("http://{}", process.address("client_api").await);
    let listed = http_get(&format!("{base}/_control"), &[]).await.json();
    let names = listed["projects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["project"].as_str());
    let expected = [
        "garden-court",
        "harbour-tower",
        "hillside-lofts",
        "quay-houses",
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected.map(Some));
    let url = format!("{base}/harbour-tower/units");
    let first = http_get(&url, &[]).await;
    assert_eq!(first.json().as_array().unwrap().len(), 200);
    wait_until("a unit of the tower changes", PATIENCE, async || {
        http_get(&url, &[]).await.body != first.body
    })
    .await;
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_ends_it_with_a_reason() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut process = ServiceProcess::spawn_with("demo-world", &["serve", "--port", &port], &[]);
    assert_eq!(process.wait_exit().await, Some(1));
    assert!(
        process.output().contains("cannot listen on 127.0.0.1"),
        "{}",
        process.output()
    );
}

#[tokio::test]
async fn a_portal_for_measuring_has_so_many_records_of_whole_days() {
    let arguments = [
        "serve",
        "--port",
        "0",
        "--pncp-port",
        "0",
        "--pncp-records",
        "12000",
    ];
    let mut process = ServiceProcess::spawn_with("demo-world", &arguments, &[]);
    let control = format!("http://{}/_control", process.address("pncp").await);
    let told = http_get(&control, &[]).await.json();
    let records = told["records"].as_u64().unwrap();
    assert!((12_000..15_000).contains(&records), "{records}");
    assert_eq!(
        (&told["first_day"], &told["last_day"]),
        (&"2025-07-07".into(), &"2025-07-09".into())
    );
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0));
}

#[tokio::test]
async fn the_portal_lives_beside_it() {
    let arguments = ["serve", "--port", "0", "--pncp-port", "0", "--seed", "7"];
    let mut process = ServiceProcess::spawn_with("demo-world", &arguments, &[]);
    let control = format!("http://{}/_control", process.address("pncp").await);
    let records = async || {
        http_get(&control, &[]).await.json()["records"]
            .as_u64()
            .unwrap()
    };
    let first = records().await;
    assert!(first > 1_000, "{first} procurements in ten days");
    wait_until("something is published", PATIENCE, async || {
        records().await > first
    })
    .await;
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0));
}

#[tokio::test]
async fn devices_live_beside_it_where_there_is_a_database_for_them() {
    let database = Database::fresh().await;
    let url = database.devices_url();
    let arguments = ["serve", "--port", "0", "--pncp-port", "0", "--seed", "7"];
    let environment = [("DEMO_DEVICES_DATABASE_URL", url.as_str())];
    let mut process = ServiceProcess::spawn_with("demo-world", &arguments, &environment);
    let base = format!("http://{}/_control", process.address("client_api").await);
    wait_until("a device has reported", PATIENCE, async || {
        let told = http_get(&format!("{base}/devices/demo-b"), &[]).await;
        told.json()["devices"][0]["status"] == "ONLINE"
    })
    .await;
    // The projects are where they were.
    let listed = http_get(&base, &[]).await.json();
    assert_eq!(listed["projects"].as_array().unwrap().len(), 4);
    process.sigterm();
    assert_eq!(process.wait_exit().await, Some(0));
    assert!(!process.output().contains(&url), "{}", process.output());
}

#[tokio::test]
async fn without_a_database_there_are_no_devices_to_control() {
    let arguments = ["serve", "--port", "0", "--pncp-port", "0"];
    let process = ServiceProcess::spawn_with("demo-world", &arguments, &[]);
    let address = process.address("client_api").await;
    let told = http_get(&format!("http://{address}/_control/devices/demo-a"), &[]).await;
    assert_eq!(told.status(), 404);
}
