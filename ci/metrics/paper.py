"""The alerts as rules, as tests and as docs/OPERATIONS.md tells them: all three the same."""

import re

import yaml

SEVERITIES = {"critical", "warning"}
ANNOTATIONS = {"summary", "description", "runbook"}
TABLE = "## Alerts"
DOCUMENT = "docs/OPERATIONS.md"


def rules(path):
    """Every alert of a file of rules."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def told(document):
    """The rows of the document's table: alert, where its runbook is, severity, after how long, what to do."""
    section = document.split(f"\n{TABLE}\n", 1)[-1].split("\n## ", 1)[0]
    row = re.compile(r"^\| \[`(\w+)`\]\((#[\w-]+)\) \| (\w+) \| ([\w ]+) \| (.+) \|$", re.M)
    return [found.groups() for found in row.finditer(section)]


def as_told(rule):
    """The row that a rule should have."""
    notes = rule["annotations"]
    return (
        rule["alert"],
        notes["runbook"].removeprefix(DOCUMENT),
        rule["labels"]["severity"],
        rule.get("for", "at once"),
        notes["description"],
    )


def anchors(document):
    """What a link may point at: the headings, as GitHub names them."""
    fenced = re.sub(r"^```.*?^```", "", document, flags=re.M | re.S)
    headings = re.findall(r"^#{1,6} (.+)$", fenced, re.M)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return {f"#{name}" for name in plain if plain.count(name) == 1}


def judge_rules(found, document):
    known = anchors(document)
    names = [rule["alert"] for rule in found]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"two alerts are called {name}"
    for rule in found:
        name, notes = rule["alert"], rule["annotations"]
        if not name.startswith("Farol"):
            yield f"{name}: dashboards find alerts by names that begin with Farol"
        if set(rule["labels"]) != {"severity"} or rule["labels"]["severity"] not in SEVERITIES:
            yield f"{name}: labels {rule['labels']}, not a severity of {sorted(SEVERITIES)}"
        if set(notes) != ANNOTATIONS or not all(notes.values()):
            yield f"{name}: annotations {sorted(notes)}, not {sorted(ANNOTATIONS)}"
        elif "{{" in notes["description"]:
            yield f"{name}: the description is the same for all that fire"
        elif notes["runbook"].removeprefix(DOCUMENT) not in known:
            yield f"{name}: {notes['runbook']} is no heading, or not the only one"
    rows, wanted = told(document), [as_told(rule) for rule in found]
    for row in wanted:
        if row not in rows:
            yield f"{DOCUMENT}, {TABLE[3:]}: has no row {table_row(row)}"
    for row in rows:
        if row not in wanted:
            yield f"{DOCUMENT}, {TABLE[3:]}: no rule is as the row of {row[0]} says"


def table_row(row):
    """As it stands in the document."""
    return f"| [`{row[0]}`]({row[1]}) | " + " | ".join(row[2:]) + " |"


def judge_tests(found, files):
    """Each alert has figures at which it fires, and others at which it is silent."""
    fires, silent = set(), set()
    for path in files:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for look in case["alert_rule_test"]:
                (fires if look["exp_alerts"] else silent).add(look["alertname"])
    for rule in found:
        for proven, how in ((fires, "fires"), (silent, "is silent")):
            if rule["alert"] not in proven:
                yield f"{rule['alert']}: no test in which it {how}"
