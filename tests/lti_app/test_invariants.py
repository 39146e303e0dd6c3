"""Each thing that must always hold, broken behind the program's back, is found; an honest world is not accused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.invariants import audit
from lti_app.credits.seminar_models import SeminarCredit
from lti_app.credits.seminars import give_hours, reverse_hours
from lti_app.credits.service import confirm_credits, propose_credits, reverse_entry
from lti_app.intakes.models import Trainee
from lti_app.meetings.guest_presence import confirm_guests
from lti_app.plans.agreeing import agree_to_plan
from lti_app.plans.consulting import Terms, set_consultation
from lti_app.plans.models import RatingMoment
from lti_app.plans.rating import rate
from lti_app.plans.seats import seat_of
from lti_app.plans.writing import begin_plan
from lti_app.programmes.models import Competence, Mode, VersionState
from lti_app.web.upkeep import CHECKS
from tests.lti_app.meetings.guests_world import END, ZONE, guest_stay, open_meeting, signs_up
from tests.lti_app.products.made import Work, demand
from tests.lti_app.world import NOW, World, behind_the_rules


@contextmanager
def _unguarded(database: Database) -> Iterator[Session]:
    """Yield a session without foreign keys and triggers, as in a careless repair by hand."""
    with database.session() as session:
        if database.is_sqlite:
            session.connection().exec_driver_sql("COMMIT")
            session.connection().exec_driver_sql("PRAGMA foreign_keys=OFF")
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("SET session_replication_role = replica"))
        yield session


def _found_after(database: Database, statement: str) -> list[str]:
    """Return the auditor's lines after ``statement``, which is taken back."""
    with _unguarded(database) as session:
        session.execute(text(statement))
        return list(audit(session, CHECKS))


def _lines(database: Database) -> list[str]:
    with database.session(writes=False) as session:
        return list(audit(session, CHECKS))


def _honest(database: Database) -> World:
    with database.transaction() as session:
        world = World(session, topics=(4,), capacity=3, course_id=5)
        anna, boris = world.trainees(2)
        world.trainee(left=True)
        world.trainee()
        meeting = world.meeting(hours=4)
        world.attended(meeting, anna, boris)
        for begin in (0, 10):
            world.stay(
                meeting,
                anna,
                meeting.starts_at + timedelta(minutes=begin),
                meeting.starts_at + timedelta(minutes=begin + 10),
            )
        propose_credits(session, now=NOW)
        ids = list(session.scalars(text("SELECT id FROM credit_proposal ORDER BY id")))
        confirm_credits(session, intake_id=world.intake.id, proposal_ids=ids, actor=world.leader_actor, now=NOW)
        entry_id = session.scalar(text("SELECT min(id) FROM credit_entry"))
        assert isinstance(entry_id, int)
        reverse_entry(session, entry_id=entry_id, reason="ошибка", actor=world.leader_actor, now=NOW)
        _with_guests(world)
        _planned(world, boris)
        asked = demand(world)
        Work(session, world, anna, asked.id).saved().agreed().handed_in().accepted()
        Work(session, world, boris, asked.id).saved().handed_in().returned()
        Work(session, world, boris).saved().handed_in()
        World(session, "other", moodle=world.moodle).trainee(person=boris.person)
        World(session, "draft", moodle=world.moodle, state=VersionState.DRAFT, published=False)
    return world


def _with_guests(world: World) -> None:
    """Hold an open meeting: of two guests the first has hours (taken back once), a third waits."""
    meeting = open_meeting(world, places=2)
    first, second, _third = (signs_up(world, meeting, minute=minute) for minute in range(3))
    guest_stay(world, first, 30)
    guest_stay(world, second, 60)
    leader, session = world.leader_actor, world.session
    confirm_guests(session, meeting_id=meeting.id, present=[first.id], actor=leader, now=END)
    for _ in range(2):
        give_hours(session, meeting_id=meeting.id, guest_ids=[first.id], actor=leader, now=END, zone=ZONE)
        if session.query(SeminarCredit).count() == 1:
            reverse_hours(session, credit_id=1, reason="ошибка", actor=leader, now=END, zone=ZONE)


