"""Trainees join distance meetings; leaders confirm who was there."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import SYSTEM, Actor
from lti_app.meetings.models import Attendance, JoinLog, Presence
from lti_app.meetings.service import (
    close_ended,
    close_stay,
    confirm_attendance,
    hold_attendance,
    join,
    leave,
)
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW, World

MINUTE = timedelta(minutes=1)


def _stays(session: Session) -> list[JoinLog]:
    session.flush()
    return list(session.scalars(select(JoinLog).order_by(JoinLog.id)))


def _words(session: Session) -> dict[int, Presence]:
    session.flush()
    return {a.trainee_id: a.presence for a in session.scalars(select(Attendance))}


def test_the_room_opens_fifteen_minutes_before_and_closes_with_the_end(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.actor_of(world.trainee())
        meeting = world.meeting(starts_at=NOW, minutes=60)
        with pytest.raises(Conflict, match="room_not_open_yet"):
            join(session, meeting_id=meeting.id, actor=anna, now=NOW - 15 * MINUTE - timedelta(seconds=1))
        assert _stays(session) == []
        assert join(session, meeting_id=meeting.id, actor=anna, now=NOW - 15 * MINUTE) == meeting.room_url
        leave(session, meeting_id=meeting.id, actor=anna, now=NOW)
        join(session, meeting_id=meeting.id, actor=anna, now=NOW + 60 * MINUTE - timedelta(seconds=1))
        with pytest.raises(Conflict, match="meeting_ended"):
            join(session, meeting_id=meeting.id, actor=anna, now=NOW + 60 * MINUTE)
        assert [stay.joined_at for stay in _stays(session)] == [
            NOW - 15 * MINUTE,
            NOW + 60 * MINUTE - timedelta(seconds=1),
        ]


def test_a_second_press_of_the_button_is_no_second_stay(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.actor_of(world.trainee())
        meeting = world.meeting(starts_at=NOW)
        first = join(session, meeting_id=meeting.id, actor=anna, now=NOW)
        assert join(session, meeting_id=meeting.id, actor=anna, now=NOW + MINUTE) == first
        assert [(stay.joined_at, stay.left_at) for stay in _stays(session)] == [(NOW, None)]


def test_two_presses_at_the_same_time_are_one_stay(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.actor_of(world.trainee())
        meeting_id = world.meeting(starts_at=NOW).id
    together = threading.Barrier(2)
    rooms: list[str] = []

    def press() -> None:
        together.wait()
        with database.transaction() as session:
            rooms.append(join(session, meeting_id=meeting_id, actor=anna, now=NOW))

    presses = [threading.Thread(target=press) for _ in range(2)]
    for one in presses:
        one.start()
    for one in presses:
        one.join()
    assert len(rooms) == 2
    with database.session() as session:
        assert len(_stays(session)) == 1


def test_a_press_that_comes_second_finds_the_stay_that_the_first_opened(database: Database) -> None:
    # The other press commits between this one's look and its insert: the unique index speaks, and is understood.
    with database.transaction() as session:
        world = World(session)
        anna_trainee = world.trainee()
        anna = world.actor_of(anna_trainee)
        meeting_id = world.meeting(starts_at=NOW).id
    if database.is_sqlite:  # one writer at a time: nobody can come in between
        with database.transaction() as first:
            join(first, meeting_id=meeting_id, actor=anna, now=NOW)
        with database.transaction() as second:
            join(second, meeting_id=meeting_id, actor=anna, now=NOW)
    else:
        with database.session() as second:
            real_begin_nested = second.begin_nested

            def other_press_first() -> object:
                with database.transaction() as first:
                    join(first, meeting_id=meeting_id, actor=anna, now=NOW)
                return real_begin_nested()

            second.begin_nested = other_press_first  # type: ignore[method-assign,assignment]
            join(second, meeting_id=meeting_id, actor=anna, now=NOW)
            second.commit()
    with database.session() as session:
        assert len(_stays(session)) == 1


@pytest.mark.parametrize(
    ("kind", "refusal"), [({"mode": Mode.ON_SITE}, "meeting_on_site"), ({"cancelled": True}, "meeting_cancelled")]
)
def test_there_is_no_room_to_join(database: Database, kind: dict[str, object], refusal: str) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.actor_of(world.trainee())
        meeting = world.meeting(starts_at=NOW, **kind)  # type: ignore[arg-type]
        with pytest.raises(DomainError, match=refusal):
            join(session, meeting_id=meeting.id, actor=anna, now=NOW)
        assert _stays(session) == []


def test_only_trainees_of_the_intake_join(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        meeting = world.meeting(starts_at=NOW)
        gone = world.trainee(left=True)
        for stranger in (other.actor_of(other.trainee()), world.actor_of(gone), world.leader_actor, SYSTEM):
            with pytest.raises(Forbidden, match="not_your_intake") as refusal:
                join(session, meeting_id=meeting.id, actor=stranger, now=NOW)
            assert refusal.value.clause == "4.2"
            with pytest.raises(Forbidden, match="not_your_intake"):
                leave(session, meeting_id=meeting.id, actor=stranger, now=NOW)
        with pytest.raises(NotFound):
            join(session, meeting_id=999, actor=SYSTEM, now=NOW)


def test_leaving_closes_the_stay_and_coming_back_opens_another(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.actor_of(world.trainee())
        meeting = world.meeting(starts_at=NOW, minutes=60)
        leave(session, meeting_id=meeting.id, actor=anna, now=NOW)
        assert _stays(session) == []
        join(session, meeting_id=meeting.id, actor=anna, now=NOW)
        leave(session, meeting_id=meeting.id, actor=anna, now=NOW + 20 * MINUTE)
        join(session, meeting_id=meeting.id, actor=anna, now=NOW + 30 * MINUTE)
        leave(session, meeting_id=meeting.id, actor=anna, now=NOW + 90 * MINUTE)
        assert [(stay.joined_at, stay.left_at, stay.left_how) for stay in _stays(session)] == [
            (NOW, NOW + 20 * MINUTE, "self"),
            (NOW + 30 * MINUTE, NOW + 60 * MINUTE, "self"),
        ]


def test_a_clock_set_back_makes_no_stay_end_before_it_began_or_overlap(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.actor_of(world.trainee())
        meeting = world.meeting(starts_at=NOW, minutes=60)
        join(session, meeting_id=meeting.id, actor=anna, now=NOW + 10 * MINUTE)
        leave(session, meeting_id=meeting.id, actor=anna, now=NOW + 5 * MINUTE)
        join(session, meeting_id=meeting.id, actor=anna, now=NOW + 6 * MINUTE)
        assert [(stay.joined_at, stay.left_at) for stay in _stays(session)] == [
            (NOW + 10 * MINUTE, NOW + 10 * MINUTE),
            (NOW + 10 * MINUTE, None),
        ]


def test_the_leader_checks_a_trainee_out_and_it_is_on_record(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        anna = world.trainee()
        meeting = world.meeting(starts_at=NOW)
        join(session, meeting_id=meeting.id, actor=world.actor_of(anna), now=NOW)

        def check_out(actor: Actor, trainee_id: int = anna.id) -> None:
            close_stay(session, meeting_id=meeting.id, trainee_id=trainee_id, actor=actor, now=NOW + MINUTE)

        with pytest.raises(Forbidden, match="not_your_site"):
            check_out(other.leader_actor)
        with pytest.raises(Forbidden):
            check_out(world.actor_of(anna))
        with pytest.raises(NotFound):
            check_out(world.leader_actor, other.trainee().id)
        check_out(world.leader_actor)
        check_out(world.leader_actor)
        (stay,) = _stays(session)
        assert (stay.left_at, stay.left_how) == (NOW + MINUTE, "leader")
        assert session.scalars(select(AuditEntry.action)).all() == ["close_stay"]


def test_who_never_came_back_left_with_the_end_of_the_meeting(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        over = world.meeting(starts_at=NOW - 60 * MINUTE, minutes=60)
        running = world.meeting(starts_at=NOW - 59 * MINUTE, minutes=60)
        join(session, meeting_id=over.id, actor=world.actor_of(anna), now=NOW - 70 * MINUTE)
        join(session, meeting_id=running.id, actor=world.actor_of(boris), now=NOW - 50 * MINUTE)
        session.flush()
        assert close_ended(session, now=NOW) == 1
        assert close_ended(session, now=NOW) == 0
        assert [(stay.left_at, stay.left_how) for stay in _stays(session)] == [(NOW, "end"), (None, None)]


def test_the_leaders_word_goes_over_the_whole_list(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        gone = world.trainee(left=True)
        meeting = world.meeting(starts_at=NOW - 90 * MINUTE, minutes=90)
        world.stay(meeting, boris, NOW - 100 * MINUTE, NOW - 30 * MINUTE)
        # anna never joined: she came by telephone, and the leader's word is enough
        confirm_attendance(session, meeting_id=meeting.id, present={anna.id}, actor=world.leader_actor, now=NOW)
        assert _words(session) == {anna.id: Presence.PRESENT, boris.id: Presence.ABSENT}
        assert gone.id not in _words(session)
        minutes = {a.trainee_id: a.minutes_joined for a in session.scalars(select(Attendance))}
        assert minutes == {anna.id: 0, boris.id: 60}


def test_saying_it_again_changes_nothing_and_a_change_is_on_record(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        meeting = world.meeting()

        def confirm(present: set[int], minutes: int) -> None:
            confirm_attendance(
                session,
                meeting_id=meeting.id,
                present=present,
                actor=world.leader_actor,
                now=NOW + minutes * MINUTE,
                reason="был по телефону" if minutes == 2 else "",
            )

        confirm({anna.id}, 0)
        confirm({anna.id}, 1)
        confirm({anna.id, boris.id}, 2)
        when = {a.trainee_id: a.confirmed_at for a in session.scalars(select(Attendance))}
        assert when == {anna.id: NOW, boris.id: NOW + 2 * MINUTE}
        assert session.scalars(select(AuditEntry.changes).order_by(AuditEntry.id)).all() == [
            {f"trainee {anna.id}": [None, "present"], f"trainee {boris.id}": [None, "absent"]},
            {f"trainee {boris.id}": ["absent", "present"]},
        ]


def test_attendance_is_confirmed_from_the_beginning_of_a_meeting_that_takes_place(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        meeting = world.meeting(starts_at=NOW)
        cancelled = world.meeting(cancelled=True)
        with pytest.raises(Conflict, match="meeting_not_begun"):
            confirm_attendance(
                session, meeting_id=meeting.id, present=set(), actor=world.leader_actor, now=NOW - MINUTE
            )
        with pytest.raises(Conflict, match="meeting_cancelled"):
            confirm_attendance(session, meeting_id=cancelled.id, present=set(), actor=world.leader_actor, now=NOW)
        confirm_attendance(session, meeting_id=meeting.id, present=set(), actor=world.leader_actor, now=NOW)
        assert list(_words(session).values()) == [Presence.ABSENT]


def test_nobody_but_the_leader_of_the_site_confirms(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        anna = world.trainee()
        meeting = world.meeting()
        for stranger in (other.leader_actor, world.actor_of(anna), SYSTEM):
            with pytest.raises(Forbidden):
                confirm_attendance(session, meeting_id=meeting.id, present={anna.id}, actor=stranger, now=NOW)
        assert _words(session) == {}


def test_a_list_with_somebody_from_elsewhere_is_refused_whole(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        anna, gone, stranger = world.trainee(), world.trainee(left=True), other.trainee()
        meeting = world.meeting()
        for wrong in (gone, stranger):
            with pytest.raises(Conflict, match="not_a_trainee"):
                confirm_attendance(
                    session, meeting_id=meeting.id, present={anna.id, wrong.id}, actor=world.leader_actor, now=NOW
                )
        assert _words(session) == {}


def test_attendance_that_credit_rests_on_is_not_taken_back_silently(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        meeting = world.meeting()
        world.attended(meeting, anna, boris)

        def confirm(present: set[int]) -> None:
            confirm_attendance(
                session, meeting_id=meeting.id, present=present, actor=world.leader_actor, now=NOW, reason="ошибка"
            )

        hold_attendance(session, trainee_id=anna.id, meeting_ids={meeting.id}, credited=True)
        with pytest.raises(Conflict, match="attendance_credited") as refusal:
            confirm({boris.id})
        assert anna.person.short_name in str(refusal.value.message)
        assert refusal.value.remedy
        confirm({anna.id})
        hold_attendance(session, trainee_id=anna.id, meeting_ids={meeting.id}, credited=False)
        confirm({boris.id})
        assert _words(session) == {anna.id: Presence.ABSENT, boris.id: Presence.PRESENT}
