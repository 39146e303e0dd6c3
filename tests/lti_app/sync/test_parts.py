"""A plan carried out by several: parted by course, taken over where somebody died, nothing counted twice."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lti_app.core.edge import Tool
from lti_app.lti.models import Moodle
from lti_app.people.models import Person
from lti_app.sync import lock, parts
from lti_app.sync.journal import RunJournal
from lti_app.sync.models import OwnedEnrolment, RunStatus, SyncChange, SyncLock, SyncPart, SyncRun
from lti_app.sync.night import NightResult, client_for
from moodle_sync.apply import apply_plan
from moodle_sync.functions import Function
from moodle_sync.plan import ChangePlan, CourseChange, EnrolmentChange, Kind
from moodle_sync.roster import DesiredCourse, Role
from moodle_sync.sandbox import Sandbox
from tests.lti_app.sync.conftest import PEOPLE
from tests.lti_app.world import World

Night = Callable[..., NightResult]


def dead_holder() -> str:
    """A holder on this machine whose process is gone."""
    host = lock.new_holder().rsplit(":", 2)[0]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return f"{host}:{gone.pid}:gone"


@pytest.fixture
def tool(app: Flask) -> Tool:
    found: Tool = app.extensions["ploshchadka"]
    return found


@pytest.fixture
def two_courses(tool: Tool, moodle_id: int) -> None:
    """A second intake, with people of the first one: the pocket Moodle knows no others."""
    with tool.database.transaction() as session:
        world = World(session, "b", moodle=session.get_one(Moodle, moodle_id))
        for person in session.scalars(select(Person).where(Person.email.like("person-a-%")).limit(3)):
            world.trainee(person=person)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_WEIGHT", 1)
    monkeypatch.setattr(parts, "LOOK_EVERY", 0.01)


def enrol(course_key: str, course_id: int | None, user_id: int) -> EnrolmentChange:
    return EnrolmentChange(Kind.ENROL, course_key, course_id, user_id, Role.TRAINEE, 1, 2)


def test_changes_of_a_course_stay_together_in_their_order() -> None:
    course = DesiredCourse("new", "new", "new", 1, 2, 1, 2)
    plan = ChangePlan(
        [
            CourseChange(Kind.CREATE_COURSE, course, None),
            *(enrol("old", 7, n) for n in range(1900)),
            *(enrol("new", None, n) for n in range(5)),
            enrol("also-old", 7, 5000),  # two intakes share this course
            enrol("last", 8, 1),
        ]
    )
    found = parts.parts_of(plan)
    assert [len(part) for part in found] == [1907, 1]
    assert found[0][:6] == [plan.changes[0], *plan.changes[1901:1906]]
    assert found[0][6:] == [*plan.changes[1:1901], plan.changes[1906]]
    assert sum(map(len, found)) == len(plan)


@pytest.mark.usefixtures("small_parts", "two_courses")
def test_helpers_that_never_come_change_nothing(night: Night, tool: Tool, sandbox: Sandbox) -> None:
    asked: list[tuple[int, int]] = []
    result = night(call_helpers=lambda run_id, number: asked.append((run_id, number)))
    assert asked == [(result.report["run"], 1)]
    assert result.status is RunStatus.DONE
    assert all(count["planned"] == count["done"] for count in result.report["counts"].values())
    with tool.database.session(writes=False) as session:
        assert session.scalars(select(SyncPart)).all() == []
    assert night(call_helpers=lambda *_: asked.append((0, 0))).report["counts"] == {}
    assert len(asked) == 1, "nothing to do is nothing to share"


@pytest.mark.usefixtures("small_parts", "two_courses")
@pytest.mark.parametrize("recorded", [0, 1])
def test_the_part_of_a_helper_that_died_is_taken_over(
    night: Night, tool: Tool, sandbox: Sandbox, moodle_id: int, recorded: int
) -> None:
    """It dies before anything, or after it made the course and recorded that, with the enrolments still to come."""

    def die(run_id: int, _number: int) -> None:
        with tool.database.transaction() as session:
            part = session.get_one(SyncPart, (run_id, 0))
            part.holder, part.beat_at = dead_holder(), tool.clock()
            moodle = session.get_one(Moodle, moodle_id)
            run = session.get_one(SyncRun, run_id)
            holder = session.get_one(SyncLock, moodle_id).holder
            whole = ChangePlan.from_json(part.plan)
            intake_ids = parts._intake_ids(session, moodle, whole)
        if recorded:
            with client_for(tool, moodle) as client:
                heart = lock.Heart(tool.database, moodle_id, holder, tool.clock)
                begun = ChangePlan(whole.changes[:1])
                journal = RunJournal(
                    tool.database, run, begun, intake_ids, heart=heart, clock=tool.clock, progress=lambda *_: None
                )
                apply_plan(client, begun, journal, role_ids={}, now=0)
            with tool.database.transaction() as session:  # that journal showed the counts of its part alone
                session.execute(update(SyncRun).where(SyncRun.id == run_id).values(counts=run.counts))

    result = night(call_helpers=die)
    assert result.status is RunStatus.DONE
    counts = result.report["counts"]
    assert counts["create_course"] == {"planned": 2, "done": 2, "failed": 0}
    assert counts["enrol"]["done"] == counts["enrol"]["planned"] > PEOPLE
    rows = Counter((row["course"], row["user"]) for row in sandbox.state.dump()["enrolments"])
    assert set(rows.values()) == {1}
    with tool.database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(SyncChange)) == sum(c["done"] for c in counts.values())
        assert session.scalar(select(func.count()).select_from(OwnedEnrolment).where(OwnedEnrolment.pending)) == 0


@pytest.mark.usefixtures("small_parts", "two_courses")
def test_a_helper_of_a_run_that_lost_its_lock_writes_nothing(
    night: Night, tool: Tool, sandbox: Sandbox, moodle_id: int
) -> None:
    """Whoever was paused for long finds that the lock is another's."""
    calls: list[str] = []

    def come_late(run_id: int, _number: int) -> None:
        before = len(sandbox.calls)
        with tool.database.session(writes=False) as session:
            moodle = session.get_one(Moodle, moodle_id)
        with client_for(tool, moodle) as client, pytest.raises(lock.LockLost):
            parts.work_on_next(tool, client, moodle, run_id, "old:1:holder")
        calls.extend(list(sandbox.calls)[before:])
        with tool.database.transaction() as session:  # this process lives on, unlike the helper
            session.execute(update(SyncPart).values(holder=None))

    assert night(call_helpers=come_late).status is RunStatus.DONE
    assert calls == []


