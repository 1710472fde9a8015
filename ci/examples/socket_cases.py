"""The example of the WebSocket against the real telemetry-service."""

import pathlib
import re
import signal
import sys

from examples.program import Program
from telemetry.world import token

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "examples" / "websocket" / "follow.py"
TENANT, DEVICE = "tenant-a", "dev-0001"


class Watcher(Program):
    """With the token in a file of its own, or in the environment."""

    def __init__(self, *arguments, **environment):
        super().__init__("websocket", [sys.executable, str(PROGRAM)], *arguments, **environment)
        self._place = 0

    def says(self, pattern):
        """Waits for a line behind those that were waited for before."""

        def found():
            hits = [place for place, line in enumerate(self.out) if place >= self._place and re.search(pattern, line)]
            self._place = hits[0] + 1 if hits else self._place
            return hits

        self.until(found, f"a line like {pattern}")


def furnish(fleet):
    fleet.device(TENANT, DEVICE)
    fleet.reading(TENANT, DEVICE, {"t": 1})
    return fleet.open_alert(TENANT, DEVICE, "the first")


def readings_and_alerts_are_told_and_a_killed_service_is_survived(fleet, _logs):
    first = furnish(fleet)
    with Watcher("--until", "6", DEMO_JWT=token(TENANT), TELEMETRY_URL=fleet.base) as watcher:
        # The present, of each channel in its own time.
        present = lambda: sorted(line.split(" at ")[0] for line in watcher.out)  # noqa: E731
        wanted = ["1 open alerts", f"alert {first}, TEST of severity 3: the first", f'{DEVICE}: {{"t": 1}}']
        watcher.until(lambda: present() == wanted, f"{wanted}")
        fleet.reading(TENANT, DEVICE, {"t": 2, "ok": True})
        watcher.says(f'^{DEVICE}: {{"ok": true, "t": 2}} at ')
        second = fleet.open_alert(TENANT, DEVICE, "the second")
        watcher.says("^opened: .*the second$")
        assert fleet.end_service(signal.SIGKILL) == -9
        watcher.notes("connection is lost.*again in")
        fleet.change_alert(first, severity=5)
        fleet.close_alert(second)
        fleet.service()
        watcher.says("^changed: .*severity 5: the first$")
        watcher.says("^closed: .*the second$")
        fleet.reading(TENANT, DEVICE, {"t": 3})
        watcher.says('^dev-0001: {"t": 3}')
        fleet.close_alert(first)
        watcher.expect(watcher.ends() == 0, "not a clean end")
        watcher.expect(watcher.out[-1].startswith("closed: ") and len(watcher.out) == 9, "told more than there was")
    return len(watcher.out)


def a_service_that_stops_says_so_and_its_successor_is_found(fleet, _logs):
    furnish(fleet)
    with Watcher(DEVICE, fleet.base, DEMO_JWT=token(TENANT)) as watcher:
        watcher.says('^dev-0001: {"t": 1}')
        assert fleet.end_service() == 0
        watcher.notes("closed with 1001.*again in")
        fleet.reading(TENANT, DEVICE, {"t": 2})
        fleet.service()
        watcher.says('^dev-0001: {"t": 2}')
        watcher.interrupted()
    return len(watcher.out)


def a_source_that_is_away_is_said_to_be(fleet, _logs):
    furnish(fleet)
    with Watcher(DEVICE, fleet.base, DEMO_JWT=token(TENANT)) as watcher:
        watcher.says('^dev-0001: {"t": 1}')
        fleet.database.away()
        watcher.says("stale since")
        fleet.database.back()
        watcher.says("live since")
        watcher.interrupted()
    return len(watcher.out)


def a_token_is_renewed_in_place_from_its_file_and_its_end_without_another_is_the_end(fleet, logs):
    furnish(fleet)
    file = logs / "token.txt"
    file.write_text(token(TENANT, seconds=90) + "\n")
    with Watcher(DEVICE, fleet.base, "--token-file", str(file)) as watcher:
        watcher.says('^dev-0001: {"t": 1}')
        # Within the minute before its end the warning comes at once.
        file.write_text(token(TENANT, seconds=4))
        with Watcher(DEVICE, fleet.base, "--token-file", str(file)) as second:
            second.notes("no other yet")
            second.says('^dev-0001: {"t": 1}')
            second.ends_with(1, "closed with 4010 Token expired: another token is needed")
        file.write_text(token(TENANT))
        watcher.notes("token renewed, good for 3[56]")
        watcher.interrupted()
    return 2


def refusals_are_final_and_say_what_is_needed(fleet, logs):
    furnish(fleet)
    cases = (
        (token(TENANT, secret="another-secret-that-is-long-enough"), "4001 Invalid or expired token: another token is needed"),
        (token(TENANT, role="operator"), "4003 Unauthorized: this token's tenant or role may not see anything"),
        ("", "4001 Missing token parameter: another token is needed"),
    )
    for bearer, note in cases:
        with Watcher(DEVICE, fleet.base, DEMO_JWT=bearer) as watcher:
            watcher.ends_with(1, re.escape(note))
    with Watcher(DEVICE, fleet.base) as watcher:
        watcher.ends_with(1, "no token in DEMO_JWT")
    with Watcher(DEVICE, fleet.base + "/elsewhere", DEMO_JWT=token(TENANT)) as watcher:
        watcher.ends_with(1, "HTTP 404")
    with Watcher(DEVICE, "127.0.0.1:8090") as watcher:
        watcher.ends_with(2, "no http:// or https:// address")
    return len(cases) + 3


def ctrl_c_is_heard_while_there_is_no_server(_fleet, _logs):
    with Watcher(DEVICE, "http://127.0.0.1:1", DEMO_JWT=token(TENANT)) as watcher:
        watcher.notes("again in")
        watcher.interrupted()
    return 1


CASES = (
    readings_and_alerts_are_told_and_a_killed_service_is_survived,
    a_service_that_stops_says_so_and_its_successor_is_found,
    a_source_that_is_away_is_said_to_be,
    a_token_is_renewed_in_place_from_its_file_and_its_end_without_another_is_the_end,
    refusals_are_final_and_say_what_is_needed,
    ctrl_c_is_heard_while_there_is_no_server,
)
