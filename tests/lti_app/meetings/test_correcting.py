"""The first word needs no reason, every later change does; it stays for good."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.meetings.correcting import CorrectionLine, corrections_astray, corrections_of
from lti_app.meetings.models import Attendance, Meeting, Presence
from lti_app.meetings.onsite_models import AttendanceCorrection
from lti_app.meetings.service import confirm_attendance
from tests.lti_app.world import NOW, World, behind_the_rules


def confirm(session: Session, world: World, meeting: Meeting, *present: int, reason: str = "") -> None:
    confirm_attendance(
        session, meeting_id=meeting.id, present=set(present), actor=world.leader_actor, now=NOW, reason=reason
    )
    session.flush()


def test_a_later_change_needs_a_reason_and_names_who_would_change(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris, vera = world.trainees(3)
        meeting = world.meeting()
        confirm(session, world, meeting, anna.id, vera.id)  # the first word: no reason is asked for
        assert corrections_of(session, [meeting.id]) == {}
        for empty in ("", "  \n "):
            with pytest.raises(DomainError, match="reason_needed") as refusal:
                confirm(session, world, meeting, boris.id, vera.id, reason=empty)
            assert refusal.value.field == "reason"
            assert anna.person.short_name in str(refusal.value.message)
            assert boris.person.short_name in str(refusal.value.message)
            assert vera.person.short_name not in str(refusal.value.message)
        with pytest.raises(DomainError, match="text_too_long"):
            confirm(session, world, meeting, boris.id, vera.id, reason="а" * 301)
        confirm(session, world, meeting, boris.id, vera.id, reason=" перепутали\nфамилии ")
        confirm(session, world, meeting, boris.id, vera.id)  # nothing changes: nothing is asked
        confirm(session, world, meeting, anna.id, boris.id, vera.id, reason="была по телефону")
        by = world.leader.full_name
        absent, present = Presence.ABSENT, Presence.PRESENT
        line = CorrectionLine(meeting.id, anna.id, present, absent, "перепутали фамилии", NOW, by)
        assert corrections_of(session, [meeting.id], anna.id) == {
            (meeting.id, anna.id): [
                line,
                CorrectionLine(meeting.id, anna.id, absent, present, "была по телефону", NOW, by),
            ]
        }
        assert set(corrections_of(session, [meeting.id])) == {(meeting.id, anna.id), (meeting.id, boris.id)}
        assert list(corrections_astray(session)) == []


def test_the_first_word_on_a_newcomer_needs_no_reason(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting = world.meeting()
        confirm(session, world, meeting, anna.id)
        newcomer = world.trainee()
        confirm(session, world, meeting, anna.id, newcomer.id)
        assert corrections_of(session, [meeting.id]) == {}


@pytest.mark.parametrize("change", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}"])
def test_what_was_corrected_is_not_rewritten(database: Database, change: str) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting = world.meeting()
        confirm(session, world, meeting, anna.id)
        confirm(session, world, meeting, reason="не было")
    with database.session() as session, pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(change.format("attendance_correction")))
    with database.session() as session, pytest.raises(DBAPIError, match="append-only"):
        session.execute(delete(AttendanceCorrection))


def test_attendance_that_is_not_what_its_last_correction_says_is_found(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting = world.meeting()
        confirm(session, world, meeting, anna.id)
        confirm(session, world, meeting, reason="не было")
        with behind_the_rules(session):
            session.scalars(select(Attendance)).one().presence = Presence.PRESENT
        (breach,) = corrections_astray(session)
        assert "present" in breach
