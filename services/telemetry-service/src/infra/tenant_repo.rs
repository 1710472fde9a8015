//! The one way to rows of tenants: a transaction that can see one tenant's rows, for one read. Postgres holds the line,
//! the queries' own `tenant_id = $1` is beside it.

use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::QueryAs;
use sqlx::{Connection as _, FromRow, PgConnection, Postgres};
use tokio::time::timeout_at;

use super::connection_repo::Connection;
use crate::model::{SourceError, TenantId};

/// SET LOCAL in the form that takes parameters, all of it in one round trip. It ends with the transaction, so the
/// connection goes back to the pool as it came, whatever happens here.
const ENTER: &str = "
    SELECT set_config('role', 'farol_tenant', true),
           set_config('app.tenant_id', $1, true),
           set_config('statement_timeout', '5s', true)";

/// The rows of `query` that `tenant` may see.
pub(super) async fn read<R>(
    pool: &PgPool,
    tenant: &TenantId,
    query: QueryAs<'_, Postgres, R, PgArguments>,
) -> Result<Vec<R>, SourceError>
where
    R: for<'row> FromRow<'row, PgRow> + Send + Unpin,
{
    let mut connection = Connection::of(pool).await?;
    let deadline = connection.deadline();
    let answer = timeout_at(deadline, inside(&mut connection, tenant, query)).await;
    connection.settle(answer)
}

async fn inside<R>(
    connection: &mut PgConnection,
    tenant: &TenantId,
    query: QueryAs<'_, Postgres, R, PgArguments>,
) -> sqlx::Result<Vec<R>>
where
    R: for<'row> FromRow<'row, PgRow> + Send + Unpin,
{
    let mut transaction = connection.begin_with("BEGIN READ ONLY").await?;
    let enter = sqlx::query(ENTER).bind(tenant.as_str());
    enter.execute(&mut *transaction).await?;
    let rows = query.fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(rows)
}
