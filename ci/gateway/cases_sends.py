"""Cases of POST /internal/send: what is refused, and what the client gets of the rest, byte by byte."""

import contextlib
import json
import time

from stage import free_port, wait_until
from world import Client, Scene, code

NOBODY = "3f0e1c6a-5a1f-4d0c-9a57-2a3a5f0f8c11"
EVENTS = (
    (None, "plain"),
    ("named", "plain"),
    ("", "an empty name is none"),
    (None, ""),
    ("named", ""),
    ("lines", "a\nb\r\nc\rd\n"),
    ("lines", "\r\n\r\r\n\n"),
    ("json", '{"a": [1, "x\\n"]}'),
    ("json", '{\n  "pretty": true\r\n}'),
    ("json", "[] x"),
    ("númeró", "ação \u2028 \U0001f600"),
    ("spaces and : colons", " : data: event: \n: comment"),
    ("ready", "an event that is called as ours"),
    ("rejected", ""),
    ("json", "12.50"),
    ("json", '"quoted"'),
    ("big", "x" * 200_000),
)


def what_is_sent_is_what_the_client_gets(logs, form):
    with Scene(logs, form) as scene:
        client, token = scene.stream()
        sent = scene.ready
        for name, data in EVENTS:
            assert scene.gateway.send(token, name, data) == (200, {"status": "ok"}), (name, data)
            sent += scene.wire(name, data)
            client.has(sent)
        told = scene.gateway.send(token)
        assert told == (200, {"status": "ok"}), f"a token alone is fine and sends nothing: {told}"
        assert scene.gateway.send(token, close=False) == (200, {"status": "ok"})
        client.has(sent)
        assert scene.gateway.send(token, "bye", "now", close=True) == (200, {"status": "ok"})
        client.ends()
        client.has(sent + scene.wire("bye", "now"))
        status, answer = scene.gateway.send(token, "late", "x")
        assert (status, code(answer)) == (404, "TOKEN_NOT_FOUND"), answer
        assert scene.backend.disconnect(token)["reason"] == "server_closed"
    return len(EVENTS) + 4


def wrong_orders_are_refused_in_the_documented_order(logs):
    token_text = "Invalid request: token is required and must be a string"
    event, worst = {"name": 1, "data": 1}, {"event": None, "close": 1}
    wrong_events = (
        ("INVALID_EVENT_TYPE", (None, "x", 1, [], True)),
        ("INVALID_EVENT_DATA_MISSING", ({}, event, {"data": None})),
        ("INVALID_EVENT_NAME_TYPE", [{"name": name, "data": ""} for name in (1, [])]),
        ("INVALID_EVENT_NAME", [{"name": name, "data": ""} for name in ("a\nb", "a\rb", "a\0b")]),
    )
    wanted = [({**worst, **token}, "INVALID_TOKEN_MISSING") for token in ({}, {"token": ""}, {"token": 1})]
    wanted += [({"token": NOBODY, "event": e, "close": 1}, word) for word, events in wrong_events for e in events]
    wanted += [({"token": NOBODY, "close": close}, "INVALID_CLOSE_TYPE") for close in (1, "true", None)]
    wanted += [(text, "INVALID_JSON") for text in (b"", b"{", b"token=x", b"\xff", b'{"token":"x"} x')]
    wanted += [(text, "INVALID_TOKEN_MISSING") for text in (b"[]", b"null", b'"x"', b"1")]
    with Scene(logs) as scene:
        for body, word in wanted:
            status, answer = scene.gateway.post(body)
            assert (status, code(answer)) == (400, word), (body, status, answer)
            assert word != "INVALID_TOKEN_MISSING" or answer["error"]["message"] == token_text, answer
        for token in (NOBODY, "no uuid", NOBODY.upper(), "x" * 5000):
            status, answer = scene.gateway.post({"token": token, "event": {"data": ""}, "more": {"is": "ignored"}})
            assert (status, code(answer)) == (404, "TOKEN_NOT_FOUND"), (token, answer)
        head, end = b'{"token":"%s","event":{"data":"' % NOBODY.encode(), b'"}}'
        most = (1 << 20) - len(head) - len(end)
        for size, wanted_answer in ((most, (404, "TOKEN_NOT_FOUND")), (most + 1, (413, "PAYLOAD_TOO_LARGE"))):
            status, answer = scene.gateway.post(head + b"x" * size + end)
            assert (status, code(answer)) == wanted_answer, (size, answer)
    return len(wanted) + 6


