"""What a dashboard must have so that somebody can read it at night; and the queries in it."""

import json
import re

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

plugins.register_default_plugins()

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"none", "short", "percentunit", "s", "bytes", "ops", "reqps"}
KINDS = {"row", "stat", "timeseries", "table"}
COLUMNS = 24
OVERVIEW = "overview"
# The data source of Prometheus reads these; Grafana's schema of dashboards does not have them.
BEYOND_SCHEMA = {".templating.list.definition"}
BEYOND_SCHEMA |= {f".annotations.list.{name}" for name in ("step", "titleFormat", "textFormat", "tagKeys")}


class Board:
    """One file. `queries` are (panel's title, PromQL, legend)."""

    def __init__(self, path):
        self.name, self.json = path.stem, json.loads(path.read_text())
        self.panels = [panel for panel in self.json["panels"] if panel["type"] != "row"]
        self.queries = [
            (panel["title"], target["expr"], target["legendFormat"]) for panel in self.panels for target in panel["targets"]
        ]
        self.variables = {variable["name"]: variable for variable in self.json["templating"]["list"]}

    def asides(self):
        """PromQL that is not in a panel: annotations, and what the choice of instances is made from."""
        for note in self.json["annotations"]["list"]:
            yield f"annotation {note['name']}", note["expr"]
        yield "variable instance", re.sub(r"^label_values\((.+), \w+\)$", r"\1", self.variables["instance"]["query"]["query"])

    def complaints(self):
        board = self.json
        if board["uid"] != f"farol-{self.name}" or board["tags"] != ["farol"] or not board["description"]:
            yield "uid, tags or description"
        if list(self.variables) != ["datasource", "instance"]:
            yield f"its variables are {list(self.variables)}"
        elif not (self.variables["instance"]["multi"] and self.variables["instance"]["includeAll"]):
            yield "not all instances can be chosen at once"
        if board["panels"][0]["type"] != "row":
            yield "does not begin with a row"
        known = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
        yield from (f"Grafana knows no {path}" for path in sorted(set(_lost(board, known, "")) - BEYOND_SCHEMA))
        ids = [panel["id"] for panel in board["panels"]]
        if len(set(ids)) < len(ids):
            yield "two panels have the same id"
        yield from self._places()
        for panel in self.panels:
            for complaint in _panel(panel):
                yield f"{panel['title']!r}: {complaint}"

    def _places(self):
        taken = set()
        for panel in self.json["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            if taken & cells or place["x"] + place["w"] > COLUMNS:
                yield f"{panel['title']!r} lies on another panel, or leaves the page"
            taken |= cells


def _lost(before, after, path):
    """What Grafana's schema did not keep of a dashboard."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _lost(value, after[name], f"{path}.{name}") if name in after else [f"{path}.{name}"]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _lost(one, other, path)
    elif before != after:
        yield path


def _panel(panel):
    settings = panel["fieldConfig"]["defaults"]
    if panel["type"] not in KINDS:
        yield f"a panel of the kind {panel['type']}"
    if panel["datasource"] != SOURCE:
        yield "not of the chosen Prometheus"
    if not panel["title"] or not panel["description"].endswith("."):
        yield "a title and a sentence are missing"
    if settings["unit"] not in UNITS:
        yield f"the unit {settings['unit']!r}"
    if len({target["refId"] for target in panel["targets"]}) < len(panel["targets"]):
        yield "two queries have the same refId"
    if panel["type"] == "stat" and len(settings["thresholds"]["steps"]) < 2 and settings["thresholds"]["steps"][0]["color"] != "blue":
        yield "no threshold, though it is not blue, which is neither good nor bad"
    if panel["type"] == "timeseries":
        if not panel["options"]["legend"]["showLegend"] or not all(target["legendFormat"] for target in panel["targets"]):
            yield "no legend"
        if settings["custom"]["thresholdsStyle"]["mode"] != "off" and len(settings["thresholds"]["steps"]) < 2:
            yield "shows thresholds and has none"


def judge(board, printed, services):
    """What is wrong with a dashboard and its names."""
    yield from board.complaints()
    used = set()
    for title, text, _ in board.queries:
        complaints, selectors = printed.judge(filled(text))
        yield from (f"{title!r}: {complaint}" for complaint in complaints)
        used |= {selector.metric for selector in selectors}
        chosen = [selector for selector in selectors if ("instance", "=~", "$instance") in selector.matchers]
        if board.name != OVERVIEW and len(chosen) < len(selectors):
            yield f"{title!r}: does not heed the chosen instances"
    for title, text in board.asides():
        yield from (f"{title}: {complaint}" for complaint in printed.judge(filled(text))[0])
    if board.name in services:
        for family in sorted(printed.families[board.name]):
            shown = {family, f"{family}_bucket"} & used
            if not shown and not family.startswith("process_") and family != "build_info":
                yield f"does not show {family}"


def filled(text, window="5m", instance="$instance"):
    """The query with what Grafana puts into it."""
    return text.replace("$__rate_interval", window).replace("$instance", instance)
