"""Runs real nginx with the files of deploy/nginx, in front of every service.

Run by `cargo xtask ci` as `python ci/nginx_test.py [part of a case's name]` with DATABASE_URL (an owner who may create
databases), RABBITMQ_URL, FAROL_BIN_DIR and CHROMIUM. Logs go to target/peers/. Exit code 1 when a case fails.
"""

import pathlib
import sys
import time
import traceback

from proxies import cases_browser, cases_doors, cases_streams
from proxies.front import Nginx
from proxies.world import World

CASES = (
    cases_doors.each_address_leads_to_its_service,
    cases_streams.what_is_written_arrives_within_a_second_and_while_the_stream_is_open,
    cases_streams.last_event_id_passes_and_is_answered_by_what_was_missed,
    cases_streams.a_socket_passes_both_ways_and_so_does_its_end,
    cases_doors.the_inside_is_refused_in_every_spelling,
    cases_doors.a_forged_address_lifts_no_limit,
    cases_doors.a_body_that_is_too_long_is_refused,
    cases_doors.what_is_too_much_is_refused,
    cases_doors.plain_http_is_sent_to_tls,
    cases_doors.a_request_is_known_by_one_identity_everywhere,
    cases_streams.who_leaves_is_let_go_of_at_once,
    cases_streams.a_reload_loses_nothing,
    cases_streams.a_drain_of_each_service_loses_nothing_for_who_comes_back,
    cases_doors.no_log_has_a_token,
    cases_doors.the_access_log_is_json,
    cases_browser.eight_streams_of_one_page_and_what_else_it_asks,
    cases_browser.the_console_signs_in_for_tls_alone_and_follows_a_run,
)


def run_all(cases, world, front, only=""):
    """Returns how many failed."""
    chosen, failed = [case for case in cases if only in case.__name__], 0
    for case in chosen:
        began = time.monotonic()
        try:
            told = case(world, front)
        except Exception:  # noqa: BLE001  (whatever it is, the other cases still tell something)
            failed += 1
            print(f"FAILED  {case.__name__.replace('_', ' ')}\n{traceback.format_exc()}", flush=True)
        else:
            print(f"ok      {case.__name__.replace('_', ' ')}: {told}, {time.monotonic() - began:.1f} s", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return failed or not chosen


def main():
    logs = pathlib.Path(__file__).resolve().parents[1] / "target" / "peers"
    logs.mkdir(parents=True, exist_ok=True)
    with World("nginx", logs) as world, Nginx(world) as front:
        return run_all(CASES, world, front, sys.argv[1] if len(sys.argv) > 1 else "")


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
