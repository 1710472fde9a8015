"""What of the containers works without containers: health checks, the skeleton of the workspace, nginx with its files."""

import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

from containers.complaints import expect
from containers.context import copy as copy_context
from containers.settings import assignments
from containers.wiring import SERVICES
from stage import PATIENCE_SECONDS, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(compose):
    for name in SERVICES:
        _check_settings(name, compose["services"][name])
        _check_health(name, compose["services"][name])
    with tempfile.TemporaryDirectory() as folder:
        _check_skeleton(pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        _check_nginx(pathlib.Path(folder), compose["services"]["nginx"])


def _environment(service):
    """As compose makes it with the values of the demo."""
    demo = assignments("deploy/compose/demo.env")

    def value(found):
        name, default = found.group(1), found.group(2)
        return demo.get(name) or (default or ":-").removeprefix(":-")

    return {
        variable: re.sub(r"\$\{([A-Z0-9_]+)([^}]*)\}", value, str(text)) for variable, text in service["environment"].items()
    }


def _check_settings(name, service):
    answer = _run([service["command"][0], "--check-config"], _environment(service))
    expect(answer.returncode == 0, f"{name}: cannot use its settings: {answer.stderr}")


class Answers(http.server.BaseHTTPRequestHandler):
    """A service that is ready or not, as its path says which question it was asked."""

    def do_GET(self):
        self.send_response(200 if self.path == self.server.good else 503)
        self.end_headers()
        self.wfile.write(b"the database is away")

    def log_message(self, *_):
        pass


def _check_health(name, service):
    """The words of the health check with the environment of the container, and a port of our own."""
    words = service["healthcheck"]["test"][1:]
    environment = _environment(service)
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for good, more, code in (
            ("/health/ready", [], 0), ("/health/live", [], 1), ("/health/live", ["--live"], 0), ("/health/ready", ["--live"], 1),
        ):  # fmt: skip
            server.good = good
            answer = _ask(words + more, environment, server.server_port)
            expect(answer.returncode == code, f"{name}: {words + more} ends with {answer.returncode} where {good} is 200")
        expect("the database is away" in answer.stderr, f"{name}: does not say what is missing: {answer.stderr}")
        server.shutdown()
    answer = _ask(words, environment, free_port())
    expect(answer.returncode == 1 and "does not answer" in answer.stderr, f"{name}: {words} where nobody listens: {answer}")


def _ask(words, environment, port):
    # As the image has it: all addresses.
    return _run(words, environment | {"OPS_HOST": "0.0.0.0", "OPS_PORT": str(port)})


def _run(words, environment):
    program = pathlib.Path(os.environ["FAROL_BIN_DIR"]) / words[0]
    return subprocess.run(
        [program, *words[1:]], env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def _check_skeleton(folder):
    """From what the build sees, in a clean folder: the same packages and programs, and the same files whatever is in the code."""
    context, first, second = folder / "context", folder / "first", folder / "second"
    copy_context(context)
    _skeleton(context, first)
    code = context / "crates/service-kit/src/ops.rs"
    code.write_text(code.read_text() + "// Changed.\n")
    (context / "crates/service-kit/src/newer.rs").write_text("//! New.\n")
    _skeleton(context, second)
    same = subprocess.run(["diff", "--recursive", first, second], capture_output=True, text=True, check=False)
    expect(same.returncode == 0, f"skeleton.sh: a change of code changes the layer of dependencies:\n{same.stdout}")
    expect(_targets(context) == _targets(first), f"skeleton.sh: lost {_targets(context) ^ _targets(first)}")
    same = (ROOT / "Cargo.lock").read_bytes() == (first / "Cargo.lock").read_bytes()
    expect(same, "skeleton.sh: has another Cargo.lock")
    expect_no_code(first)


def expect_no_code(folder):
    """Dependencies are built here: of any code of ours, and their layer would change with it."""
    code = [str(path.relative_to(folder)) for path in folder.rglob("*.rs") if path.stat().st_size > 64]
    expect(not code, f"skeleton.sh: keeps the code of {code}")


def _skeleton(source, target):
    subprocess.run(["sh", source / "deploy/skeleton.sh", source, target], check=True, timeout=PATIENCE_SECONDS)


def _targets(folder):
    """What is built of the workspace in `folder`; tests that are files of their own are not."""
    metadata = subprocess.run(
        [os.environ.get("CARGO", "cargo"), "metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"],
        cwd=folder, capture_output=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    if metadata.returncode != 0:
        expect(False, f"cargo does not understand {folder.name}: {metadata.stderr.decode()}")
        return set()
    return {
        (package["name"], target["name"], target["kind"][0])
        for package in json.loads(metadata.stdout)["packages"]
        for target in package["targets"]
        if target["kind"][0] in ("bin", "lib", "proc-macro", "custom-build")
    }


def _check_nginx(folder, service):
    """The files of the container, at the same places of a folder, as nginx itself reads them."""
    etc = folder / "etc/nginx"
    for mount in service["volumes"]:
        source, target, _ = mount.split(":")
        place = folder / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / source).read_text()
        place.write_text(text.replace("/var/log/nginx", str(folder)).replace("/run/nginx.pid", str(folder / "nginx.pid")))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    read = subprocess.run(
        [nginx, "-t", "-e", folder / "start.log", "-p", folder, "-c", etc / "nginx.conf"],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    expect(read.returncode == 0, f"nginx: {read.stderr}")
    (port,) = {port.split(":")[2] for port in service["ports"]}
    site = (etc / "farol/site.conf").read_text()
    expect(f"listen {port} " in site, f"nginx: does not listen on {port}")
    expect(service["healthcheck"]["test"][-1].endswith(f"/{port}"), f"nginx: is not asked at {port}")
