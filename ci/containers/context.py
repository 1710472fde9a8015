"""What an image's build sees of the repository: what .dockerignore lets through."""

import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]


def kept():
    """The paths that are let through. Whatever is not named is kept out, so a rule of another kind would be misread here."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    if rules[0] != "*" or not all(rule.startswith("!") for rule in rules[1:]):
        raise RuntimeError(".dockerignore: is more than `*` and what is let through all the same")
    return [rule.removeprefix("!") for rule in rules[1:]]


def copy(target):
    """With the files' own times, which an engine hands on too: cargo looks at them."""
    for path in kept():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, place)
        else:
            shutil.copy2(ROOT / path, place)
