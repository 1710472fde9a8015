//! Nothing of one tenant is ever seen by another, whatever is asked.

use serde_json::json;

use crate::world::{World, subscribe, subscribe_alerts};

#[tokio::test]
async fn two_tenants_with_devices_of_one_name_see_each_only_its_own() {
    let world = World::start().await;
    world.hears().await;
    let mut sockets = Vec::new();
    for tenant in ["a", "b"] {
        world
            .reading(tenant, "dev-0001", 1, json!({"of": tenant}))
            .await;
        let mut socket = world.socket(tenant).await;
        socket.send(&subscribe("dev-0001")).await;
        assert_eq!(
            socket.json_of("telemetry").await["data"]["metrics"]["of"],
            tenant
        );
        socket.send(&subscribe_alerts()).await;
        assert_eq!(socket.json_of("alerts").await["total"], 0);
        sockets.push((tenant, socket));
    }
    for seq in 2..5 {
        for tenant in ["b", "a"] {
            world
                .reading(tenant, "dev-0001", seq, json!({"of": tenant}))
                .await;
            world.alert(tenant, &seq.to_string(), 1).await;
        }
    }
    for (tenant, socket) in &mut sockets {
        let (mut seq, mut alerts) = (json!(1), json!(0));
        while seq != 4 || alerts != 3 {
            let message = socket.json().await;
            if message["type"] == "telemetry" {
                assert_eq!(message["data"]["metrics"]["of"], *tenant);
                seq = message["data"]["seq"].clone();
            } else {
                let shown = message["alerts"].as_array().unwrap();
                assert!(
                    shown.iter().all(|alert| alert["tenant_id"] == *tenant),
                    "{message}"
                );
                alerts = message["total"].clone();
            }
        }
    }
    world.shutdown().await;
}

#[tokio::test]
async fn a_device_of_another_tenant_looks_like_one_without_data() {
    let world = World::start().await;
    world.hears().await;
    world
        .reading("b", "dev-of-b", 1, json!({"secret": "of b"}))
        .await;
    let mut socket = world.socket("a").await;
    let answer = socket.asked(&subscribe("dev-of-b")).await;
    assert_eq!(
        answer,
        json!({"type": "subscribed", "channel": "device", "device_id": "dev-of-b"})
    );
    socket.asked(&subscribe("dev-of-a")).await;
    for seq in 1..4 {
        world
            .reading("b", "dev-of-b", seq + 1, json!({"secret": "of b"}))
            .await;
        world
            .reading("a", "dev-of-a", seq, json!({"own": seq}))
            .await;
        let next = socket.json().await;
        assert_eq!(
            next["data"]["metrics"],
            json!({"own": seq}),
            "nothing else: {next}"
        );
    }
    socket.leave().await;
    world.shutdown().await;
}

#[tokio::test]
async fn fragments_of_query_languages_are_no_device_ids() {
    let world = World::start().await;
    let mut socket = world.socket("a").await;
    for (number, fragment) in [
        "' OR '1'='1",
        "dev'; DROP TABLE telemetry; --",
        "x\" OR tenant_id = \"b",
        "$1",
        "dev-0001' /*",
        "/.*/",
        "dev%",
        "dev\\",
        "dev-0001\n",
        "dev\u{0}",
        "d\u{e9}v",
        "{dev-0001,dev-of-b}",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = socket.asked(&subscribe(fragment)).await;
        assert_eq!(answer["type"], "error", "{fragment}");
        let text = answer["message"].as_str().unwrap();
        assert!(!text.contains(fragment), "never quoted: {text}");
        if number % 10 == 9 {
            socket.asked(&json!({"action": "ping"})).await;
        }
    }
    // What is allowed and looks odd is a name like any other.
    world.reading("a", "a.b_c:d-9", 1, json!({"t": 1})).await;
    socket.asked(&subscribe("a.b_c:d-9")).await;
    assert_eq!(socket.json_of("telemetry").await["device_id"], "a.b_c:d-9");
    socket.leave().await;
    world.shutdown().await;
}
