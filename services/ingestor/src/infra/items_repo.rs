//! The items of contratacoes, and which contratacoes owe them: those whose stored items are of another version.

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection, PgPool};

use super::execution_repo::Lease;
use super::postgres_repo::{Lent, RepoError, bounded};
use super::segment_repo::{hold, one};
use crate::ingest::item::{Item, UnreadableItem};
use crate::ingest::record::Decimal;

/// Most contratacoes that change hands in one transaction: a run may owe millions.
const HANDFUL: i64 = 1000;

/// A contratacao whose items are due: what the portal is asked with.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Due {
    /// Its `numero_controle_pncp`.
    pub key: String,
    /// The organ's number in the address of its items.
    pub orgao_cnpj: String,
    /// The year in it.
    pub ano_compra: i32,
    /// The number in it.
    pub sequencial_compra: i32,
    /// The version whose items are asked for.
    pub version: DateTime<Utc>,
}

/// Items. Clones share the pool.
#[derive(Clone)]
pub struct ItemsRepo {
    pool: PgPool,
}

impl ItemsRepo {
    /// Items in this database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The runs that ended badly and owe items that nobody else will read: of an update, those since the last that
    /// went well; of a backfill, those of an overlapping window; and the run that it is a retry of.
    ///
    /// # Errors
    /// Of the database.
    pub async fn owing(&self, execution_id: i32) -> Result<Vec<i32>, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let owing = sqlx::query_scalar(
                "SELECT e.id FROM sync_executions me JOIN sync_executions e ON e.mode = me.mode AND e.status = 'error'
                  WHERE me.id = $1 AND (e.id = me.parent_id OR CASE me.mode
                        WHEN 'update' THEN e.id > COALESCE((SELECT max(id) FROM sync_executions
                                                             WHERE mode = 'update' AND status = 'success'), 0)
                        ELSE e.window_start < me.window_end AND me.window_start < e.window_end END)
                    AND EXISTS (SELECT FROM pncp_contratacoes c WHERE c.execution_id = e.id
                                   AND c.itens_versao IS DISTINCT FROM c.data_atualizacao_global)
                  ORDER BY e.id",
            )
            .bind(execution_id)
            .fetch_all(&mut *lent)
            .await?;
            lent.back();
            Ok(owing)
        })
        .await
    }

    /// Makes some of the items that `owing` still owes this run's; gives their number, 0 where none is left.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn adopt(&self, lease: &Lease, owing: i32) -> Result<u64, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            hold(&mut tx, lease).await?;
            let adopted = sqlx::query(
                "UPDATE pncp_contratacoes c SET execution_id = $1 FROM (
                        SELECT numero_controle_pncp FROM pncp_contratacoes
                         WHERE execution_id = $2 AND itens_versao IS DISTINCT FROM data_atualizacao_global
                         ORDER BY numero_controle_pncp LIMIT $3 FOR UPDATE) due
                  WHERE c.numero_controle_pncp = due.numero_controle_pncp",
            )
            .bind(lease.execution_id)
            .bind(owing)
            .bind(HANDFUL)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            lent.back();
            Ok(adopted.rows_affected())
        })
        .await
    }

    /// The next contratacoes whose items the run owes, behind `after` in the order of their keys.
    ///
    /// # Errors
    /// Of the database.
    pub async fn due(
        &self,
        execution_id: i32,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Due>, RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let due = sqlx::query_as(
                "SELECT numero_controle_pncp AS key, orgao_cnpj, ano_compra, sequencial_compra,
                        data_atualizacao_global AS version
                   FROM pncp_contratacoes
                  WHERE execution_id = $1 AND itens_versao IS DISTINCT FROM data_atualizacao_global
                    AND numero_controle_pncp > $2
                  ORDER BY numero_controle_pncp LIMIT $3",
            )
            .bind(execution_id)
            .bind(after.unwrap_or_default())
            .bind(limit)
            .fetch_all(&mut *lent)
            .await?;
            lent.back();
            Ok(due)
        })
        .await
    }

    /// Sets how many contratacoes the segment of items has in all: those done, and those still due.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database.
    pub async fn expect(&self, lease: &Lease, segment_id: i64) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            hold(&mut tx, lease).await?;
            let noted = sqlx::query(
                "UPDATE sync_segments SET updated_at = clock_timestamp(), pages_total = pages_done + (
                        SELECT count(*) FROM pncp_contratacoes
                         WHERE execution_id = $2 AND itens_versao IS DISTINCT FROM data_atualizacao_global)
                  WHERE id = $1 AND execution_id = $2",
            )
            .bind(segment_id)
            .bind(lease.execution_id)
            .execute(&mut *tx)
            .await?;
            one(noted.rows_affected(), segment_id)?;
            tx.commit().await?;
            lent.back();
            Ok(())
        })
        .await
    }

    /// Makes `items` the items of a contratacao, and says so: what is not among them has vanished. Items that cannot
    /// be read go to the quarantine. Where the contratacao has a newer version by now, its items stay due.
    ///
    /// # Errors
    /// [`RepoError::LeaseLost`], or of the database; nothing is then written.
    pub async fn write(
        &self,
        lease: &Lease,
        segment_id: i64,
        of: &Due,
        items: &[Item<'_>],
        unreadable: &[UnreadableItem<'_>],
    ) -> Result<(), RepoError> {
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let mut tx = lent.begin().await?;
            if is_still(&mut tx, of).await? {
                replace(&mut tx, of, items, unreadable).await?;
            }
            quarantine(&mut tx, lease, of, unreadable).await?;
            note(&mut tx, lease, segment_id, unreadable.len()).await?;
            tx.commit().await?;
            lent.back();
            Ok(())
        })
        .await
    }
}

