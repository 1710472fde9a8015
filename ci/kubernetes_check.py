"""Holds deploy/kubernetes to Kubernetes, to the programs, and to what docs/OPERATIONS.md promises of it.

Run by `cargo xtask ci` with FAROL_BIN_DIR. Needs no cluster: kubectl's own kustomize composes, the schemas are in a package, who
reaches which port is worked out from the policies, and every service is started with the settings of its pod and no Postgres.
"""

import sys

from cluster import reach, routes, rules, running, shapes
from cluster.manifests import composed

SERVICES = {"public-service", "admin-sync-service", "ingestor", "sse-gateway", "telemetry-service"}
# In a cluster as it is installed; all else is the overlay's.
KINDS_OF_BASE = {"Deployment", "Job", "Service", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget"}


def judge_base(base):
    kinds = {document["kind"] for document in base.documents}
    if kinds != KINDS_OF_BASE:
        yield f"has {kinds ^ KINDS_OF_BASE}"
    yield from shapes.judge(base.documents)
    yield from reach.judge(base)
    yield from running.images(base, "farol")


def judge_whole(whole):
    yield from shapes.judge(whole.documents)
    if whole.of("Deployment").keys() != SERVICES:
        yield f"runs {sorted(whole.of('Deployment'))}"
    (namespace,) = whole.of("Namespace")
    strays = [it["metadata"]["name"] for it in whole.documents if it["metadata"].get("namespace", namespace) != namespace]
    yield from (f"{name} is in another namespace" for name in strays)
    if namespace != reach.OURS:
        yield f"is in {namespace}"
    if whole.of("Namespace")[namespace]["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "its namespace takes pods that are not restricted"
    yield from running.images(whole, "registry.example.org/farol:0.1.0")
    yield from rules.judge(whole)
    yield from rules.monitored(whole)
    yield from reach.judge(whole)
    yield from routes.judge(whole, running.REFUSING)
    yield from running.judge(whole)
    yield from running.judge_running(whole)


def main():
    base, whole = composed("base"), composed("overlays/example")
    complaints = [f"base: {it}" for it in judge_base(base)] + [f"overlays/example: {it}" for it in judge_whole(whole)]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{len(whole.documents)} documents for {len(SERVICES)} services: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
