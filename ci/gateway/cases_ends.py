"""Cases of the end of a stream: who hears of it, how often, and in which order."""

import signal
import threading

from stage import PATIENCE_SECONDS, wait_until
from world import Client, Gateway, Scene, never_more


def each_end_is_told_once_with_its_reason(logs, form):
    with Scene(logs, form) as scene:
        left, left_token = scene.stream()
        closed, closed_token = scene.stream()
        left.leave()
        assert scene.gateway.send(closed_token, close=True) == (200, {"status": "ok"})
        closed.ends()
        closed.has(scene.ready)
        for token, reason in ((left_token, "client_closed"), (closed_token, "server_closed")):
            call = scene.backend.disconnect(token)
            (connect,) = [c for c in scene.backend.told("connect") if c["token"] == token]
            assert (call["reason"], call["request"]) == (reason, connect["request"]), call
            assert call["disconnect_id"] and call["instance"] == connect["instance"], call
            assert scene.gateway.send(token, data="x")[0] == 404
        never_more(lambda: len(scene.backend.told("disconnect")) > 2, "an end was told twice")
    return 2


def a_client_that_leaves_early_is_told_after_its_connect(logs, form):
    with Scene(logs, form) as scene:
        let_go = threading.Event()

        def answer(call):
            if call["action"] == "connect":
                let_go.wait(PATIENCE_SECONDS)
                # Whoever has left is not reached any more, and nothing breaks.
                assert scene.gateway.send(call["token"], data="x")[0] in (200, 404)
            return 200, b'{"event":{"name":"hello","data":""}}'

        scene.backend.answer = answer
        url = scene.url()
        client = Client(scene.gateway, url)
        token = scene.backend.connect(url)["token"]
        client.leave()
        never_more(lambda: scene.backend.told("disconnect"), "a disconnect overtook its connect")
        let_go.set()
        assert scene.backend.disconnect(token)["reason"] == "client_closed"
        never_more(lambda: len(scene.backend.told("disconnect")) > 1, "an end was told twice")
    return 1


def an_end_that_nobody_takes_is_told_again_with_the_same_id(logs):
    with Scene(logs) as scene:
        client, token = scene.stream()
        failures = iter((500, 503, 302))
        scene.backend.answer = lambda call: (next(failures, 200), b"")
        client.leave()
        scene.backend.disconnect(token, 4)
        calls = scene.backend.told("disconnect", token)
        assert len({call["disconnect_id"] for call in calls}) == 1, calls
        never_more(lambda: len(scene.backend.told("disconnect")) > 4, "told again after a 2xx", 1)
        client, token = scene.stream()
        scene.backend.answer = lambda call: (404, b"")
        client.leave()
        scene.backend.disconnect(token)
        never_more(lambda: len(scene.backend.told("disconnect", token)) > 1, "told again after a 4xx", 1)
    return 2


def a_stop_ends_every_stream_and_tells_of_each(logs):
    with Scene(logs, "named") as scene:
        streams = [scene.stream() for _ in range(40)]
        assert scene.gateway.end() == 0
        for client, token in streams:
            client.ends()
            assert client.raw.startswith(b"retry: ") and client.raw.endswith(b"\n\n"), client.raw
            assert [c["reason"] for c in scene.backend.told("disconnect", token)] == ["server_closed"]
        assert len({client.raw for client, _ in streams}) > 5, "all come back at once"
    with Scene(logs) as scene:
        scene.stream()
        scene.backend.stop()
        assert scene.gateway.end() == 1, "an end that was told to nobody is a failure"
    return 41


def a_killed_gateway_leaves_a_way_to_know_who_is_gone(logs):
    with Scene(logs) as scene:
        _, token = scene.stream()
        before = scene.backend.told("connect")[0]["instance"]
        scene.gateway.end(signal.SIGKILL)
        assert not scene.backend.told("disconnect"), "nobody could tell"
        with Gateway(scene.backend, logs) as second:
            scene.gateway, first = second, scene.gateway
            scene.stream()
            after = scene.backend.told("connect")[-1]["instance"]
            assert before != after, "the backend cannot tell the two apart"
            listed = wait_until(lambda: second.ask("GET", "/internal/connections"), "it answers")[2].decode()
            assert token not in listed and scene.backend.told("connect")[-1]["token"] in listed, listed
            scene.gateway = first
    return 1


FORMS = (each_end_is_told_once_with_its_reason, a_client_that_leaves_early_is_told_after_its_connect)
OTHERS = (
    an_end_that_nobody_takes_is_told_again_with_the_same_id,
    a_stop_ends_every_stream_and_tells_of_each,
    a_killed_gateway_leaves_a_way_to_know_who_is_gone,
)
