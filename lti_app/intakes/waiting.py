"""Places and the list of those who wait for one: given strictly in order, never past capacity, never after the start.

Whoever changes places or capacity locks the intake's row first (``locked_intake``), and then lets ``fill`` give away
what became free. The order is that of ``queued_at``: the moment of the head's confirmation where one is needed, else
the moment of asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, exists, func, or_, select, text
from sqlalchemy.orm import Session, joinedload

from lti_app.core import saving
from lti_app.core.errors import NotFound, Text
from lti_app.core.permissions import SYSTEM, Actor, Permission
from lti_app.core.words import in_municipal_language
from lti_app.intakes.courses import place_elsewhere_in_course
from lti_app.intakes.models import (
    OPEN_REQUESTS,
    UNDER_WAY,
    Intake,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeState,
)
from lti_app.intakes.service import save_trainee
from lti_app.intakes.telling import tell_asker
from lti_app.people.models import Person
from lti_app.programmes.models import Programme, ProgrammeVersion

HAS_PLACE_ELSEWHERE = _l("You have a place in another intake with the same course.")


def local_day(now: datetime, zone: ZoneInfo) -> date:
    """Return the municipality's date at ``now``."""
    return now.astimezone(zone).date()


def locked_intake(session: Session, intake_id: int) -> Intake:
    """Return the intake as it is now, locked until the transaction ends. Raises NotFound.

    The others of its Moodle course are locked with it, in the order of their ids: nobody gets a place in two of them.
    """
    course = session.execute(select(Intake.moodle_id, Intake.course_id).where(Intake.id == intake_id)).one_or_none()
    if course is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    meant = Intake.id == intake_id
    if course.course_id is not None:
        meant = or_(meant, and_(Intake.moodle_id == course.moodle_id, Intake.course_id == course.course_id))
    rows = session.scalars(
        select(Intake)
        .where(meant)
        .options(joinedload(Intake.version).joinedload(ProgrammeVersion.programme).joinedload(Programme.site))
        .order_by(Intake.id)
        .with_for_update(of=Intake, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    return next(row for row in rows if row.id == intake_id)


def require_keeper(actor: Actor, intake: Intake) -> None:
    """Raise Forbidden unless ``actor`` may say who has a place: the leader of the site, or the centre by its lists."""
    actor.require(Permission.FILL_PLACES)
    if not actor.may(Permission.KEEP_PEOPLE):
        actor.require_site(intake.version.programme.site_id)


def is_over_for_requests(intake: Intake, today: date) -> bool:
    """Tell whether no place is given to who asks any more: the intake has begun, isn't published or was broken off."""
    ended_on = intake.version.programme.site.ended_on
    return (
        intake.published_at is None
        or intake.broken_off_on is not None
        or intake.starts_on <= today
        or (ended_on is not None and ended_on <= intake.starts_on)
    )


def places_taken(session: Session, intake_id: int) -> int:
    """Return how many hold a place."""
    taken = session.scalar(
        select(func.count()).where(Trainee.intake_id == intake_id, Trainee.state == TraineeState.ENROLLED)
    )
    return taken or 0


def fill(
    session: Session,
    intake: Intake,
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
    asked: Sequence[PlaceRequest] = (),
) -> list[PlaceRequest]:
    """Give free places to those who wait, in their order; return the requests that were granted.

    ``intake`` is locked. ``asked`` are requests of this very step: the others that get a place are promoted, and told
    so. Requests of people who got a place by other means are closed first.
    """
    granted = _close_held(session, intake, actor=actor, now=now)
    if is_over_for_requests(intake, local_day(now, zone)):
        return granted
    free = intake.capacity - places_taken(session, intake.id)
    while free > 0:
        next_ones = _next_waiting(session, intake.id, free)
        if not next_ones:
            break
        people = [request.person_id for request in next_ones]
        elsewhere = place_elsewhere_in_course(session, intake, people)
        former = _former_places(session, intake.id, people)
        for request in next_ones:
            if request.person_id in elsewhere:
                close_request(
                    session,
                    request,
                    RequestState.DECLINED,
                    action="decline_request",
                    reason=HAS_PLACE_ELSEWHERE,
                    actor=SYSTEM,
                    now=now,
                )
                tell_asker(session, request, "place_declined", now=now)
                continue
            _grant(session, intake, request, former.get(request.person_id), actor=actor, now=now)
            tell_asker(session, request, "place_granted" if request in asked else "place_promoted", now=now)
            granted.append(request)
            free -= 1
    return granted


def _next_waiting(session: Session, intake_id: int, most: int) -> Sequence[PlaceRequest]:
    return session.scalars(
        select(PlaceRequest)
        .where(PlaceRequest.intake_id == intake_id, PlaceRequest.state == RequestState.WAITING)
        .options(joinedload(PlaceRequest.person), joinedload(PlaceRequest.intake).joinedload(Intake.version))
        .order_by(PlaceRequest.queued_at, PlaceRequest.id)
        .limit(most)
    ).all()


def _former_places(session: Session, intake_id: int, people: Iterable[int]) -> dict[int, Trainee]:
    rows = session.scalars(select(Trainee).where(Trainee.intake_id == intake_id, Trainee.person_id.in_(list(people))))
    return {row.person_id: row for row in rows}


def _grant(
    session: Session, intake: Intake, request: PlaceRequest, former: Trainee | None, *, actor: Actor, now: datetime
) -> None:
    person: Person = request.person
    trainee, _saved = save_trainee(
        session, former, intake=intake, person=person, state=TraineeState.ENROLLED, actor=actor, now=now
    )
    values = {"state": RequestState.GRANTED, "trainee_id": trainee.id, "closed_at": now}
    saving.change(session, request, values, actor=actor, now=now, action="grant_place")


def _close_held(session: Session, intake: Intake, *, actor: Actor, now: datetime) -> list[PlaceRequest]:
    """Close the requests of people who got their place by other means: by a list, or from the course."""
    rows = session.execute(
        select(PlaceRequest, Trainee.id)
        .join(Trainee, and_(Trainee.intake_id == PlaceRequest.intake_id, Trainee.person_id == PlaceRequest.person_id))
        .where(
            PlaceRequest.intake_id == intake.id,
            PlaceRequest.state.in_(OPEN_REQUESTS),
            Trainee.state == TraineeState.ENROLLED,
        )
        .options(joinedload(PlaceRequest.intake).joinedload(Intake.version))
        .order_by(PlaceRequest.id)
    ).all()
    for request, trainee_id in rows:
        values = {"state": RequestState.GRANTED, "trainee_id": trainee_id, "closed_at": now}
        saving.change(session, request, values, actor=actor, now=now, action="grant_place")
        tell_asker(session, request, "place_granted", now=now)
    return [request for request, _trainee_id in rows]


def close_request(
    session: Session,
    request: PlaceRequest,
    state: RequestState,
    *,
    action: str,
    reason: Text | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Close a request without a place: declined, withdrawn or lapsed."""
    values = {
        "state": state,
        "closed_at": now,
        "trainee_id": None,
        "reason": None if reason is None else in_municipal_language(reason),
    }
    saving.change(session, request, values, actor=actor, now=now, action=action)


def lapse_requests(session: Session, *, zone: ZoneInfo, now: datetime) -> int:
    """Close the requests still open on the local day of their intake's start, and tell who asked; return how many.

    Safe to repeat. One query where there is nothing to close.
    """
    is_open = exists().where(PlaceRequest.intake_id == Intake.id, text(UNDER_WAY))
    begun = select(Intake.id).where(Intake.starts_on <= local_day(now, zone), is_open).order_by(Intake.id)
    lapsed = 0
    for intake_id in session.scalars(begun).all():
        intake = locked_intake(session, intake_id)
        _close_held(session, intake, actor=SYSTEM, now=now)
        for request in session.scalars(
            select(PlaceRequest)
            .where(PlaceRequest.intake_id == intake.id, PlaceRequest.state.in_(OPEN_REQUESTS))
            .options(joinedload(PlaceRequest.intake).joinedload(Intake.version))
            .order_by(PlaceRequest.id)
        ).all():
            close_request(session, request, RequestState.LAPSED, action="lapse_request", actor=SYSTEM, now=now)
            tell_asker(session, request, "place_lapsed", now=now)
            lapsed += 1
    return lapsed
