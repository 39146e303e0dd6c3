"""Guests of open meetings: places and the list of those who wait, given in order and never after the start.

Whoever changes places or guests locks the meeting's row first (``locked_meeting``), and then lets ``fill`` give away
what became free. Whoever does so at several meetings locks their intakes before, as those do who change a schedule:
else the two could wait for each other. The order is that of ``queued_at``, the moment of signing up. After the start
nothing is given or given back: so somebody waits only where all places are taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import saving
from lti_app.core.errors import Conflict, Forbidden, NotFound
from lti_app.core.permissions import SYSTEM, Actor, Permission
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState
from lti_app.meetings.service import lock_intakes
from lti_app.notices.service import tell
from lti_app.programmes.models import Programme, ProgrammeVersion, VersionState
from lti_app.sites.models import Site
from lti_app.sites.service import leader_of

UNDER_WAY = (GuestState.SIGNED_UP, GuestState.WAITING)
"""A place, or the wish for one."""


def locked_meeting(session: Session, meeting_id: int) -> Meeting:
    """Return the meeting as it is now, with intake, version and site, locked until the transaction ends.

    Joining, which only refers to the row, isn't held up. Raises NotFound.
    """
    meeting = session.scalar(
        select(Meeting)
        .where(Meeting.id == meeting_id)
        .options(
            joinedload(Meeting.topic),
            joinedload(Meeting.intake)
            .joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .joinedload(Site.organisation),
        )
        .with_for_update(of=Meeting, key_share=True)
        .execution_options(populate_existing=True)
    )
    if meeting is None:
        raise NotFound("no_such_meeting", _l("There is no such meeting."))
    return meeting


def may_stand_open(meeting: Meeting) -> bool:
    """Tell whether a meeting is one that others may be let into: of a published, approved intake, for all, planned."""
    intake = meeting.intake
    return (
        meeting.state is MeetingState.PLANNED
        and meeting.only_for_id is None
        and intake.published_at is not None
        and intake.version.state is VersionState.APPROVED
    )


def cancel_until(meeting: Meeting) -> datetime:
    """Return until when a guest may give the place back, in UTC."""
    return meeting.starts_at - timedelta(hours=meeting.cancel_hours)


def is_trainee(session: Session, intake_id: int, person_id: int) -> bool:
    """Tell whether somebody has a place in the intake now."""
    found = session.scalar(
        select(Trainee.id).where(
            Trainee.intake_id == intake_id, Trainee.person_id == person_id, Trainee.state == TraineeState.ENROLLED
        )
    )
    return found is not None


def is_guest(session: Session, meeting_id: int, actor: Actor) -> bool:
    """Tell whether somebody signed up for the meeting and isn't a trainee of its intake."""
    found = session.scalar(
        select(MeetingGuest.id)
        .join(Meeting, Meeting.id == MeetingGuest.meeting_id)
        .where(
            MeetingGuest.meeting_id == meeting_id,
            MeetingGuest.person_id == actor.person_id,
            Meeting.intake_id.not_in(actor.trainee_intake_ids),
        )
    )
    return found is not None


def runs_it(session: Session, meeting: Meeting, person_id: int) -> bool:
    """Tell whether somebody holds the meeting or leads its site, and would give the hours to themselves."""
    leader = leader_of(session, meeting.intake.version.programme.site_id)
    return person_id in (meeting.host_id, leader.id if leader else None)


def sign_up(session: Session, meeting_id: int, *, actor: Actor, now: datetime) -> MeetingGuest:
    """Sign up for an open meeting: a free place, else the end of the waiting list; the same row if done again.

    Raises NotFound where the meeting isn't open, Forbidden to who is on no list, holds it or leads its site, Conflict
    for its own trainees, after its start, and where it is done already.
    """
    actor.require(Permission.ASK_FOR_PLACE)
    person_id = actor.require_person()
    meeting = locked_meeting(session, meeting_id)
    if not meeting.is_open or not may_stand_open(meeting):
        raise NotFound(
            "not_open",
            _l("This meeting is not open to teachers from outside."),
            remedy=_l("Look at the open seminars that are to come."),
        )
    if now >= meeting.starts_at:
        raise Conflict(
            "seminar_begun",
            _l("The seminar has begun: nobody can sign up any more."),
            remedy=_l("Look at the open seminars that are to come."),
        )
    _require_outsider(session, meeting, person_id)
    known = session.scalar(
        select(MeetingGuest).where(MeetingGuest.meeting_id == meeting.id, MeetingGuest.person_id == person_id)
    )
    if known is not None and known.state in UNDER_WAY:
        raise Conflict("signed_up_already", _l("You have signed up for this seminar already."))
    has_room = meeting.guest_places is None or places_taken(session, meeting.id) < meeting.guest_places
    values: dict[str, Any] = {
        "state": GuestState.SIGNED_UP if has_room else GuestState.WAITING,
        "queued_at": now,
        "signed_up_at": now if has_room else None,
        "cancelled_at": None,
    }
    if known is not None:
        saving.change(session, known, values, actor=actor, now=now, action="sign_up_as_guest")
        return known
    guest = MeetingGuest(meeting_id=meeting.id, person_id=person_id, is_credited=False, **values)
    saving.add(session, guest, actor=actor, now=now, action="sign_up_as_guest")
    return guest


