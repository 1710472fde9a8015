//! What is known of a project, and a line for each change of it. It outlives connections.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Unit to status.
type Units = BTreeMap<String, String>;

/// The data of every kind of event. Fields may be added: what is not named here is let be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Data {
    statuses: Units,
    updates: Units,
    removed: Vec<String>,
    state: Option<String>,
    as_of: Option<String>,
    /// Why the server ends the stream; of `closed` only.
    pub reason: String,
}

/// Empty until the first whole state.
#[derive(Debug, Default)]
pub struct Board {
    units: Option<Units>,
    state: Option<String>,
    /// How many there have been.
    pub changes: u64,
}

impl Board {
    /// An error is one of the output.
    pub fn take(&mut self, name: &str, data: Data) -> io::Result<()> {
        match name {
            // The whole: what it does not name is gone.
            "status_update" => self.replace(data.statuses)?,
            // What changed: what it does not name stays.
            "bulk_update" => self.change(data.updates, data.removed)?,
            _ => {}
        }
        if data.state.is_some() && data.state != self.state {
            let state = data.state.as_deref().unwrap_or_default();
            let as_of = data.as_of.as_deref().unwrap_or("never");
            writeln!(io::stdout(), "state: {state}, as of {as_of}")?;
            self.state = data.state;
        }
        Ok(())
    }

    /// All units in one line.
    pub fn tell(&self) -> io::Result<()> {
        let text = serde_json::to_string(&self.units)?;
        writeln!(io::stdout(), "{text}")
    }

    fn replace(&mut self, units: Units) -> io::Result<()> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for status in units.values() {
            *counts.entry(status).or_default() += 1;
        }
        let counts = counts
            .iter()
            .map(|(status, count)| format!(", {count} {status}"));
        let summary = format!("{} units{}", units.len(), counts.collect::<String>());
        if let Some(known) = &self.units {
            let gone = known.keys().filter(|unit| !units.contains_key(*unit));
            let gone = gone.cloned().collect();
            self.change(units, gone)?;
        } else {
            self.units = Some(units);
        }
        writeln!(io::stdout(), "{summary}")
    }

    fn change(&mut self, updates: Units, removed: Vec<String>) -> io::Result<()> {
        let updates = updates
            .into_iter()
            .map(|(unit, status)| (unit, Some(status)));
        for (unit, status) in updates.chain(removed.into_iter().map(|unit| (unit, None))) {
            let units = self.units.get_or_insert_default();
            let before = match &status {
                Some(status) => units.insert(unit.clone(), status.clone()),
                None => units.remove(&unit),
            };
            if before == status {
                continue;
            }
            self.changes += 1;
            let (from, to) = (before.as_deref(), status.as_deref());
            let (from, to) = (from.unwrap_or("new"), to.unwrap_or("gone"));
            writeln!(io::stdout(), "{unit}: {from} -> {to}")?;
        }
        Ok(())
    }
}
