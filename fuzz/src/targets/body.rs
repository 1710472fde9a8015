//! Bodies of client APIs: read, normalised, written back and read again.

use farol_core::status::{
    BodyError, Complaints, MAX_KEY_BYTES, MAX_UNMAPPED_VALUES, MAX_VALUE_CHARS, Mapping, RawUnits,
    Snapshot, Status, normalize, parse_units,
};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{ensure, kind, magnitude};
use crate::mutate::pick;

pub(super) const TOKENS: &[&[u8]] = &[
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"\"",
    b"\\",
    b" ",
    b"\n",
    b"null",
    b"true",
    b"-0",
    b"1.50",
    b"1e999",
    b"\"ref\":",
    b"\"id\":",
    b"\"unit_id\":",
    b"\"status\":",
    b"\"units\":",
    b"\"data\":",
    b"\"error\":",
    b"\"Message\":",
    b"\"sold\"",
    b"\"For Sale\"",
    b"\"\"",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"\xEF\xBB\xBF",
    b"\xff",
    b"{\"id\":\"A\"}",
    b"[[[[[[[[",
    b"]]]]]]]]",
    b"{\"A\":\"sold\",",
];

const KEYS: &[&str] = &[
    "ref", "id", "unit_id", "status", "status", "units", "data", "error", "A", "B", "",
];

const SCALARS: &[&str] = &[
    "\"sold\"",
    "\"ON-HOLD\"",
    "\"A\"",
    "\"B\"",
    "\"\"",
    "\" \"",
    "\"nonsense\"",
    "\"\\u00e9\"",
    "\"\\ud800\"",
    "\"\u{1f5fc}\"",
    "0",
    "-0",
    "101",
    "1.50",
    "1E5",
    "1e999",
    "true",
    "false",
    "null",
];

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A body of one of the four shapes, or nearly so.
pub(super) fn grow(random: &mut StdRng) -> Vec<u8> {
    let body = match random.random_range(0..5) {
        0 => list(random, 3),
        1 => format!("{{\"units\":{}}}", list(random, 3)),
        2 => format!("{{\"total\":1,\"data\":{}}}", list(random, 3)),
        3 => object(random, 1),
        _ => value(random, 4),
    };
    body.into_bytes()
}

fn value(random: &mut StdRng, depth: u32) -> String {
    match random.random_range(0..4) {
        0 if depth > 0 => list(random, depth - 1),
        1 | 2 if depth > 0 => object(random, depth - 1),
        _ => (*pick(SCALARS, random).unwrap_or(&"null")).to_owned(),
    }
}

fn list(random: &mut StdRng, depth: u32) -> String {
    let entries: Vec<String> = (0..random.random_range(0..6))
        .map(|_| value(random, depth))
        .collect();
    format!("[{}]", entries.join(","))
}

fn object(random: &mut StdRng, depth: u32) -> String {
    let fields: Vec<String> = (0..random.random_range(0..5))
        .map(|_| {
            let key = pick(KEYS, random).unwrap_or(&"");
            format!("\"{key}\":{}", value(random, depth.saturating_sub(1)))
        })
        .collect();
    format!("{{{}}}", fields.join(","))
}

pub(super) fn check(input: &[u8]) -> Result<u64, String> {
    let mapping = Mapping::builtin(Status::Hidden);
    let outcome = parse_units(input, &mapping);
    let body = input.strip_prefix(BOM).unwrap_or(input);
    ensure(
        parse_units(&[BOM, body].concat(), &mapping) == outcome,
        "a byte order mark changes nothing",
    )?;
    let value = serde_json::from_slice::<Value>(body).ok();
    match outcome {
        Err(reason) => {
            ensure(
                value.is_none() || reason != BodyError::NotJson,
                "what another reader takes for JSON is JSON",
            )?;
            Ok(kind(reason.to_string()))
        }
        Ok(raw) => {
            check_raw(&raw, input.len(), value.as_ref())?;
            let (units, skipped) = (raw.units.len(), raw.skipped);
            let (snapshot, complaints) = normalize(raw, &mapping);
            check_snapshot(&snapshot, &complaints, units + skipped, &mapping)?;
            Ok(kind((
                magnitude(units),
                magnitude(skipped),
                magnitude(complaints.duplicates),
                magnitude(complaints.unmapped.len()),
                body.first() == Some(&b'['),
            )))
        }
    }
}

fn check_raw(raw: &RawUnits, input: usize, value: Option<&Value>) -> Result<(), String> {
    let mut bytes = 0;
    for unit in &raw.units {
        let in_bounds = (1..=MAX_KEY_BYTES).contains(&unit.key.len());
        ensure(in_bounds, "a key has its bounds")?;
        bytes += unit.key.len() + unit.status.len();
    }
    ensure(bytes <= input, "no unit holds more than the body")?;
    if let Some(Value::Array(entries)) = value {
        ensure(
            raw.units.len() + raw.skipped == entries.len(),
            "every entry of a list is a unit or skipped",
        )?;
    }
    let units = raw
        .units
        .iter()
        .map(|unit| json!({"ref": unit.key, "status": unit.status}));
    let written = units.collect::<Value>().to_string();
    let again = parse_units(written.as_bytes(), &Mapping::builtin(Status::Hidden));
    ensure(
        again.is_ok_and(|again| again.units == raw.units && again.skipped == 0),
        "raw units written as a list are read as they were",
    )
}

fn check_snapshot(
    snapshot: &Snapshot,
    complaints: &Complaints,
    entries: usize,
    mapping: &Mapping,
) -> Result<(), String> {
    ensure(
        snapshot.len() + complaints.skipped + complaints.duplicates == entries,
        "every entry is a unit or counted",
    )?;
    let counted: usize = complaints.unmapped.iter().map(|it| it.count).sum();
    ensure(
        counted + complaints.unmapped_overflow <= snapshot.len()
            && complaints.unmapped.len() <= MAX_UNMAPPED_VALUES
            && complaints
                .unmapped
                .iter()
                .all(|it| it.value.chars().count() <= MAX_VALUE_CHARS),
        "complaints are bounded",
    )?;
    let units = snapshot
        .iter()
        .map(|(key, status)| json!({"id": key, "status": status}));
    let again = parse_units(units.collect::<Value>().to_string().as_bytes(), mapping)
        .map(|raw| normalize(raw, mapping));
    ensure(
        again.is_ok_and(|(again, nothing)| again == *snapshot && nothing == Complaints::default()),
        "a snapshot written as a list is read without complaint",
    )?;
    let fewer: Snapshot = snapshot.iter().step_by(2).collect();
    ensure(
        fewer.apply(&fewer.diff(snapshot)) == *snapshot
            && snapshot.apply(&snapshot.diff(&fewer)) == fewer,
        "applying a difference leads to the next snapshot",
    )
}
