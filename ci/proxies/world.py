"""Every service as a process of this run, told that a proxy stands in front of it; and what happens outside."""

import base64
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import urllib.parse
import urllib.request

import psycopg
from psycopg.types.json import Jsonb

from stage import PATIENCE_SECONDS, Stage, forget_queues, wait_for

LOGIN = ("ana", "lighthouse-keeper")
TOWER = "harbour-tower"
# A unit of the tower's last phase: the demo world leaves it alone, only cases change it.
QUIET = "A2501"
SECRET = "a-secret-of-tests-that-is-long-enough"
CALLBACK_SECRET = "callback-S"
TENANT = "tenant-a"
STREAMS_OF_ONE = 10
PROGRAMS = {"public": "public-service", "admin": "admin-sync-service", "gateway": "sse-gateway", "telemetry": "telemetry-service"}


def quiet_port():
    """Free, and none that the system gives to connections: a service that is away for a moment finds it free again."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port


class World(Stage):
    """`front_port` is where browsers reach everything; who listens there is none of its business. `owner_url` is that of a
    server of its own, where it has one."""

    def __init__(self, name, logs, owner_url=None):
        super().__init__(name, os.environ["FAROL_BIN_DIR"], owner_url or os.environ["DATABASE_URL"], logs)
        self.front_port = quiet_port()
        self.ports = {name: quiet_port() for name in PROGRAMS}
        self.ops = {name: quiet_port() for name in (*PROGRAMS, "ingestor")}
        self._client, self._pncp = quiet_port(), quiet_port()
        self.queue = f"{name}.{secrets.token_hex(4)}"
        self._login, self._password = f"farol_proxies_{secrets.token_hex(4)}", secrets.token_hex(8)
        self.running = {}

    def __exit__(self, *_):
        super().__exit__()
        self._owner(f"DROP ROLE IF EXISTS {self._login}")
        forget_queues(self.queue, f"{self.queue}.dead")

    def _owner(self, sql):
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute(sql)

    def bring_up(self):
        # A superuser would be held back by no row-level security.
        self._owner(f"CREATE ROLE {self._login} LOGIN PASSWORD '{self._password}' IN ROLE farol_telemetry")
        self.run("demo-world", "seed", "--upstream-url", f"http://127.0.0.1:{self._client}")
        self.start("demo-world", "serve", "--port", str(self._client), "--pncp-port", str(self._pncp))
        wait_for(f"http://127.0.0.1:{self._client}/health")
        self.running["ingestor"] = self.start("ingestor", OPS_PORT=str(self.ops["ingestor"]))
        for name in PROGRAMS:
            self.bring_back(name, wait=False)
        for name in (*PROGRAMS, "ingestor"):
            wait_for(f"http://127.0.0.1:{self.ops[name]}/health/ready")

    def bring_back(self, name, wait=True):
        settings = {"PORT": str(self.ports[name]), "OPS_PORT": str(self.ops[name])}
        if name == "telemetry":
            way = urllib.parse.urlsplit(self.database_url)
            place = way.netloc.rpartition("@")[2]
            settings["DATABASE_URL"] = way._replace(netloc=f"{self._login}:{self._password}@{place}").geturl()
        self.running[name] = self.start(PROGRAMS[name], **settings)
        if wait:
            wait_for(f"http://127.0.0.1:{self.ops[name]}/health/ready")

    def drain(self, name, sign=signal.SIGTERM):
        """Returns its exit code, when it has drained and gone."""
        return self.end(self.running.pop(name), sign)

    def environment(self):
        front = f"https://127.0.0.1:{self.front_port}"
        gateway = f"http://127.0.0.1:{self.ports['gateway']}"
        callback = f"http://127.0.0.1:{self.ports['admin']}/api/sse/callback?secret={CALLBACK_SECRET}"
        return super().environment() | {
            "HOST": "127.0.0.1",
            "DRAIN_SECONDS": "1",
            # Not this machine as a whole: cases are clients at 127.0.0.2 and so on, too.
            "TRUSTED_PROXIES": "127.0.0.1/32",
            "SECRET_KEY": "proxies",
            "UPSTREAM_ALLOW_PRIVATE": "true",
            "MAX_STREAMS_PER_IP": str(STREAMS_OF_ONE),
            "REFRESH_MIN_SECONDS": "1",
            "REFRESH_PER_MINUTE": "1000",
            "RABBITMQ_URL": os.environ["RABBITMQ_URL"],
            "QUEUE_NAME": self.queue,
            "PNCP_BASE_URL": f"http://127.0.0.1:{self._pncp}/api/consulta",
            "PNCP_RATE_PER_SECOND": "20",
            "PNCP_MODALIDADES": "6,8",
            "PNCP_ITEMS": "off",
            "SYNC_INTERVAL_MINUTES": "0",
            "ADMIN_USERNAME": LOGIN[0],
            "ADMIN_PASSWORD": LOGIN[1],
            "SSE_GATEWAY_URL": gateway,
            "SSE_PUBLIC_URL": front,
            "PUBLIC_URL": front,
            "SSE_CALLBACK_SECRET": CALLBACK_SECRET,
            "CALLBACK_URL": callback,
            "JWT_HS256_SECRET": SECRET,
            # Only pages of the host that they ask, which the service has to be told right.
            "ALLOWED_ORIGINS": "https://app.example.org",
        }

    # what happens outside

    def set_unit(self, word, project=TOWER):
        body = json.dumps({QUIET: word}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._client}/_control/{project}/units", body)
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()

    def streams(self):
        """How many are open at public-service."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ops['public']}/metrics", timeout=PATIENCE_SECONDS) as answer:
            return int(re.search(r"^public_streams_open (\d+)", answer.read().decode(), re.M)[1])

    def reading(self, device, **metrics):
        sql = """INSERT INTO telemetry (time, tenant_id, device_id, msg_type, metrics)
                 VALUES (clock_timestamp(), %s, %s, 'telemetry', %s)"""
        self.query(sql, TENANT, device, Jsonb(metrics))

    def device(self, device):
        sql = """INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at)
                 VALUES (%s, %s, 'site-1', 'ONLINE', now()) ON CONFLICT DO NOTHING"""
        self.query(sql, TENANT, device)


def basic():
    return {"Authorization": "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()}
