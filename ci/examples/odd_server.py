"""A server that does on purpose, and byte by byte, what ours does seldom or never, so that examples are right by more
than luck. Each connection of a stream gets the next of four answers:

1. A stream with every kind of line, cut off within a frame.
2. 429 with `Retry-After`.
3. What follows an id; then a frame that is no JSON (for whom that is nothing: another cut).
4. The whole anew, and the end for good; the connection stays open.
"""

import http.server
import socket
import threading
import time
import urllib.parse

from stage import PATIENCE_SECONDS

FIRST_WHOLE = {"A1": "sold", "A2": "available", "Ü 3 🏠": "reserved"}
# What the lines of a program that tells of changes must be, from the first to the last.
TOLD = [
    "3 units, 1 available, 1 reserved, 1 sold",
    "state: live, as of never",
    "A2: available -> hidden",
    "A1: sold -> gone",
    "state: stale, as of 2026-11-27T10:00:00.000Z",
    "A2: hidden -> sold",
    "B1: new -> available",
    "Ü 3 🏠: reserved -> gone",
    "2 units, 1 available, 1 sold",
    "state: live, as of never",
]
LAST_WHOLE = {"A2": "sold", "B1": "available"}

# Longer than anybody waits without being told after two failures.
RETRY_AFTER = "9"

CONNECTED = 'event:connected\ndata: {"project":"odd"}\n\n'
# Data in three lines; comments; fields and events that nobody knows; an event without data; a time that is none.
FIRST = (
    'event: status_update\r\nid: o-1\ndata: {"statuses":\r\n'
    'data:  {"A1":"sold","Ü 3 🏠":"reserved","A2":"available"},\r\n'
    'data:"state":"live","as_of":null,"later":{"x":[]}}\r\n\r\n'
    ": hello\r\nretry: 100\n" + CONNECTED + ': still here\n\n'
    'event: news\nmood: good\ndata: {"hello":1}\n\nevent: nothing\n\nretry: soon\n\n'
    'id: o-2\nevent: bulk_update\ndata: {"updates":{"A2":"hidden"},"removed":["A1"],"as_of":null}\n\n'
    'event: ping\ndata: {"time":1,"state":"stale","as_of":"2026-11-27T10:00:00.000Z"}\n\n'
)
CUT = 'id: o-cut\nevent: bulk_update\ndata: {"updates":{"A2":"cut"}}\n'
SECOND = CONNECTED + 'id: o-3\nevent: bulk_update\ndata: {"updates":{"A2":"sold"},"as_of":null}\n\n'
BROKEN = 'id: o-4\nevent: bulk_update\ndata: {"updates":{"A2":\n\n'
THIRD = CONNECTED + (
    'id: p-1\nevent: status_update\ndata: {"statuses":{"A2":"sold","B1":"available"},"state":"live","as_of":null}\n\n'
    'event: closed\ndata: {"reason":"project_inactive"}\n\n'
)


def harder(stream):
    """For those who know the whole format: a byte order mark, lines that end with CR, an id that is none."""
    stream = stream.replace(CONNECTED, CONNECTED.replace("\n", "\r"))
    return "\ufeff" + stream.replace("event: ping\n", "event: ping\nid: o\0dd\n")


class OddServer:
    """`asked` has what each connection wanted to go on behind."""

    def __init__(self, only_lf=False):
        self.asked = []
        self.ids_wanted = ["", "o-2", "o-2", "o-3" if only_lf else ""]
        first = FIRST if only_lf else harder(FIRST)
        self._streams = {1: first + CUT, 3: SECOND if only_lf else SECOND + BROKEN, 4: THIRD}
        self._only_lf = only_lf
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server._answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A client that leaves in the middle is what is wanted."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request):
        request.close_connection = True
        address = urllib.parse.urlsplit(request.path)
        if not address.path.endswith("/api/public/odd/status/stream"):
            return self._refuse(request, 503)
        query = urllib.parse.parse_qs(address.query)
        self.asked.append(request.headers.get("Last-Event-ID") or query.get("last_event_id", [""])[0])
        turn = len(self.asked)
        if turn == 2:
            return self._refuse(request, 429)
        if turn > 4:
            return self._refuse(request, 503)
        self._send(request, self._streams[turn].encode())
        if turn == 1 or (turn == 3 and self._only_lf):
            # The body is whole, the frame in it is not. Of a body that is cut off Chromium and Node may throw away what
            # had come and was not read yet, and would rightly ask for it again.
            request.wfile.write(b"0\r\n\r\n")
        else:
            request.connection.settimeout(PATIENCE_SECONDS)
            request.connection.recv(1)

    def _refuse(self, request, code):
        request.send_response(code)
        for header in (("Retry-After", RETRY_AFTER), ("Content-Length", "0"), ("Access-Control-Allow-Origin", "*")):
            request.send_header(*header)
        request.end_headers()

    def _send(self, request, stream):
        request.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Transfer-Encoding", "chunked")
        request.send_header("Access-Control-Allow-Origin", "*")
        request.end_headers()
        for byte in stream:
            request.wfile.write(b"1\r\n%c\r\n" % byte)
            # Inside of characters and behind CR, so that most readers get what follows by itself. Whoever gets both at
            # once passes too, and has proven less.
            if byte >= 0x80 or byte == 0x0D:
                time.sleep(0.02)
