"""What a message asks for, and what becomes of it where the broker is away."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import select

from config.settings import Settings
from lti_app import create_app
from lti_app.core.broker import Broker
from lti_app.core.edge import Tool
from lti_app.lti.models import Moodle
from lti_app.sync import jobs, lock
from lti_app.sync.jobs import Standing, ask_for_nights, do_night, night_began, standing
from lti_app.sync.models import RunStatus, SyncRun
from lti_app.sync.night import NightResult
from tests.conftest import MovableClock
from tests.lti_app.world import World

Night = Callable[..., NightResult]


class Queue:
    """Takes what would go to the broker."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def send(self, *message: Any) -> None:
        self.sent.append(message)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def tool(app: Flask) -> Tool:
    found: Tool = app.extensions["ploshchadka"]
    return found


def do(app: Flask, tool: Tool, queue: Queue, moodle_id: int, asked_at: datetime) -> bool:
    with app.app_context():
        return do_night(tool, cast(Broker, queue), moodle_id, asked_at)


def runs(tool: Tool) -> list[RunStatus]:
    with tool.database.session(writes=False) as session:
        return list(session.scalars(select(SyncRun.status).order_by(SyncRun.id)))


@pytest.mark.parametrize(
    ("now", "began"),
    [
        ("2026-11-24T19:29:00", "2026-11-23T19:30:00"),
        ("2026-11-24T19:30:00", "2026-11-24T19:30:00"),
        ("2026-11-24T23:59:00", "2026-11-24T19:30:00"),
    ],
)
def test_a_night_is_due_at_its_local_time(settings: Settings, now: str, began: str) -> None:
    """02:30 in Novokuznetsk is 19:30 UTC."""
    assert night_began(settings, datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(
        began
    ).replace(tzinfo=UTC)


def test_a_message_that_comes_twice_makes_one_night(
    app: Flask, tool: Tool, queue: Queue, moodle_id: int, clock: MovableClock
) -> None:
    asked = clock()
    clock.move(seconds=5)
    assert do(app, tool, queue, moodle_id, asked)
    assert do(app, tool, queue, moodle_id, asked)
    assert runs(tool) == [RunStatus.DONE]
    clock.move(seconds=5)
    assert do(app, tool, queue, moodle_id, clock())
    assert runs(tool) == [RunStatus.DONE, RunStatus.DONE]


def test_a_message_waits_for_the_night_that_it_asked_for_and_for_no_other(
    app: Flask, tool: Tool, queue: Queue, moodle_id: int, clock: MovableClock
) -> None:
    taken_at = clock()
    with lock.held(tool.database, moodle_id, clock):
        assert do(app, tool, queue, moodle_id, taken_at + timedelta(seconds=1)), "another night is under way"
        assert not do(app, tool, queue, moodle_id, taken_at - timedelta(seconds=1)), "its own may yet be lost"
    assert runs(tool) == []


def test_a_night_that_breaks_off_again_and_again_is_left(
    app: Flask, tool: Tool, queue: Queue, moodle_id: int, clock: MovableClock
) -> None:
    def broke() -> None:
        with tool.database.transaction() as session:
            session.add(SyncRun(moodle_id=moodle_id, status=RunStatus.INTERRUPTED, started_at=clock()))

    for _ in range(jobs.MOST_BROKEN - 1):
        broke()
    with tool.database.session(writes=False) as session:
        assert standing(session, moodle_id, clock()) is Standing.WANTED
    broke()
    assert do(app, tool, queue, moodle_id, clock())
    assert runs(tool) == [RunStatus.INTERRUPTED] * jobs.MOST_BROKEN
    assert do(app, tool, queue, moodle_id, clock() + timedelta(seconds=1))
    assert do(app, tool, queue, moodle_id + 1, clock()), "a Moodle that is not there any more"


def test_beat_asks_for_each_night_until_it_was_done(
    app: Flask, tool: Tool, queue: Queue, moodle_id: int, clock: MovableClock
) -> None:
    with tool.database.transaction() as session:
        World(session, "new")  # its Moodle was stored just now, after the night was due
    broker = cast(Broker, queue)
    assert ask_for_nights(tool, broker) == 0
    clock.move(days=1)
    began = night_began(tool.settings, clock())
    with tool.database.session(writes=False) as session:
        moodles = session.scalars(select(Moodle.id).order_by(Moodle.id)).all()
    assert ask_for_nights(tool, broker) == 2
    assert queue.sent == [("sync.night", other, began.isoformat()) for other in moodles]
    assert do(app, tool, queue, moodle_id, began)
    assert ask_for_nights(tool, broker) == 1


@pytest.fixture
def without_broker(settings: Settings, clock: MovableClock, moodle_id: int) -> Iterator[Flask]:
    """An application whose broker does not listen."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    app = create_app(replace(settings, broker_url=f"redis://127.0.0.1:{port}/0"), clock)
    yield app
    app.extensions["ploshchadka"].database.dispose()


def test_a_timer_learns_that_the_broker_is_away(without_broker: Flask) -> None:
    runner = without_broker.test_cli_runner()
    ended = runner.invoke(args=["sync", "run", "--scheduled"])
    assert ended.exit_code == 69
    assert "The queue of jobs does not answer" in ended.output
    assert ended.output.count("\n") == 1
    assert runner.invoke(args=["sync", "run"]).exit_code == 0, "by hand it runs here, with or without broker"


def test_it_is_not_ready_without_its_broker(without_broker: Flask) -> None:
    response = without_broker.test_client().get("/readyz")
    assert response.status_code == 503
    assert response.json == {
        "ready": False,
        "database": "answers",
        "schema": "current",
        "broker": "does not answer",
    }


def test_a_scheduled_run_without_broker_is_done_here(app: Flask, moodle_id: int) -> None:
    ended = app.test_cli_runner().invoke(args=["sync", "run", "--scheduled"])
    assert ended.exit_code == 0
    assert "city: done" in ended.output


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        ({"schedule": "beat", "broker_url": "redis://127.0.0.1:1/0"}, [], "SCHEDULE is beat"),
        ({}, ["--dry-run"], "--scheduled goes with"),
        ({}, ["--json"], "--scheduled goes with"),
    ],
)
def test_a_timer_is_refused(
    settings: Settings, clock: MovableClock, moodle_id: int, change: dict[str, str], more: list[str], words: str
) -> None:
    app = create_app(replace(settings, **change), clock)  # type: ignore[arg-type]
    ended = app.test_cli_runner().invoke(args=["sync", "run", "--scheduled", *more])
    assert ended.exit_code == 64
    assert words in ended.output
    app.extensions["ploshchadka"].database.dispose()
