"""What stands open to somebody: intakes with places to ask for, own requests, and requests to confirm as a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from lti_app.core.paging import Page, page_number
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.models import (
    Admission,
    Intake,
    IntakeOrganisation,
    Invitation,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeState,
)
from lti_app.people.heads import in_office
from lti_app.people.models import Organisation, OrganisationHead, Person
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site, SiteLeader

ON_FIRST_PAGE = 5
OWN_SHOWN = 50


@dataclass(frozen=True)
class Opening:
    """Show an intake with places to ask for; hours are academic."""

    intake_id: int
    title: str
    annotation: str | None
    note: str | None
    direction: str
    site: str
    leader: str | None
    starts_on: date
    ends_on: date
    requests_until: date | None
    hours: Decimal
    capacity: int
    taken: int
    waiting: int
    needs_head: bool
    keeps_waiting_list: bool

    @property
    def free(self) -> int:
        """Return how many places nobody has."""
        return max(0, self.capacity - self.taken)

    @property
    def may_ask(self) -> bool:
        """Tell whether a request would be taken: a place is free, or people may wait for one."""
        return self.free > 0 or self.keeps_waiting_list


@dataclass(frozen=True)
class OwnRequest:
    """Show one's own request. ``ahead`` counts who waits before it; ``has_left``: the place was given up."""

    request_id: int
    intake_id: int
    title: str
    site: str
    starts_on: date
    ends_on: date
    state: RequestState
    asked_at: datetime
    reason: str | None
    ahead: int
    has_left: bool
    may_withdraw: bool


@dataclass(frozen=True)
class ToConfirm:
    """Show a request that waits for the head's word; ``organisation`` is empty where nobody knows one's."""

    request_id: int
    person: str
    position: str | None
    organisation: str
    title: str
    site: str
    starts_on: date
    ends_on: date
    hours: Decimal
    free: int
    asked_at: datetime


def _taken() -> Any:
    return (
        select(func.count())
        .where(Trainee.intake_id == Intake.id, Trainee.state == TraineeState.ENROLLED)
        .correlate(Intake)
        .scalar_subquery()
    )


def _waiting() -> Any:
    return (
        select(func.count())
        .where(PlaceRequest.intake_id == Intake.id, PlaceRequest.state == RequestState.WAITING)
        .correlate(Intake)
        .scalar_subquery()
    )


def _joined(query: Any) -> Any:
    return (
        query.join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .join(Organisation, Organisation.id == Site.organisation_id)
    )


def _is_open(actor: Actor, today: date) -> ColumnElement[bool]:
    """Say in SQL which intakes ``actor`` may ask for a place in, and hasn't yet; as ``requests.ask`` decides."""
    organisation = select(Person.organisation_id).where(Person.id == actor.person_id).scalar_subquery()
    listed = exists().where(
        IntakeOrganisation.intake_id == Intake.id, IntakeOrganisation.organisation_id == organisation
    )
    invited = exists().where(Invitation.intake_id == Intake.id, Invitation.person_id == actor.person_id)
    has_place = exists().where(
        Trainee.intake_id == Intake.id, Trainee.person_id == actor.person_id, Trainee.state == TraineeState.ENROLLED
    )
    has_asked = exists().where(
        PlaceRequest.intake_id == Intake.id,
        PlaceRequest.person_id == actor.person_id,
        PlaceRequest.state.in_((RequestState.WITH_HEAD, RequestState.WAITING)),
    )
    return and_(
        Intake.published_at.is_not(None),
        Intake.broken_off_on.is_(None),
        Intake.starts_on > today,
        or_(Intake.requests_until.is_(None), Intake.requests_until >= today),
        or_(Site.ended_on.is_(None), Site.ended_on > Intake.starts_on),
        Programme.site_id.not_in(actor.led_site_ids),
        or_(
            and_(Intake.admission == Admission.MUNICIPALITY, organisation.is_not(None)),
            and_(Intake.admission == Admission.ORGANISATIONS, listed),
            and_(Intake.admission == Admission.INVITATION, invited),
        ),
        ~has_place,
        ~has_asked,
    )


def openings(session: Session, *, actor: Actor, today: date, limit: int, offset: int = 0) -> list[Opening]:
    """Return the intakes in which ``actor`` may ask for a place on the local date ``today``, the nearest first."""
    if actor.person_id is None:
        return []
    present = aliased(Person)
    rows = session.execute(
        _joined(select(Intake, ProgrammeVersion, Site, Organisation, present, _taken(), _waiting()))
        .outerjoin(SiteLeader, and_(SiteLeader.site_id == Site.id, SiteLeader.until.is_(None)))
        .outerjoin(present, present.id == SiteLeader.person_id)
        .where(_is_open(actor, today))
        .order_by(Intake.starts_on, Intake.id)
        .limit(limit)
        .offset(offset)
    )
    return [
        Opening(
            intake_id=intake.id,
            title=version.title,
            annotation=version.annotation,
            note=intake.note,
            direction=site.direction,
            site=organisation.label,
            leader=person.full_name if person else None,
            starts_on=intake.starts_on,
            ends_on=intake.ends_on,
            requests_until=intake.requests_until,
            hours=version.hours,
            capacity=intake.capacity,
            taken=taken,
            waiting=waiting,
            needs_head=intake.needs_head,
            keeps_waiting_list=intake.keeps_waiting_list,
        )
        for intake, version, site, organisation, person, taken, waiting in rows
    ]


