"""Runs the Python backend of docs/gateway.md, taken from there word for word, behind a real gateway."""

import os
import pathlib
import re
import subprocess
import sys

from stage import free_port, wait_until
from world import Client, Gateway

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs" / "gateway.md"
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


class Somewhere:
    """As much of a backend as the gateway's settings want."""

    def __init__(self, port):
        self.port = port


def run(logs):
    (program,) = PROGRAM.findall(MANUAL.read_text())
    path = logs / "example_backend.py"
    path.write_text(program)
    port = free_port()
    with Gateway(Somewhere(port), logs) as gateway:
        environment = {"PATH": os.environ["PATH"], "PORT": str(port), "GATEWAY_URL": f"http://127.0.0.1:{gateway.port}"}
        with open(logs / "example_backend.log", "ab") as log:
            backend = subprocess.Popen([sys.executable, path], env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: gateway.ask("GET", "/elsewhere")[0] == 404, "the example answers")
            first, second = Client(gateway, "/jobs/7").opened(), Client(gateway, "/jobs/7").opened()
            for client in (first, second):
                client.ends()
            assert first.raw.startswith(b'event: hello\ndata: {"job": "7"}\n\n'), first.raw
            for client in (first, second):
                assert client.raw.endswith(b"event: done\ndata: 100\n\n"), client.raw
            assert b"event: progress\ndata: 50\n\n" in first.raw, first.raw
        finally:
            backend.kill()
            backend.wait()
    return 3
