"""An open meeting in two days with a few places for guests, and teachers who want to come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor
from lti_app.meetings.guests import sign_up
from lti_app.meetings.models import GuestState, JoinLog, Meeting, MeetingGuest
from lti_app.notices.models import Notice
from lti_app.people.models import Person
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
START = NOW + timedelta(days=2)
END = START + timedelta(minutes=90)
MINUTE = timedelta(minutes=1)


def open_meeting(world: World, *, places: int | None = 2, cancel_hours: int = 3, **values: Any) -> Meeting:
    """Add a meeting that is open to guests; ``values`` are of ``World.meeting``."""
    meeting = world.meeting(**{"starts_at": START, **values})
    meeting.is_open, meeting.guest_places, meeting.cancel_hours = True, places, cancel_hours
    world.session.flush()
    return meeting


def by(person: Person) -> Actor:
    return Actor(person_id=person.id, name=person.full_name, moodle_id=1)


def signs_up(world: World, meeting: Meeting, person: Person | None = None, *, minute: int = 0) -> MeetingGuest:
    return sign_up(world.session, meeting.id, actor=by(person or world.person()), now=NOW + minute * MINUTE)


def guest_stay(world: World, guest: MeetingGuest, minutes: int) -> JoinLog:
    """Put down that a guest was in the room from the start for some minutes."""
    begin = guest.meeting.starts_at
    stay = JoinLog(
        meeting_id=guest.meeting_id,
        guest_id=guest.id,
        joined_at=begin,
        left_at=begin + minutes * MINUTE,
        left_how="self",
    )
    world.session.add(stay)
    world.session.flush()
    return stay


def people_in(session: Session, meeting: Meeting, state: GuestState) -> list[int]:
    """Return who is in that state, in the order of the list."""
    return list(
        session.scalars(
            select(MeetingGuest.person_id)
            .where(MeetingGuest.meeting_id == meeting.id, MeetingGuest.state == state)
            .order_by(MeetingGuest.queued_at, MeetingGuest.id)
        )
    )


def told(session: Session, person_id: int) -> list[str]:
    return list(session.scalars(select(Notice.occasion).where(Notice.person_id == person_id).order_by(Notice.id)))
