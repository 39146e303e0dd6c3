"""Import a workbook: rows are read, joined by their keys, checked by the rules and saved, all or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor
from lti_app.importing.catalogue import Catalogue
from lti_app.importing.known import Known
from lti_app.importing.parsing import ParsedRow, parse_tables
from lti_app.importing.reading import Table, UnreadableTable, finding_of, read_tables
from lti_app.importing.report import ImportRefused, ImportReport
from lti_app.importing.runs import Runs
from lti_app.importing.schemas import SHEETS


def import_workbook(session: Session, path: Path, *, zone: ZoneInfo, actor: Actor, now: datetime) -> ImportReport:
    """Bring in an .xlsx workbook or a folder of CSV files; local times are those of ``zone``.

    Writes into ``session`` without committing. Raises ImportRefused with the report where anything is wrong:
    the caller rolls back, as closing the session does.
    """
    try:
        tables = read_tables(path)
    except UnreadableTable as error:
        report = ImportReport()
        report.problems.append(finding_of(error))
        raise ImportRefused(report) from error
    return import_tables(session, tables, zone=zone, actor=actor, now=now)


def import_tables(
    session: Session, tables: list[Table], *, zone: ZoneInfo, actor: Actor, now: datetime
) -> ImportReport:
    """Bring in tables that have been read. Raises ImportRefused."""
    report = ImportReport()
    sheets = parse_tables(tables, report)
    report.counts = {kind.name: Counter() for kind in SHEETS if kind.name in sheets}
    known = Known(session, sheets)
    catalogue = Catalogue(session, sheets, known, report, zone=zone, actor=actor, now=now)
    runs = Runs(session, sheets, known, report, zone=zone, actor=actor, now=now)
    bringers: Mapping[str, Callable[[ParsedRow], None]] = {
        "organisations": catalogue.bring_organisation,
        "people": catalogue.bring_person,
        "sites": catalogue.bring_site,
        "programmes": catalogue.bring_programme,
        "topics": catalogue.bring_topic,
        "intakes": runs.bring_intake,
        "meetings": runs.bring_meeting,
        "trainees": runs.bring_trainee,
    }
    for kind in SHEETS:
        if kind.name not in sheets:
            continue
        for row in sheets[kind.name].rows:
            bringers[kind.name](row)
    runs.finish()
    if report.problems:
        raise ImportRefused(report)
    return report
