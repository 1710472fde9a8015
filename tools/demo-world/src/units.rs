//! Units of a project as JSON text, in every shape that client APIs use, with the faults that
//! concern the text itself.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Unit key to the client's own word for its status.
pub(crate) type Units = BTreeMap<String, String>;

/// The form of the body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `[{"ref": …, "status": …}]`
    #[default]
    List,
    /// `{"units": […]}`
    UnitsKey,
    /// `{"data": […]}`
    DataKey,
    /// `{"A101": "sold"}`
    FlatMap,
}

/// A body and its strong validator, made from the text alone: equal text, equal tag, also after a restart.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) body: Bytes,
    pub(crate) etag: String,
}

/// The units as text, bent by a fault of the text if there is one; `turn` counts the answers given before.
pub(crate) fn render(units: &Units, shape: Shape, fault: Option<&Fault>, turn: u64) -> Rendered {
    let mut entries = Vec::with_capacity(units.len());
    for (index, (unit, word)) in listed(units, fault).enumerate() {
        if matches!(fault, Some(Fault::Duplicates)) {
            entries.push(entry(shape, unit, "duplicate"));
        }
        if matches!(fault, Some(Fault::BadUnits)) {
            entries.push(bad_entry(shape, index));
        }
        entries.push(entry(shape, unit, shown_word(word, fault, index, turn)));
    }
    let inner = entries.join(",");
    let text = match shape {
        Shape::List => format!("[{inner}]"),
        Shape::UnitsKey => format!(r#"{{"units":[{inner}]}}"#),
        Shape::DataKey => format!(r#"{{"data":[{inner}]}}"#),
        Shape::FlatMap => format!("{{{inner}}}"),
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Rendered {
        body: Bytes::from(text),
        etag: format!("\"{:016x}\"", hasher.finish()),
    }
}

/// So many generated units in list form, in pieces of about a thousand.
pub(crate) fn many(count: u64) -> impl Iterator<Item = Bytes> + Send {
    const PIECE: u64 = 1_000;
    let pieces = (0..count)
        .step_by(usize::try_from(PIECE).unwrap_or(usize::MAX))
        .map(move |from| {
            let mut text = String::new();
            for number in from..count.min(from + PIECE) {
                text.push(if number == 0 { '[' } else { ',' });
                text.push_str(&entry(Shape::List, &format!("M{number:07}"), "sold"));
            }
            Bytes::from(text)
        });
    let start = (count == 0).then(|| Bytes::from_static(b"["));
    start
        .into_iter()
        .chain(pieces)
        .chain([Bytes::from_static(b"]")])
}

fn listed<'a>(
    units: &'a Units,
    fault: Option<&Fault>,
) -> impl Iterator<Item = (&'a String, &'a String)> {
    let kept = match fault {
        Some(Fault::Vanishing { keep_percent }) => {
            units.len() * usize::from(*keep_percent).min(100) / 100
        }
        _ => units.len(),
    };
    units.iter().take(kept)
}

fn shown_word<'a>(word: &'a str, fault: Option<&'a Fault>, index: usize, turn: u64) -> &'a str {
    let second = index % 2 == 1;
    match fault {
        Some(Fault::Unmapped { word }) if second => word,
        Some(Fault::Flapping) if second && turn % 2 == 1 => {
            if word == "sold" {
                "available"
            } else {
                "sold"
            }
        }
        _ => word,
    }
}

fn entry(shape: Shape, unit: &str, word: &str) -> String {
    let (unit, word) = (json_text(unit), json_text(word));
    match shape {
        Shape::FlatMap => format!("{unit}:{word}"),
        _ => format!(r#"{{"ref":{unit},"status":{word}}}"#),
    }
}

/// In a flat map a value that is no text makes the whole body a wrong shape, as the contract says.
fn bad_entry(shape: Shape, index: usize) -> String {
    const BAD: [&str; 6] = [
        "7",
        "null",
        "\"A1\"",
        "[]",
        "{}",
        r#"{"ref":"","status":"sold"}"#,
    ];
    match shape {
        Shape::FlatMap => format!(r#""bad-{index}":{index}"#),
        _ => BAD[index % BAD.len()].to_owned(),
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
