"""A client's credentials are changed by the document's two calls, under an open stream, while a client API really stops to take the
old ones: in order, and after a leak. Then SECRET_KEY is changed under all stored credentials."""

import datetime
import secrets

from operations.document import block, fill
from operations.outside import Outside
from proxies.clients import Direct, Stream
from stage import wait_until

SECTION, SEALED = "Credentials of a client", "Changing SECRET_KEY"
# The project of the document's example.
SLUG = "downtown-heights"


class ClientApi(Outside):
    """Answers whoever brings one of the tokens that are `accepted`, 401 to all others."""

    def __init__(self, *accepted):
        self.accepted, self.brought, self.word = set(accepted), [], "available"
        super().__init__(self._answer)

    def _answer(self, headers):
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        self.brought.append(token)
        return (200 if token in self.accepted else 401), {"A101": self.word}


def connect(world, api, token):
    """The project with an open stream that is live."""
    world.api("POST", "/api/projects", {"slug": SLUG, "name": "Downtown Heights"})
    asked = {"api_base_url": api.url, "status_endpoint": "/units", "auth_type": "bearer", "auth_credentials": {"token": token}}
    status, told = world.api("PUT", f"/api/projects/{SLUG}/integration", asked | {"polling_interval_seconds": 1, "retry_count": 0})
    assert status == 200, told
    stream = Stream(Direct(world, "public"), f"/api/public/{SLUG}/status/stream")
    shows(stream, api, "sold")
    return stream


def shows(stream, api, word):
    """A change of the client API reaches whoever watches."""
    seen, api.word = len(stream.events), word
    stream.until(lambda it: word in it.data, f"a change to {word}", seen)


def replace(world, token):
    """By the two calls of the document."""
    told = world.shell(fill(block(SECTION, "$api/test"), **{'"token":"…"': f'"token":"{token}"'}))
    for promised in ('"success":true', '"has_credentials":true'):
        assert promised in told, f"{SECTION}: the calls should print {promised}, and print {told}"


def live_since(world, moment):
    """Whether what viewers have is newer than this."""
    now = world.project(SLUG)
    return now and now["state"] == "live" and datetime.datetime.fromisoformat(now["as_of"]) > moment and now


def now():
    return datetime.datetime.now(datetime.UTC)


def credentials_of_a_client_are_changed_and_nobody_notices(world, _):
    old, new, third = (secrets.token_hex(8) for _ in range(3))
    with ClientApi(old) as api, connect(world, api, old) as stream:
        place, began, before = world.log("public"), now(), len(stream.events)
        api.accepted.add(new)
        replace(world, new)
        assert world.said(place, "integration changed")["project"] == SLUG
        wait_until(lambda: live_since(world, began) and api.brought[-1] == new, "the new ones are used")
        api.accepted.remove(old)
        shows(stream, api, "reserved")
        assert all(it.name in ("bulk_update", "ping") for it in stream.events[before:]), "viewers noticed it"
        audited = world.api("GET", f"/api/audit?project={SLUG}")[1]["events"]
        replaced = [it for it in audited if it["action"] == "integration_changed" and it["detail"].get("credentials") == "replaced"]
        assert len(replaced) == 2, audited

        # They leaked: the client withdraws them first.
        place, before = world.log("public"), len(stream.events)
        api.accepted = {third}
        stream.until(lambda it: it.name == "state" and it.json()["state"] == "stale", "viewers are told that data is old", before)
        assert "the client API refused with 401" in world.project(SLUG)["last_error"], world.project(SLUG)
        replace(world, third)
        stream.until(lambda it: it.name == "state" and it.json()["state"] == "live", "and that it lives again", before)
        world.said(place, "integration changed")
        assert not stream.ended
    return "in order and after a leak, on one stream"


def refused_under_another(world, folder, keys):
    """Nothing is left to be written where a row cannot be opened."""
    try:
        world.shell(block(SEALED, "farol-secret open"), folder, **(keys | {"OLD_KEY": secrets.token_hex(16)}))
    except AssertionError as refusal:
        assert "cannot be opened" in str(refusal), refusal
    else:
        raise AssertionError(f"{SEALED}: rows are re-sealed that were never opened")
    assert not (folder / "reseal.sql").exists(), f"{SEALED}: half of the rows could be written"


def secret_key_is_changed_under_all_sealed_rows(world, folder):
    token, keys = secrets.token_hex(8), {"OLD_KEY": world.environment()["SECRET_KEY"], "NEW_KEY": secrets.token_hex(16)}
    sealed = "SELECT id, auth_credentials FROM integration_configs WHERE auth_credentials <> '' ORDER BY id"
    with ClientApi(token) as api, connect(world, api, token) as stream:
        rows = world.query(sealed)
        refused_under_another(world, folder, keys)
        told = world.shell(block(SEALED, "farol-secret open"), folder, **keys)
        assert told.endswith(f"\n{len(rows)} rows\n"), told
        assert world.query(sealed) == rows, f"{SEALED}: rows are written before they should be"
        world.shell(block(SEALED, "-f reseal.sql"), folder)
        changed = world.query(sealed)
        assert [it[0] for it in changed] == [it[0] for it in rows] and not {it[1] for it in changed} & {it[1] for it in rows}
        wait_until(lambda: (it := world.project(SLUG))["state"] == "stale" and it["units"] == 1, "viewers keep what they have, as stale")
        said = "the credentials cannot be decrypted with this SECRET_KEY"
        assert said in world.project(SLUG)["last_error"], world.project(SLUG)
        for name in ("public", "admin"):
            world.changed[name]["SECRET_KEY"] = keys["NEW_KEY"]
        world.restart("public", "admin")
        wait_until(lambda: stream.ended, "the restart ends the stream")
        with Stream(Direct(world, "public"), f"/api/public/{SLUG}/status/stream") as again:
            shows(again, api, "reserved")
        tried = world.api("POST", f"/api/projects/{SLUG}/integration/test", {})[1]
        assert tried["success"] and tried["credentials_sent"], tried
    return f"{len(rows)} rows"
