"""The variables that docker-compose.yml asks for, .env.example, and the known values of the demo."""

import pathlib
import re

from containers.complaints import expect

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ("docker-compose.yml", "deploy/compose/tls.yml")
SECRET = re.compile(r"PASSWORD|SECRET|KEY$")


def assignments(path):
    found = {}
    for line in (ROOT / path).read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            expect(re.fullmatch(r"[A-Z0-9_]+", name), f"{path}: {line.split('=')[0]!r} is no name")
            expect(name not in found, f"{path}: {name} stands there twice")
            found[name] = value
    return found


def check():
    asked = {}
    for path in FILES:
        for name, how in re.findall(r"\$\{([A-Z0-9_]+)([^}]*)\}", (ROOT / path).read_text()):
            asked.setdefault(name, []).append((path, how))
    example, demo = assignments(".env.example"), assignments("deploy/compose/demo.env")
    expect(asked.keys() == example.keys(), f".env.example: differs from the compose files by {asked.keys() ^ example.keys()}")
    for name, places in asked.items():
        for path, how in places:
            _check_variable(name, path, how, example.get(name), demo)
        expect(len({how for _, how in places}) == 1, f"{name}: is asked for in several ways")
    for name in demo:
        expect(name in asked, f"demo.env: nothing asks for {name}")


def _check_variable(name, path, how, example, demo):
    required = how.startswith(":?")
    if required:
        expect(name in how, f"{path}: the complaint about {name} does not name it")
        expect(example == "", f".env.example: {name} has a value that everybody knows")
        expect(path != FILES[0] or demo.get(name), f"demo.env: lacks {name}")
    else:
        expect(how.startswith(":-"), f"{path}: an empty {name} is not its default")
        same = how.removeprefix(":-") == example
        expect(same, f".env.example: {name} is {example!r}, its default is {how.removeprefix(':-')!r}")
        expect(not SECRET.search(name) or how == ":-", f"{path}: the secret {name} has a default")
