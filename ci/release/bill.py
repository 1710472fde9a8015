"""The bill of materials: by the official schema, and beside what others say of the same programs: cargo's own tree, Cargo.lock, the
files. The list for people names the same packages."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import tomllib

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from containers.complaints import expect
from license_expression import ExpressionError, get_spdx_licensing

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ["admin-sync-service", "ingestor", "public-service", "service-kit", "sse-gateway", "telemetry-service"]
# What no lock file lists.
BESIDES = {"pkg:generic/rust-std", "pkg:generic/musl", "pkg:npm/chart.js", "pkg:npm/%40kurkle/color"}
# Published without any text of their terms, nor is there one of their repository. Another one has to be looked at first.
BARE = {"cookie-factory", "governor", "impl-more", "p12-keystore"}


def judge(home, target):
    text = (home / "sbom.cdx.json").read_text()
    broken = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if broken:
        return expect(False, f"sbom.cdx.json breaks its schema: {broken}")
    told = json.loads(text)
    components = {component["purl"]: component for component in told["components"]}
    linked = {purl for purl, component in components.items() if component["scope"] == "required"}
    check_linked(linked, target)
    check_locked(components)
    check_terms(components, linked, (home / "THIRD-PARTY-LICENSES.txt").read_text())
    for program in told["metadata"]["component"]["components"]:
        actual = hashlib.sha256((home / "bin" / program["name"]).read_bytes()).hexdigest()
        same = program["hashes"] == [{"alg": "SHA-256", "content": actual}]
        expect(same, f"the bill has another checksum of {program['name']}")
    check_graph(told)


def check_graph(told):
    """From the whole to each of its parts, and to nothing else."""
    whole = told["metadata"]["component"]
    refs = {part["bom-ref"] for part in [whole, *whole["components"], *told["components"]]}
    needs = {entry["ref"]: set(entry["dependsOn"]) for entry in told["dependencies"]}
    reached, open_ = set(), {whole["bom-ref"]}
    while open_:
        reached |= open_
        open_ = set().union(*(needs.get(ref, set()) for ref in open_)) - reached
    expect(reached == refs == needs.keys(), f"parts that nothing in the bill needs, or that it does not list: {sorted(reached ^ refs)}")


def check_linked(linked, target):
    """Cargo's tree of normal dependencies, without macros, is what is linked."""
    command = ["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", "--target", target]
    words = [os.environ.get("CARGO", "cargo"), *command, *(word for name in PACKAGES for word in ("-p", name))]
    tree = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in tree.splitlines() if line]
    ours = ours_by_name()
    kinds = [("generic" if name in ours else "cargo", name, version.removeprefix("v")) for name, version, *_ in lines]
    expected = {f"pkg:{kind}/{name}@{version}" for kind, name, version in kinds}
    named = {purl for purl in linked if purl.rsplit("@", 1)[0] not in BESIDES}
    expect(expected <= named, f"cargo links what the bill leaves out: {sorted(expected - named)}")
    expect(named <= expected, f"the bill says linked of what cargo does not link: {sorted(named - expected)}")
    others = {purl.rsplit("@", 1)[0] for purl in linked - named}
    wanted = BESIDES if "musl" in target else BESIDES - {"pkg:generic/musl"}
    expect(others == wanted, f"beside cargo's packages the bill lists {sorted(others)}, not {sorted(wanted)}")


def check_locked(components):
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    locked = {f"pkg:cargo/{entry['name']}@{entry['version']}": entry.get("checksum") for entry in lock["package"]}
    for purl, component in components.items():
        if purl.startswith("pkg:cargo/"):
            told = [entry["content"] for entry in component.get("hashes", ())]
            expect(told == ([locked[purl]] if locked[purl] else []), f"{purl}: the bill says {told}, Cargo.lock {locked[purl]}")


def check_terms(components, linked, people):
    spdx = get_spdx_licensing()
    ours = ours_by_name()
    for purl in sorted(linked):
        name, version = components[purl]["name"], components[purl]["version"]
        if name in ours:
            continue
        licence = components[purl].get("licenses", [{}])[0].get("expression", "")
        try:
            spdx.parse(licence, validate=True, strict=True)
        except ExpressionError as error:
            expect(False, f"{purl}: {licence!r} is no licence that SPDX knows: {error}")
        told = licence and f"{name} {version}" in people
        expect(told, f"THIRD-PARTY-LICENSES.txt or the bill does not say the terms of {purl}")
    table, _, texts = people.partition("\n------")
    bare = {name for name, _ in re.findall(r"^(\S+) (\S+) .*\n +\(carries no text;", table, re.M)}
    expect(bare == BARE, f"THIRD-PARTY-LICENSES.txt has no text of {sorted(bare)}, and {sorted(BARE)} were looked at")
    for words in ("Rich Felker", "Chart.js Contributors", "Mozilla Public License", "UNICODE LICENSE V3"):
        expect(words in texts, f"THIRD-PARTY-LICENSES.txt has no text with {words!r}")


def ours_by_name():
    words = [os.environ.get("CARGO", "cargo"), "metadata", "--no-deps", "--format-version", "1"]
    metadata = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout
    return {package["name"] for package in json.loads(metadata)["packages"]}
