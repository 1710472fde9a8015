"""What does not come through: the inside, what is too much, what a client claims to be; and what is written down of it."""

import contextlib
import json
import posixpath
import re
import secrets
import signal
import socket
import urllib.parse

from proxies.cases_streams import STREAM, bearer
from proxies.cases_streams import socket as websocket
from proxies.clients import Stream, ask
from proxies.front import AT_ONCE
from proxies.world import CALLBACK_SECRET, LOGIN, STREAMS_OF_ONE, TOWER, basic
from stage import wait_until

# What a proxy may take for another path than the service behind it does.
SPELLINGS = (
    "{}",
    "/{}",
    "/api/sse/..{}",
    "/api/sse/%2e%2e/..{}",
    "/api/public/x/../../..{}",
    "/viewer/..%2f..{}",
    "/live/../.{}",
    "/.{}",
    "/%2e{}",
    "/console/%2e%2e{}",
    "http://127.0.0.1{}",
)
INSIDE = ("/internal/send", "/internal/connections", "/internal%2Fsend", "/%69nternal/send", "/internal//send", "/internal")
CALLBACK = "/api/sse/callback?secret=" + CALLBACK_SECRET
CALLBACKS = (CALLBACK, CALLBACK.replace("sse/", "sse//"), CALLBACK.replace("k?", "k/?"), CALLBACK.replace("sse/c", "sse%2Fc"),
             CALLBACK.replace("api", "%61pi"), CALLBACK.replace("k?", "%6b?"), CALLBACK.replace("k?", "k/.?"),
             CALLBACK.replace("k?", "k;x?"), CALLBACK.replace("k?", "k/x/..?"))  # fmt: skip


def each_address_leads_to_its_service(world, front):
    """And those that lead nowhere are answered by the administration, which asks who it is."""
    leads = {
        f"/api/public/{TOWER}/status": (200, '"statuses"'),
        f"/api/status/{TOWER}": (200, '"statuses"'),
        f"/viewer/{TOWER}": (200, "/viewer-assets/"),
        "/api/v2/health": (200, "{"),
        "/api/v2/devices": (401, "token"),
        "/live": (200, "/live-assets/"),
        "/console": (200, "/console-assets/"),
        "/sync/status": (401, ""),
        "/api/projects": (401, ""),
        "/openapi.json": (None, ""),
        "/api/sse/nothing": (400, ""),
    }
    for path, (wanted, part) in leads.items():
        status, headers, body = ask(front, "GET", path)
        assert wanted in (None, status) and status < 500 and part in body.decode(), (path, status, body[:200])
        assert headers["Strict-Transport-Security"], path
    for page, name in ((f"/viewer/{TOWER}", "viewer-assets"), ("/live", "live-assets"), ("/console", "console-assets")):
        assets = set(re.findall(rf'"(/{name}/[^"]+)"', ask(front, "GET", page)[2].decode()))
        assert assets, page
        for asset in assets:
            assert ask(front, "GET", asset)[0] == 200, asset
    assert ask(front, "GET", "/sync/status", **basic())[0] == 200
    for ops in ("/metrics", "/health/ready", "/healthz", "/readyz", "/status"):
        assert ask(front, "GET", ops)[0] in (401, 404), ops
    return len(leads)


def the_inside_is_refused_in_every_spelling(world, front):
    """The gateway serves it on the port that the proxy reaches, and the callback's secret is known: the proxy alone refuses."""
    with Stream(front, f"/api/sse/utils/version?request_id={secrets.token_hex(8)}") as stream:
        stream.until(lambda it: it.name == "connection_open", "a stream that somebody wants to send to")
        inside = 0
        body, tried = b'{"token":"x","event":{"data":"forged"}}', 0
        for path in (*INSIDE, *CALLBACKS):
            for spelling in SPELLINGS:
                target = spelling.format(path)
                for method in ("POST", "GET"):
                    status, headers, told = ask(front, method, target, body if method == "POST" else None)
                    # 401 is the administration's word to who asks for what it has not.
                    assert status in (400, 401, 404, 405, 426), (method, target, status, told[:200])
                    kinds = ("NOT_FOUND_TOKEN", "connections", "TOKEN_NOT_FOUND", "Unknown action", "Invalid payload", "Missing JSON")
                    assert not any(kind.encode() in told for kind in kinds), (method, target, told[:200])
                    # Every service puts an identity on its answers: this one is of the proxy itself.
                    assert not is_inside(target) or headers["X-Request-Id"] is None, (method, target, headers.items())
                    inside += is_inside(target)
                    tried += 1
        assert inside > tried / 3, (inside, tried)
        assert [it.name for it in stream.events] in (["connection_open"], ["connection_open", "version"])
    return tried


def is_inside(target):
    path = urllib.parse.unquote(target.removeprefix("http://127.0.0.1").partition("?")[0])
    plain = posixpath.normpath(re.sub("/+", "/", path))
    return plain.startswith(("/internal", "/api/sse/callback"))


