"""Holds the units of deploy/systemd to systemd, to the programs, and to what the programs do when they work.

Run by `cargo xtask ci` as `python ci/systemd_check.py` with DATABASE_URL (an owner who may create databases), RABBITMQ_URL
and FAROL_BIN_DIR. Needs no running systemd: units are read by `systemd-analyze`, and every program works for a while
under strace, with no capability, so that what it asked of the kernel can be laid beside what its unit allows.
"""

import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from operations.document import block
from proxies.clients import Direct, Stream, ask
from proxies.world import SECRET, TENANT, TOWER, World, basic
from stage import PATIENCE_SECONDS, wait_until
from telemetry.world import token

ROOT = pathlib.Path(__file__).resolve().parents[1]
UNITS = ROOT / "deploy" / "systemd"
BIN = pathlib.Path(os.environ["FAROL_BIN_DIR"])
PROGRAM = re.compile(r"^ExecStart=/usr/local/bin/([\w-]+) --config \$\{CREDENTIALS_DIRECTORY\}/settings\.toml$", re.M)
# Tenths of systemd's own measure; 100 is a service without any protection.
WORST_EXPOSURE = 12
# Beside its streams a process has connections to databases, listeners and whoever asks for figures.
SPARE_DESCRIPTORS = 500
GRACE_SECONDS = 10
FIRST = "A first installation"
STREAMS_OF = {"public-service": "max_streams", "sse-gateway": "max_connections", "telemetry-service": "max_sockets"}
COMPLAINTS = []


def expect(condition, complaint):
    if not condition:
        COMPLAINTS.append(complaint)


def tool(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, **options)


def units():
    """Name to text, and to the program that it starts."""
    found = {}
    for path in sorted(UNITS.glob("*.service")):
        text = path.read_text()
        programs = PROGRAM.findall(text)
        assert len(programs) == 1, f"{path.name} starts {programs}"
        found[path.name] = (text, programs[0])
    return found


def read_by_systemd(all_units):
    """In a folder of their own, with the programs of this run in place of installed ones."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(UNITS, folder, dirs_exist_ok=True)
        for name, (text, _) in all_units.items():
            (pathlib.Path(folder) / name).write_text(text.replace("/usr/local/bin", str(BIN)))
        only = os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_LOG_LEVEL": "warning"}
        for name in (*all_units, "farol.target"):
            told = tool("systemd-analyze", "verify", "--man=no", f"{folder}/{name}", env=only)
            # Of this machine's own units it complains as well; a word about ours names them.
            ours = [line for line in told.stderr.splitlines() if "farol" in line]
            expect(not ours and told.returncode == 0, f"{name}: systemd says {told.stderr.strip()}")
        for name in all_units:
            options = ("--offline=true", f"--threshold={WORST_EXPOSURE}", "--no-pager")
            told = tool("systemd-analyze", "security", *options, f"{folder}/{name}", env=only)
            verdict = told.stdout.strip().splitlines()[-1:]
            expect(told.returncode == 0, f"{name} is more exposed than {WORST_EXPOSURE / 10}: {verdict} {told.stderr}")


def seconds(text, name):
    (found,) = re.findall(rf"^{name}=(\d+)$", text, re.M)
    return int(found)


def figures_fit(all_units, shared):
    """The time to stop and the descriptors, by the defaults of the program that they are for."""
    for name, (text, program) in all_units.items():
        manual = tool(BIN / program, "--print-default-config").stdout
        default = dict(re.findall(r"^#? ?([a-z_]+) = (\d+)$", manual, re.M))
        if "drain_seconds" in default:
            stop = int(default["drain_seconds"]) + 5
            expect(seconds(shared, "TimeoutStopSec") >= stop + GRACE_SECONDS, f"{name}: killed before it has stopped")
        if program in STREAMS_OF:
            wanted = int(default[STREAMS_OF[program]]) + SPARE_DESCRIPTORS
            expect(seconds(text, "LimitNOFILE") >= wanted, f"{name}: fewer descriptors than {wanted}")


def settings_are_read(all_units, folder):
    """Each unit's credential has an example, which its program refuses as it is, and takes when nothing is left open in it."""
    named = set()
    for name, (text, program) in all_units.items():
        expect(f"LoadCredential=settings.toml:/etc/farol/{program}.toml\n" in text, f"{name}: settings from elsewhere")
        example = UNITS / "settings" / f"{program}.toml"
        named.add(example)
        check = functools.partial(tool, BIN / program, "--check-config", "--config", env={"PATH": os.environ["PATH"]})
        told = check(example)
        refused = set(re.findall(r"^(\w+) still has CHANGE-ME in it", told.stderr, re.M))
        left = {it.upper() for it in re.findall(r'^(\w+) = ".*CHANGE-ME', example.read_text(), re.M)}
        # Its own complaint of each, and no other.
        expect((told.returncode, len(told.stderr.splitlines())) == (2, 1 + len(left)), f"{example.name} as it is: {told.stdout}{told.stderr}")
        expect(left and refused == left, f"{example.name}: CHANGE-ME is in {left}, and refused in {refused}")
        for login in re.findall(r"postgres://(\w+):", example.read_text()):
            expect(f"CREATE ROLE {login} LOGIN" in block(FIRST, "createdb"), f"{example.name}: the manual does not make the login {login}")
        edited = folder / example.name
        edited.write_text(example.read_text().replace("CHANGE-ME", "of-our-own"))
        told = check(edited)
        expect((told.returncode, told.stdout) == (0, "OK\n"), f"{example.name}, edited: {told.stdout}{told.stderr}")
    expect(named == set((UNITS / "settings").iterdir()), "settings that no unit reads")


