"""What those who run the tool can ask it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from flask import Flask

from config.settings import Settings
from lti_app import create_app
from lti_app.core.db import Database
from lti_app.core.outbox import enqueue
from tests.conftest import MovableClock
from tests.lti_app.web.conftest import held_plan
from tests.lti_app.world import NOW, World


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


def test_two_applications_in_one_process_count_apart(app: Flask, settings: Settings, clock: MovableClock) -> None:
    app.test_client().get("/healthz")
    other = create_app(settings, clock)

    assert 'endpoint="operations.healthz"' not in other.test_client().get("/metrics").text
    other.extensions["ploshchadka"].database.dispose()
