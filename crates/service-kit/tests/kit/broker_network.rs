//! The broker's two ends against a network that fails, and against servers that are no brokers.

use std::time::Duration;

use service_kit::broker::PublishError;
use test_kit::{
    ChaosProxy, LogCapture, PATIENCE, Rabbit, rabbit_url_at, rabbit_url_with_password, wait_until,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener, time::timeout};

use crate::{
    broker::{Process, next, take, to},
    broker_faults::{QUEUE, SOON, publish_all, take_all},
};

fn through(proxy: &ChaosProxy) -> String {
    rabbit_url_at(&proxy.address().to_string()) + "?heartbeat=1"
}

async fn proxied() -> (Rabbit, ChaosProxy) {
    let rabbit = Rabbit::connect().await;
    let host = rabbit.url().split('@').nth(1).unwrap();
    let host = host.split('/').next().unwrap().to_owned();
    (rabbit, ChaosProxy::to(host).await)
}

#[tokio::test]
async fn a_queue_that_changed_during_an_absence_is_told_and_waited_for() {
    let (rabbit, proxy) = proxied().await;
    let (process, queue) = (Process::at(&through(&proxy)), rabbit.fresh_queue());
    let consumer = process.consumer(&queue, 1);
    process.until_told("consumer", "ready").await;
    proxy.cut();
    wait_until("the loss is told", PATIENCE, async || {
        process.told("consumer") != "ready"
    })
    .await;
    rabbit.delete(&queue).await;
    rabbit.declare_transient(&queue).await;
    proxy.restore();
    process
        .until_told("consumer", "inequivalent arg 'durable'")
        .await;
    rabbit.delete(&queue).await;
    wait_until(
        "the queue has its consumer again",
        PATIENCE * 3,
        async || rabbit.consumers(&queue).await == Some(1),
    )
    .await;
    rabbit.publish(&queue, "after").await;
    assert_eq!(take(&consumer).await, b"after");
    process.stop().await;
}

#[tokio::test]
async fn cut_connections_come_back() {
    let (rabbit, proxy) = proxied().await;
    let (process, queue) = (Process::at(&through(&proxy)), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    let consumer = process.consumer(&queue, 1);
    publish_all(&publisher, &queue, 0..1).await;
    let held = next(&consumer).await;
    proxy.cut();
    assert!(publisher.publish(&to(&queue, "lost"), SOON).await.is_err());
    for latch in ["publisher", "consumer"] {
        wait_until("the loss is told", PATIENCE, async || {
            process.told(latch) != "ready"
        })
        .await;
    }
    assert!(!publisher.connected() && !consumer.connected());
    assert!(!held.ack().await);
    proxy.restore();
    take_all(&consumer, 0..1).await;
    publish_all(&publisher, &queue, 1..2).await;
    take_all(&consumer, 1..2).await;
    process.stop().await;
}

#[tokio::test]
async fn a_network_that_falls_silent_is_noticed_and_left() {
    let (rabbit, proxy) = proxied().await;
    let (process, queue) = (Process::at(&through(&proxy)), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    let consumer = process.consumer(&queue, 1);
    publish_all(&publisher, &queue, 0..1).await;
    let held = next(&consumer).await;
    proxy.pause();
    let outcome = timeout(PATIENCE, publisher.publish(&to(&queue, "1"), SOON)).await;
    assert_eq!(outcome.unwrap(), Err(PublishError::Unknown));
    for latch in ["publisher", "consumer"] {
        wait_until("the silence is told", PATIENCE, async || {
            process.told(latch) != "ready"
        })
        .await;
    }
    assert!(!timeout(PATIENCE, held.ack()).await.unwrap());
    proxy.resume();
    publish_all(&publisher, &queue, 2..3).await;
    take_all(&consumer, 2..3).await;
    process.stop().await;
}

/// lapin once stood still for ever where the connection was lost while a channel was being opened, and with it the runtime's
/// threads one by one: a thread of its own sees that.
#[test]
fn whoever_asks_for_depths_while_the_network_falls_silent_is_not_stopped_by_it() {
    let (done, over) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(depths_over_a_network_that_falls_silent());
        done.send(()).unwrap();
    });
    over.recv_timeout(PATIENCE * 3).unwrap();
}

