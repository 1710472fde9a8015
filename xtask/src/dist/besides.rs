//! What is in the programs and in no lock file: Rust's standard library, the C library of static programs, scripts of others that
//! the console loads.

use super::PROGRAMS;
use super::inventory::Part;
use super::release::{self, Release};
use crate::failure::{Failure, Outcome, While};
use crate::process::Crew;
use std::collections::BTreeSet;
use std::fs;

/// Its scripts are embedded.
const CONSOLE: &str = "admin-sync-service";

/// Each with those of our packages that have it in them.
pub(crate) fn parts(crew: &Crew<'_>, release: &Release) -> Outcome<Vec<(Part, Vec<&'static str>)>> {
    let everyone = || PROGRAMS.iter().map(|(package, _)| *package).collect();
    let rustc = release.rustc.split(' ').nth(1).unwrap_or_default();
    let library = Part {
        authors: vec!["The Rust Project contributors".into()],
        repository: Some("https://github.com/rust-lang/rust".into()),
        text: Some(
            "Who wrote Rust's library and what is in it (LLVM's libunwind, too), with all terms: RUST-LIBRARY-LICENSES.html.",
        ),
        ..foreign("generic", "rust-std", rustc, "MIT OR Apache-2.0")
    };
    let mut parts = vec![(library, everyone())];
    if release.target.contains("-musl") {
        let libc = Part {
            authors: vec!["Rich Felker and others".into()],
            repository: Some("https://musl.libc.org".into()),
            text: Some(include_str!("musl.txt")),
            ..foreign("generic", "musl", &musl(crew, release)?, "MIT")
        };
        parts.push((libc, everyone()));
    }
    parts.extend(scripts(crew)?.map(|part| (part, vec![CONSOLE])));
    Ok(parts)
}

/// The one that comes with the standard library of this target. Only the archive itself tells its version: a string of its own.
fn musl(crew: &Crew<'_>, release: &Release) -> Outcome<String> {
    let path = release::library(crew, &release.target)?.join("self-contained/libc.a");
    let archive = fs::read(&path).while_doing(|| format!("reading {}", path.display()))?;
    let is_version = |text: &&[u8]| {
        let numbers = text.split(|byte| *byte == b'.');
        let is_number = |it: &[u8]| !it.is_empty() && it.iter().all(u8::is_ascii_digit);
        numbers.clone().count() == 3 && numbers.clone().all(is_number)
    };
    let found = archive.split(|byte| *byte == 0).find(is_version);
    let found = found.map(|text| String::from_utf8_lossy(text).into_owned());
    found.ok_or_else(|| Failure::new(format!("{} does not tell musl's version", path.display())))
}

/// Their terms lie beside them, and a README with the versions.
fn scripts(crew: &Crew<'_>) -> Outcome<impl Iterator<Item = Part>> {
    let folder = crew
        .checkout
        .root
        .join("services/admin-sync-service/assets/console/vendor");
    let file = folder.join("chart.umd.min.js");
    let text = fs::read_to_string(&file).while_doing(|| format!("reading {}", file.display()))?;
    let told = |name: &str| {
        let rest = text
            .split(name)
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        rest.map(str::to_owned).ok_or_else(|| {
            Failure::new(format!("{} does not say its version", file.display()))
                .why(format!("its head was `{name}…`"))
        })
    };
    let versions = [
        (
            "chart.js",
            told("Chart.js v")?,
            "https://github.com/chartjs/Chart.js",
        ),
        (
            "%40kurkle/color",
            told("@kurkle/color v")?,
            "https://github.com/kurkle/color",
        ),
    ];
    Ok(versions
        .into_iter()
        .map(move |(name, version, repository)| Part {
            repository: Some(repository.into()),
            folder: Some(folder.clone()),
            ..foreign("npm", name, &version, "MIT")
        }))
}

fn foreign(kind: &str, name: &str, version: &str, licence: &str) -> Part {
    Part {
        purl: format!("pkg:{kind}/{name}@{version}"),
        name: name.replace("%40", "@"),
        version: version.to_owned(),
        licence: Some(licence.to_owned()),
        authors: Vec::new(),
        repository: None,
        checksum: None,
        folder: None,
        text: None,
        linked: true,
        ours: false,
        needs: BTreeSet::new(),
    }
}
