"""The leader's word on one trainee, put down cell by cell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.meetings.correcting import LONGEST_REASON, corrections_of
from lti_app.meetings.models import Attendance, Presence
from lti_app.meetings.service import hold_attendance, put_down_presence
from tests.lti_app.world import NOW, World

PRESENT, ABSENT = Presence.PRESENT, Presence.ABSENT


def _put(
    session: Session, world: World, meeting_id: int, trainee_id: int, presence: Presence, **more: Any
) -> Attendance:
    asked = {"seen": None, "actor": world.leader_actor, "now": NOW} | more
    return put_down_presence(session, meeting_id=meeting_id, trainee_id=trainee_id, presence=presence, **asked)


def _last_change(session: Session) -> dict[str, Any]:
    return session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one().changes


def test_a_first_word_needs_no_reason_and_touches_nobody_else(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, _boris = world.trainees(2)
        meeting = world.meeting()
        world.stay(meeting, anna, meeting.starts_at, meeting.starts_at + timedelta(minutes=50))
        _put(session, world, meeting.id, anna.id, PRESENT)
        word = session.scalars(select(Attendance)).one()
        assert (word.trainee_id, word.presence, word.minutes_joined) == (anna.id, PRESENT, 50)
        assert (word.confirmed_at, word.confirmed_by_id) == (NOW, world.leader.id)
        assert _last_change(session) == {f"trainee {anna.id}": [None, "present"]}


def test_said_again_it_changes_nothing_whatever_was_seen(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, meeting = world.trainee(), world.meeting()
        world.attended(meeting, anna)
        before = session.scalars(select(Attendance.confirmed_at)).one()
        _put(session, world, meeting.id, anna.id, PRESENT, seen=None)
        assert session.scalars(select(Attendance.confirmed_at)).one() == before
        assert not session.scalars(select(AuditEntry)).all()


def test_a_word_that_stands_is_changed_with_a_reason_only(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, meeting = world.trainee(), world.meeting()
        world.attended(meeting, anna)
        for reason, code in (
            ("", "reason_needed"),
            ("  ", "reason_needed"),
            ("я" * (LONGEST_REASON + 1), "text_too_long"),
        ):
            with pytest.raises(DomainError, match=code) as refusal:
                _put(session, world, meeting.id, anna.id, ABSENT, seen=PRESENT, reason=reason)
            assert refusal.value.field == "reason"
        assert session.scalars(select(Attendance.presence)).one() is PRESENT
        _put(session, world, meeting.id, anna.id, ABSENT, seen=PRESENT, reason=" перепутала ")
        assert session.scalars(select(Attendance.presence)).one() is ABSENT
        assert _last_change(session) == {f"trainee {anna.id}": ["present", "absent"]}
        (correction,) = corrections_of(session, [meeting.id])[meeting.id, anna.id]
        assert (correction.before, correction.after, correction.reason) == (PRESENT, ABSENT, "перепутала")


def test_what_somebody_else_said_meanwhile_is_not_overwritten_unseen(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, meeting = world.trainee(), world.meeting()
        world.attended(meeting, anna, presence=ABSENT)
        with pytest.raises(Conflict, match="said_meanwhile") as refusal:
            _put(session, world, meeting.id, anna.id, PRESENT, seen=None, reason="была")
        assert world.leader.short_name in str(refusal.value.message)


def test_refused_before_it_begins_where_it_is_cancelled_and_where_hours_are_credited(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        later = world.meeting(starts_at=NOW + timedelta(seconds=1))
        cancelled, credited = world.meeting(cancelled=True), world.meeting()
        world.attended(credited, anna)
        hold_attendance(session, trainee_id=anna.id, meeting_ids=[credited.id], credited=True)
        with pytest.raises(Conflict, match="meeting_not_begun"):
            _put(session, world, later.id, anna.id, PRESENT)
        with pytest.raises(Conflict, match="meeting_cancelled"):
            _put(session, world, cancelled.id, anna.id, PRESENT)
        with pytest.raises(Conflict, match="attendance_credited"):
            _put(session, world, credited.id, anna.id, ABSENT, seen=PRESENT, reason="ошибка")


def test_refused_to_others_and_of_others(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        anna, left, stranger = world.trainee(), world.trainee(left=True), other.trainee()
        meeting, alone = world.meeting(), world.meeting()
        alone.only_for_id = world.trainee().id
        session.flush()
        with pytest.raises(Forbidden, match="not_your_site"):
            _put(session, other, meeting.id, anna.id, PRESENT)
        with pytest.raises(NotFound, match="no_such_meeting"):
            _put(session, world, 999_999, anna.id, PRESENT)
        for trainee_id, meeting_id in ((stranger.id, meeting.id), (999_999, meeting.id), (anna.id, alone.id)):
            with pytest.raises(NotFound, match="no_such_trainee"):
                _put(session, world, meeting_id, trainee_id, PRESENT)
        with pytest.raises(Conflict, match="not_a_trainee"):
            _put(session, world, meeting.id, left.id, PRESENT)
        assert session.scalars(select(Attendance)).all() == []
