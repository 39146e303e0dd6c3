"""What those who run the tool can ask it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from lti_app import create_app
from lti_app.core.db import Database
from lti_app.core.outbox import enqueue
from lti_app.core.permissions import Permission
from lti_app.sync.models import RunStatus, SyncLock, SyncRun
from lti_app.web.operations import StoredFigures
from tests.conftest import MovableClock
from tests.lti_app.web.conftest import held_plan
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries


def test_the_process_says_that_it_lives(app: Flask) -> None:
    assert app.test_client().get("/healthz").text == "ok\n"


def test_it_is_ready_with_the_current_schema(app: Flask) -> None:
    response = app.test_client().get("/readyz")

    assert response.status_code == 200
    assert response.json == {"ready": True, "database": "answers", "schema": "current"}


def test_it_is_not_ready_before_the_schema_is_made(settings: Settings, clock: MovableClock, tmp_path: Path) -> None:
    app = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'empty.sqlite3'}"), clock)

    response = app.test_client().get("/readyz")

    assert response.status_code == 503
    assert response.json == {"ready": False, "database": "answers", "schema": "outdated"}


def test_it_is_not_ready_without_its_database(settings: Settings, clock: MovableClock, tmp_path: Path) -> None:
    app = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'gone' / 'db.sqlite3'}"), clock)

    response = app.test_client().get("/readyz")

    assert response.status_code == 503
    assert response.json == {"ready": False, "database": "does not answer", "schema": "unknown"}
    assert app.test_client().get("/healthz").status_code == 200


def test_pages_say_in_plain_words_that_the_database_is_not_fit_and_the_log_says_how_to_mend_it(
    settings: Settings, clock: MovableClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    addresses = {
        f"sqlite:///{tmp_path / 'empty.sqlite3'}": "flask --app lti_app db upgrade",
        f"sqlite:///{tmp_path / 'gone' / 'db.sqlite3'}": "DATABASE_URL",
    }
    for address, remedy in addresses.items():
        app = create_app(replace(settings, database_url=address), clock)
        caplog.clear()

        page = app.test_client().get("/lti/jwks", headers={"Accept": "text/html"})
        program = app.test_client().get("/metrics", headers={"Accept": "application/json"})

        assert (page.status_code, program.status_code) == (503, 503)
        assert "Сервис временно недоступен" in page.text
        assert program.json is not None
        assert program.json["code"] in ("no_schema", "database_away")
        assert len(caplog.messages) == 2
        for line in caplog.messages:
            assert remedy in line
            assert "\n" not in line
        assert program.json["reference"] in caplog.messages[1]


def test_a_failure_of_a_fit_database_is_still_ours(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise IntegrityError("INSERT", None, Exception("refused"))

    fail.permission = Permission.PUBLIC  # type: ignore[attr-defined]
    app.add_url_rule("/fails", view_func=fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert app.test_client().get("/fails").status_code == 500
    assert "test_operations.py" in caplog.text


def test_figures_tell_of_requests_the_outbox_and_the_nights(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        for number in range(3):
            enqueue(session, kind="score", key=f"score:{number}", payload={}, now=NOW - timedelta(minutes=number))
        held_plan(session, world)
    client = app.test_client()
    client.get("/healthz")

    figures = client.get("/metrics").text

    assert 'ploshchadka_requests_total{endpoint="operations.healthz",status="200"} 1.0' in figures
    assert 'ploshchadka_request_seconds_count{endpoint="operations.healthz"} 1.0' in figures
    assert 'ploshchadka_outbox_waiting{kind="score"} 3.0' in figures
    assert 'ploshchadka_outbox_oldest_seconds{kind="score"} 120.0' in figures
    assert "ploshchadka_outbox_given_up 0.0" in figures
    assert 'ploshchadka_last_run_status{moodle="moodle-a",status="held"} 1.0' in figures
    assert 'ploshchadka_last_run_status{moodle="moodle-a",status="done"} 0.0' in figures
    assert "ploshchadka_held_plans 1.0" in figures


def test_figures_tell_of_each_moodles_nights(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        held_plan(session, world)
        session.add(
            SyncRun(
                moodle_id=world.moodle.id,
                status=RunStatus.DONE,
                started_at=NOW - timedelta(hours=30),
                finished_at=NOW - timedelta(hours=29),
            )
        )
        session.flush()
        ended = SyncRun(
            moodle_id=world.moodle.id,
            status=RunStatus.FAILED_SOME,
            started_at=NOW - timedelta(hours=2),
            finished_at=NOW - timedelta(hours=1),
            counts={"enrol": {"planned": 5, "done": 3, "failed": 2}},
            calls=17,
            seconds=3600.0,
        )
        running = SyncRun(
            moodle_id=world.moodle.id, status=RunStatus.RUNNING, started_at=NOW - timedelta(minutes=5), counts={}
        )
        session.add(ended)
        session.flush()
        session.add(running)
        lock = SyncLock(
            moodle_id=world.moodle.id,
            holder="here",
            taken_at=NOW - timedelta(minutes=5),
            beat_at=NOW - timedelta(seconds=10),
        )
        session.add(lock)
        world.moodle.stopped_at = NOW

    figures = app.test_client().get("/metrics").text

    for line in (
        'exchange_stopped{moodle="moodle-a"} 1.0',
        'plan_held{moodle="moodle-a"} 1.0',
        'open_questions{moodle="moodle-a"} 0.0',
        'seconds_since_good_run{moodle="moodle-a"} 104400.0',
        'lock_seconds{moodle="moodle-a"} 300.0',
        'lock_heartbeat_seconds{moodle="moodle-a"} 10.0',
        'last_finished_run_seconds{moodle="moodle-a"} 3600.0',
        'last_finished_run_calls{moodle="moodle-a"} 17.0',
        'last_finished_run_status{moodle="moodle-a",status="failed_some"} 1.0',
        'last_finished_run_changes{kind="enrol",moodle="moodle-a",outcome="failed"} 2.0',
    ):
        assert f"ploshchadka_{line}" in figures


def test_the_number_of_queries_does_not_depend_on_the_number_of_moodles(app: Flask, database: Database) -> None:
    def queries() -> int:
        with database.session(writes=False) as session, counted_queries(database) as statements:
            list(StoredFigures(session, NOW).collect())
        return len(statements)

    with database.transaction() as session:
        held_plan(session, World(session))
    one = queries()
    with database.transaction() as session:
        World(session, "b")

    assert queries() == one > 0


def test_two_applications_in_one_process_count_apart(app: Flask, settings: Settings, clock: MovableClock) -> None:
    app.test_client().get("/healthz")
    other = create_app(settings, clock)

    assert 'endpoint="operations.healthz"' not in other.test_client().get("/metrics").text
    other.extensions["ploshchadka"].database.dispose()
