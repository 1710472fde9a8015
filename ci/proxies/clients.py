"""Clients of a proxy, from Python's standard library: one request, one stream, and one that comes back by the rules."""

import contextlib
import http.client
import json
import random
import socket
import threading
import time

from stage import PATIENCE_SECONDS, wait_until


class Event:
    def __init__(self, lines):
        fields = [line.partition(":")[::2] for line in lines if not line.startswith(":")]
        told = {name: value.removeprefix(" ") for name, value in fields}
        self.at, self.name, self.id, self.retry = time.monotonic(), told.get("event"), told.get("id"), told.get("retry")
        self.data = told.get("data", "")

    def json(self):
        return json.loads(self.data)


class Direct:
    """A service's own port, instead of a proxy."""

    def __init__(self, world, name):
        self.port, self.context = world.ports[name], None


def connection(front, source="127.0.0.1"):
    if not front.context:
        return http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE_SECONDS)
    return http.client.HTTPSConnection(
        "127.0.0.1", front.port, timeout=PATIENCE_SECONDS, context=front.context, source_address=(source, 0)
    )


def ask(front, method, target, body=None, source="127.0.0.1", **headers):
    """Status, headers and body of an answer; of a stream's only its head."""
    with contextlib.closing(connection(front, source)) as asked:
        # As it is: some targets are ones that no library would make.
        asked.putrequest(method, target)
        headers = {"Content-Length": str(len(body))} | headers if body is not None else headers
        for name, value in headers.items():
            asked.putheader(name.replace("_", "-"), value)
        asked.endheaders(body)
        answer = asked.getresponse()
        stream = answer.headers.get_content_type() == "text/event-stream"
        return answer.status, answer.headers, b"" if stream else answer.read()


class Stream:
    """An open one; every event with the time of its arrival is in `events`."""

    def __init__(self, front, target, source="127.0.0.1", **headers):
        self.events, self.ended = [], False
        self._connection = connection(front, source)
        self._connection.request("GET", target, headers={name.replace("_", "-"): it for name, it in headers.items()})
        self._answer = self._connection.getresponse()
        self.status, self.headers = self._answer.status, self._answer.headers
        self._socket = self._connection.sock or self._answer.fp.raw._sock
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A closed socket would not wake the one who reads it.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self):
        lines = []
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while line := self._answer.readline():
                text = line.decode().rstrip("\n")
                if not text:
                    if any(not it.startswith(":") for it in lines):
                        self.events.append(Event(lines))
                    lines = []
                else:
                    lines.append(text)
        self.ended = True

    def until(self, like, what, since=0):
        """The first event from number `since` on that is like this."""
        found = lambda: [it for it in self.events[since:] if like(it)]  # noqa: E731
        try:
            return wait_until(found, what)[0]
        except RuntimeError:
            heard = [(it.name, it.data[:100]) for it in self.events]
            raise AssertionError(f"never came: {what}; heard {heard}, ended: {self.ended}") from None


class Follower:
    """Holds a project's units whatever happens, by the rules of docs/API.md: `retry`, Last-Event-ID, 2 to 30 s after
    a refusal, shortened here."""

    def __init__(self, front, project):
        self.units, self.opened, self.refused, self.wholes = {}, 0, 0, 0
        self._front, self._target = front, f"/api/public/{project}/status/stream"
        self._last, self._retry, self._leaves, self._stream = None, 1.0, threading.Event(), None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._leaves.set()
        if self._stream:
            self._stream.__exit__()
        self._thread.join(PATIENCE_SECONDS)

    def _follow(self):
        while not self._leaves.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                headers = {"Last_Event_ID": self._last} if self._last else {}
                with Stream(self._front, self._target, **headers) as self._stream:
                    self._take(self._stream)
            self._leaves.wait(self._retry)

    def _take(self, stream):
        if stream.status != 200:
            self.refused += 1
            self._retry = random.uniform(0.2, 0.6)
            return
        self.opened += 1
        taken = 0
        while not (stream.ended and taken == len(stream.events)) and not self._leaves.is_set():
            for event in stream.events[taken:]:
                self._fold(event)
                taken += 1
            time.sleep(0.02)

    def _fold(self, event):
        self._last = event.id or self._last
        self._retry = int(event.retry) / 1000 if event.retry else self._retry
        if event.name == "status_update":
            self.units, self.wholes = event.json()["statuses"], self.wholes + 1
        elif event.name == "bulk_update":
            gone = event.json().get("removed", ())
            self.units = {unit: word for unit, word in (self.units | event.json()["updates"]).items() if unit not in gone}

    def shows(self, unit, word):
        wait_until(lambda: self.units.get(unit) == word, f"{unit} is {word}, by {self._last}; it has {self.units.get(unit)}")
