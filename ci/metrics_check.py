"""Alerts and dashboards held to what the services really print: every metric, label and value in deploy/prometheus and
deploy/grafana is looked up in five running services, the alerts' own tests are run, a real Prometheus scrapes the services
as the example says and answers every query, and docs/OPERATIONS.md tells the alerts as they are.

Run by `cargo xtask ci` with FAROL_BIN_DIR, DATABASE_URL and RABBITMQ_URL. Logs go to target/peers/. With `--table` it prints
the table of alerts for the document, and starts nothing.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

from metrics import boards, paper
from metrics.printed import Printed, jobs
from metrics.world import SERVICES, Prometheus, Refused, World
from stage import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROMETHEUS, GRAFANA = ROOT / "deploy/prometheus", ROOT / "deploy/grafana"
RULES = PROMETHEUS / "farol.rules.yml"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
# Of Prometheus itself: nothing fires in a calm world, so these have no series there.
SILENT_WHEN_CALM = "ALERTS"
COMPLAINTS = []


def complain(where, complaints):
    COMPLAINTS.extend(f"{where}: {complaint}" for complaint in complaints)


def promtool(*words):
    tool = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, timeout=120, check=False)
    if tool.returncode:
        complain(f"promtool {' '.join(words[:2])}", [tool.stdout + tool.stderr])


def check_papers(rules, document):
    """What can be said without a service."""
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "--lint-fatal", RULES.name)
    promtool("test", "rules", *(str(path.relative_to(PROMETHEUS)) for path in TESTS))
    complain(RULES.name, paper.judge_rules(rules, document))
    complain(RULES.name, paper.judge_tests(rules, TESTS))
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/farol.yml").read_text())["datasources"][0]
    if provisioned["type"] != "prometheus":
        complain("datasources/farol.yml", ["its data source is no Prometheus"])
    # Grafana makes $__rate_interval, over which rates are taken, from it.
    scraped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["global"]["scrape_interval"]
    if provisioned["jsonData"]["timeInterval"] != scraped:
        complain("datasources/farol.yml", [f"timeInterval is not {scraped}, as Prometheus scrapes"])


def check_example():
    """The example scrapes each service once, at its own default port."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    found = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    for name in SERVICES:
        program = os.path.join(os.environ["FAROL_BIN_DIR"], name)
        manual = subprocess.run([program, "--print-default-config"], capture_output=True, text=True, timeout=60, check=True)
        port = re.search(r"^#?\s*ops_port = (\d+)", manual.stdout, re.M).group(1)
        if found.pop(name, None) != [f"{name}:{port}"]:
            complain("prometheus.yml", [f"the job {name} is not {name}:{port}"])
    complain("prometheus.yml", [f"the job {name} is no service" for name in found])


def check_names(rules, all_boards, printed):
    for rule in rules:
        complaints, selectors = printed.judge(rule["expr"])
        complain(rule["alert"], complaints)
        if not any(jobs(selector) for selector in selectors):
            complain(rule["alert"], ["asks for nothing"])
    wanted = {boards.OVERVIEW, *SERVICES}
    if {board.name for board in all_boards} != wanted:
        complain("dashboards", [f"not one for each of {sorted(wanted)}"])
    for board in all_boards:
        complain(f"{board.name}.json", boards.judge(board, printed, SERVICES))


def check_answers(all_boards, prometheus):
    """A query that is right finds something; and every label that its legend speaks of."""
    for board in all_boards:
        queries = board.queries + [(title, text, "") for title, text in board.asides()]
        for title, text, legend in queries:
            try:
                series = prometheus.query(boards.filled(text, window="15s", instance=".*"))
            except Refused as refused:
                complain(f"{board.name}.json", [f"{title!r}: {refused}: {text}"])
                continue
            if not series and SILENT_WHEN_CALM not in text:
                complain(f"{board.name}.json", [f"{title!r} finds nothing: {text}"])
            for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", legend):
                if any(label not in one["metric"] for one in series):
                    complain(f"{board.name}.json", [f"{title!r}: the legend speaks of {label}, which is not in the answer"])


def alerts(prometheus):
    """State and health of every rule, as Prometheus sees it now."""
    return {rule["name"]: rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]}


def check_alarms(rules, prometheus, world):
    """A calm world is silent; and what happens in it is seen."""
    wait_until(lambda: all(rule["health"] != "unknown" for rule in alerts(prometheus).values()), "all rules are asked")
    now = alerts(prometheus)
    complain("Prometheus", [f"{rule['alert']} is not loaded" for rule in rules if rule["alert"] not in now])
    for name, rule in now.items():
        if rule["health"] != "ok" or rule["state"] != "inactive":
            complain(name, [f"is {rule['health']} and {rule['state']} in a calm world: {rule.get('lastError', rule['alerts'])}"])
    world.end_service("ingestor")
    for name in ("FarolServiceDown", "FarolServiceNotReady"):
        wait_until(lambda name=name: alerts(prometheus)[name]["state"] == "pending", f"{name} sees a service that ended")


def main():
    rules = paper.rules(RULES)
    if sys.argv[1:] == ["--table"]:
        print("\n".join(paper.table_row(paper.as_told(rule)) for rule in rules))
        return 0
    logs = ROOT / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    all_boards = [boards.Board(path) for path in sorted((GRAFANA / "dashboards").glob("*.json"))]
    check_papers(rules, (ROOT / paper.DOCUMENT).read_text())
    check_example()
    with World(logs) as world, tempfile.TemporaryDirectory() as scratch:
        check_names(rules, all_boards, Printed({name: world.metrics(name) for name in SERVICES}))
        prometheus = Prometheus(world, PROMETHEUS, scratch)
        seen = 'min(count_over_time(up{job=~".+"}[1m]) * up) >= 3'
        wait_until(lambda: len(prometheus.query("up == 1")) == len(SERVICES) and prometheus.query(seen), "all are scraped")
        check_answers(all_boards, prometheus)
        check_alarms(rules, prometheus, world)
    for complaint in COMPLAINTS:
        print(complaint, file=sys.stderr)
    queries = sum(len(board.queries) for board in all_boards)
    print(f"{len(rules)} alerts, {queries} queries of {len(all_boards)} dashboards: {len(COMPLAINTS)} complaints")
    return 1 if COMPLAINTS else 0


if __name__ == "__main__":
    sys.exit(main())
