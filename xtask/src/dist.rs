//! `cargo xtask dist`: the programs of a release for one target, as a tarball with checksums, the licences of what is in
//! it, and a bill of materials. Equal sources, tools (Rust, the C compiler) and target give equal bytes, whatever the folder.

mod besides;
mod build;
mod inventory;
mod licences;
mod linkage;
mod release;
mod sbom;
mod tarball;

use crate::checkout::Checkout;
use crate::environment;
use crate::failure::{Outcome, While};
use crate::process::Crew;
use crate::say;
use inventory::Inventory;
use linkage::Linkage;
use release::Release;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tarball::Contents;

/// What a person needs to run it: the services, the migrations, and the keepers of secrets and tokens.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("admin-sync-service", &["admin-sync-service"]),
    ("ingestor", &["ingestor"]),
    ("public-service", &["public-service"]),
    ("sse-gateway", &["sse-gateway"]),
    ("telemetry-service", &["telemetry-service"]),
    (
        "service-kit",
        &["farol-migrate", "farol-secret", "farol-token"],
    ),
];

/// What goes with them as it is in the repository: how to run it, and what it promises.
const FILES: &[&str] = &[
    "CHANGELOG.md",
    "deploy/caddy",
    "deploy/grafana",
    "deploy/kubernetes",
    "deploy/nginx",
    "deploy/prometheus",
    "deploy/systemd",
    "docs/API.md",
    "docs/OPERATIONS.md",
    "docs/benchmarks.md",
    "docs/gateway.md",
    "docs/openapi",
    "docs/state-machines.md",
    "examples",
    "migrations",
    // What the examples are told to be copied from.
    "services/public-service/assets/stream.js",
    "services/telemetry-service/assets/socket.js",
];

/// Writes `target/farol/dist/farol-VERSION-TARGET.tar.gz` with its checksum and its bill of materials beside it, and
/// prints the three paths on standard output.
pub(crate) fn run(checkout: &Checkout, target: Option<&str>) -> Outcome {
    let _turn = checkout.wait_lock("dist")?;
    let crew = Crew::assemble(checkout, "dist")?;
    let started = environment::now();
    let release = Release::plan(&crew, target)?;
    say::step(&format!(
        "Building {} {} for {}",
        release.version, release.commit, release.target
    ));
    let built = build::build(&crew, &release)?;
    say::step("Listing what was compiled");
    let programs = read(&built.programs)?;
    let linkage = Linkage::of(&programs);
    let inventory = Inventory::take(&crew, &release, &built.compiled)?;
    let bill = sbom::write(&release, &inventory, &programs);
    let mut contents = Contents::new(&release);
    for (name, bytes) in programs {
        contents.program(&name, bytes);
    }
    contents.repository(&crew, FILES)?;
    contents.text("README.txt", release.readme(&linkage));
    contents.text("THIRD-PARTY-LICENSES.txt", licences::write(&inventory)?);
    contents.text("RUST-LIBRARY-LICENSES.html", library_terms(&release)?);
    contents.text("sbom.cdx.json", bill);
    let written = contents.write(&checkout.state.join("dist"))?;
    say::note(&format!(
        "{} linked packages, {linkage}; {}",
        inventory.linked().count(),
        say::elapsed(started)
    ));
    for path in written {
        println!("{}", path.display());
    }
    Ok(())
}

/// As the toolchain brings them along: the standard library is in every program.
fn library_terms(release: &Release) -> Outcome<String> {
    let path = release
        .sysroot
        .join("share/doc/rust/COPYRIGHT-library.html");
    fs::read_to_string(&path).while_doing(|| format!("reading {}", path.display()))
}

fn read(programs: &BTreeMap<String, PathBuf>) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let read = |(name, path): (&String, &PathBuf)| {
        let bytes = fs::read(path).while_doing(|| format!("reading {}", path.display()))?;
        Ok((name.clone(), bytes))
    };
    programs.iter().map(read).collect()
}
