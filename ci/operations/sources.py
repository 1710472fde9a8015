"""What the programs can say: their text literals, settings, endpoints, metrics and alerts, each from where it is made."""

import json
import os
import pathlib
import re
import subprocess

import yaml

from operations.document import ROOT, sections

BIN = pathlib.Path(os.environ["FAROL_BIN_DIR"])
SERVICES = ("public-service", "admin-sync-service", "ingestor", "sse-gateway", "telemetry-service")
TREES = ("services/*/src", "crates/*/src")
# Constant letters that a literal needs before it is taken for a pattern: "{}: {}" would fit everything.
TELLING = 8
ANY = "\N{HORIZONTAL ELLIPSIS}"


def texts(pattern, *trees):
    return {path: path.read_text() for tree in trees for path in ROOT.glob(f"{tree}/**/{pattern}")}


def literals():
    """Every text of the Rust sources, joined where it is written over several lines."""
    found = set()
    for source in texts("*.rs", *TREES).values():
        source = source.split("#[cfg(test)]\nmod tests {")[0]
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', source, re.S):
            found.add(re.sub(r"\\\n\s*", "", text).replace('\\"', '"'))
    return found


class Texts:
    """Finds what the document quotes among what the programs may print."""

    def __init__(self):
        self._all = literals()
        telling = [it for it in self._all if "{" in it and len(re.sub(r"\{[^}]*\}|\W", "", it)) >= TELLING]
        self._patterns = [re.compile(".{1,200}?".join(map(re.escape, re.split(r"\{[^}]*\}", it)))) for it in telling]

    def know(self, quoted):
        """In one literal as it stands (a number, or what is left out with an ellipsis, may be a place of it), or as one with
        its places filled."""
        parts = [part.strip() for part in re.split(rf"{ANY}|\b\d+\b", quoted) if part.strip()]
        whole = re.compile(".*".join(map(re.escape, parts)))
        if any(whole.search(text) for text in self._all):
            return True
        filled = quoted.replace(ANY, "x")
        return any(pattern.fullmatch(filled) or (pattern.match(filled) and quoted.endswith(ANY)) for pattern in self._patterns)


def words():
    """Every word of sources, migrations and what a service serves: names of columns, states, error codes, reasons."""
    trees = [*texts("*.rs", *TREES).values(), *texts("*.sql", "migrations").values(), *texts("*.js", "services/*/assets").values()]
    return set(re.findall(r"[\w-]+", "\n".join(trees)))


def settings():
    """Each setting with its default in every service that has it."""
    found = {}
    for name in SERVICES:
        manual = subprocess.run([BIN / name, "--print-default-config"], capture_output=True, text=True, timeout=60, check=True).stdout
        for key, value in re.findall(r"^#?\s*([a-z][a-z0-9_]*) =\s*(.*)$", manual, re.M):
            found.setdefault(key.upper(), {})[name] = value.strip('"')
    return found


def endpoints():
    """`METHOD /path` of every public listener, and paths of the ops listeners and of the gateway."""
    found = set()
    for path in ROOT.glob("docs/openapi/*.json"):
        for place, methods in json.loads(path.read_text())["paths"].items():
            found |= {f"{method.upper()} {place}" for method in methods}
    served = re.compile(r'"(/(?:health|status|metrics|readyz|healthz|internal|openapi)[\w/.{}-]*)"')
    for source in texts("*.rs", *TREES).values():
        found |= {f"GET {place}" for place in served.findall(source)}
    return found


def metrics():
    """Each metric with its labels, from the tables that the services' tests hold to /metrics."""
    found = {}
    for heading, text in sections().items():
        if heading != "Metrics" and not heading.endswith(": metrics"):
            continue
        for name, labels in re.findall(r"^\| `(\w+)` \| ([^|]*) \|", text, re.M):
            known = found.setdefault(name, {})
            for label, values in re.findall(r"`(\w+)`(?:: ([^;]+))?", labels):
                known.setdefault(label, set()).update(filter(None, (it.strip() for it in values.split(","))))
    return found


def alerts():
    groups = yaml.safe_load((ROOT / "deploy/prometheus/farol.rules.yml").read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}
