"""Runs every program of examples/ against the real stack, and against a server that is odd on purpose.

Run by `cargo xtask ci` as `python ci/examples_test.py [part of a case]` with DATABASE_URL (an owner who may create
databases), FAROL_BIN_DIR (services, demo-world, follow-status) and CHROMIUM. Logs and pictures go to
target/screenshots/examples/. Exit code 1 when a case fails.
"""

import contextlib
import os
import pathlib
import sys
import traceback

from websockets.exceptions import ConnectionClosed

from browser.harness import run_all
from browser.world import World
from examples import page_cases  # noqa: F401  (registers its cases)
from examples import socket_cases, status_cases
from examples.source import Source
from telemetry.world import World as Fleet


def run_cases(cases, only, calm, *given):
    """How many passed and failed."""
    passed = failed = 0
    for case in cases:
        name = case.__name__.replace("_", " ")
        if only not in name:
            continue
        try:
            print(f"ok      {name}: {case(*given)}", flush=True)
            passed += 1
        except (AssertionError, OSError, KeyError, ConnectionClosed, RuntimeError):
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
            failed += 1
        finally:
            calm()
    return passed, failed


def main():
    logs = pathlib.Path(__file__).resolve().parents[1] / "target" / "screenshots" / "examples"
    logs.mkdir(parents=True, exist_ok=True)
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    bin_dir, database, chromium = os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], os.environ["CHROMIUM"]
    with World(bin_dir, database, logs) as world, contextlib.closing(Source()) as source:
        source.connect(world)
        page_cases.SOURCE = source
        results = [run_cases(status_cases.CASES, only, world.calm, world, source)]
        results.append(run_all(world, chromium, logs, only))
    with Fleet(logs) as fleet:
        results.append(run_cases(socket_cases.CASES, only, fleet.calm, fleet, logs))
    passed, failed = (sum(counts) for counts in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
