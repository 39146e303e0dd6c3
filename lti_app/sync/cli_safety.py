"""Commands for when something goes wrong: stop a Moodle's nights, let them go on, break a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.orm import Session

from lti_app.core.cli import Command, with_database
from lti_app.core.edge import tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.registrations import moodle_named
from lti_app.sync import safety


def _about_moodle(name: str, *options: click.Option) -> Callable[[Callable[..., str]], click.Command]:
    """Make a command about one MOODLE out of a use case: it gets a session, the Moodle's id, actor and moment."""

    def made(use_case: Callable[..., str]) -> click.Command:
        @click.command(name, cls=Command, help=use_case.__doc__)
        @click.argument("moodle")
        @with_database
        def command(moodle: str, **options: str) -> None:
            parts = tool()
            with parts.database.transaction() as session:
                known = {"moodle_id": moodle_named(session, moodle).id, "actor": SYSTEM, "now": parts.clock()}
                said = use_case(session, **known, **options)
            click.echo(f"{moodle}: {said}")

        command.params += options
        return command

    return made


@_about_moodle("stop", click.Option(["--reason"], required=True, help="why; administrators read it on the page"))
def stop_command(session: Session, *, reason: str, **known: Any) -> str:
    """Let no night write to MOODLE until `sync resume`; a run under way ends before its next write."""
    moodle = safety.stop_nights(session, reason=reason, **known)
    return f"stopped; nights read and write nothing until: sync resume {moodle.name}"


@_about_moodle("resume")
def resume_command(session: Session, **known: Any) -> str:
    """Let nights write to MOODLE again."""
    if safety.resume_nights(session, **known):
        return "the next night writes again"
    return "it was not stopped; nights write there as before"


@_about_moodle("unlock")
def unlock_command(session: Session, **known: Any) -> str:
    """Break the lock of MOODLE; the run that holds it, if it lives, ends before its next write."""
    return f"the lock of {safety.break_lock(session, **known)} is broken"


COMMANDS = (stop_command, resume_command, unlock_command)
