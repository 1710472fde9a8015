"""Who finds whom: addresses, ports, limits and mounted files of docker-compose.yml, and of the files that know them."""

import ipaddress
import pathlib
import re

import yaml

from containers.complaints import expect

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("public-service", "admin-sync-service", "sse-gateway", "telemetry-service", "ingestor")
# The setting that says how many streams or sockets a service has.
STREAMS = ("max_streams", "max_connections", "max_sockets")
# Database connections, listeners, and whoever asks for figures.
SPARE_DESCRIPTORS = 500


def defaults_of(help_of, program):
    return dict(re.findall(r"^([a-z_]+) = (\d+)$", help_of(program, "--print-default-config"), re.M))


def check(compose, help_of):
    services = compose["services"]
    ports = {}
    for name in SERVICES:
        defaults = defaults_of(help_of, name)
        ports[name] = {defaults.get("port"), defaults["ops_port"]}
        _check_limits(name, services[name], defaults)
        test = services[name]["healthcheck"]["test"]
        expect(test == ["CMD", services[name]["command"][0], "health"], f"{name}: is not asked by its own program")
    ports["demo"] = set(services["demo"]["command"])
    _check_ports(services, ports)
    addresses = _check_addresses(compose)
    _check_nginx(addresses, ports)
    _check_monitoring(services, ports)


def _check_limits(name, service, defaults):
    stop = int(defaults["drain_seconds"]) + 5
    expect(int(service["stop_grace_period"].removesuffix("s")) > stop, f"{name}: is killed before its hard stop")
    streams = sum(int(defaults.get(setting, 0)) for setting in STREAMS)
    descriptors = service["ulimits"]["nofile"]
    expect(min(descriptors.values()) >= streams + SPARE_DESCRIPTORS, f"{name}: has too few descriptors for {streams} streams")


def _check_ports(services, ports):
    """`http://name:port` is where that one listens."""
    text = str([service.get("environment") for service in services.values()])
    for host, port in re.findall(r"http://([a-z-]+):(\d+)", text):
        expect(port in ports.get(host, ()), f"{host} does not listen on {port}")


def _check_addresses(compose):
    (pool,) = compose["networks"]["farol"]["ipam"]["config"]
    given_out = ipaddress.ip_network(pool["ip_range"])
    addresses = {}
    for name, service in compose["services"].items():
        networks = service.get("networks", [])
        expect("network_mode" in service or "farol" in networks, f"{name}: is in no network of ours")
        if isinstance(networks, dict):
            address = networks["farol"]["ipv4_address"]
            expect(ipaddress.ip_address(address) in ipaddress.ip_network(pool["subnet"]), f"{name}: {address} is elsewhere")
            expect(ipaddress.ip_address(address) not in given_out, f"{name}: {address} may be given to another one")
            expect(address not in addresses.values(), f"{name}: {address} has an owner")
            addresses[name] = address
        proxies = (service.get("environment") or {}).get("TRUSTED_PROXIES")
        nginx = compose["services"]["nginx"]["networks"]["farol"]["ipv4_address"]
        expect(proxies in (None, f"{nginx}/32"), f"{name}: believes {proxies}, which is not nginx")
    return addresses


def _upstreams(path):
    text = (ROOT / path).read_text()
    return dict(re.findall(r"upstream (\w+) \{\s+server ([\d.]+:\d+);", text))


def _check_nginx(addresses, ports):
    ours, theirs = _upstreams("deploy/compose/upstreams.conf"), _upstreams("deploy/nginx/farol/upstreams.conf")
    expect(ours.keys() == theirs.keys(), f"upstreams.conf: differs from the other by {ours.keys() ^ theirs.keys()}")
    for upstream, place in ours.items():
        address, port = place.split(":")
        owner = [name for name, known in addresses.items() if known == address]
        fits = len(owner) == 1 and owner[0].startswith(upstream.removeprefix("farol_").replace("gateway", "sse-gateway"))
        expect(fits, f"upstreams.conf: {upstream} leads to {owner}")
        expect(owner and port in ports[owner[0]], f"upstreams.conf: {upstream} has the port {port}")
        expect(port == theirs.get(upstream, "").split(":")[-1], f"upstreams.conf: {upstream} has another port elsewhere")


def _check_monitoring(services, ports):
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    for job in scraped["scrape_configs"]:
        for host, port in (target.split(":") for target in job["static_configs"][0]["targets"]):
            expect(host in services and port in ports[host], f"prometheus.yml: nobody listens at {host}:{port}")
    for rules in scraped["rule_files"]:
        expect((ROOT / "deploy/prometheus" / rules).exists(), f"prometheus.yml: no {rules}")
    expect("./deploy/prometheus:/etc/prometheus:ro" in services["prometheus"]["volumes"], "prometheus: has another configuration")
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    provisioning = ROOT / "deploy/grafana/provisioning"
    for folder in provisioning.iterdir():
        target = mounts.get(f"./deploy/grafana/provisioning/{folder.name}")
        expect(target == f"/etc/grafana/provisioning/{folder.name}", f"grafana: does not find {folder.name}")
    boards = yaml.safe_load((provisioning / "dashboards/farol.yml").read_text())["providers"][0]["options"]["path"]
    expect(mounts.get("./deploy/grafana/dashboards") == boards, f"grafana: looks for dashboards in {boards}")
    source = yaml.safe_load((provisioning / "datasources/farol.yml").read_text())["datasources"][0]["url"]
    expect(source == "http://prometheus:9090", f"grafana: asks {source}")
