"""The administration's own description held against what it answers: schemathesis makes requests from
/openapi.json, and no answer may be a 5xx or one that the description does not know.

Run by `cargo xtask ci` with FAROL_BIN_DIR, DATABASE_URL and RABBITMQ_URL. Logs go to target/peers/.
"""

import os
import pathlib
import secrets
import subprocess
import sys

from stage import Stage, forget_queues, free_port, wait_for

LOGIN = {"ADMIN_USERNAME": "schema", "ADMIN_PASSWORD": "of-answers"}
# Not negative_data_rejection: it wants unknown query parameters refused, which clients may rely on being ignored.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,ignored_auth"
)


def main():
    logs = pathlib.Path(__file__).resolve().parents[1] / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    port, ops = free_port(), free_port()
    settings = LOGIN | {
        "PORT": str(port),
        "OPS_PORT": str(ops),
        "RABBITMQ_URL": os.environ["RABBITMQ_URL"],
        "QUEUE_NAME": f"schema.{secrets.token_hex(4)}",
        "SYNC_INTERVAL_MINUTES": "0",
        # Wrong passwords are part of what is tried, and must not lock out the rest.
        "AUTH_FAILURES_PER_MINUTE": "100000",
    }
    with Stage("schema", os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], logs) as stage:
        service = stage.start("admin-sync-service", **settings)
        wait_for(f"http://127.0.0.1:{ops}/health/ready")
        words = ["run", f"http://127.0.0.1:{port}/openapi.json", "--checks", CHECKS, "--max-examples", "50"]
        words += ["--auth", ":".join(LOGIN.values()), "--seed", "1", "--generation-deterministic", "--no-color"]
        tried = subprocess.run(
            [pathlib.Path(sys.executable).with_name("schemathesis"), *words], cwd=logs, check=False, timeout=600
        )
        code = stage.end(service)
        forget_queues(settings["QUEUE_NAME"], f"{settings['QUEUE_NAME']}.dead")
    assert code == 0, f"the service ended with {code}"
    return tried.returncode


if __name__ == "__main__":
    sys.exit(main())