def a_batch_is_answered_one_by_one(logs):
    with Scene(logs) as scene:
        client, token = scene.stream()
        orders = [
            {"token": token, "event": {"name": "a", "data": "1", "id": "7"}},
            {"token": NOBODY},
            {"token": token, "event": None},
            {"token": token, "event": {"data": "2"}},
            3,
        ]
        status, answer = scene.gateway.post({"sends": orders})
        results = [(r["status"], r["body"].get("status") or code(r["body"])) for r in answer["results"]]
        wanted = [(200, "ok"), (404, "TOKEN_NOT_FOUND"), (400, "INVALID_EVENT_TYPE"), (200, "ok")]
        assert status == 200 and results == [*wanted, (400, "INVALID_TOKEN_MISSING")], answer
        wait_until(lambda: client.raw.endswith(b"data: 2\n\n"), "both events came")
        first = client.raw.removesuffix(b"data: 2\n\n")
        assert sorted(first.split(b"\n")) == [b"", b"", b"data: 1", b"event: a", b"id: 7"], client.raw
        status, answer = scene.gateway.post({"sends": [{"token": token}] * 1001})
        assert (status, code(answer)) == (413, "PAYLOAD_TOO_LARGE"), answer
        assert scene.gateway.post({"sends": []}) == (200, {"results": []})
    return 3


def a_door_of_its_own_with_a_secret(logs):
    with Scene(logs, INTERNAL_PORT=str(free_port()), INTERNAL_SECRET="hush") as scene:
        client, token = scene.stream()
        body, gateway = json.dumps({"token": token, "event": {"data": "x"}}).encode(), scene.gateway
        status, _, answer = gateway.ask("POST", "/internal/send", body, Authorization="Bearer hush")
        assert (status, code(answer)) == (404, "NOT_FOUND"), answer
        for wrong in ({}, {"Authorization": "Bearer husk"}, {"Authorization": "hush"}, {"Authorization": "Basic hush"}):
            status, answer = gateway.post(body, **wrong)
            assert (status, code(answer)) == (401, "INTERNAL_AUTH_FAILED"), answer
        assert gateway.post(body, Authorization="Bearer hush") == (200, {"status": "ok"})
        client.has(scene.wire(None, "x"))
        key = {"Authorization": "Bearer hush"}
        status, _, listed = gateway.ask("GET", "/internal/connections", None, gateway.internal, **key)
        listed = json.loads(listed)
        assert status == 200 and [c["token"] for c in listed["connections"]] == [token], listed
        assert set(listed["connections"][0]) == {"token", "url", "since", "bytes_queued"}, listed
        assert listed["instance"] == scene.backend.told("connect")[0]["instance"], listed
    return 7


def heartbeats_come_and_a_reader_that_does_not_read_goes(logs):
    with Scene(logs, HEARTBEAT_INTERVAL_SECONDS="1", SEND_BUFFER_BYTES="65536") as scene:
        client, token = scene.stream()
        wait_until(lambda: client.raw.count(b": heartbeat\n\n") >= 2, "two heartbeats")
        assert client.raw.replace(b": heartbeat\n\n", b"") == b"", client.raw
        url = "/deaf"
        deaf = Client(scene.gateway, url)
        token = scene.backend.connect(url)["token"]
        end = time.monotonic() + 20
        status = 200
        while status == 200 and time.monotonic() < end:
            status, answer = scene.gateway.send(token, data="x" * 60_000)
        assert (status, code(answer)) in ((500, "WRITE_FAILED"), (404, "TOKEN_NOT_FOUND")), answer
        assert scene.backend.disconnect(token)["reason"] == "error"
        assert scene.gateway.send(token, data="")[0] == 404
        with contextlib.suppress(OSError):
            deaf.leave()
    return 2


FORMS = (what_is_sent_is_what_the_client_gets,)
OTHERS = (
    wrong_orders_are_refused_in_the_documented_order,
    a_batch_is_answered_one_by_one,
    a_door_of_its_own_with_a_secret,
    heartbeats_come_and_a_reader_that_does_not_read_goes,
)
