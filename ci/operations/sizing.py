"""The figures of "Sizing" and of "How many viewers does one box hold?", worked out again from docs/benchmarks.md and from what
the programs and the manifests say."""

import re

import yaml

from operations import sources
from operations.document import PATH, ROOT, sections

BENCHMARKS = "docs/benchmarks.md"
# Bytes of the kernel for an idle socket: the sum that the table itself spells out.
OBJECTS = re.compile(r"an idle socket is ([\d.]+) KB, by the sum of its objects \(Linux [\d.]+: ([^;]+);")


class Figures:
    """Tables of benchmarks.md: `of("Fan-out", "N = 10000")["CPU per delivery, us"]["service"]`."""

    def __init__(self):
        self._sections = sections((ROOT / BENCHMARKS).read_text())

    def of(self, heading, after=""):
        text = self._sections[heading].split(after, 1)[1] if after else self._sections[heading]
        table = re.search(r"(?:^\|.*\n)+", text, re.M)[0].splitlines()
        head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table if not re.fullmatch(r"[|:\- ]+", line))
        return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def number(text):
    return float(text.replace(",", ""))


def rounded(value, digits=2):
    """As people say it: 128.4 is 130, 140449 is 140,000."""
    # A half goes up, as people do it and Python does not.
    told = float(f"{value * (1 + 1e-9):.{digits}g}")
    return f"{told:,.0f}" if told >= 10 else f"{told:g}"


def kernel_bytes(section):
    told, objects = OBJECTS.search(re.sub(r"\s+", " ", section)).groups()
    total = sum(number(it) for it in re.findall(r"[\d,]{3,}", objects))
    return total, told


def of_public(figures, settings, socket):
    n, streams = figures.of("Fan-out", "**N = 10000**"), number(settings["MAX_STREAMS"]["public-service"])
    cpu, kib = number(n["CPU per delivery, us"]["service"]), number(n["resident per idle stream, KiB"]["service"])
    connect = number(n["CPU per connect, us"]["service"])
    yield (
        f"| public-service | 10,000 streams | `MAX_STREAMS`, {streams:,.0f} | {rounded(streams * kib / 1024)} MiB ({rounded(kib)} KiB each), "
        f"{rounded(streams * socket / 2**20)} MiB | {rounded(cpu)} µs for each viewer of each change: some {rounded(1e6 / cpu)} deliveries a "
        f"second and core. A viewer that connects: {rounded(connect)} µs |"
    )
    median, worst = (number(n[f"last of N reached, {it}, ms"]["service"]) for it in ("median", "max"))
    yield (
        f"10,000 on one core are proven: a change reaches the last of them in {rounded(median, 1)} ms ({rounded(worst)} ms at worst). Plan with "
        f"{planned():,} for one public-service, as `deploy/kubernetes` does; it refuses at {streams:,.0f} (503 `too_many_streams`), where a change "
        f"that all of them watch is {rounded(streams * cpu / 1e6)} s of a core."
    )
    yield f"10,000 of them cost public-service {rounded(1e4 * connect / 1e6, 1)} s of a core"


def planned():
    """Streams at which the autoscaler of deploy/kubernetes adds a pod."""
    paths = (ROOT / "deploy/kubernetes").glob("**/*.yml")
    documents = [it for path in paths for it in yaml.safe_load_all(path.read_text()) if it]
    for document in documents:
        if document["kind"] == "HorizontalPodAutoscaler":
            for metric in document["spec"]["metrics"]:
                if metric["pods"]["metric"]["name"] == "public_streams_open":
                    return int(metric["pods"]["target"]["averageValue"])
    raise LookupError("deploy/kubernetes scales nothing by public_streams_open")


