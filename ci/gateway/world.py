"""The two programs that a gateway stands between, both from Python's standard library: a backend that
remembers what it was told, a client that keeps every byte it was sent; and the gateway as a process."""

import contextlib
import http.client
import http.server
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time

from stage import PATIENCE_SECONDS, free_port, wait_for, wait_until


class Backend:
    """Takes callbacks. `answer(call)` gives `(status, body bytes)` or more header pairs behind them."""

    def __init__(self):
        self.calls, self.answer, self._lock = [], lambda call: (200, b"{}"), threading.Lock()
        self._open = []
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                backend._open.append(self.connection)

            def do_POST(self):
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                call["path"], call["content_type"] = self.path, self.headers["Content-Type"]
                with backend._lock:
                    backend.calls.append(call)
                status, body, *headers = backend.answer(call)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in (*headers, ("Content-Length", str(len(body)))):
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 1024

            def handle_error(self, *_):
                """A kept-alive connection that a killed gateway leaves is no news."""

        self.port = free_port()
        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def told(self, action, token=None):
        with self._lock:
            return [c for c in self.calls if c["action"] == action and token in (None, c["token"])]

    def connect(self, url):
        """The call of the stream that asked for this URL."""
        known = lambda: [call for call in self.told("connect") if call["request"]["url"] == url]  # noqa: E731
        return wait_until(known, f"{url} is told")[0]

    def disconnect(self, token, count=1):
        """The last of `count` calls; more of them are for the case's end to find."""
        return wait_until(lambda: self.told("disconnect", token)[count - 1 :], f"the end of {token} is told")[0]

    def stop(self):
        """As if the program had ended: kept-alive connections go too. A second time does nothing."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Gateway:
    """The real program in front of `backend`, on ports of its own."""

    def __init__(self, backend, logs, *flags, **settings):
        self.backend, self.port, self.ops = backend, free_port(), free_port()
        callback = f"http://127.0.0.1:{backend.port}/sse?secret=S" if backend else ""
        environment = {"PATH": os.environ["PATH"], "LOG_FORMAT": "json", "CALLBACK_URL": callback}
        environment |= {"HOST": "127.0.0.1", "PORT": str(self.port), "OPS_PORT": str(self.ops), "DRAIN_SECONDS": "2"}
        program = os.path.join(os.environ["FAROL_BIN_DIR"], "sse-gateway")
        with open(logs / "sse-gateway.log", "ab") as log:
            self.process = subprocess.Popen([program, *flags], env=environment | settings, stdout=log, stderr=log)
        self.internal = int(settings.get("INTERNAL_PORT", self.port))

    def __enter__(self):
        wait_for(f"http://127.0.0.1:{self.port}/healthz")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end(self, sign=signal.SIGTERM):
        """Returns its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE_SECONDS)

    def ask(self, method, path, body=None, port=None, **headers):
        """Status, headers and body of an answer that ends."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def post(self, body, **headers):
        """Status and parsed answer of a send."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, answer = self.ask("POST", "/internal/send", body, self.internal, **headers)
        return status, json.loads(answer)

    def send(self, token, name=None, data=None, close=None):
        event = {key: value for key, value in (("name", name), ("data", data)) if value is not None}
        order = {"token": token} | ({"event": event} if event else {}) | ({} if close is None else {"close": close})
        return self.post(order)


class Client:
    """One stream. What was sent is in `raw`, without the chunks."""

    def __init__(self, gateway, url, headers=()):
        self.raw, self._ended = b"", False
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE_SECONDS)
        self._connection.putrequest("GET", url)
        for name, value in headers:
            self._connection.putheader(name, value)
        self._connection.endheaders()

    def opened(self):
        """Waits for the head."""
        self.answer = self._connection.getresponse()
        self.socket = self.answer.fp.raw._sock
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self):
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while piece := self.answer.read1(65536):
                self.raw += piece
        self._ended = True

    def has(self, wanted, patience=PATIENCE_SECONDS):
        """Waits until exactly these bytes have come, heartbeats aside."""
        told = lambda: self.raw.replace(b": heartbeat\n\n", b"")  # noqa: E731
        with contextlib.suppress(RuntimeError):
            wait_until(lambda: told() == wanted, "", patience)
        assert told() == wanted, f"the client has {told()!r} instead of {wanted!r}"

    def ends(self):
        wait_until(lambda: self._ended, "the stream ends")

    def leave(self):
        with contextlib.suppress(OSError, AttributeError):
            (self._connection.sock or self.socket).shutdown(socket.SHUT_RDWR)
        self._connection.close()


def never_more(condition, what, seconds=0.5):
    """For what must not happen: looks for a while that is longer than it would take."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not condition(), what
        time.sleep(0.05)


def code(body):
    """The word for programs of an error's answer."""
    answer = body if isinstance(body, dict) else json.loads(body)
    assert set(answer) == {"error"} and set(answer["error"]) == {"message", "code"}, answer
    return answer["error"]["code"]


class Scene:
    """What one case needs: a backend, a gateway, streams with tokens, and what the format makes of an event."""

    def __init__(self, logs, form="named", **settings):
        self.form, self.backend, self._numbers = form, Backend(), itertools.count()
        self.gateway = Gateway(self.backend, logs, EVENT_FORMAT=form, **settings)
        self.ready = b"event: ready\ndata:\n\n" if form == "envelope" else b""

    def __enter__(self):
        self.gateway.__enter__()
        return self

    def __exit__(self, *_):
        self.gateway.__exit__()
        self.backend.stop()

    def url(self):
        return f"/stream/{next(self._numbers)}?q=a%20b&q=%2F"

    def stream(self):
        """An open one, and its token."""
        url = self.url()
        client = Client(self.gateway, url).opened()
        assert client.answer.status == 200, client.answer.status
        return client, self.backend.connect(url)["token"]

    def wire(self, name, data):
        """What a client has to be sent, as the contract puts it."""
        if self.form == "envelope" and name:
            try:
                json.loads(data)
                payload = data.replace("\r", "").replace("\n", "")
            except ValueError:
                payload = json.dumps(data, ensure_ascii=False)
            kind = json.dumps(name, ensure_ascii=False)
            name, data = None, f'{{"type":{kind},"payload":{payload}}}'
        lines = data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        head = f"event: {name}\n" if name else ""
        return (head + "".join(f"data: {line}\n" for line in lines) + "\n").encode()
