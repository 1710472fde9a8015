//! Reads JSON loosely, in one pass and without copies where it can: what a field holds is judged afterwards, in the
//! order that the contract fixes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Entries of a list beyond this are skipped; one more than a batch may have, so that too many are seen.
const MOST_ENTRIES: usize = 1_001;

/// Some JSON, as far as it matters.
#[derive(Debug, Default)]
pub enum Loose<'a> {
    /// Not there.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Flag(bool),
    Object(Box<Fields<'a>>),
    List(Vec<Loose<'a>>),
    /// null, a number.
    Other,
}

/// The fields that mean something somewhere; of a name that comes twice, the last one counts, as everywhere in JSON.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    pub token: Loose<'a>,
    pub event: Loose<'a>,
    pub close: Loose<'a>,
    pub sends: Loose<'a>,
    pub name: Loose<'a>,
    pub id: Loose<'a>,
    pub data: Loose<'a>,
}

impl<'a> Loose<'a> {
    /// Reads a whole text.
    ///
    /// # Errors
    /// Where it is not JSON.
    pub fn read(json: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// The fields; none where it is no object.
    pub fn fields(self) -> Fields<'a> {
        match self {
            Self::Object(fields) => *fields,
            _ => Fields::default(),
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Token,
    Event,
    Close,
    Sends,
    Name,
    Id,
    Data,
    #[serde(other)]
    Unknown,
}

impl<'de> Deserialize<'de> for Loose<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Whatever)
    }
}

struct Whatever;

impl<'de> Visitor<'de> for Whatever {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < MOST_ENTRIES {
            let Some(entry) = entries.next_element()? else {
                return Ok(Loose::List(list));
            };
            list.push(entry);
        }
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields = Box::<Fields<'de>>::default();
        while let Some(key) = entries.next_key()? {
            let field = match key {
                Key::Token => &mut fields.token,
                Key::Event => &mut fields.event,
                Key::Close => &mut fields.close,
                Key::Sends => &mut fields.sends,
                Key::Name => &mut fields.name,
                Key::Id => &mut fields.id,
                Key::Data => &mut fields.data,
                Key::Unknown => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = entries.next_value()?;
        }
        Ok(Loose::Object(fields))
    }
}
