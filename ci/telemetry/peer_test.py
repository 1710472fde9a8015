"""A program of somebody else on our WebSocket: the `websockets` package, four ways to hand in a token, and what
a tenant sees and never sees.

Run by `cargo xtask ci` with FAROL_BIN_DIR and DATABASE_URL. Logs go to target/peers/.
"""

import json
import pathlib
import sys
import time
import traceback

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from stage import PATIENCE_SECONDS
from world import SECRET, World, get, token

# What would mean something in SQL, in InfluxQL, in an address or in a log. None of it is the name of a device.
FRAGMENTS = (
    "dev-0001' OR '1'='1",
    "dev-0001'; DROP TABLE telemetry; --",
    "' UNION SELECT metrics FROM telemetry --",
    'dev-0001" OR "device_id" =~ /.*/',
    "dev-0001' OR \"tenant_id\"='tenant-b",
    "/.*/",
    "../tenant-b/dev-0001",
    "%' OR true",
    "dev-0001\n",
    "dev\u0000",
    "*",
)


class Viewer:
    """One socket, with every message that came on it."""

    def __init__(self, world, query="", **options):
        address = world.base.replace("http:", "ws:") + "/api/v2/ws" + query
        self._connection = connect(address, open_timeout=PATIENCE_SECONDS, max_size=None, **options)
        self.heard = []

    def __enter__(self):
        self._socket = self._connection.__enter__()
        self.protocol = self._socket.subprotocol
        return self

    def __exit__(self, *reason):
        self._connection.__exit__(*reason)

    def say(self, action, **members):
        self._socket.send(json.dumps({"action": action} | members))

    def send(self, raw):
        self._socket.send(raw)

    def next(self, patience=PATIENCE_SECONDS):
        message = json.loads(self._socket.recv(timeout=patience))
        self.heard.append(message)
        return message

    def until(self, like, what):
        """The first message from here on that is like this."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                message = self.next(deadline - time.monotonic())
            except TimeoutError:
                break
            if like(message):
                return message
        raise AssertionError(f"never came: {what}; heard {self.heard[-10:]}")

    def expect(self, **members):
        """The next message, which must have exactly these members."""
        message = self.next()
        assert message == members, f"{message} instead of {members}"

    def watch(self, device):
        self.say("subscribe", type="device", device_id=device)
        self.expect(type="subscribed", channel="device", device_id=device)

    def reading(self, device, **metrics):
        """Waits for a push of this device with these metrics."""
        like = lambda it: it["type"] == "telemetry" and it["device_id"] == device and it["data"]["metrics"] == metrics  # noqa: E731
        return self.until(like, f"{device} {metrics}")

    def alerts(self, *summaries):
        """Waits for a list of exactly these, newest first."""
        like = lambda it: it["type"] == "alerts" and [alert["summary"] for alert in it["alerts"]] == list(summaries)  # noqa: E731
        return self.until(like, f"alerts {summaries}")

    def drain(self):
        """Everything up to a pong: whatever was under way when it was asked for has come before it."""
        self.say("ping")
        self.until(lambda it: it["type"] == "pong", "a pong")

    def closed(self):
        """Waits for the end: code and reason."""
        try:
            while True:
                self.next()
        except ConnectionClosed as end:
            assert end.rcvd is not None, "no goodbye"
            return end.rcvd.code, end.rcvd.reason


def refused(world, query="", **options):
    with Viewer(world, query, **options) as viewer:
        return viewer.closed()


def a_tenant_sees_each_reading_and_each_change_of_its_alerts(world):
    world.device("tenant-a", "dev-0001")
    world.reading("tenant-a", "dev-0001", {"t": 0, "old": True}, seconds_ago=60)
    world.reading("tenant-a", "dev-0001", {"t": 1.5, "n": 7, "ok": True, "s": "x", "l": [1], "o": {"k": 1}, "z": None})
    first = world.open_alert("tenant-a", "dev-0001", "first")
    with Viewer(world, f"?token={token()}") as viewer:
        viewer.watch("dev-0001")
        push = viewer.next()
        assert push["data"]["metrics"] == {"t": 1.5, "n": 7, "ok": True, "s": "x", "l": [1], "o": {"k": 1}}, push
        assert push["data"]["timestamp"].endswith("Z"), push
        for value in range(5):
            world.reading("tenant-a", "dev-0001", {"t": value})
            viewer.reading("dev-0001", t=value)
        viewer.say("subscribe", type="alerts")
        viewer.expect(type="subscribed", channel="alerts")
        told = viewer.alerts("first")
        members = set("alert_id tenant_id device_id site_id alert_type severity confidence summary status created_at".split())
        assert set(told["alerts"][0]) == members and told["total"] == 1, told
        second = world.open_alert("tenant-a", "dev-0001", "second")
        viewer.alerts("second", "first")
        world.change_alert(first, severity=5)
        worse = viewer.until(lambda it: it["type"] == "alerts", "the change")
        assert [alert["severity"] for alert in worse["alerts"]] == [3, 5], worse
        world.close_alert(second)
        viewer.alerts("first")
        world.change_alert(first, status="ACKNOWLEDGED")
        viewer.alerts()
        viewer.say("unsubscribe", type="device", device_id="dev-0001")
        viewer.until(lambda it: it["type"] == "unsubscribed", "the end of a subscription")
        world.reading("tenant-a", "dev-0001", {"t": "unheard"})
        # A later one of the other kind has come: the reading would have, too.
        world.open_alert("tenant-a", "dev-0001", "third")
        viewer.alerts("third")
        assert "unheard" not in str(viewer.heard), viewer.heard
    return len(viewer.heard)


def nothing_of_another_tenant_comes_whatever_is_asked(world):
    for tenant, mark in (("tenant-c", "ours"), ("tenant-b", "THEIRS")):
        world.device(tenant, "shared")
        world.reading(tenant, "shared", {"whose": mark})
        world.open_alert(tenant, "shared", f"{mark} alert")
    world.device("tenant-b", "only-theirs")
    world.reading("tenant-b", "only-theirs", {"whose": "THEIRS"})
    with Viewer(world, f"?token={token('tenant-c')}") as viewer, Viewer(world, f"?token={token('tenant-b')}") as other:
        viewer.watch("only-theirs")
        viewer.watch("shared")
        viewer.reading("shared", whose="ours")
        viewer.say("subscribe", type="alerts")
        viewer.until(lambda it: it["type"] == "subscribed", "the alerts")
        viewer.alerts("ours alert")
        for fragment in FRAGMENTS:
            viewer.say("subscribe", type="device", device_id=fragment)
            answer = viewer.until(lambda it: it["type"] == "error", fragment)
            assert "device_id" in answer["message"] and fragment not in answer["message"], answer
            viewer.drain()
        other.watch("only-theirs")
        other.reading("only-theirs", whose="THEIRS")
        for value in range(3):
            world.reading("tenant-b", "only-theirs", {"whose": "THEIRS", "n": value})
            world.reading("tenant-b", "shared", {"whose": "THEIRS", "n": value})
            number = world.open_alert("tenant-b", "only-theirs", "THEIRS again")
            other.reading("only-theirs", whose="THEIRS", n=value)
            world.close_alert(number)
            # What was written after theirs has come, so theirs is not merely late.
            world.reading("tenant-c", "shared", {"whose": "ours", "n": value})
            viewer.reading("shared", whose="ours", n=value)
        viewer.drain()
        told = json.dumps(viewer.heard)
        assert "THEIRS" not in told and "tenant-b" not in told, told
        assert not [it for it in viewer.heard if it.get("type") == "telemetry" and it["device_id"] == "only-theirs"]
    nothing_of_another_tenant_comes_over_rest(world)
    return len(viewer.heard)


def nothing_of_another_tenant_comes_over_rest(world):
    bearer = token("tenant-c")
    status, body = get(f"{world.base}/api/v2/devices", bearer)
    assert status == 200 and [it["device_id"] for it in body["devices"]] == ["shared"], body
    assert get(f"{world.base}/api/v2/devices/only-theirs", bearer)[0] == 404
    status, body = get(f"{world.base}/api/v2/devices/only-theirs/telemetry", bearer)
    assert (status, body["telemetry"]) == (200, []), body
    for path in ("devices", "alerts", "devices/shared/telemetry", "devices/shared/telemetry/latest?count=10"):
        status, body = get(f"{world.base}/api/v2/{path}", bearer)
        assert status == 200 and "THEIRS" not in str(body) and "tenant-b" not in str(body), body


def a_token_may_be_handed_in_four_ways(world):
    bearer = token()
    status, ticket = get(f"{world.base}/api/v2/ws-ticket", bearer)
    assert status == 200 and ticket["expires_in"] == 30, ticket
    ways = (
        {"query": f"?token={bearer}"},
        {"query": f"?ticket={ticket['ticket']}"},
        {"subprotocols": ["bearer", bearer]},
        {"additional_headers": {"Authorization": f"Bearer {bearer}"}},
    )
    for way in ways:
        with Viewer(world, **way) as viewer:
            viewer.say("ping")
            viewer.expect(type="pong")
            assert viewer.protocol == ("bearer" if "subprotocols" in way else None), viewer.protocol
    return len(ways)


def who_may_not_is_told_by_a_close_code(world):
    missing, invalid = (4001, "Missing token parameter"), (4001, "Invalid or expired token")
    unauthorized, no_ticket = (4003, "Unauthorized"), (4008, "Invalid or expired ticket")
    used = get(f"{world.base}/api/v2/ws-ticket", token())[1]["ticket"]
    with Viewer(world, f"?ticket={used}") as viewer:
        viewer.drain()
    cases = [
        ("", missing),
        ("?token=", missing),
        ("?token=garbage", invalid),
        (f"?token={token(seconds=-60)}", invalid),
        (f"?token={token(nbf=time.time() + 600)}", invalid),
        (f"?token={token(aud='others')}", invalid),
        (f"?token={token(secret=SECRET + '!')}", invalid),
        (f"?token={token(header={'alg': 'none'})}", invalid),
        (f"?token={token(exp=None)}", invalid),
        (f"?token={token(tenant=None)}", unauthorized),
        (f"?token={token(role='operator')}", unauthorized),
        (f"?token={token(role=None)}", unauthorized),
        ("?ticket=garbage", no_ticket),
        (f"?ticket={'0' * 64}", no_ticket),
        (f"?ticket={used}", no_ticket),
    ]
    for query, expected in cases:
        told = refused(world, query)
        assert told == expected, f"{query[:40]}: {told} instead of {expected}"
    return len(cases)


def a_token_that_ends_is_told_before_and_renewed_in_place(world):
    bearer = lambda seconds: f"?token={token(seconds=seconds)}"  # noqa: E731
    with Viewer(world, bearer(4)) as renewed, Viewer(world, bearer(4)) as left:
        for viewer in (renewed, left):
            warning = viewer.until(lambda it: it["type"] == "token_expiring", "the warning")
            assert 0 <= warning["in_seconds"] <= 60, warning
        renewed.say("authenticate", token=token())
        renewed.until(lambda it: it["type"] == "authenticated", "the renewal")
        assert left.closed() == (4010, "Token expired")
        renewed.say("ping")
        renewed.until(lambda it: it["type"] == "pong", "life after the old token's end")
    return 2


def main():
    logs = pathlib.Path(__file__).resolve().parents[2] / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    cases = (
        a_tenant_sees_each_reading_and_each_change_of_its_alerts,
        nothing_of_another_tenant_comes_whatever_is_asked,
        a_token_may_be_handed_in_four_ways,
        who_may_not_is_told_by_a_close_code,
        a_token_that_ends_is_told_before_and_renewed_in_place,
    )
    failed = 0
    with World(logs) as world:
        for case in cases:
            name = case.__name__.replace("_", " ")
            try:
                print(f"ok      {name}: {case(world)}", flush=True)
            except (AssertionError, OSError, KeyError, ConnectionClosed, RuntimeError):
                print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
