"""Commands for when something goes wrong: stop a Moodle's nights, let them go on, break a lock."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from lti_app.core.cli import Command
from lti_app.core.edge import tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.registrations import moodle_named
from lti_app.sync import safety


@click.command("stop", cls=Command)
@click.argument("moodle")
@click.option("--reason", required=True, help="why; administrators read it on the page")
@with_appcontext
def stop_command(moodle: str, reason: str) -> None:
    """Let no night write to MOODLE until `sync resume`; a run under way ends before its next write."""
    parts = tool()
    with parts.database.transaction() as session:
        found = moodle_named(session, moodle)
        safety.stop_nights(session, moodle_id=found.id, reason=reason, actor=SYSTEM, now=parts.clock())
    click.echo(f"{moodle}: stopped; nights read and write nothing until: sync resume {moodle}")


@click.command("resume", cls=Command)
@click.argument("moodle")
@with_appcontext
def resume_command(moodle: str) -> None:
    """Let nights write to MOODLE again."""
    parts = tool()
    with parts.database.transaction() as session:
        found = moodle_named(session, moodle)
        safety.resume_nights(session, moodle_id=found.id, actor=SYSTEM, now=parts.clock())
    click.echo(f"{moodle}: the next night writes again")


@click.command("unlock", cls=Command)
@click.argument("moodle")
@with_appcontext
def unlock_command(moodle: str) -> None:
    """Break the lock of MOODLE; the run that holds it, if it lives, ends before its next write."""
    parts = tool()
    with parts.database.transaction() as session:
        found = moodle_named(session, moodle)
        holder = safety.break_lock(session, moodle_id=found.id, actor=SYSTEM, now=parts.clock())
    click.echo(f"{moodle}: the lock of {holder} is broken")


COMMANDS = (stop_command, resume_command, unlock_command)