def _planned(world: World, trainee: Trainee) -> None:
    """Agree on a plan, hold a consultation, and rate a planned result."""
    session, zone = world.session, ZoneInfo("Asia/Novokuznetsk")
    with behind_the_rules(session):
        result = Competence(version=world.version, position=1, text="Составляет задания")
        session.add(result)
    plan = begin_plan(session, trainee_id=trainee.id, from_programme=True, actor=world.leader_actor, now=NOW, zone=zone)
    for actor in (world.leader_actor, world.actor_of(trainee)):
        agree_to_plan(session, trainee_id=trainee.id, seen=plan.revision, actor=actor, now=NOW)
    set_consultation(
        session,
        trainee_id=trainee.id,
        topic_id=world.topics[0].id,
        question="Разбор конспекта",
        terms=Terms(NOW + timedelta(days=1), 45, Mode.ON_SITE, "каб. 5"),
        actor=world.leader_actor,
        now=NOW,
        zone=zone,
    )
    seat = seat_of(session, trainee.id, actor=world.leader_actor)
    rate(session, seat, RatingMoment.START, {result.id: 1}, actor=world.leader_actor, now=NOW, zone=zone)


def test_an_honest_world_is_not_accused(database: Database) -> None:
    _honest(database)
    assert _lines(database) == []


BREAKS = {
    "an approved version's topics add up": "UPDATE topic SET hours = hours + 100 WHERE version_id = 1",
    "no intake has more trainees": "UPDATE intake SET capacity = 2 WHERE id = 1",
    "nobody has places in two intakes": "UPDATE intake SET course_id = 5, course_tied_by = 'leader'",
    "a course belongs to one site": "UPDATE intake SET course_id = 5, course_tied_by = 'leader'",
    "only intakes of approved versions": "UPDATE intake SET published_at = enrolled_at FROM trainee"
    " WHERE intake.code = 'intake-draft' AND trainee.id = 1",
    "stays of a trainee in a meeting do not overlap": "UPDATE join_log"
    " SET left_at = (SELECT max(left_at) FROM join_log)",
    "attendance is of the intake's own": "UPDATE attendance SET trainee_id = (SELECT max(id) FROM trainee)"
    " WHERE trainee_id = 1",
    "stays are of the intake's own": "UPDATE join_log SET trainee_id = (SELECT max(id) FROM trainee)"
    " WHERE trainee_id IS NOT NULL",
    "no meeting has more guests": "UPDATE meeting SET guest_places = 1 WHERE is_open",
    "guests wait only where": "UPDATE meeting SET guest_places = NULL WHERE is_open",
    "nobody is present as a guest and": "UPDATE meeting_guest SET meeting_id = 1, person_id ="
    " (SELECT person_id FROM trainee WHERE id = 1) WHERE id = 1",
    "guests are of open meetings": "UPDATE meeting SET is_open = false WHERE is_open",
    "stays of a guest are in": "UPDATE join_log SET meeting_id = 1 WHERE guest_id IS NOT NULL",
    "a guest's presence is held exactly": "UPDATE meeting_guest SET is_credited = false WHERE id = 1",
    "a reversal of a guest's hours": "UPDATE seminar_credit SET hours = 100 WHERE kind = 'reversal'",
    "a guest's hours name": "UPDATE seminar_credit SET person_id = 1 WHERE id = 1",
    "a meeting has as many answers": "INSERT INTO feedback_given (meeting_id, person_id) VALUES (1, 1)",
    "individual meetings are with": "UPDATE meeting SET only_for_id = (SELECT max(id) FROM trainee)",
    "the newest agreed version": "UPDATE individual_plan SET agreed_number = 7",
    "an agreed plan says": "UPDATE plan_item SET title = 'Иначе'",
    "points are of their trainee's": "UPDATE plan_item SET topic_id = (SELECT max(id) FROM topic)",
    "a consultation's meeting is": "UPDATE consultation SET trainee_id = (SELECT max(id) FROM trainee)",
    "ratings are of planned results": "UPDATE intake SET version_id = (SELECT max(id) FROM programme_version)",
    "meetings are on topics": "UPDATE meeting SET topic_id = (SELECT max(id) FROM topic)",
    "a product's state is that": "UPDATE product SET state = 'accepted' WHERE id = 2",
    "the catalogue shows accepted texts": "UPDATE product SET consented_at = NULL WHERE id = 1",
    "products and assignments are on demands": "UPDATE product_demand"
    " SET version_id = (SELECT max(id) FROM programme_version)",
    "attendance is what its last correction": "INSERT INTO attendance_correction"
    " (attendance_id, before, after, reason, made_at, made_by_id)"
    " SELECT id, 'present', 'absent', 'ошибка', confirmed_at, confirmed_by_id FROM attendance",
    "credited hours are within": "UPDATE credit_entry SET hours = 401 WHERE trainee_id = 2",
    "a proposal has an entry exactly": "UPDATE credit_proposal SET state = 'open', closed_at = NULL WHERE id = 2",
    "a reversal takes back just": "UPDATE credit_entry SET hours = 200 WHERE kind = 'reversal'",
    "an entry names the trainee's person": "UPDATE credit_entry SET person_id = 1 WHERE trainee_id = 2",
    "attendance is held exactly": "UPDATE attendance SET is_credited = NOT is_credited WHERE trainee_id = 2",
    "enrolments that the tool made": "INSERT INTO owned_enrolment (moodle_id, course_id, user_id, role, starts, ends,"
    " suspended, pending, drift, written_at)"
    " VALUES (77, 5, 8, 'trainee', 0, 0, false, false, '', '2026-11-24 00:00:00')",
}


