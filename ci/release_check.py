"""Makes what is shipped, as it is shipped: the image's programs by deploy/Dockerfile's own commands, and the tarball by
`cargo xtask dist`; then looks into both and runs the five services from the tarball.

Run by `cargo xtask ci` with DATABASE_URL (an owner who may create databases), RABBITMQ_URL, FAROL_BIN_DIR and XTASK. Builds
everything twice, optimised: it takes minutes.
"""

import os
import pathlib
import shutil
import sys

from containers.complaints import COMPLAINTS
from release import image, tarball

ROOT = pathlib.Path(__file__).resolve().parents[1]


def main():
    folder = ROOT / "target" / "peers" / "release"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "image").mkdir(parents=True)
    image.build(folder / "image")
    tarball.judge(tarball.make(os.environ["XTASK"]), folder)
    for complaint in COMPLAINTS:
        print(complaint, file=sys.stderr)
    print(f"release: {len(COMPLAINTS)} complaints")
    return 1 if COMPLAINTS else 0


if __name__ == "__main__":
    sys.exit(main())
