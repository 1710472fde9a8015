"""The programs as the manifests start them: what they read, where they listen, and how they answer probes while no Postgres is there."""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from cluster import routes, stuck
from cluster.manifests import ROOT, pod_of
from containers import dockerfile
from deploy_check import programs, read_dockerfile, variables_of
from stage import PATIENCE_SECONDS, free_port, wait_until

BIN = pathlib.Path(os.environ["FAROL_BIN_DIR"])
EVERYWHERE = {"HOST": "0.0.0.0", "OPS_HOST": "0.0.0.0"}
HERE = "127.0.0.1"
# Answers 404 to what the Ingress refuses.
REFUSING = "public-service"
# Needs no database, so it may be ready without one.
WITHOUT_POSTGRES = {"sse-gateway"}
SECRET_WORDS = re.compile(r"PASSWORD|SECRET|TOKEN|DATABASE_URL|RABBITMQ_URL|CALLBACK_URL|SMTP")


def edited(given):
    """As whoever copied the overlay has to make it: programs refuse what is left open."""
    return {key: value.replace("CHANGE-ME", "of-our-own") for key, value in given.items()}


def of_image():
    """What the image's ENV says: services would listen on 127.0.0.1 without it."""
    _, _, instructions = dockerfile.stages()[-1]
    return dict(word.split("=", 1) for name, rest in instructions if name == "ENV" for word in shlex.split(rest))


def images(manifests, name):
    documents = [*manifests.of("Deployment").values(), *manifests.of("Job").values()]
    for document in documents:
        (container,) = pod_of(document)["containers"]
        if container["image"] != name:
            yield f"{document['metadata']['name']}: runs {container['image']}"


def judge(manifests):
    """What can be said without a process that stays."""
    image = read_dockerfile(programs())
    if not EVERYWHERE.items() <= of_image().items():
        yield f"the image no longer says {EVERYWHERE}"
    for document in [*manifests.of("Deployment").values(), *manifests.of("Job").values()]:
        name, pod = document["metadata"]["name"], pod_of(document)
        command, given = pod["containers"][0]["command"], manifests.environment(pod)
        if len(command) != 1 or command[0] not in image["programs"]:
            yield f"{name}: {command} is no program of the image"
            continue
        yield from (f"{name}: {command[0]} does not read {key}" for key in given.keys() - variables_of(command))
        checked = check_config(command[0], edited(given))
        if checked.returncode:
            yield f"{name}: its settings are unusable: {checked.stderr.strip()}"
        if "still has CHANGE-ME" not in check_config(command[0], given).stderr:
            yield f"{name}: would run with what the overlay leaves open"
        yield from ports(name, pod, command[0], given)
    yield from secrets(manifests)


def check_config(program, given):
    return subprocess.run(
        [BIN / program, "--check-config"], env=of_image() | given, capture_output=True, text=True, timeout=60, check=False
    )


def ports(name, pod, program, given):
    manual = subprocess.run([BIN / program, "--print-default-config"], capture_output=True, text=True, timeout=60, check=True).stdout
    defaults = {key.upper(): int(port) for key, port in re.findall(r"^(\w*port) = (\d+)$", manual, re.M)}
    called = {"PORT": "http", "OPS_PORT": "ops", "INTERNAL_PORT": "internal"}
    listens = {called[key]: int(given.get(key, port)) for key, port in (defaults | {k: v for k, v in given.items() if k in called}).items()}
    there = {port["name"]: port["containerPort"] for port in pod["containers"][0].get("ports", ())}
    if there != listens:
        yield f"{name}: says {there} and listens on {listens}"


def secrets(manifests):
    """Nothing secret in a ConfigMap, nothing real in a Secret, and what two of them share is the same."""
    for name, document in manifests.of("ConfigMap").items():
        yield from (f"ConfigMap {name}: {key} is secret" for key in document["data"] if SECRET_WORDS.search(key))
    shared = {}
    for name, document in manifests.of("Secret").items():
        if "data" in document:
            yield f"Secret {name}: nobody can read what it holds"
        for key, value in document["stringData"].items():
            if not re.fullmatch(r"CHANGE-ME|\w+://\w+:CHANGE-ME@[\w.]+example\.org:\d+/[\w%]+|http://[\w:/-]+\?secret=CHANGE-ME", value):
                yield f"Secret {name}: {key} may be a real one"
            shared.setdefault(key, []).append(name)
    for key in ("SECRET_KEY", "INTERNAL_SECRET"):
        if len(shared.get(key, ())) != 2:
            yield f"{key} is in {shared.get(key)}, and not in both that share it"


def ask(port, path):
    try:
        with urllib.request.urlopen(f"http://{HERE}:{port}{path}", timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None, ""


class Running:
    """One service with the settings of its pod, moved to free ports of this machine, and nobody behind its URLs."""

    def __init__(self, name, given, log):
        self.name = name
        self.port, self.ops, nobody = free_port(), free_port(), free_port()
        moved = {"PORT": self.port, "OPS_PORT": self.ops, "HOST": HERE, "OPS_HOST": HERE}
        if "INTERNAL_PORT" in given:
            moved |= {"INTERNAL_PORT": free_port(), "INTERNAL_HOST": HERE}
        for key, scheme in (("DATABASE_URL", "postgres"), ("RABBITMQ_URL", "amqp")):
            if key in given:
                moved[key] = f"{scheme}://nobody:nothing@{HERE}:{nobody}/none"
        environment = given | {key: str(value) for key, value in moved.items()} | {"DRAIN_SECONDS": "1"}
        self.process = subprocess.Popen([BIN / name], env=environment, stdout=log, stderr=log)

    def started(self):
        return self.process.poll() is not None or ask(self.ops, "/health/live")[0] == 200

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed"


def judge_running(manifests):
    with tempfile.TemporaryFile() as log:
        all_running = []
        try:
            for name, deployment in manifests.of("Deployment").items():
                all_running.append(Running(name, edited(manifests.environment(pod_of(deployment))), log))
            for one in all_running:
                wait_until(one.started, f"{one.name} is alive or ended")
            for one in all_running:
                yield from probes(one)
            yield from metrics(manifests, {one.name: one for one in all_running})
            yield from refusals({one.name: one for one in all_running}[REFUSING])
            yield from stuck.judge(all_running, lambda one, path: ask(one.ops, path)[0])
        finally:
            codes = {one.name: one.end() for one in all_running}
        yield from (f"{name}: ended with {code}" for name, code in codes.items() if code != 0)


def probes(one):
    if one.process.poll() is not None:
        yield f"{one.name}: ended by itself"
        return
    alive, ready = ask(one.ops, "/health/live")[0], ask(one.ops, "/health/ready")[0]
    if alive != 200:
        yield f"{one.name}: without Postgres /health/live answers {alive}, and every pod would be restarted"
    wanted = 200 if one.name in WITHOUT_POSTGRES else 503
    if ready != wanted:
        yield f"{one.name}: without Postgres /health/ready answers {ready}"


def metrics(manifests, running):
    for name, scaler in manifests.of("HorizontalPodAutoscaler").items():
        (metric,) = scaler["spec"]["metrics"]
        wanted = metric["pods"]["metric"]["name"]
        if not re.search(rf"^{wanted} \d", ask(running[name].ops, "/metrics")[1], re.M):
            yield f"{name}: is scaled by {wanted}, which it does not print without a label"


def refusals(service):
    for path in routes.refused():
        for address in (path, f"{path}/more"):
            if (status := ask(service.port, address)[0]) != 404:
                yield f"{service.name}: answers {status} to {address}, which the Ingress leads there to be refused"
