"""Statements that the document gives people for looking and mending are run, each in a transaction that is taken back."""

import re

import psycopg

from operations.document import between, blocks, codes

# Run by their own procedures.
PROCEDURES = ("Backup and restore", "Changing SECRET_KEY")
OPEN = {"<tenant>": "tenant-a"}
RUNNABLE = re.compile(r"(?:SELECT|DELETE FROM) [^`\"]+")


def statements():
    """With the section that gives it, however it is given: as code, in a block, or in a block's psql."""
    for heading, text in between("Sizing", "Dashboards").items():
        if heading in PROCEDURES:
            continue
        for code in codes(text):
            if RUNNABLE.fullmatch(code):
                yield heading, code
        for block in blocks(heading):
            for found in RUNNABLE.findall(re.sub(r"\s*\n\s*", " ", block)):
                yield heading, found.split(";")[0].rstrip(" '")


def statements_of_the_document_are_understood(world, _):
    count = 0
    for heading, statement in statements():
        for place, value in OPEN.items():
            statement = statement.replace(place, value)
        # A row with a tenant is a device's to delete.
        login = world.cluster.url if "fleet_alert" in statement else world.url("owner")
        with psycopg.connect(login, dbname="farol") as asked:
            try:
                asked.execute(statement)
            except psycopg.Error as error:
                raise AssertionError(f"“{heading}”: {statement}\n{error}") from None
            asked.rollback()
        count += 1
    assert count > 8, f"only {count} statements found"
    return f"{count} of them"
