"""What must be true of a program that is shipped, in the image or in the tarball."""

import pathlib
import re
import subprocess
import tomllib

from containers.complaints import expect
from containers.wiring import SERVICES

ROOT = pathlib.Path(__file__).resolve().parents[2]
# In debian:bookworm-slim: libc6, and libgcc-s1, which apt needs. The loader of the machine's own kind comes with libc6.
LIBRARIES = re.compile(r"libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|ld-linux-[\w-]+\.so\.[12]")
# Part of demonstrations and benches: tells its version alone.
WITHOUT_COMMIT = {"demo-world"}


def check(path, commit, hidden):
    """`hidden`: folders of the machine that built it, which a program must not tell."""
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    wanted = f"{path.name} {version}" + ("" if path.name in WITHOUT_COMMIT else f" ({commit})")
    answer = _said(path, "--version").strip()
    expect(answer == wanted, f"{path.name}: --version says {answer!r}, not {wanted!r}")
    if path.name in SERVICES:
        defaults = tomllib.loads(_said(path, "--print-default-config"))
        expect("ops_port" in defaults, f"{path.name}: prints no default settings")
    sections = set(re.findall(r"\] (\.\S+)", _said("readelf", "--sections", "--wide", path)))
    kept = {name for name in sections if name == ".symtab" or name.startswith(".debug")}
    expect(sections and not kept, f"{path.name}: is not stripped, has {sorted(kept)}")
    content = path.read_bytes()
    for folder in hidden:
        at = content.find(str(folder).encode())
        expect(at < 0, f"{path.name}: tells where it was built: {content[at : at + 120]!r}")


def check_libraries(path):
    """Of one that is linked to glibc. Returns the version that it needs of it, as a pair."""
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", _said("readelf", "--dynamic", "--wide", path))
    strange = [name for name in needed if not LIBRARIES.fullmatch(name)]
    expect(not strange, f"{path.name}: needs {strange}, which debian:bookworm-slim does not have")
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", _said("readelf", "--version-info", "--wide", path))
    expect(versions, f"{path.name}: is not linked to glibc")
    return max(((int(major), int(minor)) for major, minor in versions), default=(0, 0))


def _said(*words):
    """Without the caller's settings."""
    return subprocess.run(words, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60, check=True).stdout
