"""The programs that follow the stream, against the real service: all of them at once in each case."""

import contextlib
import os
import pathlib
import sys

from browser.proxy import Proxy
from browser.world import TOWER
from examples.odd_server import FIRST_WHOLE, LAST_WHOLE, TOLD, OddServer
from examples.program import Program, Relay, Teller
from examples.source import SLUG

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples"
FIRST = {"A1": "available", "A2": "reserved", "Ü 3": "sold"}


def programs():
    """Name, kind, command."""
    rust = os.path.join(os.environ["FAROL_BIN_DIR"], "follow-status")
    return (
        ("python", Teller, [sys.executable, str(FOLDER / "python/follow.py")]),
        ("node", Teller, ["node", str(FOLDER / "node/follow.mjs")]),
        ("rust", Teller, [rust]),
        ("curl", Relay, ["bash", str(FOLDER / "curl/follow.sh")]),
    )


@contextlib.contextmanager
def all_of_them(first, *arguments, until=None, **environment):
    """Every program with the same arguments. `until`: after how many changes, or how many events, they end."""
    with contextlib.ExitStack() as stack:
        started = []
        for name, kind, command in programs():
            ends = ["--until", str(until[kind])] if until else []
            program = kind(name, command, first, *arguments, *ends, **environment)
            started.append(stack.enter_context(program))
        yield started


def everybody(started, act):
    for program in started:
        act(program)
    return len(started)


def the_stack_is_followed_by_default_and_until_so_many_changes(world, _source):
    """What a reader tries first: no arguments, on the tower of the demo world, which lives."""
    enough = {Teller: 3, Relay: 2}
    with all_of_them({}, until=enough, PUBLIC_URL=world.base) as started:
        for program in started:
            program.expect(program.ends() == 0, "not a clean end")
            program.expect(len(program.last()) == 200, "not the whole tower")
            first = "200 units," if isinstance(program, Teller) else 'status {"project":"harbour-tower"'
            program.expect(program.out[0].startswith(first), "no whole state at first")
    return len(started)


def a_killed_service_is_survived_and_what_changed_meanwhile_is_shown(world, source):
    source.begin(world, FIRST)
    with all_of_them(FIRST, SLUG, world.base, until={Teller: 7, Relay: 4}) as started:
        everybody(started, lambda it: it.shows(FIRST, wholes=1))
        source.units = {"A1": "sold", "A2": "reserved", "A4": "available", "Ü 3": "sold"}
        everybody(started, lambda it: it.shows(source.units, wholes=1))
        source.failing = True
        everybody(started, lambda it: it.shows(source.units, "stale"))
        source.failing = False
        everybody(started, lambda it: it.shows(source.units, "live", wholes=1))
        world.kill_service()
        everybody(started, lambda it: it.notes("again in"))
        source.units = {"A1": "available", "A4": "available", "Ü 3": "sold"}
        world.start_service()
        everybody(started, lambda it: it.shows(source.units))
        source.units = {"A1": "available", "Ü 3": "sold"}
        everybody(started, lambda it: it.shows(source.units))
        source.units = {"A1": "hidden", "Ü 3": "unreleased"}
        for program in started:
            program.expect(program.ends() == 0, "not a clean end")
            program.expect(program.last() == source.units, f"{source.units} is what there is")
    return len(started)


def a_service_that_stops_says_so_and_its_successor_is_found(world, source):
    source.begin(world, FIRST)
    with all_of_them(FIRST, SLUG, world.base) as started:
        everybody(started, lambda it: it.shows(FIRST))
        world.drain_service()
        everybody(started, lambda it: it.notes("again in"))
        source.units = FIRST | {"A2": "available"}
        world.start_service()
        everybody(started, lambda it: it.shows(source.units))
        everybody(started, Program.interrupted)
    return len(started)


def a_cut_connection_is_resumed_and_only_what_was_missed_comes(world, source):
    source.begin(world, FIRST)
    line = Proxy(world.port)
    try:
        with all_of_them(FIRST, SLUG, f"http://127.0.0.1:{line.port}") as started:
            everybody(started, lambda it: it.shows(FIRST, wholes=1))
            line.cut()
            everybody(started, lambda it: it.notes("again in"))
            source.units = FIRST | {"A1": "reserved"}
            everybody(started, lambda it: it.shows(source.units, wholes=1))
            everybody(started, Program.interrupted)
    finally:
        line.close()
    return len(started)


def an_unknown_project_is_the_end_and_so_is_one_that_is_not_published_any_more(world, source):
    with all_of_them({}, "no-such-project", world.base) as started:
        everybody(started, lambda it: it.ends_with(1, "no such project: .*/api/public/no-such-project/.* 404"))
    source.begin(world, FIRST)
    with all_of_them(FIRST, SLUG, world.base) as started:
        everybody(started, lambda it: it.shows(FIRST))
        world.publish(SLUG, False)
        everybody(started, lambda it: it.ends_with(1, "project_inactive"))
    return len(started)


def ctrl_c_is_heard_while_there_is_no_server_and_while_there_is_one(world, _source):
    with all_of_them({}, TOWER, "http://127.0.0.1:1") as started:
        everybody(started, lambda it: it.notes("again in"))
        everybody(started, Program.interrupted)
    with all_of_them({}, TOWER, world.base) as started:
        everybody(started, lambda it: it.notes("connected"))
        everybody(started, Program.interrupted)
    return len(started)


def what_makes_no_sense_is_told_before_anybody_is_asked(_world, _source):
    wrong = (["--until", "many"], ["--until", "-1"], [TOWER, "127.0.0.1:8080"], [TOWER, "ftp://127.0.0.1"], ["a", "http://b", "c"])
    for arguments in wrong:
        with all_of_them({}, *arguments) as started:
            everybody(started, lambda it: it.expect(it.ends() == 2 and it.err and not it.out, f"{arguments} is taken"))
    return len(wrong)


def an_odd_server_is_understood_byte_by_byte(_world, _source):
    """See odd_server.py: a refusal, every kind of line, cuts, a frame that is no JSON, and the end for good."""
    with contextlib.ExitStack() as stack:
        pairs = []
        for name, kind, command in programs():
            server = stack.enter_context(contextlib.closing(OddServer(only_lf=kind is Relay)))
            program = stack.enter_context(kind(name, command, FIRST_WHOLE, "odd", server.base))
            pairs.append((program, server))
        for program, server in pairs:
            program.notes(r"HTTP 429.*again in 9\.0")
            program.ends_with(1, "project_inactive")
            program.expect(server.asked == server.ids_wanted, f"went on behind {server.asked}, not {server.ids_wanted}")
            if isinstance(program, Teller):
                program.expect(program.out == TOLD, "told otherwise")
            else:
                program.shows(LAST_WHOLE, wholes=2)
                names = [line.split(" ")[0] for line in program.out]
                program.expect(names == "status_update news bulk_update bulk_update status_update".split(), f"{names}")
    return len(pairs)


CASES = (
    the_stack_is_followed_by_default_and_until_so_many_changes,
    a_killed_service_is_survived_and_what_changed_meanwhile_is_shown,
    a_service_that_stops_says_so_and_its_successor_is_found,
    a_cut_connection_is_resumed_and_only_what_was_missed_comes,
    an_unknown_project_is_the_end_and_so_is_one_that_is_not_published_any_more,
    ctrl_c_is_heard_while_there_is_no_server_and_while_there_is_one,
    what_makes_no_sense_is_told_before_anybody_is_asked,
    an_odd_server_is_understood_byte_by_byte,
)
