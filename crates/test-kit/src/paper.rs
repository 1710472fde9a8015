//! What documents say in their tables, and what `/metrics` prints, as values that a test can hold against each other.

use std::collections::{BTreeMap, BTreeSet};

/// A metric's labels; of each the values, where they are a closed set.
pub type Labels = BTreeMap<String, BTreeSet<String>>;

/// The cells of the tables under a heading of a document, without their heads.
pub fn table_rows<'a>(document: &'a str, heading: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let mut lines = document.lines().skip_while(|line| *line != heading);
    let section: Vec<&str> = lines
        .by_ref()
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .collect();
    assert!(!section.is_empty(), "no section {heading}");
    let table = section.into_iter().filter(|line| line.starts_with("| `"));
    table.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// What stands between backticks.
pub fn quoted(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// The metrics that a table of a document promises: name in the first cell, labels in the second.
pub fn told_metrics(document: &str, heading: &str) -> BTreeMap<String, Labels> {
    table_rows(document, heading)
        .map(|cells| (quoted(cells[0]).remove(0), told_labels(cells[1])))
        .collect()
}

/// The settings that a table of a document promises: name in the first cell, default in the second.
pub fn told_settings(document: &str, heading: &str) -> BTreeMap<String, String> {
    table_rows(document, heading)
        .map(|cells| (quoted(cells[0]).remove(0), cells[1].to_owned()))
        .collect()
}

/// `` `channel`: email, webhook; `outcome`: taken, failed `` or `` `version`, `commit` ``.
fn told_labels(cell: &str) -> Labels {
    let mut labels = Labels::new();
    for part in cell.split("; ") {
        match part.split_once("`: ") {
            Some((name, values)) => {
                let values = values.split(", ").map(str::to_owned).collect();
                labels.insert(name.trim_matches('`').to_owned(), values);
            }
            None => labels.extend(quoted(part).into_iter().map(|name| (name, BTreeSet::new()))),
        }
    }
    labels
}

/// Every family that `/metrics` prints, with its labels. What is open in its values is not collected.
pub fn printed_metrics(text: &str) -> BTreeMap<String, Labels> {
    const OPEN: [&str; 2] = ["version", "commit"];
    let mut families = BTreeMap::<String, Labels>::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next();
            name.unwrap_or_default().clone_into(&mut family);
            families.entry(family.clone()).or_default();
            continue;
        }
        let labels = line
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'));
        let labels = labels.map_or("", |(labels, _)| labels).split(',');
        // Bounds of buckets are no label of ours.
        for (name, value) in labels
            .filter_map(|label| label.split_once('='))
            .filter(|(name, _)| *name != "le")
        {
            let values = families
                .entry(family.clone())
                .or_default()
                .entry(name.to_owned())
                .or_default();
            if !OPEN.contains(&name) {
                values.insert(value.trim_matches('"').to_owned());
            }
        }
    }
    families
}
