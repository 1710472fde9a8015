//! Looking into a queue by hand: nothing is lost, and nothing moves that was not told to.

use service_kit::broker::{Publisher, ShelfError, Visit};
use test_kit::{ChaosProxy, Got, PATIENCE, Rabbit, publish_with_raw_message_id, rabbit_url_at};

use crate::broker::Process;

async fn visit(publisher: &Publisher, queue: &str) -> Visit {
    let visit = publisher.shelf("kit/shelf").open(queue, PATIENCE).await;
    visit.unwrap().unwrap()
}

async fn bodies(rabbit: &Rabbit, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    while let Some(got) = rabbit.get(queue).await {
        bodies.push(String::from_utf8(got.body).unwrap());
    }
    bodies
}

#[tokio::test]
async fn what_was_taken_is_back_in_its_place_when_the_visit_ends() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    rabbit.declare(&queue).await;
    for body in ["a", "b", "c", "d"] {
        rabbit.publish(&queue, body).await;
    }
    let mut ended = visit(&publisher, &queue).await;
    assert_eq!(ended.depth(), 4);
    for expected in ["a", "b", "c"] {
        let taken = ended.take().await.unwrap().unwrap();
        assert_eq!(taken.body, expected.as_bytes());
    }
    ended.end().await.unwrap();
    let mut dropped = visit(&publisher, &queue).await;
    let first = dropped.take().await.unwrap().unwrap();
    assert_eq!(first.body, b"a", "given back by the visit before");
    let second = dropped.take().await.unwrap().unwrap();
    dropped.remove(second).await.unwrap();
    let third = dropped.take().await.unwrap().unwrap();
    assert_eq!(third.body, b"c");
    dropped.end().await.unwrap();
    assert_eq!(bodies(&rabbit, &queue).await, ["a", "c", "d"]);
    process.stop().await;
}

#[tokio::test]
async fn what_is_passed_on_keeps_its_properties_and_goes_to_one_queue_only() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let (other, copies) = (rabbit.fresh_queue(), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    rabbit.declare(&queue).await;
    rabbit.declare(&copies).await;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let message = Got {
        body: b"\xff\x00".to_vec(),
        message_id: Some("17".to_owned()),
        content_type: Some("text/odd".to_owned()),
        correlation_id: Some("c".to_owned()),
        user_id: Some(user(rabbit.url())),
        headers: vec![
            header("CC", &copies),
            header("kept", "1"),
            header("x-why", "2"),
        ],
        persistent: false,
    };
    rabbit.publish_as(&queue, &message).await;
    let mut visit = visit(&publisher, &queue).await;
    let taken = visit.take().await.unwrap().unwrap();
    assert_eq!(taken.message_id().as_deref(), Some("17"));
    assert_eq!(taken.headers()[1..], message.headers[1..]);
    visit.pass_on(taken, &other, &["x-why"]).await.unwrap();
    assert!(visit.take().await.unwrap().is_none());
    visit.end().await.unwrap();
    let moved = Got {
        persistent: true,
        user_id: None,
        headers: vec![header("kept", "1")],
        ..message
    };
    assert_eq!(rabbit.get(&other).await, Some(moved));
    assert_eq!(rabbit.depth(&queue).await, Some(0));
    assert_eq!(rabbit.depth(&copies).await, Some(1), "the one from before");
    process.stop().await;
}

#[tokio::test]
async fn what_a_quorum_queue_counts_is_not_the_message_s() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let other = rabbit.fresh_queue();
    let publisher = process.publisher(&[]);
    rabbit.declare_quorum(&queue).await;
    let message = Got {
        body: b"a".to_vec(),
        headers: vec![("kept".to_owned(), "1".to_owned())],
        persistent: true,
        ..Got::default()
    };
    rabbit.publish_as(&queue, &message).await;
    for _ in 0..3 {
        let mut looking = visit(&publisher, &queue).await;
        let taken = looking.take().await.unwrap().unwrap();
        assert_eq!(taken.headers(), message.headers);
        looking.end().await.unwrap();
        // Given back by its replicas, soon after the goodbye.
        test_kit::wait_until("it is back", PATIENCE, async || {
            rabbit.depth(&queue).await == Some(1)
        })
        .await;
    }
    let mut moving = visit(&publisher, &queue).await;
    let taken = moving.take().await.unwrap().unwrap();
    moving.pass_on(taken, &other, &[]).await.unwrap();
    moving.end().await.unwrap();
    assert_eq!(rabbit.get(&other).await, Some(message));
    process.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_none_and_is_not_made() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[]);
    let found = publisher.shelf("kit/shelf").open(&queue, PATIENCE).await;
    assert!(found.unwrap().is_none());
    assert_eq!(rabbit.depth(&queue).await, None);
    process.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_the_visit_and_can_be_purged() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    rabbit.declare(&queue).await;
    rabbit.publish(&queue, "a").await;
    publish_with_raw_message_id(rabbit.url(), &queue, b"\xff\xfe").await;
    let mut first = visit(&publisher, &queue).await;
    assert!(first.take().await.unwrap().is_some());
    let error = first.take().await.unwrap_err();
    assert!(matches!(error, ShelfError::Unreadable), "{error:?}");
    drop(first);
    test_kit::wait_until("both are back", PATIENCE, async || {
        rabbit.depth(&queue).await == Some(2)
    })
    .await;
    let second = visit(&publisher, &queue).await;
    assert_eq!(second.purge().await.unwrap(), 2);
    second.end().await.unwrap();
    assert_eq!(rabbit.depth(&queue).await, Some(0));
    process.stop().await;
}

#[tokio::test]
async fn a_line_that_is_cut_ends_the_visit_and_loses_nothing() {
    let rabbit = Rabbit::connect().await;
    let target = rabbit.url().split_once('@').unwrap().1.split('/').next();
    let proxy = ChaosProxy::to(target.unwrap()).await;
    let process = Process::at(&rabbit_url_at(&proxy.address().to_string()));
    let queue = rabbit.fresh_queue();
    let publisher = process.publisher(&[&queue]);
    rabbit.declare(&queue).await;
    for body in ["a", "b"] {
        rabbit.publish(&queue, body).await;
    }
    let mut cut = visit(&publisher, &queue).await;
    assert!(cut.take().await.unwrap().is_some());
    proxy.cut();
    let error = cut.take().await.unwrap_err();
    assert!(matches!(error, ShelfError::Away(_)), "{error:?}");
    test_kit::wait_until("it is back", PATIENCE, async || {
        rabbit.depth(&queue).await == Some(2)
    })
    .await;
    assert_eq!(bodies(&rabbit, &queue).await, ["a", "b"]);
    proxy.restore();
    process.stop().await;
}

fn user(url: &str) -> String {
    let (login, _) = url.split_once('@').unwrap();
    let (_, login) = login.split_once("://").unwrap();
    login.split(':').next().unwrap().to_owned()
}
