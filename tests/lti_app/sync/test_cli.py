"""The commands that timers and scripts rely on: exit codes, the JSON object, status, approval."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.outbox import OutboxMessage, enqueue
from lti_app.credits.service import SCORE
from lti_app.intakes.models import Trainee
from lti_app.lti.models import Moodle
from lti_app.people.models import Person
from lti_app.sync import lock
from moodle_sync.sandbox import Sandbox
from tests.conftest import MovableClock
from tests.lti_app.sync.conftest import PEOPLE
from tests.lti_app.sync.test_night import leave
from tests.lti_app.world import NOW


@pytest.fixture
def run(app: Flask, moodle_id: int) -> Any:
    def invoke(*words: str) -> Result:
        return app.test_cli_runner().invoke(args=["sync", *words])

    return invoke


def test_run_prints_one_object_with_the_promised_names(run: Any) -> None:
    done = run("run", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert set(report) >= {"plan", "status", "counts", "calls", "seconds", "failures", "held"}
    assert report["status"] == "done"
    assert report["counts"]["enrol"] == {"planned": PEOPLE + 1, "done": PEOPLE + 1, "failed": 0}


def test_some_failed_changes_are_exit_code_1_and_name_their_remedy(run: Any, sandbox: Sandbox) -> None:
    sandbox.faults.set("http500@core_course_update_courses")
    done = run("run", "--json")
    assert done.exit_code == 1
    (course, *people) = json.loads(done.output)["failures"]
    assert course["change"] == "create_course course intake-a"
    assert course["remedy"]
    assert {row["errorcode"] for row in people} == {"no_course"}


def test_a_held_plan_is_exit_code_2_and_approve_applies_it(run: Any, database: Database, clock: MovableClock) -> None:
    run("run")
    leave(database, 6, clock)
    held = run("run", "--json")
    assert held.exit_code == 2
    report = json.loads(held.output)
    assert report["counts"]["suspend"] == {"planned": 6, "done": 0, "failed": 0}
    status = json.loads(run("status", "--json").output)
    assert [plan["plan"] for plan in status["held"]] == [report["plan"]]
    approved = run("approve", report["plan"][:10], "--json")
    assert approved.exit_code == 0, approved.output
    assert json.loads(approved.output)["counts"]["suspend"]["done"] == 6
    assert json.loads(run("status", "--json").output)["held"] == []
    assert run("approve", report["plan"]).exit_code == os.EX_USAGE


def test_an_unreadable_moodle_is_exit_code_3(run: Any, sandbox: Sandbox) -> None:
    sandbox.faults.set("html")
    done = run("run")
    assert done.exit_code == 3
    assert "maintenance" in done.output


def rename(database: Database) -> tuple[str, str]:
    """Let two trainees have other names than their account; one of them is not found in Moodle by anything."""
    with database.transaction() as session:
        lost, known = session.scalars(select(Person).join(Trainee).order_by(Trainee.id).limit(2))
        lost.last_name, lost.email = "Потеряева", "nobody@example.org"
        known.last_name = "Знакова"
        return f"person {lost.id}", "Знакова Анна"


def test_notes_and_failures_name_people_and_their_moodle_user(
    run: Any, sandbox: Sandbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, known = rename(database)
    sandbox.state.site.refused_functions = ["enrol_manual_enrol_users"]

    done = run("run")

    assert "  note: Потеряева Анна: no user with this idnumber or e-mail\n" in done.output
    (user_id,) = [user.id for user in sandbox.state.users.values() if user.email == "person-a-2@example.org"]
    assert f"  failed: enrol course intake-a, user {user_id} ({known}), trainee: " in done.output
    status = run("status").output
    assert "Потеряева Анна: no user" in status
    assert f"user {user_id} ({known})" in status

    output = os.fstat(1)
    monkeypatch.setenv("JOURNAL_STREAM", f"{output.st_dev}:{output.st_ino}")
    kept = run("run").output
    assert f"  note: {number}: no user with this idnumber or e-mail\n" in kept
    assert "Потеряева" not in kept
    assert f"course intake-a, user {user_id}, trainee: " in kept


def test_a_lock_held_by_another_is_exit_code_4(run: Any, parts: Tool, moodle_id: int, clock: MovableClock) -> None:
    with lock.held(parts.database, moodle_id, clock):
        done = run("run")
        assert done.exit_code == 4
        assert "another run holds the lock" in done.output
        assert json.loads(run("status", "--json").output)["locks"][0]["moodle"] == moodle_id


def test_a_moodle_whose_token_no_key_opens_keeps_no_other_waiting(run: Any, database: Database) -> None:
    with database.transaction() as session:
        session.add(Moodle(name="a-locked", url="https://locked.example.org", token_encrypted="x", created_at=NOW))
    done = run("run", "--json")
    assert done.exit_code == os.EX_CONFIG
    assert "a-locked: the run broke off" in done.stderr
    assert json.loads(done.stdout)["status"] == "done"


def test_an_unknown_moodle_is_named_with_the_known_ones(run: Any) -> None:
    done = run("run", "--moodle", "town")
    assert done.exit_code == os.EX_USAGE
    assert "town" in done.output
    assert "city" in done.output


def test_without_a_moodle_the_first_step_is_named(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["sync", "run"])
    assert done.exit_code == os.EX_USAGE
    assert "moodle add" in done.output


def test_scores_that_were_given_up_show_and_can_be_tried_again(app: Flask, run: Any, database: Database) -> None:
    def outbox(word: str) -> str:
        return app.test_cli_runner().invoke(args=["outbox", word]).output

    with database.transaction() as session:
        trainee_id = session.scalars(select(Trainee.id).order_by(Trainee.id)).first()
        enqueue(session, kind=SCORE, key="score:1", payload={"trainee_id": trainee_id}, now=NOW).given_up_at = NOW
        session.scalars(select(OutboxMessage)).one().last_error = "score: Moodle answered 404"
    told = run("run").output
    assert "scores given up, of trainees: 1; score: Moodle answered 404" in told
    assert "outbox retry" in told
    assert "city: scores given up, of trainees: 1" in run("status").output
    (scores,) = json.loads(run("status", "--json").output)["scores"]
    assert (scores["moodle"], scores["waiting"], scores["given_up"]) == ("city", 0, 1)
    assert outbox("retry").startswith("1 message is due again")
    assert outbox("retry").strip() == "0 messages are due again"
    assert json.loads(run("run", "--json").output)["scores"]["given_up"] == 0


def test_a_rehearsal_says_so_and_leaves_no_run(run: Any) -> None:
    done = run("run", "--dry-run", "--json")
    assert done.exit_code == 0
    assert json.loads(done.output)["dry_run"] is True
    assert "no run yet" in run("status").output
