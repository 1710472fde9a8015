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
const HEAD: &str = "\
What Farol's programs are made of besides Farol itself, and under which terms.

Of `A OR B` either may be chosen; both texts are below where the package carries both. A package that carries none is under
the standard text of its licence, which stands below as others carry it, with its own authors' names in place of theirs. The
source of each, as it was compiled: https://crates.io/crates/NAME/VERSION, or what is named beside it.

";
/// Folders whose terms are not those of what is linked.
const ASIDE: &[&str] = &["tests", "test", "benches", "examples", "fuzz"];
const RULE: &str =
    "--------------------------------------------------------------------------------";

/// First a table, then each text once with the packages that carry it: most carry the same.
pub(crate) fn write(inventory: &Inventory) -> Outcome<String> {
    let mut carried = Vec::new();
    for part in inventory.linked() {
        carried.push((part, texts_of(part)?));
    }
    let mut table = String::from(HEAD);
    // By its words: some differ in white space alone.
    let mut texts: BTreeMap<String, (&String, Vec<String>)> = BTreeMap::new();
    for (part, own) in &carried {
        let found = if own.is_empty() {
            of_siblings(part, &carried)
        } else {
            own
        };
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(table, "{}", line(part, found.is_empty()));
        for text in found {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            texts
                .entry(words)
                .or_insert((text, Vec::new()))
                .1
                .push(label(part));
        }
    }
    for (text, owners) in texts.into_values() {
        let _ = write!(table, "\n{RULE}\n{}\n{RULE}\n\n{text}\n", owners.join(", "));
    }
    Ok(table)
}

/// Those of a package that comes from the same repository: some are published without the texts at its root.
fn of_siblings<'a>(part: &Part, carried: &'a [(&Part, Vec<String>)]) -> &'a [String] {
    let own = part.repository.as_deref().map(home);
    let is_sibling = |(other, texts): &&(&Part, Vec<String>)| {
        own.is_some() && other.repository.as_deref().map(home) == own && !texts.is_empty()
    };
    carried
        .iter()
        .find(is_sibling)
        .map_or(&[], |(_, texts)| texts)
}

/// `https://host/owner/name`, without the folder in it.
fn home(repository: &str) -> String {
    let parts: Vec<&str> = repository.split('/').take(5).collect();
    parts.join("/").trim_end_matches(".git").to_owned()
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
    let mut texts: Vec<String> = part
        .text
        .iter()
        .map(|text| text.trim().to_owned())
        .collect();
    if let Some(folder) = &part.folder {
        take(folder, &mut texts)?;
    }
    // The file system's order is nobody's.
    texts.sort();
    Ok(texts)
}

/// Of a folder and those in it: code that a package has taken over lies with its own terms. In one that is named `LICENSES`
/// every file is such a text (<https://reuse.software>).
fn take(folder: &Path, texts: &mut Vec<String>) -> Outcome {
    let doing = || format!("reading {}", folder.display());
    for entry in fs::read_dir(folder).while_doing(doing)? {
        let entry = entry.while_doing(doing)?;
        let (path, kind) = (entry.path(), entry.file_type().while_doing(doing)?);
        if kind.is_dir() && !ASIDE.iter().any(|name| path.ends_with(name)) {
            take(&path, texts)?;
        } else if kind.is_file() && (is_terms(&path) || folder.ends_with("LICENSES")) {
            let bytes = fs::read(&path).while_doing(|| format!("reading {}", path.display()))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            // A link of the repository is published as a file that has its target in it.
            texts.extend(Some(text.trim().to_owned()).filter(|text| text.contains(' ')));
        }
    }
    Ok(())
}

fn is_terms(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_uppercase());
    let is_source = path
        .extension()
        .is_some_and(|ending| ending == "rs" || ending == "html");
    let named = name.is_some_and(|name| NAMES.iter().any(|begin| name.starts_with(begin)));
    named && !is_source
}
