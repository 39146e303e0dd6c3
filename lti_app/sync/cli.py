"""Commands of the night: run, approve, status; and delivery of what waits in the outbox."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from sqlalchemy.orm import Session

from lti_app.core.cli import Group, Refused, with_database
from lti_app.core.edge import deliver, tool
from lti_app.core.errors import described, named
from lti_app.core.outbox import retry_given_up
from lti_app.core.permissions import SYSTEM
from lti_app.core.vault import VaultError
from lti_app.credits.outstanding import undelivered_scores
from lti_app.lti.models import Moodle
from lti_app.lti.registrations import moodle_named
from lti_app.sync import cli_safety, lock, service
from lti_app.sync.cli_report import lines_of, print_report, progress_on, score_lines
from lti_app.sync.names import Names, names_in
from lti_app.sync.night import NightResult, run_night

log = logging.getLogger(__name__)

sync = Group("sync", help="The night's work with Moodle.")
for command in cli_safety.COMMANDS:
    sync.add_command(command)
outbox = Group("outbox", help="What goes out after a commit: scores and messages.")

STANDARD_OUTPUT = 1
EXIT_LOCKED = 4
"""Another run holds the lock, or has taken it from this one."""


@sync.command("run")
@click.option("--moodle", "name", help="only this Moodle; without it all of them, one after the other")
@click.option("--dry-run", is_flag=True, help="Read and plan; change nothing anywhere.")
@click.option("--approve", is_flag=True, help="Apply also what the guard would hold.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--scheduled", is_flag=True, help="As a timer does: queue the nights if there is a broker.")
@with_database
def run_command(name: str | None, dry_run: bool, approve: bool, as_json: bool, scheduled: bool) -> None:
    """Do one night's work now.

    Exit 0: done; 1: some changes failed; 2: held for approval; 3: Moodle could not be read whole, nothing changed;
    4: another run holds the lock; 64, 69, 70, 78: nothing was begun, or it broke off (docs/operations.md).
    """
    with tool().database.session(writes=False) as session:
        moodles = [moodle_named(session, name)] if name else service.moodles(session, actor=SYSTEM)
    if not moodles:
        raise Refused("no Moodle is stored yet; begin with: moodle add NAME --url URL")
    if scheduled and _is_left_to_workers(moodles, alone=not (dry_run or approve or as_json)):
        return
    results, failures = _run_all(moodles, dry_run=dry_run, approve=approve)
    _print([result.report for result in results], as_json)
    if failures:
        sys.exit(os.EX_CONFIG if isinstance(failures[0], VaultError) else os.EX_SOFTWARE)
    codes = [service.EXIT_CODES.get(result.status, EXIT_LOCKED) for result in results]
    sys.exit(max([*codes, EXIT_LOCKED if len(results) < len(moodles) else 0]))


def _is_left_to_workers(moodles: Sequence[Moodle], *, alone: bool) -> bool:
    """Queue scheduled nights where there is a broker; without one they are done here. Raises Refused."""
    parts = tool()
    if not alone:
        raise Refused("--scheduled goes with --moodle only")
    if parts.settings.schedule == "beat":
        raise Refused("SCHEDULE is beat: Celery's beat begins the nights; disable the timer, or set SCHEDULE to timer")
    broker = parts.services.get("broker")
    if broker is None:
        return False
    from lti_app.sync.jobs import ask_for_night

    for moodle in moodles:
        ask_for_night(broker, moodle.id, parts.clock())
        click.echo(f"{moodle.name}: queued")
    return True


def _run_all(moodles: Sequence[Moodle], **options: Any) -> tuple[list[NightResult], list[Exception]]:
    """Run Moodle by Moodle; one that another run holds, or that breaks off, is told and keeps no other waiting."""
    console = Console(stderr=True)
    results: list[NightResult] = []
    failures: list[Exception] = []
    for moodle in moodles:
        try:
            with progress_on(console, moodle.name) as progress:
                results.append(run_night(tool(), moodle.id, progress=progress, **options))
        except lock.LockHeld as held:
            click.echo(f"{moodle.name}: {held}", err=True)
        except Exception as error:
            if len(moodles) == 1:
                raise
            log.error("the night of %s broke off\n%s", moodle.name, described(error))
            click.echo(f"{moodle.name}: the run broke off; the log says where: {named(error)}", err=True)
            failures.append(error)
    return results, failures


def _print(reports: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json and reports:
        whole: Any = reports[0] if len(reports) == 1 else {"moodles": list(reports)}
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
        return
    with tool().database.session(writes=False) as session:
        for report in reports:
            print_report(Console(), report, _names(session, report))


def _names(session: Session, report: dict[str, Any]) -> Names:
    """Return the names for a report; none for the journal, which keeps no personal data."""
    return Names() if _goes_to_journal() else names_in(session, report)


def _goes_to_journal() -> bool:
    """Tell whether systemd has connected standard output to its journal (systemd.exec, ``$JOURNAL_STREAM``)."""
    output = os.fstat(STANDARD_OUTPUT)
    return os.environ.get("JOURNAL_STREAM") == f"{output.st_dev}:{output.st_ino}"


@sync.command("approve")
@click.argument("plan")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_database
def approve_command(plan: str, as_json: bool) -> None:
    """Apply the held PLAN (its id, or the first 8 or more characters), if the world still is as it was."""
    parts = tool()
    with parts.database.transaction() as session:
        held = service.held_plan_named(session, plan, actor=SYSTEM)
        service.approve_plan(session, held_plan_id=held.id, actor=SYSTEM, now=parts.clock())
        moodle = held.moodle
    results, _failures = _run_all([moodle], only_plan=held.plan_id)
    if not results:
        sys.exit(EXIT_LOCKED)
    if results[0].report["plan"] != held.plan_id:
        click.echo("the world has changed since: the approved plan was not applied, see the new one", err=True)
    _print([result.report for result in results], as_json)
    sys.exit(service.EXIT_CODES.get(results[0].status, EXIT_LOCKED))


@sync.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_database
def status_command(as_json: bool) -> None:
    """Show the last run of each Moodle, held plans and locks."""
    with tool().database.session(writes=False) as session:
        recent = service.recent_runs(session, actor=SYSTEM, now=tool().clock(), limit=200)
        newest = {run.moodle_id: run for run in reversed(recent)}
        state = {
            "runs": [service.report(run, service.failures_of(session, run.id)) for run in newest.values()],
            "held": [
                {
                    "plan": held.plan_id,
                    "moodle": held.moodle.name,
                    "state": held.state.value,
                    "since": held.created_at.isoformat(),
                    "reasons": held.reasons,
                }
                for held in service.held_plans(session, actor=SYSTEM)
            ],
            "scores": [
                {"moodle": moodle.name, **asdict(undelivered_scores(session, moodle.id))}
                for moodle in service.moodles(session, actor=SYSTEM)
            ],
            "stopped": [
                {
                    "moodle": moodle.name,
                    "since": moodle.stopped_at.isoformat(),
                    "by": moodle.stopped_by,
                    "why": moodle.stopped_why,
                }
                for moodle in service.moodles(session, actor=SYSTEM)
                if moodle.stopped_at is not None
            ],
            "locks": [
                {"moodle": row.moodle_id, "holder": row.holder, "since": row.taken_at.isoformat()}
                for row in service.current_locks(session).values()
            ],
        }
        names = {report["moodle"]: _names(session, report) for report in state["runs"]}
    if as_json:
        click.echo(json.dumps(state, ensure_ascii=False, indent=2))
        return
    for report in state["runs"]:
        for line in lines_of({**report, "scores": {}}, names[report["moodle"]]):  # scores of now stand below
            click.echo(line)
    for scores in state["scores"]:
        for line in score_lines(scores):
            click.echo(f"{scores['moodle']}: {line}")
    for held in state["held"]:
        click.echo(f"held: {held['plan'][:12]} of {held['moodle']} since {held['since']} ({held['state']})")
    for row in state["stopped"]:
        click.echo(f"{row['moodle']}: stopped since {row['since']} by {row['by']}: {row['why']}")
    for row in state["locks"]:
        click.echo(f"lock: {row['holder']} since {row['since']}")
    if not state["runs"]:
        click.echo("no run yet")


@outbox.command("deliver")
@with_database
def deliver_command() -> None:
    """Deliver what is due; a timer runs this every few minutes."""
    counts = deliver(tool())
    click.echo(f"delivered {counts.delivered}, later {counts.later}, refused {counts.refused}")


@outbox.command("retry")
@with_database
def retry_command() -> None:
    """Give what was given up another chance, once its cause is mended."""
    parts = tool()
    with parts.database.transaction() as session:
        number = retry_given_up(session, now=parts.clock())
    what = "1 message is" if number == 1 else f"{number} messages are"
    click.echo(f"{what} due again" + ("; the timer delivers them, or: outbox deliver" if number else ""))
