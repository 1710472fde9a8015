"""The tarball of `cargo xtask dist`: whole, the same again, without traces of this machine, and able to work where it is unpacked."""

import hashlib
import os
import pathlib
import re
import subprocess
import tarfile

from containers.complaints import expect
from containers.wiring import SERVICES
from metrics.world import World
from operations.links import ELSEWHERE, LINK, plain
from release import bill, programs
from release.stage_folder import CARGO_HOME

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = {*SERVICES, "farol-migrate", "farol-secret", "farol-token"}
# What a reader of OPERATIONS.md, "systemd", is told to take from here, and more that the README of it names.
PAPERS = {
    "README.txt", "CHANGELOG.md", "THIRD-PARTY-LICENSES.txt", "sbom.cdx.json", "SHA256SUMS", "docs/OPERATIONS.md", "docs/API.md",
    "deploy/systemd/farol.target", "deploy/nginx/nginx.conf", "deploy/prometheus/farol.rules.yml",
}  # fmt: skip

# Where and by whom it was built is nobody's business.
SYSROOT = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
HIDDEN = [ROOT, CARGO_HOME, SYSROOT]


def make(xtask):
    """Twice, of one commit: the second time nothing is left to compile, and nothing may be packed otherwise. Returns the tarball."""
    commit, seconds = git("rev-parse", "--short=12", "HEAD"), git("log", "-1", "--format=%ct")
    told = os.environ | {"FAROL_COMMIT": commit, "SOURCE_DATE_EPOCH": seconds}
    first = dist(xtask, told)
    before = first.read_bytes()
    again = dist(xtask, told)
    expect(again == first and again.read_bytes() == before, "the same programs were packed into another tarball")
    return first


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def dist(xtask, told):
    made = subprocess.run([xtask, "dist"], stdout=subprocess.PIPE, check=True, cwd=ROOT, env=told)
    packed, checksum, _ = map(pathlib.Path, made.stdout.decode().splitlines())
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", checksum.name], cwd=checksum.parent, check=True)
    return packed


def judge(packed, folder):
    with tarfile.open(packed) as archive:
        members = archive.getmembers()
        archive.extractall(folder, filter="data")
    (unpacked,) = {member.name.split("/")[0] for member in members}
    home = folder / unpacked
    check_files(home, members)
    check_links(home)
    readme = (home / "README.txt").read_text()
    commit = re.match(r"Farol \S+ \((\S+)\), ", readme).group(1)
    for name in sorted(PROGRAMS):
        programs.check(home / "bin" / name, commit, HIDDEN)
        check_needs(home / "bin" / name, readme)
    bill.judge(home, target=unpacked.split("-", 2)[2])
    works(home, folder, commit)


def check_files(home, members):
    there = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    for missing in sorted((PAPERS | {f"bin/{name}" for name in PROGRAMS}) - there):
        expect(False, f"the tarball lacks {missing}")
    sums = dict(line.split("  ", 1)[::-1] for line in (home / "SHA256SUMS").read_text().splitlines())
    differ = sorted(sums.keys() ^ (there - {"SHA256SUMS"}))
    expect(not differ, f"SHA256SUMS and the tarball do not have the same files: {differ}")
    for name in sums.keys() & there:
        actual = hashlib.sha256((home / name).read_bytes()).hexdigest()
        expect(actual == sums[name], f"{name} has another checksum than SHA256SUMS says")
    for member in members:
        name = member.name.split("/", 1)[1]
        is_program = name.startswith("bin/") or os.access(ROOT / name, os.X_OK)
        mode = 0o755 if is_program else 0o644
        is_right = member.isreg() and (member.mode, member.uid, member.uname) == (mode, 0, "root")
        expect(is_right, f"{member.name}: mode {member.mode:o}, owner {member.uid} {member.uname}")


def check_links(home):
    """Documents lead to what is with them."""
    for path in home.rglob("*.md"):
        for target in LINK.findall(plain(path.read_text())):
            place = target.partition("#")[0]
            there = target.startswith(ELSEWHERE) or (path.parent / place).exists()
            expect(there, f"{path.relative_to(home)}: {target} is not in the tarball")


def check_needs(path, readme):
    """What the README says of it, as the program itself tells another reader."""
    told = re.search(r"needs glibc (\d+)\.(\d+)", readme)
    if told:
        newest = programs.check_libraries(path)
        expect(newest <= tuple(map(int, told.groups())), f"{path.name} needs glibc {newest}, the README says {told.group()}")
    else:
        heads = subprocess.run(["readelf", "--wide", "--program-headers", "--dynamic", path], capture_output=True, text=True, check=True)
        is_static = "INTERP" not in heads.stdout and "NEEDED" not in heads.stdout
        expect(is_static and "static: any Linux" in readme, f"{path.name} is not static, and the README names no glibc")


def works(home, logs, commit):
    """All five get ready with a database that the tarball's own migrations made, and a broker."""
    os.environ["FAROL_BIN_DIR"] = str(home / "bin")
    with World(logs) as world:
        for name in sorted(SERVICES):
            address = f"http://127.0.0.1:{world.ops[name]}"
            health = subprocess.run([home / "bin" / name, "health"], capture_output=True, text=True, check=False, timeout=60,
                                    env=world.environment() | {"OPS_PORT": address.rsplit(":", 1)[1]})  # fmt: skip
            expect(health.returncode == 0, f"{name}: is not ready: {health.stdout}{health.stderr}")
            figures = world.metrics(name)
            expect(f'build_info{{commit="{commit}",version="' in figures, f"{name}: its metrics do not tell its build")
