"""How full an intake is and who has, wants or lost a place in it: for its leader, the centre, and as a workbook."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, null, select, type_coerce
from sqlalchemy.orm import Session, joinedload

from lti_app.core.errors import NotFound
from lti_app.core.paging import Page, page_number
from lti_app.core.permissions import Actor, Permission
from lti_app.core.types import UtcDateTime
from lti_app.intakes.models import Intake, Invitation, PlaceRequest, RequestState, Trainee, TraineeState
from lti_app.intakes.waiting import require_keeper
from lti_app.people.models import Organisation, Person
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site


class Standing(enum.StrEnum):
    """Name the lists of an intake."""

    ENROLLED = "enrolled"
    WAITING = "waiting"
    WITH_HEAD = "with_head"
    CLOSED = "closed"
    LEFT = "left"


PLACES = {Standing.ENROLLED: TraineeState.ENROLLED, Standing.LEFT: TraineeState.LEFT}
REQUESTS = {
    Standing.WAITING: (RequestState.WAITING,),
    Standing.WITH_HEAD: (RequestState.WITH_HEAD,),
    Standing.CLOSED: (RequestState.DECLINED, RequestState.WITHDRAWN, RequestState.LAPSED),
}


@dataclass(frozen=True)
class Fullness:
    """Count who stands on which list of an intake."""

    capacity: int
    lists: dict[Standing, int]

    @property
    def taken(self) -> int:
        """Return how many places somebody has."""
        return self.lists[Standing.ENROLLED]

    @property
    def free(self) -> int:
        """Return how many places nobody has."""
        return max(0, self.capacity - self.taken)


@dataclass(frozen=True)
class PlaceLine:
    """Show a person on one of the lists. ``number`` counts from 1, on the waiting list in its order."""

    number: int
    name: str
    organisation: str
    position: str | None
    state: str
    since: datetime
    reason: str | None
    trainee_id: int | None


def intake_to_fill(session: Session, intake_id: int, *, actor: Actor) -> Intake:
    """Return an intake whose list ``actor`` keeps, with programme and site. Raises NotFound, Forbidden."""
    intake = _intake(session, intake_id)
    require_keeper(actor, intake)
    return intake


def intake_to_see(session: Session, intake_id: int, *, actor: Actor) -> Intake:
    """Return an intake that ``actor`` may look at: centre and council any, a leader those of sites led."""
    actor.require(Permission.SEE_INTAKES)
    intake = _intake(session, intake_id)
    if not actor.may(Permission.SEE_LISTS):
        actor.require_site(intake.version.programme.site_id)
    return intake


def _intake(session: Session, intake_id: int) -> Intake:
    to_site = joinedload(Intake.version).joinedload(ProgrammeVersion.programme).joinedload(Programme.site)
    intake = session.get(Intake, intake_id, options=[to_site.joinedload(Site.organisation), joinedload(Intake.moodle)])
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    return intake


def fullness_of(session: Session, intake: Intake) -> Fullness:
    """Count places and requests. Two queries."""
    places = _counts(session, Trainee, intake.id)
    requests = _counts(session, PlaceRequest, intake.id)
    lists = {standing: places.get(state, 0) for standing, state in PLACES.items()}
    lists |= {standing: sum(requests.get(state, 0) for state in states) for standing, states in REQUESTS.items()}
    return Fullness(intake.capacity, lists)


def _counts(session: Session, model: type[Trainee | PlaceRequest], intake_id: int) -> dict[Any, int]:
    rows = session.execute(select(model.state, func.count()).where(model.intake_id == intake_id).group_by(model.state))
    return {row[0]: row[1] for row in rows}


def lines_page(
    session: Session, intake: Intake, standing: Standing, *, asked_page: int | None, total: int
) -> Page[PlaceLine]:
    """Return one page of one of an intake's lists. One query."""
    number = page_number(asked_page, total)
    page: Page[PlaceLine] = Page([], number, total)
    offset = (number - 1) * page.size
    return Page(_lines(session, intake.id, standing, limit=page.size, offset=offset), number, total)


def all_lines(session: Session, intake: Intake) -> list[PlaceLine]:
    """Return everybody on all lists, list by list. A query for each list."""
    return [line for standing in Standing for line in _lines(session, intake.id, standing)]


def _lines(
    session: Session, intake_id: int, standing: Standing, *, limit: int | None = None, offset: int = 0
) -> list[PlaceLine]:
    query = _places(standing) if standing in PLACES else _requests(standing)
    rows = session.execute(query(intake_id).limit(limit).offset(offset))
    return [
        PlaceLine(
            number=offset + place,
            name=person.full_name,
            organisation=organisation.label if organisation else "",
            position=person.position,
            state=state.value,
            since=since,
            reason=reason,
            trainee_id=trainee_id,
        )
        for place, (person, organisation, state, since, reason, trainee_id) in enumerate(rows, start=1)
    ]


def _places(standing: Standing) -> Any:
    since = Trainee.enrolled_at if standing is Standing.ENROLLED else Trainee.left_at

    def query(intake_id: int) -> Any:
        return (
            select(Person, Organisation, Trainee.state, since, null(), Trainee.id)
            .join(Trainee, Trainee.person_id == Person.id)
            .outerjoin(Organisation, Organisation.id == Person.organisation_id)
            .where(Trainee.intake_id == intake_id, Trainee.state == PLACES[standing])
            .order_by(Person.last_name, Person.first_name, Person.id)
        )

    return query


def _requests(standing: Standing) -> Any:
    since = type_coerce(
        func.coalesce(PlaceRequest.closed_at, PlaceRequest.queued_at, PlaceRequest.asked_at), UtcDateTime
    )

    def query(intake_id: int) -> Any:
        return (
            select(Person, Organisation, PlaceRequest.state, since, PlaceRequest.reason, null())
            .join(PlaceRequest, PlaceRequest.person_id == Person.id)
            .outerjoin(Organisation, Organisation.id == Person.organisation_id)
            .where(PlaceRequest.intake_id == intake_id, PlaceRequest.state.in_(REQUESTS[standing]))
            .order_by(PlaceRequest.queued_at, PlaceRequest.id)
        )

    return query


def invited_people(session: Session, intake_id: int) -> Sequence[Person]:
    """Return who may ask for a place in an intake by invitation, by name. One query."""
    return session.scalars(
        select(Person)
        .join(Invitation, Invitation.person_id == Person.id)
        .where(Invitation.intake_id == intake_id)
        .order_by(Person.last_name, Person.first_name, Person.id)
    ).all()
