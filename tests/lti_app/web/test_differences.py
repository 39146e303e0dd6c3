"""What a run's page says of reasons, and of what differs from the run before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lti_app.core.db import Database
from lti_app.lti.models import Moodle
from lti_app.sync.models import RunStatus, SyncChange, SyncRun
from lti_app.sync.reason_words import REASONS, why_words
from moodle_sync.changes import Reason
from tests.lti_app.web.visits import visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

BLOCK = "Чем отличается от прошлого обмена"


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        return World(session)


@pytest.fixture
def client(app: Flask, world: World) -> FlaskClient:
    return visit(app, world, is_moodle_admin=True)


def note(course: str, code: str = "no_template") -> dict[str, Any]:
    return {"code": code, "course_key": course, "subject": 0, "text": "…"}


def run_in(  # one run with what its page compares
    database: Database,
    moodle: Moodle,
    nights_ago: int,
    *,
    failed: tuple[int, ...] = (),
    status: RunStatus = RunStatus.FAILED_SOME,
    enrols: int = 0,
    notes: tuple[dict[str, Any], ...] = (),
    reason: str | None = None,
) -> int:
    with database.transaction() as session:
        counts = {"enrol": {"planned": enrols, "done": enrols, "failed": 0}} if enrols else {}
        started = NOW - timedelta(days=nights_ago)
        run = SyncRun(moodle_id=moodle.id, status=status, started_at=started, counts=counts, held=[], notes=list(notes))
        session.add(run)
        session.flush()
        session.add_all(
            SyncChange(
                run_id=run.id,
                kind="enrol",
                target=f"course a, user {user}, trainee",
                failed=True,
                at=NOW,
                reason=reason,
            )
            for user in failed
        )
        return run.id


def page_of(client: FlaskClient, run_id: int) -> str:
    return client.get(f"/sync/runs/{run_id}").text


def test_a_run_is_compared_with_the_one_before(client: FlaskClient, world: World, database: Database) -> None:
    run_in(database, world.moodle, 3, enrols=99)
    earlier = run_in(database, world.moodle, 2, failed=(1, 2, 3), enrols=5, notes=(note("a"),))
    run_in(database, world.moodle, 1, status=RunStatus.UNREADABLE)
    now = run_in(database, world.moodle, 0, failed=(3, 4), enrols=7, notes=(note("a"), note("b")))

    page = page_of(client, now)

    assert BLOCK in page
    assert f'href="/sync/runs/{earlier}"' in page
    assert "запланировано 7, в прошлый раз 5" in page
    assert "ошибки: новых 1, прежних 1, устранённых 2" in page
    assert "новое замечание: Поток b" in page
    assert "новое замечание: Поток a" not in page


def test_two_runs_alike_differ_in_nothing(client: FlaskClient, world: World, database: Database) -> None:
    run_in(database, world.moodle, 1, enrols=5, notes=(note("a"),))
    now = run_in(database, world.moodle, 0, enrols=5, notes=(note("a"),))
    page = page_of(client, now)
    assert "Отличий нет." in page
    assert "ошибки: новых" not in page


def test_a_run_that_was_held_says_nothing_of_failures(client: FlaskClient, world: World, database: Database) -> None:
    run_in(database, world.moodle, 1, failed=(1,), enrols=5)
    now = run_in(database, world.moodle, 0, status=RunStatus.HELD, enrols=6)
    page = page_of(client, now)
    assert "запланировано 6, в прошлый раз 5" in page
    assert "ошибки: новых" not in page


def test_a_first_run_is_compared_with_nothing(client: FlaskClient, world: World, database: Database) -> None:
    first = run_in(database, world.moodle, 1, enrols=5)
    run_in(database, world.moodle, 0, enrols=7)
    assert BLOCK not in page_of(client, first)


def test_a_run_without_a_plan_is_not_compared(client: FlaskClient, world: World, database: Database) -> None:
    run_in(database, world.moodle, 1, enrols=5)
    now = run_in(database, world.moodle, 0, status=RunStatus.UNREADABLE)
    assert BLOCK not in page_of(client, now)


def test_runs_of_another_moodle_are_not_compared(client: FlaskClient, world: World, database: Database) -> None:
    with database.transaction() as session:
        other = World(session, "b").moodle
    run_in(database, other, 1, enrols=5)
    now = run_in(database, world.moodle, 0, enrols=7)
    assert BLOCK not in page_of(client, now)


def test_the_comparison_costs_as_much_for_many(client: FlaskClient, world: World, database: Database) -> None:
    run_in(database, world.moodle, 3, failed=(1,), notes=(note("a"),))
    few_run = run_in(database, world.moodle, 2, failed=(1,), notes=(note("b"),))
    with counted_queries(client.application.extensions["ploshchadka"].database) as few:
        page_of(client, few_run)
    run_in(database, world.moodle, 1, failed=tuple(range(40)), notes=tuple(note(str(number)) for number in range(40)))
    many_run = run_in(database, world.moodle, 0, failed=tuple(range(20, 60)), notes=(note("a"),))
    with counted_queries(client.application.extensions["ploshchadka"].database) as many:
        page = page_of(client, many_run)

    assert "ошибки: новых 20, прежних 20, устранённых 20" in page
    assert 0 < len(many) == len(few)


def test_a_change_says_why_it_was_made(client: FlaskClient, world: World, database: Database) -> None:
    known = run_in(database, world.moodle, 1, failed=(1,), reason="listed")
    unknown = run_in(database, world.moodle, 0, failed=(1,))
    assert "Причина: есть в списке, но не записан на курс" in page_of(client, known)
    assert "Причина:" not in page_of(client, unknown)


def test_every_reason_has_its_words(app: Flask) -> None:
    assert REASONS.keys() == set(Reason)
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        assert why_words("number,hide_due") == "отличается идентификационный номер; курс пора скрыть"
        assert why_words("something_new") == "something_new"
        assert why_words(None) == ""
