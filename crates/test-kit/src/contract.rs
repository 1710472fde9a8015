//! An `OpenAPI` document as a judge: of answers, of values, and of itself. It knows as much of JSON Schema as our documents
//! use, and is stricter in one thing: a member that no schema names is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Map, Value};

use crate::http::Answer;

/// The document of a service, and what it has judged.
#[derive(Debug)]
pub struct Contract {
    document: Value,
    /// As in `get /sync/status 200`.
    judged: Mutex<BTreeSet<String>>,
}

impl Contract {
    /// Panics unless it is `OpenAPI` 3.1 whose references lead somewhere and whose operations have names of their own:
    /// generated clients name their methods by them.
    pub fn new(document: Value) -> Self {
        assert_eq!(document["openapi"], "3.1.0");
        let judged = Mutex::default();
        let contract = Self { document, judged };
        contract.follow(&contract.document);
        let ids: Vec<&str> = contract.each().map(|(_, it)| id(it)).collect();
        let apart: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(apart.len(), ids.len(), "an operationId twice: {ids:?}");
        contract
    }

    /// What can be asked, as in `get /sync/status`.
    pub fn operations(&self) -> BTreeSet<String> {
        self.each().map(|(name, _)| name).collect()
    }

    /// The statuses that an operation (`get /sync/status`) may be answered, and whether a body comes with each.
    pub fn statuses(&self, operation: &str) -> BTreeMap<&str, bool> {
        let found = self.each().find(|(name, _)| name == operation);
        let (_, found) = found.unwrap_or_else(|| panic!("no {operation}"));
        let responses = found["responses"].as_object().expect("responses");
        let statuses = responses.iter().map(|(status, response)| {
            let has_body = self.resolved(response)["content"].is_object();
            (status.as_str(), has_body)
        });
        statuses.collect()
    }

    /// What may be answered and was not judged so far, as in `get /sync/status 503`.
    pub fn unseen(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (name, operation) in self.each() {
            let responses = operation["responses"].as_object();
            let statuses = responses.into_iter().flat_map(Map::keys);
            all.extend(statuses.map(|status| format!("{name} {status}")));
        }
        let judged = self.judged.lock().expect("no judge has failed");
        all.difference(&judged).cloned().collect()
    }

    /// The names of schemas that begin so, without that beginning.
    pub fn schemas(&self, prefix: &str) -> BTreeSet<&str> {
        let schemas = self.document["components"]["schemas"].as_object();
        let names = schemas.into_iter().flat_map(Map::keys);
        names.filter_map(|name| name.strip_prefix(prefix)).collect()
    }

    /// The members that a schema names.
    pub fn members(&self, schema: &str) -> BTreeSet<&str> {
        let schema = &self.document["components"]["schemas"][schema];
        assert!(schema.is_object(), "no such schema");
        let mut found = BTreeSet::new();
        self.gather(schema, &mut found);
        found
    }

    /// The kinds of messages that a schema of several tells apart by their `type`.
    pub fn kinds(&self, schema: &str) -> BTreeSet<String> {
        let one_of = list(&self.document["components"]["schemas"][schema], "oneOf");
        let kinds = one_of.iter().flat_map(|one| {
            let parts = list(one, "allOf").iter().chain([one]);
            parts.flat_map(|part| list(&part["properties"]["type"], "enum"))
        });
        kinds.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Panics unless the document has this status for this operation, with these headers and a body of that shape.
    pub fn judge(&self, method: &str, path: &str, answer: &Answer) {
        let place = format!("{method} {path} {}: {}", answer.status(), answer.text());
        let operation = &self.document["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "no operation: {place}");
        let response = &operation["responses"][answer.status().to_string()];
        assert!(response.is_object(), "no such status: {place}");
        let seen = format!("{} {path} {}", method.to_lowercase(), answer.status());
        self.judged
            .lock()
            .expect("no judge has failed")
            .insert(seen);
        let response = self.resolved(response);
        for name in response["headers"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
        {
            assert!(answer.header(name).is_some(), "no {name}: {place}");
        }
        let content = &response["content"];
        if content.is_null() {
            assert!(answer.body.is_empty(), "no body is described: {place}");
            return;
        }
        let media_type = answer.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default();
        let content = &content[media_type];
        assert!(content.is_object(), "no {media_type:?} for {place}");
        if media_type.ends_with("json") {
            let complaint = self.complaint(&content["schema"], &answer.json(), "$");
            assert_eq!(complaint, None, "{place}");
        }
    }

    /// Panics unless `value` is as the schema of this name says.
    pub fn judge_value(&self, schema: &str, value: &Value) {
        let found = &self.document["components"]["schemas"][schema];
        assert!(found.is_object(), "no schema {schema} for {value}");
        assert_eq!(self.complaint(found, value, "$"), None, "{schema}: {value}");
    }

    fn each(&self) -> impl Iterator<Item = (String, &Value)> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().expect("a path with its operations");
            item.iter()
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
    }

    fn follow(&self, value: &Value) {
        self.resolved(value);
        match value {
            Value::Object(object) => object.values().for_each(|it| self.follow(it)),
            Value::Array(array) => array.iter().for_each(|it| self.follow(it)),
            _ => {}
        }
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let found = self.document.pointer(reference.trim_start_matches('#'));
                self.resolved(found.unwrap_or_else(|| panic!("no {reference}")))
            }
            None => schema,
        }
    }

    /// What is wrong with `value`, as far as our documents' schemas go.
    fn complaint(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let whole = self.resolved(schema);
        self.shape(whole, value, at).or_else(|| {
            let mut named = BTreeSet::new();
            self.gather(whole, &mut named);
            let open = named.is_empty() || whole["additionalProperties"].is_object();
            let mut members = value.as_object().filter(|_| !open)?.keys();
            let stranger = members.find(|name| !named.contains(name.as_str()))?;
            Some(format!("{at}: nothing is said of {stranger} in {value}"))
        })
    }

