"""Holds the procedures and runbooks of docs/OPERATIONS.md to the programs. First on paper: what they name exists, what they count
adds up, and where they lead is there. Then by doing what they say, with the document's own commands wherever it has some.

Run by `cargo xtask ci` as `python ci/operations_check.py [words of one case]` with RABBITMQ_URL, FAROL_BIN_DIR and
POSTGRES_BIN_DIR. It starts a Postgres that it may lose, and reaches RabbitMQ through a gate that it can shut. Logs go to
target/peers/operations/.
"""

import pathlib
import shutil
import sys
import tempfile

from nginx_test import run_all
from operations import broker, credentials, facts, gateway, links, logins, restore, sizing, statements, suspicion, tokens
from operations.cluster import Cluster
from operations.document import ROOT
from operations.world import World

PAPERS = {"names and defaults": facts, "links": links, "figures of sizing": sizing}
CASES = (
    credentials.credentials_of_a_client_are_changed_and_nobody_notices,
    broker.rabbitmq_is_away_and_nothing_waits_but_doorbells,
    suspicion.suspected_outage_fires_and_a_retry_ends_it,
    credentials.secret_key_is_changed_under_all_sealed_rows,
    gateway.secrets_of_the_gateway_are_changed_and_clients_come_back,
    logins.passwords_of_the_database_are_changed_by_a_second_login,
    tokens.keys_of_tokens_are_changed_without_a_gap,
    statements.statements_of_the_document_are_understood,
    # Last: it loses the database.
    restore.a_backup_is_restored_under_services_that_go_on,
)


def check_papers():
    complaints = 0
    for title, paper in PAPERS.items():
        found = paper.check()
        complaints += len(found)
        print(f"{'FAILED ' if found else 'ok     '} {title}", flush=True)
        for complaint in found:
            print(f"        {complaint}", file=sys.stderr)
    return complaints


def main():
    logs = ROOT / "target" / "peers" / "operations"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    wrong = check_papers()
    with Cluster() as cluster, World(cluster, logs) as world, tempfile.TemporaryDirectory() as folder:
        failed = run_all(CASES, world, pathlib.Path(folder), sys.argv[1] if len(sys.argv) > 1 else "")
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())