def test_what_breaks_an_invariant_is_found(database: Database) -> None:
    _honest(database)
    found = {
        name: any(line.startswith(name) for line in _found_after(database, statement))
        for name, statement in BREAKS.items()
    }
    assert found == dict.fromkeys(BREAKS, True)
    assert _lines(database) == []


MORE_BREAKS: dict[str, tuple[str, str]] = {
    "credited below zero": (
        "UPDATE credit_entry SET hours = 900 WHERE kind = 'reversal'",
        "credited hours are within the programme's: trainee 1 has -5 credited of 4 hours",
    ),
    "a confirmed proposal without an entry": (
        "UPDATE credit_entry SET proposal_id = NULL WHERE trainee_id = 2",
        "a proposal has an entry exactly if it is confirmed: proposal 2 is confirmed and has no entry",
    ),
    "hours given twice": (
        "UPDATE seminar_credit SET kind = 'credit', reverses_id = NULL, reason = NULL",
        "a guest's presence is held exactly while hours rest on it, once: guest 1 has the hours 3 times",
    ),
    "two stays of a guest at once": (
        "UPDATE join_log SET guest_id = 1 WHERE guest_id = 2",
        "stays of a guest are in the guest's meeting, one at a time: stays 3 and 4 overlap",
    ),
    "an open stay beside a later one": (
        "UPDATE join_log SET left_at = NULL, left_how = NULL WHERE id = 1",
        "stays of a trainee in a meeting do not overlap: stays 1 and 2 overlap",
    ),
    "a version without topics": (
        "UPDATE topic SET version_id = (SELECT max(id) FROM programme_version), position = id + 10"
        " WHERE version_id = 1",
        "an approved version's topics add up to its hours: programme version 1 has 4 hours, its topics 0",
    ),
    "attendance held for no credit": (
        "UPDATE attendance SET is_credited = NOT is_credited WHERE trainee_id = 1",
        "attendance is held exactly while credit rests on it:"
        " attendance of trainee 1 at meeting 1 is held, and no credit rests on it",
    ),
}


def test_a_breach_says_what_is_wrong_with_what(database: Database) -> None:
    _honest(database)
    for statement, line in MORE_BREAKS.values():
        assert line in _found_after(database, statement)


def test_every_invariant_is_tried() -> None:
    for check in CHECKS:
        assert any(check.name.startswith(start) for start in BREAKS), check.name


def test_the_command_is_silent_on_an_honest_world(app: Flask, database: Database) -> None:
    _honest(database)
    result = app.test_cli_runner().invoke(args=["audit-invariants"])
    number = len(CHECKS) + 1  # that of the files needs their folder, too
    assert (result.exit_code, result.output) == (0, f"{number} invariants hold\n")


def test_the_command_names_each_breach_and_fails(app: Flask, database: Database) -> None:
    _honest(database)
    with _unguarded(database) as session:
        session.execute(text("UPDATE intake SET capacity = 1"))
        session.commit()
    result = app.test_cli_runner().invoke(args=["audit-invariants"])
    assert result.exit_code == 1
    assert result.output == "no intake has more trainees than places: intake 1 has 3 trainees on 1 places\n"
