"""The year's calendar: intakes, sittings of the council, terms that run out, the day of reports (4.3). Reads only."""

from __future__ import annotations

import enum
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.centre.dashboard import REPORT_DAY, REPORT_MONTH
from lti_app.centre.lists import terms_on
from lti_app.core.errors import Text
from lti_app.intakes.models import Intake
from lti_app.programmes.models import Programme, ProgrammeVersion, Sitting
from lti_app.sites.models import Site

SHOWN_A_MONTH = 30
"""Entries of a month that the year's page shows; the month's own page shows them all."""


class EntryKind(enum.StrEnum):
    """Say what a day of the calendar is about."""

    STARTS = "starts"
    ENDS = "ends"
    SITTING = "sitting"
    TERM = "term"
    REPORT = "report"


@dataclass(frozen=True)
class Entry:
    """Show one day's entry, with the page that it leads to."""

    day: date
    kind: EntryKind
    words: Text
    path: str = ""


def year_of(
    session: Session, year: int, direction: str | None = None, month: int | None = None
) -> dict[int, list[Entry]]:
    """Return the entries of a year, or of one month of it, by month (1 to 12), in the order of days. Three queries."""
    first = date(year, month or 1, 1)
    last = date(year, month or 12, monthrange(year, month or 12)[1])
    entries = _intakes(session, first, last, direction) + _terms(session, first, last, direction)
    entries += [
        Entry(sitting.held_on, EntryKind.SITTING, _l("Sitting of the council"), f"/council/sittings/{sitting.id}")
        for sitting in session.scalars(select(Sitting).where(Sitting.held_on.between(first, last)))
    ]
    report = date(year, REPORT_MONTH, REPORT_DAY)
    if first <= report <= last:
        entries.append(Entry(report, EntryKind.REPORT, _l("Reports and analyses are due (4.3, 6.2)")))
    months: dict[int, list[Entry]] = {number: [] for number in range(first.month, last.month + 1)}
    for entry in sorted(entries, key=lambda entry: (entry.day, entry.kind.value)):
        months[entry.day.month].append(entry)
    return months


def _intakes(session: Session, first: date, last: date, direction: str | None) -> list[Entry]:
    query = (
        select(Intake.id, Intake.starts_on, Intake.ends_on, ProgrammeVersion.title)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .where(Intake.ends_on >= first, Intake.starts_on <= last)
        .order_by(Intake.starts_on, Intake.id)
    )
    if direction:
        query = query.where(Site.direction == direction)
    found = []
    for intake_id, starts_on, ends_on, title in session.execute(query):
        path = f"/intakes/{intake_id}/overview"
        if first <= starts_on <= last:
            found.append(Entry(starts_on, EntryKind.STARTS, title, path))
        if first <= ends_on <= last:
            found.append(Entry(ends_on, EntryKind.ENDS, title, path))
    return found


def _terms(session: Session, first: date, last: date, direction: str | None) -> list[Entry]:
    terms = terms_on(first)
    query = (
        select(Site, terms.c.until)
        .join(terms, terms.c.site_id == Site.id)
        .where(terms.c.until.between(first, last), Site.ended_on.is_(None))
        .options(joinedload(Site.organisation))
    )
    if direction:
        query = query.where(Site.direction == direction)
    return [
        Entry(until, EntryKind.TERM, f"{site.direction} — {site.organisation.label}", f"/sites/{site.id}")
        for site, until in session.execute(query)
    ]
