"""The real thing: a database, the demo world and public-service as processes of this run."""

import contextlib
import json
import signal
import urllib.request

from stage import PATIENCE_SECONDS, Stage, free_port, wait_for

TOWER = "harbour-tower"
PROJECTS = (TOWER, "garden-court", "hillside-lofts")
# A unit of the tower's last phase: the demo world leaves it alone, only cases change it.
QUIET = "A2501"
SECRET_KEY = "browser-tests"


class World(Stage):
    """`base` is the address of public-service; it stays the same over restarts."""

    def __init__(self, bin_dir, database_url, logs):
        super().__init__("browser", bin_dir, database_url, logs)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._upstream = f"http://127.0.0.1:{free_port()}"
        self._service = None
        self._settings = {}

    def bring_up(self):
        self.run("demo-world", "seed", "--upstream-url", self._upstream)
        self.start("demo-world", "serve", "--port", self._upstream.rsplit(":", 1)[1], "--pncp-port", "0")
        wait_for(f"{self._upstream}/health")
        self.service()

    # public-service

    def service(self, **settings):
        """Sees to it that public-service runs with these settings beside the usual ones."""
        if self._service and settings == self._settings:
            return
        self.kill_service()
        self._settings = settings
        self.start_service()

    def start_service(self):
        self._service = self.start("public-service", **self._settings)
        wait_for(f"{self.base}/viewer/{TOWER}")

    def kill_service(self):
        self._end_service(signal.SIGKILL)

    def drain_service(self):
        """SIGTERM, and waits until it has drained and gone."""
        self._end_service(signal.SIGTERM)

    def _end_service(self, sign):
        if self._service:
            self.end(self._service, sign)
            self._service = None

    # what happens outside

    def set_units(self, project, units):
        self._control("POST", f"{project}/units", units)

    def fault(self, project, **fault):
        """See tools/demo-world, `Fault`; stays until `calm`."""
        self._control("POST", f"{project}/fault", {"fault": fault})

    def publish(self, project, active):
        self.query("UPDATE projects SET is_active = %s WHERE slug = %s", active, project)

    def calm(self):
        """No faults, no unit as a case left it, all projects published, public-service up."""
        for project in PROJECTS:
            self._control("DELETE", f"{project}/fault")
            self.publish(project, True)
        self.set_units(TOWER, {QUIET: "coming soon"})
        if not self._service:
            self.start_service()

    def status(self, project):
        return get_json(f"{self.base}/api/public/{project}/status")

    def hold_stream(self, project):
        """A stream of some other viewer; closed at the end of the `with` block."""
        return contextlib.closing(
            urllib.request.urlopen(f"{self.base}/api/public/{project}/status/stream", timeout=PATIENCE_SECONDS)
        )

    def _control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._upstream}/_control/{path}", data, method=method)
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()

    def environment(self):
        return super().environment() | {
            "SECRET_KEY": SECRET_KEY,
            "PORT": str(self.port),
            "OPS_PORT": "0",
            "UPSTREAM_ALLOW_PRIVATE": "true",
            "VIEWER_INDEX": "true",
            "PING_SECONDS": "1",
            "DRAIN_SECONDS": "1",
        }


def get_json(address):
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)
