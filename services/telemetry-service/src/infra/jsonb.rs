//! Reading jsonb as text. Postgres keeps numbers of any size; one that no reader of JSON can hold costs its own row's
//! object, never the answer that the row is in.

use serde_json::{Map, Value};

/// Any value; null where it cannot be read.
pub(super) fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::debug!(%error, "a jsonb value cannot be read");
        Value::Null
    })
}

/// The metrics of a reading: types kept, nulls dropped.
pub(super) fn metrics(text: &str) -> Map<String, Value> {
    let Value::Object(mut metrics) = value(text) else {
        return Map::new();
    };
    metrics.retain(|_, value| !value.is_null());
    metrics
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metrics_keep_their_types_and_lose_their_nulls() {
        let text =
            r#"{"a": 1, "b": 1.5, "c": "x", "d": true, "e": null, "f": {"g": null}, "h": [1]}"#;
        let expected = json!({"a": 1, "b": 1.5, "c": "x", "d": true, "f": {"g": null}, "h": [1]});
        assert_eq!(Value::Object(metrics(text)), expected);
    }

    #[test]
    fn a_number_that_nobody_can_hold_costs_one_object() {
        let huge = format!("{{\"a\": 1{}}}", "0".repeat(400));
        assert_eq!(metrics(&huge), Map::new());
        assert_eq!(value(&huge), Value::Null);
    }
}
