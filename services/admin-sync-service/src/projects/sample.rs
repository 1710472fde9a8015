//! The beginning of a JSON body, as JSON: a few entries, a few members, short texts. The rest is looked at where it
//! stands and not kept, so a body of 10 MiB costs no more than its sample.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::scrub::{HIDDEN, Scrub};

/// Entries of one list, members of one object, lists and objects in each other, and values in all.
const MOST_ENTRIES: usize = 5;
const MOST_MEMBERS: usize = 20;
const DEEPEST: u8 = 5;
const MOST_VALUES: usize = 200;
/// Characters of one text.
const LONGEST: usize = 200;
/// What stands for what is left out.
const MORE: &str = "…";

/// The sample of `body`, without secrets; `None` for what is not JSON.
pub fn sample(body: &[u8], scrub: &Scrub) -> Option<Value> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let left = Cell::new(MOST_VALUES);
    let sampler = Sampler {
        scrub,
        left: &left,
        depth: DEEPEST,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    sampler.deserialize(&mut json).ok()
}

#[derive(Clone, Copy)]
struct Sampler<'a> {
    scrub: &'a Scrub,
    left: &'a Cell<usize>,
    depth: u8,
}

impl Sampler<'_> {
    fn text(self, text: &str) -> Value {
        self.scrub.cut(text, LONGEST).into()
    }

    /// A secret may be a number.
    fn number(self, number: impl Into<Value> + fmt::Display) -> Value {
        let shown = self.scrub.text(&number.to_string());
        if shown.contains(HIDDEN) {
            shown.into()
        } else {
            number.into()
        }
    }

    fn deeper(self) -> Self {
        Self {
            depth: self.depth.saturating_sub(1),
            ..self
        }
    }
}

impl<'de> DeserializeSeed<'de> for Sampler<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        let left = self.left.get();
        if self.depth == 0 || left == 0 {
            // Without recursion, however deep it is.
            json.deserialize_ignored_any(IgnoredAny)?;
            return Ok(MORE.into());
        }
        self.left.set(left - 1);
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sampler<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(self.number(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(self.number(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(self.number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(self.text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < MOST_ENTRIES {
            match entries.next_element_seed(self.deeper())? {
                Some(entry) => list.push(entry),
                None => return Ok(list.into()),
            }
        }
        let mut beyond = 0_usize;
        while entries.next_element::<IgnoredAny>()?.is_some() {
            beyond += 1;
        }
        if beyond > 0 {
            list.push(format!("{MORE} {beyond} more").into());
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut beyond = 0_usize;
        while let Some(name) = members.next_key::<String>()? {
            if object.len() < MOST_MEMBERS {
                let value = members.next_value_seed(self.deeper())?;
                object.insert(self.scrub.cut(&name, LONGEST), value);
            } else {
                members.next_value::<IgnoredAny>()?;
                beyond += 1;
            }
        }
        if beyond > 0 {
            object.insert(MORE.to_owned(), format!("{beyond} more").into());
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sampled(body: &str) -> Option<Value> {
        let secret = json!({"token": "s3cret", "pin": 4711});
        let scrub = Scrub::of(&[secret.as_object().unwrap().clone()]);
        sample(body.as_bytes(), &scrub)
    }

    #[test]
    fn the_beginning_is_shown_and_what_is_left_out_is_counted() {
        let list: Vec<Value> = (0..9)
            .map(|it| json!({"ref": it, "status": null}))
            .collect();
        let shown = sampled(&json!(list).to_string()).unwrap();
        assert_eq!(shown[4], json!({"ref": 4, "status": null}));
        assert_eq!(shown[5], "… 4 more");
        let map: Map<String, Value> = (0..25).map(|it| (format!("k{it:02}"), it.into())).collect();
        let shown = sampled(&Value::from(map).to_string()).unwrap();
        assert_eq!((&shown["k19"], &shown["…"]), (&json!(19), &json!("5 more")));
    }

    #[test]
    fn secrets_are_taken_out_of_names_texts_and_numbers() {
        let shown = sampled(r#"{"s3cret": ["x s3cret y", 4711, 14711.5, true]}"#).unwrap();
        assert_eq!(shown, json!({"***": ["x *** y", "***", "1***.5", true]}));
    }

    #[test]
    fn whatever_its_size_and_depth_it_is_small() {
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(sampled(&deep), Some(json!([[[[["…"]]]]])));
        let wide = format!("[{}1]", "[1,2,3,4,5,6,7,8,9],".repeat(100_000));
        assert!(sampled(&wide).unwrap().to_string().len() < 1000);
        assert_eq!(sampled("not JSON"), None);
        assert_eq!(sampled("\u{feff}[]"), Some(json!([])));
    }
}
