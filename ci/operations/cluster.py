"""A Postgres server of its own that may be lost: with passwords, roles and a superuser called `postgres`, as a real one has."""

import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile

import psycopg

from stage import PATIENCE_SECONDS, free_port, wait_until

BIN = pathlib.Path(os.environ["POSTGRES_BIN_DIR"])


class Cluster:
    """Runs within a `with`; `url` is the superuser's."""

    def __init__(self):
        self.port, self.password = free_port(), secrets.token_hex(8)
        # It refuses to run as root.
        self._user = {"user": "postgres"} if os.geteuid() == 0 else {}
        self._server = None

    @property
    def url(self):
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="farol-operations-"))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self):
        password, data, log = self._folder / "password", self._folder / "data", open(self._folder / "log", "w")
        password.write_text(self.password)
        if self._user:
            account = pwd.getpwnam("postgres")
            for path in (self._folder, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        with log:
            initdb = [
                BIN / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "scram-sha-256",
                f"--pwfile={password}",
                "-E",
                "UTF8",
                "--no-sync",
            ]
            subprocess.run(initdb, check=True, stdout=log, stderr=log, cwd="/", **self._user)
            options = {
                "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "max_connections": 100,
                "password_encryption": "scram-sha-256",
            }  # fmt: skip
            words = [BIN / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())]
            self._server = subprocess.Popen(words, stdout=log, stderr=log, cwd="/", **self._user)
        wait_until(self._answers, "a Postgres of its own answers")

    def _answers(self):
        if self._server.poll() is not None:
            raise RuntimeError((self._folder / "log").read_text())
        try:
            psycopg.connect(self.url, connect_timeout=PATIENCE_SECONDS).close()
            return True
        except psycopg.OperationalError:
            return False

    def query(self, sql, database="postgres"):
        with psycopg.connect(self.url, dbname=database, autocommit=True) as owner:
            cursor = owner.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def environment(self):
        """What the document's commands find in a shell: this server's programs, and libpq's own variables."""
        return {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": self.password, "LC_ALL": "C.UTF-8",
        }  # fmt: skip
