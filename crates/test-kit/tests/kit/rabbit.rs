//! A foreign program's verbs, and a private RabbitMQ that dies and comes back.

use test_kit::{PATIENCE, PrivateRabbit, Rabbit, wait_until};

#[tokio::test]
async fn a_message_is_taken_as_it_was_published() {
    let rabbit = Rabbit::connect().await;
    let queue = rabbit.fresh_queue();
    rabbit.declare(&queue).await;
    rabbit.publish_named(&queue, "17", b"{}").await;
    rabbit.publish(&queue, "second").await;
    assert_eq!(rabbit.depth(&queue).await, Some(2));
    let got = rabbit.get(&queue).await.unwrap();
    assert_eq!(
        (got.body, got.message_id.as_deref()),
        (b"{}".to_vec(), Some("17"))
    );
    rabbit.purge(&queue).await;
    assert_eq!(rabbit.get(&queue).await, None);
    assert_eq!(rabbit.consumers(&queue).await, Some(0));
    rabbit.delete(&queue).await;
    assert_eq!(rabbit.depth(&queue).await, None);
}

#[tokio::test]
async fn the_queues_of_a_test_are_gone_with_it() {
    let (rabbit, other) = (Rabbit::connect().await, Rabbit::connect().await);
    let queue = rabbit.fresh_queue();
    let dead = format!("{queue}.dead");
    rabbit.declare(&queue).await;
    rabbit.declare(&dead).await;
    drop(rabbit);
    assert_eq!(other.depth(&queue).await, None);
    assert_eq!(other.depth(&dead).await, None);
}

#[tokio::test]
async fn a_killed_node_comes_back_at_the_same_address_with_its_queues() {
    let mut node = PrivateRabbit::start().await;
    let before = Rabbit::at(&node.url()).await;
    before.declare("durable").await;
    before.declare_transient("transient").await;
    node.kill9();
    node.restart().await;
    let after = Rabbit::at(&node.url()).await;
    assert_eq!(after.depth("durable").await, Some(0));
    assert_eq!(after.depth("transient").await, None);
}

#[tokio::test]
async fn a_stopped_node_answers_nobody_and_starts_again() {
    let mut node = PrivateRabbit::start().await;
    node.stop().await;
    let refused = tokio::net::TcpStream::connect(node.address()).await;
    assert!(refused.is_err());
    node.restart().await;
    assert!(node.control(&["list_queues", "name"]).await.is_empty());
}

#[tokio::test]
async fn a_node_leaves_no_process_and_no_folder_behind() {
    let node = PrivateRabbit::start().await;
    let name = node.control(&["eval", "node()."]).await;
    let name = name.trim().trim_matches('\'').split('@').next().unwrap();
    let folder = std::env::temp_dir().join(name);
    assert!(folder.exists(), "{}", folder.display());
    drop(node);
    assert!(!folder.exists());
    wait_until("no process knows the node", PATIENCE, async || {
        !running().iter().any(|command| command.contains(name))
    })
    .await;
}

/// The command lines of this machine's processes.
fn running() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}
