"""RabbitMQ is away: what works, what is shown, and that nothing is left to repair when it is back. The hour itself is not waited
for; that a broker is stopped and emptied in the middle of a run is in tools/chaos."""

import re

from stage import wait_until

SAID = re.compile(r"RabbitMQ cannot be reached at ")
CHECKS = {"admin": {"broker"}, "ingestor": {"broker.consumer", "broker.publisher"}}
SECTION = "RabbitMQ is away, for an hour"


def it_is_said(world):
    for name, checks in CHECKS.items():
        unmet = lambda: (it := world.checks(name)).keys() == checks and all(map(SAID.match, it.values()))  # noqa: B023, E731
        wait_until(unmet, f"{name} is not ready for want of {checks}, and says that RabbitMQ cannot be reached")
    for name in ("public", "gateway", "telemetry"):
        assert world.ops_get(name, "/health/ready")[0] == 200, f"{name} needs no broker"
    assert world.figure("admin", 'admin_broker_connected{end="publisher"}') == 0
    assert world.figure("ingestor", 'ingest_broker_connected{end="consumer"}') == 0


def runs_go_on(world):
    """Forced, cancelled and retried; returns them all."""
    pending = world.force()
    assert pending["dispatch"] == "pending", f"{SECTION}: force answers {pending}"
    first = int(pending["request_id"])
    world.until(first, "success")
    # A page that takes its time, so that there is something to cancel.
    world.portal("POST", "faults", {"fault": {"kind": "hang"}})
    second = int(world.force()["request_id"])
    world.until(second, "running")
    status, told = world.api("POST", f"/sync/executions/{second}/cancel")
    assert status == 202, told
    world.until(second, "cancelled")
    world.portal("DELETE", "faults")
    status, told = world.api("POST", f"/sync/executions/{second}/retry")
    assert status == 200 and told["dispatch"] == "pending", told
    third = int(told["request_id"])
    world.until(third, "success")
    return first, second, third


def rabbitmq_is_away_and_nothing_waits_but_doorbells(world, _):
    ended = 'sync_runs_total{mode="update",state="success"}'
    stale = 'ingest_messages_total{outcome="stale"}'
    before = {series: world.figure("ingestor", series) for series in (ended, stale)}
    world.broker.away()
    it_is_said(world)
    runs = runs_go_on(world)
    waiting = world.figure("admin", "outbox_pending")
    assert waiting == len(runs), f"{waiting} messages wait, of {len(runs)} runs"
    world.broker.back()
    for name in CHECKS:
        wait_until(lambda: world.ops_get(name, "/health/ready")[0] == 200, f"{name} is ready again")  # noqa: B023
    wait_until(lambda: world.figure("admin", "outbox_pending") == 0, "the outbox is empty")
    wait_until(lambda: world.figure("ingestor", stale) - before[stale] >= len(runs), "the doorbells found their runs taken")
    assert world.figure("admin", 'admin_broker_connected{end="publisher"}') == 1
    assert world.figure("ingestor", 'ingest_broker_connected{end="consumer"}') == 1
    for run in runs:
        claims = [it for it in world.run_of(run)["events"] if it["kind"] == "claimed"]
        assert len(claims) == 1, f"run {run} was worked on {len(claims)} times"
    assert world.figure("ingestor", ended) - before[ended] == 2
    return f"{len(runs)} runs without a broker, none twice"
