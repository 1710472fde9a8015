//! The counts of GET /sync/history are kept by whoever writes: held against a plain count of the same rows, whatever
//! is written, moved and deleted, by however many at once.

use serde_json::{Value, json};
use test_kit::Database;
use tokio::task::JoinSet;

use crate::bodies::{ok, only};
use crate::world::World;

/// Above the cap of a count.
const CROWD: u64 = 10_500;

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    /// One of `0..sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.roll(words.len() as u64)).unwrap()]
    }

    fn mode(&mut self) -> &'static str {
        self.one_of(&["update", "backfill"])
    }

    /// Somewhere in six days, often where one begins.
    fn instant(&mut self) -> String {
        let day = 1 + self.roll(6);
        let time = self.one_of(&["00:00:00", "00:00:00.000001", "03:00:00", "23:59:59.999999"]);
        let hour = self.roll(24);
        match self.roll(2) {
            0 => format!("2025-07-0{day}T{time}Z"),
            _ => format!("2025-07-0{day}T{hour:02}:30:00Z"),
        }
    }

    /// Some of the rows.
    fn some(&mut self) -> String {
        format!("id % 7 = {}", self.roll(7))
    }

    fn change(&mut self) -> String {
        let (mode, instant, some) = (self.mode(), self.instant(), self.some());
        let state = self.one_of(&["success", "incomplete", "cancelled"]);
        match self.roll(6) {
            0 => format!("UPDATE sync_executions SET created_at = '{instant}' WHERE {some}"),
            1 => format!("UPDATE sync_executions SET mode = '{mode}' WHERE {some}"),
            2 => format!(
                "UPDATE sync_executions SET state = '{state}' WHERE state = 'queued' AND {some}"
            ),
            3 => {
                let first = self.roll(30);
                format!("DELETE FROM sync_executions WHERE {some} AND id % 30 >= {first}")
            }
            _ => insert(1 + self.roll(60), mode, &instant),
        }
    }

    /// Conditions of the same filter, as a query string and as SQL.
    fn filter(&mut self) -> (String, String) {
        let (mut query, mut sql) = ("?limit=3".to_owned(), "true".to_owned());
        let mut and = |field: &str, column: &str, value: &str| {
            query.extend(["&", field, "=", value]);
            sql.extend([" AND ", column, " '", value, "'"]);
        };
        if self.roll(2) == 0 {
            let status = self.one_of(&["running", "success", "error"]);
            and("status", "status =", status);
        }
        if self.roll(2) == 0 {
            and("mode", "mode =", self.mode());
        }
        let (one, other) = (self.instant(), self.instant());
        if self.roll(3) > 0 {
            and("from", "created_at >=", one.as_str().min(&other));
        }
        if self.roll(3) > 0 && one != other {
            and("to", "created_at <", one.as_str().max(&other));
        }
        (query, sql)
    }
}

/// So many runs from this instant on, one in a minute, of all statuses.
fn insert(runs: u64, mode: &str, from: &str) -> String {
    format!(
        "INSERT INTO sync_executions (mode, state, created_at)
         SELECT '{mode}', (ARRAY['success', 'success', 'error', 'queued', 'incomplete'])[1 + n % 5],
                '{from}'::timestamptz + make_interval(mins => n::int)
         FROM generate_series(1, {runs}) n"
    )
}

