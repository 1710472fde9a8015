"""Farol as it is run for people: each service with a login of its role on a Postgres of its own, a broker that can be away, a
client API, a portal, and an operator with curl and psql."""

import base64
import json
import os
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request

import psycopg

from console.world import call
from operations.document import run
from operations.gate import Gate
from proxies import world as proxies
from proxies.clients import Direct, ask
from stage import PATIENCE_SECONDS, wait_for, wait_until

PROGRAMS = proxies.PROGRAMS | {"ingestor": "ingestor"}
LOGINS = {
    "public": ("status_reader", "farol_public"),
    "admin": ("operators", "farol_admin"),
    "ingestor": ("worker", "farol_ingest"),
    "telemetry": ("telemetry_login", "farol_telemetry"),
}
# As in the document's commands.
DATABASE, OWNER, ADMIN = "farol", "owner", "admin"
# Short, as the restored run waits for it, and long enough for a machine that has much to do.
LEASE_SECONDS = 10


class World(proxies.World):
    """`changed` are settings that a procedure has written for a service; they count from its next start."""

    def __init__(self, cluster, logs):
        super().__init__("operations", logs, cluster.url)
        self.cluster, self._database = cluster, DATABASE
        self.passwords = {name: secrets.token_hex(8) for name in (OWNER, ADMIN, *(login for login, _ in LOGINS.values()))}
        self.logins = {name: login for name, (login, _) in LOGINS.items()}
        self.changed = {name: {} for name in PROGRAMS}
        self.broker = Gate(urllib.parse.urlsplit(os.environ["RABBITMQ_URL"]).port)

    def __enter__(self):
        # Not the superuser: an owner who may create roles is what the document asks for.
        self.cluster.query(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{self.passwords[OWNER]}'")
        self.cluster.query(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        self.run("farol-migrate")
        try:
            self.bring_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.broker.close()
        super().__exit__()

    def bring_up(self):
        for login, role in LOGINS.values():
            self.as_owner(f"CREATE ROLE {login} LOGIN PASSWORD '{self.passwords[login]}' IN ROLE {role}")
        self.run("demo-world", "seed", "--upstream-url", f"http://127.0.0.1:{self._client}")
        self.start("demo-world", "serve", "--port", str(self._client), "--pncp-port", str(self._pncp))
        wait_for(f"http://127.0.0.1:{self._client}/health")
        self.bring_back(*PROGRAMS)

    def bring_back(self, *names):
        for name in names:
            settings = {"OPS_PORT": str(self.ops[name])}
            if name in self.ports:
                settings["PORT"] = str(self.ports[name])
            if name in self.logins:
                settings["DATABASE_URL"] = self.url(self.logins[name])
            self.running[name] = self.start(PROGRAMS[name], **(settings | self.changed[name]))
        for name in names:
            wait_for(f"http://127.0.0.1:{self.ops[name]}/health/ready")

    def restart(self, *names):
        for name in names:
            code = self.drain(name)
            assert code == 0, f"{PROGRAMS[name]} ended with {code}"
        self.bring_back(*names)

    def url(self, login):
        return f"postgres://{login}:{self.passwords[login]}@127.0.0.1:{self.cluster.port}/{DATABASE}"

    def query(self, sql, *values):
        """As the superuser."""
        with psycopg.connect(self.cluster.url, dbname=DATABASE, autocommit=True) as owner:
            cursor = owner.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def as_owner(self, sql):
        with psycopg.connect(self.url(OWNER), autocommit=True) as owner:
            owner.execute(sql)

    def environment(self):
        way = urllib.parse.urlsplit(os.environ["RABBITMQ_URL"])
        broker = way._replace(netloc=f"{way.netloc.rpartition('@')[0]}@127.0.0.1:{self.broker.port}").geturl()
        return super().environment() | {
            "DATABASE_URL": self.url(OWNER),
            "RABBITMQ_URL": broker,
            "ADMIN_USERNAME": ADMIN,
            "ADMIN_PASSWORD": self.passwords[ADMIN],
            "INTERNAL_SECRET": "internal-S",
            "PUBLIC_OPS_URL": f"http://127.0.0.1:{self.ops['public']}",
            # Times are what is not tried here; the order of things is.
            "SETTINGS_RELOAD_SECONDS": "1",
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "KEEPER_TICK_MS": "200",
            "SSE_CHECK_MS": "500",
        }

    # the operator

    def shell(self, script, folder=None, **variables):
        """Lines of the document in a shell that has our programs, Postgres' and the variables that it tells people to set."""
        known = {"PATH": f"{os.environ['FAROL_BIN_DIR']}{os.pathsep}{self.cluster.environment()['PATH']}", "OWNER_URL": self.url(OWNER)}
        known |= {"ADMIN_PASSWORD": self.passwords[ADMIN]}
        # The document's port of the administration is the default one.
        script = script.replace("127.0.0.1:8000", f"127.0.0.1:{self.ports['admin']}")
        return run(script, self.cluster.environment() | known | variables, cwd=folder)

    def api(self, method, path, body=None):
        """Status and JSON of the administration's answer."""
        data = None if body is None else json.dumps(body).encode()
        login = {"Authorization": "Basic " + base64.b64encode(f"{ADMIN}:{self.passwords[ADMIN]}".encode()).decode()}
        status, _, told = ask(Direct(self, "admin"), method, path, data, Content_Type="application/json", **login)
        return status, json.loads(told) if told else None

    def force(self, **body):
        """The answer to it."""
        status, told = self.api("POST", "/sync/force", body)
        assert status == 200, f"POST /sync/force answers {status}: {told}"
        return told

    def run_of(self, number):
        return self.api("GET", f"/sync/executions/{number}")[1]

    def until(self, number, *states):
        """The run, when it is in one of these states."""
        found = lambda: (it := self.run_of(number))["state"] in states and it  # noqa: E731
        try:
            return wait_until(found, f"run {number} is {' or '.join(states)}", 2 * PATIENCE_SECONDS)
        except RuntimeError as late:
            raise AssertionError(f"{late}; it is {self.run_of(number)}") from None

    # what is seen

    def ops_get(self, name, path):
        """Status and text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ops[name]}{path}", timeout=PATIENCE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    def figure(self, name, series):
        """The value of a series, written as the document writes it."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.ops_get(name, "/metrics")[1], re.M)
        assert found, f"{PROGRAMS[name]} prints no {series}"
        return float(found[1])

    def checks(self, name):
        """The checks of /health/ready that are not met, with what they say."""
        told = json.loads(self.ops_get(name, "/health/ready")[1])["checks"]
        return {check: it.get("detail", it["status"]) for check, it in told.items() if it["status"] not in ("ready", "ok")}

    def project(self, slug):
        """As /status of public-service tells it."""
        known = json.loads(self.ops_get("public", "/status")[1])["projects"]
        return next((it for it in known if it["slug"] == slug), None)

    def log(self, name):
        """A place in the log of a service, from which `said` looks."""
        path = os.path.join(self._logs, f"{PROGRAMS[name]}.log")
        return path, os.path.getsize(path)

    def said(self, place, message):
        """Waits for a line with this message behind the place, and returns it."""
        path, offset = place

        def found():
            with open(path, "rb") as log:
                log.seek(offset)
                lines = [json.loads(it) for it in log.read().splitlines() if it.startswith(b"{") and it.endswith(b"}")]
            return [it for it in lines if message in (it.get("message") or it.get("fields", {}).get("message", ""))]

        return wait_until(found, f"{os.path.basename(path)} says “{message}”")[0]

    def portal(self, method, path, body=None):
        return call(method, f"http://127.0.0.1:{self._pncp}/_control/{path}", body)
