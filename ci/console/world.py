"""All that a console has behind it, as processes of this run: a database, the broker's queue, the demo world, and every
service but one, which is away."""

import base64
import contextlib
import json
import os
import secrets
import signal
import urllib.error
import urllib.request

from stage import PATIENCE_SECONDS, Stage, forget_queues, free_port, wait_for, wait_until

LOGIN = ("ana", "lighthouse-keeper")
QUAY = "quay-houses"
QUAY_KEY = "quay-demo-key"


class World(Stage):
    """`base` is the address of the administration; it stays the same over restarts."""

    def __init__(self, bin_dir, database_url, logs):
        super().__init__("console", bin_dir, database_url, logs)
        self.queue = f"console.{secrets.token_hex(4)}"
        self._ports = {name: free_port() for name in "admin admin_ops public public_ops gateway ops client pncp".split()}
        self._ingestor_ops, self._nobody = free_port(), free_port()
        self.base = self._address("admin")
        self.viewers = self._address("public")
        self.client_api = self._address("client")
        self._settings, self._services = {}, {}

    def _address(self, name):
        return f"http://127.0.0.1:{self._ports[name]}"

    def bring_up(self):
        ports = self._ports
        self.run("demo-world", "seed", "--upstream-url", self.client_api)
        serve = ("serve", "--port", str(ports["client"]), "--pncp-port", str(ports["pncp"]))
        self.start("demo-world", *serve)
        wait_for(f"{self.client_api}/health")
        self.start("public-service", PORT=str(ports["public"]), OPS_PORT=str(ports["public_ops"]))
        self.ingestor()
        self.start("sse-gateway", PORT=str(ports["gateway"]), OPS_PORT=str(ports["ops"]))
        self.service()
        wait_for(f"{self._address('public_ops')}/health/ready")
        wait_for(f"{self._address('gateway')}/readyz")

    def __exit__(self, *_):
        super().__exit__()
        forget_queues(self.queue, f"{self.queue}.dead")

    # the administration

    def service(self, **settings):
        """Sees to it that the administration runs with these settings beside the usual ones."""
        if self._services.get("admin") and settings == self._settings:
            return
        self.kill_service()
        self._settings = settings
        ports = {"PORT": str(self._ports["admin"]), "OPS_PORT": str(self._ports["admin_ops"])}
        self._services["admin"] = self.start("admin-sync-service", **(ports | settings))
        wait_for(f"{self._address('admin_ops')}/health/ready")

    def kill_service(self):
        if service := self._services.pop("admin", None):
            self.end(service, signal.SIGKILL)

    @contextlib.contextmanager
    def frozen_service(self):
        """The administration takes connections and answers nothing."""
        service = self._services["admin"]
        service.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            service.send_signal(signal.SIGCONT)

    def ingestor(self):
        self._services["ingestor"] = self.start("ingestor", OPS_PORT=str(self._ingestor_ops))
        wait_for(f"http://127.0.0.1:{self._ingestor_ops}/health/ready")

    def stop_ingestor(self):
        if service := self._services.pop("ingestor", None):
            self.end(service)

    def calm(self):
        """The portal and the client APIs are well, the administration and the ingestor run."""
        self.portal("DELETE", "faults")
        if "ingestor" not in self._services:
            self.ingestor()
        if "admin" not in self._services:
            self.service(**self._settings)

    # what happens outside

    def portal(self, method, path, body=None):
        call(method, f"{self._address('pncp')}/_control/{path}", body)

    def client(self, method, path, body=None):
        call(method, f"{self.client_api}/_control/{path}", body)

    def api(self, method, path, body=None):
        """The REST API as the operator, past every browser."""
        login = base64.b64encode(":".join(LOGIN).encode()).decode()
        return call(method, f"{self.base}{path}", body, {"Authorization": f"Basic {login}"})

    def some_run(self):
        """The number of one that is over; made, where there was none."""
        known = self.api("GET", "/sync/history?status=success")["executions"]
        if known:
            return known[0]["id"]
        run = int(self.api("POST", "/sync/force", {})["request_id"])
        self.finished(run)
        return run

    def finished(self, run):
        """The state in which the run ends."""
        state = lambda: self.api("GET", f"/sync/executions/{run}")["state"]  # noqa: E731
        over = ("success", "incomplete", "error", "cancelled", "lost")
        return wait_until(lambda: (now := state()) in over and now, f"run {run} is over", 4 * PATIENCE_SECONDS)

    def environment(self):
        callback = f"{self._address('admin')}/api/sse/callback?secret=S"
        return super().environment() | {
            "RABBITMQ_URL": os.environ["RABBITMQ_URL"],
            "QUEUE_NAME": self.queue,
            "SECRET_KEY": "console-tests",
            "HOST": "127.0.0.1",
            "OPS_PORT": "0",
            "DRAIN_SECONDS": "1",
            "UPSTREAM_ALLOW_PRIVATE": "true",
            "SETTINGS_RELOAD_SECONDS": "1",
            "PNCP_BASE_URL": f"{self._address('pncp')}/api/consulta",
            "PNCP_RATE_PER_SECOND": "20",
            "SYNC_INTERVAL_MINUTES": "0",
            "ADMIN_USERNAME": LOGIN[0],
            "ADMIN_PASSWORD": LOGIN[1],
            "SSE_GATEWAY_URL": self._address("gateway"),
            "SSE_CALLBACK_SECRET": "S",
            "CALLBACK_URL": callback,
            "PUBLIC_URL": self.viewers,
            "PUBLIC_OPS_URL": self._address("public_ops"),
            "GATEWAY_OPS_URL": self._address("ops"),
            "INGESTOR_OPS_URL": f"http://127.0.0.1:{self._ingestor_ops}",
            # Nobody is there: a service that is away has to be shown too.
            "TELEMETRY_OPS_URL": f"http://127.0.0.1:{self._nobody}",
            "NEIGHBOUR_CHECK_MS": "500",
            "SYNC_STATE_MS": "1000",
        }


def call(method, address, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | (headers or {})
    request = urllib.request.Request(address, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        told = answer.read()
    try:
        return json.loads(told)
    except ValueError:
        return told
