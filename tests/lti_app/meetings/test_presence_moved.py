"""A meeting that moves takes nobody's presence along."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.meetings.arriving import arrivals_of, arrive
from lti_app.meetings.changing import Scope, move_meeting
from lti_app.meetings.models import JoinLog, Meeting
from lti_app.meetings.onsite_models import ArrivalHow
from lti_app.meetings.room_models import RoomOpening, RoomServer
from lti_app.meetings.stays import minutes_inside
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
START = NOW + 5 * MINUTE


def moved(world: World, meeting: Meeting, to: datetime) -> None:
    move_meeting(
        world.session,
        meeting.id,
        to,
        place_or_url=None,
        seen=meeting.revision,
        scope=Scope.ONE,
        actor=world.leader_actor,
        now=NOW,
        zone=ZONE,
    )


def inside(session: Session, meeting: Meeting) -> int | None:
    stays = session.scalars(select(JoinLog).where(JoinLog.meeting_id == meeting.id)).all()
    return minutes_inside(meeting, [(stay.joined_at, stay.left_at) for stay in stays], meeting.ends_at)


def test_who_was_inside_when_a_meeting_was_put_off_is_not_inside_at_its_new_time(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        meeting = world.meeting(starts_at=START)
        stay = world.stay(meeting, world.trainee(), NOW - 5 * MINUTE)
        moved(world, meeting, START + DAY)
        assert (stay.left_at, stay.left_how) == (NOW, "leader")
        assert inside(session, meeting) == 0


def test_who_waits_inside_for_a_meeting_that_begins_later_the_same_hour_stays_inside(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        meeting = world.meeting(starts_at=START)
        stay = world.stay(meeting, world.trainee(), NOW - 5 * MINUTE)
        moved(world, meeting, START + 20 * MINUTE)
        assert stay.left_at is None
        assert inside(session, meeting) == meeting.minutes


def test_who_had_come_before_a_meeting_was_put_off_has_not_come_yet(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        meeting = world.meeting(starts_at=START, mode=Mode.ON_SITE)
        anna = world.trainee()
        arrive(session, meeting_id=meeting.id, person_id=anna.person_id, how=ArrivalHow.CODE, at=NOW)
        moved(world, meeting, START + 10 * MINUTE)
        assert arrivals_of(session, anna.id) == {meeting.id: NOW}
        moved(world, meeting, START + DAY)
        assert arrivals_of(session, anna.id) == {}
        late = START + DAY
        arrive(session, meeting_id=meeting.id, person_id=anna.person_id, how=ArrivalHow.CODE, at=late)
        assert arrivals_of(session, anna.id) == {meeting.id: late}


def test_the_room_of_a_meeting_that_was_put_off_is_made_anew(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        meeting = world.meeting(starts_at=START)
        session.add(RoomServer(id=1, name="bbb", url="https://bbb.example.org", secret_encrypted="x", created_at=NOW))
        session.flush()
        opening = RoomOpening(meeting_id=meeting.id, server_id=1, ended_at=NOW, last_error="room_server_silent")
        session.add(opening)
        session.flush()
        moved(world, meeting, START + DAY)
        session.refresh(opening)
        assert (opening.opened_at, opening.ended_at, opening.last_error) == (None, None, None)
