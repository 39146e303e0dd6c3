"""Lists of all sites, programmes and intakes: filters in the address, fifty rows a page, constant queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, Subquery, and_, case, func, or_, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.paging import PAGE_SIZE, Page, page_number
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.people.models import Organisation, Person
from lti_app.programmes.models import Programme, ProgrammeVersion, VersionState
from lti_app.programmes.overview import newest_versions
from lti_app.sites.models import Site, SiteLeader, SiteOrder
from lti_app.sites.states import EXPIRES_SOON, SiteState

Filters = Mapping[str, str]


def terms_on(day: date) -> Subquery:
    """Select the first and last day that a site's orders name, by site, and whether one is in force on ``day``.

    ``in_force`` is 1 or 0: between two orders there may be days without one (3.3).
    """
    in_force = and_(SiteOrder.valid_from <= day, SiteOrder.valid_until >= day)
    return (
        select(
            SiteOrder.site_id,
            func.min(SiteOrder.valid_from).label("begins"),
            func.max(SiteOrder.valid_until).label("until"),
            func.max(case((in_force, 1), else_=0)).label("in_force"),
        )
        .group_by(SiteOrder.site_id)
        .subquery()
    )


@dataclass(frozen=True)
class SiteRow:
    """Show a site in the list."""

    site: Site
    leader: str | None
    begins: date | None
    until: date | None
    in_force: bool


@dataclass(frozen=True)
class IntakeRow:
    """Show an intake in the list, with how many places are taken."""

    intake: Intake
    title: str
    site: Site
    taken: int


def _contains(text: str, *columns: Any) -> Any:
    """Tell whether one of ``columns`` contains ``text``; SQLite folds Latin letters only, so forms of it are tried."""
    forms = {text, text.lower(), text.capitalize(), text.upper()}
    return or_(*(column.contains(form, autoescape=True) for column in columns for form in forms))


def _number(filters: Filters, name: str) -> int | None:
    text = filters.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def site_query(filters: Filters, today: date) -> Select[Any]:
    """Select the sites that the filters leave, with leader and term."""
    terms = terms_on(today)
    query = (
        select(Site, Person, terms.c.begins, terms.c.until, terms.c.in_force)
        .join(Organisation, Organisation.id == Site.organisation_id)
        .outerjoin(terms, terms.c.site_id == Site.id)
        .outerjoin(SiteLeader, and_(SiteLeader.site_id == Site.id, SiteLeader.until.is_(None)))
        .outerjoin(Person, Person.id == SiteLeader.person_id)
        .options(joinedload(Site.organisation))
    )
    if text := filters.get("q"):
        query = query.where(
            _contains(text, Site.direction, Site.code, Organisation.name, Organisation.short_name, Person.last_name)
        )
    if direction := filters.get("direction"):
        query = query.where(Site.direction == direction)
    if (organisation := _number(filters, "organisation")) is not None:
        query = query.where(Site.organisation_id == organisation)
    state = filters.get("state", "")
    if state in {one.value for one in SiteState}:
        query = query.where(_in_state(SiteState(state), terms, today))
    return query.order_by(Site.direction, Organisation.name, Site.id)


def _in_state(state: SiteState, terms: Subquery, today: date) -> Any:
    going = or_(Site.ended_on.is_(None), Site.ended_on > today)
    in_force = terms.c.in_force == 1
    soon = terms.c.until < today + EXPIRES_SOON
    match state:
        case SiteState.ENDED:
            return Site.ended_on <= today
        case SiteState.TO_COME:
            return and_(going, terms.c.begins > today)
        case SiteState.ACTIVE:
            return and_(going, in_force, ~soon)
        case SiteState.EXPIRING:
            return and_(going, in_force, soon)
    return and_(going, or_(terms.c.until.is_(None), and_(terms.c.begins <= today, ~in_force)))


def sites(session: Session, filters: Filters, today: date, asked: int | None) -> Page[SiteRow]:
    """Return a page of sites. Two queries."""
    found = _paged(session, site_query(filters, today), asked)
    return Page(
        [SiteRow(row[0], row[1].full_name if row[1] else None, row[2], row[3], row[4] == 1) for row in found.items],
        found.number,
        found.total,
    )


def programme_query(filters: Filters) -> Select[ProgrammeVersion, Site]:
    """Select the newest versions of the programmes that the filters leave, with site and organisation."""
    query = (
        select(ProgrammeVersion, Site)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .join(Organisation, Organisation.id == Site.organisation_id)
        .where(ProgrammeVersion.id.in_(newest_versions()))
        .options(joinedload(Site.organisation), joinedload(ProgrammeVersion.programme))
    )
    if text := filters.get("q"):
        query = query.where(_contains(text, ProgrammeVersion.title, Organisation.name, Organisation.short_name))
    if direction := filters.get("direction"):
        query = query.where(Site.direction == direction)
    if (site := _number(filters, "site")) is not None:
        query = query.where(Programme.site_id == site)
    state = filters.get("state", "")
    if state in {one.value for one in VersionState}:
        query = query.where(ProgrammeVersion.state == VersionState(state))
    return query.order_by(ProgrammeVersion.title, ProgrammeVersion.id)


def programmes(session: Session, filters: Filters, asked: int | None) -> Page[Any]:
    """Return a page of programmes: (newest version, site). Two queries."""
    return _paged(session, programme_query(filters), asked)


def intake_query(filters: Filters, today: date) -> Select[Intake, str, Site]:
    """Select the intakes that the filters leave, with title and site."""
    query = (
        select(Intake, ProgrammeVersion.title, Site)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .join(Organisation, Organisation.id == Site.organisation_id)
        .options(joinedload(Site.organisation))
    )
    if text := filters.get("q"):
        query = query.where(
            _contains(text, ProgrammeVersion.title, Intake.code, Organisation.name, Organisation.short_name)
        )
    if direction := filters.get("direction"):
        query = query.where(Site.direction == direction)
    if (site := _number(filters, "site")) is not None:
        query = query.where(Programme.site_id == site)
    match filters.get("when"):
        case "running":
            query = query.where(Intake.starts_on <= today, Intake.ends_on >= today)
        case "coming":
            query = query.where(Intake.starts_on > today)
        case "over":
            query = query.where(Intake.ends_on < today)
    match filters.get("published"):
        case "yes":
            query = query.where(Intake.published_at.is_not(None))
        case "no":
            query = query.where(Intake.published_at.is_(None))
    if filters.get("free"):
        taken = (
            select(func.count())
            .where(Trainee.intake_id == Intake.id, Trainee.state == TraineeState.ENROLLED)
            .correlate(Intake)
            .scalar_subquery()
        )
        query = query.where(taken < Intake.capacity)
    return query.order_by(Intake.starts_on.desc(), Intake.id.desc())


def intakes(session: Session, filters: Filters, today: date, asked: int | None) -> Page[IntakeRow]:
    """Return a page of intakes, the latest start first. Three queries."""
    found = _paged(session, intake_query(filters, today), asked)
    return Page(intake_rows(session, found.items), found.number, found.total)


def intake_rows(session: Session, found: Sequence[Any]) -> list[IntakeRow]:
    """Return rows of ``intake_query`` with the places taken in each. One query."""
    counted = session.execute(
        select(Trainee.intake_id, func.count())
        .where(Trainee.intake_id.in_([row[0].id for row in found]), Trainee.state == TraineeState.ENROLLED)
        .group_by(Trainee.intake_id)
    )
    taken = {row[0]: row[1] for row in counted}
    return [IntakeRow(intake, title, site, taken.get(intake.id, 0)) for intake, title, site in found]


def _paged(session: Session, query: Select[*tuple[Any, ...]], asked: int | None) -> Page[Any]:
    counted = select(func.count()).select_from(query.order_by(None).options().with_only_columns(1).subquery())
    total = session.scalar(counted) or 0
    number = page_number(asked, total)
    rows: Sequence[Any] = session.execute(query.offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return Page(rows, number, total)


def directions(session: Session) -> Sequence[str]:
    """Return the directions that sites have. One query."""
    return session.scalars(select(Site.direction).distinct().order_by(Site.direction)).all()
