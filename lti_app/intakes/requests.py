"""Asking for a place for oneself, taking the request back, and the head's word on it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.courses import place_elsewhere_in_course
from lti_app.intakes.models import (
    OPEN_REQUESTS,
    Admission,
    Intake,
    IntakeOrganisation,
    Invitation,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeState,
)
from lti_app.intakes.service import save_trainee
from lti_app.intakes.telling import tell_asker, tell_head
from lti_app.intakes.waiting import (
    close_request,
    fill,
    is_over_for_requests,
    local_day,
    locked_intake,
    places_taken,
)
from lti_app.people.heads import head_on
from lti_app.people.models import Person
from lti_app.sites.service import leaders_now_or_later

LONGEST_REASON = 500


def ask(session: Session, intake_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo) -> PlaceRequest:
    """Ask for a place for oneself; asked again after the request was closed, the same row is used.

    The request goes to the head where the intake needs one's word, else it gets a free place at once, or waits. A head
    needs nobody's word. Raises NotFound, Forbidden to whom the intake isn't open, Conflict where no place can be asked
    for: too late, full without a waiting list, asked already, a place held, the site's leader.
    """
    actor.require(Permission.ASK_FOR_PLACE)
    person = session.get_one(Person, actor.require_person())
    intake = locked_intake(session, intake_id)
    today = local_day(now, zone)
    _require_open(session, intake, person, today)
    known = session.scalar(
        select(PlaceRequest).where(PlaceRequest.intake_id == intake.id, PlaceRequest.person_id == person.id)
    )
    _require_no_place(session, intake, person, known, today)
    require_room_or_list(session, intake)
    head = head_on(session, person.organisation_id, today)
    head_id = head.id if head is not None else None
    needs_head = intake.needs_head and head_id != person.id
    request = put_request(
        session,
        known,
        intake=intake,
        person=person,
        state=RequestState.WITH_HEAD if needs_head else RequestState.WAITING,
        queued_at=None if needs_head else now,
        actor=actor,
        now=now,
        action="ask_for_place",
    )
    if needs_head:
        tell_head(session, request, head_id, now=now)
        return request
    _place_or_wait(session, intake, request, actor=actor, now=now, zone=zone)
    return request


def standing_request(session: Session, intake_id: int, *, actor: Actor) -> PlaceRequest | None:
    """Return the actor's own request for a place in an intake if it waits or has its place, else None."""
    return session.scalar(
        select(PlaceRequest).where(
            PlaceRequest.intake_id == intake_id,
            PlaceRequest.person_id == actor.require_person(),
            PlaceRequest.state.in_((*OPEN_REQUESTS, RequestState.GRANTED)),
        )
    )


def put_request(
    session: Session,
    known: PlaceRequest | None,
    *,
    intake: Intake,
    person: Person,
    state: RequestState,
    queued_at: datetime | None,
    actor: Actor,
    now: datetime,
    action: str,
) -> PlaceRequest:
    """Begin a request, or begin the known one anew; what it said before stands in the history."""
    values = {
        "state": state,
        "asked_at": now,
        "asked_by": actor.name[:200],
        "queued_at": queued_at,
        "head_decided_at": None,
        "head_decided_by": None,
        "closed_at": None,
        "reason": None,
        "trainee_id": None,
    }
    if known is not None:
        saving.change(session, known, values, actor=actor, now=now, action=action)
        return known
    request = PlaceRequest(intake_id=intake.id, person_id=person.id, **values)
    saving.add(session, request, actor=actor, now=now, action=action)
    return request


def _require_open(session: Session, intake: Intake, person: Person, today: date) -> None:
    if intake.published_at is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    if is_over_for_requests(intake, today):
        raise Conflict(
            "requests_are_over",
            _l("Places in this intake can't be asked for any more: it has begun, or it was called off."),
            remedy=_l("Look for an intake that has not begun yet."),
        )
    if intake.requests_until is not None and today > intake.requests_until:
        raise Conflict(
            "requests_are_over",
            _l("The last day to ask for a place was %(day)s.", day=f"{intake.requests_until:%d.%m.%Y}"),
            remedy=_l("Ask the leader of the site, or look for another intake."),
        )
    if not is_admitted(session, intake, person):
        raise Forbidden(
            "not_admitted",
            _l("This intake is not open to you."),
            remedy=_ADMISSION_REMEDIES[intake.admission],
        )


