"""What every pod, Service, budget and autoscaler here has to be, beyond its schema."""

import re

from cluster.manifests import ROOT, pod_of

NAME, PART, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/component"
USER = 10001
# Between the signal and the service's own hard stop (docs/OPERATIONS.md), and what is to spare after it.
AFTER_DRAIN, SPARE = 5, 5
# Only one at a time, whatever the autoscaler or a person would like.
ALONE = {"sse-gateway", "ingestor"}
LIVE, READY = "/health/live", "/health/ready"
PULSE = ROOT / "crates/service-kit/src/lifecycle/pulse.rs"
LOOK_SECONDS = int(re.search(r"^const WITHIN: Duration = Duration::from_secs\((\d+)\);$", PULSE.read_text(), re.M).group(1))


def guarded(name, pod):
    """The strictest of Kubernetes's Pod Security Standards, and a file system that nobody writes."""
    whole, (container,) = pod["securityContext"], pod["containers"]
    own = container["securityContext"]
    wanted = {
        "runAsNonRoot": whole.get("runAsNonRoot") is True,
        "runAsUser": whole.get("runAsUser") == USER,
        "seccompProfile": whole.get("seccompProfile") == {"type": "RuntimeDefault"},
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
        "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
        "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
        "no privilege": not own.keys() - {"allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"},
        "no volume": "volumes" not in pod and "volumeMounts" not in container,
        "automountServiceAccountToken": pod.get("automountServiceAccountToken") is False,
        "enableServiceLinks": pod.get("enableServiceLinks") is False,
        "memory": "memory" in container["resources"]["requests"] and "memory" in container["resources"]["limits"],
        "cpu": "cpu" in container["resources"]["requests"],
    }
    yield from (f"{name}: {what} is not as it must be" for what, met in wanted.items() if not met)


def probed(name, container):
    for probe, path in {"startupProbe": LIVE, "livenessProbe": LIVE, "readinessProbe": READY}.items():
        if container.get(probe, {}).get("httpGet") != {"path": path, "port": "ops"}:
            yield f"{name}: {probe} does not ask the ops listener for {path}"
        if path == LIVE and container.get(probe, {}).get("timeoutSeconds", 1) <= LOOK_SECONDS:
            yield f"{name}: {probe} waits no longer than a look at {path} may take, {LOOK_SECONDS} s"


def ends_in_time(name, pod, drain):
    (container,) = pod["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    if command[0] != "sleep":
        yield f"{name}: preStop is no sleep"
    if pod["terminationGracePeriodSeconds"] < int(command[1]) + drain + AFTER_DRAIN + SPARE:
        yield f"{name}: is killed before preStop, DRAIN_SECONDS and {AFTER_DRAIN} s are over"


def rolled(name, deployment, drain, scaled):
    spec = deployment["spec"]
    replicas = spec.get("replicas", "many" if scaled else 1)
    if name in ALONE:
        if (replicas, spec["strategy"], scaled) != (1, {"type": "Recreate"}, False):
            yield f"{name}: there may be two of it"
        return
    if spec["strategy"] != {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}:
        yield f"{name}: is not replaced one by one"
    if replicas != 1 and spec.get("minReadySeconds", 0) <= 1 + 2 * drain:
        yield f"{name}: the next pod drains before the viewers of the last are back"


def judge(manifests):
    deployments, scalers = manifests.of("Deployment"), manifests.of("HorizontalPodAutoscaler")
    for name, scaler in scalers.items():
        if scaler["spec"]["scaleTargetRef"]["name"] != name or "replicas" in deployments[name]["spec"]:
            yield f"{name}: the autoscaler and the Deployment both say how many"
    for name, deployment in deployments.items():
        pod = pod_of(deployment)
        drain = int(manifests.environment(pod)["DRAIN_SECONDS"])
        yield from guarded(name, pod)
        yield from probed(name, pod["containers"][0])
        yield from ends_in_time(name, pod, drain)
        yield from rolled(name, deployment, drain, name in scalers)
        yield from services(manifests, name, deployment)
        budget = manifests.of("PodDisruptionBudget").get(name, {}).get("spec")
        one = {"maxUnavailable": 1, "selector": deployment["spec"]["selector"]}
        several = name in scalers or deployment["spec"].get("replicas", 1) > 1
        if budget != (one if several else None):
            yield f"{name}: its PodDisruptionBudget is not one at a time, or there is one for a pod that is alone"
    for name, job in manifests.of("Job").items():
        yield from guarded(name, pod_of(job))
        if pod_of(job)["containers"][0]["command"] != ["farol-migrate"]:
            yield f"{name}: does not migrate"


def services(manifests, name, deployment):
    """Services lead to these pods and to ports that they have; those of the ops listener also while a pod is not ready."""
    labels, template = deployment["metadata"]["labels"], deployment["spec"]["template"]["metadata"]["labels"]
    if not labels == template == {NAME: name, PART: "farol"} or deployment["spec"]["selector"] != {"matchLabels": {NAME: name}}:
        yield f"{name}: is labelled otherwise"
    ports = {port["name"]: port["containerPort"] for port in pod_of(deployment)["containers"][0]["ports"]}
    led = {}
    for service, document in manifests.of("Service").items():
        spec = document["spec"]
        if spec["selector"] != {NAME: name}:
            continue
        (port,) = spec["ports"]
        led[port["name"]] = service
        if document["metadata"]["labels"].get(NAME) != name or spec.get("type", "ClusterIP") != "ClusterIP":
            yield f"{service}: is not labelled {name}, or is open to the outside"
        if port["targetPort"] != port["name"] or port["port"] != ports.get(port["name"]):
            yield f"{service}: leads to a port that {name} does not have"
    wanted = {port: name if port == "http" else f"{name}-{port}" for port in ports}
    if led != wanted:
        yield f"{name}: has Services {led} and not {wanted}"
    ops = manifests.of("Service").get(f"{name}-ops", {"spec": {}, "metadata": {"labels": {}}})
    if not ops["spec"].get("publishNotReadyAddresses") or ops["metadata"]["labels"].get(COMPONENT) != "ops":
        yield f"{name}-ops: hides pods that are not ready, or is not known as one of ops"


def monitored(manifests):
    """The operator finds each ops Service once, and names its job after the service."""
    for name, monitor in manifests.of("ServiceMonitor").items():
        spec = monitor["spec"]
        found = [
            service for service in manifests.of("Service").values()
            if spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        ]  # fmt: skip
        jobs = sorted(service["metadata"]["labels"].get(spec["jobLabel"], "?") for service in found)
        if jobs != sorted(manifests.of("Deployment")):
            yield f"{name}: its jobs are {jobs}"
        ports = [endpoint["port"] for endpoint in spec["endpoints"]]
        if ports != ["ops"] or any(service["spec"]["ports"][0]["name"] != "ops" for service in found):
            yield f"{name}: does not scrape ops once each"
