//! The architecture test: who may depend on whom, and which technology lives where (rules R1-R7 of
//! ARCHITECTURE.md), held over `cargo metadata` and the source text. The rules are data in
//! `packages.rs` and `rooms.rs`; a violation names the line, the rule and what to do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cfg_test;
mod packages;
mod rooms;
mod source;
mod traits;

use source::SourceFile;
use std::fmt;
use std::path::{Path, PathBuf};

/// One broken rule at one place.
#[derive(Debug)]
struct Violation {
    place: String,
    rule: &'static str,
    found: String,
    advice: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            rule,
            found,
            advice,
        } = self;
        write!(
            out,
            "{place}: {found}\n    rule: {rule}\n    do:   {advice}"
        )
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn expect_none(violations: &[Violation]) {
    let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        told.is_empty(),
        "{} violations of the architecture:\n{}",
        told.len(),
        told.join("\n")
    );
}

#[test]
fn packages_depend_only_downwards() {
    expect_none(&packages::violations(&packages::metadata(&workspace())));
}

#[test]
fn every_technology_stays_in_its_home_and_layers_name_only_lower_ones() {
    let files = SourceFile::all_in(&workspace());
    assert!(files.len() > 50, "the scan found the workspace");
    expect_none(&rooms::violations(&files));
}

#[test]
fn a_service_has_a_trait_only_where_two_implementations_exist() {
    expect_none(&traits::violations(&SourceFile::all_in(&workspace())));
}

#[test]
fn production_is_composed_the_same_under_test() {
    expect_none(&cfg_test::violations(&SourceFile::all_in(&workspace())));
}