/// Says that the items of this version are there, if it is still the present one; else whoever brought the newer one
/// owes its items, and may have written them already.
async fn is_still(tx: &mut PgConnection, of: &Due) -> Result<bool, RepoError> {
    let said = sqlx::query(
        "UPDATE pncp_contratacoes SET itens_versao = $2
          WHERE numero_controle_pncp = $1 AND data_atualizacao_global = $2",
    )
    .bind(&of.key)
    .bind(of.version)
    .execute(tx)
    .await?;
    Ok(said.rows_affected() == 1)
}

/// An item that came but cannot be read has not vanished: what was stored of it stays.
async fn replace(
    tx: &mut PgConnection,
    of: &Due,
    items: &[Item<'_>],
    unreadable: &[UnreadableItem<'_>],
) -> Result<(), RepoError> {
    let unreadable = unreadable.iter().filter_map(|item| item.numero_item);
    let came: Vec<i32> = items
        .iter()
        .map(|item| item.numero_item)
        .chain(unreadable)
        .collect();
    sqlx::query(
        "DELETE FROM pncp_itens WHERE numero_controle_pncp = $1 AND numero_item <> ALL($2)",
    )
    .bind(&of.key)
    .bind(came)
    .execute(&mut *tx)
    .await?;
    upsert(tx, of, items).await
}

async fn upsert(tx: &mut PgConnection, of: &Due, items: &[Item<'_>]) -> Result<(), RepoError> {
    fn column<'a, T>(items: &'a [Item<'a>], read: impl Fn(&'a Item<'a>) -> T) -> Vec<T> {
        items.iter().map(read).collect()
    }
    // The portal may show an item on two pages; one statement may write it once.
    sqlx::query(
        "INSERT INTO pncp_itens (
            numero_controle_pncp, numero_item, descricao, material_ou_servico, quantidade, unidade_medida,
            valor_unitario_estimado, valor_total, situacao_compra_item, tipo_beneficio, criterio_julgamento_id,
            data_inclusao, data_atualizacao, raw)
         SELECT DISTINCT ON (numero_item) $1, it.* FROM unnest(
            $2::int[], $3::text[], $4::text[], $5::text[]::numeric[], $6::text[], $7::text[]::numeric[],
            $8::text[]::numeric[], $9::smallint[], $10::smallint[], $11::smallint[], $12::timestamptz[],
            $13::timestamptz[], $14::text[]::jsonb[])
            AS it (numero_item, descricao, material_ou_servico, quantidade, unidade_medida,
                   valor_unitario_estimado, valor_total, situacao_compra_item, tipo_beneficio,
                   criterio_julgamento_id, data_inclusao, data_atualizacao, raw)
          ORDER BY numero_item, data_atualizacao DESC NULLS LAST
         ON CONFLICT (numero_controle_pncp, numero_item) DO UPDATE SET
            descricao = excluded.descricao, material_ou_servico = excluded.material_ou_servico,
            quantidade = excluded.quantidade, unidade_medida = excluded.unidade_medida,
            valor_unitario_estimado = excluded.valor_unitario_estimado, valor_total = excluded.valor_total,
            situacao_compra_item = excluded.situacao_compra_item, tipo_beneficio = excluded.tipo_beneficio,
            criterio_julgamento_id = excluded.criterio_julgamento_id, data_inclusao = excluded.data_inclusao,
            data_atualizacao = excluded.data_atualizacao, raw = excluded.raw",
    )
    .bind(&of.key)
    .bind(column(items, |item| item.numero_item))
    .bind(column(items, |item| item.descricao.as_deref()))
    .bind(column(items, |item| item.material_ou_servico.as_deref()))
    .bind(column(items, |item| item.quantidade.as_ref().map(Decimal::as_str)))
    .bind(column(items, |item| item.unidade_medida.as_deref()))
    .bind(column(items, |item| item.valor_unitario_estimado.as_ref().map(Decimal::as_str)))
    .bind(column(items, |item| item.valor_total.as_ref().map(Decimal::as_str)))
    .bind(column(items, |item| item.situacao_compra_item))
    .bind(column(items, |item| item.tipo_beneficio))
    .bind(column(items, |item| item.criterio_julgamento_id))
    .bind(column(items, |item| item.data_inclusao))
    .bind(column(items, |item| item.data_atualizacao))
    .bind(column(items, |item| &*item.raw))
    .execute(tx)
    .await?;
    Ok(())
}

async fn quarantine(
    tx: &mut PgConnection,
    lease: &Lease,
    of: &Due,
    unreadable: &[UnreadableItem<'_>],
) -> Result<(), RepoError> {
    if unreadable.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO sync_quarantine (execution_id, endpoint, natural_key, reason, raw)
         SELECT $1, 'itens', concat_ws('#', $2, q.number), q.reason, q.raw
           FROM unnest($3::int[], $4::text[], $5::text[]::jsonb[]) AS q (number, reason, raw)",
    )
    .bind(lease.execution_id)
    .bind(&of.key)
    .bind(
        unreadable
            .iter()
            .map(|item| item.numero_item)
            .collect::<Vec<_>>(),
    )
    .bind(
        unreadable
            .iter()
            .map(|item| item.reason.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(unreadable.iter().map(|item| &*item.raw).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// Segment, run: locked in the order in which pages lock them.
async fn note(
    tx: &mut PgConnection,
    lease: &Lease,
    segment_id: i64,
    unreadable: usize,
) -> Result<(), RepoError> {
    let noted = sqlx::query(
        "UPDATE sync_segments SET pages_done = pages_done + 1, got = got + 1, quarantined = quarantined + $3,
                scan_started_at = COALESCE(scan_started_at, now()), updated_at = clock_timestamp()
          WHERE id = $1 AND execution_id = $2 AND state = 'running'",
    )
    .bind(segment_id)
    .bind(lease.execution_id)
    .bind(i32::try_from(unreadable).unwrap_or(i32::MAX))
    .execute(&mut *tx)
    .await?;
    one(noted.rows_affected(), segment_id)?;
    let held = sqlx::query(
        "UPDATE sync_executions SET progress_at = clock_timestamp(), updated_at = clock_timestamp()
          WHERE id = $1 AND lease_token = $2 AND state IN ('running', 'cancelling')",
    )
    .bind(lease.execution_id)
    .bind(lease.token)
    .execute(tx)
    .await?;
    if held.rows_affected() == 0 {
        return Err(RepoError::LeaseLost);
    }
    Ok(())
}
