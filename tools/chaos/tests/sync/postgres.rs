//! Postgres away for ten seconds in the middle of a run.

use std::time::Duration;

use test_kit::{Database, PrivatePostgres, Rabbit, wait_until};
use tokio::time::Instant;

use crate::stack::{RUN_PATIENCE, Stack, first_day};
use crate::truth;

async fn away_for_ten_seconds(lease: &str) {
    let mut server = PrivatePostgres::start().await;
    let rabbit = Rabbit::connect().await;
    let database = Database::on(&server.url()).await;
    let stack = Stack::on(database, rabbit.url(), rabbit.fresh_queue());
    let middle = demo_world::portal::Match::any()
        .modalidade(6)
        .day(first_day())
        .page(2);
    let gate = stack.portal.hold_at(middle);
    let admin = stack.admin().await;
    let _worker = stack.worker_with(&[("LEASE_SECONDS", lease)]);
    let id = admin.force().await;
    wait_until("the run is in the middle", RUN_PATIENCE, async || {
        stack.number("SELECT count(*) FROM sync_pages").await >= 2
    })
    .await;
    server.kill9();
    let gone = Instant::now();
    gate.release();
    wait_until("ten seconds have passed", RUN_PATIENCE, async || {
        gone.elapsed() > Duration::from_secs(10)
    })
    .await;
    server.restart().await;
    truth::holds(&stack, id).await;
}

#[tokio::test]
async fn away_for_less_than_the_lease() {
    away_for_ten_seconds("60").await;
}

#[tokio::test]
async fn away_for_longer_than_the_lease() {
    away_for_ten_seconds("3").await;
}