def _require_outsider(session: Session, meeting: Meeting, person_id: int) -> None:
    if is_trainee(session, meeting.intake_id, person_id):
        raise Conflict(
            "trainee_of_the_intake",
            _l("You are a trainee of this intake: the meeting is in your schedule anyway."),
            remedy=_l("There is no need to sign up; its hours count in your internship."),
        )
    if runs_it(session, meeting, person_id):
        raise Forbidden(
            "own_seminar",
            _l("You hold this seminar or lead its site, and would give the hours to yourself."),
            remedy=_l("Sign up for a seminar of another site."),
            clause="4.1",
        )


def cancel(session: Session, meeting_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo) -> MeetingGuest:
    """Give one's own place back, or leave the waiting list; the first who waits gets the place.

    Raises NotFound for who hasn't signed up, Conflict from ``cancel_hours`` before the start on (who only waits may
    leave until the start).
    """
    person_id = actor.require_person()
    meeting = locked_meeting(session, meeting_id)
    guest = session.scalar(
        select(MeetingGuest).where(MeetingGuest.meeting_id == meeting.id, MeetingGuest.person_id == person_id)
    )
    if guest is None or guest.state is GuestState.CANCELLED:
        raise NotFound("not_signed_up", _l("You have not signed up for this seminar."))
    _require_before_start(meeting, now)
    until = cancel_until(meeting)
    if guest.state is GuestState.SIGNED_UP and now > until:
        leader = leader_of(session, meeting.intake.version.programme.site_id)
        raise Conflict(
            "too_late_to_cancel",
            _l("The place could be given back until %(moment)s.", moment=_local(until, zone)),
            remedy=_l("Tell the leader that you are not coming: %(name)s.", name=leader.full_name)
            if leader
            else _l("Tell the leader of the site that you are not coming."),
        )
    _let_go(session, guest, action="cancel_as_guest", actor=actor, now=now)
    fill(session, meeting, now=now, zone=zone)
    return guest


