"""Arrivals at a meeting on site: by the code on the host's screen, or marked by the host. Only the leader confirms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.db import insert_for
from lti_app.core.errors import Conflict, DomainError, Forbidden
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.arrival_codes import Codes, arrivals_from
from lti_app.meetings.hosts import is_host
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest
from lti_app.meetings.onsite_models import Arrival, ArrivalHow
from lti_app.meetings.service import find_meeting, person_of
from lti_app.people.models import Person


@dataclass(frozen=True)
class Place:
    """Say as what a person may come to a meeting: as a trainee of its intake, or as a guest."""

    trainee_id: int | None = None
    guest_id: int | None = None


@dataclass(frozen=True)
class Expected:
    """Show the host one of those who are awaited; ``at`` and ``how`` where they have come."""

    trainee_id: int | None
    guest_id: int | None
    name: str
    organisation: str | None
    at: datetime | None
    how: ArrivalHow | None

    @property
    def key(self) -> str:
        """Return how forms name them: ``t5``, ``g3``."""
        return f"t{self.trainee_id}" if self.trainee_id is not None else f"g{self.guest_id}"


def place_at(session: Session, meeting: Meeting, person_id: int | None) -> Place | None:
    """Return as what a person may come, or None. An individual meeting is open to its one trainee. Two queries."""
    if person_id is None:
        return None
    trainee_id = session.scalar(
        select(Trainee.id).where(
            Trainee.intake_id == meeting.intake_id,
            Trainee.person_id == person_id,
            Trainee.state == TraineeState.ENROLLED,
        )
    )
    if trainee_id is not None and meeting.only_for_id in (None, trainee_id):
        return Place(trainee_id=trainee_id)
    guest_id = session.scalar(
        select(MeetingGuest.id).where(
            MeetingGuest.meeting_id == meeting.id,
            MeetingGuest.person_id == person_id,
            MeetingGuest.state == GuestState.SIGNED_UP,
        )
    )
    return Place(guest_id=guest_id) if guest_id is not None else None


def arrive(
    session: Session, *, meeting_id: int, person_id: int | None, how: ArrivalHow, at: datetime
) -> tuple[Meeting, Arrival]:
    """Note that a person has come; who has come already keeps the first time. The caller has checked the code.

    Raises NotFound, Forbidden to who has no place at the meeting, Conflict outside of the time for arrivals.
    """
    meeting = find_meeting(session, meeting_id)
    place = _required_place(session, meeting, person_id)
    known = arrival_of(session, meeting, place)
    if known is not None:
        return meeting, known
    require_time(meeting, at)
    _add(session, meeting, place, at=at, how=how)
    return meeting, session.scalars(_of_place(meeting, place)).one()


def arrive_typed(
    session: Session, *, meeting_id: int, code: str, codes: Codes, actor: Actor, now: datetime
) -> tuple[Meeting, Arrival]:
    """Note that the actor has come and typed the screen's digits. Raises as ``arrive``, DomainError for the digits."""
    meeting = find_meeting(session, meeting_id)
    place = _required_place(session, meeting, actor.person_id)
    if arrival_of(session, meeting, place) is None:
        require_time(meeting, now)
        if not codes.is_typed(code, meeting.id, now):
            raise DomainError(
                "arrival_code_wrong",
                _l("This is not the code that the host's screen shows now."),
                remedy=_l("Type the eight digits below the QR code; they change every minute."),
                field="code",
            )
    return arrive(session, meeting_id=meeting.id, person_id=actor.person_id, how=ArrivalHow.TYPED, at=now)


def own_arrival(session: Session, *, meeting_id: int, actor: Actor) -> tuple[Meeting, Arrival]:
    """Return the actor's arrival. Raises NotFound, Forbidden to who has no place, Conflict where they aren't marked."""
    meeting = find_meeting(session, meeting_id)
    place = _required_place(session, meeting, actor.person_id)
    arrival = arrival_of(session, meeting, place)
    if arrival is None:
        raise Conflict(
            "not_arrived",
            _l("You are not marked at this meeting."),
            remedy=_l("Scan the code on the host's screen again, or type its digits on the page of the intake."),
        )
    return meeting, arrival


