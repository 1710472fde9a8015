"""Holds docker-compose.yml, its settings, deploy/Dockerfile and .dockerignore to what the repository really has.

Run by `cargo xtask ci` with FAROL_BIN_DIR. Needs no container engine: every program, flag, variable, port, address, path, stage and
service that those files name is looked up where it comes from. What of it can run without containers does: the health checks,
the skeleton that dependencies are built from, nginx with the files that its container has.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import yaml

from containers import context, dockerfile, settings, wiring, work
from containers.complaints import COMPLAINTS, expect

ROOT = pathlib.Path(__file__).resolve().parents[1]

# What a service of the compose file may say here; more is fine once somebody has tried it.
SERVICE_KEYS = set(
    "build cap_add cap_drop command depends_on entrypoint environment healthcheck hostname image network_mode networks ports "
    "profiles read_only restart security_opt stop_grace_period stop_signal tmpfs ulimits volumes".split()
)
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# Documented variables of the official images; set-up scripts that are mounted may read others.
IMAGE_VARIABLES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
    "rabbitmq": {"RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"},
    "grafana/grafana": {
        "GF_SECURITY_ADMIN_USER", "GF_SECURITY_ADMIN_PASSWORD", "GF_USERS_ALLOW_SIGN_UP",
        "GF_ANALYTICS_REPORTING_ENABLED", "GF_ANALYTICS_CHECK_FOR_UPDATES",
    },
    "nginx": set(),
    "prom/prometheus": set(),
}  # fmt: skip
# `cargo xtask up` starts these too, where it starts containers.
SHARED_IMAGES = {"postgres", "rabbitmq"}


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
    build = service["build"]
    expect(build["dockerfile"] == "deploy/Dockerfile", f"{name}: builds from somewhere else")
    expect(build["args"].keys() <= image["arguments"], f"{name}: the Dockerfile takes no such argument")
    hardened = service.get("read_only") and service.get("cap_drop") == ["ALL"]
    expect(hardened and "no-new-privileges:true" in service["security_opt"], f"{name}: is not confined")


def check_server(name, service):
    """Somebody else's image: pinned, the one that `cargo xtask up` takes too, with variables that it reads."""
    image = service["image"]
    known = IMAGE_VARIABLES.get(image.split(":")[0])
    if known is None:
        return expect(False, f"{name}: {image} is not an image that is known here")
    expect(re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-\w+)?", image), f"{name}: {image} is not pinned")
    rooms = (ROOT / "xtask/src/servers").glob("**/*.rs")
    shared = image.split(":")[0] not in SHARED_IMAGES or any(f'"{image}"' in room.read_text() for room in rooms)
    expect(shared, f"{name}: xtask starts another image than {image}")
    mounted = [ROOT / mount.split(":")[0] for mount in service.get("volumes", []) if mount.startswith(".")]
    scripts = "".join(path.read_text() for path in mounted if path.is_file())
    for variable in service.get("environment", {}):
        expect(variable in known or f"${variable}" in scripts, f"{name}: nothing reads {variable}")


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
    expect("profiles" in service or name == "nginx" or "ports" not in service, f"{name}: is published without a profile")
    for port in service.get("ports", []):
        expect(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), f"{name}: {port} is open to the network")


def check_hosts(compose):
    """`@postgres:5432` and `http://demo:8300` name services of this file."""
    text = json.dumps(compose["services"])
    for host in re.findall(r"@([a-z-]+):\d+/", text) + re.findall(r"http://([a-z-]+):\d+", text):
        expect(host in compose["services"], f"no service is called {host}")


def read_dockerfile(built):
    lines = dockerfile.instructions()
    stages, image, builds = set(), {"programs": set(), "ports": set(), "arguments": set()}, []
    for word, rest in lines:
        if word == "FROM":
            base, _, stage = rest.partition(" AS ")
            pinned = ":" in base and not base.endswith(":latest")
            expect(base in stages or pinned, f"Dockerfile: {base} is not pinned")
            stages.add(stage)
        elif word == "COPY" and rest.startswith("--from="):
            expect(rest.split()[0].removeprefix("--from=") in stages, f"Dockerfile: no stage for {rest}")
        elif word == "EXPOSE":
            image["ports"] |= set(rest.split())
        elif word == "ARG":
            expect(len(builds) == 1, f"Dockerfile: {rest} is above the dependencies, or below the programs")
            image["arguments"].add(rest.split("=")[0])
        elif word == "RUN" and "cargo build" in rest:
            expect("--profile dist " in rest, "Dockerfile: builds another profile than what is shipped otherwise")
            builds.append(re.findall(r"-p (\S+)", rest))
            image["programs"] = set(re.findall(r"target/dist/(\S+)", rest))
    check_builds(builds, image, built)
    expect(lines[-1][0] == "CMD", "Dockerfile: does not end with CMD")
    expect(json.loads(lines[-1][1])[0] in image["programs"], "Dockerfile: CMD is not a program of the image")
    user = [rest for word, rest in lines if word == "USER"]
    expect(user and user[-1] not in ("root", "0"), "Dockerfile: runs as root")
    return image


def check_builds(builds, image, built):
    """Dependencies, then programs: of the same packages, or their features would differ and all be built twice."""
    expect(len(builds) == 2 and builds[0] == builds[1], "Dockerfile: dependencies are built for other packages")
    for package in builds[-1]:
        expect(package in built, f"Dockerfile: no package {package}")
    made = set().union(*(built.get(package, set()) for package in builds[-1]))
    expect(image["programs"] <= made, f"Dockerfile: {image['programs'] - made} is not built")
    rust = re.search(r'^rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    expect(dockerfile.stages()[0][1].startswith(f"rust:{rust}-"), f"Dockerfile: is not built with Rust {rust}")
    kit = (ROOT / "crates/service-kit/src/lib.rs").read_text()
    for argument in image["arguments"]:
        expect(f'option_env!("{argument}")' in kit, f"Dockerfile: nothing reads {argument}")


def check_context():
    """The build sees every member of the workspace and nothing private."""
    kept = context.kept()
    for path in kept:
        expect((ROOT / path).exists(), f".dockerignore: {path} does not exist")
    members = re.search(r"members = \[(.*?)\]", (ROOT / "Cargo.toml").read_text(), re.S).group(1)
    for member in re.findall(r'"([^"]+)"', members):
        expect(member.split("/")[0] in kept, f".dockerignore: leaves out the member {member}")
    for path in ("Cargo.toml", "Cargo.lock", ".cargo", "migrations", "deploy/skeleton.sh"):
        expect(path in kept, f".dockerignore: leaves out {path}")


def main():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    image = read_dockerfile(programs())
    for name, service in compose["services"].items():
        check_service(name, service, compose, image)
        check_ours(name, service, image) if "build" in service else check_server(name, service)
    check_hosts(compose)
    check_context()
    settings.check()
    wiring.check(compose, help_of)
    work.check(compose)
    for complaint in COMPLAINTS:
        print(complaint, file=sys.stderr)
    print(f"{len(compose['services'])} services, {len(image['programs'])} programs: {len(COMPLAINTS)} complaints")
    return 1 if COMPLAINTS else 0


if __name__ == "__main__":
    sys.exit(main())
