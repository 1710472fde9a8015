"""The real thing: a database, the demo world and public-service as processes of this run."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import psycopg

PATIENCE_SECONDS = 30
TOWER = "harbour-tower"
PROJECTS = (TOWER, "garden-court", "hillside-lofts")
# A unit of the tower's last phase: the demo world leaves it alone, only cases change it.
QUIET = "A2501"
SECRET_KEY = "browser-tests"


class World:
    """`base` is the address of public-service; it stays the same over restarts."""

    def __init__(self, bin_dir, database_url, logs):
        self._bin_dir, self._logs = bin_dir, logs
        self._owner_url = database_url
        self._database = f"farol_browser_{secrets.token_hex(4)}"
        self._url = urllib.parse.urlsplit(database_url)._replace(path=f"/{self._database}").geturl()
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._upstream = f"http://127.0.0.1:{free_port()}"
        self._demo = self._service = None
        self._settings = {}

    def __enter__(self):
        try:
            self._bring_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _bring_up(self):
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute(f"CREATE DATABASE {self._database}")
        self._run("farol-migrate")
        self._run("demo-world", "seed", "--upstream-url", self._upstream)
        self._demo = self._start("demo-world", "serve", "--port", self._upstream.rsplit(":", 1)[1])
        wait_for(f"{self._upstream}/health")
        self.service()

    def __exit__(self, *_):
        for process in (self._service, self._demo):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute(f"DROP DATABASE IF EXISTS {self._database} WITH (FORCE)")

    # public-service

    def service(self, **settings):
        """Sees to it that public-service runs with these settings beside the usual ones."""
        if self._service and settings == self._settings:
            return
        self.kill_service()
        self._settings = settings
        self.start_service()

    def start_service(self):
        self._service = self._start("public-service", **self._settings)
        wait_for(f"{self.base}/viewer/{TOWER}")

    def kill_service(self):
        self._end_service(signal.SIGKILL)

    def drain_service(self):
        """SIGTERM, and waits until it has drained and gone."""
        self._end_service(signal.SIGTERM)

    def _end_service(self, sign):
        if self._service:
            self._service.send_signal(sign)
            self._service.wait(PATIENCE_SECONDS)
            self._service = None

    # what happens outside

    def set_units(self, project, units):
        self._control("POST", f"{project}/units", units)

    def fault(self, project, **fault):
        """See tools/demo-world, `Fault`; stays until `calm`."""
        self._control("POST", f"{project}/fault", {"fault": fault})

    def publish(self, project, active):
        with psycopg.connect(self._url, autocommit=True) as owner:
            owner.execute("UPDATE projects SET is_active = %s WHERE slug = %s", (active, project))

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

    def _run(self, program, *arguments):
        subprocess.run(self._command(program, arguments), env=self._environment(), check=True, stdout=subprocess.DEVNULL)

    def _start(self, program, *arguments, **settings):
        log = open(os.path.join(self._logs, f"{program}.log"), "ab")
        return subprocess.Popen(
            self._command(program, arguments), env=self._environment() | settings, stdout=log, stderr=log
        )

    def _command(self, program, arguments):
        return [os.path.join(self._bin_dir, program), *arguments]

    def _environment(self):
        return {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": self._url,
            "SECRET_KEY": SECRET_KEY,
            "LOG_FORMAT": "json",
            "PORT": str(self.port),
            "OPS_PORT": "0",
            "UPSTREAM_ALLOW_PRIVATE": "true",
            "VIEWER_INDEX": "true",
            "PING_SECONDS": "1",
            "DRAIN_SECONDS": "1",
        }


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def get_json(address):
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def wait_for(address):
    """Asks until it answers 200; there is no event to wait for before the process listens."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).close()
            return
        except (OSError, urllib.error.URLError) as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{address} never answered: {error}") from error
            time.sleep(0.05)