def a_forged_address_lifts_no_limit(world, front):
    """Of streams of one viewer, and of wrong passwords; 127.0.0.1 is even an address that the services believe."""
    for source in ("127.0.0.2", "127.0.0.1"):
        # Whoever left a moment ago may still have a place.
        wait_until(lambda: world.streams() == 0, "nobody is there")
        with contextlib.ExitStack() as held:
            def one_more(number, source=source, held=held):
                forged = {"X_Forwarded_For": f"192.0.2.{number}, 198.51.100.{number}", "Forwarded": "for=192.0.2.9"}
                return held.enter_context(Stream(front, STREAM, source, X_Real_IP="192.0.2.1", **forged)).status

            assert [one_more(number) for number in range(STREAMS_OF_ONE)] == [200] * STREAMS_OF_ONE
            assert one_more(99) == 429
            assert held.enter_context(Stream(front, STREAM, "127.0.0.9")).status == 200
    wrong = {"Authorization": "Basic YW5hOndyb25n"}
    tries = [ask(front, "GET", "/sync/status", source="127.0.0.4", X_Forwarded_For=f"192.0.2.{it}", **wrong)[0] for it in range(12)]
    assert tries == [401] * 10 + [429] * 2, tries
    assert ask(front, "GET", "/sync/status", source="127.0.0.5", **wrong)[0] == 401
    return 4


def a_body_that_is_too_long_is_refused(world, front):
    """By the proxy: the service would say so in JSON."""
    status, headers, _ = ask(front, "PUT", "/api/projects/x", b"x" * (1024 * 1024 + 1), **basic())
    assert status == 413 and headers.get_content_type() != "application/problem+json", (status, headers.items())
    return 1


def what_is_too_much_is_refused(world, front):
    with socket.create_connection(("127.0.0.1", front.port)) as raw, front.context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
        assert b" 400 " in tls.recv(100)
    with contextlib.ExitStack() as held:
        page = lambda: f"/api/sse/utils/version?request_id={secrets.token_hex(8)}"  # noqa: E731
        streams = [held.enter_context(Stream(front, page(), "127.0.0.6")).status for _ in range(AT_ONCE + 1)]
        assert streams == [200] * AT_ONCE + [429], streams
        assert ask(front, "GET", f"/viewer/{TOWER}", source="127.0.0.7")[0] == 200
    # Places come back.
    wait_until(lambda: ask(front, "GET", f"/viewer/{TOWER}", source="127.0.0.6")[0] == 200, "a place is free again")
    return 2


def plain_http_is_sent_to_tls(world, front):
    with socket.create_connection(("127.0.0.1", front.plain_port)) as raw:
        raw.sendall(b"GET /console?a=b HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        head = raw.makefile("rb").read().decode()
    assert head.startswith("HTTP/1.1 301 ") and "Location: https://farol.example.org/console?a=b\r\n" in head, head
    return 1


def a_request_is_known_by_one_identity_everywhere(world, front):
    mine = f"case-{secrets.token_hex(4)}"
    paths = (f"/api/public/{TOWER}/status", "/sync/status", "/api/v2/health", "/api/sse/nothing")
    for number, path in enumerate(paths):
        _, headers, _ = ask(front, "GET", path, X_Request_Id=f"{mine}.{number}")
        assert headers.get_all("X-Request-Id") == [f"{mine}.{number}"], (path, headers.items())
        wait_until(lambda: f'"request_id":"{mine}.{number}"' in front.accesses(), "it is in the access log")  # noqa: B023
    # What no service takes is replaced here already, so that both logs say the same.
    for bad in ("a b", "x" * 129, 'a"b'):
        _, headers, _ = ask(front, "GET", paths[0], X_Request_Id=bad)
        (told,) = headers.get_all("X-Request-Id")
        assert re.fullmatch("[0-9a-f]{32}", told), told
        wait_until(lambda: told in front.accesses(), "it is in the access log")  # noqa: B023
    return len(paths) + 3


def no_log_has_a_token(world, front):
    """Also of what failed: a request whose service is away is a line of the error log, too."""
    secret, good = f"s{secrets.token_hex(8)}", bearer()
    with websocket(front, f"?token={good}"):
        pass
    quoted = urllib.parse.quote(secret)
    for name in ("token", "ticket", "secret", "TOKEN", "%74oken", "tok%65n"):
        for path in ("/api/v2/ws", "/api/sse/callback", f"/api/public/{TOWER}/status", "/nothing"):
            ask(front, "GET", f"{path}?a=1&{name}={quoted}&b=2", Referer=f"https://x/?token={secret}", Cookie=f"farol_session={secret}")
    ask(front, "GET", f"/live#token={secret}")
    ask(front, "GET", "/sync/status", Authorization=f"Bearer {secret}")
    world.drain("telemetry", signal.SIGKILL)
    assert ask(front, "GET", f"/api/v2/ws?token={secret}")[0] == 502
    world.bring_back("telemetry")
    shown = f"shown{secrets.token_hex(4)}"
    ask(front, "GET", f"/nothing?task_id={shown}")
    wait_until(lambda: shown in front.accesses(), "what opens nothing is in the access log")
    for hidden in (secret, good, LOGIN[1]):
        lines = [line for line in front.logs().splitlines() if hidden in line]
        assert not lines, lines[:3]
    return len(front.accesses().splitlines())


def the_access_log_is_json(world, front):
    lines = [json.loads(line) for line in front.accesses().splitlines()]
    failed = [line for line in lines if line["status"] == 502]
    assert failed and all(line["upstream"] for line in failed), "who was away is in it"
    assert any(line["query"] == "masked" for line in lines)
    return len(lines)
