"""docs/OPERATIONS.md as text: its sections, what it quotes as code, and the commands that it tells people to run."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATH = "docs/OPERATIONS.md"
TEXT = (ROOT / PATH).read_text()
# Tables that the services' own tests (`ops_surface`) and `--only metrics` hold to the programs.
HELD_ELSEWHERE = re.compile(r": (settings|metrics)$")


def sections(text=TEXT):
    """Heading to what stands below it, up to the next heading of any level."""
    parts = re.split(r"^#{1,6} (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def between(first, last):
    """The sections from one heading to just before another."""
    names = list(sections())
    return {name: sections()[name] for name in names[names.index(first) : names.index(last)]}


def blocks(section):
    """The indented blocks of a section, those of lists too, without their indentation."""
    found, lines = [], []
    for line in [*sections()[section].splitlines(), "."]:
        if line.startswith("    "):
            lines.append(line)
        elif lines and line.strip():
            margin = min(len(it) - len(it.lstrip()) for it in lines)
            found.append("\n".join(it[margin:] for it in lines))
            lines = []
    return found


def prose(text):
    """What is no block."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))


def codes(text):
    """What the prose puts between backticks, on one line each."""
    return [re.sub(r"\s+", " ", it) for it in re.findall(r"`([^`]+)`", prose(text))]


def block(section, containing):
    """The only one of a section with these words: who changes the document finds out here that it is run."""
    found = [it for it in blocks(section) if containing in it]
    if len(found) != 1:
        raise LookupError(f'{PATH}, "{section}": {len(found)} blocks have `{containing}`, and one of them is to be run')
    return found[0]


def fill(text, **values):
    """Puts values where the document leaves something open; each must stand there."""
    for open_place, value in values.items():
        if open_place not in text:
            raise LookupError(f"{PATH}: `{open_place}` is no longer in\n{text}")
        text = text.replace(open_place, value)
    return text


def run(script, environment, **options):
    """Runs lines of the document as a person's shell would, but ends at the first that fails; returns what they print."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment, capture_output=True, text=True, timeout=120, check=False, **options,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"as {PATH} says it, this ends with {done.returncode}:\n{script}\n{done.stdout}{done.stderr}")
    return done.stdout
