//! The administration killed between what it writes and what it publishes.

use test_kit::{ChaosProxy, Rabbit, wait_until};

use crate::barrier::Barrier;
use crate::stack::{RUN_PATIENCE, Stack};
use crate::truth;

async fn depth_is(rabbit: &Rabbit, queue: &str, wanted: u32) {
    let what = format!("{wanted} messages wait");
    wait_until(&what, RUN_PATIENCE, async || {
        rabbit.depth(queue).await == Some(wanted)
    })
    .await;
}

#[tokio::test]
async fn killed_between_commit_and_publish() {
    let mut stack = Stack::new().await;
    let broker = stack.rabbit_url.clone();
    let address = broker
        .rsplit('@')
        .next()
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let proxy = ChaosProxy::to(address).await;
    proxy.cut();
    stack.rabbit_url = broker.replace(address, &proxy.address().to_string());
    let mut admin = stack.admin().await;
    let answer = admin.ask_force().await;
    let answer = answer.json();
    assert_eq!(answer["dispatch"], "pending", "{answer}");
    assert_eq!(answer["message"], "Sync request queued: backfill");
    admin.process.kill9();
    admin.process.wait_exit().await;

    stack.rabbit_url = broker;
    let (_worker, _admin) = (stack.worker(), stack.admin().await);
    let id = answer["request_id"].as_str().unwrap().parse().unwrap();
    truth::holds(&stack, id).await;
}

#[tokio::test]
async fn killed_between_confirm_and_mark() {
    let stack = Stack::new().await;
    let rabbit = Rabbit::connect().await;
    let marked = "NEW.published_at IS NOT NULL";
    let mut barrier = Barrier::before(&stack.database, "outbox", "UPDATE", marked).await;
    let mut admin = stack.admin().await;
    let id = admin.force().await;
    barrier.met().await;
    depth_is(&rabbit, &stack.queue, 1).await;
    admin.process.kill9();
    admin.process.wait_exit().await;
    barrier.away_with_the_dead().await;

    // What was confirmed is not known to be: it is published again, and does no harm.
    let _admin = stack.admin().await;
    depth_is(&rabbit, &stack.queue, 2).await;
    let _worker = stack.worker();
    truth::holds(&stack, id).await;
    depth_is(&rabbit, &stack.queue, 0).await;
}

#[tokio::test]
async fn killed_while_a_run_goes_on() {
    let stack = Stack::new().await;
    let gate = stack.portal.hold();
    let (mut admin, _worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    stack.wait_for(id, &["running"]).await;
    admin.process.kill9();
    admin.process.wait_exit().await;
    gate.release();
    stack.ended(id).await;
    let _admin = stack.admin().await;
    truth::holds(&stack, id).await;
}
