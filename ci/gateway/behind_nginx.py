"""Runs nginx with the configuration of docs/gateway.md, taken from there, between clients and a real gateway."""

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import tempfile

from stage import PATIENCE_SECONDS, free_port, wait_until
from example import MANUAL
from world import Client, Scene

SNIPPET = re.compile(r"^```nginx\n(.*?)^```$", re.M | re.S)
# Everything that nginx would write elsewhere stays in its folder, which is its prefix.
AROUND = """daemon off;
pid nginx.pid;
error_log error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{snippet}
}}
"""
INSIDE = (
    "/internal/",
    "//internal/",
    "/jobs/internal/",
    "/jobs//internal/",
    "/jobs/../internal/",
    "/jobs/%2e%2e/internal/",
    "/jobs/..%2finternal/",
    "/jobs/.%00./internal/",
    "/jobs/;/../internal/",
    "http://gateway/internal/",
)


class Nginx:
    """In front of `gateway`; gone at the end of the `with`."""

    def __init__(self, gateway):
        self.port = free_port()
        (snippet,) = SNIPPET.findall(MANUAL.read_text())
        told = (("127.0.0.1:3000", f"127.0.0.1:{gateway.port}"), ("listen 80", f"listen 127.0.0.1:{self.port}"))
        for there, here in told:
            assert snippet.count(there) == 1, there
            snippet = snippet.replace(there, here)
        self._folder = tempfile.mkdtemp()
        # Its workers may be another user.
        os.chmod(self._folder, 0o755)
        with open(f"{self._folder}/nginx.conf", "w") as file:
            file.write(AROUND.format(snippet=snippet))
        path = f"{os.environ['PATH']}:/usr/sbin"
        command = [shutil.which("nginx", path=path), "-p", self._folder, "-c", "nginx.conf", "-e", "error.log"]
        self._process = subprocess.Popen(command)

    def __enter__(self):
        wait_until(lambda: self.ask("GET", "/nothing")[0] == 404, "nginx answers")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder)

    def ask(self, method, target, body=None):
        """Status and type of an answer, which may be a stream."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            try:
                connection.request(method, target, body)
                answer = connection.getresponse()
            except ConnectionRefusedError:
                return None, None
            return answer.status, answer.headers["Content-Type"]


def run(logs):
    with Scene(logs) as scene, Nginx(scene.gateway) as nginx:
        url = "/jobs/7?q=a%20b"
        client = Client(nginx, url, [("X-Forwarded-For", "192.0.2.7")]).opened()
        assert client.answer.status == 200, client.answer.status
        connect = scene.backend.connect(url)
        assert connect["request"]["headers"]["x-forwarded-for"] == "192.0.2.7, 127.0.0.1", connect
        token = connect["token"]
        for number in range(3):
            assert scene.gateway.send(token, "progress", str(number)) == (200, {"status": "ok"})
            client.has(b"".join(scene.wire("progress", str(it)) for it in range(number + 1)))
        send = b'{"token":"%s","event":{"data":"forged"}}' % token.encode()
        for inside in INSIDE:
            assert nginx.ask("POST", f"{inside}send", send)[0] in (400, 404, 405), inside
            status, kind = nginx.ask("GET", f"{inside}connections")
            assert (status, kind) != (200, "application/json"), inside
        client.has(b"".join(scene.wire("progress", str(it)) for it in range(3)))
        client.leave()
        assert scene.backend.disconnect(token)["reason"] == "client_closed"
    return len(INSIDE) * 2 + 5