_ADMISSION_REMEDIES = {
    Admission.MUNICIPALITY: _l("Ask the methodical centre to write your organisation into the list of people."),
    Admission.ORGANISATIONS: _l("It is open to people of certain organisations. Ask the leader of the site."),
    Admission.INVITATION: _l("It is open to people whom the leader of the site has invited."),
}


def is_admitted(session: Session, intake: Intake, person: Person) -> bool:
    """Tell whether the intake is open to a person: by the municipality, the organisation or an invitation."""
    match intake.admission:
        case Admission.MUNICIPALITY:
            return person.organisation_id is not None
        case Admission.ORGANISATIONS:
            found = session.scalar(
                select(IntakeOrganisation.intake_id).where(
                    IntakeOrganisation.intake_id == intake.id,
                    IntakeOrganisation.organisation_id == person.organisation_id,
                )
            )
        case Admission.INVITATION:
            found = session.scalar(
                select(Invitation.id).where(Invitation.intake_id == intake.id, Invitation.person_id == person.id)
            )
    return found is not None


def _require_no_place(
    session: Session, intake: Intake, person: Person, known: PlaceRequest | None, today: date
) -> None:
    if person.id in leaders_now_or_later(session, intake.version.programme.site_id, today):
        raise Conflict(
            "leader_of_the_site",
            _l("You lead this site and would confirm your own hours."),
            remedy=_l("Look for an intake of another site."),
            clause="4.1",
        )
    held = session.scalar(
        select(Trainee.id).where(
            Trainee.intake_id == intake.id, Trainee.person_id == person.id, Trainee.state == TraineeState.ENROLLED
        )
    )
    if held is not None:
        raise Conflict("has_place", _l("You have a place in this intake already."))
    if known is not None and known.state in OPEN_REQUESTS:
        raise Conflict(
            "asked_already",
            _l("You have asked for a place in this intake already."),
            remedy=_l("Among your requests it says what is being waited for."),
        )
    if elsewhere := place_elsewhere_in_course(session, intake, [person.id]):
        raise Conflict(
            "second_place",
            _l("You have a place in the intake %(other)s, with the same course.", other=elsewhere[person.id]),
            remedy=_l("Give that place up first if you would rather have this one."),
        )


def require_room_or_list(session: Session, intake: Intake, more: int = 1) -> None:
    """Raise Conflict where fewer than ``more`` places are free and the intake keeps no waiting list."""
    free = intake.capacity - places_taken(session, intake.id)
    if more <= free or intake.keeps_waiting_list:
        return
    raise Conflict(
        "no_place_free",
        _l("Free places in this intake: %(free)s. It keeps no waiting list.", free=max(free, 0)),
        remedy=_l("Look for another intake, or ask the leader of the site to raise the number of places."),
    )


def _place_or_wait(
    session: Session, intake: Intake, request: PlaceRequest, *, actor: Actor, now: datetime, zone: ZoneInfo
) -> None:
    fill(session, intake, actor=actor, now=now, zone=zone, asked=[request])
    if request.state is RequestState.WAITING:
        tell_asker(session, request, "place_waiting", now=now)


