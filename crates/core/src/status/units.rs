//! What client APIs send, as raw units: the shapes, keys and limits of docs/API.md, "What client
//! APIs send". What a status word means is not decided here; `normalize` does that.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Mapping;

/// A body with more entries than this, bad ones included, is refused.
pub const MAX_UNITS: usize = 100_000;

/// A unit whose key is longer than this many bytes is skipped: keys are kept and sent for as
/// long as a project is watched, and no register numbers flats in more than 200 letters.
pub const MAX_KEY_BYTES: usize = 200;

/// Keys that error answers have: an object with one of them is not a flat map of units. Compared
/// without regard to ASCII case, since `{"Message": "Closed"}` is an error of .NET, not a unit.
const RESERVED: [&str; 6] = ["error", "message", "detail", "status", "code", "success"];

/// One unit as the client API spelled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawUnit {
    /// Not empty, at most [`MAX_KEY_BYTES`], otherwise as sent; numbers as they stand in JSON.
    pub key: Box<str>,
    /// The client's word as sent; numbers and booleans as they stand in JSON, missing = "".
    pub status: Box<str>,
}

/// The units of one body in the order sent, duplicates included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawUnits {
    /// What could be read.
    pub units: Vec<RawUnit>,
    /// Entries that are no unit: not an object, no usable key, a status that is not a scalar.
    pub skipped: usize,
}

/// Why a body says nothing about units. The Display text is fit for a project's `last_error`: it
/// holds nothing of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not UTF-8, not JSON, cut short, or followed by something else.
    #[error("the client API answered something that is not JSON")]
    NotJson,
    /// JSON, but no list of units and no flat map with at least one mapped value.
    #[error("the client API answered JSON that is not a list or map of units")]
    WrongShape,
    /// More than [`MAX_UNITS`] entries.
    #[error("the client API answered more than {MAX_UNITS} units")]
    TooManyUnits,
}

/// Reads a body of a client API. `mapping` only tells a flat map from any other object of texts.
///
/// Nesting costs no stack, and memory is bounded by the body and [`MAX_UNITS`]: entries are
/// looked at one by one where they stand, so one that is bad is skipped alone.
///
/// # Errors
/// [`BodyError`]; a list of which every entry is bad is no error (`units` empty, `skipped` > 0).
pub fn parse_units(body: &[u8], mapping: &Mapping) -> Result<RawUnits, BodyError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| BodyError::NotJson)?;
    match text.trim_ascii_start().bytes().next() {
        Some(b'[') => parse_list(text),
        Some(b'{') => parse_object(text, mapping),
        _ => match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Err(BodyError::WrongShape),
            Err(_) => Err(BodyError::NotJson),
        },
    }
}

fn parse_list(text: &str) -> Result<RawUnits, BodyError> {
    let mut found = RawUnits::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let outcome = json
        .deserialize_seq(ListVisitor(&mut found))
        .and_then(|()| json.end());
    match outcome {
        Ok(()) => Ok(found),
        Err(_) if found.is_over() => Err(BodyError::TooManyUnits),
        Err(_) => Err(BodyError::NotJson),
    }
}

fn parse_object(text: &str, mapping: &Mapping) -> Result<RawUnits, BodyError> {
    let object: Object<'_> = serde_json::from_str(text).map_err(|_| BodyError::NotJson)?;
    if let Some(list) = object.units.or(object.data) {
        return parse_list(list.get());
    }
    let flat = object.flat.ok_or(BodyError::WrongShape)?;
    if flat.is_over() {
        return Err(BodyError::TooManyUnits);
    }
    let is_mapped = |unit: &RawUnit| mapping.resolve(&unit.status).is_some();
    if flat.units.iter().any(is_mapped) {
        Ok(flat)
    } else {
        Err(BodyError::WrongShape)
    }
}

impl RawUnits {
    fn push(&mut self, unit: Option<RawUnit>) {
        match unit {
            Some(unit) => self.units.push(unit),
            None => self.skipped += 1,
        }
    }

    fn is_over(&self) -> bool {
        self.units.len() + self.skipped > MAX_UNITS
    }
}

impl RawUnit {
    fn new(key: Box<str>, status: Box<str>) -> Option<Self> {
        (1..=MAX_KEY_BYTES)
            .contains(&key.len())
            .then_some(Self { key, status })
    }

    /// A unit of a list; None = bad.
    fn from_json(json: &str) -> Option<Self> {
        // Without this look a struct of serde would take a list for its fields in order.
        if !json.starts_with('{') {
            return None;
        }
        let fields: Fields<'_> = serde_json::from_str(json).ok()?;
        let key = [fields.reference, fields.id, fields.unit_id]
            .into_iter()
            .flatten()
            .find_map(|field| key_text(field.get()))?;
        let status = match fields.status {
            None => Box::default(),
            Some(scalar) => status_text(scalar.get())?,
        };
        Self::new(key, status)
    }
}

/// The four fields of a unit that matter, unparsed. A field given twice makes the unit bad: it
/// contradicts itself. Null is None.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, rename = "ref")]
    reference: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    unit_id: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

/// A non-empty text, or a number as it stands: `1.50` stays `1.50`.
fn key_text(json: &str) -> Option<Box<str>> {
    match json.bytes().next()? {
        b'"' => text(json).filter(|key| !key.is_empty()),
        b'-' | b'0'..=b'9' => Some(json.into()),
        _ => None,
    }
}

fn status_text(json: &str) -> Option<Box<str>> {
    match json.bytes().next()? {
        b'"' => text(json),
        b'[' | b'{' => None,
        _ => Some(json.into()),
    }
}

/// The text of a JSON string; None for one that is no Unicode text (half a surrogate pair).
fn text(json: &str) -> Option<Box<str>> {
    serde_json::from_str(json).ok()
}

/// Fills the list that it borrows, so that the caller still sees, after an error, whether the
/// limit was the reason.
struct ListVisitor<'a>(&'a mut RawUnits);

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of units")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<&RawValue>()? {
            self.0.push(RawUnit::from_json(entry.get()));
            if self.0.is_over() {
                return Err(A::Error::custom("too many units"));
            }
        }
        Ok(())
    }
}

/// An object at the top of a body, read once whichever shape it turns out to be.
struct Object<'de> {
    units: Option<&'de RawValue>,
    data: Option<&'de RawValue>,
    /// The entries as units; None from the first one on that a flat map cannot have. Stops
    /// growing one past the limit.
    flat: Option<RawUnits>,
}

impl<'de> Object<'de> {
    fn take(&mut self, key: String, value: &'de RawValue) {
        let json = value.get();
        let list = json.starts_with('[').then_some(value);
        match key.as_str() {
            "units" => self.units = list,
            "data" => self.data = list,
            _ => {}
        }
        if !json.starts_with('"') || RESERVED.iter().any(|word| key.eq_ignore_ascii_case(word)) {
            self.flat = None;
        }
        if let Some(flat) = self.flat.as_mut().filter(|flat| !flat.is_over()) {
            flat.push(text(json).and_then(|status| RawUnit::new(key.into(), status)));
        }
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of units")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object {
            units: None,
            data: None,
            flat: Some(RawUnits::default()),
        };
        while let Some((key, value)) = entries.next_entry::<String, &RawValue>()? {
            object.take(key, value);
        }
        Ok(object)
    }
}