def take_off(session: Session, guest_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo) -> MeetingGuest:
    """Take a guest off before the start, who is told; the first who waits gets the place.

    Raises NotFound, Forbidden to who does not lead the site (4.1), Conflict from the start on, or done already.
    """
    known = session.get(MeetingGuest, guest_id)
    if known is None:
        raise NotFound("no_such_guest", _l("There is no such guest."))
    meeting = locked_meeting(session, known.meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    guest = session.get_one(MeetingGuest, guest_id, populate_existing=True)
    if guest.state is GuestState.CANCELLED:
        raise Conflict(
            "not_signed_up_any_more",
            _l("This guest has cancelled already."),
            remedy=_l("Reload the page to see how things stand."),
        )
    _require_before_start(meeting, now)
    _let_go(session, guest, action="take_guest_off", actor=actor, now=now)
    tell_guest(session, meeting, guest, "seminar_taken_off", now=now, zone=zone)
    fill(session, meeting, now=now, zone=zone)
    return guest


def let_all_go(session: Session, meeting: Meeting, *, actor: Actor, now: datetime, zone: ZoneInfo) -> int:
    """Take everybody off a meeting that is closed to others, and tell them; return how many."""
    guests = under_way(session, meeting.id)
    for guest in guests:
        _let_go(session, guest, action="take_guest_off", actor=actor, now=now)
        tell_guest(session, meeting, guest, "seminar_closed", now=now, zone=zone)
    return len(guests)


def fill(session: Session, meeting: Meeting, *, now: datetime, zone: ZoneInfo) -> list[MeetingGuest]:
    """Give free places to those who wait, in their order, and tell them; return who got one. ``meeting`` is locked."""
    if now >= meeting.starts_at or not meeting.is_open or meeting.state is MeetingState.CANCELLED:
        return []
    waiting = [guest for guest in under_way(session, meeting.id) if guest.state is GuestState.WAITING]
    if meeting.guest_places is not None:
        waiting = waiting[: max(0, meeting.guest_places - places_taken(session, meeting.id))]
    for guest in waiting:
        values = {"state": GuestState.SIGNED_UP, "signed_up_at": now}
        saving.change(session, guest, values, actor=SYSTEM, now=now, action="promote_guest")
        tell_guest(session, meeting, guest, "seminar_promoted", now=now, zone=zone)
    return waiting


def lapse_waiting(session: Session, *, now: datetime, zone: ZoneInfo) -> int:
    """Close the waiting lists of meetings that have begun, and tell who waited; return how many. Safe to repeat."""
    meetings = session.execute(
        select(MeetingGuest.meeting_id, Meeting.intake_id)
        .join(Meeting, Meeting.id == MeetingGuest.meeting_id)
        .where(MeetingGuest.state == GuestState.WAITING, Meeting.starts_at <= now)
        .distinct()
        .order_by(MeetingGuest.meeting_id)
    ).all()
    if not meetings:
        return 0
    lock_intakes(session, *{intake_id for _meeting_id, intake_id in meetings})
    lapsed = 0
    for meeting_id, _intake_id in meetings:
        meeting = locked_meeting(session, meeting_id)
        if now < meeting.starts_at:
            continue  # moved meanwhile
        for guest in under_way(session, meeting_id):
            if guest.state is GuestState.WAITING:
                _let_go(session, guest, action="lapse_guest", actor=SYSTEM, now=now)
                if meeting.state is MeetingState.PLANNED:
                    tell_guest(session, meeting, guest, "seminar_lapsed", now=now, zone=zone)
                lapsed += 1
    return lapsed


def release_trainees(session: Session, *, now: datetime, zone: ZoneInfo) -> int:
    """Free the places of guests who have become trainees of the intake meanwhile; return how many. Safe to repeat.

    They have the meeting in their schedule. Meetings that have begun stay as they are.
    """
    found = session.execute(
        select(MeetingGuest.meeting_id, MeetingGuest.person_id, Meeting.intake_id)
        .join(Meeting, Meeting.id == MeetingGuest.meeting_id)
        .join(
            Trainee,
            (Trainee.intake_id == Meeting.intake_id)
            & (Trainee.person_id == MeetingGuest.person_id)
            & (Trainee.state == TraineeState.ENROLLED),
        )
        .where(MeetingGuest.state.in_(UNDER_WAY), Meeting.starts_at > now)
        .order_by(MeetingGuest.meeting_id, MeetingGuest.id)
    ).all()
    if not found:
        return 0
    lock_intakes(session, *{intake_id for *_who, intake_id in found})
    released = 0
    for meeting_id, person_id, _intake_id in found:
        meeting = locked_meeting(session, meeting_id)
        guest = next((one for one in under_way(session, meeting_id) if one.person_id == person_id), None)
        if guest is None or now >= meeting.starts_at or not is_trainee(session, meeting.intake_id, person_id):
            continue
        _let_go(session, guest, action="release_guest", actor=SYSTEM, now=now)
        fill(session, meeting, now=now, zone=zone)
        released += 1
    return released


def places_taken(session: Session, meeting_id: int) -> int:
    """Return how many guests have a place."""
    taken = session.scalar(
        select(func.count()).where(MeetingGuest.meeting_id == meeting_id, MeetingGuest.state == GuestState.SIGNED_UP)
    )
    return taken or 0


def under_way(session: Session, meeting_id: int) -> list[MeetingGuest]:
    """Return who has a place or waits for one, as they stand now, in the order of the list."""
    return list(
        session.scalars(
            select(MeetingGuest)
            .where(MeetingGuest.meeting_id == meeting_id, MeetingGuest.state.in_(UNDER_WAY))
            .options(joinedload(MeetingGuest.person))
            .order_by(MeetingGuest.queued_at, MeetingGuest.id)
            .execution_options(populate_existing=True)
        )
    )


def tell_guest(
    session: Session,
    meeting: Meeting,
    guest: MeetingGuest,
    occasion: str,
    *,
    now: datetime,
    zone: ZoneInfo,
    turn: str | None = None,
) -> None:
    """Tell a guest what became of the place, or of the hours: once for each time of signing up, or ``turn``."""
    tell(
        session,
        [guest.person_id],
        occasion=occasion,
        about=guest,
        path=f"/seminars/{meeting.id}",
        facts={
            "topic": meeting.topic.title,
            "starts_at": _local(meeting.starts_at, zone),
            "site": meeting.intake.version.programme.site.organisation.label,
        },
        now=now,
        turn=turn or f"{guest.queued_at:%Y%m%dT%H%M%S%f}",
    )


def _require_before_start(meeting: Meeting, now: datetime) -> None:
    if meeting.state is MeetingState.CANCELLED:
        raise Conflict("meeting_cancelled", _l("This meeting has been cancelled."))
    if now >= meeting.starts_at:
        raise Conflict(
            "seminar_begun_for_guests",
            _l("The seminar has begun: the list of guests stands as it is."),
            remedy=_l("Who did not come is noted by the leader as absent."),
        )


def _let_go(session: Session, guest: MeetingGuest, *, action: str, actor: Actor, now: datetime) -> None:
    values = {"state": GuestState.CANCELLED, "cancelled_at": now}
    saving.change(session, guest, values, actor=actor, now=now, action=action)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%d.%m.%Y, %H:%M}"
