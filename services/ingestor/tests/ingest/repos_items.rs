//! Whose items are due, and how they become exactly what the portal shows.

use chrono_tz::America::Sao_Paulo;
use farol_core::sync::plan_items;
use ingestor::infra::execution_repo::Lease;
use ingestor::infra::items_repo::Due;
use ingestor::infra::segment_repo::Segment;
use ingestor::ingest::item::Item;
use serde_json::json;
use serde_json::value::RawValue;

use crate::record_read::raw;
use crate::repos_kit::{Repos, answered, day, page, read, record};

fn item(number: i32, text: &str) -> Box<RawValue> {
    let item = json!({"numeroItem": number, "descricao": text, "quantidade": 2.5000, "valorTotal": 10.1, "orcamentoSigiloso": false});
    raw(item.to_string())
}

fn items(raws: &[Box<RawValue>]) -> Vec<Item<'_>> {
    raws.iter()
        .map(|raw| Item::read(raw, Sao_Paulo).unwrap())
        .collect()
}

/// A run that has brought `raws` and has begun with their items.
async fn with_records(repos: &Repos, raws: &[Box<RawValue>]) -> (Lease, Segment) {
    let run = repos.running().await;
    let segment = repos.reading(&run.lease).await;
    let (records, answered) = (read(raws), answered(2, raws));
    repos
        .records
        .commit_page(&run.lease, segment.id, &page(&answered, &records))
        .await
        .unwrap();
    let planned = plan_items(&day(), Sao_Paulo).unwrap();
    repos
        .segments
        .plan_once(&run.lease, &[planned])
        .await
        .unwrap();
    let all = repos.segments.all(run.lease.execution_id).await.unwrap();
    let segment = all.into_iter().find(|it| it.key == planned.key).unwrap();
    repos.segments.begin(&run.lease, segment.id).await.unwrap();
    repos.items.expect(&run.lease, segment.id).await.unwrap();
    (run.lease, segment)
}

