//! The second stage: the items of what changed, all of them, and only where the portal really said so.

use chrono::TimeDelta;
use demo_world::portal::{Endpoint, Fault, Match, Record, Rule};
use ingestor::settings::ItemsStage;
use test_kit::{PATIENCE, wait_until};

use crate::world::{Ingestor, World, at, midnight, next, wednesday};

fn with_items(world: &World) -> Ingestor {
    world.ingestor_with(|settings| settings.scope.pncp_items = ItemsStage::Changed)
}

async fn stored_items(world: &World, key: &str) -> Vec<i32> {
    let query = "SELECT numero_item FROM pncp_itens WHERE numero_controle_pncp = $1 ORDER BY 1";
    let pool = world.database.owner_pool();
    sqlx::query_scalar(query)
        .bind(key)
        .fetch_all(pool)
        .await
        .unwrap()
}

fn item_requests(world: &World) -> usize {
    let seen = world.portal.requests();
    seen.iter()
        .filter(|seen| seen.path.contains("/itens"))
        .count()
}

#[tokio::test]
async fn every_item_of_what_came_in_is_stored_however_many_there_are() {
    let world = World::new().await;
    let day = wednesday();
    let small = Record::new(1, 6, at(day, 9, 0)).items(3);
    let large = Record::new(2, 6, at(day, 9, 1)).items(137);
    let none = Record::new(3, 6, at(day, 9, 2)).items(0);
    let unknown = Record::new(4, 6, at(day, 9, 3)).unknown_items();
    let keys = [small.key(), large.key(), none.key(), unknown.key()];
    world.portal.put(small).put(large).put(none).put(unknown);
    let ingestor = with_items(&world);

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 4),
        "{row:?}"
    );
    let mut counts = Vec::new();
    for key in &keys {
        counts.push(stored_items(&world, key).await.len());
    }
    assert_eq!(counts, [3, 137, 0, 0]);
    let due = "SELECT count(*) FROM pncp_contratacoes WHERE itens_versao IS DISTINCT FROM data_atualizacao_global";
    assert_eq!(world.number(due).await, 0);
    ingestor.stop().await;
}

#[tokio::test]
async fn what_has_not_changed_is_not_asked_for_again_and_what_vanished_goes() {
    let world = World::new().await;
    let day = wednesday();
    let record = Record::new(1, 6, at(day, 9, 0)).items(12);
    let key = record.key();
    world.portal.put(record.clone());
    let ingestor = with_items(&world);
    world.run_backfill(midnight(day), midnight(next(day))).await;
    let asked = item_requests(&world);
    world.run_backfill(midnight(day), midnight(next(day))).await;
    assert_eq!(item_requests(&world), asked, "nothing has changed");

    world
        .portal
        .put(record.items(5).updated(at(next(day), 9, 0)));
    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(row.state, "success", "{row:?}");
    assert_eq!(stored_items(&world, &key).await, [1, 2, 3, 4, 5]);
    ingestor.stop().await;
}

#[tokio::test]
async fn a_429_is_never_taken_for_no_items() {
    let world = World::new().await;
    let day = wednesday();
    let record = Record::new(1, 6, at(day, 9, 0)).items(7);
    let key = record.key();
    world.portal.put(record);
    let items = Match::any().endpoint(Endpoint::Itens);
    world
        .portal
        .script(Rule::times(6, items, Fault::Status429Html));
    let ingestor = with_items(&world);

    let row = world.run_backfill(midnight(day), midnight(next(day))).await;

    assert_eq!(row.state, "success", "{row:?}");
    assert_eq!(stored_items(&world, &key).await.len(), 7);
    ingestor.stop().await;
}

#[tokio::test]
async fn items_that_cannot_be_had_leave_the_run_incomplete_and_a_retry_fetches_them() {
    let world = World::new().await;
    let day = wednesday();
    let record = Record::new(1, 6, at(day, 9, 0)).items(4);
    let key = record.key();
    world
        .portal
        .put(record)
        .put(Record::new(2, 8, at(day, 9, 1)).items(2));
    let items = Match::any().endpoint(Endpoint::Itens);
    world.portal.script(Rule::times(10, items, Fault::Text500));
    let ingestor = with_items(&world);
    let window = (midnight(day), midnight(next(day)));
    let parent = world.run_backfill(window.0, window.1).await;
    assert_eq!(parent.state, "incomplete", "{parent:?}");
    assert!(
        parent
            .error_message
            .unwrap()
            .contains("itens 2025-07-09 incomplete")
    );
    assert_eq!(world.stored().await.len(), 2, "the contratacoes are kept");
    world.portal.clear_faults();
    let lists = world.pages_read().len();

    let retry = world
        .queued("backfill", Some(window), Some(parent.id))
        .await;
    world.ring(retry, "backfill").await;
    let row = world.over(retry).await;

    assert_eq!(row.state, "success", "{row:?}");
    assert_eq!(stored_items(&world, &key).await.len(), 4);
    assert_eq!(world.pages_read().len(), lists, "no list is read again");
    ingestor.stop().await;
}

#[tokio::test]
async fn a_parked_items_stage_goes_on_where_it_was() {
    let world = World::new().await;
    let day = wednesday();
    for number in 0..40 {
        let published = at(day, 9, 0) + TimeDelta::minutes(i64::from(number));
        world
            .portal
            .put(Record::new(1 + number, 6, published).items(2));
    }
    let first = with_items(&world);
    let id = world.backfill(midnight(day), midnight(next(day))).await;
    let gate = world.portal.hold_at(Match::any().endpoint(Endpoint::Itens));
    world.ring(id, "backfill").await;
    wait_until("items are asked for", PATIENCE, async || {
        item_requests(&world) > 0
    })
    .await;
    first.lifecycle.trigger();
    wait_until("it winds down", PATIENCE, async || {
        first.lifecycle.stopping().is_cancelled()
    })
    .await;
    gate.release();
    first.ended().await;
    assert_eq!(world.row(id).await.state, "queued");

    let second = with_items(&world);
    let row = world.over(id).await;

    assert_eq!(
        (row.state.as_str(), row.records_processed),
        ("success", 40),
        "{row:?}"
    );
    assert_eq!(world.number("SELECT count(*) FROM pncp_itens").await, 80);
    assert_eq!(item_requests(&world), 40, "each was asked for once");
    second.stop().await;
}
