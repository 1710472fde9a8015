"""Who reaches which port, by the NetworkPolicies: as a network plugin would decide, for what these policies use. Anything else in them
is refused here, not guessed."""

from cluster.manifests import pod_of

NAME = "app.kubernetes.io/name"
OURS, INGRESS, MONITORING, DNS = "farol", "ingress-nginx", "monitoring", "kube-system"
NAMESPACE = "kubernetes.io/metadata.name"
ADMIN, GATEWAY = "admin-sync-service", "sse-gateway"


class Pod:
    def __init__(self, namespace, name, ports=()):
        self.namespace, self.name, self.ports = namespace, name, dict(ports)
        self.labels = {NAME: name, "app.kubernetes.io/part-of": "farol"} if namespace == OURS else {NAME: name}

    def __str__(self):
        return f"{self.namespace}/{self.name}"


STRANGERS = [
    Pod(INGRESS, "ingress-nginx"),
    Pod(MONITORING, "prometheus"),
    Pod(MONITORING, "grafana"),
    Pod("default", "prometheus"),
    Pod("default", ADMIN),
    Pod(DNS, "kube-dns", {"dns": 53}),
    Pod("default", "postgres", {"sql": 5432}),
    Pod(OURS, "something-else", {"any": 1234}),
]


def ours(manifests):
    for name, deployment in manifests.of("Deployment").items():
        (container,) = pod_of(deployment)["containers"]
        pod = Pod(OURS, name, {port["name"]: port["containerPort"] for port in container["ports"]})
        pod.labels = deployment["spec"]["template"]["metadata"]["labels"]
        yield pod
    for job in manifests.of("Job").values():
        pod = Pod(OURS, job["metadata"]["name"])
        pod.labels = job["spec"]["template"]["metadata"]["labels"]
        yield pod


def selects(selector, labels):
    unknown = selector.keys() - {"matchLabels", "matchExpressions"}
    assert not unknown, f"what is {unknown} in a selector?"
    for rule in selector.get("matchExpressions", ()):
        assert rule["operator"] == "In", rule
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


def is_peer(peer, pod):
    unknown = peer.keys() - {"podSelector", "namespaceSelector"}
    assert not unknown, f"what is {unknown} in a peer?"
    here = selects(peer["namespaceSelector"], {NAMESPACE: pod.namespace}) if "namespaceSelector" in peer else pod.namespace == OURS
    return here and selects(peer.get("podSelector", {}), pod.labels)


def lets(policies, direction, subject, other, target, port):
    """Of those policies that speak of this pod and direction, one is enough; without any everything passes."""
    word, side = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    speaking = [
        it["spec"] for it in policies if direction in it["spec"]["policyTypes"] and selects(it["spec"]["podSelector"], subject.labels)
    ]
    if subject.namespace != OURS or not speaking:
        return True
    for rule in (rule for spec in speaking for rule in spec.get(word, ())):
        assert rule.keys() == {side, "ports"}, rule
        numbers = [target.ports.get(it["port"], it["port"]) for it in rule["ports"]]
        if port in numbers and any(is_peer(peer, other) for peer in rule[side]):
            return True
    return False


def expected(source, target, port):
    """The promise, in one place."""
    inside = source.namespace == OURS
    if source.namespace == OURS and source.name == GATEWAY:
        return (target.namespace, target.name, port) == (OURS, ADMIN, "http") or target.namespace == DNS
    if target.namespace != OURS:
        return True
    if port == "any":
        return False
    if port == "http":
        return source.namespace == INGRESS
    if port == "internal":
        return inside and source.name == ADMIN
    return (inside and source.name == ADMIN) or (source.namespace, source.name) == (MONITORING, "prometheus")


def judge(manifests):
    policies = list(manifests.of("NetworkPolicy").values())
    everybody = [*ours(manifests), *STRANGERS]
    for source in everybody:
        for target in everybody:
            for name, port in target.ports.items():
                if source is target:
                    continue
                out = lets(policies, "Egress", source, target, target, port)
                into = lets(policies, "Ingress", target, source, target, port)
                if (out and into) != expected(source, target, name):
                    yield f"{source} {'reaches' if out and into else 'cannot reach'} {name} of {target}"
