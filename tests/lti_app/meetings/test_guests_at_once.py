"""Many at once, and long random histories: never past the places, always in order, nobody promoted after the start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.core.invariants import audit
from lti_app.meetings.guests import cancel, is_trainee, lapse_waiting, release_trainees, sign_up, take_off
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest
from lti_app.meetings.opening import OpenTerms, set_open
from lti_app.meetings.service import lock_intakes
from lti_app.people.models import Person
from lti_app.web.upkeep import CHECKS
from tests.conftest import postgres_copy
from tests.lti_app.meetings.guests_world import MINUTE, START, ZONE, by, open_meeting, people_in, signs_up
from tests.lti_app.world import NOW, World

PEOPLE, PLACES = 20, 5


@pytest.fixture
def postgresql(postgres_url: str, postgres_template: str) -> Iterator[Database]:
    for url in postgres_copy(postgres_url, postgres_template):
        database = Database(url)
        yield database
        database.dispose()


def test_twenty_people_at_once_get_five_places_and_wait_in_the_order_of_asking(postgresql: Database) -> None:
    with postgresql.transaction() as session:
        world = World(session)
        meeting = open_meeting(world, places=PLACES)
        people = [world.person() for _ in range(PEOPLE)]
    asked_at = {person.id: NOW + timedelta(milliseconds=number) for number, person in enumerate(people)}
    barrier = Barrier(PEOPLE)

    def sign(person: Person) -> None:
        barrier.wait()
        with postgresql.transaction() as session:
            sign_up(session, meeting.id, actor=by(person), now=asked_at[person.id])

    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(sign, people))

    with postgresql.session(writes=False) as session:
        assert list(audit(session, CHECKS)) == []
        placed, queue = (people_in(session, meeting, state) for state in (GuestState.SIGNED_UP, GuestState.WAITING))
    assert len(placed) == PLACES
    assert sorted(placed + queue) == sorted(asked_at)
    assert queue == sorted(queue, key=asked_at.__getitem__)

    leaving = [person for person in people if person.id in placed]

    def give_back(person: Person) -> None:
        with postgresql.transaction() as session:
            cancel(session, meeting.id, actor=by(person), now=NOW + MINUTE, zone=ZONE)

    with ThreadPoolExecutor(PLACES) as pool:
        list(pool.map(give_back, leaving))

    with postgresql.session(writes=False) as session:
        assert list(audit(session, CHECKS)) == []
        assert people_in(session, meeting, GuestState.SIGNED_UP) == queue[:PLACES]
        assert people_in(session, meeting, GuestState.WAITING) == queue[PLACES:]


def test_the_watchers_wait_for_who_changes_the_schedule_before_they_lock_a_meeting(postgresql: Database) -> None:
    with postgresql.transaction() as session:
        world = World(session)
        first, second = open_meeting(world, places=1), open_meeting(world, places=1, starts_at=START + MINUTE)
        for meeting in (first, second):
            guest = signs_up(world, meeting)
            signs_up(world, meeting, minute=1)
            world.trainee(person=guest.person)

    def watch() -> tuple[int, int]:
        with postgresql.transaction() as session:
            released = release_trainees(session, now=NOW + MINUTE, zone=ZONE)
            return released, lapse_waiting(session, now=START, zone=ZONE)

    with ThreadPoolExecutor(1) as pool, postgresql.transaction() as leader:
        lock_intakes(leader, world.intake.id)
        watching = pool.submit(watch)
        with pytest.raises(TimeoutError):
            watching.result(timeout=0.5)
        for meeting in (second, first):  # as a series moves; the watchers take them the other way round
            leader.execute(select(Meeting.id).where(Meeting.id == meeting.id).with_for_update())
        leader.commit()
        assert watching.result(timeout=10) == (2, 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["sign up", "cancel", "take off", "places", "close", "trainee", "release", "hours", "lapse"]),
        st.integers(0, 5),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, places=st.one_of(st.integers(1, 3), st.none()), asking=st.integers(0, 6))
def test_whatever_happens_places_are_given_in_order_never_past_them_and_never_after_the_start(
    sqlite_template: Path, tmp_path: Path, steps: list[tuple[str, int]], places: int | None, asking: int
) -> None:
    path = tmp_path / "guests.sqlite3"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    with database.session() as session:
        world = World(session)
        meeting = open_meeting(world, places=places, cancel_hours=1)
        people = [world.person() for _ in range(6)]
        moment = NOW
        for person in people[:asking]:
            moment += MINUTE
            sign_up(session, meeting.id, actor=by(person), now=moment)
        for name, number in steps:
            moment += timedelta(hours=number * 6 if name == "hours" else 0, minutes=1)
            before = people_in(session, meeting, GuestState.SIGNED_UP)
            queue = people_in(session, meeting, GuestState.WAITING)
            try:
                with session.begin_nested():
                    _take(world, meeting, name, people[number], number, moment)
            except DomainError:
                session.expire_all()
            _check(session, meeting, before, queue, has_begun=moment >= START)
        assert list(audit(session, CHECKS)) == []
    database.dispose()


def _take(world: World, meeting: Meeting, name: str, person: Person, number: int, now: datetime) -> None:
    session, leader = world.session, world.leader_actor
    guest_id = session.scalar(select(MeetingGuest.id).where(MeetingGuest.person_id == person.id))
    match name:
        case "sign up":
            sign_up(session, meeting.id, actor=by(person), now=now)
        case "cancel":
            cancel(session, meeting.id, actor=by(person), now=now, zone=ZONE)
        case "take off" if guest_id is not None:
            take_off(session, guest_id, actor=leader, now=now, zone=ZONE)
        case "places" | "close":
            terms = OpenTerms(name == "places", number or None, 1)
            set_open(
                session,
                meeting.id,
                terms,
                seen=meeting.revision,
                lets_guests_go=number > 2,
                actor=leader,
                now=now,
                zone=ZONE,
            )
        case "trainee" if not number % 3 and not is_trainee(session, meeting.intake_id, person.id):
            world.trainee(person=person)
        case "release":
            release_trainees(session, now=now, zone=ZONE)
        case "lapse":
            lapse_waiting(session, now=now, zone=ZONE)


def _check(session: Session, meeting: Meeting, before: list[int], queue: list[int], *, has_begun: bool) -> None:
    session.refresh(meeting)
    placed = people_in(session, meeting, GuestState.SIGNED_UP)
    left_waiting = people_in(session, meeting, GuestState.WAITING)
    assert meeting.guest_places is None or len(placed) <= meeting.guest_places
    new = [one for one in placed if one not in before]
    if has_begun:
        assert placed == before
        assert left_waiting in (queue, [])
        return
    assert not left_waiting or len(placed) == meeting.guest_places, "a place is free and somebody waits"
    promoted = [one for one in queue if one in new]
    stayed = [one for one in queue if one in left_waiting]
    assert queue.index(promoted[-1]) < queue.index(stayed[0]) if promoted and stayed else True
    assert left_waiting[: len(stayed)] == stayed, "somebody came in before those who waited"
    assert not [one for one in new if one not in queue] or not stayed, "somebody got a place before those who wait"
