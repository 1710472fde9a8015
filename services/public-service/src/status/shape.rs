//! How values of the core are written, for the document of what we answer: the core itself describes nothing.

use std::collections::{BTreeMap, BTreeSet};

use farol_core::status::Status;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// A `Snapshot`, or the new statuses of a `Delta`.
pub fn statuses() -> Object {
    let status = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Status::ALL.map(Status::as_str)));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(status))
        .description(Some("Unit to status, sorted by unit."))
        .build()
}

/// A `Version`.
pub fn version() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[0-9a-f]+-[0-9]+$"))
        .description(Some("To compare for equality, and to come back with."))
        .build()
}

/// What changed between two states: a `Delta`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for the type of the core")]
pub struct Changes {
    #[schema(schema_with = statuses)]
    updates: BTreeMap<String, String>,
    /// Units that vanished, none of which is among `updates`; left out where none did.
    #[schema(value_type = Vec<String>, required = false)]
    removed: BTreeSet<String>,
}
