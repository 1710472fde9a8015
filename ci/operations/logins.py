"""Passwords of the database are changed by a second login, and the owner's in place. The broker's are not: `rabbitmqctl` takes the
cookie and the account of the broker, which is not this check's own."""

import re
import secrets

from operations.document import block, codes, fill, sections
from proxies.clients import Direct, ask
from proxies.world import TOWER
from stage import wait_until

SECTION = "Passwords of the database and the broker"
OLD, NEW = "status_reader", "status_reader_2"


def passwords_of_the_database_are_changed_by_a_second_login(world, _):
    made, _, dropped = block(SECTION, "CREATE ROLE").partition("-- DATABASE_URL")
    dropped = dropped.split("\n", 1)[1]
    assert f"CREATE ROLE {NEW} " in made and f"DROP ROLE {OLD};" in dropped, f"{SECTION}: other logins than {OLD} and {NEW}"
    world.passwords[NEW] = secrets.token_hex(8)
    psql(world, fill(made, **{"'…'": f"'{world.passwords[NEW]}'"}))
    ask(Direct(world, "public"), "GET", f"/api/public/{TOWER}/status")
    wait_until(lambda: who(world).get(OLD) == "public-service", f"public-service is seen as {OLD}")
    world.logins["public"] = NEW
    world.restart("public")
    wait_until(lambda: OLD not in who(world), f"nobody is left of {OLD}")
    # It asks the database for a project that it has not known since its start.
    status, _, _ = ask(Direct(world, "public"), "GET", f"/api/public/{TOWER}/status")
    assert status == 200, status
    wait_until(lambda: who(world).get(NEW) == "public-service", f"public-service is seen as {NEW}")
    assert not re.search(rf"\b{OLD}\b", psql(world, dropped)), f"{OLD} is still connected"
    assert world.ops_get("public", "/health/ready")[0] == 200

    # The owner's own, in place.
    old, new = world.url("owner"), secrets.token_hex(8)
    (change,) = (it for it in codes(sections()[SECTION]) if it.startswith("ALTER ROLE owner"))
    psql(world, fill(change, **{"…": new}))
    world.passwords["owner"] = new
    assert "nothing to apply" in world.shell("farol-migrate 2>&1", DATABASE_URL=world.url("owner"))
    world.shell("! farol-migrate 2>/dev/null", DATABASE_URL=old)
    return f"{OLD} is gone, {NEW} is in"


def psql(world, sql):
    return world.shell('psql "$OWNER_URL" -v ON_ERROR_STOP=1 -c "$SQL"', SQL=sql)


def who(world):
    """Logins that are connected, and as what."""
    return dict(world.query("SELECT usename, application_name FROM pg_stat_activity WHERE usename IS NOT NULL"))
