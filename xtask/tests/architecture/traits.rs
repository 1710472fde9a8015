//! R5: inside a service, a trait earns its place by two implementations in production.
//! Shared crates are left out: their traits are implemented by whoever uses them.

use crate::Violation;
use crate::source::SourceFile;

const RULE: &str = "R5: a trait only where two real implementations exist";

pub(crate) fn violations(files: &[SourceFile]) -> Vec<Violation> {
    let services: Vec<&SourceFile> = files
        .iter()
        .filter(|file| file.path.starts_with("services/"))
        .collect();
    let mut found = Vec::new();
    for file in &services {
        for (line, name) in file
            .lines()
            .filter_map(|(line, code)| Some((line, declared(code)?)))
        {
            let service = file.path.split("/src/").next().unwrap_or_default();
            let same = services.iter().filter(|it| it.path.starts_with(service));
            let count = same
                .flat_map(|it| it.lines())
                .filter(|(_, code)| implements(code, name))
                .count();
            if count < 2 {
                found.push(Violation {
                    place: format!("{}:{line}", file.path),
                    rule: RULE,
                    found: format!("trait {name} with {count} implementations"),
                    advice: "use the struct itself; tests run it against a real server",
                });
            }
        }
    }
    found
}

fn declared(code: &str) -> Option<&str> {
    let code = code.trim_start();
    let code = code
        .strip_prefix("pub(crate) ")
        .or_else(|| code.strip_prefix("pub "))
        .unwrap_or(code);
    let name = code.strip_prefix("trait ")?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

fn implements(code: &str, name: &str) -> bool {
    let code = code.trim_start();
    let Some((head, _)) = code.split_once(" for ") else {
        return false;
    };
    head.starts_with("impl")
        && head
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == name)
}

#[test]
fn a_trait_with_one_implementation_is_found_and_one_with_two_is_not() {
    let lonely = SourceFile::new(
        "services/a/src/x.rs",
        "pub(crate) trait Store: Send {\n}\nimpl Store for Pg {}",
    );
    let pair = SourceFile::new(
        "services/b/src/x.rs",
        "trait Store {}\nimpl Store for Pg {}\nimpl<T> Store for Influx<T> {}",
    );
    let told: Vec<String> = violations(&[lonely, pair])
        .iter()
        .map(|it| format!("{} {}", it.place, it.found))
        .collect();
    assert_eq!(
        told,
        ["services/a/src/x.rs:1 trait Store with 1 implementations"]
    );
}