def allowed_calls(shared):
    """The names of SystemCallFilter, in its order, groups spelled out."""
    groups, group = {}, None
    for line in tool("systemd-analyze", "syscall-filter", "--no-pager").stdout.splitlines():
        if re.match(r"@\S+$", line):
            group = groups.setdefault(line, set())
        elif group is not None and re.match(r"    [@\w-]+$", line):
            group.add(line.strip())

    def names(word):
        return set().union(*map(names, groups[word])) if word.startswith("@") else {word}

    allowed = names("@default")
    for told in re.findall(r"^SystemCallFilter=(.+)$", shared, re.M):
        calls = set().union(*map(names, told.lstrip("~").split()))
        allowed = allowed - calls if told.startswith("~") else allowed | calls
    return allowed


class Watched(World):
    """Every program of a unit under strace. It stays the child that signals reach (-D), and has no capability, as in its unit."""

    def __init__(self, logs, traces, programs):
        super().__init__("systemd", logs)
        self._traces, self._programs, self._bare = traces, programs, ()
        # Looking names up is what takes other sockets than TCP.
        self.database_url = self.database_url.replace("127.0.0.1", "localhost")
        if os.geteuid() == 0:
            self._bare = ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")

    def _command(self, program, arguments):
        command = super()._command(program, arguments)
        if program not in self._programs:
            return command
        watch = ("strace", "-D", "-f", "-q", "-s", "64", "-e", "signal=none", "-o", str(self._traces / program))
        return [*self._bare, *watch, *command]


def work(world):
    """Something of everything: a stream, a socket's ticket, a password, a run from the queue to its end, figures, and a stop."""
    with contextlib.ExitStack() as open_streams:
        public, admin = Direct(world, "public"), Direct(world, "admin")
        stream = open_streams.enter_context(Stream(public, f"/api/public/{TOWER}/status/stream"))
        stream.until(lambda it: it.name == "status_update", "the state of a project")
        world.device("dev-1")
        world.reading("dev-1", number=1)
        bearer = {"Authorization": f"Bearer {token(TENANT, secret=SECRET)}"}
        for path in ("/api/v2/devices", "/api/v2/ws-ticket"):
            assert ask(Direct(world, "telemetry"), "GET", path, **bearer)[0] == 200, path
        status, _, told = ask(admin, "POST", "/sync/force", b"{}", Content_Type="application/json", **basic())
        assert status == 200, told
        where = f"/api/sse/tasks?task_id={json.loads(told)['task_id']}"
        run = open_streams.enter_context(Stream(Direct(world, "gateway"), where))
        run.until(lambda it: it.name == "connection_close", "the end of a run")
        for port in world.ops.values():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_SECONDS) as answer:
                assert b"process_start_time_seconds" in answer.read(), port
    for name in tuple(world.running):
        assert world.drain(name) == 0, name


def kept_to(shared, traces):
    allowed = allowed_calls(shared)
    (families,) = re.findall(r"^RestrictAddressFamilies=(.+)$", shared, re.M)
    seen = {}
    for trace in traces.iterdir():
        program, calls = trace.name, seen.setdefault(trace.name, set())
        for line in trace.read_text(errors="replace").splitlines():
            if not (call := re.match(r"\d+ +(\w+)\((.*)", line)):
                continue
            name, arguments = call.groups()
            calls.add(name)
            expect(name in allowed, f"{program} calls {name}, which SystemCallFilter does not allow")
            if name in ("socket", "socketpair"):
                family = arguments.partition(",")[0]
                expect(family in families.split(), f"{program} opens a socket of {family}")
            if name in ("mmap", "mprotect", "pkey_mprotect"):
                expect(not {"PROT_WRITE", "PROT_EXEC"} <= set(re.findall(r"PROT_\w+", arguments)), f"{program}: writable code")
            if name in ("open", "openat", "creat") and re.search(r"O_WRONLY|O_RDWR|O_CREAT", arguments):
                expect('"/dev/null"' in arguments, f"{program} writes a file: {arguments[:100]}")
    return seen


def main():
    all_units = units()
    shared = (UNITS / "farol-.service.d" / "hardening.conf").read_text()
    read_by_systemd(all_units)
    figures_fit(all_units, shared)
    with tempfile.TemporaryDirectory() as folder:
        settings_are_read(all_units, pathlib.Path(folder))
    logs = ROOT / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        traces = pathlib.Path(folder)
        with Watched(logs, traces, {program for _, program in all_units.values()}) as world:
            work(world)
        ended = lambda: all(it.read_text(errors="replace").endswith(" +++\n") for it in traces.iterdir())  # noqa: E731
        wait_until(ended, "the traces are whole")
        seen = kept_to(shared, traces)
    for name, (_, program) in all_units.items():
        expect(len(seen.get(program, ())) > 20, f"{program} was not seen at work")
    for complaint in dict.fromkeys(COMPLAINTS):
        print(complaint)
    calls = set().union(*seen.values())
    print(f"{len(all_units)} units, {len(calls)} system calls seen, {len(COMPLAINTS)} complaints")
    return 1 if COMPLAINTS else 0


if __name__ == "__main__":
    sys.exit(main())
