"""suspected_outage fires: how it shows, and both documented ways out of it. That an empty day is believed six hours later is a law
of the core (`a_zero_that_another_run_found_six_hours_ago_is_believed_of_a_portal_that_answers`)."""

import datetime

import yaml

from operations.document import ROOT
from stage import wait_until

ALERT = "FarolSuspectedOutage"
MODALIDADE = 6


def business_day():
    """Over for at least a day, and one that the portal has records of."""
    day = datetime.date.today() - datetime.timedelta(days=2)
    while day.weekday() > 4:
        day -= datetime.timedelta(days=1)
    return day


def backfill(first, last=None):
    """The body of a force, of whole days."""
    end = (last or first) + datetime.timedelta(days=1)
    return {"mode": "backfill", "data_ini": f"{first}", "data_fim": f"{end}"}


def watched_by_the_alert():
    """The series that the rule looks at."""
    groups = yaml.safe_load((ROOT / "deploy/prometheus/farol.rules.yml").read_text())["groups"]
    (rule,) = (it for group in groups for it in group["rules"] if it["alert"] == ALERT)
    series = 'sync_segments_total{state="suspected_outage"}'
    assert series.partition("{")[0] in rule["expr"] and "suspected_outage" in rule["expr"], rule["expr"]
    return series


def cell(world, day):
    told = world.api("GET", f"/sync/coverage?from={day}&to={day}")[1]["days"]
    (found,) = (it for it in told if it["modalidade"] == MODALIDADE)
    return found["state"]


def suspected(world, day, first, series):
    """A backfill from `first` on, while the portal says that `day` is empty; returns its number."""
    fired, place = world.figure("ingestor", series), world.log("ingestor")
    world.portal("POST", "faults", {"fault": {"kind": "no_content_204"}, "day": f"{day}"})
    run = int(world.force(**backfill(first, day))["request_id"])
    ended = world.until(run, "incomplete", "success")
    assert (ended["state"], ended["verdict"]) == ("incomplete", "suspected_outage"), ended
    assert world.figure("ingestor", series) > fired, f"{ALERT} looks at {series}, which stands still"
    assert world.said(place, "segment not complete")["state"] == "suspected_outage"
    wait_until(lambda: open_incident(world), "the incident run_incomplete is open")
    return run


def retried(world, run):
    """The portal has records after all: once it is well, what was missing is read."""
    world.portal("DELETE", "faults")
    status, told = world.api("POST", f"/sync/executions/{run}/retry")
    assert status == 200, told
    world.until(int(told["request_id"]), "success")
    wait_until(lambda: not open_incident(world), "the incident is over")


def open_incident(world):
    return [it for it in world.api("GET", "/api/system")[1]["incidents"] if it["kind"] == "run_incomplete"]


def suspected_outage_fires_and_a_retry_ends_it(world, _):
    day, series = business_day(), watched_by_the_alert()
    # Days before it have records: one of them at least is a weekday, too.
    run = suspected(world, day, day - datetime.timedelta(days=4), series)
    assert cell(world, day) == "suspected_outage", cell(world, day)
    retried(world, run)
    assert cell(world, day) == "complete", cell(world, day)

    # Now it has been proven before, and what was read stays.
    kept = world.query("SELECT count(*) FROM pncp_contratacoes")
    run = suspected(world, day, day, series)
    assert cell(world, day) == "complete", cell(world, day)
    assert world.query("SELECT count(*) FROM pncp_contratacoes") == kept, "a record was deleted for an empty answer"
    retried(world, run)
    return f"twice, {kept[0][0]} records kept"