async fn depths_over_a_network_that_falls_silent() {
    let (rabbit, proxy) = proxied().await;
    let (process, queue) = (Process::at(&through(&proxy)), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    for round in 0..3 {
        publish_all(&publisher, &queue, round..round + 1).await;
        let asked = publisher.depth(&queue, PATIENCE).await;
        assert_eq!(asked, Ok(round + 1));
        proxy.pause();
        assert_eq!(publisher.depth(&queue, SOON).await, Err(PublishError::Away));
        wait_until("the silence is told", PATIENCE, async || {
            process.told("publisher") != "ready"
        })
        .await;
        proxy.resume();
    }
    process.stop().await;
}

#[tokio::test]
async fn a_process_stops_in_order_while_the_network_is_silent() {
    let (rabbit, proxy) = proxied().await;
    let (process, queue) = (Process::at(&through(&proxy)), rabbit.fresh_queue());
    let _publisher = process.publisher(&[&queue]);
    let _consumer = process.consumer(&queue, 1);
    process.until_told("publisher", "ready").await;
    process.until_told("consumer", "ready").await;
    proxy.pause();
    process.stop().await;
}

#[tokio::test]
async fn a_publish_given_up_by_its_caller_confuses_no_later_one() {
    let (rabbit, proxy) = proxied().await;
    let (process, queue) = (Process::at(&through(&proxy)), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    publish_all(&publisher, &queue, 0..1).await;
    proxy.pause();
    let nowhere = to("farol_test_nowhere", "{}");
    let given_up = timeout(
        Duration::from_millis(100),
        publisher.publish(&nowhere, PATIENCE),
    )
    .await;
    assert!(given_up.is_err());
    proxy.resume();
    assert_eq!(publisher.publish(&to(&queue, "1"), PATIENCE).await, Ok(()));
    assert_eq!(
        publisher.publish(&nowhere, PATIENCE).await,
        Err(PublishError::Unroutable)
    );
    assert_eq!(rabbit.depth(&queue).await, Some(2));
    process.stop().await;
}

#[tokio::test]
async fn a_broker_that_is_away_at_the_start_is_waited_for() {
    let (rabbit, proxy) = proxied().await;
    proxy.cut();
    let (process, queue) = (Process::at(&through(&proxy)), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    assert_eq!(
        publisher.publish(&to(&queue, "1"), SOON).await,
        Err(PublishError::Away)
    );
    assert_eq!(publisher.depth(&queue, SOON).await, Err(PublishError::Away));
    assert_ne!(process.told("publisher"), "ready");
    proxy.restore();
    publish_all(&publisher, &queue, 2..3).await;
    process.stop().await;
}

#[tokio::test]
async fn nobody_at_the_address_is_told_without_the_password() {
    let port = {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        nobody.local_addr().unwrap().port()
    };
    let process = Process::at(&format!("amqp://me:swordfish-nobody@127.0.0.1:{port}/%2f"));
    let publisher = process.publisher(&[QUEUE]);
    process
        .until_told(
            "publisher",
            &format!("cannot be reached at 127.0.0.1:{port}"),
        )
        .await;
    let told = format!(
        "{} {publisher:?} {:?}",
        process.told("publisher"),
        process.settings
    );
    assert!(!told.contains("swordfish"), "{told}");
    process.stop().await;
}

#[tokio::test]
async fn a_refused_password_is_told_and_not_shown() {
    let log = LogCapture::start();
    let process = Process::at(&rabbit_url_with_password("swordfish-refused"));
    let consumer = process.consumer(QUEUE, 1);
    process.until_told("consumer", "ACCESS_REFUSED").await;
    assert!(!consumer.connected());
    process.stop().await;
    let told: Vec<_> = log
        .text()
        .lines()
        .filter(|line| line.contains("swordfish-refused"))
        .map(str::to_owned)
        .collect();
    assert!(told.is_empty(), "{told:#?}");
}

#[tokio::test]
async fn a_broker_that_says_nothing_is_left_in_time_and_for_good() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let process = Process::at(&format!("amqp://guest:guest@{address}/%2f"));
    let _publisher = process.publisher(&[QUEUE]);
    for _ in 0..2 {
        let (mut stream, _) = timeout(PATIENCE * 2, silent.accept())
            .await
            .unwrap()
            .unwrap();
        let mut said = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut said))
            .await
            .unwrap()
            .unwrap();
        assert!(said.starts_with(b"AMQP"), "it hung up after its greeting");
    }
    process.until_told("publisher", "does not answer").await;
    process.stop().await;
}

#[tokio::test]
async fn broken_handshakes_leave_no_task_behind() {
    let rude = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = rude.local_addr().unwrap();
    let process = Process::at(&format!("amqp://guest:guest@{address}/%2f"));
    let _publisher = process.publisher(&[QUEUE]);
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    for _ in 0..12 {
        // Accepted, and reset: lapin has a task and a thread for each line.
        drop(timeout(PATIENCE * 2, rude.accept()).await.unwrap().unwrap());
        assert!(alive() < 10, "{} tasks", alive());
    }
    process.life.trigger();
    process
        .life
        .run_until_stopped(&crate::lifecycle::quick())
        .await;
    wait_until("every task has ended", PATIENCE, async || alive() == 0).await;
}
