"""A course belongs to an intake because its idnumber says so, or because the leader tied the two."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes import courses
from lti_app.intakes.courses import (
    intakes_of_course,
    likely_offer,
    share_course,
    share_offers,
    tie_course,
    tie_offers,
)
from lti_app.intakes.invariants import courses_of_several_sites, places_twice_in_a_course
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.programmes.models import ProgrammeVersion, VersionState
from tests.lti_app.world import NOW, World, behind_the_rules


def _intake(session: Session, world: World, course_id: int, idnumber: str | None = None) -> str | None:
    found = intakes_of_course(session, moodle_id=world.moodle.id, course_id=course_id, course_idnumber=idnumber)
    session.flush()
    return ", ".join(intake.code for intake in found) or None


def test_a_known_course_is_found_whatever_its_idnumber(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a", course_id=5)
        World(session, "b", moodle=world.moodle)
        assert _intake(session, world, 5) == "intake-a"
        assert _intake(session, world, 5, "intake-b") == "intake-a"
        assert _intake(session, world, 6) is None
        assert _intake(session, world, 6, "") is None
        assert _intake(session, world, 6, "unknown") is None


def test_the_idnumber_ties_a_course_to_an_intake_that_has_none(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a")
        assert _intake(session, world, 5, "intake-a") == "intake-a"
        assert (world.intake.course_id, world.intake.course_tied_by) == (5, "idnumber")
        assert _intake(session, world, 5) == "intake-a"


def test_the_idnumber_takes_no_course_away(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a", course_id=5)
        assert _intake(session, world, 6, "intake-a") is None
        assert world.intake.course_id == 5


def test_a_course_of_another_moodle_is_another_course(database: Database) -> None:
    with database.transaction() as session:
        here, there = World(session, "a", course_id=5), World(session, "b")
        assert _intake(session, there, 5) is None
        assert _intake(session, there, 5, "intake-a") is None
        assert here.intake.course_id == 5


def test_two_first_launches_at_once_agree(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a")
        moodle_id = world.moodle.id
    together = threading.Barrier(2)
    found: list[str] = []

    def launch() -> None:
        together.wait()
        with database.transaction() as session:
            intakes = intakes_of_course(session, moodle_id=moodle_id, course_id=5, course_idnumber="intake-a")
            found.extend(intake.code for intake in intakes)

    launches = [threading.Thread(target=launch) for _ in range(2)]
    for one in launches:
        one.start()
    for one in launches:
        one.join()
    assert found == ["intake-a", "intake-a"]
    with database.session() as session:
        assert session.scalars(select(Intake.course_id)).all() == [5]


def test_a_leader_may_tie_own_published_intakes_without_a_course(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a")
        World(session, "b", moodle=world.moodle)
        World(session, "c")
        world.trainees(3)
        world.trainee(left=True)
        offers = tie_offers(session, world.leader_actor, world.moodle.id)
        assert [(offer.intake.code, offer.trainees) for offer in offers] == [("intake-a", 3)]
        world.intake.published_at = None
        session.flush()
        assert tie_offers(session, world.leader_actor, world.moodle.id) == []
        with pytest.raises(Forbidden):
            tie_offers(session, world.actor_of(world.trainee()), world.moodle.id)


def test_the_likely_intake_is_the_one_that_the_courses_title_names_and_doubt_stays_open(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a")
        other = World(session, "b", moodle=world.moodle)
        leader = replace(world.leader_actor, led_site_ids=frozenset({world.site.id, other.site.id}))
        offers = tie_offers(session, leader, world.moodle.id)

        def likely(title: str) -> str | None:
            found = likely_offer(offers, title)
            return found.intake.code if found else None

        assert len(offers) == 2
        assert likely("Стажировка INTAKE-B, осень") == "intake-b"
        assert likely("Функциональная грамотность на уроке, осень") is None  # both run by a programme of this title
        with behind_the_rules(session):
            other.version.title = "Проектная деятельность"
        assert likely("Функциональная грамотность на уроке, осень") == "intake-a"
        assert likely("Что-то своё") is None
        assert likely_offer(offers[:1], "Что-то своё") is offers[0]
        assert likely_offer([], "Что-то своё") is None


def test_the_leader_ties_a_course_and_it_is_on_record(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a")
        for _ in range(2):  # said twice, done once
            tie_course(session, intake_id=world.intake.id, course_id=5, actor=world.leader_actor, now=NOW)
        session.flush()
        assert (world.intake.course_id, world.intake.course_tied_by) == (5, "leader")
        audit = session.scalars(select(AuditEntry)).all()
        assert [(entry.action, entry.changes["course_id"]) for entry in audit] == [("tie_course", [None, 5])]


def test_refusals_to_tie(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        taken = World(session, "c", moodle=world.moodle, course_id=5)
        draft = World(session, "d", moodle=world.moodle, published=False)
        elsewhere = replace(world.leader_actor, moodle_id=other.moodle.id)

        def refused(intake: Intake, course_id: int, actor: object, code: str) -> DomainError:
            with pytest.raises(DomainError, match=code) as refusal:
                tie_course(session, intake_id=intake.id, course_id=course_id, actor=actor, now=NOW)  # type: ignore[arg-type]
            return refusal.value

        assert refused(world.intake, 6, other.leader_actor, "not_your_site").clause == "4.1"
        assert isinstance(refused(world.intake, 6, elsewhere, "other_moodle"), Forbidden)
        assert isinstance(refused(world.intake, 5, world.leader_actor, "course_is_taken"), Conflict)
        assert isinstance(refused(taken.intake, 6, taken.leader_actor, "intake_has_course"), Conflict)
        assert refused(draft.intake, 6, draft.leader_actor, "intake_not_published").clause == "4.2"
        assert world.intake.course_id is None
        with pytest.raises(NotFound):
            tie_course(session, intake_id=999, course_id=6, actor=world.leader_actor, now=NOW)


def another_intake(world: World, code: str = "intake-z", **changes: object) -> Intake:
    values = {"version": world.version, "moodle": world.moodle, "capacity": 10, "published_at": NOW}
    days = {"starts_on": world.intake.starts_on, "ends_on": world.intake.ends_on}
    intake = Intake(code=code, **{**values, **days, **changes})
    world.session.add(intake)
    world.session.flush()
    return intake


def test_intakes_of_one_site_may_share_a_course_by_their_leaders_word(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a", course_id=5)
        second, third = another_intake(world), another_intake(world, "intake-y")
        World(session, "b", moodle=world.moodle, course_id=6)
        assert [offer.code for offer in share_offers(session, world.leader_actor, second.id)] == ["intake-a"]
        share_course(session, intake_id=second.id, with_id=world.intake.id, actor=world.leader_actor, now=NOW)
        tie_course(session, intake_id=third.id, course_id=5, actor=world.leader_actor, now=NOW)
        assert _intake(session, world, 5, "intake-y") == "intake-a, intake-y, intake-z"
        assert {second.course_tied_by, third.course_tied_by} == {"leader"}
        assert share_offers(session, world.leader_actor, second.id) == []
        assert [entry.action for entry in session.scalars(select(AuditEntry))] == ["tie_course", "tie_course"]
        assert [*courses_of_several_sites(session), *places_twice_in_a_course(session)] == []


def test_refusals_to_share_a_course(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a", course_id=5)
        other = World(session, "b", moodle=world.moodle, course_id=6)
        longer = ProgrammeVersion(
            programme=world.programme,
            number=2,
            title="Длиннее",
            hours=36,
            hours_needed=36,
            state=VersionState.APPROVED,
            council_protocol="4",
            council_date=NOW.date(),
        )
        session.add(longer)
        both = replace(world.leader_actor, led_site_ids=frozenset({world.site.id, other.site.id}))

        def refused(intake: Intake, with_id: int, code: str, actor: object = both) -> None:
            with pytest.raises(DomainError, match=code):
                share_course(session, intake_id=intake.id, with_id=with_id, actor=actor, now=NOW)  # type: ignore[arg-type]

        plain, long = another_intake(world), another_intake(world, "intake-y", version=longer)
        refused(plain, other.intake.id, "course_is_taken")
        refused(plain, other.intake.id, "not_your_site", world.leader_actor)
        refused(long, world.intake.id, "other_hours")
        assert share_offers(session, both, long.id) == []
        refused(plain, 999, "no_such_intake")
        refused(plain, long.id, "no_such_intake")  # it has no course either
        trainee = world.trainee()
        session.add(Trainee(intake=plain, person=trainee.person, state=TraineeState.ENROLLED, enrolled_at=NOW))
        session.flush()
        refused(plain, world.intake.id, "places_in_both")
        world.intake.published_at = None
        session.flush()
        refused(plain, world.intake.id, "course_is_taken")
        with pytest.raises(NotFound):
            share_offers(session, both, 999)


def test_the_auditor_finds_second_places_and_courses_of_several_sites(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, "a", course_id=5)
        other = World(session, "b", moodle=world.moodle)
        other.intake.course_id, other.intake.course_tied_by = 5, "leader"
        person = world.trainee().person
        other.trainee(person=person)
        [twice] = places_twice_in_a_course(session)
        assert f"person {person.id} " in twice
        [shared] = courses_of_several_sites(session)
        assert "course 5 " in shared


def test_the_night_and_an_idnumber_never_share_a_course(database: Database) -> None:
    with database.session() as session:
        world = World(session, "a", course_id=5)
        with pytest.raises(IntegrityError):
            another_intake(world, course_id=5, course_tied_by="night")


def test_a_course_of_another_moodle_can_not_be_shared(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        elsewhere = another_intake(world, "intake-z", moodle=other.moodle, course_id=77, course_tied_by="night")
        with pytest.raises(NotFound):
            share_course(session, intake_id=world.intake.id, with_id=elsewhere.id, actor=world.leader_actor, now=NOW)
        assert world.intake.course_id is None


def test_two_leaders_who_tie_one_course_at_once_do_not_both_get_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        worlds = [World(session, "a")]
        worlds.append(World(session, "b", moodle=worlds[0].moodle))
        ties = [(world.intake.id, world.leader_actor) for world in worlds]
    looked = threading.Barrier(2)
    require_free = courses._require_free

    def slowly(*given: Any) -> None:
        require_free(*given)
        with contextlib.suppress(threading.BrokenBarrierError):
            looked.wait(1)

    monkeypatch.setattr(courses, "_require_free", slowly)

    def tie(intake_id: int, actor: Actor) -> str:
        try:
            with database.transaction() as session:
                tie_course(session, intake_id=intake_id, course_id=5, actor=actor, now=NOW)
        except Conflict:
            return "refused"
        return "tied"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tie, *zip(*ties, strict=True))) == ["refused", "tied"]
