"""A backup is made while a run is under way, the database is lost, and the dump is restored as the document says: on the same server
under services that go on, and on a new one that has nothing."""

import json

from operations.cluster import Cluster
from operations.document import block, fill
from operations.suspicion import backfill, business_day
from proxies.clients import Direct, Stream, ask
from proxies.world import QUIET, TOWER
from stage import wait_until

SECTION, LETTERS = "Backup and restore", "admin-sync-service: dead letters"
STOPPED = ("admin", "ingestor", "telemetry")


def commands(cluster, words, password):
    """A block with the variables of the cluster's superuser, who has this password once roles.sql is in."""
    known = cluster.environment()
    exported, *dump = block(SECTION, "pg_dumpall").splitlines()
    exported = fill(
        exported, **{"PGHOST=…": f"PGHOST={known['PGHOST']} PGPORT={known['PGPORT']}", "PGPASSWORD=…": f"PGPASSWORD={known['PGPASSWORD']}"}
    )
    wanted = "\n".join(dump) if words == "pg_dumpall" else block(SECTION, words)
    return "\n".join([exported, wanted.replace("PGPASSWORD=…", f"PGPASSWORD={password}")])


def under_way(world):
    """A run that hangs at the portal after its first pages."""
    world.portal("POST", "faults", {"fault": {"kind": "hang"}, "modalidade": 8})
    run = int(world.force(**backfill(business_day()))["request_id"])
    wait_until(lambda: any(it["got"] for it in world.run_of(run)["segments"]), "a page is committed")
    return run


def on_the_same_server(world, folder):
    """Everything that the document stops is stopped; returns the run that the dump does not know."""
    for name in STOPPED[1:]:
        world.drain(name)
    unknown = int(world.force()["request_id"])
    world.drain("admin")
    world.shell(commands(world.cluster, "RENAME TO farol_broken", world.cluster.password), folder)
    world.shell(commands(world.cluster, "pg_restore", world.cluster.password), folder)
    assert "nothing to apply" in world.shell("farol-migrate 2>&1", DATABASE_URL=world.url("owner"))
    world.portal("DELETE", "faults")
    world.bring_back(*STOPPED)
    assert not world.query("SELECT FROM sync_executions WHERE id = %s", unknown)
    return unknown


def on_a_new_server(world, folder):
    """The logins come in with the passwords that they had."""
    with Cluster() as empty:
        world.shell(commands(empty, "pg_restore", world.cluster.password), folder)
        for login in ("owner", *world.logins.values()):
            url = world.url(login).replace(f":{world.cluster.port}/", f":{empty.port}/")
            world.shell('psql "$DATABASE_URL" -c "SELECT 1"', DATABASE_URL=url)
        told = world.shell("farol-migrate 2>&1", DATABASE_URL=world.url("owner").replace(f":{world.cluster.port}/", f":{empty.port}/"))
        assert "nothing to apply" in told, told
        # It has the old one's superuser now, too.
        empty.password = world.cluster.password
        return empty.query("SELECT count(*) FROM pncp_contratacoes", "farol")[0][0]


def a_backup_is_restored_under_services_that_go_on(world, folder):
    run = under_way(world)
    world.shell(commands(world.cluster, "pg_dumpall", world.cluster.password), folder)
    refused = world.shell('pg_dump -d "$OWNER_URL" 2>&1 >/dev/null || true')
    assert "query would be affected by row-level security policy" in refused, refused
    with Stream(Direct(world, "public"), f"/api/public/{TOWER}/status/stream") as stream:
        stream.until(lambda it: it.name == "status_update", "the state of a project")
        on_the_same_server(world, folder)
        wait_until(lambda: world.ops_get("public", "/health/ready")[0] == 200, "public-service has found the restored database")
        for word in ("sold", "reserved"):
            world.set_unit(word)
        stream.until(lambda it: it.name == "bulk_update" and QUIET in it.data, "a change, on the stream that was open")
        assert ask(Direct(world, "public"), "GET", "/api/public/garden-court/status")[0] == 200, "a project that was not known yet"
    ended = world.until(run, "success")
    assert ended["rescues"] == 1, ended
    # The doorbell of a run that the dump does not know.
    wait_until(lambda: world.figure("admin", "dead_letters") == 1, "its doorbell is a dead letter")
    told = world.shell(block(LETTERS, "dead-letters").splitlines()[0])
    assert "unknown_execution" in told, told
    dropped = world.shell(block(LETTERS, "dead-letters").splitlines()[2].replace("<key>", json.loads(told)["messages"][0]["key"]))
    wait_until(lambda: world.figure("admin", "dead_letters") == 0, f"it is dropped: {dropped}")
    return f"run {run} rescued, {on_a_new_server(world, folder)} records on a new server"
