//! What the programs are made of: the packages that cargo compiled for them, as its metadata and Cargo.lock know them, and
//! what is in them besides (`besides.rs`).

use super::PROGRAMS;
use super::besides;
use super::release::{self, Release};
use crate::cargo;
use crate::failure::{Outcome, While};
use crate::process::Crew;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// One package, with what it needs of the others.
pub(crate) struct Part {
    /// A package URL: <https://github.com/package-url/purl-spec>.
    pub(crate) purl: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression; ours have none.
    pub(crate) licence: Option<String>,
    pub(crate) authors: Vec<String>,
    pub(crate) repository: Option<String>,
    /// SHA-256 of what the registry serves, as Cargo.lock has it.
    pub(crate) checksum: Option<String>,
    /// Where the texts of its licence are.
    pub(crate) folder: Option<PathBuf>,
    /// Such a text, where it lies in no folder.
    pub(crate) text: Option<&'static str>,
    /// False: it ran while the programs were built, and nothing of it is in them.
    pub(crate) linked: bool,
    pub(crate) ours: bool,
    /// Package URLs.
    pub(crate) needs: BTreeSet<String>,
}

/// By package URL, so in the order of names.
pub(crate) struct Inventory(BTreeMap<String, Part>);

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    authors: Vec<String>,
    repository: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// Of a dependency: nothing for a normal one, else `build` or `dev`.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Inventory {
    /// Of what was compiled. Metadata alone would list too much: it knows every feature of every member and test.
    pub(crate) fn take(
        crew: &Crew<'_>,
        release: &Release,
        compiled: &BTreeSet<String>,
    ) -> Outcome<Self> {
        let mut command = cargo::cargo(crew, &["metadata", "--locked", "--format-version", "1"]);
        command.args(["--filter-platform", &release.target]);
        let text = release::listen(crew, "cargo metadata", &mut command)?;
        let metadata: Metadata =
            serde_json::from_str(&text).while_doing(|| "reading cargo's metadata".into())?;
        let lock = crew.checkout.root.join("Cargo.lock");
        let lock =
            fs::read_to_string(&lock).while_doing(|| format!("reading {}", lock.display()))?;
        let mut parts = parts(metadata, compiled, &checksums(&lock));
        for (part, owners) in besides::parts(crew, release)? {
            let owners = parts
                .values_mut()
                .filter(|it| it.ours && owners.contains(&&*it.name));
            owners.for_each(|owner| {
                owner.needs.insert(part.purl.clone());
            });
            parts.insert(part.purl.clone(), part);
        }
        Ok(Self(parts))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Part> {
        self.0.values()
    }

    /// What is in the programs and is not ours.
    pub(crate) fn linked(&self) -> impl Iterator<Item = &Part> {
        self.all().filter(|part| part.linked && !part.ours)
    }
}

fn parts(
    metadata: Metadata,
    compiled: &BTreeSet<String>,
    checksums: &BTreeMap<(String, String), String>,
) -> BTreeMap<String, Part> {
    let packages = metadata.packages.into_iter();
    let packages: BTreeMap<String, Package> = packages
        .filter(|package| compiled.contains(&package.id))
        .map(|package| (package.id.clone(), package))
        .collect();
    let needs = needs(metadata.resolve, &packages);
    let linked = linked(&packages, &needs);
    let part = |package: &Package| {
        let needs = needs.get(&package.id);
        let needs = needs
            .into_iter()
            .flat_map(|it| it.normal.iter().chain(&it.build));
        let key = (package.name.clone(), package.version.clone());
        let ours = package.source.is_none();
        Part {
            purl: purl(package),
            name: package.name.clone(),
            version: package.version.clone(),
            // The old way to write it, which SPDX does not know.
            licence: package
                .license
                .as_ref()
                .map(|it| it.replace(" / ", "/").replace('/', " OR ")),
            authors: package.authors.clone(),
            repository: package.repository.clone(),
            checksum: checksums.get(&key).filter(|_| !ours).cloned(),
            folder: package.manifest_path.parent().map(PathBuf::from),
            text: None,
            linked: linked.contains(&package.id),
            ours,
            needs: needs.filter_map(|id| packages.get(id)).map(purl).collect(),
        }
    };
    packages
        .values()
        .map(|package| (purl(package), part(package)))
        .collect()
}

/// Ours are in no registry: under `pkg:cargo` a scanner would take a stranger's for them.
fn purl(package: &Package) -> String {
    let kind = if package.source.is_none() {
        "generic"
    } else {
        "cargo"
    };
    format!("pkg:{kind}/{}@{}", package.name, package.version)
}

/// What one package needs of the others that were compiled.
#[derive(Default)]
struct Needs {
    /// In the program itself.
    normal: Vec<String>,
    /// In its build script, which runs before it is compiled.
    build: Vec<String>,
}

