"""A run of the ingestor as curl and a page in real Chromium see it: an EventSource on the gateway, in front of the
administration, with everything real behind it.

Run by `cargo xtask ci` with FAROL_BIN_DIR, DATABASE_URL, RABBITMQ_URL and CHROMIUM. Logs go to target/peers/.
"""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import secrets
import signal
import subprocess
import threading
import urllib.request

import pika
from playwright.sync_api import sync_playwright

from browser.watch import Watch
from stage import PATIENCE_SECONDS, Stage, free_port, wait_for

PATIENCE_MS = PATIENCE_SECONDS * 1000
LOGIN = ("browser", "of-the-gateway")
# Another origin than the gateway's, as the pages of most applications are.
PAGE = b"""<!doctype html><title>A run</title><script>
window.told = [];
window.follow = (address) => {
  window.source = new EventSource(address);
  for (const name of ["connection_open", "task_event", "error", "connection_close"])
    source.addEventListener(name, (e) => {
      if (e.data === undefined) return;
      const data = JSON.parse(e.data);
      told.push({ name, kind: data.event_type ?? name, data });
      if (name === "connection_close") source.close();
    });
};
</script>"""


class World(Stage):
    """Portal, ingestor, administration and gateway, and a server for the page."""

    def __init__(self, logs):
        super().__init__("gateway", os.environ["FAROL_BIN_DIR"], os.environ["DATABASE_URL"], logs)
        self.queue = f"gateway.{secrets.token_hex(4)}"
        self._pncp, self._admin, self._port = free_port(), free_port(), free_port()
        self._gateway = None
        self.address = f"http://127.0.0.1:{self._port}"

    def environment(self):
        callback = f"http://127.0.0.1:{self._admin}/api/sse/callback?secret=S"
        return super().environment() | {
            "RABBITMQ_URL": os.environ["RABBITMQ_URL"],
            "QUEUE_NAME": self.queue,
            "PNCP_BASE_URL": f"http://127.0.0.1:{self._pncp}/api/consulta",
            "PNCP_RATE_PER_SECOND": "10",
            "OPS_PORT": "0",
            "DRAIN_SECONDS": "1",
            "SYNC_INTERVAL_MINUTES": "0",
            "ADMIN_USERNAME": LOGIN[0],
            "ADMIN_PASSWORD": LOGIN[1],
            "SSE_GATEWAY_URL": self.address,
            "SSE_CALLBACK_SECRET": "S",
            "CALLBACK_URL": callback,
        }

    def bring_up(self):
        self.start("demo-world", "serve", "--port", "0", "--pncp-port", str(self._pncp))
        self.start("ingestor")
        ops = free_port()
        self.start("admin-sync-service", PORT=str(self._admin), OPS_PORT=str(ops))
        self.gateway()
        wait_for(f"http://127.0.0.1:{ops}/health/ready")

    def gateway(self):
        self._gateway = self.start("sse-gateway", PORT=str(self._port), HOST="127.0.0.1")
        wait_for(f"{self.address}/readyz")

    def kill_gateway(self):
        self.end(self._gateway, signal.SIGKILL)

    def force(self):
        """Starts an update, and says where it can be seen."""
        login = base64.b64encode(":".join(LOGIN).encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._admin}/sync/force", b"{}", headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)["stream_url"]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


def until(page, condition):
    page.wait_for_function(condition, timeout=PATIENCE_MS)


def kinds(page):
    return [event["kind"] for event in page.evaluate("told")]


def ended(page):
    """Waits for the end, and returns what the page was told of it."""
    until(page, "told.some(event => event.name == 'connection_close')")
    return page.evaluate("told")


def two_pages_follow_a_run_to_its_end(world, visit):
    address = world.force()
    pages = [visit(address), visit(address)]
    for page in pages:
        told = ended(page)
        seen = [event["kind"] for event in told]
        assert seen[0] == "connection_open" and seen[-2:] == ["task_completed", "connection_close"], seen
        assert seen.count("task_completed") == 1 and "progress_update" in seen, seen
        progress = [event["data"]["data"] for event in told if event["kind"] == "progress_update"]
        # How much there is to read shows only while it is read, but the share never falls.
        values = [it["value"] for it in progress]
        assert values == sorted(values) and 0 <= values[0] and values[-1] <= 1, values
        pages_read = [it["pages"] for it in progress]
        assert pages_read == sorted(pages_read), pages_read
        assert told[-1]["data"] == {"reason": "task_completed"}, told[-1]
        assert told[-2]["data"]["data"]["state"] == "success", told[-2]
    late = visit(address)
    assert [event["kind"] for event in ended(late)][-2:] == ["task_completed", "connection_close"]
    return 3


def a_page_comes_back_by_itself_after_the_gateway_was_killed(world, visit):
    page = visit(world.force())
    until(page, "told.some(event => event.kind == 'progress_update')")
    world.kill_gateway()
    world.gateway()
    told = [event["kind"] for event in ended(page)]
    assert told.count("connection_open") == 2, told
    assert told[-2:] == ["task_completed", "connection_close"], told
    return 1


def a_run_that_is_nowhere_is_said_to_be_nowhere(world, visit):
    page = visit(f"{world.address}/api/sse/tasks?task_id=3f0e1c6a-5a1f-4d0c-9a57-2a3a5f0f8c11")
    told = ended(page)
    assert told[-2]["kind"] == "error" and told[-2]["data"]["error"] == "Task not found", told
    assert told[-1]["data"] == {"reason": "task_not_found"}, told
    # A refusal with a status ends an EventSource for good.
    page = visit(f"{world.address}/api/sse/nothing")
    until(page, "source.readyState == EventSource.CLOSED")
    assert kinds(page) == [], kinds(page)
    return 2


def curl_follows_a_run_to_its_end(world, _visit):
    command = ["curl", "--no-buffer", "--silent", "--show-error", "--fail", world.force()]
    # From the beginning, and after the end.
    for least in (4, 3):
        # It ends by itself and without an error: the stream is complete.
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=2 * PATIENCE_SECONDS).stdout
        names = [line.removeprefix("event: ") for line in told.splitlines() if line.startswith("event: ")]
        assert names[0] == "connection_open" and len(names) >= least, told
        assert names[-2:] == ["task_event", "connection_close"], told
        assert told.count('"event_type":"task_completed"') == 1, told
        assert told.endswith('data: {"reason":"task_completed"}\n\n'), told
    return 2


def run(case, refusals, world, browser, home):
    """How many times the case looked; its pages are watched, and may be refused what it provokes and nothing else."""
    with browser.new_context() as context:
        watch = Watch(context, refusals)

        def visit(address):
            page = context.new_page()
            page.goto(home)
            page.evaluate("address => follow(address)", address)
            return page

        looked = case(world, visit)
        watch.judge()
    return looked


def main():
    logs = pathlib.Path(__file__).resolve().parents[2] / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_port}/"
    cases = (
        (curl_follows_a_run_to_its_end, ()),
        (two_pages_follow_a_run_to_its_end, ()),
        (a_page_comes_back_by_itself_after_the_gateway_was_killed, ("net",)),
        (a_run_that_is_nowhere_is_said_to_be_nowhere, (400,)),
    )
    with World(logs) as world, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        try:
            for case, refusals in cases:
                print(f"{case.__name__.replace('_', ' ')}: {run(case, refusals, world, browser, home)}", flush=True)
        finally:
            browser.close()
            with contextlib.closing(pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))) as broker:
                for queue in (world.queue, f"{world.queue}.dead"):
                    broker.channel().queue_delete(queue)


if __name__ == "__main__":
    main()
