"""The five services with a database and a queue of their own, and a Prometheus of Debian's that scrapes them as
deploy/prometheus says, only more often."""

import json
import os
import pathlib
import secrets
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import yaml

from stage import PATIENCE_SECONDS, Stage, forget_queues, free_port, wait_for, wait_until

SERVICES = ["public-service", "admin-sync-service", "ingestor", "sse-gateway", "telemetry-service"]
OPS_URLS = {"public-service": "PUBLIC", "ingestor": "INGESTOR", "sse-gateway": "GATEWAY", "telemetry-service": "TELEMETRY"}


class World(Stage):
    """`ops` are the ports of the ops listeners."""

    def __init__(self, logs):
        super().__init__("metrics", os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], logs)
        self.queue = f"metrics.{secrets.token_hex(4)}"
        self.ops = {name: free_port() for name in SERVICES}
        self._ports = {name: free_port() for name in SERVICES}
        self._processes_of = {}

    def environment(self):
        neighbours = {f"{word}_OPS_URL": f"http://127.0.0.1:{self.ops[name]}" for name, word in OPS_URLS.items()}
        return super().environment() | neighbours | {
            "RABBITMQ_URL": os.environ["RABBITMQ_URL"],
            "QUEUE_NAME": self.queue,
            "HOST": "127.0.0.1",
            "DRAIN_SECONDS": "1",
            "ADMIN_USERNAME": "metrics",
            "ADMIN_PASSWORD": secrets.token_hex(8),
            "JWT_HS256_SECRET": secrets.token_hex(32),
            "SYNC_INTERVAL_MINUTES": "0",
            "NEIGHBOUR_CHECK_MS": "500",
            "SSE_GATEWAY_URL": f"http://127.0.0.1:{self._ports['sse-gateway']}",
            "SSE_CALLBACK_SECRET": "S",
            "CALLBACK_URL": f"http://127.0.0.1:{self._ports['admin-sync-service']}/api/sse/callback?secret=S",
            # Nobody is there, and nobody asks.
            "PNCP_BASE_URL": f"http://127.0.0.1:{free_port()}/api/consulta",
        }  # fmt: skip

    def bring_up(self):
        for name in SERVICES:
            listeners = {"PORT": str(self._ports[name]), "OPS_PORT": str(self.ops[name])}
            self._processes_of[name] = self.start(name, **listeners)
        for name in SERVICES:
            wait_for(f"http://127.0.0.1:{self.ops[name]}/health/ready")
        ready = 'admin_neighbours{state="ready"} 4'
        wait_until(lambda: ready in self.metrics("admin-sync-service"), "all services are found ready")

    def __exit__(self, *_):
        super().__exit__()
        forget_queues(self.queue, f"{self.queue}.dead")

    def metrics(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ops[name]}/metrics", timeout=PATIENCE_SECONDS) as answer:
            return answer.read().decode()

    def start_server(self, program, *arguments):
        """Somebody else's program, from the PATH; it ends with the others."""
        with open(os.path.join(self._logs, f"{program}.log"), "ab") as log:
            self._processes.append(subprocess.Popen([program, *arguments], stdout=log, stderr=log))

    def end_service(self, name):
        self.end(self._processes_of.pop(name))


class Prometheus:
    """The real one, with the rules and the jobs of `folder`."""

    def __init__(self, world, folder, scratch):
        config = yaml.safe_load((folder / "prometheus.yml").read_text())
        config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(folder / name) for name in config["rule_files"]]
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [f"127.0.0.1:{world.ops[job['job_name']]}"]}]
        path = pathlib.Path(scratch) / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        port = free_port()
        self._base = f"http://127.0.0.1:{port}"
        options = {"config.file": path, "storage.tsdb.path": f"{scratch}/data", "web.listen-address": f"127.0.0.1:{port}"}
        world.start_server("prometheus", *(f"--{name}={value}" for name, value in options.items()))
        wait_for(f"{self._base}/-/ready")

    def ask(self, path, **values):
        data = urllib.parse.urlencode(values).encode() if values else None
        try:
            with urllib.request.urlopen(f"{self._base}/api/v1/{path}", data, timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise Refused(json.load(refusal)["error"]) from None

    def query(self, text):
        """The series of an instant query; a number is one without labels."""
        answer = self.ask("query", query=text)
        return [{"metric": {}}] if answer["resultType"] == "scalar" else answer["result"]


class Refused(Exception):
    """Prometheus does not take the query, and says why."""
