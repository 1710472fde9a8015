"""The Ingress leads where deploy/nginx leads, address for address."""

import re

from cluster.manifests import ROOT

ROUTES = ROOT / "deploy/nginx/farol/routes.conf"
SERVICES = {"public": "public-service", "admin": "admin-sync-service", "gateway": "sse-gateway", "telemetry": "telemetry-service"}
# Of nginx: its location of the WebSocket only differs in headers from the one that it is part of.
PART_OF_ANOTHER = {"/api/v2/ws"}
REFUSED = None


def of_nginx():
    """Path to service; exact ones are a pair."""
    found = {}
    for mark, path, body in re.findall(r"^location (= )?(\S+) \{\n(.*?)^\}", ROUTES.read_text(), re.M | re.S):
        if path in PART_OF_ANOTHER:
            continue
        upstream = re.search(r"proxy_pass http://farol_(\w+);", body)
        if not upstream and "return 404;" not in body:
            raise AssertionError(f"where does {path} lead?")
        found[path, "Exact" if mark else "Prefix"] = SERVICES[upstream.group(1)] if upstream else REFUSED
    return found


def refused():
    return [path for (path, _), service in of_nginx().items() if service is REFUSED]


def judge(manifests, refusing):
    """`refusing` is the service that answers 404 to what nobody may reach."""
    wanted = {key: refusing if service is REFUSED else service for key, service in of_nginx().items()}
    for name, ingress in manifests.of("Ingress").items():
        (rule,) = ingress["spec"]["rules"]
        led = {}
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            led[path["path"], path["pathType"]] = backend["name"]
            if backend["port"] != {"name": "http"} or backend["name"] not in manifests.of("Service"):
                yield f"{name}: {path['path']} leads to no public port"
        for key in led.keys() | wanted.keys():
            if led.get(key) != wanted.get(key):
                yield f"{name}: {' '.join(key)} leads to {led.get(key)}, and with nginx to {wanted.get(key)}"
        if [tls["hosts"] for tls in ingress["spec"]["tls"]] != [[rule["host"]]]:
            yield f"{name}: its certificate is of another name"
