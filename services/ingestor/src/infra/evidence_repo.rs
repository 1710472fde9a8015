//! What the database knows about a day for which the portal says "nothing". What to make of it is core's.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta};
use farol_core::sync::{COMPARABLE_WITHIN_DAYS, Endpoint, Evidence, SegmentKey};
use sqlx::{PgConnection, Row as _};

use super::postgres_repo::{Lent, RepoError, bounded};
use super::segment_repo::{Segment, SegmentRepo};

impl SegmentRepo {
    /// All that is known about a segment for which the portal said "nothing", but for whether its day is over.
    ///
    /// # Errors
    /// Of the database.
    pub async fn evidence(&self, segment: &Segment) -> Result<Evidence, RepoError> {
        let (key, execution_id) = (&segment.key, segment.execution_id);
        bounded(async {
            let mut lent = Lent::from(&self.pool).await?;
            let known = self.counts_around(&mut lent, key).await?;
            // A zero from before records were seen (the first hour of the day) confirms nothing. One that was found
            // while the day was open says nothing about a day that is over.
            let row = sqlx::query(
                "SELECT count(*) FILTER (WHERE same AND got > 0) > 0 AS had_records,
                        extract(epoch FROM clock_timestamp() - min(updated_at) FILTER (
                            WHERE same AND execution_id <> $4 AND got = 0 AND updated_at > last_got
                              AND state IN ('complete', 'suspected_outage')
                              AND (clock_timestamp() < day_end OR COALESCE(scan_started_at, updated_at) >= day_end)
                        ))::double precision AS same_zero_ago,
                        count(*) FILTER (WHERE execution_id = $4 AND got > 0) > 0
                            -- A retry may have nothing but empty days: then what other runs got of late counts.
                            OR EXISTS (SELECT FROM sync_segments
                                        WHERE execution_id > (SELECT max(id) FROM sync_executions) - 20
                                          AND endpoint <> 'itens' AND got > 0
                                          AND updated_at > clock_timestamp() - interval '1 hour') AS portal_answers
                   FROM (SELECT *, ($3 + 1)::timestamp AT TIME ZONE $5 AS day_end,
                                COALESCE(max(updated_at) FILTER (WHERE same AND got > 0) OVER (), '-infinity') AS last_got
                           FROM (SELECT *, endpoint = $1 AND modalidade = $2 AND day_from = $3 AS same FROM sync_segments
                                  WHERE (day_from = $3 AND modalidade = $2 AND endpoint = $1)
                                     OR (execution_id = $4 AND endpoint <> 'itens')) looked) seen",
            )
            .bind(key.endpoint.as_str())
            .bind(key.modalidade)
            .bind(key.day)
            .bind(execution_id)
            .bind(self.zone.name())
            .fetch_one(&mut *lent)
            .await?;
            lent.back();
            let ago: Option<f64> = row.try_get("same_zero_ago")?;
            #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough, and it saturates")]
            let ago = ago.and_then(|seconds| TimeDelta::try_seconds(seconds as i64));
            Ok(Evidence {
                day_over: false,
                known,
                had_records: row.try_get("had_records")?,
                same_zero_ago: ago,
                portal_answers: row.try_get("portal_answers")?,
            })
        })
        .await
    }

    /// Records of the days around, by the ledger or by what is stored; a day that neither knows is absent.
    async fn counts_around(
        &self,
        connection: &mut PgConnection,
        key: &SegmentKey,
    ) -> Result<BTreeMap<NaiveDate, u32>, RepoError> {
        let within = Days::new(COMPARABLE_WITHIN_DAYS);
        let query = match key.endpoint {
            Endpoint::Publicacao => COUNTS_BY_PUBLICATION,
            Endpoint::Atualizacao | Endpoint::Itens => COUNTS_BY_UPDATE,
        };
        let rows: Vec<(NaiveDate, i64)> = sqlx::query_as(query)
            .bind(key.endpoint.as_str())
            .bind(key.modalidade)
            .bind(key.day - within)
            .bind(key.day + within)
            .bind(self.zone.name())
            .fetch_all(connection)
            .await?;
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(rows
            .into_iter()
            .map(|(day, found)| (day, count(found)))
            .collect())
    }
}

/// Statements are whole texts: the two differ in the column that the endpoint filters on.
macro_rules! counts_around {
    ($column:literal) => {
        concat!(
            "SELECT day, max(found)::bigint FROM (
                SELECT day_from AS day, max(got) AS found FROM sync_segments
                 WHERE endpoint = $1 AND modalidade = $2 AND day_from BETWEEN $3 AND $4 AND state = 'complete'
                 GROUP BY day_from
                UNION ALL
                SELECT (",
            $column,
            " AT TIME ZONE $5)::date, count(*) FROM pncp_contratacoes
                 WHERE modalidade_id = $2
                   AND ",
            $column,
            " >= ($3::timestamp AT TIME ZONE $5)
                   AND ",
            $column,
            " < (($4 + 1)::timestamp AT TIME ZONE $5)
                 GROUP BY 1) counted
              GROUP BY day"
        )
    };
}

const COUNTS_BY_PUBLICATION: &str = counts_around!("data_publicacao_pncp");
const COUNTS_BY_UPDATE: &str = counts_around!("data_atualizacao_global");
