"""Holds docker-compose.yml, deploy/Dockerfile and .dockerignore to what the repository really has.

Run by `cargo xtask ci` with FAROL_BIN_DIR. Needs no container engine: every program, flag, variable,
path, stage and service that those files name is looked up where it comes from.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
COMPLAINTS = []

# What a service of the compose file may say here; more is fine once somebody has tried it.
SERVICE_KEYS = set(
    "build cap_drop command depends_on environment healthcheck hostname image ports read_only restart security_opt "
    "stop_grace_period volumes".split()
)
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# Documented variables of the official images; set-up scripts that are mounted may read others.
IMAGE_VARIABLES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
    "rabbitmq": {"RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"},
}


def expect(condition, complaint):
    if not condition:
        COMPLAINTS.append(complaint)


def help_of(*words):
    program = pathlib.Path(os.environ["FAROL_BIN_DIR"]) / words[0]
    if not program.exists():
        return ""
    return subprocess.run([program, *words[1:]], capture_output=True, timeout=60, check=False).stdout.decode()


def variables_of(words):
    """The settings of a program: from its default file, or from clap's help of the subcommand."""
    manual = help_of(words[0], "--print-default-config")
    found = {name.upper() for name in re.findall(r"^#?\s*([a-z][a-z0-9_]*)\s*=", manual, re.M)}
    return found | set(re.findall(r"\[env: ([A-Z0-9_]+)", help_of(*words[:2], "--help")))


def programs():
    """Every program that the workspace builds."""
    metadata = subprocess.run(
        [os.environ.get("CARGO", "cargo"), "metadata", "--no-deps", "--format-version", "1"],
        cwd=ROOT, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    packages = json.loads(metadata.stdout)["packages"]
    return {package["name"]: {t["name"] for t in package["targets"] if "bin" in t["kind"]} for package in packages}


def check_ours(name, service, image):
    words = service.get("command", [])
    expect(words and words[0] in image["programs"], f"{name}: {words[:1]} is not a program of the image")
    flags = [word for word in words if word.startswith("--")]
    known = help_of(*[word for word in words[:2] if not word.startswith("--")], "--help")
    for flag in flags:
        expect(re.search(rf"{flag}\b", known), f"{name}: {words[0]} has no flag {flag}")
    variables = variables_of(words) if words else set()
    for variable in service.get("environment", {}):
        expect(variable in variables, f"{name}: {words[0]} does not read {variable}")
    expect(service["build"]["dockerfile"] == "deploy/Dockerfile", f"{name}: builds from somewhere else")


def check_server(name, service):
    """Somebody else's image: pinned, the one that `cargo xtask up` takes too, with variables that it reads."""
    image = service["image"]
    expect(re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?(-\w+)?", image), f"{name}: {image} is not pinned")
    rooms = (ROOT / "xtask/src/servers").glob("*.rs")
    expect(any(f'"{image}"' in room.read_text() for room in rooms), f"{name}: xtask starts another image than {image}")
    mounted = [ROOT / mount.split(":")[0] for mount in service.get("volumes", []) if mount.startswith(".")]
    scripts = "".join(path.read_text() for path in mounted if path.exists())
    for variable in service["environment"]:
        known = variable in IMAGE_VARIABLES[image.split(":")[0]] or f"${variable}" in scripts
        expect(known, f"{name}: nothing reads {variable}")


def check_service(name, service, compose, image):
    for key in service.keys() - SERVICE_KEYS:
        expect(False, f"{name}: unexpected key {key}")
    for other, how in service.get("depends_on", {}).items():
        expect(other in compose["services"], f"{name}: depends on {other}, which is not there")
        expect(how["condition"] in CONDITIONS, f"{name}: unknown condition {how['condition']}")
        if how["condition"] == "service_healthy":
            expect("healthcheck" in compose["services"][other], f"{name}: {other} has no health check")
    for mount in service.get("volumes", []):
        source = mount.split(":")[0]
        there = (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
        expect(there, f"{name}: {source} does not exist")
    for port in service.get("ports", []):
        expect(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), f"{name}: {port} is open to the network")
        expect(port.split(":")[2] in image["ports"] or "build" not in service, f"{name}: port {port} is not exposed")


def check_hosts(compose):
    """`@postgres:5432` and `http://demo:8300` name services of this file."""
    text = json.dumps(compose["services"])
    for host in re.findall(r"@([a-z-]+):\d+/", text) + re.findall(r"http://([a-z-]+):\d+", text):
        expect(host in compose["services"], f"no service is called {host}")


def read_dockerfile(built):
    text = re.sub(r"\\\n", " ", (ROOT / "deploy/Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    stages, image = set(), {"programs": set(), "ports": set()}
    for word, rest in lines:
        if word == "FROM":
            base, _, stage = rest.partition(" AS ")
            expect(":" in base and not base.endswith(":latest"), f"Dockerfile: {base} is not pinned")
            stages.add(stage)
        elif word == "COPY" and rest.startswith("--from="):
            expect(rest.split()[0].removeprefix("--from=") in stages, f"Dockerfile: no stage for {rest}")
        elif word == "EXPOSE":
            image["ports"] |= set(rest.split())
        elif word == "RUN" and "cargo build" in rest:
            packages = re.findall(r"-p (\S+)", rest)
            made = set().union(*(built.get(package, set()) for package in packages))
            for package in packages:
                expect(package in built, f"Dockerfile: no package {package}")
            image["programs"] = set(re.findall(r"target/release/(\S+)", rest))
            expect(image["programs"] <= made, f"Dockerfile: {image['programs'] - made} is not built")
    expect(lines[-1][0] == "CMD", "Dockerfile: does not end with CMD")
    expect(json.loads(lines[-1][1])[0] in image["programs"], "Dockerfile: CMD is not a program of the image")
    user = [rest for word, rest in lines if word == "USER"]
    expect(user and user[-1] not in ("root", "0"), "Dockerfile: runs as root")
    return image


def check_context():
    """The build sees every member of the workspace and nothing private."""
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for path in kept:
        expect((ROOT / path).exists(), f".dockerignore: {path} does not exist")
    members = re.search(r"members = \[(.*?)\]", (ROOT / "Cargo.toml").read_text(), re.S).group(1)
    for member in re.findall(r'"([^"]+)"', members):
        expect(member.split("/")[0] in kept, f".dockerignore: leaves out the member {member}")
    for path in ("Cargo.toml", "Cargo.lock", ".cargo", "migrations"):
        expect(path in kept, f".dockerignore: leaves out {path}")


def main():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    image = read_dockerfile(programs())
    for name, service in compose["services"].items():
        check_service(name, service, compose, image)
        check_ours(name, service, image) if "build" in service else check_server(name, service)
    check_hosts(compose)
    check_context()
    for complaint in COMPLAINTS:
        print(complaint, file=sys.stderr)
    print(f"{len(compose['services'])} services, {len(image['programs'])} programs: {len(COMPLAINTS)} complaints")
    return 1 if COMPLAINTS else 0


if __name__ == "__main__":
    sys.exit(main())
