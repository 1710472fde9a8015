"""deploy/Dockerfile, read as instructions and as stages. What they mean is for those who ask."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def instructions():
    """Pairs of a word and the rest of its line, lines that go on joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "deploy/Dockerfile").read_text())
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line and not line.startswith("#")]


def stages():
    """Triples of the name of a stage, its base, and its instructions. The last one is what the image is."""
    found = []
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append((name, base, []))
        else:
            found[-1][2].append((word, rest))
    return found
