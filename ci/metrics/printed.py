"""What the services print, and whether a query speaks of nothing else."""

import re

from metrics import promql

# Prometheus gives these to everything that it scrapes.
OF_TARGETS = {"job", "instance"}
# Labels whose values are not a closed set.
OPEN = {"instance", "version", "commit", "le"}
LITERALS = re.compile(r"[\w.-]+(\|[\w.-]+)*")
SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+")


class Printed:
    """`samples[job][name]` is the labels of what that service prints, each with its values; `types` tells counters."""

    def __init__(self, texts):
        self.samples, self.types, self.families = {}, {}, {}
        for job, text in texts.items():
            self.samples[job], self.families[job] = {}, set()
            for line in text.splitlines():
                self._line(job, line)

    def _line(self, job, line):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            self.families[job].add(name)
            self.types |= {name + end: "counter" for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name: kind}
        elif not line.startswith("#"):
            name, labels = SAMPLE.fullmatch(line).groups()
            known = self.samples[job].setdefault(name, {})
            for label, value in re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', labels or ""):
                known.setdefault(label, set()).add(value)

    def judge(self, text):
        """What is wrong with the names of a query; and its selectors."""
        try:
            query = promql.read(text)
        except promql.Unclear as unclear:
            return [str(unclear)], []
        complaints = [complaint for selector in query.selectors for complaint in self._selector(selector)]
        for labels, selectors in query.groups:
            for selector in selectors:
                for label in sorted(set(labels) - self._labels(selector)):
                    complaints.append(f"{selector.metric} has no label {label} to group or match by")
        return complaints, query.selectors

    def _labels(self, selector):
        """Of the selector, in every job that it names."""
        own = [set(self.samples[job].get(selector.metric, {})) for job in jobs(selector) if job in self.samples]
        found = OF_TARGETS | (set.intersection(*own) if own else set())
        return found | {label for label, _, _ in selector.matchers} if selector.metric == "ALERTS" else found

    def _selector(self, selector):
        # Prometheus' own: its labels are those of the alerts.
        if selector.metric == "ALERTS":
            return
        named = jobs(selector)
        if not named:
            yield f"{selector.metric} does not say of which job: several services may print it"
        for job in named:
            if job not in self.samples:
                yield f"there is no job {job}"
            elif selector.metric == "up":
                yield from (f"up has no label {label}" for label, _, _ in selector.matchers if label not in OF_TARGETS)
            else:
                yield from self._in_job(selector, job)
        kind = self.types.get(selector.metric)
        if selector.function in promql.OF_COUNTERS and kind != "counter":
            yield f"{selector.function} of {selector.metric}, which is a {kind}"
        if selector.function in promql.OF_GAUGES and kind != "gauge" and selector.metric != "process_start_time_seconds":
            yield f"{selector.function} of {selector.metric}, which is a {kind}"

    def _in_job(self, selector, job):
        if selector.metric not in self.samples[job]:
            yield f"{job} prints no {selector.metric}"
            return
        known = self.samples[job][selector.metric]
        for label, operator, value in selector.matchers:
            if label in OF_TARGETS:
                continue
            if label not in known:
                yield f"{selector.metric} of {job} has no label {label}"
            elif label not in OPEN:
                for wanted in alternatives(operator, value):
                    if wanted not in known[label]:
                        yield f"{selector.metric} of {job} has no {label}={wanted!r}"


def jobs(selector):
    """The services that a selector names; none where it names them in a way that cannot be told."""
    named = [alternatives(operator, value) for label, operator, value in selector.matchers if label == "job"]
    positive = all(operator in ("=", "=~") for label, operator, _ in selector.matchers if label == "job")
    return named[0] if len(named) == 1 and positive else []


def alternatives(operator, value):
    """The values that a matcher names; a pattern that is more than a choice is taken as one word, which nobody has."""
    return value.split("|") if operator in ("=~", "!~") and LITERALS.fullmatch(value) else [value]
