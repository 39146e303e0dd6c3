"""The command `import`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from lti_app.core.cli import LANGUAGE, Broken, Command, with_database
from lti_app.core.edge import tool
from lti_app.core.permissions import SYSTEM
from lti_app.core.saving import Saved
from lti_app.importing.report import Finding, ImportRefused, ImportReport, shorten
from lti_app.importing.service import import_workbook


@click.command("import", cls=Command)
@click.argument("path", type=click.Path(exists=True, readable=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--language",
    type=click.Choice(["en", "ru"]),
    default=LANGUAGE,
    help="Language of the report; ru for those who fill in the workbook.",
)
@with_database
def import_command(path: Path, dry_run: bool, as_json: bool, language: str) -> None:
    """Import an .xlsx workbook or a folder of CSV files: all or nothing.

    Exit 0: imported (or, with --dry-run, could be); 1: something is wrong, every bad cell is named, nothing changed.
    """
    click.get_current_context().with_resource(force_locale(language))
    try:
        report = _bring(path, dry_run)
    except IntegrityError as error:
        what = str(error.orig).partition("\n")[0]
        line = _("Nothing was imported: the same data were changed meanwhile (%(what)s). Import them again.", what=what)
        raise Broken(line) from None
    if as_json:
        click.echo(json.dumps(report.as_json(dry_run=dry_run), ensure_ascii=False, indent=2))
    else:
        for line in _lines(report, dry_run):
            click.echo(line)
    if report.problems:
        sys.exit(1)


def _bring(path: Path, dry_run: bool) -> ImportReport:
    parts = tool()
    with parts.database.session() as session:
        try:
            report = import_workbook(session, path, zone=parts.settings.zone, actor=SYSTEM, now=parts.clock())
        except ImportRefused as refused:
            return refused.report
        if not dry_run:
            session.commit()
        return report


def _lines(report: ImportReport, dry_run: bool) -> Iterator[str]:
    for finding in report.warnings:
        yield _("note: %(finding)s", finding=told(finding))
    for finding in report.problems:
        yield told(finding)
    if report.problems:
        yield _("Nothing was imported: %(count)s to be mended.", count=len(report.problems))
        return
    for sheet, tally in report.counts.items():
        yield _(
            "%(sheet)s: created %(created)s, changed %(changed)s, unchanged %(unchanged)s",
            sheet=sheet,
            created=tally[Saved.CREATED],
            changed=tally[Saved.CHANGED],
            unchanged=tally[Saved.UNCHANGED],
        )
    if dry_run:
        yield _("A trial only: nothing was written.")


def told(finding: Finding) -> str:
    """Say in one line where, what was found, what is wrong with it, and what to do."""
    place = []
    if finding.file:
        place.append(_("file “%(file)s”", file=finding.file))
    if finding.sheet:
        place.append(_("sheet “%(sheet)s”", sheet=finding.sheet))
    if finding.row:
        place.append(_("row %(row)s", row=finding.row))
    if finding.column:
        place.append(_("column “%(column)s”", column=finding.column))
    value = f" «{shorten(finding.value)}»" if finding.value is not None else ""
    return f"{', '.join(place)}{value}: {finding.message} {finding.remedy}".strip(" :")
