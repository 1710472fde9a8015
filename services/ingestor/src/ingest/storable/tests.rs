//! What Postgres takes as `jsonb`, by its rules. That it really takes it is shown against the server by the tests
//! of the repos.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn ordinary_json_stays_as_it_is() {
    let json = r#"{"a":[1,-2.50,1e5,true,null],"b":"ção \" \\ é 😀"}"#;
    assert!(matches!(as_jsonb(json), Ok(Cow::Borrowed(same)) if same == json));
}

#[test]
fn characters_that_postgres_refuses_are_replaced() {
    for (json, expected) in [
        (r#""a\u0000b""#, r#""a\ufffdb""#),
        (r#""\ud800""#, r#""\ufffd""#),
        (r#""\udc00x""#, r#""\ufffdx""#),
        (r#""\ud800\ud800\udc00""#, r#""\ufffd\ud800\udc00""#),
        (r#""\ud800A""#, r#""\ufffdA""#),
        (r#"{"\u0000":"\\u0000"}"#, r#"{"\ufffd":"\\u0000"}"#),
    ] {
        assert_eq!(as_jsonb(json).unwrap(), expected, "{json}");
    }
}

#[test]
fn absurd_numbers_and_nesting_are_told_and_kept_as_text() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let long = "9".repeat(301);
    for json in [
        deep.as_str(),
        long.as_str(),
        "1e1000",
        "[1E-9999]",
        "-1e+100000",
    ] {
        assert!(as_jsonb(json).is_err(), "{json}");
        let kept: String = serde_json::from_str(&always(json)).unwrap();
        assert_eq!(kept, json);
    }
    assert!(as_jsonb("[[1e308]]").is_ok());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,5}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_still_json_and_says_the_same(value in any_json()) {
        let json = value.to_string();
        let stored = as_jsonb(&json).unwrap();
        let read: Value = serde_json::from_str(&stored).unwrap();
        let same = json.replace("\\u0000", "\\ufffd");
        prop_assert_eq!(read, serde_json::from_str::<Value>(&same).unwrap());
    }

    #[test]
    fn no_text_breaks_it(text in ".*") {
        let _ = always(&text);
    }
}
