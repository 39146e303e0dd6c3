"""The year's calendar: intakes, sittings of the council, terms that run out, the day of reports (4.3). Reads only."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.centre.dashboard import REPORT_DAY, REPORT_MONTH
from lti_app.centre.lists import last_terms
from lti_app.core.errors import Text
from lti_app.intakes.models import Intake
from lti_app.programmes.models import Programme, ProgrammeVersion, Sitting
from lti_app.sites.models import Site

MOST_OF_A_KIND = 2000
"""A year's entries of one kind that are read; a town has tens."""


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


def year_of(session: Session, year: int, direction: str | None = None) -> dict[int, list[Entry]]:
    """Return the entries of a year by month (1 to 12), in the order of days. Three queries."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    entries = _intakes(session, first, last, direction) + _terms(session, first, last, direction)
    entries += [
        Entry(sitting.held_on, EntryKind.SITTING, _l("Sitting of the council"), f"/council/sittings/{sitting.id}")
        for sitting in session.scalars(select(Sitting).where(Sitting.held_on.between(first, last)))
    ]
    entries.append(
        Entry(date(year, REPORT_MONTH, REPORT_DAY), EntryKind.REPORT, _l("Reports and analyses are due (4.3, 6.2)"))
    )
    months: dict[int, list[Entry]] = {month: [] for month in range(1, 13)}
    for entry in sorted(entries, key=lambda entry: (entry.day, entry.kind.value)):
        months[entry.day.month].append(entry)
    return months


def _intakes(session: Session, first: date, last: date, direction: str | None) -> list[Entry]:
    query = (
        select(Intake, ProgrammeVersion.title)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .where(Intake.ends_on >= first, Intake.starts_on <= last)
        .order_by(Intake.starts_on, Intake.id)
        .limit(MOST_OF_A_KIND)
    )
    if direction:
        query = query.where(Site.direction == direction)
    found = []
    for intake, title in session.execute(query):
        path = f"/intakes/{intake.id}/overview"
        if first <= intake.starts_on <= last:
            found.append(Entry(intake.starts_on, EntryKind.STARTS, title, path))
        if first <= intake.ends_on <= last:
            found.append(Entry(intake.ends_on, EntryKind.ENDS, title, path))
    return found


def _terms(session: Session, first: date, last: date, direction: str | None) -> list[Entry]:
    terms = last_terms()
    query = (
        select(Site, terms.c.until)
        .join(terms, terms.c.site_id == Site.id)
        .where(terms.c.until.between(first, last), Site.ended_on.is_(None))
        .options(joinedload(Site.organisation))
        .limit(MOST_OF_A_KIND)
    )
    if direction:
        query = query.where(Site.direction == direction)
    return [
        Entry(until, EntryKind.TERM, f"{site.direction} — {site.organisation.label}", f"/sites/{site.id}")
        for site, until in session.execute(query)
    ]
