"""The credentials at rest against their peer: Python's cryptography and `farol-secret`, both ways.

Run by `cargo xtask ci` with FAROL_BIN_DIR. The key derivation is written out here on its own, as an
older program of the contract has it: base64url(SHA-256(SECRET_KEY)).
"""

import base64
import hashlib
import json
import os
import pathlib
import subprocess

from cryptography.fernet import Fernet, InvalidToken

KEYS = ("a", "correct horse battery staple", "chave secreta çãé ☂", "x" * 500)
CREDENTIALS = (
    {},
    {"token": "t0k3n"},
    {"username": "user:with:colons", "password": 'quote " backslash \\ newline \n'},
    {"api_key": "ключ-🔑", "api_key_header": "X-Key", "nested": {"n": [1, 2.5, None, True]}},
    {"token": "long" * 10_000},
)


def farol(verb, key, text):
    program = pathlib.Path(os.environ["FAROL_BIN_DIR"]) / "farol-secret"
    return subprocess.run(
        [program, verb], input=text.encode(), capture_output=True, timeout=60, env=os.environ | {"SECRET_KEY": key}
    )


def peer(key):
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))


def said(result):
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode().strip()


def main():
    for key in KEYS:
        for credentials in CREDENTIALS:
            theirs = peer(key).encrypt(json.dumps(credentials).encode()).decode()
            assert json.loads(said(farol("open", key, theirs))) == credentials, "we read theirs wrongly"
            ours = said(farol("seal", key, json.dumps(credentials)))
            assert json.loads(peer(key).decrypt(ours)) == credentials, "they read ours wrongly"

    token = peer("one key").encrypt(b'{"token": "secret-word"}').decode()
    refused = farol("open", "another key", token)
    assert refused.returncode != 0, "a token of another key was opened"
    assert b"secret-word" not in refused.stdout + refused.stderr
    try:
        peer("another key").decrypt(said(farol("seal", "one key", "{}")))
        raise AssertionError("the peer opened a token of another key")
    except InvalidToken:
        pass
    print(f"{len(KEYS) * len(CREDENTIALS)} credentials agree both ways; another key opens neither")


if __name__ == "__main__":
    main()