def of_gateway(figures, settings, socket):
    rows, limit = figures.of("Gateway"), number(settings["MAX_CONNECTIONS"]["sse-gateway"])
    cpu, connect = (number(rows[it]["N = 5000"]) for it in ("CPU per send, us", "CPU per connect with its callback, us"))
    kib = max(number(rows["resident per stream, KiB"][it]) for it in ("N = 2000", "N = 5000"))
    rate = number(rows["sends a second, as loaded"]["N = 5000"])
    yield (
        f"| sse-gateway | 5,000 streams | `MAX_CONNECTIONS`, {limit:,.0f} | {rounded(limit * kib / 1024)} MiB ({rounded(kib)} KiB each), "
        f"{rounded(limit * socket / 2**20)} MiB | {rounded(cpu)} µs a send: some {rounded(rate, 1)} a second and core. A client that connects, "
        f"with its callback: {rounded(connect)} µs |"
    )


def of_telemetry(figures, settings, socket):
    rows = figures.of("Telemetry")
    limit, of_tenant = (number(settings[it]["telemetry-service"]) for it in ("MAX_SOCKETS", "MAX_SOCKETS_PER_TENANT"))
    names = ("CPU per push, us", "CPU per connect with all subscriptions, us", "resident per socket, KiB")
    cpu, connect, kib = (number(rows[it]["telemetry-service"]) for it in names)
    yield (
        f"| telemetry-service | 5,000 sockets of 50 tenants, 11 subscriptions each | `MAX_SOCKETS`, {limit:,.0f}; `MAX_SOCKETS_PER_TENANT`, "
        f"{of_tenant:,.0f} | {rounded(limit * kib / 1024)} MiB ({rounded(kib)} KiB each), {rounded(limit * socket / 2**20, 1)} MiB | "
        f"{rounded(cpu)} µs a push: some {rounded(1e6 / cpu)} a second and core. A socket that connects: {rounded(connect, 3)} µs |"
    )


def of_runs(figures, settings, _):
    rows = figures.of("History")
    p99 = {name: number(row["p99, ms"]) for name, row in rows.items()}
    page = max(it for name, it in p99.items() if not name.startswith("q:"))
    text = max(it for name, it in p99.items() if name.startswith("q:"))
    yield f"a page of history takes at most {-(-page // 1):.0f} ms, a search of texts {-(-text // 10) * 10:.0f} ms (99 of 100) |"
    ingest = figures.of("Ingest")
    records = next(name for name in ingest if name.startswith("records, in"))
    first = {name: row["first ingestion"] for name, row in ingest.items()}
    peak = max(number(ingest["resident, peak, MiB"][it]) for it in ("first ingestion", "all unchanged"))
    pace = number(settings["PNCP_RATE_PER_SECOND"]["ingestor"])
    yield (
        f"| ingestor | {first[records]} records | the portal: `PNCP_RATE_PER_SECOND`, {pace:g} | {rounded(peak)} MiB | some "
        f"{rounded(number(first['records a second and core of the ingestor']))} records a second and core"
    )


def of_postgres(_, settings, __):
    pools = {name: number(it) for name, it in settings["DB_POOL_SIZE"].items()}
    # One more looks at the schema. The leader's seat and the doorbell of runs stay beside the pool, and the one for hints.
    beside = {"admin-sync-service": 2, "telemetry-service": 1}
    most = {name: pool + 1 + beside.get(name, 0) for name, pool in pools.items()}
    yield (
        f"So one of each service is at most {sum(most.values()):.0f}, a second replica of public-service and telemetry-service "
        f"{most['public-service'] + most['telemetry-service']:.0f} more"
    )


def check():
    document = re.sub(r"\s+", " ", (ROOT / PATH).read_text())
    figures, settings = Figures(), sources.settings()
    socket, told = kernel_bytes(sections()["Sizing"])
    complaints = (
        [] if rounded(socket / 1000) == told else [f"{PATH}: the objects of an idle socket add up to {socket:.0f} bytes, not {told} KB"]
    )
    for of in (of_public, of_gateway, of_telemetry, of_runs, of_postgres):
        for sentence in of(figures, settings, socket):
            if sentence not in document:
                complaints.append(f"{PATH}: by {BENCHMARKS} and the programs' defaults it should say: {sentence}")
    return complaints