/// Without what only tests need.
fn needs(resolve: Resolve, packages: &BTreeMap<String, Package>) -> BTreeMap<String, Needs> {
    let mut needs: BTreeMap<String, Needs> = BTreeMap::new();
    for node in resolve.nodes {
        let own = needs.entry(node.id).or_default();
        for edge in node
            .deps
            .into_iter()
            .filter(|edge| packages.contains_key(&edge.pkg))
        {
            let is = |wanted| edge.dep_kinds.iter().any(|it| it.kind.as_deref() == wanted);
            if is(None) {
                own.normal.push(edge.pkg);
            } else if is(Some("build")) {
                own.build.push(edge.pkg);
            }
        }
    }
    needs
}

/// Whatever a program reaches without going through a macro or a build script: those run while it is compiled, and so does
/// what only they need.
fn linked(
    packages: &BTreeMap<String, Package>,
    needs: &BTreeMap<String, Needs>,
) -> BTreeSet<String> {
    let is_root = |package: &&Package| PROGRAMS.iter().any(|(name, _)| *name == package.name);
    let mut open: Vec<&String> = packages.values().filter(is_root).map(|it| &it.id).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        let kinds = packages
            .get(id)
            .into_iter()
            .flat_map(|package| &package.targets);
        let is_macro = kinds
            .flat_map(|target| &target.kind)
            .any(|kind| kind == "proc-macro");
        if !is_macro && seen.insert(id.clone()) {
            open.extend(needs.get(id).into_iter().flat_map(|it| &it.normal));
        }
    }
    seen
}

/// Cargo.lock by name and version. Its form is stable and flat, and cargo tells these figures nowhere else.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key));
        line.map(|line| line.trim_matches([' ', '=', '"']).to_owned())
    };
    let blocks = lock.split("[[package]]");
    let entry = |block: &str| {
        let key = (value(block, "name")?, value(block, "version")?);
        Some((key, value(block, "checksum")?))
    };
    blocks.filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, kind: &str) -> String {
        format!(
            r#"{{"id":"{name}#1","name":"{name}","version":"1","license":"MIT/Apache-2.0","authors":[],"repository":null,
                "source":"registry","manifest_path":"/r/{name}/Cargo.toml","targets":[{{"kind":["{kind}"]}}]}}"#
        )
    }

    fn node(name: &str, needs: &[(&str, &str)]) -> String {
        let edge = |(to, kind): &(&str, &str)| {
            format!(r#"{{"pkg":"{to}#1","dep_kinds":[{{"kind":{kind}}}]}}"#)
        };
        let needs: Vec<String> = needs.iter().map(edge).collect();
        format!(r#"{{"id":"{name}#1","deps":[{}]}}"#, needs.join(","))
    }

    #[test]
    fn what_only_the_compiler_ran_is_not_linked_and_what_was_not_compiled_is_not_there() {
        let names = [
            ("ingestor", "bin"),
            ("kept", "lib"),
            ("derive", "proc-macro"),
            ("syn", "lib"),
            ("both", "lib"),
            ("tested", "lib"),
            ("cc", "lib"),
            ("optional", "lib"),
        ];
        let packages: Vec<String> = names
            .iter()
            .map(|(name, kind)| package(name, kind))
            .collect();
        let nodes = [
            node(
                "ingestor",
                &[("kept", "null"), ("derive", "null"), ("tested", r#""dev""#)],
            ),
            node(
                "kept",
                &[("both", "null"), ("optional", "null"), ("cc", r#""build""#)],
            ),
            node("derive", &[("syn", "null"), ("both", "null")]),
        ];
        let text = format!(
            r#"{{"packages":[{}],"resolve":{{"nodes":[{}]}}}}"#,
            packages.join(","),
            nodes.join(",")
        );
        let compiled = names.iter().map(|(name, _)| format!("{name}#1"));
        let compiled = compiled.filter(|id| id != "optional#1").collect();
        let lock = "[[package]]\nname = \"kept\"\nversion = \"1\"\nchecksum = \"abc\"\n";
        let parts = parts(
            serde_json::from_str(&text).unwrap(),
            &compiled,
            &checksums(lock),
        );
        let linked = |name: &str| parts[&format!("pkg:cargo/{name}@1")].linked;
        assert!(linked("ingestor") && linked("kept") && linked("both"));
        assert!(!linked("derive") && !linked("syn") && !linked("tested") && !linked("cc"));
        assert!(!parts.contains_key("pkg:cargo/optional@1"));
        let kept = &parts["pkg:cargo/kept@1"];
        assert_eq!(kept.checksum.as_deref(), Some("abc"));
        assert_eq!(kept.licence.as_deref(), Some("MIT OR Apache-2.0"));
        let needs = ["pkg:cargo/both@1", "pkg:cargo/cc@1"].map(str::to_owned);
        assert_eq!(kept.needs, BTreeSet::from(needs));
    }
}
