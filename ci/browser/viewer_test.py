"""Tests the viewer in real Chromium against the real service and the demo world.

Run by `cargo xtask ci` as `python ci/browser/viewer_test.py [part of a title]` with DATABASE_URL
(an owner who may create databases), FAROL_BIN_DIR (farol-migrate, public-service, demo-world) and
CHROMIUM. Screenshots and logs go to target/screenshots/. Exit code 1 when a case fails.
"""

import os
import pathlib
import sys

import cases_access  # noqa: F401  (registers its cases, as the next four)
import cases_board  # noqa: F401
import cases_faults  # noqa: F401
import cases_modules  # noqa: F401
import cases_watch  # noqa: F401
from harness import run_all
from world import World


def main():
    shots = pathlib.Path(__file__).resolve().parents[2] / "target" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with World(os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], shots) as world:
        passed, failed = run_all(world, os.environ.get("CHROMIUM", "/usr/bin/chromium"), shots, only)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