/// What the history says with this filter is what a plain count of the rows says.
async fn agree(world: &World, query: &str, sql: &str) {
    let body = ok(&world.get(&format!("/sync/history{query}")).await);
    let counted: Value = world
        .value(&format!(
            "SELECT jsonb_build_object('total', count(*), 'success', count(*) FILTER (WHERE status = 'success'),
                    'error', count(*) FILTER (WHERE status = 'error'),
                    'running', count(*) FILTER (WHERE status = 'running'),
                    'page', (SELECT COALESCE(jsonb_agg(id), '[]') FROM (SELECT id FROM sync_executions WHERE {sql}
                             ORDER BY id DESC LIMIT 3) page))
             FROM sync_executions WHERE {sql}"
        ))
        .await;
    let is_open = sql == "true";
    let count = |name: &str| {
        let count = counted[name].as_u64().unwrap();
        if is_open { count } else { count.min(10_000) }
    };
    let expected = json!({
        "total_count": count("total"), "success_count": count("success"), "error_count": count("error"),
        "running_count": count("running"),
        "counts_capped": !is_open && counted["total"].as_u64().unwrap() > 10_000});
    let names = [
        "total_count",
        "success_count",
        "error_count",
        "running_count",
        "counts_capped",
    ];
    assert_eq!(only(&body, &names), expected, "{query}");
    let runs = body["executions"].as_array().unwrap();
    let page: Vec<_> = runs.iter().map(|run| run["id"].clone()).collect();
    assert_eq!(Value::from(page), counted["page"], "{query}");
}

/// Rows of the table of days that differ from a plain count.
const WRONG: &str = "
    SELECT count(*) FROM (
        SELECT mode, status, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS runs
          FROM sync_executions GROUP BY 1, 2, 3) counted
      FULL JOIN (SELECT * FROM sync_execution_day_counts WHERE runs <> 0) kept USING (mode, status, day)
     WHERE counted.runs IS DISTINCT FROM kept.runs";

#[tokio::test]
async fn counts_and_pages_of_any_filter_are_those_of_a_plain_query_whatever_was_written() {
    let world = World::start().await;
    let mut dice = Dice(0x5EED);
    for step in 0..80 {
        if step == 40 {
            // From here on some filters let more through than is counted.
            world
                .sql(&insert(CROWD, "update", "2025-06-29T00:00:00Z"))
                .await;
        }
        world.sql(&dice.change()).await;
        for _ in 0..4 {
            let (query, sql) = dice.filter();
            agree(&world, &query, &sql).await;
        }
    }
    assert_eq!(world.value::<i64>(WRONG).await, 0);
    agree(&world, "?limit=3", "true").await;
    world.sql("TRUNCATE sync_executions CASCADE").await;
    agree(&world, "?limit=3", "true").await;
    agree(&world, "?limit=3&mode=update", "mode = 'update'").await;
    assert_eq!(world.value::<i64>(WRONG).await, 0);
    world.shutdown().await;
}

#[tokio::test]
async fn writers_at_once_wait_in_one_line_and_no_count_is_lost() {
    const WRITERS: u64 = 8;
    let database = Database::fresh().await;
    let mut writers = JoinSet::new();
    for writer in 1..=WRITERS {
        let pool = database.owner_pool().clone();
        writers.spawn(async move {
            let mut dice = Dice(writer);
            for _ in 0..25 {
                // Each has rows of its own; the days and the order in which it comes to them are everybody's.
                let statements = [dice.change(), dice.change(), dice.change()].map(|change| {
                    change
                        .replace(
                            "INSERT INTO sync_executions (",
                            "INSERT INTO sync_executions (requested_by, ",
                        )
                        .replace("SELECT '", &format!("SELECT '{writer}', '"))
                        .replace(
                            "WHERE id",
                            &format!("WHERE requested_by = '{writer}' AND id"),
                        )
                        .replace(
                            "WHERE state",
                            &format!("WHERE requested_by = '{writer}' AND state"),
                        )
                });
                let mut transaction = pool.begin().await.unwrap();
                for statement in statements {
                    let done = sqlx::query(sqlx::AssertSqlSafe(statement.as_str()));
                    let done = done.execute(&mut *transaction).await;
                    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
                }
                transaction.commit().await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let wrong: i64 = sqlx::query_scalar(WRONG)
        .fetch_one(database.owner_pool())
        .await
        .unwrap();
    assert_eq!(wrong, 0);
}
