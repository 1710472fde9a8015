"""Runs real Caddy with the file of deploy/caddy, in front of every service: less than nginx_test.py, which is what we run.

Run by `cargo xtask ci` as `python ci/caddy_test.py [part of a case's name]` with DATABASE_URL (an owner who may create
databases), RABBITMQ_URL, FAROL_BIN_DIR and CHROMIUM. Logs go to target/peers/. Exit code 1 when a case fails.
"""

import pathlib
import sys

from nginx_test import run_all
from proxies import cases_browser, cases_doors, cases_streams
from proxies.front import Caddy
from proxies.world import World

CASES = (
    cases_doors.each_address_leads_to_its_service,
    cases_streams.what_is_written_arrives_within_a_second_and_while_the_stream_is_open,
    cases_streams.last_event_id_passes_and_is_answered_by_what_was_missed,
    cases_streams.a_socket_passes_both_ways_and_so_does_its_end,
    cases_doors.the_inside_is_refused_in_every_spelling,
    cases_doors.a_forged_address_lifts_no_limit,
    cases_streams.who_leaves_is_let_go_of_at_once,
    cases_streams.a_drain_of_each_service_loses_nothing_for_who_comes_back,
    cases_doors.no_log_has_a_token,
    cases_browser.eight_streams_of_one_page_and_what_else_it_asks,
)


def main():
    logs = pathlib.Path(__file__).resolve().parents[1] / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    with World("caddy", logs) as world, Caddy(world) as front:
        return run_all(CASES, world, front, sys.argv[1] if len(sys.argv) > 1 else "")


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
