"""What is due, and who is late: the centre's first page, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.centre.lists import terms_on
from lti_app.intakes.models import Intake, PlaceRequest, RequestState
from lti_app.programmes.models import Programme, ProgrammeVersion, VersionState
from lti_app.sites.models import ApplicationState, Site, SiteApplication
from lti_app.sites.states import EXPIRES_SOON, SiteState

SHOWN = 10
STARTS_SOON = timedelta(days=14)
REPORT_MONTH, REPORT_DAY = 6, 15
"""Reports and analyses reach the centre by 15 June (4.3, 6.2)."""
REPORT_SHOWN_FROM = timedelta(days=45)


@dataclass(frozen=True)
class Term:
    """Show a site whose status runs out or has run out: its last day."""

    site: Site
    until: date


@dataclass(frozen=True)
class Due:
    """Hold what is due; each list is cut to the first ten."""

    submitted: Sequence[SiteApplication]
    accepted: Sequence[SiteApplication]
    terms: Sequence[Term]
    waiting: Sequence[ProgrammeVersion]
    without_programme: Sequence[Site]
    starting: Sequence[Intake]
    requests: int
    report_until: date | None
    states: dict[str, dict[SiteState, int]]


def due_on(session: Session, today: date) -> Due:
    """Return what is due on the local date ``today``. Eight queries, whatever there is."""
    return Due(
        submitted=_applications(session, ApplicationState.SUBMITTED),
        accepted=_applications(session, ApplicationState.ACCEPTED),
        terms=_terms(session, today),
        waiting=session.scalars(
            select(ProgrammeVersion)
            .where(ProgrammeVersion.state == VersionState.SUBMITTED)
            .options(joinedload(ProgrammeVersion.programme).joinedload(Programme.site).joinedload(Site.organisation))
            .order_by(ProgrammeVersion.submitted_at, ProgrammeVersion.id)
            .limit(SHOWN)
        ).all(),
        without_programme=_without_programme(session, today),
        starting=_starting(session, today),
        requests=session.scalar(select(func.count()).where(PlaceRequest.state == RequestState.WITH_HEAD)) or 0,
        report_until=_report_until(today),
        states=_states(session, today),
    )


def _applications(session: Session, state: ApplicationState) -> Sequence[SiteApplication]:
    return session.scalars(
        select(SiteApplication)
        .where(SiteApplication.state == state)
        .options(joinedload(SiteApplication.host))
        .order_by(SiteApplication.submitted_at, SiteApplication.id)
        .limit(SHOWN)
    ).all()


def _terms(session: Session, today: date) -> list[Term]:
    terms = terms_on(today)
    rows = session.execute(
        select(Site, terms.c.until)
        .join(terms, terms.c.site_id == Site.id)
        .where(or_(Site.ended_on.is_(None), Site.ended_on > today), terms.c.until < today + EXPIRES_SOON)
        .options(joinedload(Site.organisation))
        .order_by(terms.c.until, Site.id)
        .limit(SHOWN)
    )
    return [Term(row[0], row[1]) for row in rows]


def _without_programme(session: Session, today: date) -> Sequence[Site]:
    """Return the active sites without any approved version: their leaders owe a programme (4.2)."""
    terms = terms_on(today)
    approved = (
        select(Programme.site_id)
        .join(ProgrammeVersion, ProgrammeVersion.programme_id == Programme.id)
        .where(ProgrammeVersion.state == VersionState.APPROVED)
    )
    return session.scalars(
        select(Site)
        .join(terms, terms.c.site_id == Site.id)
        .where(Site.ended_on.is_(None), terms.c.in_force == 1, Site.id.not_in(approved))
        .options(joinedload(Site.organisation))
        .order_by(Site.id)
        .limit(SHOWN)
    ).all()


def _starting(session: Session, today: date) -> Sequence[Intake]:
    """Return the intakes that start within two weeks and aren't published or have no course yet."""
    return session.scalars(
        select(Intake)
        .where(
            Intake.starts_on >= today,
            Intake.starts_on <= today + STARTS_SOON,
            Intake.broken_off_on.is_(None),
            or_(Intake.published_at.is_(None), Intake.course_id.is_(None)),
        )
        .options(joinedload(Intake.version))
        .order_by(Intake.starts_on, Intake.id)
        .limit(SHOWN)
    ).all()


def _report_until(today: date) -> date | None:
    until = date(today.year, REPORT_MONTH, REPORT_DAY)
    return until if until - REPORT_SHOWN_FROM <= today <= until + REPORT_SHOWN_FROM else None


def _states(session: Session, today: date) -> dict[str, dict[SiteState, int]]:
    """Count the sites by direction and state."""
    terms = terms_on(today)
    rows = session.execute(
        select(Site.direction, Site.ended_on, terms.c.begins, terms.c.until, terms.c.in_force).outerjoin(
            terms, terms.c.site_id == Site.id
        )
    )
    found: dict[str, dict[SiteState, int]] = {}
    for direction, ended_on, begins, until, in_force in rows:
        state = state_of(ended_on, begins, until, in_force == 1, today)
        counts = found.setdefault(direction, dict.fromkeys(SiteState, 0))
        counts[state] += 1
    return dict(sorted(found.items()))


def state_of(ended_on: date | None, begins: date | None, until: date | None, in_force: bool, today: date) -> SiteState:
    """Return where a site stands, given its end, the first and last day of its orders, and whether one is in force."""
    if ended_on is not None and ended_on <= today:
        return SiteState.ENDED
    if begins is None or until is None:
        return SiteState.EXPIRED
    if not in_force:
        return SiteState.TO_COME if begins > today else SiteState.EXPIRED
    return SiteState.EXPIRING if until - today < EXPIRES_SOON else SiteState.ACTIVE
