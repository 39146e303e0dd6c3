"""Nights through a real Redis and real workers: what one process does, also where a worker is lost or asked twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from config.settings import Settings
from lti_app import create_app
from lti_app.core.broker import NIGHTS
from lti_app.core.edge import Tool
from lti_app.lti.models import Moodle
from lti_app.sync.jobs import ask_for_night
from lti_app.sync.models import OwnedEnrolment, RunStatus, SyncChange, SyncLock, SyncPart, SyncRun
from lti_app.sync.night import run_night
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.broker import Worker, environment, redis_url, wait_for
from tests.conftest import DATA_KEY, postgres_copy
from tests.lti_app.sync.conftest import seed_users
from tests.lti_app.world import World

__all__ = ["redis_url"]

COURSES, PEOPLE = "abcdef", 8


@contextmanager
def pocket_moodle() -> Iterator[Sandbox]:
    seed = {
        "users": [user for code in COURSES for user in seed_users(PEOPLE, code)],
        "courses": [{"shortname": "TEMPLATE", "fullname": "Шаблон"}],
        "site": {"max_input_vars": 100},
    }
    with running_sandbox(seed, hang=60) as sandbox:
        yield sandbox


@contextmanager
def a_tool(database_url: str, broker_url: str | None) -> Iterator[Tool]:
    settings = Settings(
        secret_key="s" * 40,
        data_keys=(DATA_KEY,),
        public_url="http://localhost:8700",
        database_url=database_url,
        broker_url=broker_url,
    )
    parts: Tool = create_app(settings).extensions["ploshchadka"]
    yield parts
    parts.database.dispose()


BEGAN = datetime.now(UTC)
"""When this process began: the workers' clock can't be moved, so the world is laid around the present."""


def a_city(parts: Tool, sandbox: Sandbox, now: datetime = BEGAN) -> int:
    """Store a Moodle with an intake of PEOPLE trainees for each of COURSES; its night was never done."""
    with parts.database.transaction() as session:
        moodle = Moodle(
            name="city",
            url=sandbox.url,
            token_encrypted=parts.vault.seal(sandbox.token),
            template_course="TEMPLATE",
            created_at=now - timedelta(days=2),
            trusted_at=now - timedelta(days=2),
        )
        session.add(moodle)
        session.flush()
        for code in COURSES:
            World(session, code, moodle=moodle, now=now).trainees(PEOPLE)
    return moodle.id


def enrolled(sandbox: Sandbox) -> Counter[tuple[Any, ...]]:
    state = sandbox.state.dump()
    courses = {course["id"]: course["idnumber"] for course in state["courses"]}
    users = {user["id"]: user["username"] for user in state["users"]}
    return Counter((courses[row["course"]], users[row["user"]], row["suspended"]) for row in state["enrolments"])


def runs(parts: Tool) -> list[SyncRun]:
    with parts.database.session(writes=False) as session:
        return list(session.scalars(select(SyncRun).order_by(SyncRun.id)))


def has_ended(parts: Tool) -> bool:
    return any(run.status not in (RunStatus.RUNNING, RunStatus.INTERRUPTED) for run in runs(parts))


@pytest.fixture
def worker_log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


@pytest.fixture
def copy_url(postgres_url: str, postgres_template: str, redis_url: str) -> Iterator[str]:
    yield from postgres_copy(postgres_url, postgres_template)


@pytest.fixture
def fresh_redis(redis_url: str) -> str:
    """A Redis without messages of the tests before."""
    subprocess.run(["redis-cli", "-u", redis_url, "FLUSHALL"], check=True, stdout=subprocess.DEVNULL)
    return redis_url


def test_a_night_by_two_workers_is_the_night_of_one_process(
    database_url: str, postgres_url: str, postgres_template: str, fresh_redis: str, worker_log: Path
) -> None:
    with pocket_moodle() as alone, pocket_moodle() as shared:
        for other in postgres_copy(postgres_url, postgres_template):
            with a_tool(other, None) as parts:
                run_night(parts, a_city(parts, alone))
                expected = runs(parts)[0]
        shared.faults.latency = 0.03
        with a_tool(database_url, fresh_redis) as parts:
            moodle_id = a_city(parts, shared)
            worker = Worker(parts.settings, worker_log, at_once=2)
            try:
                ask_for_night(parts.services["broker"], moodle_id, datetime.now(UTC))
                wait_for(lambda: has_ended(parts), "the night")
            finally:
                worker.stop()
            (run,) = runs(parts)
            with parts.database.session(writes=False) as session:
                pending = session.scalar(select(func.count()).select_from(OwnedEnrolment).where(OwnedEnrolment.pending))
                left = session.scalar(select(func.count()).select_from(SyncPart))
                owned = session.scalar(select(func.count()).select_from(OwnedEnrolment))
        assert (run.status, run.counts, run.plan_id) == (RunStatus.DONE, expected.counts, expected.plan_id)
        assert run.steps_done == run.steps_total
        assert enrolled(shared) == enrolled(alone)
        assert (owned, pending, left) == (len(COURSES) * (PEOPLE + 1), 0, 0)
        assert "job sync.help" not in worker_log.read_text()
        assert worker_log.read_text().count("Task sync.help") > 0
        assert DATA_KEY not in worker_log.read_text()


def test_what_a_killed_worker_had_begun_is_ended_by_another(copy_url: str, fresh_redis: str, worker_log: Path) -> None:
    with pocket_moodle() as sandbox, a_tool(copy_url, fresh_redis) as parts:
        moodle_id = a_city(parts, sandbox)
        sandbox.faults.set("timeout_after@enrol_manual_enrol_users#2")
        first = Worker(parts.settings, worker_log)
        ask_for_night(parts.services["broker"], moodle_id, datetime.now(UTC))
        try:
            wait_for(lambda: str(list(sandbox.calls)).count("enrol_manual_enrol_users") > 1, "the call that hangs")
        finally:
            first.kill()
        sandbox.faults.clear()
        assert not has_ended(parts)
        second = Worker(parts.settings, worker_log)
        try:
            wait_for(lambda: has_ended(parts), "the night by the second worker")
        finally:
            second.stop()
        assert [run.status for run in runs(parts)] == [RunStatus.INTERRUPTED, RunStatus.DONE]
        rows = enrolled(sandbox)
        assert len(rows) == len(COURSES) * (PEOPLE + 1)
        assert set(rows.values()) == {1}
        with parts.database.session(writes=False) as session:
            assert session.scalar(select(func.count()).select_from(OwnedEnrolment).where(OwnedEnrolment.pending)) == 0
            twice = select(SyncChange.run_id).group_by(SyncChange.run_id, SyncChange.kind, SyncChange.target)
            assert session.scalars(twice.having(func.count() > 1)).all() == []
            assert session.scalars(select(SyncLock)).all() == []


def test_a_moodle_that_is_asked_for_again_and_again_has_one_night(
    copy_url: str, fresh_redis: str, worker_log: Path
) -> None:
    with pocket_moodle() as sandbox, a_tool(copy_url, fresh_redis) as parts:
        moodle_id = a_city(parts, sandbox)
        broker = parts.services["broker"]
        for _ in range(2):  # as two beats would, each of them twice
            broker.send(NIGHTS)
            broker.send(NIGHTS)
            ask_for_night(broker, moodle_id, datetime.now(UTC))
        worker = Worker(parts.settings, worker_log, at_once=2)
        try:
            wait_for(lambda: has_ended(parts), "the night")
            wait_for(lambda: worker_log.read_text().count("Task sync.nights") >= 8, "all messages")
        finally:
            worker.stop()
        assert [run.status for run in runs(parts)] == [RunStatus.DONE]


@pytest.mark.parametrize(
    ("broker_url", "what", "line"),
    [("redis://127.0.0.1:1/0", "beat", "SCHEDULE: "), ("", "worker", "BROKER_URL: ")],
)
def test_beat_and_workers_do_not_start_where_they_should_not(
    broker_url: str, what: str, line: str, tmp_path: Path
) -> None:
    settings = Settings("s" * 40, (DATA_KEY,), "http://localhost:8700", f"sqlite:///{tmp_path / 'none'}", broker_url)
    command = [sys.executable, "-m", "celery", "--app", "lti_app.worker", what]
    command += ["--schedule", str(tmp_path / "beat")] if what == "beat" else []
    ended = subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78
    assert ended.stderr.startswith(line)
