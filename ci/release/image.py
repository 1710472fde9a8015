"""The build that deploy/Dockerfile describes, carried out without an engine in a clean folder, and what must be true of it.

Stages up to the last one run as commands (release/stage_folder.py says what stands for what). The last one is another system with users of
its own: only an engine can make it. Complaints are gathered in containers/complaints.py.
"""

import os
import pathlib
import re
import subprocess
import time

import yaml

from containers import context, dockerfile
from containers.complaints import expect
from containers.work import expect_no_code
from deploy_check import programs as built_programs
from release import programs
from release.stage_folder import CARGO_HOME, StageFolder

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Given as --build-arg, and no commit of ours: whoever tells it has it from there.
COMMIT = "c0ffee123456"
# Of debian:bookworm-slim, which the programs run in.
GLIBC = (2, 36)


def build(folder):
    """Builds in `folder`, which must be empty, and returns the folder of the programs. Minutes: each dependency is compiled."""
    folder = pathlib.Path(folder).resolve()
    if any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty")
    context.copy(folder / "context")
    made, said = {None: folder / "context"}, []
    *stages, (_, _, image) = dockerfile.stages()
    for name, base, instructions in stages:
        if base not in made:
            tell_rust(base)
        made[name] = StageFolder(folder / name, made.get(base), made, {"FAROL_COMMIT": COMMIT})
        said += _carry_out(made[name], instructions)
    (copied,) = [rest.split() for word, rest in image if word == "COPY"]
    out = made[copied[0].removeprefix("--from=")].folder(copied[1])
    check_layers(said)
    check_programs(out, folder)
    return out


def _carry_out(stage, instructions):
    """Returns what each `cargo build` has said."""
    said = []
    for word, rest in instructions:
        is_build = word == "RUN" and "cargo build" in rest
        if is_build and not said:
            expect_no_code(stage.folder())
        started = time.monotonic()
        text = stage.carry_out(word, rest)
        print(f"{stage.root.name}: {word} {rest[:60]}: {time.monotonic() - started:.0f} s", flush=True)
        if is_build:
            said.append(text)
    return said


def tell_rust(base):
    """What stands for the base image may be newer than it, for what is looked at here; older it cannot be, or nothing builds."""
    release = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    wanted = base.removeprefix("rust:").split("-")[0]
    if not f"{release}.".startswith(f"{wanted}."):
        print(f"built by Rust {release} here, by {wanted} in the image", flush=True)


def check_layers(said):
    """The second build takes every dependency from the first one, which was asked for the same packages."""
    before, after = map(compiled, said)
    anew = sorted(after["theirs"])
    expect(not anew, f"Dockerfile: compiled again below the layer of dependencies, as if features or flags differed: {anew}")
    expect(before["theirs"], "Dockerfile: the layer of dependencies has none")
    expect(before["ours"] == after["ours"], f"Dockerfile: one build alone compiles {sorted(before['ours'] ^ after['ours'])}")


def compiled(said):
    """What cargo says it compiles, with versions: a folder stands behind what is of this workspace."""
    found = re.findall(r"^ *Compiling (\S+ v\S+)(?: \((.+)\))?$", said, re.M)
    ours = {package for package, place in found if place.startswith("/")}
    return {"ours": ours, "theirs": {package for package, _ in found} - ours}


def check_programs(out, folder):
    """Exactly what is built for the image, with what the compose file and the manifests start in it."""
    found = {path.name for path in out.iterdir()}
    packages = set(re.findall(r"-p (\S+)", (ROOT / "deploy/Dockerfile").read_text()))
    wanted = set().union(*(names for package, names in built_programs().items() if package in packages))
    expect(found == wanted, f"/out: differs by {sorted(found ^ wanted)} from what the packages of the image have")
    missing = started() - found
    expect(not missing, f"/out: lacks {sorted(missing)}, which containers start")
    for path in sorted(out.iterdir()):
        programs.check(path, COMMIT, hidden=(folder, CARGO_HOME))
        newest = programs.check_libraries(path)
        # Newer than the image's, a glibc to build with gives programs that ask for more: of no meaning for what the image builds.
        expect(newest <= max(GLIBC, here()), f"{path.name}: needs glibc {newest}, the image has {GLIBC}")


def here():
    """The glibc of this machine."""
    return tuple(map(int, os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2]))


def started():
    """The first word of each command that is started in the image."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    words = {service["command"][0] for service in compose["services"].values() if "build" in service}
    for path in (ROOT / "deploy/kubernetes/base").glob("*.yml"):
        words |= set(re.findall(r'^          command: \["([^"]+)"', path.read_text(), re.M))
    return words
