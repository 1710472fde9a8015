"""The gateway's contract, told by programs that share no line with it: a backend and clients from Python's
standard library, with both values of EVENT_FORMAT and of REJECT_MODE; and the example of docs/gateway.md.

Run by `cargo xtask ci` with FAROL_BIN_DIR. Logs go to target/peers/.
"""

import itertools
import json
import pathlib
import threading
import uuid

import behind_nginx
import cases_ends
import cases_sends
import example
from stage import free_port
from world import Backend, Client, Gateway, Scene, code, never_more

LOGS = pathlib.Path(__file__).resolve().parents[2] / "target" / "peers"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Cache-Control, Last-Event-ID",
}


def it_is_healthy_always_and_ready_once_it_has_a_backend(logs):
    with Gateway(None, logs) as alone:
        assert [alone.ask("GET", path)[::2] for path in ("/healthz", "/readyz")] == [
            (200, b'{"status":"ok"}'),
            (503, b'{"status":"not_ready","configured":false}'),
        ]
        status, _, body = alone.ask("GET", "/stream")
        assert (status, code(body)) == (503, "SERVICE_NOT_CONFIGURED"), body
    with Scene(logs) as scene:
        assert scene.gateway.ask("GET", "/readyz")[::2] == (200, b'{"status":"ready","configured":true}')
    return 4


def it_is_started_as_its_predecessor_was(logs):
    backend = Backend()
    url = f"http://127.0.0.1:{backend.port}/sse"
    for joined in (False, True):
        port = free_port()
        flags = [f"--callback-url={url}", f"--port={port}"] if joined else ["--callback-url", url, "--port", str(port)]
        gateway = Gateway(None, logs, *flags, PORT="", CALLBACK_URL="")
        gateway.port = port
        with gateway:
            Client(gateway, f"/by-flag/{joined}").opened().leave()
            backend.connect(f"/by-flag/{joined}")
    backend.stop()
    wrong = ({"PORT": "65536"}, {"PORT": "x"}, {"HEARTBEAT_INTERVAL_SECONDS": "0"}, {"REJECT_MODE": "both"})
    for settings in wrong:
        refused = Gateway(None, logs, **settings)
        assert refused.process.wait(20) == 2, settings
    return 2 + len(wrong)


def the_backend_hears_of_a_connect_as_of_old(logs):
    with Scene(logs) as scene:
        url = "/notify/%C3%A9?task=1&task=2&empty="
        headers = (("X-Api-Key", "K"), ("Cookie", "a=1"), ("Set-Cookie", "x=1"), ("Set-Cookie", "y=2"), ("X-Two", "1"))
        client = Client(scene.gateway, url, (*headers, ("x-two", "2"))).opened()
        call = scene.backend.connect(url)
        assert call["path"] == "/sse?secret=S" and call["content_type"].startswith("application/json"), call
        assert uuid.UUID(call["token"]).version == 4 and str(uuid.UUID(call["token"])) == call["token"], call
        told = call["request"]["headers"]
        assert (told["x-api-key"], told["cookie"], told["x-two"]) == ("K", "a=1", "1, 2"), told
        assert told["set-cookie"] == ["x=1", "y=2"] and told["host"] == f"127.0.0.1:{scene.gateway.port}", told
        assert call["instance"] and set(call) == {"action", "token", "request", "instance", "path", "content_type"}
        head = client.answer.headers
        wanted = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"} | CORS
        assert all(head[name] == value for name, value in wanted.items()), head.items()
        assert "Content-Length" not in head
    return 1


def every_other_path_is_a_stream_and_other_methods_are_not(logs):
    with Scene(logs) as scene:
        for path in ("/", "/favicon.ico", "/healthz/", "/a//b/../c", "/internal", "/internal/send/"):
            Client(scene.gateway, path).opened().leave()
            scene.backend.connect(path)
        asked = {
            ("HEAD", "/stream"): (405, None),
            ("POST", "/stream"): (404, "NOT_FOUND"),
            ("DELETE", "/stream"): (404, "NOT_FOUND"),
            ("GET", "/internal/send"): (405, "METHOD_NOT_ALLOWED"),
            ("POST", "/healthz"): (405, "METHOD_NOT_ALLOWED"),
            ("OPTIONS", "/stream"): (204, None),
            ("OPTIONS", "/internal/send"): (204, None),
        }
        for (method, path), wanted in asked.items():
            status, headers, body = scene.gateway.ask(method, path)
            assert (status, code(body) if body else None) == wanted, (method, path, status, body)
            assert all(headers[name] == value for name, value in CORS.items()), (method, path, headers.items())
        assert len(scene.backend.told("connect")) == 6
    return 6 + len(asked)


def the_callback_s_answer_comes_first_and_then_what_was_sent_meanwhile(logs, form):
    with Scene(logs, form) as scene:
        buffered = []

        def answer(call):
            if call["action"] == "connect":
                buffered.extend(scene.gateway.send(call["token"], "early", str(number)) for number in range(3))
            return 200, json.dumps({"event": {"name": "hello", "data": '{"a": [1]}'}}).encode()

        scene.backend.answer = answer
        client, token = scene.stream()
        assert buffered == [(200, {"status": "buffered"})] * 3, buffered
        first = scene.wire("hello", '{"a": [1]}')
        client.has(scene.ready + first + b"".join(scene.wire("early", str(number)) for number in range(3)))
        assert scene.gateway.send(token, "late", "x") == (200, {"status": "ok"})
    return 5


