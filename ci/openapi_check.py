"""The services' own descriptions held against what they answer: schemathesis makes requests from /openapi.json, and no
answer may be a 5xx or one that the description does not know.

Run by `cargo xtask ci` with FAROL_BIN_DIR, DATABASE_URL and RABBITMQ_URL. Logs go to target/peers/.
"""

import http.server
import os
import pathlib
import secrets
import subprocess
import sys
import threading

from stage import Stage, forget_queues, free_port, wait_for

LOGIN = {"ADMIN_USERNAME": "schema", "ADMIN_PASSWORD": "of-answers"}
SECRET = "a-secret-of-tests-that-is-long-enough"
# Not negative_data_rejection: it wants unknown query parameters refused, which clients may rely on being ignored.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,ignored_auth"
)


class ClientApi(http.server.BaseHTTPRequestHandler):
    """What the project's owner publishes."""

    def do_GET(self):
        body = b'{"A101": "sold", "A102": "free"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class World(Stage):
    """Each service in turn, over rows that the examples of its description name."""

    def __init__(self, logs):
        super().__init__("schema", os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], logs)
        self._logs_folder = logs

    def judge(self, program, settings, words, document="ops"):
        """The exit code of schemathesis."""
        ports = {"public": free_port(), "ops": free_port()}
        listeners = {"PORT": str(ports["public"]), "OPS_PORT": str(ports["ops"])}
        service = self.start(program, **(listeners | settings))
        wait_for(f"http://127.0.0.1:{ports['ops']}/health/ready")
        command = [pathlib.Path(sys.executable).with_name("schemathesis"), "run"]
        command += [f"http://127.0.0.1:{ports[document]}/openapi.json", "--url", f"http://127.0.0.1:{ports['public']}"]
        command += ["--checks", CHECKS, "--seed", "1", "--generation-deterministic", "--no-color", *words]
        tried = subprocess.run(command, cwd=self._logs_folder, check=False, timeout=600)
        code = self.end(service)
        assert code == 0, f"{program} ended with {code}"
        return tried.returncode

    def admin(self):
        queue = f"schema.{secrets.token_hex(4)}"
        settings = LOGIN | {
            "RABBITMQ_URL": os.environ["RABBITMQ_URL"],
            "QUEUE_NAME": queue,
            "SYNC_INTERVAL_MINUTES": "0",
            # Wrong passwords are part of what is tried, and must not lock out the rest.
            "AUTH_FAILURES_PER_MINUTE": "100000",
        }
        words = ["--max-examples", "25", "--auth", ":".join(LOGIN.values())]
        tried = self.judge("admin-sync-service", settings, words, document="public")
        forget_queues(queue, f"{queue}.dead")
        return tried

    def public(self, client_api):
        self.query("INSERT INTO projects (slug, name, is_active) VALUES ('garden-court', 'Garden Court', true)")
        self.query(
            "INSERT INTO integration_configs (project_id, api_base_url, status_endpoint) SELECT id, %s, '/' FROM projects",
            client_api,
        )
        settings = {"UPSTREAM_ALLOW_PRIVATE": "true", "VIEWER_INDEX": "true", "REFRESH_PER_MINUTE": "100000"}
        # A stream has no end that could be waited for.
        endless = ["--exclude-operation-id", "stream", "--exclude-operation-id", "stream_alias"]
        return self.judge("public-service", settings, ["--max-examples", "20", *endless])

    def telemetry(self):
        self.query("INSERT INTO device_state (tenant_id, device_id, status) VALUES ('a', 'dev-0001', 'ONLINE')")
        self.query("INSERT INTO telemetry (time, tenant_id, device_id, metrics) VALUES (now(), 'a', 'dev-0001', '{\"t\": 1}')")
        self.query("INSERT INTO fleet_alert (id, tenant_id, alert_type, fingerprint, severity) VALUES (1, 'a', 'HOT', 'f', 3)")
        environment = self.environment() | {"JWT_HS256_SECRET": SECRET}
        token = subprocess.check_output(self._command("farol-token", ["for", "a"]), env=environment, text=True).split()[1]
        settings = {"JWT_HS256_SECRET": SECRET, "TENANT_REQUESTS_PER_MINUTE": "100000", "MAX_SOCKETS_PER_TENANT": "100000"}
        return self.judge("telemetry-service", settings, ["--max-examples", "20", "-H", f"Authorization: Bearer {token}"])


def main():
    logs = pathlib.Path(__file__).resolve().parents[1] / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    client_api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ClientApi)
    threading.Thread(target=client_api.serve_forever, daemon=True).start()
    with World(logs) as world:
        address = f"http://127.0.0.1:{client_api.server_address[1]}"
        failed = [world.public(address), world.telemetry(), world.admin()]
    client_api.shutdown()
    return max(failed)


if __name__ == "__main__":
    sys.exit(main())