@pytest.mark.usefixtures("small_parts", "two_courses")
def test_a_part_that_was_taken_over_is_not_recorded_by_whom_it_was_taken_from(
    night: Night, tool: Tool, moodle_id: int
) -> None:
    def lose(run_id: int, _number: int) -> None:
        with tool.database.session(writes=False) as session:
            moodle, held = session.get_one(Moodle, moodle_id), session.get_one(SyncLock, moodle_id)
        with client_for(tool, moodle) as client:
            send = client.call

            def call(function: Function, **values: Any) -> Any:
                with tool.database.transaction() as session:
                    session.execute(update(SyncPart).values(holder=None))
                return send(function, **values)

            client.call = call  # type: ignore[method-assign]
            with pytest.raises(lock.LockLost):
                parts.work_on_next(tool, client, moodle, run_id, held.holder)
        with tool.database.session(writes=False) as session:
            assert session.scalars(select(SyncChange)).all() == []

    result = night(call_helpers=lose)
    assert result.status is RunStatus.DONE
    assert all(count["planned"] == count["done"] for count in result.report["counts"].values())


def test_help_for_a_run_that_is_over_is_nothing(night: Night, tool: Tool, sandbox: Sandbox) -> None:
    run_id = night().report["run"]
    calls = len(sandbox.calls)
    parts.help_run(tool, run_id, client_for)
    parts.help_run(tool, run_id + 1000, client_for)
    assert len(sandbox.calls) == calls


@pytest.mark.usefixtures("small_parts", "two_courses")
def test_once_a_part_found_moodle_down_the_others_are_left(night: Night, tool: Tool, sandbox: Sandbox) -> None:
    def give_up(run_id: int, _number: int) -> None:
        with tool.database.transaction() as session:
            part = session.get_one(SyncPart, (run_id, 0))
            part.finished_at = tool.clock()
            for change in ChangePlan.from_json(part.plan).changes:
                session.add(
                    SyncChange(
                        run_id=run_id,
                        kind=change.kind.value,
                        target=change.target,
                        failed=True,
                        errorcode="not_tried",
                        at=tool.clock(),
                    )
                )

    result = night(call_helpers=give_up)
    assert result.status is RunStatus.FAILED_SOME
    assert {row["errorcode"] for row in result.report["failures"]} == {"not_tried"}
    assert all(count["planned"] == count["failed"] for count in result.report["counts"].values())
    assert not any("duplicate" in str(call) for call in sandbox.calls)


