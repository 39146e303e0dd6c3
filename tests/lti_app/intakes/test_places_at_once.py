"""Two at once, and long random histories: never past capacity, always in order, nobody on or after the start."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.core.invariants import audit
from lti_app.intakes.listing import add_people, say_left
from lti_app.intakes.making import IntakeTerms, edit_intake
from lti_app.intakes.models import Admission, Intake, PlaceRequest, RequestState, Trainee, TraineeState
from lti_app.intakes.requests import ask, confirm, withdraw
from lti_app.intakes.waiting import lapse_requests
from lti_app.people.models import Person
from lti_app.web.upkeep import CHECKS
from tests.conftest import postgres_copy
from tests.lti_app.intakes.places_world import START, ZONE, asks, by, enrolled, head, open_world, waiting
from tests.lti_app.world import NOW, World

LATER = NOW + timedelta(hours=1)
ROUNDS = 5

Step = Callable[[Session], Any]


@pytest.fixture
def postgresql(postgres_url: str, postgres_template: str) -> Iterator[Database]:
    for url in postgres_copy(postgres_url, postgres_template):
        database = Database(url)
        yield database
        database.dispose()


def at_once(database: Database, *steps: Step) -> list[str]:
    """Take the steps in transactions of their own that begin together; return what became of each."""
    barrier = Barrier(len(steps))

    def take(step: Step) -> str:
        with database.session() as session:
            session.connection()
            barrier.wait()
            try:
                step(session)
            except DomainError as refusal:
                return refusal.code
            session.commit()
            return "done"

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(take, steps))


def made(database: Database, capacity: int, people: int, **values: Any) -> tuple[World, list[Person]]:
    with database.transaction() as session:
        world = open_world(session, capacity=capacity, **values)
        return world, [world.person() for _ in range(people)]


def asking(world: World, person: Person, at: datetime = NOW) -> Step:
    return lambda session: ask(session, world.intake.id, actor=by(person), now=at, zone=ZONE)


def settled(database: Database, world: World) -> tuple[list[int], list[int]]:
    with database.session(writes=False) as session:
        assert list(audit(session, CHECKS)) == []
        return enrolled(session, world.intake.id), waiting(session, world.intake.id)


def test_the_last_place_asked_for_by_two_is_given_once(postgresql: Database) -> None:
    for number in range(ROUNDS):
        keeps_list = number % 2 == 0
        with postgresql.transaction() as session:
            world = open_world(session, f"w{number}", capacity=1, keeps_waiting_list=keeps_list)
            people = [world.person(), world.person()]

        said = at_once(postgresql, *(asking(world, one) for one in people))

        placed, queue = settled(postgresql, world)
        assert len(placed) == 1
        assert sorted(said) == (["done", "done"] if keeps_list else ["done", "no_place_free"])
        assert len(queue) == (1 if keeps_list else 0)


def test_the_same_request_sent_twice_is_one(postgresql: Database) -> None:
    world, (person,) = made(postgresql, 5, 1)

    assert sorted(at_once(postgresql, *[asking(world, person)] * 2)) == ["done", "has_place"]
    assert settled(postgresql, world)[0] == [person.id]


def test_two_places_that_become_free_at_once_go_to_the_first_two(postgresql: Database) -> None:
    world, people = made(postgresql, 2, 5)
    with postgresql.transaction() as session:
        world.session = session
        for minute, person in enumerate(people):
            asks(world, person, at=NOW + timedelta(minutes=minute))
        requests = {row.person_id: row.id for row in session.scalars(select(PlaceRequest))}
        first_place = session.scalars(select(Trainee.id).where(Trainee.person_id == people[0].id)).one()

    said = at_once(
        postgresql,
        lambda session: say_left(
            session, world.intake.id, [first_place], actor=world.leader_actor, now=LATER, zone=ZONE
        ),
        lambda session: withdraw(session, requests[people[1].id], actor=by(people[1]), now=LATER, zone=ZONE),
    )

    assert said == ["done", "done"]
    placed, queue = settled(postgresql, world)
    assert sorted(placed) == sorted([people[2].id, people[3].id])
    assert queue == [people[4].id]


def terms_of(intake: Intake, capacity: int) -> IntakeTerms:
    return IntakeTerms(
        starts_on=intake.starts_on,
        ends_on=intake.ends_on,
        capacity=capacity,
        moodle_id=intake.moodle_id,
        admission=Admission.MUNICIPALITY,
    )


def set_capacity(session: Session, world: World, capacity: int, now: datetime = LATER) -> None:
    intake = session.get_one(Intake, world.intake.id)
    edit_intake(
        session,
        intake.id,
        terms_of(intake, capacity),
        seen=session.scalar(select(Intake.revision).where(Intake.id == intake.id)),
        planned=None,
        actor=world.leader_actor,
        now=now,
        zone=ZONE,
    )


def test_places_taken_away_while_somebody_asks_never_leave_too_few(postgresql: Database) -> None:
    for number in range(ROUNDS):
        with postgresql.transaction() as session:
            world = open_world(session, f"w{number}", capacity=2)
            asks(world)
            person = world.person()

        at_once(postgresql, asking(world, person), lambda session, here=world: set_capacity(session, here, 1))

        placed, queue = settled(postgresql, world)
        with postgresql.session(writes=False) as session:
            capacity = session.get_one(Intake, world.intake.id).capacity
        assert (len(placed), len(queue), capacity) in [(2, 0, 2), (1, 1, 1)]


def test_one_person_gets_one_place_of_two_intakes_with_one_course(postgresql: Database) -> None:
    with postgresql.transaction() as session:
        world = open_world(session, capacity=5, course_id=5)
        twin = open_world(session, "b", moodle=world.moodle, capacity=5)
        twin.programme.site_id = world.site.id
        twin.intake.course_id, twin.intake.course_tied_by = 5, "leader"
        person = world.person()

    assert sorted(at_once(postgresql, asking(world, person), asking(twin, person))) == ["done", "second_place"]
    settled(postgresql, world)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "confirm", "withdraw", "left", "list", "capacity", "day", "lapse"]),
        st.integers(0, 5),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, capacity=st.integers(1, 3), needs_head=st.booleans(), keeps_list=st.booleans())
def test_whatever_happens_places_are_given_in_order_up_to_capacity_and_before_the_start(
    sqlite_template: Path,
    tmp_path: Path,
    steps: list[tuple[str, int]],
    capacity: int,
    needs_head: bool,
    keeps_list: bool,
) -> None:
    path = tmp_path / "places.sqlite3"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    with database.session() as session:
        world = open_world(session, capacity=capacity, needs_head=needs_head, keeps_waiting_list=keeps_list)
        director, people = head(world), [world.person() for _ in range(6)]
        moment = NOW
        for name, number in steps:
            moment += timedelta(days=number if name == "day" else 0, minutes=1)
            before = enrolled(session, world.intake.id)
            queue = waiting(session, world.intake.id)
            try:
                with session.begin_nested():
                    _take(session, world, name, number, people=people, director=director, now=moment)
            except DomainError:
                session.expire_all()
            _check(session, world, before, queue, moment)
        assert list(audit(session, CHECKS)) == []
    database.dispose()


def _take(
    session: Session, world: World, name: str, number: int, *, people: list[Person], director: Person, now: datetime
) -> None:
    person = people[number]
    request = session.scalar(select(PlaceRequest).where(PlaceRequest.person_id == person.id))
    place = session.scalar(select(Trainee).where(Trainee.person_id == person.id))
    match name:
        case "ask":
            ask(session, world.intake.id, actor=by(person), now=now, zone=ZONE)
        case "confirm" if request is not None:
            confirm(session, request.id, actor=by(director), now=now, zone=ZONE)
        case "withdraw" if request is not None:
            withdraw(session, request.id, actor=by(person), now=now, zone=ZONE)
        case "left" if place is not None:
            say_left(session, world.intake.id, [place.id], actor=world.leader_actor, now=now, zone=ZONE)
        case "list":
            chosen = [one.id for one in (person, people[(number + 1) % 6])]
            add_people(session, world.intake.id, chosen, actor=world.leader_actor, now=now, zone=ZONE)
        case "capacity":
            set_capacity(session, world, number, now)
        case "lapse":
            lapse_requests(session, zone=ZONE, now=now)


def _check(session: Session, world: World, before: list[int], queue: list[int], now: datetime) -> None:
    intake = session.get_one(Intake, world.intake.id)
    placed, left_waiting = enrolled(session, intake.id), waiting(session, intake.id)
    has_begun = now.astimezone(ZONE).date() >= START
    assert len(placed) <= intake.capacity
    new = [one for one in placed if one not in before]
    if has_begun:
        assert new == []
        return
    assert not left_waiting or len(placed) == intake.capacity, "a place is free and somebody waits"
    promoted = [one for one in queue if one in new]
    stayed = [one for one in queue if one in left_waiting]
    assert queue.index(promoted[-1]) < queue.index(stayed[0]) if promoted and stayed else True
    assert left_waiting[: len(stayed)] == stayed, "somebody came in before those who waited"
    for trainee in session.scalars(select(Trainee).where(Trainee.intake_id == intake.id)):
        states = session.scalars(select(PlaceRequest.state).where(PlaceRequest.person_id == trainee.person_id)).all()
        assert trainee.state is TraineeState.LEFT or states == [RequestState.GRANTED]
