"""A run killed anywhere leaves nothing double and nothing lost: the next one ends where an undisturbed one would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.lti.models import Moodle
from lti_app.sync.models import OwnedEnrolment, RunStatus, SyncRun
from lti_app.sync.night import run_night
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.conftest import DATA_KEY, MovableClock, postgres_copy
from tests.lti_app.sync.conftest import seed_users
from tests.lti_app.world import World

PEOPLE = 40
NEW = 3
"""People whom Moodle lacks: the night makes their accounts."""
POINTS = [(call, how) for call in range(4, 16) for how in ("timeout_before", "timeout_after")]
"""Calls of a first night, in their order, each hit before and after Moodle did it."""

SEED = {
    "users": seed_users(PEOPLE),
    "courses": [{"shortname": "TEMPLATE", "fullname": "Шаблон", "activities": [{"name": "Анкета", "kind": "assign"}]}],
    "site": {"max_input_vars": 100},  # batches of 15, so that a night has more points to die at
}

CHILD = """
import sys
from datetime import datetime
from config.settings import load_settings
from lti_app import create_app
from lti_app.sync.night import client_for, run_night
import lti_app.sync.night as night
from moodle_sync.client import MoodleClient
night.client_for = lambda tool, moodle: MoodleClient(
    moodle.url, tool.vault.open(moodle.token_encrypted), max_input_vars=100, concurrency=1
)
app = create_app(load_settings(), lambda: datetime.fromisoformat(sys.argv[1]))
with app.app_context():
    run_night(app.extensions["ploshchadka"], int(sys.argv[2]))
"""


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Even points die on SQLite, odd ones on PostgreSQL."""
    if request.node.callspec.params["point"] % 2 == 0:
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "t.sqlite3")
        yield f"sqlite:///{tmp_path / 't.sqlite3'}"
    else:
        yield from postgres_copy(request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_template"))


@pytest.fixture
def sandbox(clock: MovableClock) -> Iterator[Sandbox]:
    with running_sandbox(SEED, clock=lambda: clock().timestamp(), hang=60) as sandbox:
        yield sandbox


def _kill_at(sandbox: Sandbox, call: int, how: str, url: str, clock: MovableClock, moodle_id: int) -> None:
    sandbox.faults.set(f"{how}#{call}")
    environ = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "s" * 40,
        "DATA_KEYS": DATA_KEY,
        "PUBLIC_URL": "http://localhost:8700",
        "DATABASE_URL": url,
        "ATTACHMENTS_DIR": str(Path(tempfile.gettempdir()) / "ploshchadka-attachments"),
    }
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, clock().isoformat(), str(moodle_id)], env=environ, stderr=subprocess.PIPE
    ) as child:
        deadline = time.monotonic() + 60
        # The call at which it shall die hangs in Moodle: it is there once it is counted, and goes no further.
        while len(sandbox.calls) < call and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if how == "timeout_after":
            time.sleep(0.2)  # for Moodle to do what it then does not answer
        assert child.poll() is None, f"the run was over before its call {call}: {child.stderr and child.stderr.read()}"
        child.kill()
    sandbox.faults.clear()


@pytest.mark.parametrize("point", range(len(POINTS)))
def test_a_killed_run_is_taken_up_by_the_next(point: int, url: str, sandbox: Sandbox, clock: MovableClock) -> None:
    call, how = POINTS[point]
    app = create_app(
        Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url="http://localhost:8700", database_url=url),
        clock,
    )
    parts: Tool = app.extensions["ploshchadka"]
    with parts.database.transaction() as session:
        moodle = Moodle(
            name="city",
            url=sandbox.url,
            token_encrypted=parts.vault.seal(sandbox.token),
            template_course="TEMPLATE",
            created_at=clock(),
            trusted_at=clock(),
            creates_users=True,
        )
        session.add(moodle)
        session.flush()
        World(session, moodle=moodle).trainees(PEOPLE + NEW)
    _kill_at(sandbox, call, how, url, clock, moodle.id)
    with app.app_context():
        assert run_night(parts, moodle.id).status is RunStatus.DONE
        assert run_night(parts, moodle.id).report["counts"] == {}
    state = sandbox.state.dump()
    courses = [course for course in state["courses"] if course["shortname"].startswith("intake-a")]
    assert [course["idnumber"] for course in courses] == ["intake-a"]
    rows = Counter(row["user"] for row in state["enrolments"] if row["course"] == courses[0]["id"])
    assert len(rows) == PEOPLE + NEW + 1
    assert max(Counter(user["email"] for user in state["users"]).values()) == 1
    assert set(rows.values()) == {1}
    assert not any(row["suspended"] for row in state["enrolments"])
    with parts.database.session(writes=False) as session:
        owned = session.scalars(select(OwnedEnrolment)).all()
        assert len(owned) == PEOPLE + NEW + 1
        assert not any(row.pending for row in owned)
        statuses = [run.status for run in session.scalars(select(SyncRun).order_by(SyncRun.id))]
        assert statuses == [RunStatus.INTERRUPTED, RunStatus.DONE, RunStatus.DONE]
    parts.database.dispose()