def openings_page(session: Session, *, actor: Actor, today: date, asked_page: int | None) -> Page[Opening]:
    """Return one page of ``openings``. Two queries."""
    if actor.person_id is None:
        return Page([], 1, 0)
    total = session.scalar(_joined(select(func.count()).select_from(Intake)).where(_is_open(actor, today))) or 0
    number = page_number(asked_page, total)
    page: Page[Opening] = Page([], number, total)
    items = openings(session, actor=actor, today=today, limit=page.size, offset=(number - 1) * page.size)
    return Page(items, number, total)


def own_requests(session: Session, *, actor: Actor, today: date) -> list[OwnRequest]:
    """Return the actor's newest requests, those under way first. One query."""
    if actor.person_id is None:
        return []
    other = aliased(PlaceRequest)
    ahead = (
        select(func.count())
        .where(
            other.intake_id == PlaceRequest.intake_id,
            other.state == RequestState.WAITING,
            or_(
                other.queued_at < PlaceRequest.queued_at,
                and_(other.queued_at == PlaceRequest.queued_at, other.id < PlaceRequest.id),
            ),
        )
        .correlate(PlaceRequest)
        .scalar_subquery()
    )
    rows = session.execute(
        _joined(
            select(PlaceRequest, Intake, ProgrammeVersion.title, Organisation, Trainee.state, ahead).join(
                Intake, Intake.id == PlaceRequest.intake_id
            )
        )
        .outerjoin(Trainee, Trainee.id == PlaceRequest.trainee_id)
        .where(PlaceRequest.person_id == actor.person_id)
        .order_by(PlaceRequest.closed_at.is_not(None), PlaceRequest.asked_at.desc(), PlaceRequest.id)
        .limit(OWN_SHOWN)
    )
    return [
        OwnRequest(
            request_id=request.id,
            intake_id=intake.id,
            title=title,
            site=organisation.label,
            starts_on=intake.starts_on,
            ends_on=intake.ends_on,
            state=request.state,
            asked_at=request.asked_at,
            reason=request.reason,
            ahead=before,
            has_left=place is TraineeState.LEFT,
            may_withdraw=_may_withdraw(request, intake, place, today),
        )
        for request, intake, title, organisation, place, before in rows
    ]


def _may_withdraw(request: PlaceRequest, intake: Intake, place: TraineeState | None, today: date) -> bool:
    if request.state in (RequestState.WITH_HEAD, RequestState.WAITING):
        return True
    return place is TraineeState.ENROLLED and intake.starts_on > today


def _is_to_confirm(actor: Actor, today: date) -> ColumnElement[bool]:
    """Say in SQL whose requests ``actor`` decides: as the head, and as the centre where nobody is on the list."""
    present = and_(OrganisationHead.organisation_id == Person.organisation_id, in_office(today))
    theirs: ColumnElement[bool] = exists().where(present, OrganisationHead.person_id == actor.person_id)
    if actor.may(Permission.KEEP_PEOPLE):
        theirs = or_(theirs, ~exists().where(present))
    return and_(PlaceRequest.state == RequestState.WITH_HEAD, Intake.starts_on > today, theirs)


def count_to_confirm(session: Session, *, actor: Actor, today: date) -> int:
    """Return how many requests wait for the actor's word. One query."""
    return (
        session.scalar(
            select(func.count())
            .select_from(PlaceRequest)
            .join(Intake, Intake.id == PlaceRequest.intake_id)
            .join(Person, Person.id == PlaceRequest.person_id)
            .where(_is_to_confirm(actor, today))
        )
        or 0
    )


def heads_anything(session: Session, *, actor: Actor, today: date) -> Sequence[str]:
    """Return the organisations that ``actor`` heads, by name."""
    rows = session.scalars(
        select(Organisation)
        .join(OrganisationHead, OrganisationHead.organisation_id == Organisation.id)
        .where(OrganisationHead.person_id == actor.person_id, in_office(today))
        .order_by(Organisation.name)
    )
    return [row.label for row in rows]


def to_confirm(session: Session, *, actor: Actor, today: date, asked_page: int | None) -> Page[ToConfirm]:
    """Return one page of the requests that wait for the actor's word, the soonest start first. Two queries."""
    total = count_to_confirm(session, actor=actor, today=today)
    number = page_number(asked_page, total)
    page: Page[ToConfirm] = Page([], number, total)
    of_person = aliased(Organisation)
    rows = session.execute(
        _joined(
            select(PlaceRequest, Person, of_person, Intake, ProgrammeVersion, Organisation, _taken())
            .select_from(PlaceRequest)
            .join(Intake, Intake.id == PlaceRequest.intake_id)
        )
        .join(Person, Person.id == PlaceRequest.person_id)
        .outerjoin(of_person, of_person.id == Person.organisation_id)
        .where(_is_to_confirm(actor, today))
        .order_by(Intake.starts_on, PlaceRequest.asked_at, PlaceRequest.id)
        .limit(page.size)
        .offset((number - 1) * page.size)
    )
    items = [
        ToConfirm(
            request_id=request.id,
            person=person.full_name,
            position=person.position,
            organisation=own.label if own else "",
            title=version.title,
            site=organisation.label,
            starts_on=intake.starts_on,
            ends_on=intake.ends_on,
            hours=version.hours,
            free=max(0, intake.capacity - taken),
            asked_at=request.asked_at,
        )
        for request, person, own, intake, version, organisation, taken in rows
    ]
    return Page(items, number, total)
