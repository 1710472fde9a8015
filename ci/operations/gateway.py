"""The secrets between gateway and administration are changed in the document's order, and in another one, which does no damage."""

import secrets

from proxies.clients import Direct, Stream, ask
from stage import wait_until


def page():
    return f"/api/sse/utils/version?request_id={secrets.token_hex(8)}"


def written(world):
    """New ones for both services, for their next start."""
    callback, internal = secrets.token_hex(8), secrets.token_hex(8)
    world.changed["admin"] |= {"SSE_CALLBACK_SECRET": callback, "INTERNAL_SECRET": internal}
    url = f"http://127.0.0.1:{world.ports['admin']}/api/sse/callback?secret={callback}"
    world.changed["gateway"] |= {"CALLBACK_URL": url, "INTERNAL_SECRET": internal}


def secrets_of_the_gateway_are_changed_and_clients_come_back(world, _):
    connections = 'sse_gateway_active_connections{service="admin-sync-service"}'
    errors = 'sse_gateway_events_sent_total{service="admin-sync-service",status="error"}'
    gateway = Direct(world, "gateway")
    with Stream(gateway, page()) as stream:
        stream.until(lambda it: it.name, "an event for a page")
        wait_until(lambda: world.figure("admin", connections) == 1, "the administration knows the client")
        written(world)
        assert world.drain("gateway") == 0
        wait_until(lambda: stream.ended, "streams end with the gateway")
        wait_until(lambda: world.figure("admin", connections) == 0, "the administration is told so, under the old secret")
    world.restart("admin")
    assert world.checks("admin").keys() == {"sse_gateway"}, "ready without a gateway, and says so"
    world.bring_back("gateway")
    with Stream(gateway, page()) as stream:
        stream.until(lambda it: it.name, "an event for a page, under the new secrets")
    assert world.figure("gateway", 'gateway_connects_total{outcome="accepted"}') == 1
    assert world.figure("gateway", 'gateway_connects_total{outcome="rejected"}') == 0
    assert world.figure("admin", errors) == 0

    # The gateway alone has the new ones.
    written(world)
    world.restart("gateway")
    status, _, _ = ask(gateway, "GET", page())
    assert status == 401, f"a gateway with another secret answers {status}"
    world.restart("admin")
    with Stream(gateway, page()) as stream:
        stream.until(lambda it: it.name, "an event for a page, in another order")
    return "in the document's order and in another"
