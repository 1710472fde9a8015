#!/usr/bin/env python3
"""Follows a device and the alerts of a tenant, and prints one line per change. Python 3.9 or newer, and
`pip install websockets`, 15 or newer.

    python3 follow.py [DEVICE [BASE]] [--token-file FILE] [--until N]

The token is read from FILE whenever one is needed, so what is renewed there is renewed here; without FILE it is
DEMO_JWT. It is no argument, since other users of a machine see those. What goes over the wire is in docs/API.md,
"WebSocket".
"""

import argparse
import json
import os
import pathlib
import random
import sys
import time

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

SHORTEST_PAUSE, FIRST_PAUSE, LONGEST_PAUSE = 0.5, 2, 30
LARGEST_MESSAGE = 16 * 1024 * 1024

# Close codes that no further attempt mends. All others pass: 1001 the server stops, 1006 no goodbye, 1013 it is full or
# cannot check tokens now, 4029 too many sockets of this tenant.
FOR_GOOD = {
    1002: "this program does not speak WebSocket",
    1007: "this program sent what is not UTF-8",
    1008: "this program sent too many bad messages",
    1009: "a message was too large",
    4003: "this token's tenant or role may not see anything",
}
NEEDS_ANOTHER_TOKEN = {4001, 4010}  # not accepted; over
CROWDED, CROWDED_PAUSE = 4029, 20


class Ended(Exception):
    """Nothing will follow."""


class Tenant:
    """What is known. It outlives connections, so what is told again after one is no change."""

    def __init__(self):
        self.reading, self.alerts, self.states, self.changes = None, None, {}, 0

    def take(self, message):
        if message["type"] == "telemetry" and message["data"] != self.reading:
            data = message["data"]
            self.changes += self.reading is not None
            self.reading = data
            say(f"{message['device_id']}: {json.dumps(data['metrics'], sort_keys=True)} at {data['timestamp']}")
        elif message["type"] == "alerts":
            self.replace({alert["alert_id"]: alert for alert in message["alerts"]}, message["total"])
        elif message["type"] == "state":
            self.freshness(message.get("device_id", "alerts"), message)
        elif message["type"] == "error":
            note(f"the server says: {message['message']}")

    def replace(self, alerts, total):
        """The list is always whole, but of more than a hundred it has the newest only."""
        before, self.alerts = self.alerts, alerts
        if before is None:
            say(f"{total} open alerts")
        for number, alert in alerts.items():
            if before is None:
                say(named(alert))
            elif alert != before.get(number):
                self.changes += 1
                say(f"{'changed' if number in before else 'opened'}: {named(alert)}")
        for number in sorted((before or {}).keys() - alerts.keys()):
            self.changes += 1
            say(f"{'closed' if total == len(alerts) else 'closed, or older than those shown'}: {named(before[number])}")

    def freshness(self, channel, message):
        """While a source is stale nothing comes from it: what is known stays, and may be old."""
        if message["state"] != self.states.get(channel, "live"):
            self.states[channel] = message["state"]
            say(f"{channel}: {message['state']} since {message['since']}")


