"""Another program of the broker's contract, written with pika: what it publishes runs, what it declares
and what we declare are one queue, and what we publish it can read.

Run by `cargo xtask ci` with FAROL_BIN_DIR, DATABASE_URL and RABBITMQ_URL. Logs go to target/peers/.
"""

import base64
import contextlib
import datetime
import json
import os
import pathlib
import secrets
import urllib.request
import zoneinfo

import pika
from stage import PATIENCE_SECONDS, Stage, forget_queues, free_port, wait_for, wait_until

RUN_SECONDS = 90
ZONE = zoneinfo.ZoneInfo("America/Sao_Paulo")
LOGIN = ("peer", "of-the-broker")
GARBAGE = (
    b"not json",
    b"[]",
    b"null",
    b'"update"',
    b'{"mode": "sideways"}',
    b'{"mode": "backfill"}',
    b'{"v": 99, "execution_id": 1, "mode": "update"}',
    b"\xff\xfe\x00",
    b'{"mode": "update"',
)


class Peer(Stage):
    """Portal and ingestor on a queue of their own, and a pika connection beside them."""

    def __init__(self, logs):
        super().__init__("peer", os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], logs)
        self.queue = f"peer.{secrets.token_hex(4)}"
        self._pncp, self._ops = free_port(), free_port()

    def bring_up(self):
        self.start("demo-world", "serve", "--port", "0", "--pncp-port", str(self._pncp))

    def environment(self):
        return super().environment() | {
            "RABBITMQ_URL": os.environ["RABBITMQ_URL"],
            "QUEUE_NAME": self.queue,
            "PNCP_BASE_URL": f"http://127.0.0.1:{self._pncp}/api/consulta",
            "PNCP_RATE_PER_SECOND": "200",
            "PNCP_MAX_IN_FLIGHT": "8",
            "PNCP_ITEMS": "off",
            "OPS_PORT": str(self._ops),
            "DRAIN_SECONDS": "1",
        }

    def ingestor(self):
        self.start("ingestor")
        wait_for(f"http://127.0.0.1:{self._ops}/health/ready")

    def runs(self):
        columns = "id, mode, state, window_start, window_end, error_message"
        return self.query(f"SELECT {columns} FROM sync_executions ORDER BY id")

    def ends(self, count, what):
        """Waits for the run with this number and returns it; each case makes one."""
        over = ("success", "incomplete", "error", "cancelled", "lost")
        run = lambda: (self.runs()[count - 1 :] or [None])[0]  # noqa: E731
        wait_until(lambda: (it := run()) and it[2] in over, f"{what}: a run ends ({run()})", RUN_SECONDS)
        return run()


@contextlib.contextmanager
def channel():
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    try:
        yield connection.channel()
    finally:
        connection.close()


def declare(queue):
    """As such programs do: durable, no arguments. 406 where somebody declared it otherwise."""
    with channel() as ch:
        ch.queue_declare(queue, durable=True)


def publish(queue, body, **properties):
    with channel() as ch:
        ch.confirm_delivery()
        properties = pika.BasicProperties(delivery_mode=2, **properties)
        ch.basic_publish("", queue, body, properties, mandatory=True)


def take(queue):
    with channel() as ch:
        method, properties, body = ch.basic_get(queue, auto_ack=True)
        return method and (properties, body)


def local(moment):
    return moment.astimezone(ZONE).replace(tzinfo=None).isoformat()


def what_others_publish_runs(peer):
    end = datetime.datetime.now(ZONE).replace(minute=0, second=0, microsecond=0) - datetime.timedelta(days=1)
    start = end - datetime.timedelta(hours=6)
    backfill = {"mode": "backfill", "data_ini": local(start), "data_fim": local(end)}
    # The queue is another program's, with a message in it, before we have ever seen it.
    declare(peer.queue)
    publish(peer.queue, b"{}", content_type="application/json")
    peer.ingestor()
    forms = ((b"{}", "update"), (b"", "update"), (b'{"mode":"update"}', "update"), (backfill, "backfill"))
    for count, (body, mode) in enumerate(forms, 1):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        if count > 1:
            publish(peer.queue, body)
        _, ran, state, window_start, window_end, error = peer.ends(count, body)
        assert (ran, state) == (mode, "success"), f"{body}: {ran} ended {state}: {error}"
    assert (window_start, window_end) == (start, end), f"{window_start} to {window_end}"
    return len(forms)


def what_nobody_can_read_is_kept_with_its_reason(peer):
    dead, before = f"{peer.queue}.dead", len(peer.runs())
    for number, body in enumerate(GARBAGE):
        publish(peer.queue, body, message_id=f"garbage-{number}")
        properties, kept = wait_until(lambda: take(dead), f"{body} is in {dead}")
        assert kept == body, f"{kept} is not {body}"
        headers = properties.headers
        assert headers["x-original-message-id"] == f"garbage-{number}", headers
        assert headers["x-farol-reason"] and headers["x-farol-at"], headers
        assert properties.delivery_mode == 2, "a restart of the broker would lose it"
    assert len(peer.runs()) == before, "something unreadable became a run"
    return len(GARBAGE)


def the_queues_are_still_declared_as_others_do(peer):
    for queue in (peer.queue, f"{peer.queue}.dead"):
        declare(queue)
    return 2


def what_we_publish_others_can_read(peer):
    """On a queue that only this program reads."""
    queue, port, ops = f"{peer.queue}.ours", free_port(), free_port()
    settings = {"QUEUE_NAME": queue, "PORT": str(port), "OPS_PORT": str(ops), "SYNC_INTERVAL_MINUTES": "0"}
    settings |= dict(zip(("ADMIN_USERNAME", "ADMIN_PASSWORD"), LOGIN))
    peer.start("admin-sync-service", **settings)
    wait_for(f"http://127.0.0.1:{ops}/health/ready")
    asked = {"mode": "backfill", "data_ini": "2025-07-10T12:00:00", "data_fim": "2025-07-10T18:00:00"}
    for body in ({"mode": "update"}, asked):
        answer = post(f"http://127.0.0.1:{port}/sync/force", body)
        assert answer["success"], answer
        properties, said = wait_until(lambda: take(queue), f"{body} is published")
        assert json.loads(said) == {"v": 1, "execution_id": int(answer["request_id"])} | body, said
        assert properties.delivery_mode == 2 and properties.content_type == "application/json", properties
        ((outbox,),) = peer.query("SELECT id FROM outbox WHERE execution_id = %s", int(answer["request_id"]))
        assert properties.message_id == str(outbox), properties
    declare(queue)
    return 2


def post(address, body):
    login = base64.b64encode(":".join(LOGIN).encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def main():
    logs = pathlib.Path(__file__).resolve().parents[1] / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    cases = (
        what_others_publish_runs,
        what_nobody_can_read_is_kept_with_its_reason,
        the_queues_are_still_declared_as_others_do,
        what_we_publish_others_can_read,
    )
    with Peer(logs) as peer:
        try:
            for case in cases:
                print(f"{case.__name__.replace('_', ' ')}: {case(peer)}")
        finally:
            ours = f"{peer.queue}.ours"
            forget_queues(peer.queue, f"{peer.queue}.dead", ours, f"{ours}.dead")


if __name__ == "__main__":
    main()
