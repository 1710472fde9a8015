"""Every name that the procedures and runbooks quote exists: settings with the defaults that are told, metrics with their labels,
alerts, endpoints, log lines, error codes, columns. Tables that other checks hold are left to them."""

import re

from operations import sources
from operations.document import HELD_ELSEWHERE, PATH, ROOT, between, blocks, codes, prose

FIRST, LAST = "Backup and restore", "Dashboards"
# Said or read by somebody else: Postgres, RabbitMQ, nginx, sqlx, an InfluxDB, the system; or names of theirs.
FOREIGN = {
    "No space left on device", "query would be affected by row-level security policy", "too many clients", "delivery-limit: -1",
    "password authentication failed", "worker_connections are not enough", "database not found", "iox::",
    "net.core.somaxconn", "max_connections", "pg_wal", "pg_stat_archiver", "rule_files", "dmesg", "instance", "job", "critical",
    "warning", "iss", "exp", "kid", "INHERIT", "SET", "LISTEN", "OPTIONS", "ERROR", "Cookie", "Set-Cookie", "Secure", "%40",
    "@ : / ? # %", "-- no-transaction", "POST /query", "POST /api/v3/query_sql", "/realms/{KEYCLOAK_REALM}/protocol/openid-connect/certs", "params",
}  # fmt: skip
# What a line begins with that a shell or Postgres takes; procedures and `statements.py` run them.
COMMAND = re.compile(
    r"(curl|read|psql|pg_dump|rabbitmqctl|kubectl|nginx|nstat|df|cargo xtask|up --detach|SELECT|DELETE FROM|ALTER ROLE|NOTIFY"
    r"|ON CONFLICT)(?![\w-])"
)
SETTING = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=(\w+))?")
SELECTOR = re.compile(r"([a-z]\w*)\{([^}]*)\}")
PATH_OF = re.compile(r"(?:(GET|POST|PUT|DELETE) )?(?:http://(?:127\.0\.0\.1:\d+|<\w+>))?(…?/[\w/{}<>.…-]*)(?:\?.*)?")
TOLD_DEFAULT = re.compile(r"(?<!2 x )(?<!twice )`([A-Z]+(?:_[A-Z]+)+)`(?:,? \(?)([\d,.]+)(?: (MiB|KiB|s|minutes|days))?\b(?!/)")
FACTORS = {"MiB": 1 << 20, "KiB": 1 << 10, "s": 1000, "": 1}
# Not the default itself: a close code, and what the default comes to.
NO_DEFAULT = {("MAX_SOCKETS_PER_TENANT", "4029"), ("SHUTDOWN_SECONDS", "15")}


class Names:
    def __init__(self):
        self.settings, self.metrics, self.alerts = sources.settings(), sources.metrics(), sources.alerts()
        self.texts, self.words = sources.Texts(), sources.words()
        self.endpoints = [it.split(" ") for it in sources.endpoints()]

    def complaint(self, code):
        """Nothing where the code is known."""
        if code in FOREIGN or COMMAND.match(code):
            return None
        if found := SETTING.fullmatch(code):
            known = found[1] in self.settings or self.texts.know(found[1])
            return None if known else f"no program has the setting {found[1]}, and no answer says it"
        if code.startswith("Farol"):
            return None if code in self.alerts else f"no rule of deploy/prometheus is called {code}"
        if found := re.fullmatch(r"rate\(([a-z]\w*)\[\w+\]\)", code):
            return None if found[1] in self.metrics else f"no service prints the metric {found[1]}"
        if "{" in code and SELECTOR.search(code) and not code.startswith(("/", "GET", "POST", "{")):
            return next(filter(None, (self.of_selector(*it) for it in SELECTOR.findall(code))), None)
        if (found := PATH_OF.fullmatch(code)) and code != "/":
            return self.of_path(found[1], found[2])
        if re.fullmatch(r"[\w-]+", code):
            return None if code in self.words or code in self.metrics or self.is_file(code) else f"nothing is called {code}"
        return None if self.texts.know(code) or self.is_file(code) or self.of_words(code) else f"no program says “{code}”"

    def of_selector(self, name, matchers):
        if name not in self.metrics:
            return f"no service prints the metric {name}"
        for label, _, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', matchers):
            values = self.metrics[name].get(label, set())
            if missing := [it for it in value.split("|") if it not in values]:
                return f"{name} has no {label} {missing[0]}"
        return None

    def of_path(self, method, path):
        """Of `…/retry` whatever comes before may be anything; a place may be filled or open."""
        wanted = re.sub(r"\{\w+\}|<\w+>", "any", path)
        for its_method, its_path in self.endpoints:
            pattern = re.sub(r"\{\w+\}", "[^/]+", its_path)
            if method in (None, its_method) and re.fullmatch(pattern, wanted):
                return None
            if wanted.startswith("…") and method in (None, its_method) and its_path.endswith(wanted[1:]):
                return None
        return f"nobody serves {method or 'the path'} {path}"

    def is_file(self, name):
        return (ROOT / name).exists() or any(ROOT.glob(f"deploy/**/{name.rstrip('/')}"))

    def of_words(self, code):
        """Such as `dispatch: "pending"`, `farol-migrate --x`, `{event, incident}`, `state: stale`."""
        if code.endswith("_*"):
            return any(it.startswith(code[:-1]) for it in self.words)
        parts = re.findall(r"[\w-]+", code)
        return bool(parts) and len(parts) <= 12 and not re.search(r"\w \w+ \w", code) and all(it in self.words for it in parts)


def quoted():
    """What the sections quote, with the section."""
    for heading, text in between(FIRST, LAST).items():
        if not HELD_ELSEWHERE.search(heading):
            yield from ((heading, code) for code in codes(text))
            yield from ((heading, it) for it in re.findall(r"\bFarol[A-Z]\w+", prose(text)))
            for block in blocks(heading):
                yield from ((heading, it) for it in re.findall(r"http://127\.0\.0\.1:\d+(/[\w/<>?=.{}-]*)", block))


def defaults(names):
    """Numbers that are told beside a setting are its default, in the unit that is told."""
    for heading, text in {**between("Sizing", "Connecting a client API"), **between(FIRST, LAST)}.items():
        if HELD_ELSEWHERE.search(heading):
            continue
        for key, told, unit in TOLD_DEFAULT.findall(re.sub(r"\s*\n\s*", " ", prose(text))):
            if (key, told) in NO_DEFAULT or key not in names.settings:
                continue
            factor = FACTORS[unit if unit != "s" or key.endswith("_MS") else ""] if unit in FACTORS else 1
            value = float(told.rstrip(".,").replace(",", "")) * factor
            if value not in [float(it) for it in names.settings[key].values() if re.fullmatch(r"[\d.]+", it)]:
                yield f'{PATH}, "{heading}": tells {told} {unit} of {key}, which is {names.settings[key]}'


def check():
    names = Names()
    found = {(heading, names.complaint(code)) for heading, code in quoted()}
    complaints = [f'{PATH}, "{heading}": {complaint}' for heading, complaint in sorted(found, key=str) if complaint]
    return complaints + list(defaults(names))