@pytest.mark.usefixtures("small_parts", "two_courses")
def test_a_part_that_was_recorded_but_not_finished_is_taken_over_where_moodle_is_down(night: Night, tool: Tool) -> None:
    def give_up(run_id: int, _number: int) -> None:
        with tool.database.transaction() as session:
            part = session.get_one(SyncPart, (run_id, 0))
            part.holder, part.beat_at = dead_holder(), tool.clock()
            session.add_all(
                SyncChange(
                    run_id=run_id,
                    kind=change.kind.value,
                    target=change.target,
                    failed=True,
                    errorcode="not_tried",
                    at=tool.clock(),
                )
                for change in ChangePlan.from_json(part.plan).changes
            )

    result = night(call_helpers=give_up)
    assert result.status is RunStatus.FAILED_SOME
    assert all(count["planned"] == count["failed"] for count in result.report["counts"].values())


def running(session: Session, moodle_id: int, started_at: datetime) -> SyncRun:
    """Put down a run that is under way."""
    run = SyncRun(
        moodle_id=moodle_id, status=RunStatus.RUNNING, started_at=started_at, counts={}, held=[], notes=[], proposed={}
    )
    session.add(run)
    session.flush()
    return run


@pytest.mark.usefixtures("small_parts")
def test_nobody_helps_a_run_whose_lock_another_has_just_taken(tool: Tool, sandbox: Sandbox, moodle_id: int) -> None:
    """The new run has not yet closed the old one: its lock is no leave to write for that."""
    with tool.database.transaction() as session:
        run = running(session, moodle_id, tool.clock() - timedelta(hours=1))
        session.add(SyncPart(run_id=run.id, number=0, plan=ChangePlan([enrol("a", 1, 2)]).to_json(), rosters=[]))
    with lock.held(tool.database, moodle_id, tool.clock):
        before = len(sandbox.calls)
        parts.help_run(tool, run.id, client_for)
        assert len(sandbox.calls) == before
    with tool.database.session(writes=False) as session:
        assert session.scalars(select(SyncPart)).one().holder is None


def test_counting_outcomes_waits_for_nobody_who_adds_to_them(tool: Tool, moodle_id: int) -> None:
    """Each waiting for the other's hold of the run's row would be a deadlock."""
    if tool.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    with tool.database.transaction() as session:
        run = running(session, moodle_id, tool.clock())
    gathering = threading.Thread(target=parts.gather, args=(tool.database, run.id))
    with tool.database.transaction() as session:
        session.add(SyncChange(run_id=run.id, kind="enrol", target="one", failed=False, at=tool.clock()))
        session.flush()
        gathering.start()
        gathering.join(timeout=5)
        waits = gathering.is_alive()
    gathering.join()
    assert not waits


@pytest.mark.usefixtures("small_parts", "two_courses")
def test_a_run_that_breaks_off_lets_a_helper_finish_its_record(night: Night, tool: Tool) -> None:
    recorded = []

    def record(run_id: int, has_begun: threading.Event) -> None:
        with tool.database.transaction() as session:
            session.get_one(SyncPart, (run_id, 0), with_for_update=True)
            has_begun.set()
            time.sleep(1)
            session.execute(update(SyncRun).where(SyncRun.id == run_id).values(steps_done=1))
        recorded.append(run_id)

    def break_off(run_id: int, _number: int) -> None:
        has_begun = threading.Event()
        helper = threading.Thread(target=record, args=(run_id, has_begun))
        helpers.append(helper)
        helper.start()
        has_begun.wait()
        raise RuntimeError("the worker is ended")

    helpers: list[threading.Thread] = []
    with pytest.raises(RuntimeError, match="the worker is ended"):
        night(call_helpers=break_off)
    helpers[0].join()
    with tool.database.session(writes=False) as session:
        run = session.scalars(select(SyncRun)).one()
        assert (run.status, [run.id]) == (RunStatus.INTERRUPTED, recorded)
        assert session.scalars(select(SyncPart)).all() == []
