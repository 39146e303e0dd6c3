"""Each thing that must always hold, broken behind the program's back, is found; an honest world is not accused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.invariants import audit
from lti_app.credits.service import confirm_credits, propose_credits, reverse_entry
from lti_app.programmes.models import VersionState
from lti_app.web.upkeep import CHECKS
from tests.lti_app.world import NOW, World


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
        World(session, "other", moodle=world.moodle).trainee(person=boris.person)
        World(session, "draft", moodle=world.moodle, state=VersionState.DRAFT, published=False)
    return world


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
    "stays are of the intake's own": "UPDATE join_log SET trainee_id = (SELECT max(id) FROM trainee)",
    "meetings are on topics": "UPDATE meeting SET topic_id = (SELECT max(id) FROM topic)",
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
