#!/usr/bin/env python3
"""Follows the statuses of a project and prints one line per change. Python 3.9 or newer, nothing to install.

    python3 follow.py [SLUG [BASE]] [--until N]

What goes over the wire is in docs/API.md, "Stream".
"""

import argparse
import codecs
import collections
import http.client
import json
import os
import random
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# The server speaks every 30 s (PING_SECONDS); three times that without a word is a dead connection.
SILENCE_SECONDS = 95
SHORTEST_PAUSE, FIRST_PAUSE, LONGEST_PAUSE = 2, 4, 30

Event = collections.namedtuple("Event", "name data id retry")


class Lost(Exception):
    """No stream, for a reason that may pass: `why`, and the seconds that the server asks to wait."""

    def __init__(self, why, retry=0):
        super().__init__(why)
        self.retry = retry


class Ended(Exception):
    """Nothing will follow."""


def lines(chunks):
    """A line ends with CR LF, LF or CR. A chunk ends anywhere: inside a character, between CR and LF."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    rest, after_cr = "", False
    for chunk in chunks:
        text = decode(chunk)
        if not text:
            continue
        first, *others = re.split("\r\n|\r|\n", text[1:] if after_cr and text[0] == "\n" else text)
        after_cr = text[-1] == "\r"
        *whole, rest = rest + first, *others
        yield from whole


def events(chunks, last_id):
    """An empty line ends an event. What is cut off before that line never was: it comes again."""
    name, data, retry = "", [], 0
    for line in lines(chunks):
        field, _, value = line.partition(":")  # a comment is a field without a name
        value = value[1:] if value.startswith(" ") else value
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and re.fullmatch("[0-9]+", value):
            retry = int(value) / 1000
        elif not line:
            if data:
                yield Event(name or "message", "\n".join(data), last_id, retry)
            name, data = "", []


def stream(address, last_id):
    """The events of one connection, which always ends: with `Lost` or `Ended`."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=SILENCE_SECONDS) as answer:
            if answer.headers.get_content_type() != "text/event-stream":
                raise Lost(f"no event stream but {answer.headers.get_content_type()}")
            yield from events(iter(lambda: answer.read1(65536), b""), last_id)
    except urllib.error.HTTPError as refusal:
        if refusal.code == 404:
            raise Ended(f"no such project: {address} answers 404") from None
        after = refusal.headers.get("Retry-After", "")
        raise Lost(f"HTTP {refusal.code}", int(after) if after.isdigit() else 0) from None
    except (OSError, http.client.HTTPException) as error:
        raise Lost(getattr(error, "reason", error)) from None
    raise Lost("the stream ended")


class Board:
    """What is known of the project. It outlives connections."""

    def __init__(self):
        self.units, self.state, self.changes = None, None, 0

    def take(self, name, data):
        if name == "status_update":  # the whole: what it does not name is gone
            self.replace(data["statuses"])
        elif name == "bulk_update":  # what changed: what it does not name stays
            self.change(data["updates"], data.get("removed", []))
        if data.get("state", self.state) != self.state:
            self.state = data["state"]
            say(f"state: {self.state}, as of {data['as_of'] or 'never'}")

    def replace(self, units):
        if self.units is None:
            self.units = units
        else:
            self.change(units, sorted(self.units.keys() - units.keys()))
        counts = sorted(collections.Counter(units.values()).items())
        say(f"{len(units)} units" + "".join(f", {count} {status}" for status, count in counts))

    def change(self, updates, removed):
        for unit, status in [*updates.items(), *((unit, None) for unit in removed)]:
            before = self.units.pop(unit, None)
            if status:
                self.units[unit] = status
            if status != before:
                self.changes += 1
                say(f"{unit}: {before or 'new'} -> {status or 'gone'}")


def follow(address, board, until):
    last_id, failures = "", 0
    while True:
        retry = 0
        try:
            for event in stream(address, last_id):
                data, retry = json.loads(event.data), event.retry
                if event.name == "connected":
                    failures = 0
                    note("connected")
                elif event.name == "closed" and data["reason"] != "draining":
                    raise Ended(f"the server ended the stream for good: {data['reason']}")
                else:
                    board.take(event.name, data)
                last_id = event.id  # only now: what was not taken has to come again
                if until and board.changes >= until:
                    return say(json.dumps(board.units, sort_keys=True))
        except Lost as lost:
            why, retry = lost, lost.retry or retry
        except json.JSONDecodeError:
            why, last_id = "a frame that cannot be read may have been a change: the whole again", ""
        # Whatever many clients do at once is spread: a server that comes back must not be trampled.
        pause = max(retry, random.uniform(SHORTEST_PAUSE, min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures)))
        failures = min(failures + 1, 10)
        note(f"{why}; again in {pause:.1f} s")
        time.sleep(pause)


def say(text):
    print(text, flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


def main():
    reader = argparse.ArgumentParser(description="Follows the statuses of a project and prints one line per change.")
    reader.add_argument("slug", nargs="?", default="harbour-tower")
    reader.add_argument("base", nargs="?", default=os.environ.get("PUBLIC_URL", "http://127.0.0.1:8080"))
    reader.add_argument("--until", type=int, default=0, metavar="N", help="end after N changes and print all units")
    options = reader.parse_args()
    if not options.base.startswith(("http://", "https://")):
        reader.error(f"{options.base} is no http:// or https:// address")
    if options.until < 0:
        reader.error("--until wants a number of changes")
    slug = urllib.parse.quote(options.slug, safe="")
    try:
        follow(f"{options.base.rstrip('/')}/api/public/{slug}/status/stream", Board(), options.until)
    except Ended as end:
        sys.exit(f"{end}")
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # nobody reads on, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
