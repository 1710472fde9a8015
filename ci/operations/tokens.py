"""The keys of tokens are changed in the document's order: both accepted, then the new one alone; and a key that leaked is no use
after a restart. Times (five minutes, an hour) are those of crates/service-kit/tests/kit/jwt_keys.rs."""

import base64
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from operations.outside import Outside
from proxies.clients import Direct, ask
from proxies.world import TENANT
from stage import wait_until

ISSUER = "https://issuer.example.org"
# Somebody whom both services let in.
WHO = {"tenant_id": TENANT, "role": "customer_viewer", "realm_access": {"roles": ["admin"]}}
SERVICES = ("telemetry", "admin")


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    def __init__(self, name):
        self.name, self._key = name, rsa.generate_private_key(65537, 2048)

    def published(self):
        numbers = self._key.public_key().public_numbers()
        e, n = (text(it.to_bytes((it.bit_length() + 7) // 8, "big")) for it in (numbers.e, numbers.n))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name, "e": e, "n": n}

    def token(self, named=True):
        head = {"alg": "RS256", "typ": "JWT"} | ({"kid": self.name} if named else {})
        claims = {"sub": "somebody", "iss": ISSUER, "aud": "pulse-ui", "exp": time.time() + 3600} | WHO
        signed = ".".join(text(json.dumps(it).encode()) for it in (head, claims))
        return f"{signed}.{text(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class KeyServer(Outside):
    """Publishes what `keys` has."""

    def __init__(self, *keys):
        self.keys = keys
        super().__init__(lambda _: (200, {"keys": [it.published() for it in self.keys]}))


def come_in(world, token):
    """By status of both services that take tokens."""
    paths = {"telemetry": "/api/v2/devices", "admin": "/sync/status"}
    return [ask(Direct(world, name), "GET", paths[name], Authorization=f"Bearer {token}")[0] for name in SERVICES]


def keys_of_tokens_are_changed_without_a_gap(world, _):
    old, new = Key("old"), Key("new")
    kept = {name: dict(world.changed[name]) for name in SERVICES}
    with KeyServer(old) as server:
        for name in SERVICES:
            world.changed[name] |= {"JWT_HS256_SECRET": "", "JWT_ISSUER": ISSUER, "JWT_JWKS_URL": server.url}
        # Wrong tokens count as wrong passwords, and this program tries one again and again.
        world.changed["admin"]["AUTH_FAILURES_PER_MINUTE"] = "100000"
        world.restart(*SERVICES)
        assert (told := come_in(world, old.token())) == [200, 200], told
        assert come_in(world, new.token()) == [401, 401], "nobody has published it yet"
        server.keys = (old, new)
        # An unknown key is looked for at once, but not within 10 s of the last look.
        wait_until(lambda: come_in(world, new.token()) == [200, 200], "tokens of the new key are accepted", 60)
        assert come_in(world, old.token()) == [200, 200], "and those of the old one as before"
        assert come_in(world, new.token(named=False)) == [401, 401], "with two keys, a token that names none"
        server.keys = (new,)
        world.restart(*SERVICES)
        assert come_in(world, new.token()) == [200, 200]
        assert come_in(world, old.token()) == [401, 401], "a key that was withdrawn before a restart"
    for name in SERVICES:
        world.changed[name] = kept[name]
    world.restart(*SERVICES)
    return "of both services"
