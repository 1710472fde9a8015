//! The demo projects: who they are, how they speak and what they ask of a reader. The seed writes these
//! facts of three of them into the database, the living world serves all.

use serde_json::{Map, Value, json};

use crate::auth::Auth;
use crate::units::Shape;

/// A project's own words for the stages of a sale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) available: &'static str,
    pub(crate) reserved: &'static str,
    pub(crate) sold: &'static str,
    pub(crate) hidden: &'static str,
    pub(crate) unreleased: &'static str,
}

/// A demo project.
#[derive(Debug, Clone, Copy)]
pub struct Character {
    /// Slug, and name in the client API's addresses.
    pub slug: &'static str,
    /// Name as shown.
    pub title: &'static str,
    /// One sentence about it.
    pub description: &'static str,
    /// Form of its bodies.
    pub shape: Shape,
    /// Seconds between two fetches of it.
    pub interval_seconds: i32,
    /// Seconds that a fetch of it may take.
    pub timeout_seconds: i32,
    /// Further attempts of a failed fetch.
    pub retries: i32,
    pub(crate) words: Words,
    pub(crate) key: Key,
}

/// What opens a project's client API. Demo values, known to everyone.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    None,
    Bearer(&'static str),
    Header(&'static str, &'static str),
}

/// Words that the built-in mapping of every reader knows.
const PLAIN: Words = Words {
    available: "available",
    reserved: "reserved",
    sold: "sold",
    hidden: "hidden",
    unreleased: "coming soon",
};

/// A tower of 200 units that lives.
pub(crate) const TOWER: Character = Character {
    slug: "harbour-tower",
    title: "Harbour Tower",
    description: "25 floors, 200 units: something is reserved, sold or released every few seconds",
    shape: Shape::List,
    interval_seconds: 2,
    timeout_seconds: 5,
    retries: 2,
    words: PLAIN,
    key: Key::None,
};

/// A small one with words of its own.
pub(crate) const GARDEN: Character = Character {
    slug: "garden-court",
    title: "Garden Court",
    description: "12 houses behind a bearer token, in a flat map and in Portuguese",
    shape: Shape::FlatMap,
    interval_seconds: 3,
    timeout_seconds: 5,
    retries: 2,
    words: Words {
        available: "livre",
        reserved: "em negociação",
        sold: "vendida",
        hidden: "oculta",
        unreleased: "em breve",
    },
    key: Key::Bearer("garden-demo-token"),
};

/// One behind an API that fails often.
pub(crate) const LOFTS: Character = Character {
    slug: "hillside-lofts",
    title: "Hillside Lofts",
    description: "48 lofts behind an API key and an API that fails in every usual way",
    shape: Shape::UnitsKey,
    interval_seconds: 2,
    timeout_seconds: 2,
    retries: 1,
    words: PLAIN,
    key: Key::Header("X-Hillside-Key", "hillside-demo-key"),
};

/// One that nobody has connected yet: for whoever tries the console. Most of its words are built-in ones, oddly
/// spelled; one is known to nobody.
pub(crate) const QUAY: Character = Character {
    slug: "quay-houses",
    title: "Quay Houses",
    description: "24 houses behind an API key, with words of its own, which nobody has connected yet",
    shape: Shape::DataKey,
    interval_seconds: 2,
    timeout_seconds: 5,
    retries: 2,
    words: Words {
        available: "For Sale",
        reserved: "Deposit paid",
        sold: " PURCHASED",
        hidden: "not-for-sale",
        unreleased: "Coming  Soon",
    },
    key: Key::Header("X-Quay-Key", "quay-demo-key"),
};

impl Character {
    /// Those that the seed connects.
    pub const ALL: [Self; 3] = [TOWER, GARDEN, LOFTS];
    /// The one that a person may connect.
    pub const UNCONNECTED: Self = QUAY;

    /// Where its client API is asked, below the base address.
    pub fn endpoint(&self) -> String {
        format!("/{}/units", self.slug)
    }

    /// What its client API demands.
    pub fn auth(&self) -> Auth {
        match self.key {
            Key::None => Auth::None,
            Key::Bearer(token) => Auth::bearer(token),
            Key::Header(header, key) => Auth::api_key(header, key),
        }
    }

    /// `auth_type` and the credentials to be sealed (docs/API.md), none where nothing is asked.
    pub(crate) fn credentials(&self) -> (&'static str, Option<Map<String, Value>>) {
        match self.key {
            Key::None => ("none", None),
            Key::Bearer(token) => ("bearer", object(json!({"token": token}))),
            Key::Header(header, key) => (
                "api_key",
                object(json!({"api_key": key, "api_key_header": header})),
            ),
        }
    }

    /// `status_mapping` for words of its own; empty where the built-in mapping knows them all.
    pub(crate) fn mapping(&self) -> Value {
        let Words {
            available,
            reserved,
            sold,
            hidden,
            unreleased,
        } = self.words;
        if available == PLAIN.available {
            return json!({});
        }
        json!({
            "available": [available], "reserved": [reserved], "sold": [sold],
            "hidden": [hidden], "unreleased": [unreleased],
        })
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}
