"""Every document against the schema of its kind, unknown fields refused."""

import kubernetes_validate

# The oldest and the newest whose schemas the documents are held to.
VERSIONS = ("1.27", "1.37")
# What we use of the Prometheus operator's ServiceMonitor, whose schema is in no package: monitoring.coreos.com/v1.
MONITOR = {"jobLabel": str, "selector": dict, "endpoints": list}
ENDPOINT = {"port": str, "path": str, "interval": str}


def judge(documents):
    for document in documents:
        name = f"{document['kind']} {document['metadata']['name']}"
        if document["apiVersion"] == "monitoring.coreos.com/v1":
            yield from (f"{name}: {complaint}" for complaint in monitor(document))
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{name}: {error.message}"
            except kubernetes_validate.ValidationError as error:
                yield f"{name}: {version}: {'.'.join(map(str, error.path))}: {error.message[:300]}"


def monitor(document):
    if document["kind"] != "ServiceMonitor" or document.keys() - {"apiVersion", "kind", "metadata", "spec"}:
        yield "is no ServiceMonitor as we know it"
        return
    spec = document["spec"]
    yield from fields(spec, MONITOR)
    if spec["selector"].keys() != {"matchLabels"}:
        yield "selects by something else than labels"
    for endpoint in spec["endpoints"]:
        yield from fields(endpoint, ENDPOINT)


def fields(there, known):
    for key in there.keys() ^ known.keys():
        yield f"{key} is unknown or missing"
    for key in there.keys() & known.keys():
        if not isinstance(there[key], known[key]):
            yield f"{key} is no {known[key].__name__}"
