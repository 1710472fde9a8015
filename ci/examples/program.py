"""An example as a process: what it prints, what that makes of its board, and how it ends."""

import json
import os
import re
import signal
import subprocess
import threading

from stage import PATIENCE_SECONDS, wait_until


class Program:
    """Runs until its end or the end of the `with`; nothing that it started outlives it."""

    def __init__(self, name, command, *arguments, **environment):
        self.name, self.out, self.err = name, [], []
        self._heard = 0
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | environment
        # Whoever started us may ignore SIGINT, which is inherited; a person's shell does not.
        heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
        self.process = subprocess.Popen(
            [*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=heed, encoding="utf-8",
        )  # fmt: skip
        self._readers = [
            threading.Thread(target=_read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def notes(self, pattern):
        """Waits until its notes say so, behind what was waited for before."""

        def found():
            hits = [place for place, line in enumerate(self.err) if place >= self._heard and re.search(pattern, line)]
            self._heard = hits[0] + 1 if hits else self._heard
            return hits

        self.until(found, f"a note like {pattern}")

    def until(self, condition, what):
        try:
            return wait_until(condition, what)
        except RuntimeError as late:
            raise AssertionError(f"{self.name}: {late}\n{self.story()}") from None

    def ends(self):
        """Its exit code, once it has ended and all that it said was heard."""
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end\n{self.story()}") from None
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)
        self.until(lambda: not _group_lives(self.process.pid), "nothing of it is left")
        return code

    def interrupted(self):
        """Ctrl-C, as to the one process: a shell's own children are for it to end."""
        self.process.send_signal(signal.SIGINT)
        code = self.ends()
        self.expect(code == 0 and "Traceback" not in "".join(self.err), f"{code} after Ctrl-C")

    def ends_with(self, code, note):
        """Its end is a failure that says why, and nothing of its own insides."""
        ended = self.ends()
        said = self.err[-1] if self.err else ""
        self.expect(ended == code and re.search(note, said), f"{ended}, and not {code} with {note}")

    def expect(self, condition, what):
        assert condition, f"{self.name}: {what}\n{self.story()}"

    def story(self):
        return "\n".join(["  " + line[:300] for line in self.out[-20:]] + ["  ! " + line for line in self.err[-20:]])


class Teller(Program):
    """Prints `A1: sold -> available` for each change, which must fit what it said before. Its whole states are counts."""

    def __init__(self, name, command, first, *arguments, **environment):
        """`first`: the units that its first whole state must have counted."""
        super().__init__(name, command, *arguments, **environment)
        self._first = first

    def last(self):
        """All units, as it prints them when it ends by itself."""
        return json.loads(self.out[-1])

    def shows(self, units, state="live", wholes=None):
        """Waits for exactly these units; `wholes` is how many whole states it was told until then."""
        self.until(lambda: self._fold() == (units, state), f"{units}, {state}")
        told = sum(" units" in line for line in self.out)
        self.expect(wholes in (None, told), f"{told} whole states instead of {wholes}")

    def _fold(self):
        units, state = None, None
        for line in list(self.out):
            if line.startswith("state: "):
                state = line.removeprefix("state: ").split(",")[0]
            elif change := re.fullmatch(r"(.+): (\S+) -> (\S+)", line):
                unit, before, after = change.groups()
                self.expect(units.pop(unit, "new") == before, f"{line}, but it had said otherwise")
                units |= {} if after == "gone" else {unit: after}
            elif re.match(r"\d+ units", line):
                units = dict(self._first) if units is None else units
                self.expect(line == counts(units), f"{line} instead of {counts(units)}")
        return units, state


class Relay(Program):
    """Prints each event as it came, behind its name."""

    def __init__(self, name, command, _first, *arguments, **environment):
        super().__init__(name, command, *arguments, **environment)

    def last(self):
        return json.loads(self.out[-1].removeprefix("status "))["statuses"]

    def shows(self, units, state="live", wholes=None):
        self.until(lambda: self._fold() == (units, state), f"{units}, {state}")
        told = sum(line.startswith("status_update ") for line in self.out)
        self.expect(wholes in (None, told), f"{told} whole states instead of {wholes}")

    def _fold(self):
        units, state = None, None
        for line in list(self.out):
            name, data = line.split(" ", 1)
            data = json.loads(data) if name != "news" else {}
            units = data["statuses"] if name == "status_update" else units
            if name == "bulk_update":
                units = {unit: it for unit, it in units.items() if unit not in data.get("removed", ())} | data["updates"]
            state = data.get("state", state) if name != "status" else state
        return units, state


def counts(units):
    """A whole state in one line."""
    statuses = sorted(set(units.values()))
    return f"{len(units)} units" + "".join(f", {list(units.values()).count(it)} {it}" for it in statuses)


def _read(pipe, lines):
    for line in pipe:
        lines.append(line.rstrip("\n"))


def _group_lives(leader):
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True
