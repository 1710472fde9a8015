//! Reading and mapping are total: whatever comes in, nothing panics, nothing is lost uncounted
//! and nothing but the five statuses comes out.

use farol_core::status::{
    Complaints, MAX_UNMAPPED_VALUES, MAX_VALUE_CHARS, Mapping, RawUnit, RawUnits, Snapshot, Status,
    Unmapped, canonical_word, normalize, parse_units,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn raw(pairs: &[(&str, &str)]) -> RawUnits {
    let unit = |(key, status): &(&str, &str)| RawUnit {
        key: (*key).into(),
        status: (*status).into(),
    };
    RawUnits {
        units: pairs.iter().map(unit).collect(),
        skipped: 0,
    }
}

fn normalized(pairs: &[(&str, &str)]) -> (Snapshot, Complaints) {
    normalize(raw(pairs), &Mapping::builtin(Status::Hidden))
}

/// Any JSON, with the keys and words that matter far more often than chance would have them.
fn json_values() -> impl Strategy<Value = Value> {
    let text = || {
        prop_oneof![
            3 => proptest::sample::select(&["A", "B", "", "sold", "Open", "nonsense"][..])
                .prop_map(str::to_owned),
            1 => any::<String>(),
        ]
    };
    let key = || {
        prop_oneof![
            3 => proptest::sample::select(
                &["ref", "id", "unit_id", "status", "units", "data", "error", "A", "B"][..],
            )
            .prop_map(str::to_owned),
            1 => any::<String>(),
        ]
    };
    let scalar = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    scalar.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// How many entries the body has, read the slow way: lists by their length, flat maps likewise.
fn entries_of(body: &Value) -> usize {
    let list = |key: &str| body.get(key).and_then(Value::as_array).map(Vec::len);
    match body {
        Value::Array(entries) => entries.len(),
        Value::Object(fields) => list("units")
            .or_else(|| list("data"))
            .unwrap_or(fields.len()),
        _ => 0,
    }
}

fn assert_bounded(snapshot: &Snapshot, complaints: &Complaints) -> Result<(), TestCaseError> {
    let named: usize = complaints.unmapped.iter().map(|value| value.count).sum();
    prop_assert!(named + complaints.unmapped_overflow <= snapshot.len());
    prop_assert!(complaints.unmapped.len() <= MAX_UNMAPPED_VALUES);
    for unmapped in &complaints.unmapped {
        prop_assert!(unmapped.value.chars().count() <= MAX_VALUE_CHARS);
        prop_assert!(snapshot.get(&unmapped.example).is_some());
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_entry_of_any_json_is_a_unit_or_counted(body in json_values(), custom in json_values()) {
        let (mapping, _) = Mapping::overlaid(&custom, Status::Hidden);
        if let Ok(raw) = parse_units(body.to_string().as_bytes(), &mapping) {
            let (snapshot, complaints) = normalize(raw, &mapping);
            prop_assert_eq!(
                snapshot.len() + complaints.skipped + complaints.duplicates,
                entries_of(&body)
            );
            assert_bounded(&snapshot, &complaints)?;
        }
    }

    #[test]
    fn any_list_is_read(entries in prop::collection::vec(json_values(), 0..12)) {
        let mapping = Mapping::builtin(Status::Available);
        let raw = parse_units(json!(entries).to_string().as_bytes(), &mapping).unwrap();
        prop_assert_eq!(raw.units.len() + raw.skipped, entries.len());
    }

    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..256)) {
        let mapping = Mapping::builtin(Status::Available);
        if let Ok(raw) = parse_units(&body, &mapping) {
            let (snapshot, complaints) = normalize(raw, &mapping);
            assert_bounded(&snapshot, &complaints)?;
        }
    }

    #[test]
    fn a_body_cut_short_is_an_error_and_never_half_a_list(
        entries in prop::collection::vec(json_values(), 0..8), at in any::<prop::sample::Index>(),
    ) {
        let body = json!({ "units": entries }).to_string();
        let cut = &body.as_bytes()[..at.index(body.len())];
        prop_assert!(parse_units(cut, &Mapping::builtin(Status::Available)).is_err());
    }

    #[test]
    fn any_words_become_one_of_the_five(words in prop::collection::vec(any::<String>(), 0..40)) {
        let keys: Vec<String> = (0..words.len()).map(|n| format!("{n:03}")).collect();
        let pairs: Vec<(&str, &str)> =
            keys.iter().map(String::as_str).zip(words.iter().map(String::as_str)).collect();
        let (snapshot, complaints) = normalized(&pairs);
        prop_assert_eq!(snapshot.len(), words.len());
        prop_assert!(snapshot.iter().all(|(_, status)| Status::ALL.contains(&status)));
        assert_bounded(&snapshot, &complaints)?;
    }

    #[test]
    fn the_last_of_several_units_with_one_key_counts(
        pairs in prop::collection::vec(
            ("[a-d]", proptest::sample::select(&Status::ALL[..])), 0..20,
        ),
    ) {
        let words: Vec<(&str, &str)> =
            pairs.iter().map(|(key, status)| (key.as_str(), status.as_str())).collect();
        let (snapshot, complaints) = normalized(&words);
        prop_assert_eq!(complaints.duplicates, pairs.len() - snapshot.len());
        prop_assert_eq!(snapshot, Snapshot::from_iter(pairs));
    }

    #[test]
    fn a_canonical_word_is_its_own_canonical_form(word in any::<String>()) {
        let once = canonical_word(&word);
        prop_assert_eq!(canonical_word(&once), once.as_ref());
    }

    #[test]
    fn a_mapping_of_any_json_keeps_builtin_words_it_does_not_name(custom in json_values()) {
        let (mapping, _) = Mapping::overlaid(&custom, Status::Sold);
        prop_assert_eq!(mapping.unmapped(), Status::Sold);
        prop_assert_eq!(mapping.resolve("not-for-sale"), Some(Status::Hidden));
    }
}

#[test]
fn unmapped_words_take_the_configured_status_and_are_counted_by_value() {
    let units = [
        ("A4", "On Sale!"),
        ("A1", ""),
        ("A2", " on-sale! "),
        ("A3", "sold"),
        ("A0", "x"),
    ];
    let (snapshot, complaints) = normalized(&units);
    let unmapped = |value: &str, count: usize, example: &str| Unmapped {
        value: value.to_owned(),
        count,
        example: example.to_owned(),
    };
    assert_eq!(
        complaints.unmapped,
        [
            unmapped("x", 1, "A0"),
            unmapped("", 1, "A1"),
            unmapped("on-sale!", 2, "A2")
        ]
    );
    let hidden = |key: &str| (key.to_owned(), Status::Hidden);
    let expected = ["A0", "A1", "A2", "A4"].map(hidden).into_iter();
    assert_eq!(
        snapshot,
        expected.chain([("A3".to_owned(), Status::Sold)]).collect()
    );
}

#[test]
fn the_word_of_a_unit_that_was_replaced_is_not_counted() {
    let (_, complaints) = normalized(&[("A", "nonsense"), ("A", "sold")]);
    assert_eq!(
        complaints,
        Complaints {
            duplicates: 1,
            ..Complaints::default()
        }
    );
}

#[test]
fn only_so_many_distinct_values_are_told_apart() {
    let words: Vec<String> = (0..MAX_UNMAPPED_VALUES + 7)
        .map(|n| format!("w{n}"))
        .collect();
    let keys: Vec<String> = (0..words.len()).map(|n| format!("{n:04}")).collect();
    let mut pairs: Vec<(&str, &str)> = keys
        .iter()
        .map(String::as_str)
        .zip(words.iter().map(String::as_str))
        .collect();
    pairs.push(("9999", "W0"));
    let (_, complaints) = normalized(&pairs);
    assert_eq!(complaints.unmapped.len(), MAX_UNMAPPED_VALUES);
    assert_eq!(complaints.unmapped[0].count, 2);
    assert_eq!(complaints.unmapped_overflow, 7);
}

#[test]
fn a_long_value_is_cut_between_two_characters() {
    let long = "🗼".repeat(MAX_VALUE_CHARS + 1);
    let (_, complaints) = normalized(&[("A", long.as_str())]);
    assert_eq!(complaints.unmapped[0].value, "🗼".repeat(MAX_VALUE_CHARS));
}
