"""A Moodle user becomes a person only where that is certain."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.people.accounts import find_person
from lti_app.people.models import MoodleAccount, Person
from tests.lti_app.world import NOW, World


def nobody_has(_person: Person) -> bool:
    return False


def _find(
    session: Session, world: World, user_id: int = 7, idnumber: str | None = None, email: str | None = None
) -> int | None:
    person = find_person(
        session,
        moodle_id=world.moodle.id,
        user_id=user_id,
        idnumber=idnumber,
        email=email,
        has_power=nobody_has,
        now=NOW,
    )
    session.flush()
    return person.id if person else None


def _accounts(session: Session) -> list[tuple[int, int, str]]:
    rows = session.scalars(select(MoodleAccount).order_by(MoodleAccount.id))
    return [(row.user_id, row.person_id, row.matched_by) for row in rows]


def test_a_known_account_needs_no_idnumber_and_no_email(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.person(), world.person(idnumber="T-2")
        world.account(anna, 7)
        assert _find(session, world) == anna.id
        assert _find(session, world, idnumber=boris.moodle_idnumber, email=boris.email) == anna.id


def test_the_idnumber_comes_before_the_email_and_is_remembered(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.person(idnumber="T-1"), world.person(email="boris@example.org")
        assert _find(session, world, idnumber="T-1", email=boris.email) == anna.id
        assert _accounts(session) == [(7, anna.id, "idnumber")]
        assert _find(session, world) == anna.id


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ("Anna@Example.org", "anna@EXAMPLE.org"),
        ("anna@example.org", " ANNA@example.org "),
        ("Анна@школа.рф", "АННА@ШКОЛА.РФ"),
        ("straße@example.org", "STRASSE@example.org"),
    ],
)
def test_the_email_is_compared_without_case(database: Database, stored: str, given: str) -> None:
    with database.transaction() as session:
        world = World(session)
        world.person(email="other@example.org")
        anna = world.person(email=stored)
        assert _find(session, world, email=given) == anna.id
        assert _accounts(session) == [(7, anna.id, "email")]


def test_two_persons_with_one_email_are_for_a_person_to_decide(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.person(email="straße@example.org")
        world.person(email="STRASSE@example.org")
        assert _find(session, world, email="strasse@example.org") is None
        assert _find(session, world, email="Straße@example.org") is None
        assert _accounts(session) == []


def test_an_email_does_not_speak_against_an_idnumber(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.person(idnumber="T-1", email="anna@example.org")
        assert _find(session, world, idnumber="T-9", email="anna@example.org") is None
        assert _accounts(session) == []
        assert _find(session, world, email="anna@example.org") == anna.id


@pytest.mark.parametrize("idnumber", [None, "", "T-9"])
def test_a_stranger_is_nobody_and_no_person_is_made(database: Database, idnumber: str | None) -> None:
    with database.transaction() as session:
        world = World(session)
        before = len(session.scalars(select(Person.id)).all())
        assert _find(session, world, idnumber=idnumber, email="stranger@example.org") is None
        assert _find(session, world, idnumber=idnumber, email="") is None
        assert len(session.scalars(select(Person.id)).all()) == before


def test_a_person_tied_to_one_user_is_not_tied_to_another(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.person(idnumber="T-1", email="anna@example.org")
        world.account(anna, 7)
        assert _find(session, world, user_id=8, idnumber="T-1") is None
        assert _find(session, world, user_id=8, email="anna@example.org") is None
        assert _accounts(session) == [(7, anna.id, "idnumber")]


def test_the_same_person_has_an_account_in_each_moodle(database: Database) -> None:
    with database.transaction() as session:
        here, there = World(session, "a"), World(session, "b")
        anna = here.person(idnumber="T-1")
        assert _find(session, here, user_id=7, idnumber="T-1") == anna.id
        assert _find(session, there, user_id=4, idnumber="T-1") == anna.id
        assert _find(session, there, user_id=7) is None


def test_two_first_launches_at_once_make_one_account(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna_id, moodle_id = world.person(idnumber="T-1").id, world.moodle.id
    together = threading.Barrier(2)
    found: list[int | None] = []

    def launch() -> None:
        together.wait()
        with database.transaction() as session:
            person = find_person(
                session, moodle_id=moodle_id, user_id=7, idnumber="T-1", email=None, has_power=nobody_has, now=NOW
            )
            found.append(person.id if person else None)

    launches = [threading.Thread(target=launch) for _ in range(2)]
    for one in launches:
        one.start()
    for one in launches:
        one.join()
    assert found == [anna_id, anna_id]
    with database.session() as session:
        assert _accounts(session) == [(7, anna_id, "idnumber")]


def test_an_idnumber_with_somebody_elses_email_ties_nobody(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.leader.moodle_idnumber = "LEAD-1"
        session.flush()
        assert _find(session, world, user_id=4711, idnumber="LEAD-1", email="other@example.org") is None
        assert session.scalar(select(func.count()).select_from(MoodleAccount)) == 0
