"""Read model of the host's page: who is in, which check is held, what the room does; a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.checks import answers_to
from lti_app.meetings.hosts import require_host
from lti_app.meetings.models import GuestState, JoinLog, Meeting, MeetingGuest, MeetingState, RoomKind
from lti_app.meetings.room_models import PresenceCheck, RoomOpening
from lti_app.meetings.stays import StayRules, can_join, opens_at
from lti_app.people.models import Person
from lti_app.programmes.models import Mode


@dataclass(frozen=True)
class Inside:
    """Show somebody who is in the room, since when."""

    name: str
    joined_at: datetime
    is_guest: bool


@dataclass(frozen=True)
class CheckShown:
    """Show a check: its code while it is open, and how many have answered."""

    code: str
    opened_at: datetime
    closes_at: datetime
    is_open: bool
    answers: int


@dataclass(frozen=True)
class HostPage:
    """Show the host a meeting under way."""

    meeting_id: int
    intake_id: int
    topic: str
    starts_at: datetime
    ends_at: datetime
    leads: bool
    """The host leads the site, so that the meeting's page is open to them."""
    opens_at: datetime | None
    can_join: bool
    is_under_way: bool
    is_over: bool
    is_cancelled: bool
    is_distance: bool
    is_on_server: bool
    is_room_open: bool
    """A room on a server is there; a link always is."""
    room_error: str | None
    strangers: int
    expected: int
    """People with a place."""
    inside: tuple[Inside, ...]
    """By name."""
    checks: int
    """Checks held so far, the open one included."""
    check: CheckShown | None
    """The last one."""


def host_page(session: Session, *, meeting_id: int, actor: Actor, now: datetime, rules: StayRules) -> HostPage:
    """Return what the host sees. Raises NotFound, Forbidden to who does not hold the meeting."""
    meeting = require_host(session, meeting_id=meeting_id, actor=actor)
    opening = session.get(RoomOpening, meeting_id)
    held = _held(session, meeting_id)
    is_on_server = meeting.room_kind is RoomKind.BIGBLUEBUTTON
    return HostPage(
        meeting_id=meeting.id,
        intake_id=meeting.intake_id,
        topic=meeting.topic.title,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        leads=meeting.intake.version.programme.site_id in actor.led_site_ids,
        opens_at=opens_at(meeting, rules=rules),
        can_join=can_join(meeting, now, rules=rules),
        is_under_way=meeting.state is MeetingState.PLANNED and meeting.starts_at <= now < meeting.ends_at,
        is_over=now >= meeting.ends_at,
        is_cancelled=meeting.state is MeetingState.CANCELLED,
        is_distance=meeting.mode is Mode.DISTANCE,
        is_on_server=is_on_server,
        is_room_open=not is_on_server or (opening is not None and opening.opened_at is not None),
        room_error=opening.last_error if opening and is_on_server else None,
        strangers=opening.strangers if opening else 0,
        expected=len(_expected(session, meeting)),
        inside=_inside(session, meeting),
        checks=len(held),
        check=_shown(session, held[-1], now) if held else None,
    )


def _expected(session: Session, meeting: Meeting) -> list[int]:
    trainees = select(Trainee.person_id).where(
        Trainee.intake_id == meeting.intake_id, Trainee.state == TraineeState.ENROLLED
    )
    if meeting.only_for_id is not None:
        trainees = trainees.where(Trainee.id == meeting.only_for_id)
    guests = select(MeetingGuest.person_id).where(
        MeetingGuest.meeting_id == meeting.id, MeetingGuest.state == GuestState.SIGNED_UP
    )
    return list(session.scalars(trainees.union(guests)))


def _inside(session: Session, meeting: Meeting) -> tuple[Inside, ...]:
    rows = session.execute(
        select(Person, JoinLog.joined_at, JoinLog.guest_id)
        .join_from(JoinLog, Trainee, Trainee.id == JoinLog.trainee_id, isouter=True)
        .outerjoin(MeetingGuest, MeetingGuest.id == JoinLog.guest_id)
        .join(Person, or_(Person.id == Trainee.person_id, Person.id == MeetingGuest.person_id))
        .where(JoinLog.meeting_id == meeting.id, JoinLog.left_at.is_(None))
        .order_by(Person.last_name, Person.first_name, Person.id)
    )
    return tuple(Inside(person.full_name, joined_at, guest_id is not None) for person, joined_at, guest_id in rows)


def _held(session: Session, meeting_id: int) -> Sequence[PresenceCheck]:
    return session.scalars(
        select(PresenceCheck).where(PresenceCheck.meeting_id == meeting_id).order_by(PresenceCheck.id)
    ).all()


def _shown(session: Session, check: PresenceCheck, now: datetime) -> CheckShown:
    is_open = check.opened_at <= now < check.closes_at
    return CheckShown(check.code, check.opened_at, check.closes_at, is_open, answers_to(session, check.id))
