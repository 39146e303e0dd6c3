"""People put on an intake's list by its leader or the centre, people invited to ask, and people who left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import Conflict, DomainError, NotFound, Text
from lti_app.core.permissions import Actor
from lti_app.intakes.courses import place_elsewhere_in_course
from lti_app.intakes.models import (
    Admission,
    Intake,
    Invitation,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeState,
)
from lti_app.intakes.requests import put_request, require_room_or_list
from lti_app.intakes.service import save_trainee
from lti_app.intakes.telling import tell_asker, tell_invited
from lti_app.intakes.waiting import fill, is_over_for_requests, local_day, locked_intake, require_keeper
from lti_app.people.models import Person
from lti_app.sites.service import leaders_now_or_later

MOST_AT_ONCE = 300


@dataclass
class Listed:
    """Say what became of the people on a list: names, and for who was left out why."""

    granted: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    left_out: list[tuple[str, Text]] = field(default_factory=list)


def add_people(
    session: Session, intake_id: int, person_ids: Sequence[int], *, actor: Actor, now: datetime, zone: ZoneInfo
) -> Listed:
    """Give people places in the order given; once none is free, the rest waits in that order. No head is asked.

    Who has a place, here or in the same course, waits already or leads the site is left out, and it is said why.
    Raises NotFound, Forbidden, DomainError where nobody is chosen; Conflict where the intake isn't published (4.2) or
    has begun, or where not all find a place and it keeps no waiting list: then nobody is added.
    """
    intake = locked_intake(session, intake_id)
    require_keeper(actor, intake)
    today = local_day(now, zone)
    _require_fillable(intake, today)
    people = _people(session, person_ids)
    listed = Listed()
    newcomers = _newcomers(session, intake, people, listed, today)
    require_room_or_list(session, intake, len(newcomers))
    requests = _requests_of(session, intake.id, [person.id for person in newcomers])
    added = [
        put_request(
            session,
            requests.get(person.id),
            intake=intake,
            person=person,
            state=RequestState.WAITING,
            queued_at=now + timedelta(microseconds=place),  # the order of the list
            actor=actor,
            now=now,
            action="list_person",
        )
        for place, person in enumerate(newcomers)
    ]
    fill(session, intake, actor=actor, now=now, zone=zone, asked=added)
    for request, person in zip(added, newcomers, strict=True):
        is_waiting = request.state is RequestState.WAITING
        (listed.waiting if is_waiting else listed.granted).append(person.full_name)
        if is_waiting:
            tell_asker(session, request, "place_waiting", now=now)
    return listed


def _require_fillable(intake: Intake, today: date) -> None:
    if intake.published_at is None:
        raise Conflict(
            "intake_not_published",
            _l("This intake is not published yet."),
            remedy=_l("Places are given once it is published on a programme that the council approved."),
            clause="4.2",
        )
    if is_over_for_requests(intake, today):
        raise Conflict(
            "intake_has_begun",
            _l("The intake has begun or was called off: no place can be given any more."),
            remedy=_l("Who came into the course later is offered on the page of the intake."),
        )


def _people(session: Session, person_ids: Iterable[int]) -> list[Person]:
    wanted = list(dict.fromkeys(person_ids))
    if not wanted:
        raise DomainError(
            "nobody_chosen", _l("Nobody is chosen."), remedy=_l("Choose whom it is about."), field="person"
        )
    if len(wanted) > MOST_AT_ONCE:
        raise DomainError(
            "too_many_people",
            _l("More than %(most)s people are chosen.", most=MOST_AT_ONCE),
            remedy=_l("Add them in several steps."),
            field="person",
        )
    found = {person.id: person for person in session.scalars(select(Person).where(Person.id.in_(wanted)))}
    if len(found) != len(wanted):
        raise NotFound("no_such_person_here", _l("Somebody chosen is not on the list of people."))
    return [found[person_id] for person_id in wanted]


def _newcomers(session: Session, intake: Intake, people: list[Person], listed: Listed, today: date) -> list[Person]:
    ids = [person.id for person in people]
    held = set(
        session.scalars(
            select(Trainee.person_id).where(
                Trainee.intake_id == intake.id, Trainee.state == TraineeState.ENROLLED, Trainee.person_id.in_(ids)
            )
        )
    )
    waiting = {
        person_id
        for person_id, request in _requests_of(session, intake.id, ids).items()
        if request.state is RequestState.WAITING
    }
    leaders = leaders_now_or_later(session, intake.version.programme.site_id, today)
    elsewhere = place_elsewhere_in_course(session, intake, ids)
    newcomers: list[Person] = []
    for person in people:
        if person.id in held:
            listed.left_out.append((person.full_name, _l("has a place already")))
        elif person.id in waiting:
            listed.left_out.append((person.full_name, _l("is on the waiting list already")))
        elif person.id in leaders:
            listed.left_out.append((person.full_name, _l("leads this site (4.1)")))
        elif person.id in elsewhere:
            reason = _l("has a place in the intake %(other)s, with the same course", other=elsewhere[person.id])
            listed.left_out.append((person.full_name, reason))
        else:
            newcomers.append(person)
    return newcomers


def _requests_of(session: Session, intake_id: int, person_ids: Collection[int]) -> dict[int, PlaceRequest]:
    rows = session.scalars(
        select(PlaceRequest).where(PlaceRequest.intake_id == intake_id, PlaceRequest.person_id.in_(list(person_ids)))
    )
    return {row.person_id: row for row in rows}


def say_left(
    session: Session, intake_id: int, trainee_ids: Collection[int], *, actor: Actor, now: datetime, zone: ZoneInfo
) -> list[Trainee]:
    """Say which trainees left; before the start their places go to those who wait. Enrolments end with the night.

    Raises NotFound, Forbidden, DomainError where nobody is chosen, Conflict where the intake is over or somebody
    holds no place in it.
    """
    intake = locked_intake(session, intake_id)
    require_keeper(actor, intake)
    if intake.ends_on < local_day(now, zone):
        raise Conflict("intake_is_over", _l("This intake has ended."), remedy=_l("Places stay as they were."))
    if not trainee_ids:
        raise DomainError(
            "nobody_chosen", _l("Nobody is chosen."), remedy=_l("Choose whom it is about."), field="trainee"
        )
    leaving = session.scalars(
        select(Trainee)
        .where(
            Trainee.id.in_(set(trainee_ids)),
            Trainee.intake_id == intake.id,
            Trainee.state == TraineeState.ENROLLED,
        )
        .order_by(Trainee.id)
    ).all()
    if len(leaving) != len(set(trainee_ids)):
        raise Conflict(
            "list_has_changed",
            _l("The list has changed meanwhile."),
            remedy=_l("Look at the list as it is now, and choose anew."),
            field="trainee",
        )
    for trainee in leaving:
        save_trainee(
            session, trainee, intake=intake, person=trainee.person, state=TraineeState.LEFT, actor=actor, now=now
        )
    fill(session, intake, actor=actor, now=now, zone=zone)
    return list(leaving)


def invite(session: Session, intake_id: int, person_ids: Sequence[int], *, actor: Actor, now: datetime) -> int:
    """Let people ask for a place in an intake that is open by invitation; return how many are new.

    They are told at once where it is published, else once it is.

    Raises NotFound, Forbidden, DomainError where nobody is chosen, Conflict where the intake isn't by invitation.
    """
    intake = locked_intake(session, intake_id)
    require_keeper(actor, intake)
    if intake.admission is not Admission.INVITATION:
        raise Conflict(
            "not_by_invitation",
            _l("Nobody has to be invited: the intake is open to more people than that."),
            remedy=_l("Who may ask for a place is said in the settings of the intake."),
        )
    people = _people(session, person_ids)
    known = set(session.scalars(select(Invitation.person_id).where(Invitation.intake_id == intake.id)))
    new = [person for person in people if person.id not in known]
    for person in new:
        row = Invitation(intake_id=intake.id, person_id=person.id, invited_at=now)
        saving.add(session, row, actor=actor, now=now, action="invite_person")
        changes = {"invited": [None, person.full_name]}
        audit.record(session, actor=actor, now=now, action="invite_person", on=intake, changes=changes)
    if new and intake.published_at is not None:
        session.flush()
        tell_invited(session, intake, now=now)
    return len(new)