async fn due(repos: &Repos, lease: &Lease) -> Vec<Due> {
    repos
        .items
        .due(lease.execution_id, None, 100)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_a_run_brought_owes_its_items_until_they_are_written() {
    let repos = Repos::fresh().await;
    let (lease, segment) = with_records(&repos, &[record(1, 1, ""), record(2, 1, "")]).await;
    let owed = due(&repos, &lease).await;
    let numbers: Vec<i32> = owed.iter().map(|it| it.sequencial_compra).collect();
    assert_eq!(numbers, [1, 2]);
    let behind = repos
        .items
        .due(lease.execution_id, Some(&owed[0].key), 100)
        .await
        .unwrap();
    assert_eq!(behind, owed[1..]);
    let raws = [item(1, "a"), item(2, "b")];
    repos
        .items
        .write(&lease, segment.id, &owed[0], &items(&raws), &[])
        .await
        .unwrap();
    repos
        .items
        .write(&lease, segment.id, &owed[1], &[], &[])
        .await
        .unwrap();
    assert_eq!(due(&repos, &lease).await, []);
    let told = repos
        .value("SELECT pages_done, pages_total, got FROM sync_segments WHERE endpoint = 'itens'")
        .await;
    assert_eq!(told, json!([{"pages_done": 2, "pages_total": 2, "got": 2}]));
}

#[tokio::test]
async fn items_become_exactly_what_the_portal_shows() {
    let repos = Repos::fresh().await;
    let (lease, segment) = with_records(&repos, &[record(1, 1, "")]).await;
    let owed = due(&repos, &lease).await;
    let raws = [item(1, "a"), item(2, "b"), item(3, "c")];
    repos
        .items
        .write(&lease, segment.id, &owed[0], &items(&raws), &[])
        .await
        .unwrap();
    // The third has vanished, the second is new, the fourth stands on two pages, the first cannot be read.
    let raws = [item(2, "B"), item(4, "d"), item(4, "d")];
    let broken = raw(json!({"numeroItem": 1, "quantidade": "muitas"}).to_string());
    let unreadable = [Item::read(&broken, Sao_Paulo).unwrap_err()];
    repos
        .items
        .write(&lease, segment.id, &owed[0], &items(&raws), &unreadable)
        .await
        .unwrap();
    let told = repos.value("SELECT numero_item AS n, descricao AS d, quantidade::text AS q FROM pncp_itens ORDER BY 1").await;
    let wanted = json!([{"n": 1, "d": "a", "q": "2.5"}, {"n": 2, "d": "B", "q": "2.5"}, {"n": 4, "d": "d", "q": "2.5"}]);
    assert_eq!(told, wanted);
    let aside = repos
        .value("SELECT endpoint, natural_key AS k FROM sync_quarantine")
        .await;
    assert_eq!(
        aside,
        json!([{"endpoint": "itens", "k": "00000000000000-1-000001/2025#1"}])
    );
}

#[tokio::test]
async fn items_of_a_version_that_is_over_are_not_written() {
    let repos = Repos::fresh().await;
    let (lease, segment) = with_records(&repos, &[record(1, 1, "")]).await;
    let owed = due(&repos, &lease).await;
    repos.execute("UPDATE pncp_contratacoes SET data_atualizacao_global = data_atualizacao_global + interval '1 day'").await;
    repos
        .items
        .write(&lease, segment.id, &owed[0], &items(&[item(1, "old")]), &[])
        .await
        .unwrap();
    assert_eq!(
        repos.value("SELECT 1 AS n FROM pncp_itens").await,
        json!([])
    );
    assert_eq!(due(&repos, &lease).await.len(), 1);
}

#[tokio::test]
async fn a_retry_adopts_what_its_parent_still_owes() {
    let repos = Repos::fresh().await;
    let (lease, segment) = with_records(&repos, &[record(1, 1, ""), record(2, 1, "")]).await;
    let owed = due(&repos, &lease).await;
    repos
        .items
        .write(&lease, segment.id, &owed[0], &[], &[])
        .await
        .unwrap();
    let parent = lease.execution_id;
    repos.execute("UPDATE sync_executions SET state = 'incomplete', lease_token = NULL, lease_until = NULL").await;
    let retry = repos.running().await;
    assert_eq!(repos.items.adopt(&retry.lease, parent).await.unwrap(), 1);
    assert_eq!(due(&repos, &retry.lease).await, owed[1..]);
}

#[tokio::test]
async fn what_a_run_owed_when_it_ended_badly_is_read_by_the_next_of_its_window_retry_or_not() {
    const ENDS: &str =
        "UPDATE sync_executions SET state = 'cancelled', lease_token = NULL, lease_until = NULL
                         WHERE state = 'running'";
    let repos = Repos::fresh().await;
    let (first, _) = with_records(&repos, &[record(1, 1, "")]).await;
    let owing = async |id| repos.items.owing(id).await.unwrap();
    repos.execute(ENDS).await;
    // One that never came to its items stands between.
    repos.running().await;
    repos.execute(ENDS).await;
    let next = repos.running().await.lease.execution_id;
    assert_eq!(owing(next).await, [first.execution_id]);

    repos
        .execute("UPDATE sync_executions SET mode = 'update'")
        .await;
    assert_eq!(owing(next).await, [first.execution_id]);
    repos
        .execute("INSERT INTO sync_executions (mode, state) VALUES ('update', 'success')")
        .await;
    assert_eq!(
        owing(next).await,
        [0; 0],
        "one that went well has read them"
    );
}

#[tokio::test]
async fn a_newer_version_owes_its_items_again() {
    let repos = Repos::fresh().await;
    let (lease, segment) = with_records(&repos, &[record(1, 1, "")]).await;
    let owed = due(&repos, &lease).await;
    repos
        .items
        .write(&lease, segment.id, &owed[0], &items(&[item(1, "a")]), &[])
        .await
        .unwrap();
    repos
        .execute(
            "UPDATE sync_executions SET state = 'success', lease_token = NULL, lease_until = NULL",
        )
        .await;
    let (same, _) = with_records(&repos, &[record(1, 1, "")]).await;
    assert_eq!(due(&repos, &same).await, []);
    repos.execute("UPDATE sync_executions SET state = 'success', lease_token = NULL, lease_until = NULL WHERE state = 'running'").await;
    let (newer, _) = with_records(&repos, &[record(1, 2, "")]).await;
    assert_eq!(due(&repos, &newer).await.len(), 1);
}
