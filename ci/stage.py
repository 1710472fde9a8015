"""What the checks that run programs share: a database of their own, processes, free ports, patience."""

import contextlib
import os
import random
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pika
import psycopg

PATIENCE_SECONDS = 30
_PORTS = iter(random.sample(range(17_000, 32_000), 15_000))


class Stage:
    """A new database with the schema, and the programs that were started on it; gone at the end of the `with`."""

    def __init__(self, name, bin_dir, database_url, logs):
        self._bin_dir, self._logs = bin_dir, logs
        self._owner_url = database_url
        self._database = f"farol_{name}_{secrets.token_hex(4)}"
        self.database_url = urllib.parse.urlsplit(database_url)._replace(path=f"/{self._database}").geturl()
        self._processes = []

    def __enter__(self):
        try:
            with psycopg.connect(self._owner_url, autocommit=True) as owner:
                owner.execute(f"CREATE DATABASE {self._database}")
            self.run("farol-migrate")
            self.bring_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        with psycopg.connect(self._owner_url, autocommit=True) as owner:
            owner.execute(f"DROP DATABASE IF EXISTS {self._database} WITH (FORCE)")

    def bring_up(self):
        """For what has to run before the first case."""

    def environment(self):
        """What every program gets; nothing of the caller's own settings."""
        return {"PATH": os.environ["PATH"], "DATABASE_URL": self.database_url, "LOG_FORMAT": "json"}

    def query(self, sql, *values):
        with psycopg.connect(self.database_url, autocommit=True) as owner:
            cursor = owner.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def run(self, program, *arguments):
        command = self._command(program, arguments)
        subprocess.run(command, env=self.environment(), check=True, stdout=subprocess.DEVNULL)

    def start(self, program, *arguments, **settings):
        log = open(os.path.join(self._logs, f"{program}.log"), "ab")
        command, environment = self._command(program, arguments), self.environment() | settings
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def end(self, process, sign=signal.SIGTERM):
        """Returns its exit code."""
        process.send_signal(sign)
        code = process.wait(PATIENCE_SECONDS)
        self._processes.remove(process)
        return code

    def _command(self, program, arguments):
        return [os.path.join(self._bin_dir, program), *arguments]


def forget_queues(*queues):
    """Also those that were never declared; the broker may be somebody's own."""
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))) as connection:
        for queue in queues:
            connection.channel().queue_delete(queue)


def free_port():
    """One that is given out once, and below those that the kernel gives to outgoing connections (Linux: from 32768 on):
    one of the many connections of a check may otherwise have it before its owner binds it."""
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no free port on the loopback")


def wait_until(condition, what, patience=PATIENCE_SECONDS):
    """Asks until the answer is true, and returns it; for what announces itself to nobody here."""
    deadline = time.monotonic() + patience
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"not after {patience} s: {what}")
        time.sleep(0.05)
    return answer


def wait_for(address):
    """Asks until it answers 200."""

    def answers():
        try:
            urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).close()
            return True
        except (OSError, urllib.error.URLError):
            return False

    wait_until(answers, f"{address} answers 200")
