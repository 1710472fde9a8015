//! The board of units as a viewer keeps it: every event is applied, and judged
//! against what came before.

use std::collections::BTreeMap;

use serde_json::Value;
use test_kit::Received;

/// What one viewer knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board {
    /// Unit to status.
    pub units: BTreeMap<String, String>,
    /// `<epoch>-<n>` of the units.
    pub version: String,
    /// `live`, `stale` or `unknown`.
    pub state: String,
}

impl Board {
    /// Takes in an event; panics when it is older than what is known.
    pub fn take(&mut self, event: &Received) {
        let data = event.json();
        match event.event.as_str() {
            "status_update" => {
                assert!(step(&data) >= self.step(), "{event:?} after {self:?}");
                self.units = map(&data["statuses"]);
            }
            "bulk_update" => {
                assert!(step(&data) > self.step(), "{event:?} after {self:?}");
                self.units.extend(map(&data["updates"]));
                // Who was away may be told of the end of a unit whose beginning it missed.
                for unit in data["removed"].as_array().into_iter().flatten() {
                    self.units.remove(unit.as_str().unwrap());
                }
            }
            _ => {
                assert_eq!(event.id, None, "{event:?} moves no viewer");
            }
        }
        if let Some(version) = data["version"].as_str() {
            assert_eq!(event.id.as_deref(), Some(version));
            version.clone_into(&mut self.version);
        }
        if let Some(state) = data["state"].as_str() {
            state.clone_into(&mut self.state);
        }
    }

    /// The number in the version.
    pub fn step(&self) -> u64 {
        let number = self.version.rsplit('-').next().unwrap_or_default();
        number.parse().unwrap_or(0)
    }
}

/// The number in the version that an event's data tells.
pub fn step(data: &Value) -> u64 {
    let version = data["version"].as_str().expect("a version");
    version.rsplit('-').next().unwrap().parse().unwrap()
}

fn map(units: &Value) -> BTreeMap<String, String> {
    let pairs = units.as_object().expect("an object of units");
    let text = |status: &Value| status.as_str().unwrap().to_owned();
    pairs
        .iter()
        .map(|(unit, status)| (unit.clone(), text(status)))
        .collect()
}