class Follower:
    def __init__(self, address, device, token_file, until):
        self.address, self.device, self.token_file, self.until = address, device, token_file, until
        self.tenant, self.failures, self.token = Tenant(), 0, None

    def run(self):
        """Returns after enough changes."""
        while True:
            try:
                return self.connection()
            except ConnectionClosed as end:
                why, pause = self.after(end.rcvd)
            except InvalidStatus as refusal:
                why, pause = self.refused(refusal.response)
            except json.JSONDecodeError:
                why, pause = "a message that cannot be read", 0
            except BrokenPipeError:  # of the output: sockets tell of it as ConnectionClosed
                raise
            except (OSError, InvalidHandshake) as error:
                why, pause = error, 0
            # Whatever many clients do at once is spread: a server that comes back must not be trampled.
            pause += random.uniform(SHORTEST_PAUSE, min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.failures))
            self.failures = min(self.failures + 1, 10)
            note(f"{why}; again in {pause:.1f} s")
            time.sleep(pause)

    def connection(self):
        """The package answers pings, and sends its own: a dead connection is one that was closed without a word."""
        self.token = self.read_token()
        headers = {"Authorization": f"Bearer {self.token}"}
        with connect(self.address, additional_headers=headers, max_size=LARGEST_MESSAGE) as socket:
            socket.send(json.dumps({"action": "subscribe", "type": "alerts"}))
            socket.send(json.dumps({"action": "subscribe", "type": "device", "device_id": self.device}))
            while True:
                message = json.loads(socket.recv())
                if message["type"] == "subscribed":
                    # A server that takes a socket and closes it at once has not recovered: its word counts.
                    self.failures = 0
                    note(f"subscribed to {message.get('device_id', message['channel'])}")
                elif message["type"] == "token_expiring":
                    self.renew(socket, message["in_seconds"])
                elif message["type"] == "authenticated":
                    note(f"token renewed, good for {message['expires_in']} s")
                self.tenant.take(message)
                if self.until and self.tenant.changes >= self.until:
                    return

    def renew(self, socket, seconds):
        """In place: the subscriptions stay."""
        token = self.read_token()
        if token == self.token:
            return note(f"the token ends in {seconds} s, and there is no other yet")
        self.token = token
        socket.send(json.dumps({"action": "authenticate", "token": token}))

    def after(self, goodbye):
        """Why the socket was closed, and how long to wait at least."""
        if not goodbye:
            return "the connection is lost", 0
        why = f"closed with {goodbye.code} {goodbye.reason}".rstrip()
        if goodbye.code in FOR_GOOD:
            raise Ended(f"{why}: {FOR_GOOD[goodbye.code]}") from None
        if goodbye.code in NEEDS_ANOTHER_TOKEN and self.read_token() == self.token:
            raise Ended(f"{why}: another token is needed") from None
        return why, CROWDED_PAUSE if goodbye.code == CROWDED else 0

    def refused(self, answer):
        """Before there was a socket, for instance by a proxy."""
        if answer.status_code < 500 and answer.status_code != 429:
            raise Ended(f"no WebSocket at {self.address}: HTTP {answer.status_code}") from None
        after = answer.headers.get("Retry-After", "")
        return f"HTTP {answer.status_code}", int(after) if after.isdigit() else 0

    def read_token(self):
        try:
            return (self.token_file.read_text() if self.token_file else os.environ["DEMO_JWT"]).strip()
        except (OSError, KeyError):
            raise Ended(f"no token in {self.token_file or 'DEMO_JWT'}") from None


def named(alert):
    return f"alert {alert['alert_id']}, {alert['alert_type']} of severity {alert['severity']}: {alert['summary']}"


def say(text):
    print(text, flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


def main():
    reader = argparse.ArgumentParser(description="Follows a device and the alerts of a tenant, one line per change.")
    reader.add_argument("device", nargs="?", default="dev-0001")
    reader.add_argument("base", nargs="?", default=os.environ.get("TELEMETRY_URL", "http://127.0.0.1:8090"))
    reader.add_argument("--token-file", type=pathlib.Path, metavar="FILE", help="where the token is; else it is DEMO_JWT")
    reader.add_argument("--until", type=int, default=0, metavar="N", help="end after N changes")
    options = reader.parse_args()
    if not options.base.startswith(("http://", "https://")):
        reader.error(f"{options.base} is no http:// or https:// address")
    if options.until < 0:
        reader.error("--until wants a number of changes")
    address = f"ws{options.base.rstrip('/').removeprefix('http')}/api/v2/ws"
    try:
        Follower(address, options.device, options.token_file, options.until).run()
    except Ended as end:
        sys.exit(f"{end}")
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # nobody reads on, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
