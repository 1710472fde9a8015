//! What must be true after every scenario, whatever was broken meanwhile.

use demo_world::portal::Endpoint;
use test_kit::wait_until;
use tokio::sync::OnceCell;

use crate::stack::{RUN_PATIENCE, Stack, window};

/// The tables after a run that nothing disturbed: made once per test run.
static UNDISTURBED: OnceCell<String> = OnceCell::const_new();

/// The run ended well, alone, with everything, and left nothing behind.
pub async fn holds(stack: &Stack, id: i64) {
    let row = stack.ended(id).await;
    assert_eq!(row["state"], "success", "{row}");
    assert_eq!(
        stack.number("SELECT count(*) FROM sync_executions").await,
        1
    );
    whole(stack, id).await;
    let undisturbed = UNDISTURBED.get_or_init(undisturbed).await;
    assert_eq!(&tables(stack).await, undisturbed);
}

/// Counts, ledger, source and tables tell one story about a finished run, and nothing is left of its work.
pub async fn whole(stack: &Stack, id: i64) {
    let row = stack.execution(id).await;
    let there = stack.portal.count(Endpoint::Publicacao, None, window());
    let counted = row["records_processed"].as_u64().unwrap();
    assert_eq!(counted, there as u64, "{row}");
    assert_eq!(row["lease_token"], serde_json::Value::Null);
    let saved = stack.number("SELECT count(*) FROM pncp_contratacoes").await;
    assert_eq!(saved, i64::try_from(there).unwrap());
    let ledger =
        "SELECT coalesce(sum(inserted + updated + unchanged), 0)::bigint FROM sync_segments";
    assert_eq!(stack.number(ledger).await, saved);
    assert_eq!(stack.number("SELECT count(*) FROM sync_pages").await, 0);
    wait_until("every message is published", RUN_PATIENCE, async || {
        let pending = "SELECT count(*) FROM outbox WHERE published_at IS NULL";
        stack.number(pending).await == 0
    })
    .await;
}

async fn undisturbed() -> String {
    let stack = Stack::new().await;
    let (admin, _worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    assert_eq!(stack.ended(id).await["state"], "success");
    whole(&stack, id).await;
    tables(&stack).await
}

/// All that is said about procurements, without the moments and runs that wrote it.
async fn tables(stack: &Stack) -> String {
    let rows = "
        SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
            SELECT (to_jsonb(t) - '{first_seen_at,updated_at,execution_id}'::text[])::text AS line
            FROM pncp_contratacoes t
            UNION ALL SELECT to_jsonb(t)::text FROM pncp_orgaos t
            UNION ALL SELECT to_jsonb(t)::text FROM pncp_unidades t
            UNION ALL SELECT to_jsonb(t)::text FROM pncp_itens t
        ) all_lines";
    let digest = sqlx::query_scalar::<_, String>(rows);
    digest.fetch_one(stack.database.owner_pool()).await.unwrap()
}