def arrival_of(session: Session, meeting: Meeting, place: Place) -> Arrival | None:
    """Return the arrival of who has this place, or None."""
    return session.scalar(_of_place(meeting, place))


def hosted_meeting(session: Session, meeting_id: int, *, actor: Actor) -> Meeting:
    """Return a meeting that the actor holds, or whose site they lead. Raises NotFound, Forbidden."""
    meeting = find_meeting(session, meeting_id)
    if not is_host(meeting, actor):
        raise Forbidden(
            "not_your_meeting",
            _l("You do not hold this meeting."),
            remedy=_l("Its host and the leader of the site may show the code and mark who has come."),
            clause="4.1",
        )
    return meeting


def expected_at(session: Session, meeting: Meeting) -> list[Expected]:
    """Return who is awaited at a meeting, by name, with their arrivals; guests last. Two queries."""
    trainees = (
        select(Trainee, Arrival)
        .join(Person, Person.id == Trainee.person_id)
        .outerjoin(Arrival, (Arrival.trainee_id == Trainee.id) & (Arrival.meeting_id == meeting.id))
        .where(Trainee.intake_id == meeting.intake_id, Trainee.state == TraineeState.ENROLLED)
        .options(joinedload(Trainee.person).joinedload(Person.organisation))
    )
    if meeting.only_for_id is not None:
        trainees = trainees.where(Trainee.id == meeting.only_for_id)
    guests = (
        select(MeetingGuest, Arrival)
        .join(Person, Person.id == MeetingGuest.person_id)
        .outerjoin(Arrival, Arrival.guest_id == MeetingGuest.id)
        .where(MeetingGuest.meeting_id == meeting.id, MeetingGuest.state == GuestState.SIGNED_UP)
        .options(joinedload(MeetingGuest.person).joinedload(Person.organisation))
    )
    people = [
        *(_expected(trainee.person, arrival, trainee_id=trainee.id) for trainee, arrival in session.execute(trainees)),
        *(_expected(guest.person, arrival, guest_id=guest.id) for guest, arrival in session.execute(guests)),
    ]
    return sorted(people, key=lambda one: (one.guest_id is not None, one.name.casefold(), one.key))


def _expected(
    person: Person, arrival: Arrival | None, *, trainee_id: int | None = None, guest_id: int | None = None
) -> Expected:
    return Expected(
        trainee_id=trainee_id,
        guest_id=guest_id,
        name=person.full_name,
        organisation=person.organisation.label if person.organisation else None,
        at=arrival.at if arrival else None,
        how=arrival.how if arrival else None,
    )


def arrivals_of(session: Session, trainee_id: int) -> dict[int, datetime]:
    """Return when a trainee came to meetings on site, by the meetings' ids. One query."""
    rows = session.scalars(select(Arrival).where(Arrival.trainee_id == trainee_id))
    return {arrival.meeting_id: arrival.at for arrival in rows}