def withdraw(session: Session, request_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo) -> PlaceRequest:
    """Take one's own request back, and before the start the place with it: it goes to the next who waits.

    Raises NotFound for a request of somebody else, Conflict where there is nothing to take back or the intake began.
    """
    actor.require(Permission.ASK_FOR_PLACE)
    person_id = actor.require_person()
    request, intake = _locked_request(session, request_id)
    if request.person_id != person_id:
        raise _no_such_request()
    place = request.trainee
    is_held = place is not None and place.state is TraineeState.ENROLLED
    if request.state not in OPEN_REQUESTS and not is_held:
        raise Conflict("request_closed", _l("This request is closed already."))
    if is_held and intake.starts_on <= local_day(now, zone):
        raise Conflict(
            "intake_has_begun",
            _l("The intake has begun: a place can't be given back here any more."),
            remedy=_l("Tell the leader of the site that you leave."),
        )
    close_request(session, request, RequestState.WITHDRAWN, action="withdraw_request", actor=actor, now=now)
    if place is not None and is_held:
        save_trainee(session, place, intake=intake, person=place.person, state=TraineeState.LEFT, actor=actor, now=now)
    fill(session, intake, actor=actor, now=now, zone=zone)
    return request


def confirm(session: Session, request_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo) -> PlaceRequest:
    """Say as the head that one's teacher may learn: the request gets a free place, or waits from this moment on.

    Of an organisation without a head on the list the centre says it. Raises NotFound for whose head one is not,
    Conflict where it is decided already, the intake began, or is full and keeps no waiting list.
    """
    request, intake = _to_decide(session, request_id, actor=actor, now=now, zone=zone)
    if is_over_for_requests(intake, local_day(now, zone)):
        raise Conflict(
            "intake_has_begun",
            _l("The intake has begun or was called off: no place can be given any more."),
            remedy=_l("The request is closed by itself."),
        )
    require_room_or_list(session, intake)
    values = {
        "state": RequestState.WAITING,
        "queued_at": now,
        "head_decided_at": now,
        "head_decided_by": actor.name[:200],
    }
    saving.change(session, request, values, actor=actor, now=now, action="confirm_request")
    _place_or_wait(session, intake, request, actor=actor, now=now, zone=zone)
    return request


def decline(
    session: Session, request_id: int, *, reason: str, actor: Actor, now: datetime, zone: ZoneInfo
) -> PlaceRequest:
    """Decline a request as the head, with a reason that the person is told. Raises as ``confirm``; without a reason."""
    request, _intake = _to_decide(session, request_id, actor=actor, now=now, zone=zone)
    said = " ".join(reason.split())
    if not said or len(said) > LONGEST_REASON:
        raise DomainError(
            "no_reason",
            _l("It isn't said why the request is declined.")
            if not said
            else _l("The reason is longer than %(longest)s characters.", longest=LONGEST_REASON),
            remedy=_l("Write it in a few words: the person is told."),
            field="reason",
        )
    values = {
        "state": RequestState.DECLINED,
        "head_decided_at": now,
        "head_decided_by": actor.name[:200],
        "closed_at": now,
        "reason": said,
    }
    saving.change(session, request, values, actor=actor, now=now, action="decline_request")
    tell_asker(session, request, "place_declined", now=now)
    return request


def _to_decide(
    session: Session, request_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo
) -> tuple[PlaceRequest, Intake]:
    actor.require(Permission.CONFIRM_PLACES)
    request, intake = _locked_request(session, request_id)
    head = head_on(session, request.person.organisation_id, local_day(now, zone))
    may = actor.may(Permission.KEEP_PEOPLE) if head is None else head.id == actor.person_id
    if not may:
        raise _no_such_request()
    if request.state is not RequestState.WITH_HEAD:
        raise Conflict(
            "decided_already",
            _l("This request is decided already, or was taken back."),
            remedy=_l("Look at the list as it is now."),
        )
    return request, intake


def _locked_request(session: Session, request_id: int) -> tuple[PlaceRequest, Intake]:
    """Return a request and its intake as they are now, the intake's row locked first. Raises NotFound."""
    intake_id = session.scalar(select(PlaceRequest.intake_id).where(PlaceRequest.id == request_id))
    if intake_id is None:
        raise _no_such_request()
    intake = locked_intake(session, intake_id)
    request = session.get_one(PlaceRequest, request_id, populate_existing=True)
    return request, intake


def _no_such_request() -> NotFound:
    return NotFound("no_such_request", _l("There is no such request, or it is not yours to decide."))
