//! Dead letters: what operators see of them, and that none is lost or moved that was not told to, whatever breaks.

use admin_sync_service::settings::Settings;
use serde_json::{Value, json};
use test_kit::{
    Answer, ChaosProxy, Got, PATIENCE, Rabbit, publish_with_raw_message_id, rabbit_url,
    rabbit_url_at, wait_until,
};

use crate::bodies::{fields, ok, problem};
use crate::world::World;

const LIST: &str = "/api/system/dead-letters";

/// As the ingestor puts a message aside.
fn dead(body: &[u8], id: Option<&str>, reason: &str) -> Got {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = vec![
        header("traceparent", "00-1-1-00"),
        header("x-farol-at", "2025-07-10T12:00:00.250Z"),
        header("x-farol-reason", reason),
    ];
    headers.extend(id.map(|id| header("x-original-message-id", id)));
    headers.sort();
    Got {
        body: body.to_vec(),
        message_id: id.map(str::to_owned),
        content_type: Some("application/json".to_owned()),
        persistent: true,
        headers,
        ..Got::default()
    }
}

/// The same where it came from.
fn alive(dead: Got) -> Got {
    let headers = dead.headers.into_iter();
    let headers = headers.filter(|(name, _)| name == "traceparent").collect();
    Got { headers, ..dead }
}

/// A ready world with these dead letters.
async fn with(letters: &[Got]) -> World {
    let world = World::start().await;
    world.ready().await;
    let queue = world.dead();
    for letter in letters {
        world.rabbit.publish_as(&queue, letter).await;
    }
    world
}

impl World {
    fn dead(&self) -> String {
        format!("{}.dead", self.queue)
    }

    async fn list(&self) -> Value {
        ok(&self.get(LIST).await)
    }