def mark_arrivals(
    session: Session,
    *,
    meeting_id: int,
    trainee_ids: Collection[int],
    guest_ids: Collection[int] = (),
    actor: Actor,
    now: datetime,
) -> int:
    """Note for people that they have come, by the host's word; return of how many. Said again, it changes nothing.

    Raises NotFound, Forbidden to who neither holds the meeting nor leads its site, Conflict outside of the time for
    arrivals and where somebody has no place any more, DomainError where nobody is chosen.
    """
    meeting = hosted_meeting(session, meeting_id, actor=actor)
    require_time(meeting, now)
    if not trainee_ids and not guest_ids:
        raise DomainError(
            "nobody_arrived", _l("Nobody is ticked."), remedy=_l("Tick those who have come."), field="arrived"
        )
    awaited = expected_at(session, meeting)
    chosen = [one for one in awaited if one.trainee_id in trainee_ids or one.guest_id in guest_ids]
    if len(chosen) != len(set(trainee_ids)) + len(set(guest_ids)):
        raise Conflict(
            "not_awaited",
            _l("Somebody on the list has no place at this meeting any more."),
            remedy=_l("Reload the page and mark anew."),
            field="arrived",
        )
    marked = [one for one in chosen if one.at is None]
    for one in marked:
        _add(
            session,
            meeting,
            Place(one.trainee_id, one.guest_id),
            at=now,
            how=ArrivalHow.HOST,
            marked_by_id=person_of(actor),
        )
    if marked:
        changes = {one.key: [None, now.isoformat()] for one in marked}
        audit.record(session, actor=actor, now=now, action="mark_arrivals", on=meeting, changes=changes)
    return len(marked)


def unmark_arrival(
    session: Session,
    *,
    meeting_id: int,
    trainee_id: int | None = None,
    guest_id: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Take back a mark that a host made by mistake; what somebody's own phone or word told stays.

    Raises NotFound, Forbidden as ``mark_arrivals``, Conflict for an arrival by the code.
    """
    meeting = hosted_meeting(session, meeting_id, actor=actor)
    arrival = arrival_of(session, meeting, Place(trainee_id, guest_id))
    if arrival is None:
        return
    if arrival.how is not ArrivalHow.HOST:
        raise Conflict(
            "arrived_by_code",
            _l("They came by the code themselves; that is not taken back."),
            remedy=_l("Whoever left again: the leader says so when confirming the attendance."),
        )
    key = f"t{trainee_id}" if trainee_id is not None else f"g{guest_id}"
    changes = {key: [arrival.at.isoformat(), None]}
    audit.record(session, actor=actor, now=now, action="unmark_arrival", on=meeting, changes=changes)
    session.delete(arrival)
    session.flush()


def _of_place(meeting: Meeting, place: Place) -> Select[Arrival]:
    is_trainee = place.trainee_id is not None
    mine = Arrival.trainee_id == place.trainee_id if is_trainee else Arrival.guest_id == place.guest_id
    return select(Arrival).where(Arrival.meeting_id == meeting.id, mine)


def _required_place(session: Session, meeting: Meeting, person_id: int | None) -> Place:
    place = place_at(session, meeting, person_id)
    if place is None:
        raise Forbidden(
            "no_place_at_meeting",
            _l("You have no place at this meeting."),
            remedy=_l("Its trainees and those who signed up may come; speak to the host."),
            clause="4.2",
        )
    return place


def require_time(meeting: Meeting, at: datetime) -> None:
    """Raise Conflict unless arrivals are taken at that moment."""
    opens = arrivals_from(meeting)
    if opens is None:
        raise Conflict(
            "no_arrivals",
            _l("Nobody arrives at this meeting: it is held at a distance, or cancelled."),
            remedy=_l("Look at its line in the schedule."),
        )
    if at < opens:
        raise Conflict(
            "arrivals_not_yet",
            _l("Arrivals are noted from half an hour before the meeting."),
            remedy=_l("Come back then."),
        )
    if at >= meeting.ends_at:
        raise Conflict("arrivals_over", _l("This meeting has ended."), remedy=_l("The leader confirms who was there."))


def _add(
    session: Session, meeting: Meeting, place: Place, *, at: datetime, how: ArrivalHow, marked_by_id: int | None = None
) -> None:
    # Two scans at once are one arrival: the second insert does nothing.
    session.execute(
        insert_for(session, Arrival)
        .values(
            meeting_id=meeting.id,
            trainee_id=place.trainee_id,
            guest_id=place.guest_id,
            at=at,
            how=how,
            marked_by_id=marked_by_id,
        )
        .on_conflict_do_nothing()
    )
