"""Commands about a Moodle that know what its nights need: templates of courses, and the doctor."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from lti_app.core.cli import with_database
from lti_app.core.clock import system_clock
from lti_app.core.edge import tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.cli import DONE, moodle_commands
from lti_app.lti.doctor import Status, examine
from lti_app.lti.registrations import moodle_named
from lti_app.sync.templates import remove_template, set_template, templates_of

__all__ = ["moodle_commands"]


@moodle_commands.command("template")
@click.argument("name")
@click.argument("course", required=False)
@click.option("--programme", metavar="CODE", help="only for intakes of this programme")
@click.option("--direction", metavar="TEXT", help="only for programmes of sites with this direction")
@click.option("--remove", is_flag=True, help="take the template back; the less particular one counts again")
@with_database
def moodle_template(name: str, course: str | None, programme: str | None, direction: str | None, remove: bool) -> None:
    """Have courses of the Moodle NAME copied from COURSE (its id or short name); without COURSE list the templates.

    A programme's template counts before its direction's, and that before the Moodle's own.
    """
    if remove and course is not None:
        raise click.UsageError("either COURSE or --remove, not both")
    scope = {"programme": programme, "direction": direction}
    if course is None and not remove:
        if any(scope.values()):
            raise click.UsageError("say which COURSE, or --remove")
        _list(name)
        return
    with tool().database.transaction() as session:
        moodle = moodle_named(session, name)
        acting = {**scope, "actor": SYSTEM, "now": tool().clock()}
        if course is None:
            saved = remove_template(session, moodle, **acting)  # type: ignore[arg-type]
        else:
            saved = set_template(session, moodle, course, **acting)  # type: ignore[arg-type]
    click.echo(f"template {DONE[saved]}; check it with: moodle doctor {name}")


def _list(name: str) -> None:
    with tool().database.session(writes=False) as session:
        lines = templates_of(session, moodle_named(session, name)).lines()
    for scope, course in lines:
        click.echo(f"{scope}  {course}")
    if not lines:
        click.echo(f"no template is set, so intakes get no courses; set one with: moodle template {name} COURSE")


@moodle_commands.command("doctor")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@with_database
def moodle_doctor(name: str, as_json: bool) -> None:
    """Check whether the Moodle NAME is fit for the tool. Exit code 1 if something is amiss.

    Changes nothing in Moodle. What it reads of PHP's limit is kept, and nights make their calls by it.
    """
    with tool().database.session(writes=False) as session:
        moodle = moodle_named(session, name)
        found = examine(
            session,
            moodle,
            templates=templates_of(session, moodle).named,
            token=tool().vault.open(moodle.token_encrypted),
            public_url=tool().settings.public_url,
            now=system_clock,
        )
        differs = found.max_input_vars is not None and found.max_input_vars != moodle.max_input_vars
    if differs:
        with tool().database.transaction() as session:
            moodle_named(session, name).max_input_vars = found.max_input_vars
    checks = found.checks
    bad = any(check.status is Status.AMISS for check in checks)
    if as_json:
        listed = [asdict(check) for check in checks]
        click.echo(json.dumps({"moodle": name, "ok": not bad, "checks": listed}, ensure_ascii=False, indent=2))
    else:
        for check in checks:
            remedy = f" — {check.remedy}" if check.remedy else ""
            click.echo(f"{check.status:5}  {check.name}: {check.message}{remedy}")
    if bad:
        sys.exit(1)
