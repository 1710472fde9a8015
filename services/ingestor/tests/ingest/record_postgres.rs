//! What reading lets through, Postgres takes: text, numbers and the whole record, however absurd the portal gets.
//! One value that it refused would abort the transaction of a whole page.

use chrono_tz::America::Sao_Paulo;
use ingestor::ingest::record::{Decimal, Record, Unreadable};
use serde_json::json;
use sqlx::PgPool;
use test_kit::Database;

use crate::record_read::{contratacao, raw};

/// Absurd JSON values that are JSON all the same.
const ABSURD: [&str; 14] = [
    r#""a\u0000b""#,
    r#""\ud800""#,
    r#""\udfff\ud83d""#,
    r#""\ud83d\ude00""#,
    r#"{"\u0000":"\ud800\u0041"}"#,
    r#""\\u0000""#,
    "1e400",
    "-1e308",
    "1e999999999",
    "0.00000000000000000000000000000000000000000000000000000000000000001",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    r#"{"":{"":{"":""}}}"#,
    "[]",
    "\"\u{7f}\u{80}\u{fffe}\u{10ffff}\"",
];

async fn store(pool: &PgPool, raw: &str) -> Result<(), sqlx::Error> {
    sqlx::query_scalar::<_, bool>("SELECT $1::jsonb IS NOT NULL")
        .bind(raw)
        .fetch_one(pool)
        .await
        .map(drop)
}

#[tokio::test]
async fn whatever_an_unknown_field_holds_the_record_can_be_stored() {
    let database = Database::fresh().await;
    for value in ABSURD {
        let text = contratacao().to_string().replace(r#"{"novo":true}"#, value);
        let raw = raw(text);
        let stored = match Record::read(&raw, Sao_Paulo) {
            Ok(record) => record.raw,
            Err(Unreadable { raw, .. }) => raw,
        };
        let taken = store(database.owner_pool(), &stored).await;
        assert!(taken.is_ok(), "{value}: {taken:?}");
    }
}

#[tokio::test]
async fn nesting_beyond_any_stack_can_be_quarantined() {
    let database = Database::fresh().await;
    let deep = raw(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    let unreadable = Record::read(&deep, Sao_Paulo).unwrap_err();
    store(database.owner_pool(), &unreadable.raw).await.unwrap();
}

#[tokio::test]
async fn text_and_amounts_fit_their_columns() {
    let database = Database::fresh().await;
    let mut record = contratacao();
    record["objetoCompra"] = json!("a\0b");
    record["valorTotalEstimado"] = json!("-12345678901234567890.123456789e-60");
    let raw = raw(record.to_string());
    let record = Record::read(&raw, Sao_Paulo).unwrap();
    let (text, digits): (String, String) = sqlx::query_as("SELECT $1::text, ($2::numeric)::text")
        .bind(record.objeto_compra.as_deref())
        .bind(record.valor_total_estimado.as_ref().map(Decimal::as_str))
        .fetch_one(database.owner_pool())
        .await
        .unwrap();
    assert_eq!(text, "a\u{fffd}b");
    assert!(digits.starts_with("-0.000000"), "{digits}");
}
