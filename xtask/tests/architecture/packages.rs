//! R1, R2, R7 over `cargo metadata`: which package may depend on which.

use crate::Violation;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What `core` may use from outside: it cannot block, read a clock or touch the network.
const CORE_MAY_USE: &[&str] = &[
    "serde",
    "serde_json",
    "bytes",
    "thiserror",
    "chrono",
    "chrono-tz",
];

/// One room of the workspace: the packages under a folder, and the packages of ours they may name.
struct Room {
    folder: &'static str,
    may_use: &'static [&'static str],
    /// More of ours that their tests and benches may name.
    tests_may_use: &'static [&'static str],
}

const PLUMBING: &[&str] = &[
    "client-api",
    "farol-core",
    "live-hub",
    "service-kit",
    "gateway-client",
];
const TEST_TOOLS: &[&str] = &["test-kit", "demo-world", "farol-core"];

const ROOMS: &[Room] = &[
    Room {
        folder: "crates/core",
        may_use: &[],
        tests_may_use: &[],
    },
    Room {
        folder: "crates/test-kit",
        may_use: &["farol-core", "service-kit"],
        tests_may_use: TEST_TOOLS,
    },
    Room {
        folder: "crates/client-api",
        may_use: &["farol-core", "service-kit"],
        tests_may_use: TEST_TOOLS,
    },
    Room {
        folder: "crates/gateway-client",
        may_use: &["farol-core", "service-kit"],
        tests_may_use: TEST_TOOLS,
    },
    Room {
        folder: "crates/",
        may_use: &["farol-core"],
        tests_may_use: TEST_TOOLS,
    },
    Room {
        folder: "services/",
        may_use: PLUMBING,
        tests_may_use: TEST_TOOLS,
    },
    Room {
        folder: "tools/",
        may_use: &["farol-core", "service-kit"],
        tests_may_use: TEST_TOOLS,
    },
    // Programs of outsiders: they know docs/API.md and nothing of ours.
    Room {
        folder: "examples/",
        may_use: &[],
        tests_may_use: &[],
    },
    Room {
        folder: "fuzz",
        may_use: &["farol-core"],
        tests_may_use: &[],
    },
    Room {
        folder: "xtask",
        may_use: &[],
        tests_may_use: &["service-kit", "test-kit"],
    },
];

const DOWNWARDS: &str = "R1/R2/R7: services -> live-hub, service-kit, gateway-client, client-api -> core; nothing points up, a service never imports a service, test-kit and demo-world are for tests";
const PURE: &str = "R1: core uses std, serde, bytes, thiserror and time types only";

pub(crate) fn metadata(workspace: &Path) -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(workspace)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn violations(metadata: &Value) -> Vec<Violation> {
    let workspace = metadata["workspace_root"].as_str().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .flat_map(|package| of_package(package, workspace))
        .collect()
}

fn of_package(package: &Value, workspace: &str) -> Vec<Violation> {
    let manifest = package["manifest_path"].as_str().unwrap();
    let place = manifest
        .strip_prefix(workspace)
        .unwrap_or(manifest)
        .trim_start_matches('/');
    let violation = |rule, found, advice| Violation {
        place: place.to_owned(),
        rule,
        found,
        advice,
    };
    let Some(room) = ROOMS.iter().find(|room| place.starts_with(room.folder)) else {
        let found = "a package outside of the known rooms".to_owned();
        return vec![violation(
            DOWNWARDS,
            found,
            "add its room, with what it may use, to packages.rs",
        )];
    };
    let mut found = Vec::new();
    for dependency in package["dependencies"].as_array().unwrap() {
        let name = dependency["name"].as_str().unwrap();
        let for_tests = dependency["kind"] == "dev";
        let is_ours = dependency["path"].is_string();
        let allowed =
            room.may_use.contains(&name) || (for_tests && room.tests_may_use.contains(&name));
        if is_ours && !allowed {
            let advice = "meet in a core type, over HTTP, in a broker message or in a table that one of them owns";
            found.push(violation(DOWNWARDS, format!("depends on {name}"), advice));
        } else if room.folder == "crates/core"
            && !is_ours
            && !for_tests
            && !CORE_MAY_USE.contains(&name)
        {
            found.push(violation(
                PURE,
                format!("depends on {name}"),
                "do it in the crate that calls core",
            ));
        }
    }
    found
}

#[test]
fn the_rule_fires_on_a_dependency_that_points_up_or_sideways() {
    let metadata: Value = serde_json::json!({ "workspace_root": "/w", "packages": [
        { "manifest_path": "/w/crates/core/Cargo.toml", "dependencies": [
            { "name": "tokio", "kind": null }, { "name": "serde", "kind": null }, { "name": "proptest", "kind": "dev" }] },
        { "manifest_path": "/w/services/a/Cargo.toml", "dependencies": [
            { "name": "b", "kind": null, "path": "/w/services/b" },
            { "name": "test-kit", "kind": null, "path": "/w/crates/test-kit" },
            { "name": "test-kit", "kind": "dev", "path": "/w/crates/test-kit" },
            { "name": "live-hub", "kind": null, "path": "/w/crates/live-hub" }] },
        { "manifest_path": "/w/elsewhere/Cargo.toml", "dependencies": [] },
    ] });
    let told: Vec<String> = violations(&metadata)
        .iter()
        .map(|it| format!("{} {}", it.place, it.found))
        .collect();
    assert_eq!(
        told,
        [
            "crates/core/Cargo.toml depends on tokio",
            "services/a/Cargo.toml depends on b",
            "services/a/Cargo.toml depends on test-kit",
            "elsewhere/Cargo.toml a package outside of the known rooms",
        ]
    );
}
