//! What a page of the console says about words of client APIs before it asks must be what the services make of them.

use farol_core::status::{Mapping, Status, canonical_word};

const MAPPING: &str = include_str!("../../assets/console/mapping.js");

/// `  sold: ["sold", "purchased"],` of the list that begins with `export const BUILTIN`.
fn lists() -> Vec<(Status, Vec<String>)> {
    let (_, list) = MAPPING.split_once("export const BUILTIN = {").unwrap();
    let (list, _) = list.split_once("};").unwrap();
    let lines = list.lines().map(str::trim).filter(|it| !it.is_empty());
    let parsed = lines.map(|line| {
        let (status, words) = line.trim_end_matches(',').split_once(": ").unwrap();
        (
            status.parse().unwrap(),
            serde_json::from_str(words).unwrap(),
        )
    });
    parsed.collect()
}

/// The words of docs/API.md, "Statuses", which core holds to.
fn documented() -> usize {
    const API: &str = include_str!("../../../../docs/API.md");
    let (_, table) = API.split_once("\n## Statuses\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows = table.lines().filter(|it| it.starts_with("| `"));
    let words = rows.map(|row| row.split('|').nth(2).unwrap().split(',').count());
    words.sum()
}

#[test]
fn the_console_knows_the_words_that_the_services_know() {
    let builtin = Mapping::builtin(Status::Hidden);
    let lists = lists();
    let statuses: Vec<Status> = lists.iter().map(|it| it.0).collect();
    assert_eq!(statuses, Status::ALL);
    for (status, words) in &lists {
        for word in words {
            assert_eq!(builtin.resolve(word), Some(*status), "{word}");
        }
    }
    let known: std::collections::BTreeSet<String> = lists
        .iter()
        .flat_map(|it| &it.1)
        .map(|word| canonical_word(word).into_owned())
        .collect();
    assert_eq!(known.len(), documented(), "{known:?}");
}
