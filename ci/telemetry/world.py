"""The real thing: a database that can be cut off, telemetry-service as a process of its own login, tokens, rows."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import time
import urllib.error
import urllib.parse
import urllib.request

import psycopg
from psycopg.types.json import Jsonb

from browser.proxy import Proxy
from stage import PATIENCE_SECONDS, Stage, free_port, wait_for

SECRET = "a-secret-of-tests-that-is-long-enough"
POLL_SECONDS = "1"


class Line(Proxy):
    """The way to a server; `away` ends what is open and refuses what comes, `back` is as before."""

    def __init__(self, target):
        super().__init__(target)
        self._server = target

    def away(self):
        self._target = free_port()
        self.cut()

    def back(self):
        self._target = self._server


class World(Stage):
    """`base` is the address of the service; it stays the same over restarts."""

    def __init__(self, logs):
        super().__init__("telemetry", os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], logs)
        self._login, self._password = f"farol_peer_{secrets.token_hex(4)}", secrets.token_hex(8)
        self._port = free_port()
        self._ops = free_port()
        self.base = f"http://127.0.0.1:{self._port}"
        self._service, self._settings = None, {}
        self.database = Line(urllib.parse.urlsplit(self.database_url).port or 5432)

    def __exit__(self, *_):
        self.database.close()
        super().__exit__()
        # Roles are the server's, not the database's.
        self._owner(f"DROP ROLE IF EXISTS {self._login}")

    def _owner(self, sql):
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute(sql)

    def bring_up(self):
        # Not the owner: what is proven is proven with the rights that the service has.
        self._owner(f"CREATE ROLE {self._login} LOGIN PASSWORD '{self._password}' IN ROLE farol_telemetry")
        self.service()

    def environment(self):
        return super().environment() | {
            "PORT": str(self._port),
            "OPS_PORT": str(self._ops),
            "JWT_HS256_SECRET": SECRET,
            "WS_POLL_SECONDS": POLL_SECONDS,
            "DRAIN_SECONDS": "1",
            # The cases share a tenant and a minute; the limit has a case of its own.
            "TENANT_REQUESTS_PER_MINUTE": "100000",
        }

    def service(self, **settings):
        """Sees to it that the service runs with these settings beside the usual ones."""
        if self._service and settings == self._settings:
            return
        self.end_service()
        self._settings = settings
        way = urllib.parse.urlsplit(self.database_url)
        way = way._replace(netloc=f"{self._login}:{self._password}@127.0.0.1:{self.database.port}")
        self._service = self.start("telemetry-service", DATABASE_URL=way.geturl(), **settings)
        wait_for(f"http://127.0.0.1:{self._ops}/health/ready")

    def end_service(self, sign=signal.SIGTERM):
        """Its exit code, if it ran."""
        service, self._service = self._service, None
        return self.end(service, sign) if service else None

    def calm(self):
        """The database is there, the service runs with its usual settings, and no tenant has anything."""
        self.database.back()
        self.service()
        self.query("TRUNCATE device_state, fleet_alert, telemetry")

    # what happens outside

    def device(self, tenant, device, site="site-1", status="ONLINE"):
        sql = """INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at)
                 VALUES (%s, %s, %s, %s, now())"""
        self.query(sql, tenant, device, site, status)

    def reading(self, tenant, device, metrics, seconds_ago=0):
        sql = """INSERT INTO telemetry (time, tenant_id, device_id, msg_type, metrics)
                 VALUES (clock_timestamp() - make_interval(secs => %s), %s, %s, 'telemetry', %s)"""
        self.query(sql, seconds_ago, tenant, device, Jsonb(metrics))

    def open_alert(self, tenant, device, summary, severity=3):
        """Returns its number."""
        sql = """INSERT INTO fleet_alert (tenant_id, device_id, site_id, alert_type, fingerprint, severity, confidence, summary)
                 VALUES (%s, %s, 'site-1', 'TEST', %s, %s, 0.9, %s) RETURNING id"""
        return self.query(sql, tenant, device, secrets.token_hex(8), severity, summary)[0][0]

    def change_alert(self, number, **columns):
        changes = ", ".join(f"{name} = %s" for name in columns)
        self.query(f"UPDATE fleet_alert SET {changes} WHERE id = %s", *columns.values(), number)

    def close_alert(self, number):
        self.query("UPDATE fleet_alert SET status = 'CLOSED', closed_at = now() WHERE id = %s", number)


def token(tenant="tenant-a", role="customer_viewer", seconds=3600, secret=SECRET, header=None, **claims):
    """A JWT as an issuer would sign it; `seconds` from now until its end. Claims that are None are left out."""
    now = time.time()
    claims = {"sub": "somebody", "aud": "pulse-ui", "tenant_id": tenant, "role": role, "exp": now + seconds} | claims
    claims = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "HS256", "typ": "JWT"} | (header or {})
    signed = f"{_part(head)}.{_part(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64(b'' if head['alg'] == 'none' else signature)}"


def get(address, bearer=None):
    """Status and body of a GET."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=PATIENCE_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def _part(value):
    return _base64(json.dumps(value).encode())


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
