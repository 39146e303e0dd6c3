"""Assignments of Moodle that stand for products: tied by the leader, shown with their grades, accepted on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.invariants import audit
from lti_app.core.permissions import Role
from lti_app.intakes.models import Trainee
from lti_app.products.assignments import (
    Seen,
    intake_to_tie,
    keep_course_assignments,
    keep_grades,
    offered,
    tie_assignments,
    ties_of,
)
from lti_app.products.handing import take_back
from lti_app.products.invariants import CHECKS
from lti_app.products.models import CourseAssignment, GradeState, Mark, ProductState, Source
from lti_app.products.overview import ProductCard, product_cards, products_of_intake, waiting_of
from lti_app.products.reviewing import MarkRow, accept_from_moodle, undo_acceptance
from lti_app.products.texts import open_version
from tests.lti_app.products.made import ALL_MET, Work, demand, refused
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

COURSE = 12


@pytest.fixture
def world(session: Session) -> World:
    return World(session, course_id=COURSE)


def see(session: Session, world: World, names: dict[int, str]) -> None:
    keep_course_assignments(session, moodle_id=world.moodle.id, course_id=COURSE, names=names, now=NOW)


def tie(session: Session, world: World, chosen: dict[int, int | None]) -> None:
    tie_assignments(session, world.intake.id, chosen, actor=world.leader_actor, now=NOW)


def graded(
    session: Session, trainee: Trainee, cmid: int = 71, grade: float | None = 87.5, most: float | None = 100.0
) -> None:
    seen = Seen(trainee.id, cmid, grade, most, NOW - timedelta(days=1))
    keep_grades(session, [seen], now=NOW)


def card(session: Session, trainee: Trainee) -> ProductCard:
    (found,) = product_cards(session, trainee.id)
    return found


def accept(session: Session, world: World, trainee: Trainee, demand_id: int, marks: object = ALL_MET) -> None:
    accept_from_moodle(
        session,
        trainee_id=trainee.id,
        demand_id=demand_id,
        marks=marks,  # type: ignore[arg-type]
        remarks="",
        actor=world.leader_actor,
        now=NOW,
    )


def test_the_leader_ties_a_demand_to_an_assignment_of_the_course(session: Session, world: World) -> None:
    first, second = demand(world), demand(world, 2, title="Открытый урок")
    see(session, world, {71: "Карта", 72: "Урок"})
    see(session, world, {71: "Карта урока", 73: "Эссе"})
    assert [(row.cmid, row.name) for row in offered(session, world.intake)] == [(71, "Карта урока"), (73, "Эссе")]
    tie(session, world, {first.id: 71, second.id: None})
    assert {one: row.cmid for one, row in ties_of(session, world.intake.id).items()} == {first.id: 71}
    assert refused(lambda: tie(session, world, {first.id: 72}), "no_such_assignment").field == f"cmid_{first.id}"
    twice = {first.id: 71, second.id: 71}
    assert refused(lambda: tie(session, world, twice), "assignment_tied_twice").field == f"cmid_{second.id}"
    other = World(session, "b", moodle=world.moodle)
    refused(lambda: tie(session, world, {demand(other).id: 71}), "no_such_demand", NotFound)
    refused(lambda: intake_to_tie(session, world.intake.id, actor=other.leader_actor), "not_your_site", Forbidden)
    refused(lambda: intake_to_tie(session, 999_999, actor=world.leader_actor), "no_such_intake", NotFound)
    see(session, world, {})  # taken out of the course: the tie stays until the leader changes it
    tie(session, world, {first.id: 71})
    tie(session, world, {first.id: None})
    assert ties_of(session, world.intake.id) == {}
    entries = session.scalars(select(AuditEntry.changes).where(AuditEntry.action == "tie_assignments")).all()
    assert entries[0]["assignments"] == ["", "Технологическая карта урока: Карта урока"]
    assert len(entries) == 2


def test_a_trainees_card_says_what_moodle_held(session: Session, world: World) -> None:
    trainee, asked = world.trainee(), demand(world)
    see(session, world, {71: "Карта"})
    tie(session, world, {asked.id: 71})
    assert (card(session, trainee).assignment, card(session, trainee).work) == ("Карта", None)
    states = []
    for seen in (
        Seen(trainee.id, 71, None, 100.0, None),
        Seen(trainee.id, 71, None, 100.0, NOW),
        Seen(trainee.id, 71, 87.5, 100.0, NOW),
    ):
        keep_grades(session, [seen], now=NOW)
        session.expire_all()
        work = card(session, trainee).work
        assert work is not None
        shown = card(session, trainee)
        states.append((work.state, work.grade, shown.waits_for_leader, shown.is_due))
    assert states == [
        (GradeState.NOTHING, None, False, True),
        (GradeState.SUBMITTED, None, False, False),
        (GradeState.GRADED, 87.5, True, False),
    ]
    assert work.read_at == NOW


def test_the_leader_accepts_on_the_grade(session: Session, world: World) -> None:
    trainee, asked = world.trainee(), demand(world)
    see(session, world, {71: "Карта"})
    tie(session, world, {asked.id: 71})
    refused(lambda: accept(session, world, trainee, asked.id), "no_grade_in_moodle")
    graded(session, trainee, grade=None)
    refused(lambda: accept(session, world, trainee, asked.id), "no_grade_in_moodle")
    session.expire_all()
    graded(session, trainee)
    session.expire_all()
    unmarked = {0: MarkRow(Mark.MET)}
    refused(lambda: accept(session, world, trainee, asked.id, unmarked), "criterion_without_mark")
    session.rollback()


def test_what_was_accepted_on_a_grade_is_a_text_without_files(session: Session, world: World) -> None:
    trainee, asked = world.trainee(), demand(world)
    see(session, world, {71: "Карта"})
    tie(session, world, {asked.id: 71})
    graded(session, trainee)
    accept(session, world, trainee, asked.id)
    work = Work(session, world, trainee, asked.id)
    (version,) = work.product.versions
    assert (work.product.state, version.source, version.submitted_at, version.links) == (
        ProductState.ACCEPTED,
        Source.MOODLE,
        NOW - timedelta(days=1),
        [],
    )
    assert not card(session, trainee).waits_for_leader
    refused(lambda: accept(session, world, trainee, asked.id), "product_under_way")
    work.agreed()
    assert list(audit(session, CHECKS)) == []
    undo_acceptance(session, work.product_id, reason="ошибка", actor=world.leader_actor, now=NOW)
    refused(lambda: take_back(session, work.product_id, actor=work.author, now=NOW), "handed_in_in_moodle")
    assert list(audit(session, CHECKS)) == []


def test_what_is_being_prepared_here_stays_aside(session: Session, world: World) -> None:
    trainee, asked = world.trainee(), demand(world)
    work = Work(session, world, trainee, asked.id).saved(note="черновик")
    see(session, world, {71: "Карта"})
    tie(session, world, {asked.id: 71})
    graded(session, trainee)
    accept(session, world, trainee, asked.id)
    handed, prepared = work.product.versions
    assert (handed.number, handed.source) == (1, Source.MOODLE)
    assert (prepared.number, prepared.note) == (2, "черновик")
    assert open_version(work.product) is prepared
    assert list(audit(session, CHECKS)) == []


def test_what_waits_here_is_decided_on_here_and_nobody_accepts_their_own(session: Session, world: World) -> None:
    trainee, asked = world.trainee(), demand(world)
    see(session, world, {71: "Карта"})
    tie(session, world, {asked.id: 71})
    graded(session, trainee)
    Work(session, world, trainee, asked.id).saved().handed_in()
    refused(lambda: accept(session, world, trainee, asked.id), "product_under_way")
    own = replace(world.leader_actor, person_id=trainee.person_id, roles=frozenset({Role.LEADER, Role.TRAINEE}))

    def accept_own() -> None:
        accept_from_moodle(
            session, trainee_id=trainee.id, demand_id=asked.id, marks=ALL_MET, remarks="", actor=own, now=NOW
        )

    refused(accept_own, "own_product", Forbidden)
    refused(lambda: accept(session, world, trainee, 999_999), "no_such_product", NotFound)


def test_the_leader_sees_everybody_in_few_queries(database: Database, session: Session, world: World) -> None:
    asked, second = demand(world), demand(world, 2, title="Открытый урок", is_required=False)
    see(session, world, {71: "Карта"})
    tie(session, world, {asked.id: 71})
    counts = []
    for number in range(12):
        trainee = world.trainee(f"Стажёр{number:02}", left=number in (4, 5))
        if number not in (5, 6, 4):
            work = Work(session, world, trainee, asked.id if number % 2 else None).saved()
            if number % 3:
                work.handed_in()
        graded(session, trainee)
        if number in (3, 11):
            session.commit()
            with database.session(writes=False) as fresh, counted_queries(database) as seen:
                shown = products_of_intake(fresh, world.intake.id)
            counts.append(len(seen))
            with database.session(writes=False) as fresh, counted_queries(database) as seen:
                page = waiting_of(fresh, None, actor=world.leader_actor)
            counts.append(len(seen))
    assert counts == [4, 2, 4, 2]
    assert [row.name for row in shown.trainees if row.has_left] == []
    assert len(shown.trainees) == 10
    assert [one.id for one in shown.demands] == [asked.id, second.id]
    row = shown.trainees[1]
    own = row.on(asked.id)
    assert own is not None
    assert (own.state, own.work is not None) == (ProductState.SUBMITTED, True)
    assert page.total == sum(card.state is ProductState.SUBMITTED for row in shown.trainees for card in row.cards)
    assert session.scalars(select(CourseAssignment)).one().seen_at == NOW
