//! The inventory as a bill of materials for machines: `CycloneDX` 1.6, JSON (<https://cyclonedx.org/docs/1.6/json/>).
//! `ci --only release` holds it to the official schema.

use super::PROGRAMS;
use super::inventory::{Inventory, Part};
use super::release::Release;
use chrono::DateTime;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The whole document, with a line at the end.
pub(crate) fn write(
    release: &Release,
    inventory: &Inventory,
    programs: &BTreeMap<String, Vec<u8>>,
) -> String {
    let root = format!("pkg:generic/farol@{}", release.version);
    let components: Vec<Value> = inventory.all().map(component).collect();
    let program = |(name, bytes): (&String, &Vec<u8>)| {
        json!({
            "type": "application",
            "bom-ref": of(&root, name),
            "name": name,
            "version": release.version,
            "hashes": [{"alg": "SHA-256", "content": sha256(bytes)}],
        })
    };
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": timestamp(release.epoch),
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "cargo xtask dist", "version": release.version}]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "farol",
                "version": release.version,
                "components": programs.iter().map(program).collect::<Vec<_>>(),
                "properties": [
                    {"name": "farol:commit", "value": release.commit},
                    {"name": "farol:target", "value": release.target},
                    {"name": "farol:rustc", "value": release.rustc},
                ],
            },
        },
        "components": components,
        "dependencies": dependencies(&root, inventory),
    });
    bill["serialNumber"] = json!(serial(&bill.to_string()));
    format!("{bill:#}\n")
}

/// The whole needs its programs, each program its package, each package what it names.
fn dependencies(root: &str, inventory: &Inventory) -> Vec<Value> {
    let needs = |part: &Part| json!({"ref": part.purl, "dependsOn": part.needs});
    let mut edges: Vec<Value> = inventory.all().map(needs).collect();
    let mut programs = Vec::new();
    for (package, names) in PROGRAMS {
        let part = inventory.all().find(|it| it.ours && it.name == *package);
        let purl = part.map(|it| &it.purl);
        let names = names.iter().map(|name| of(root, name));
        edges.extend(
            names
                .clone()
                .map(|name| json!({"ref": name, "dependsOn": [purl]})),
        );
        programs.extend(names);
    }
    edges.push(json!({"ref": root, "dependsOn": programs}));
    edges
}

/// A program of the release `root`.
fn of(root: &str, name: &str) -> String {
    format!("{root}#{name}")
}

fn component(part: &Part) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "scope": if part.linked { "required" } else { "excluded" },
    });
    if let Some(licence) = &part.licence {
        component["licenses"] = json!([{"expression": licence}]);
    }
    if let Some(checksum) = &part.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = &part.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

/// Of equal contents equal: a UUID of version 8 (RFC 9562), which leaves its bits to us.
fn serial(contents: &str) -> String {
    let digest = sha256(contents.as_bytes());
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// In lower-case digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// RFC 3339 in UTC, to the second.
fn timestamp(epoch: u64) -> String {
    let time = i64::try_from(epoch)
        .ok()
        .and_then(|it| DateTime::from_timestamp(it, 0));
    time.unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_a_uuid_of_the_contents() {
        let serial = serial("x");
        assert_eq!(serial.len(), "urn:uuid:".len() + 36, "{serial}");
        assert_eq!(serial.get(23..24), Some("8"), "{serial}");
        assert_eq!(serial, super::serial("x"));
        assert_ne!(serial, super::serial("y"));
    }
}
