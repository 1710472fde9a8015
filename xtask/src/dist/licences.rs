//! The inventory for people: who wrote what is linked, under which terms, with the texts that those terms want along.

use super::inventory::{Inventory, Part};
use crate::failure::{Outcome, While};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Beginnings of the names under which packages carry their terms.
const NAMES: &[&str] = &[
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];
const RULE: &str =
    "--------------------------------------------------------------------------------";

/// First a table, then each text once with the packages that carry it: most carry the same.
pub(crate) fn write(inventory: &Inventory) -> Outcome<String> {
    let mut table = String::from(
        "What Farol's programs are made of besides Farol itself, and under which terms.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in inventory.linked() {
        let found = texts_of(part)?;
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(table, "{}", line(part, found.is_empty()));
        for text in found {
            texts.entry(text).or_default().push(label(part));
        }
    }
    for (text, owners) in texts {
        let _ = write!(table, "\n{RULE}\n{}\n{RULE}\n\n{text}\n", owners.join(", "));
    }
    Ok(table)
}

fn label(part: &Part) -> String {
    format!("{} {}", part.name, part.version)
}

/// A package without a text is told by who wrote it and where it comes from.
fn line(part: &Part, bare: bool) -> String {
    let licence = part.licence.as_deref().unwrap_or("see its text below");
    let line = format!("{:44} {licence}", label(part));
    if !bare {
        return line;
    }
    let authors = match part.authors.as_slice() {
        [] => "its contributors".to_owned(),
        authors => authors.join(", "),
    };
    let from = part.repository.as_deref().unwrap_or("the registry");
    format!("{line}\n{:44} (carries no text; by {authors}; {from})", "")
}

fn texts_of(part: &Part) -> Outcome<Vec<String>> {
    let Some(folder) = part.folder.as_deref().filter(|folder| folder.is_dir()) else {
        return Ok(Vec::new());
    };
    let doing = || format!("reading {}", folder.display());
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).while_doing(doing)? {
        let path = entry.while_doing(doing)?.path();
        if is_terms(&path) {
            let text =
                fs::read_to_string(&path).while_doing(|| format!("reading {}", path.display()))?;
            texts.push(text.replace("\r\n", "\n").trim().to_owned());
        }
    }
    // The file system's order is nobody's.
    texts.sort();
    Ok(texts)
}

/// A file, that is: some packages keep a folder of that name, with the terms of their test data.
fn is_terms(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_uppercase());
    let is_source = path
        .extension()
        .is_some_and(|ending| ending == "rs" || ending == "html");
    let named = name.is_some_and(|name| NAMES.iter().any(|begin| name.starts_with(begin)));
    named && !is_source && path.is_file()
}