    /// The bodies that are listed, oldest first.
    async fn listed(&self) -> Vec<String> {
        let list = self.list().await;
        let all = list["messages"].as_array().unwrap().iter();
        all.map(|it| it["body"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn key(&self, place: usize) -> String {
        let list = self.list().await;
        list["messages"][place]["key"].as_str().unwrap().to_owned()
    }

    async fn tell(&self, verb: &str) -> Answer {
        self.post(&format!("{LIST}/{verb}"), &json!({})).await
    }

    async fn audited(&self) -> Vec<(String, String, Value)> {
        let events = ok(&self.get("/api/audit").await);
        let events = events["events"].as_array().unwrap().iter().rev();
        let told = |it: &Value, member: &str| it[member].as_str().unwrap_or_default().to_owned();
        events
            .map(|it| (told(it, "actor"), told(it, "action"), it["detail"].clone()))
            .collect()
    }
}

async fn drain(rabbit: &Rabbit, queue: &str) -> Vec<Got> {
    let mut all = Vec::new();
    while let Some(got) = rabbit.get(queue).await {
        all.push(got);
    }
    all
}

#[tokio::test]
async fn dead_letters_are_listed_oldest_first_and_stay_where_they_are() {
    let garbage = Got {
        headers: Vec::new(),
        content_type: None,
        ..dead(b"\xff\x00 not text", Some("m-2"), "")
    };
    let long = dead(&[b'x'; 5000], None, "too \u{0} large");
    let world = with(&[dead(b"null", Some("m-1"), "not_an_object"), garbage, long]).await;
    let list = world.list().await;
    let key = |place: usize| list["messages"][place]["key"].clone();
    let expected = json!({
        "count": 3,
        "messages": [
            {"key": key(0), "reason": "not_an_object", "at": "2025-07-10T12:00:00.250Z", "original_message_id": "m-1",
             "body": "null", "truncated": false, "bytes": 4},
            {"key": key(1), "reason": null, "at": null, "original_message_id": "m-2",
             "body": "\u{fffd}\u{0} not text", "truncated": false, "bytes": 11},
            {"key": key(2), "reason": "too \u{fffd} large", "at": "2025-07-10T12:00:00.250Z", "original_message_id": null,
             "body": "x".repeat(2048), "truncated": true, "bytes": 5000},
        ],
    });
    assert_eq!(list, expected);
    assert_ne!(key(0), key(1));
    assert_eq!(
        world.list().await,
        list,
        "a look changes nothing, and keys stay"
    );
    let other = world.replica(|_| {});
    other.ready().await;
    let url = format!("http://{}{LIST}?limit=1", other.address);
    let of_another = ok(&test_kit::http_get(&url, &[crate::world::AUTHORIZATION]).await);
    assert_eq!(
        of_another,
        json!({"count": 3, "messages": [list["messages"][0]]})
    );
    assert_eq!(world.rabbit.depth(&world.dead()).await, Some(3));
    assert_eq!(
        world.audited().await,
        [],
        "whoever only looks has done nothing"
    );
    for limit in ["0", "101", "-1", "x", "1.5"] {
        let refused = world.get(&format!("{LIST}?limit={limit}")).await;
        assert_eq!(fields(&refused), ["limit"], "{limit}");
    }
    other.shutdown().await;
    world.shutdown().await;
}

#[tokio::test]
async fn one_goes_back_to_its_queue_as_it_came_and_the_others_stay_in_order() {
    let letters = ["a", "b", "c"].map(|it| dead(it.as_bytes(), Some(it), "not_json"));
    let world = with(&letters).await;
    let key = world.key(1).await;
    let answer = ok(&world.tell(&format!("{key}/requeue")).await);
    assert_eq!(answer, json!({"requeued": 1, "left": 0}));
    assert_eq!(world.listed().await, ["a", "c"]);
    let back = drain(&world.rabbit, &world.queue).await;
    assert_eq!(back, [alive(letters[1].clone())]);
    problem(
        &world.tell(&format!("{key}/requeue")).await,
        404,
        "dead_letter_not_found",
    );
    let detail = json!({"key": key, "reason": "not_json", "at": "2025-07-10T12:00:00.250Z", "original_message_id": "b"});
    let expected = ("ana".to_owned(), "dead_letters_requeue".to_owned(), detail);
    assert_eq!(world.audited().await, [expected]);
    let counted = r#"admin_dead_letters_total{outcome="requeued"}"#;
    assert!((world.service.metric(counted).await - 1.0).abs() < 0.1);
    world.shutdown().await;
}

#[tokio::test]
async fn one_is_dropped_and_the_others_stay_in_order() {
    let letters = ["a", "b", "c"].map(|it| dead(it.as_bytes(), None, "x\u{0}"));
    let world = with(&letters).await;
    let key = world.key(0).await;
    let answer = ok(&world.tell(&format!("{key}/drop")).await);
    assert_eq!(answer, json!({"dropped": 1}));
    assert_eq!(world.listed().await, ["b", "c"]);
    for key in [key.as_str(), "nothing", "%2e%2e", &"f".repeat(5000)] {
        let again = world.tell(&format!("{key}/drop")).await;
        problem(&again, 404, "dead_letter_not_found");
    }
    let events = world.audited().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        (&*events[0].1, &events[0].2["reason"]),
        ("dead_letters_drop", &json!("x\u{fffd}"))
    );
    assert_eq!(world.rabbit.depth(&world.queue).await, Some(0));
    world.shutdown().await;
}

#[tokio::test]
async fn of_two_that_say_the_same_one_is_handled_at_a_time() {
    let twin = dead(b"{}", None, "not_json");
    let world = with(&[twin.clone(), dead(b"other", None, "x"), twin.clone()]).await;
    let (one, two) = (world.key(0).await, world.key(2).await);
    assert_eq!(one, two);
    ok(&world.tell(&format!("{one}/drop")).await);
    assert_eq!(world.listed().await, ["other", "{}"]);
    ok(&world.tell(&format!("{one}/requeue")).await);
    assert_eq!(world.listed().await, ["other"]);
    world.shutdown().await;
}

#[tokio::test]
async fn all_go_back_in_their_order_or_all_are_dropped() {
    let letters: Vec<Got> = (0..7)
        .map(|n| dead(n.to_string().as_bytes(), None, "x"))
        .collect();
    let world = with(&letters).await;
    let answer = ok(&world.tell("requeue").await);
    assert_eq!(answer, json!({"requeued": 7, "left": 0}));
    let back = drain(&world.rabbit, &world.queue).await;
    let expected: Vec<Got> = letters.iter().cloned().map(alive).collect();
    assert_eq!(back, expected);
    for letter in &letters[..3] {
        world.rabbit.publish_as(&world.dead(), letter).await;
    }
    assert_eq!(ok(&world.tell("drop").await), json!({"dropped": 3}));
    assert_eq!(world.list().await, json!({"count": 0, "messages": []}));
    assert_eq!(world.rabbit.depth(&world.queue).await, Some(0));
    let events = world.audited().await;
    let told: Vec<_> = events.iter().map(|it| (&*it.1, &it.2)).collect();
    assert_eq!(
        told,
        [
            ("dead_letters_requeue", &json!({"all": true, "messages": 7})),
            ("dead_letters_drop", &json!({"all": true, "messages": 3})),
        ]
    );
    world.shutdown().await;
}

/// A bound, not a promise of speed: what is left is told and asked for again.
#[tokio::test]
async fn a_request_looks_at_no_more_than_five_hundred() {
    let world = with(&[]).await;
    for n in 0..505 {
        world.rabbit.publish(&world.dead(), n.to_string()).await;
    }
    let (mut back, mut rounds) = (0, 0);
    let mut left = 505;
    // Each request has its own deadline, so on a busy machine it may take more of them; none is in vain.
    while left > 0 {
        let answer = ok(&world.tell("requeue").await);
        let requeued = answer["requeued"].as_u64().unwrap();
        left = answer["left"].as_u64().unwrap();
        back += requeued;
        rounds += 1;
        assert!((1..=500).contains(&requeued), "{answer}");
        assert_eq!(back + left, 505, "{answer}");
    }
    assert!(rounds > 1);
    assert_eq!(world.rabbit.depth(&world.queue).await, Some(505));
    world.shutdown().await;
}

#[tokio::test]
async fn where_there_is_none_or_no_queue_there_is_nothing_to_do() {
    let world = with(&[]).await;
    for _ in 0..2 {
        assert_eq!(world.list().await, json!({"count": 0, "messages": []}));
        assert_eq!(
            ok(&world.tell("requeue").await),
            json!({"requeued": 0, "left": 0})
        );
        assert_eq!(ok(&world.tell("drop").await), json!({"dropped": 0}));
        problem(&world.tell("a/requeue").await, 404, "dead_letter_not_found");
        world.rabbit.delete(&world.dead()).await;
    }
    assert_eq!(world.audited().await, []);
    world.shutdown().await;
}

#[tokio::test]
async fn one_that_a_consumer_takes_meanwhile_is_not_found() {
    let world = with(&[dead(b"a", None, "x"), dead(b"b", None, "x")]).await;
    let key = world.key(0).await;
    assert_eq!(world.rabbit.get(&world.dead()).await.unwrap().body, b"a");
    problem(
        &world.tell(&format!("{key}/requeue")).await,
        404,
        "dead_letter_not_found",
    );
    assert_eq!(world.listed().await, ["b"]);
    assert_eq!(world.rabbit.depth(&world.queue).await, Some(0));
    world.shutdown().await;
}

#[tokio::test]
async fn one_that_no_client_can_read_is_told_and_can_be_dropped_with_all() {
    let world = with(&[dead(b"a", None, "x")]).await;
    publish_with_raw_message_id(&rabbit_url(), &world.dead(), b"\xff\xfe").await;
    world.rabbit.publish(&world.dead(), "b").await;
    problem(&world.get(LIST).await, 409, "dead_letter_unreadable");
    let ahead = ok(&world.get(&format!("{LIST}?limit=1")).await);
    assert_eq!(
        (&ahead["count"], &ahead["messages"][0]["body"]),
        (&json!(3), &json!("a"))
    );
    let part = problem(&world.tell("requeue").await, 409, "dead_letter_unreadable");
    assert_eq!(part["requeued"], 1, "the one before it");
    assert_eq!(drain(&world.rabbit, &world.queue).await.len(), 1);
    wait_until("what was taken is back", PATIENCE, async || {
        world.rabbit.depth(&world.dead()).await == Some(2)
    })
    .await;
    assert_eq!(ok(&world.tell("drop").await), json!({"dropped": 2}));
    assert_eq!(world.list().await["count"], 0);
    world.shutdown().await;
}

#[tokio::test]
async fn a_queue_that_cannot_take_it_leaves_it_where_it_is() {
    let world = with(&[dead(b"a", None, "x")]).await;
    world.rabbit.delete(&world.queue).await;
    world.rabbit.declare_transient(&world.queue).await;
    let key = world.key(0).await;
    for verb in [format!("{key}/requeue"), "requeue".to_owned()] {
        let refused = world.tell(&verb).await;
        assert!(matches!(refused.status(), 409 | 503), "{}", refused.text());
        wait_until("it is back", PATIENCE, async || {
            world.rabbit.depth(&world.dead()).await == Some(1)
        })
        .await;
    }
    assert_eq!(world.listed().await, ["a"]);
    world.shutdown().await;
}

/// A world whose way to the broker can be cut.
async fn cuttable(change: impl FnOnce(&mut Settings)) -> (World, ChaosProxy) {
    let url = rabbit_url();
    let (_, host) = url.split_once('@').unwrap();
    let proxy = ChaosProxy::to(host.split('/').next().unwrap()).await;
    let through = rabbit_url_at(&proxy.address().to_string());
    let world = World::with(|settings| {
        settings.broker.rabbitmq_url = through.into();
        change(settings);
    })
    .await;
    world.ready().await;
    (world, proxy)
}

#[tokio::test]
async fn while_the_broker_is_away_nothing_is_done_and_said_so() {
    let (world, proxy) = cuttable(|_| {}).await;
    world
        .rabbit
        .publish_as(&world.dead(), &dead(b"a", None, "x"))
        .await;
    let key = world.key(0).await;
    proxy.cut();
    let away = world.get(LIST).await;
    problem(&away, 503, "broker_unavailable");
    assert_eq!(away.header("retry-after"), Some("5"));
    for verb in [
        format!("{key}/requeue"),
        format!("{key}/drop"),
        "requeue".to_owned(),
        "drop".to_owned(),
    ] {
        problem(&world.tell(&verb).await, 503, "broker_unavailable");
    }
    proxy.restore();
    world.ready().await;
    assert_eq!(world.listed().await, ["a"]);
    assert_eq!(world.audited().await, []);
    world.shutdown().await;
}

#[tokio::test]
async fn a_cut_in_the_middle_loses_nothing_and_doubles_at_most_one() {
    let (world, proxy) = cuttable(|_| {}).await;
    for n in 0..300 {
        world.rabbit.publish(&world.dead(), n.to_string()).await;
    }
    let cutting = async {
        wait_until("some are back", PATIENCE, async || {
            world.rabbit.depth(&world.queue).await.unwrap_or_default() >= 3
        })
        .await;
        proxy.cut();
    };
    let (answer, ()) = tokio::join!(world.tell("requeue"), cutting);
    proxy.restore();
    let told = answer.json()["requeued"].as_u64().unwrap_or_default();
    // A machine so busy that the cut comes too late has nothing to say here.
    let whole = answer.status() == 200;
    if !whole {
        problem(&answer, 503, "broker_unavailable");
    }
    let mut all: Vec<u32> = Vec::new();
    wait_until(
        "the broker has noticed, and all are somewhere",
        PATIENCE * 2,
        async || {
            for queue in [world.queue.clone(), world.dead()] {
                let got = drain(&world.rabbit, &queue).await.into_iter();
                all.extend(
                    got.map(|it| String::from_utf8(it.body).unwrap().parse::<u32>().unwrap()),
                );
            }
            let mut distinct = all.clone();
            distinct.sort_unstable();
            distinct.dedup();
            distinct.len() == 300
        },
    )
    .await;
    assert!(all.len() <= 301, "{} of 300", all.len());
    assert!(told >= 1, "{}", answer.text());
    world.ready().await;
    world.shutdown().await;
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_given_up_in_time_and_nothing_is_lost() {
    let (world, proxy) = cuttable(|_| {}).await;
    world
        .rabbit
        .publish_as(&world.dead(), &dead(b"a", None, "x"))
        .await;
    let key = world.key(0).await;
    proxy.pause();
    problem(
        &world.tell(&format!("{key}/requeue")).await,
        503,
        "broker_unavailable",
    );
    proxy.resume();
    wait_until("it is where it was", PATIENCE, async || {
        world.listed().await == ["a"]
    })
    .await;
    world.shutdown().await;
}

#[tokio::test]
async fn without_the_audit_nothing_happens_to_a_message() {
    let (world, proxy) = crate::force::cuttable().await;
    world.ready().await;
    world
        .rabbit
        .publish_as(&world.dead(), &dead(b"a", None, "x"))
        .await;
    let key = world.key(0).await;
    proxy.cut();
    for verb in [
        format!("{key}/requeue"),
        format!("{key}/drop"),
        "requeue".to_owned(),
        "drop".to_owned(),
    ] {
        problem(&world.tell(&verb).await, 503, "database_unavailable");
    }
    assert_eq!(world.listed().await, ["a"], "a look needs no database");
    proxy.restore();
    world.ready().await;
    assert_eq!(world.audited().await, []);
    assert_eq!(world.rabbit.depth(&world.queue).await, Some(0));
    world.shutdown().await;
}

#[tokio::test]
async fn whoever_looks_while_another_does_waits_for_its_turn() {
    let world = with(&[dead(b"a", None, "x"), dead(b"b", None, "x")]).await;
    let looks = (0..20).map(|_| world.get(LIST));
    for answer in futures_util::future::join_all(looks).await {
        // Each sees all of them, or is told that it has to wait.
        if answer.status() == 409 {
            problem(&answer, 409, "dead_letters_busy");
            assert_eq!(answer.header("retry-after"), Some("1"));
        } else {
            assert_eq!(ok(&answer)["messages"].as_array().unwrap().len(), 2);
        }
    }
    assert_eq!(world.listed().await, ["a", "b"]);
    world.shutdown().await;
}
