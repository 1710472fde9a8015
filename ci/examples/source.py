"""A client API of a project of our own: nobody but the cases changes its units."""

import http.server
import json
import threading
import urllib.error

from stage import wait_until

SLUG = "example-court"


class Source:
    """`units` is what it answers, unless it is `failing`."""

    def __init__(self):
        self.units, self.failing = {}, False
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps([{"id": unit, "status": it} for unit, it in source.units.items()]).encode()
                self.send_response(503 if source.failing else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def connect(self, world):
        """Makes a project of it, which is asked every second."""
        world.query("INSERT INTO projects (slug, name) VALUES (%s, 'Example Court')", SLUG)
        world.query(
            """INSERT INTO integration_configs (project_id, api_base_url, status_endpoint, polling_interval_seconds,
                                                timeout_seconds, retry_count)
               SELECT id, %s, '/units', 1, 20, 0 FROM projects WHERE slug = %s""",
            f"http://127.0.0.1:{self._server.server_port}", SLUG,
        )  # fmt: skip

    def begin(self, world, units):
        """These units, known to the service already, whatever another case left behind."""
        self.units, self.failing = dict(units), False
        world.publish(SLUG, True)

        def known():
            try:
                status = world.status(SLUG)
            except urllib.error.HTTPError:
                return False
            return (status["statuses"], status["state"]) == (units, "live")

        wait_until(known, f"{units} are known")

    def close(self):
        self._server.shutdown()
        self._server.server_close()
