"""Tests the console in real Chromium, with every service behind it.

Run by `cargo xtask ci` as `python ci/console/console_test.py [part of a title]` with DATABASE_URL (an owner who may
create databases), RABBITMQ_URL, FAROL_BIN_DIR and CHROMIUM. Screenshots and logs go to target/screenshots/console/.
Exit code 1 when a case fails.
"""

import os
import pathlib
import sys

# Each registers its cases; the last are about pages that have something to show by then.
import cases_door  # noqa: F401
import cases_ended  # noqa: F401
import cases_projects  # noqa: F401
import cases_runs  # noqa: F401
import cases_usable  # noqa: F401
from browser.harness import run_all
from world import World


def main():
    shots = pathlib.Path(__file__).resolve().parents[2] / "target" / "screenshots" / "console"
    shots.mkdir(parents=True, exist_ok=True)
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with World(os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], shots) as world:
        passed, failed = run_all(world, os.environ["CHROMIUM"], shots, only)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