    /// The names of the members that an object of this schema may have.
    fn gather<'a>(&'a self, schema: &'a Value, found: &mut BTreeSet<&'a str>) {
        let schema = self.resolved(schema);
        let properties = schema["properties"].as_object();
        found.extend(
            properties
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str),
        );
        for several in ["allOf", "oneOf", "anyOf"] {
            for one in list(schema, several) {
                self.gather(one, found);
            }
        }
    }

    fn shape(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = self.resolved(schema);
        let any = list(schema, "oneOf");
        let fits = |one: &Value| self.complaint(one, value, at).is_none();
        if !any.is_empty() && !any.iter().any(fits) {
            return Some(format!("{at}: {value} is none of {any:?}"));
        }
        // Other judges let members pass that are not named, and then one of several is one too many.
        let several = any
            .iter()
            .filter(|one| self.shape(one, value, at).is_none());
        if several.count() > 1 {
            return Some(format!("{at}: {value} is more than one of {any:?}"));
        }
        let mut all = list(schema, "allOf").iter();
        if let Some(found) = all.find_map(|one| self.shape(one, value, at)) {
            return Some(found);
        }
        let known = list(schema, "enum");
        if !known.is_empty() && !known.contains(value) {
            return Some(format!("{at}: {value} is not one of {known:?}"));
        }
        let types = match &schema["type"] {
            Value::Array(some) => some.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        if !types.is_empty() && !types.iter().any(|name| is(value, name)) {
            return Some(format!("{at}: {value} is no {types:?}"));
        }
        let mut required = list(schema, "required").iter().filter_map(Value::as_str);
        let missing = required.find(|name| value.is_object() && value.get(name).is_none());
        if let Some(missing) = missing {
            return Some(format!("{at}: no {missing} in {value}"));
        }
        self.inside(schema, value, at)
    }

    /// The members of an object and the items of a list.
    fn inside(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        let rest = Some(&schema["additionalProperties"]).filter(|it| it.is_object());
        let mut members = value.as_object().into_iter().flatten();
        let of_members = members.find_map(|(name, member)| {
            let schema = properties.get(name).or(rest)?;
            self.complaint(schema, member, &format!("{at}.{name}"))
        });
        let mut items = value.as_array().into_iter().flatten();
        let of_items = || items.find_map(|item| self.complaint(&schema["items"], item, at));
        of_members.or_else(of_items)
    }
}

/// Panics unless the document of `service` that is committed is the one that it serves.
pub fn judge_committed(service: &str, committed: &str, served: &str) {
    assert!(
        committed == served,
        "docs/openapi/{service}.json is not what the service serves. Write it anew:\n    \
         cargo run -p {service} -- --print-openapi > docs/openapi/{service}.json"
    );
}

fn id(operation: &Value) -> &str {
    operation["operationId"].as_str().expect("an operationId")
}

fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema[name].as_array().map_or(&[], Vec::as_slice)
}

fn is(value: &Value, name: &Value) -> bool {
    match name.as_str().expect("the name of a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("what is {other}?"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract() -> Contract {
        Contract::new(
            json!({"openapi": "3.1.0", "paths": {}, "components": {"schemas": {
                "Base": {"type": "object", "required": ["a"], "properties": {"a": {"type": ["integer", "null"]}}},
                "More": {"allOf": [{"$ref": "#/components/schemas/Base"},
                                   {"type": "object", "properties": {"b": {"enum": ["x", "y"]}}}]},
                "Either": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/More"}]},
                "Vague": {"oneOf": [{"$ref": "#/components/schemas/Base"}, {"$ref": "#/components/schemas/More"}]},
            "Map": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
                "Any": {"type": "object"},
            }}}),
        )
    }

    #[test]
    fn what_is_described_passes_and_what_is_not_is_told() {
        let contract = contract();
        let complaint = |name: &str, value: &Value| {
            contract.complaint(
                &contract.document["components"]["schemas"][name],
                value,
                "$",
            )
        };
        for (name, good) in [
            ("Base", json!({"a": null})),
            ("More", json!({"a": 1, "b": "y"})),
            ("Either", json!({"a": 1})),
            ("Either", json!(null)),
            ("Map", json!({"k": ["v"], "l": []})),
            ("Any", json!({"whatever": 1})),
        ] {
            assert_eq!(complaint(name, &good), None, "{name} {good}");
        }
        for (name, bad) in [
            ("Base", json!({})),
            ("Base", json!({"a": 1.5})),
            ("Base", json!({"a": 1, "stranger": 2})),
            ("More", json!({"b": "x"})),
            ("More", json!({"a": 1, "b": "z"})),
            ("More", json!({"a": 1, "stranger": 2})),
            ("Either", json!({"a": "1"})),
            ("Vague", json!({"a": 1})),
            ("Map", json!({"k": [1]})),
            ("Map", json!({"k": "v"})),
            ("Any", json!([])),
        ] {
            assert!(complaint(name, &bad).is_some(), "{name} {bad}");
        }
        assert_eq!(contract.members("More"), BTreeSet::from(["a", "b"]));
        assert_eq!(contract.schemas("M"), BTreeSet::from(["ore", "ap"]));
    }

    #[test]
    #[should_panic(expected = "no #/components/schemas/Gone")]
    fn a_reference_that_leads_nowhere_is_a_fault_of_the_document() {
        let lost = json!({"$ref": "#/components/schemas/Gone"});
        Contract::new(
            json!({"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"Lost": lost}}}),
        );
    }
}
