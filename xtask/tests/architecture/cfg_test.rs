//! R7: what production composes does not depend on whether tests are compiled.

use crate::Violation;
use crate::source::SourceFile;

const RULE: &str = "R7: no cfg(test) changes what production composes";

/// Only a test module may be conditional: `#[cfg(test)]` right before `mod name;` (a module with a
/// body is cut off with all that follows it when the file is read).
pub(crate) fn violations(files: &[SourceFile]) -> Vec<Violation> {
    let in_scope = |file: &&SourceFile| {
        ["crates/", "services/"]
            .iter()
            .any(|it| file.path.starts_with(it))
    };
    files.iter().filter(in_scope).flat_map(of_file).collect()
}

fn of_file(file: &SourceFile) -> Vec<Violation> {
    let lines: Vec<(usize, &str)> = file.lines().collect();
    let mut found = Vec::new();
    for (index, (line, code)) in lines.iter().enumerate() {
        let next = lines.get(index + 1).map_or("", |(_, code)| code.trim());
        let is_module =
            code.trim() == "#[cfg(test)]" && next.contains("mod ") && next.ends_with(';');
        if mentions_test(code) && !is_module {
            found.push(Violation {
                place: format!("{}:{line}", file.path),
                rule: RULE,
                found: code.trim().to_owned(),
                advice: "hand in what differs (clock, randomness, addresses), or move it to test-kit",
            });
        }
    }
    found
}

fn mentions_test(code: &str) -> bool {
    let dense: String = code.split_whitespace().collect();
    [
        "cfg(test",
        "cfg(not(test",
        "cfg!(test",
        "cfg!(not(test",
        "cfg_attr(test",
        "cfg_attr(not(test",
    ]
    .iter()
    .any(|it| dense.contains(it))
}

#[test]
fn only_a_test_module_may_be_conditional() {
    let told = |text| violations(&[SourceFile::new("crates/a/src/x.rs", text)]).len();
    assert_eq!(
        told("#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod inline {\n fn x() {}\n}"),
        0
    );
    assert_eq!(told("#[cfg(not(test))]\nfn clock() {}"), 1);
    assert_eq!(told("#[cfg(test)]\nfn clock() {}\nlet x = cfg!(test);"), 2);
}