def an_answer_may_close_and_nonsense_is_ignored(logs, form):
    with Scene(logs, form) as scene:
        scene.backend.answer = lambda call: (200, b'{"event":{"data":"only this"},"close":true}')
        client, token = scene.stream()
        client.ends()
        client.has(scene.ready + scene.wire(None, "only this"))
        assert scene.backend.disconnect(token)["reason"] == "server_closed"
        bodies = (b"", b"OK", b"[]", b"null", b'{"event":null}', b'{"event":{"name":1,"data":""}}', b"\xff", b'{"a":1}')
        for body in bodies:
            scene.backend.answer = lambda call, body=body: (200, body)
            client, token = scene.stream()
            assert scene.gateway.send(token, data=str(body)) == (200, {"status": "ok"})
            client.has(scene.ready + scene.wire(None, str(body)))
    return 1 + len(bodies)


def a_rejection_keeps_its_status_and_is_never_followed_by_a_disconnect(logs, mode):
    codes = {401: "BACKEND_AUTH_FAILED", 403: "BACKEND_FORBIDDEN"}
    kept = (400, 401, 403, 404, 418, 429, 500, 503)
    wanted = {status: (status, codes.get(status, "BACKEND_ERROR")) for status in kept}
    wanted |= {status: (502, "BACKEND_ERROR") for status in (301, 302, 307)}
    with Scene(logs, REJECT_MODE=mode) as scene:
        for status, (answered, word) in wanted.items():
            scene.backend.answer = lambda call, status=status: (status, b"no", ("Location", "/elsewhere"))
            url = scene.url()
            if mode == "stream" and status in (400, 401, 403):
                client = Client(scene.gateway, url).opened()
                answer = client.answer
                assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
                client.ends()
                name, data = client.raw.split(b"\n")[:2]
                told = json.loads(data.removeprefix(b"data: "))
                assert name == b"event: rejected", client.raw
                assert told == {"status": status, "message": f"Backend returned {status}"}, told
            else:
                got, _, body = scene.gateway.ask("GET", url)
                assert (got, code(body)) == (answered, word), (status, got, body)
                assert json.loads(body)["error"]["message"] == f"Backend returned {status}", body
            token = scene.backend.connect(url)["token"]
            assert scene.gateway.send(token, data="x")[0] == 404
        never_more(lambda: scene.backend.told("disconnect"), "a rejected connect was followed by a disconnect")
        assert len(scene.backend.told("connect")) == len(wanted), "a redirect was followed, or a connect repeated"
    return len(wanted)


def a_backend_that_is_away_or_slow_is_told_apart(logs):
    with Scene(logs, CALLBACK_TIMEOUT_SECONDS="1", CALLBACK_SETTLE_SECONDS="20") as scene:
        let_go = threading.Event()

        def answer(call):
            if call["action"] == "connect":
                let_go.wait(20)
            return 200, b"{}"

        scene.backend.answer = answer
        url = scene.url()
        status, _, body = scene.gateway.ask("GET", url)
        assert (status, code(body)) == (504, "GATEWAY_TIMEOUT"), body
        token = scene.backend.connect(url)["token"]
        never_more(lambda: scene.backend.told("disconnect"), "a disconnect overtook its connect")
        let_go.set()
        assert scene.backend.disconnect(token)["reason"] == "error"
        never_more(lambda: len(scene.backend.told("disconnect")) > 1, "two disconnects")
        scene.backend.stop()
        status, _, body = scene.gateway.ask("GET", url)
        assert (status, code(body)) == (503, "BACKEND_UNAVAILABLE"), body
    return 2


def the_example_of_the_manual_works_word_for_word(logs):
    return example.run(logs)


def the_nginx_of_the_manual_passes_streams_and_keeps_the_inside_inside(logs):
    return behind_nginx.run(logs)


def cases():
    both = (("named", "envelope"), ("status", "stream"))
    forms = (
        the_callback_s_answer_comes_first_and_then_what_was_sent_meanwhile,
        an_answer_may_close_and_nonsense_is_ignored,
        *cases_sends.FORMS,
        *cases_ends.FORMS,
    )
    yield from itertools.product(forms, both[0])
    yield from itertools.product((a_rejection_keeps_its_status_and_is_never_followed_by_a_disconnect,), both[1])
    others = (
        it_is_healthy_always_and_ready_once_it_has_a_backend,
        it_is_started_as_its_predecessor_was,
        the_backend_hears_of_a_connect_as_of_old,
        every_other_path_is_a_stream_and_other_methods_are_not,
        a_backend_that_is_away_or_slow_is_told_apart,
        *cases_sends.OTHERS,
        *cases_ends.OTHERS,
        the_example_of_the_manual_works_word_for_word,
        the_nginx_of_the_manual_passes_streams_and_keeps_the_inside_inside,
    )
    yield from ((case, None) for case in others)


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    for case, kind in cases():
        count = case(LOGS, kind) if kind else case(LOGS)
        print(f"{case.__name__.replace('_', ' ')}{f' ({kind})' if kind else ''}: {count}", flush=True)


if __name__ == "__main__":
    main()
