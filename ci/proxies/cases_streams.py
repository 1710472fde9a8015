"""What comes through: at once, unbuffered, with its headers, both ways; and what a drain or a reload costs."""

import json
import secrets
import ssl
import statistics
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from proxies.clients import Direct, Follower, Stream, ask
from proxies.world import QUIET, SECRET, TENANT, TOWER, basic
from stage import PATIENCE_SECONDS, wait_until
from telemetry.world import token

STREAM = f"/api/public/{TOWER}/status/stream"
# Between a write and its arrival behind the proxy.
WITHIN_SECONDS = 1
WRITES = 9
# `PING_SECONDS` of the services here.
SILENCE_SECONDS = 30


def socket(front, query="", **options):
    address = f"wss://127.0.0.1:{front.port}/api/v2/ws{query}"
    # This client reads and writes in two threads, which Python's TLS bears badly while a handshake of 1.3 is not quite over:
    # one connection of some hundreds would be lost, by whatever proxy.
    context = ssl.create_default_context(cafile=front.folder / "farol.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return connect(address, ssl=context, open_timeout=PATIENCE_SECONDS, max_size=None, **options)


def bearer():
    return token(TENANT, secret=SECRET)


def say(ws, action, **members):
    ws.send(json.dumps({"action": action} | members))


def hear(ws, like):
    """The first message that is like this; none of it may be long in coming."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        message = json.loads(ws.recv(timeout=max(0.1, deadline - time.monotonic())))
        if like(message):
            return message


def whole(event):
    return event.name == "status_update" and QUIET in event.json()["statuses"]


def says(word):
    return lambda it: QUIET in it.data and (it.json().get("statuses") or it.json().get("updates"))[QUIET] == word


def announce(front, version):
    body = json.dumps({"version": version}).encode()
    status, _, told = ask(front, "POST", "/api/deployments/version", body, Content_Type="application/json", **basic())
    assert status == 202, (status, told)


def judged(waits, what):
    middle, longest = statistics.median(waits), max(waits)
    assert middle < WITHIN_SECONDS, f"{what}: {middle:.2f} s between write and arrival, {longest:.2f} s at most"
    return f"{what} {middle * 1000:.0f} ms"


def what_is_written_arrives_within_a_second_and_while_the_stream_is_open(world, front):
    told = []
    # Between the service's write and its arrival behind the proxy: somebody is at the service's own port.
    with Stream(Direct(world, "public"), STREAM) as near, Stream(front, STREAM) as far:
        assert far.until(lambda it: it.name == "connected", "the first frame of a stream that goes on").retry
        near.until(whole, "the whole state"), far.until(whole, "the whole state")
        waits = []
        for number in range(WRITES // 3):
            word = ("sold", "reserved")[number % 2]
            before, behind = len(near.events), len(far.events)
            world.set_unit(word)
            written = near.until(says(word), f"{QUIET} is {word}", before).at
            waits.append(far.until(says(word), f"{QUIET} is {word}", behind).at - written)
        assert not far.ended
        told.append(judged(waits, "status"))
    with Stream(front, f"/api/sse/utils/version?request_id={secrets.token_hex(8)}") as stream:
        stream.until(lambda it: it.name == "connection_open", "the gateway's stream is open")
        waits = []
        for number in range(WRITES):
            at = time.monotonic()
            announce(front, f"9.9.{number}")
            found = stream.until(lambda it: it.name == "version" and f'"9.9.{number}"' in it.data, f"version 9.9.{number}")  # noqa: B023
            waits.append(found.at - at)
        told.append(judged(waits, "gateway"))
    world.device("dev-1")
    with socket(front, subprotocols=["bearer", bearer()]) as ws:
        say(ws, "subscribe", type="device", device_id="dev-1")
        hear(ws, lambda it: it["type"] == "subscribed")
        waits = []
        for number in range(WRITES):
            at = time.monotonic()
            world.reading("dev-1", number=number)
            hear(ws, lambda it: it["type"] == "telemetry" and it["data"]["metrics"] == {"number": number})  # noqa: B023
            waits.append(time.monotonic() - at)
        told.append(judged(waits, "telemetry"))
    return ", ".join(told)


def last_event_id_passes_and_is_answered_by_what_was_missed(world, front):
    with Follower(front, TOWER) as keeper, Stream(front, STREAM) as stream:
        seen = stream.until(whole, "the whole state")
        before = seen.json()["statuses"][QUIET]
        after = "reserved" if before == "sold" else "sold"
        world.set_unit(after)
        keeper.shows(QUIET, after)
        # By header, and by the query for who cannot send one.
        for target, headers in ((STREAM, {"Last_Event_ID": seen.id}), (f"{STREAM}?last_event_id={seen.id}", {})):
            with Stream(front, target, **headers) as back:
                missed = back.until(lambda it: it.id, "what was missed")
                assert (missed.name, missed.json()["updates"].get(QUIET)) == ("bulk_update", after), missed.data[:200]
        with Stream(front, STREAM) as stranger:
            assert stranger.until(lambda it: it.id, "the state").name == "status_update"
    return 3


def a_socket_passes_both_ways_and_so_does_its_end(world, front):
    world.device("dev-2")
    own = f"https://127.0.0.1:{front.port}"
    sockets = []
    for options in ({"query": f"?token={bearer()}"}, {"subprotocols": ["bearer", bearer()]}, {"origin": own}):
        query = options.pop("query", "") or ("" if "subprotocols" in options else f"?token={bearer()}")
        sockets.append(socket(front, query, **options))
    for number, ws in enumerate(sockets):
        say(ws, "ping")
        hear(ws, lambda it: it["type"] == "pong")
        say(ws, "subscribe", type="device", device_id="dev-2")
        hear(ws, lambda it: it["type"] == "subscribed")
        world.reading("dev-2", number=number)
        hear(ws, lambda it: it["type"] == "telemetry" and it["data"]["metrics"] == {"number": number})  # noqa: B023
        assert ws.ping().wait(PATIENCE_SECONDS), "no pong of WebSocket"
    # A frame that is larger than any buffer on the way is answered by the limit, with its own code.
    sockets[0].send("x" * 70_000)
    assert code(sockets.pop(0)) == 1009
    sockets.append(socket(front, "?token=nobody's"))
    assert code(sockets.pop()) == 4001
    # Somebody else's page is refused by the service, which has been told by what name it was asked.
    assert ask(front, "GET", "/api/v2/ws", **upgrade(Origin="https://evil.example"))[0] == 403
    assert world.drain("telemetry") == 0
    assert [code(ws) for ws in sockets] == [1001, 1001]
    world.bring_back("telemetry")
    with socket(front, f"?token={bearer()}") as ws:
        say(ws, "ping")
        hear(ws, lambda it: it["type"] == "pong")
    return 4


def who_leaves_is_let_go_of_at_once(world, front):
    """Not with the next ping, which a service waits for where its proxy does not say that the client has gone."""
    wait_until(lambda: world.streams() == 0, "nobody is there")
    with Stream(front, STREAM) as stream:
        stream.until(lambda it: it.name == "connected", "a stream")
        assert world.streams() == 1
    wait_until(lambda: world.streams() == 0, "the service knows that its viewer has gone", SILENCE_SECONDS / 2)
    return 1


def upgrade(**headers):
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    return asked | {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="} | headers


def code(ws):
    try:
        while True:
            ws.recv(timeout=PATIENCE_SECONDS)
    except ConnectionClosed as end:
        return end.rcvd and end.rcvd.code


def a_drain_of_each_service_loses_nothing_for_who_comes_back(world, front):
    before = ask(front, "GET", f"/api/public/{TOWER}/status")[2]
    after = "reserved" if json.loads(before)["statuses"][QUIET] == "sold" else "sold"
    page = f"/api/sse/utils/version?request_id={secrets.token_hex(8)}"
    with Follower(front, TOWER) as viewer, Stream(front, page) as follower:
        wait_until(lambda: QUIET in viewer.units, "the viewer has the state")
        follower.until(lambda it: it.name == "connection_open", "the gateway's stream is open")
        assert world.drain("public") == 0
        world.set_unit(after)
        # Nobody is there: whoever asks now is told so by the proxy, and asks again.
        assert ask(front, "GET", STREAM)[0] == 502
        world.bring_back("public")
        viewer.shows(QUIET, after)
        assert viewer.opened >= 2 and viewer.wholes >= 2, (viewer.opened, viewer.wholes)
        assert world.drain("gateway") == 0
        wait_until(lambda: follower.ended, "the stream of a gateway that stops ends")
        assert any(it.retry for it in follower.events), "it says when to come back"
        announce(front, "10.0.0")
        world.bring_back("gateway")
        with Stream(front, page) as back:
            back.until(lambda it: it.name == "version" and "10.0.0" in it.data, "the version of meanwhile")
        # The gateway keeps the streams while its backend is away; a change after that finds them.
        with Stream(front, page) as kept:
            kept.until(lambda it: it.name == "version", "the present version")
            assert world.drain("admin") == 0
            world.bring_back("admin")
            wait_until(lambda: tells(front, kept), "a stream that was there before is told")
            assert not kept.ended
    return 3


def tells(front, stream):
    """The service that has just started takes over what the gateway holds; until then nobody is told."""
    version = f"10.{secrets.randbelow(10**9)}.0"
    announce(front, version)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        if any(version in it.data for it in stream.events):
            return True
        time.sleep(0.05)
    return False


def a_reload_loses_nothing(world, front):
    word = json.loads(ask(front, "GET", f"/api/public/{TOWER}/status")[2])["statuses"][QUIET]
    other = {"sold": "reserved"}.get(word, "sold")
    page = f"/api/sse/utils/version?request_id={secrets.token_hex(8)}"
    world.device("dev-3")
    over, statuses = threading.Event(), []

    def asks():
        while not over.is_set():
            statuses.append(ask(front, "GET", f"/api/public/{TOWER}/status")[0])

    with Follower(front, TOWER) as viewer, Stream(front, page) as run, socket(front, f"?token={bearer()}") as ws:
        wait_until(lambda: QUIET in viewer.units, "the viewer has the state")
        run.until(lambda it: it.name == "connection_open", "the gateway's stream is open")
        say(ws, "subscribe", type="device", device_id="dev-3")
        hear(ws, lambda it: it["type"] == "subscribed")
        asking = threading.Thread(target=asks, daemon=True)
        asking.start()
        world.set_unit(other)
        front.reload()
        front.reload()
        # Those who were there still are, with the old workers, and everybody hears what is new.
        viewer.shows(QUIET, other)
        announce(front, "11.0.0")
        run.until(lambda it: "11.0.0" in it.data, "a version after the reload")
        world.reading("dev-3", number=1)
        hear(ws, lambda it: it["type"] == "telemetry" and it["data"]["metrics"] == {"number": 1})
        over.set()
        asking.join(PATIENCE_SECONDS)
        assert viewer.opened == 1 and not run.ended, viewer.opened
        assert len(statuses) > 5 and set(statuses) == {200}, (len(statuses), set(statuses))
        assert any("shutting down" in told for told in front.workers().values()), "no old worker serves them"
    wait_until(lambda: not any("shutting down" in told for told in front.workers().values()), "old workers end with their streams")
    return len(statuses)
