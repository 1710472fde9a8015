"""docker-compose.yml as compose itself reads it, for every combination of profiles, and what it refuses.

Run by `cargo xtask ci` with COMPOSE, the words of the command. It starts nothing and needs no engine.
"""

import itertools
import os
import pathlib
import subprocess
import sys

import yaml

from containers.settings import assignments

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEMO = "deploy/compose/demo.env"
TLS = {"FAROL_SITE_FILE": "./deploy/nginx/farol/site.conf", "FAROL_TLS_DIR": "./tls"}
SERVICES = "postgres rabbitmq migrate public-service admin-sync-service sse-gateway telemetry-service ingestor nginx"
OF_PROFILES = {"demo": {"demo", "demo-seed", "demo-tokens"}, "observe": {"prometheus", "grafana"}}
# What of a host is open, to whom: the address, or nothing for everybody.
PUBLISHED = {
    "nginx": {"127.0.0.1:8080"}, "demo": {"127.0.0.1:8300", "127.0.0.1:8310"},
    "prometheus": {"127.0.0.1:9090"}, "grafana": {"127.0.0.1:3001"},
}  # fmt: skip


def compose(*words, **more):
    # Nothing of the caller's: a variable of theirs would win over the file.
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | more
    command = [*os.environ["COMPOSE"].split(), *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def read(*words, **more):
    answer = compose("--env-file", DEMO, *words, "config", **more)
    assert answer.returncode == 0, f"{words}: {answer.stderr}"
    return yaml.safe_load(answer.stdout)["services"]


def enabled(services, profiles):
    """Version 1 of compose prints those of all profiles, version 2 the ones that are asked for."""
    return {
        name for name, service in services.items() if "profiles" not in service or set(service["profiles"]) & set(profiles)
    }


def published(service):
    found = set()
    for port in service.get("ports", []):
        if isinstance(port, dict):
            host = f"{port['host_ip']}:" if "host_ip" in port else ""
            found.add(f"{host}{port['published']}")
        else:
            found.add(port.rpartition(":")[0])
    return found


def every_combination_of_profiles():
    for count in range(len(OF_PROFILES) + 1):
        for profiles in itertools.combinations(OF_PROFILES, count):
            services = read(*itertools.chain.from_iterable(("--profile", profile) for profile in profiles))
            wanted = set(SERVICES.split()).union(*(OF_PROFILES[profile] for profile in profiles))
            assert enabled(services, profiles) == wanted, f"{profiles}: {enabled(services, profiles) ^ wanted}"
            for name in wanted:
                open_to = published(services[name])
                assert open_to == PUBLISHED.get(name, set()), f"{profiles}: {name} is published at {open_to}"


def tls_opens_nginx_and_nothing_else():
    plain = read()
    tls = read("-f", "docker-compose.yml", "-f", "deploy/compose/tls.yml", **TLS)
    assert published(tls["nginx"]) - published(plain["nginx"]) == {"80", "443"}, tls["nginx"]["ports"]
    mounts = [mount if isinstance(mount, str) else f"{mount['source']}:{mount['target']}" for mount in tls["nginx"]["volumes"]]
    sites = [mount for mount in mounts if ":/etc/nginx/farol/site.conf" in mount]
    assert len(sites) == 1 and "/deploy/nginx/farol/site.conf:" in sites[0], sites
    others = {name: published(service) for name, service in tls.items() if name != "nginx"}
    assert others == {name: published(service) for name, service in plain.items() if name != "nginx"}, others


def without_secrets_nothing_starts():
    answer = compose("--env-file", ".env.example", "config", "--quiet")
    assert answer.returncode != 0, "the example as it stands is taken"
    secrets = [name for name, value in assignments(".env.example").items() if not value]
    assert any(name in answer.stderr for name in secrets), f"it is not said what lacks: {answer.stderr}"
    # The others are written in the same way: deploy_check.py sees to it.
    for lacking in ("SECRET_KEY", "GRAFANA_PASSWORD"):
        answer = compose("--env-file", DEMO, "config", "--quiet", **{lacking: ""})
        assert answer.returncode != 0 and lacking in answer.stderr, f"starts without {lacking}: {answer.stderr}"


def main():
    for case in (every_combination_of_profiles, tls_opens_nginx_and_nothing_else, without_secrets_nothing_starts):
        case()
        print(f"ok  {case.__name__.replace('_', ' ')}")


if __name__ == "__main__":
    sys.exit(main())
