"""The page of runs: the press of the button, a run that can't go on, and what is said of one that has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.sync import lock
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncLock, SyncRun
from lti_app.sync.night import BROKE_OFF
from lti_app.sync.starting import DIED
from lti_app.sync.words import FINDINGS, error_words, reason_words
from tests.lti_app.web.conftest import Scene
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

POLLED = 'data-poll="/sync/runs/'


@pytest.fixture
def parts(app: Flask) -> Tool:
    parts: Tool = app.extensions["ploshchadka"]
    return parts


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        return World(session)


@pytest.fixture
def press(app: Flask, world: World) -> Callable[[], str]:
    """Press the button that starts a run; return the page that follows."""

    def post() -> str:
        client: FlaskClient = visit(app, world, is_moodle_admin=True)
        address = f"/sync/moodles/{world.moodle.id}/run"
        return client.post(address, data={"csrf_token": token(app, client)}, follow_redirects=True).text

    return post


def runs(database: Database) -> list[SyncRun]:
    with database.session(writes=False) as session:
        return list(session.scalars(select(SyncRun).order_by(SyncRun.id)))


def test_after_the_press_the_page_always_shows_the_run(
    app: Flask, parts: Tool, world: World, database: Database, press: Callable[[], str]
) -> None:
    """Even while the process's thread has other work to do, and the run has not begun to read."""
    free = threading.Event()
    parts.jobs.submit("other work", free.wait)
    try:
        page = press()
        (run,) = runs(database)
        assert f"{POLLED}{run.id}/progress" in page
        assert 'data-announce="начало"' in page
        assert "Обмен запущен." in page
        assert f"/sync/moodles/{world.moodle.id}/run" not in page

        again = press()
        assert "Обмен уже идёт; второй не запущен." in again
        assert POLLED in again
        assert [one.id for one in runs(database)] == [run.id]
    finally:
        free.set()
        parts.jobs.drain()
    assert lock_of(database) is None


def lock_of(database: Database) -> SyncLock | None:
    with database.session(writes=False) as session:
        return session.scalar(select(SyncLock))


def test_a_run_that_cannot_begin_says_so_and_gives_the_lock_back(
    app: Flask, parts: Tool, world: World, database: Database, press: Callable[[], str]
) -> None:
    press()  # the token of this Moodle is sealed with a key that nobody has
    parts.jobs.drain()

    (run,) = runs(database)
    assert (run.status, run.error) == (RunStatus.INTERRUPTED, f"VaultError: {BROKE_OFF}")
    assert run.finished_at is not None
    assert lock_of(database) is None
    page = visit(app, world, is_moodle_admin=True).get("/sync").text
    assert "обмен прервался из-за ошибки, она записана в журнал программы (VaultError)" in page
    assert POLLED not in page


@pytest.mark.parametrize("how", ["no lock", "stale"])
def test_a_run_whose_process_died_is_not_waited_for(app: Flask, world: World, database: Database, how: str) -> None:
    with database.transaction() as session:
        world.session = session
        session.add(SyncRun(moodle_id=world.moodle.id, status=RunStatus.RUNNING, started_at=NOW))
        if how == "stale":
            held = world.lock()
            held.holder, held.beat_at = "another-host:1:aa", NOW - lock.STALE_AFTER - timedelta(seconds=1)
    (run,) = runs(database)
    client = visit(app, world, is_moodle_admin=True)

    part = client.get(f"/sync/runs/{run.id}/progress").text
    assert 'data-announce="Обмен завершён: прервано"' in part
    assert "data-finished" in part
    for address in ("/sync", f"/sync/runs/{run.id}"):
        page = client.get(address).text
        assert "программа была остановлена во время обмена" in page
        assert POLLED not in page
    assert f"/sync/moodles/{world.moodle.id}/run" in client.get("/sync").text
    assert runs(database)[0].status is RunStatus.RUNNING  # looking writes nothing; the next run does


def test_a_run_elsewhere_that_shows_that_it_lives_is_waited_for(app: Flask, world: World, database: Database) -> None:
    with database.transaction() as session:
        world.session = session
        session.add(SyncRun(moodle_id=world.moodle.id, status=RunStatus.RUNNING, started_at=NOW))
        world.lock().holder = "another-host:1:aa"
    assert POLLED in visit(app, world, is_moodle_admin=True).get("/sync").text


def test_a_plan_approved_while_a_run_is_under_way_waits_for_the_next(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        scene.here.session = session
        scene.here.lock()
    client = scene.come("administrator")

    page = client.post(
        f"/sync/plans/{scene.plan_id}/approve", data={"csrf_token": token(scene.app, client)}, follow_redirects=True
    ).text

    assert "План разрешён. Сейчас идёт другой обмен; план выполнит следующий за ним." in page
    with database.transaction() as session:
        assert session.get_one(HeldPlan, scene.plan_id).state is PlanState.APPROVED


def test_whom_a_run_put_forward_for_credit_stands_on_its_page(app: Flask, world: World, database: Database) -> None:
    with database.transaction() as session:
        run = SyncRun(
            moodle_id=world.moodle.id,
            status=RunStatus.DONE,
            started_at=NOW,
            proposed={"intake-a": 2, "intake-b": 1},
        )
        session.add(run)
        session.flush()
        run_id = run.id
    client = visit(app, world, is_moodle_admin=True)

    for address in ("/sync", f"/sync/runs/{run_id}"):
        page = client.get(address).text
        assert "предложено к зачёту: 2 стажёра, поток intake-a" in page
        assert "предложено к зачёту: 1 стажёр, поток intake-b" in page
        assert "менять нечего" not in page


def test_what_ended_a_run_is_said_in_the_readers_language(app: Flask) -> None:
    assert {DIED, BROKE_OFF} <= set(FINDINGS)
    with app.test_request_context():
        assert error_words(DIED)[0].startswith("программа была остановлена")
        assert reason_words({"code": "not_the_approved", "text": "another plan was approved"}).startswith(
            "Разрешён был"
        )
