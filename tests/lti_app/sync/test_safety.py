"""The first plan for a Moodle, the kill switch, the breaking of a lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import SYSTEM, Role
from lti_app.intakes.models import Intake
from lti_app.lti.models import Moodle
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.people.models import Person
from lti_app.sync import lock, safety, service
from lti_app.sync import night as night_module
from lti_app.sync import parts as sync_parts
from lti_app.sync.journal import RunJournal
from lti_app.sync.models import OwnedEnrolment, RunStatus, SyncLock, SyncRun
from lti_app.sync.night import NightResult, client_for
from moodle_sync.client import MoodleClient
from moodle_sync.errors import CapabilityMissing
from moodle_sync.functions import FACTS, Function
from moodle_sync.sandbox import Sandbox
from tests.conftest import MovableClock
from tests.lti_app.sync.test_groups_events import meetings, second_intake
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

Night = Callable[..., NightResult]

__all__ = ["meetings"]


@pytest.fixture
def untrusted(database: Database, moodle_id: int) -> None:
    with database.transaction() as session:
        session.get_one(Moodle, moodle_id).trusted_at = None


def interfere(means: str, database: Database, moodle_id: int, clock: MovableClock) -> None:
    """Stop the exchange, or break the run's lock, as ``means`` says."""
    if means == "stop":
        stop(database, moodle_id, clock)
    else:
        with database.transaction() as session:
            safety.break_lock(session, moodle_id=moodle_id, actor=SYSTEM, now=clock())


def stop(database: Database, moodle_id: int, clock: MovableClock, reason: str = "Moodle is restored") -> None:
    with database.transaction() as session:
        safety.stop_nights(session, moodle_id=moodle_id, reason=reason, actor=SYSTEM, now=clock())


@pytest.mark.usefixtures("untrusted")
def test_the_first_plan_waits_for_a_person_and_later_ones_do_not(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    first = night()
    assert (first.status, [reason["code"] for reason in first.report["held"]]) == (RunStatus.HELD, ["first_run"])
    assert [course.shortname for course in sandbox.state.courses.values() if course.shortname == "intake-a"] == []
    with database.transaction() as session:
        (plan,) = service.held_plans(session, actor=SYSTEM)
        service.approve_plan(session, held_plan_id=plan.id, actor=SYSTEM, now=clock())
    assert night().status is RunStatus.DONE
    with database.transaction() as session:
        World(session, "b", moodle=session.scalars(select(Moodle)).one())
    second = night()
    assert (second.status, second.report["held"]) == (RunStatus.DONE, [])


@pytest.mark.usefixtures("untrusted")
def test_a_first_plan_approved_beforehand_is_applied_and_its_reason_recorded(night: Night) -> None:
    first = night(approve=True)
    assert (first.status, [reason["code"] for reason in first.report["held"]]) == (RunStatus.DONE, ["first_run"])
    assert night().report["held"] == []


def test_stopped_nights_read_and_write_nothing_whoever_approves(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int, clock: MovableClock
) -> None:
    stop(database, moodle_id, clock)
    result = night(approve=True)
    assert (result.status, [reason["code"] for reason in result.report["held"]]) == (RunStatus.HELD, ["stopped"])
    assert result.report["counts"]["enrol"]["done"] == 0
    assert [course for course in sandbox.state.courses.values() if course.shortname == "intake-a"] == []
    with database.transaction() as session:
        assert service.held_plans(session, actor=SYSTEM) == []  # there is nothing to approve: it is stopped
        safety.resume_nights(session, moodle_id=moodle_id, actor=SYSTEM, now=clock())
    assert night().status is RunStatus.DONE


@pytest.mark.parametrize("means", ["stop", "unlock"])
def test_a_run_under_way_ends_before_its_next_write(
    night: Night,
    sandbox: Sandbox,
    database: Database,
    moodle_id: int,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
    means: str,
) -> None:
    intend = RunJournal.intend

    def strike(self: RunJournal, changes: Any) -> None:
        if changes:  # the course is made; now the people
            interfere(means, database, moodle_id, clock)
        intend(self, changes)

    monkeypatch.setattr(RunJournal, "intend", strike)
    result = night()
    assert result.status is RunStatus.INTERRUPTED
    said = {"stop": "stopped by system: Moodle is restored", "unlock": "the lock was taken by another run, or broken"}
    assert result.report["error"] == said[means]
    assert result.report["counts"]["create_course"]["done"] == 1
    assert sandbox.state.dump()["enrolments"] == []


@pytest.mark.parametrize("means", ["stop", "unlock"])
def test_parts_of_a_run_end_before_their_next_write(
    night: Night,
    parts: Tool,
    sandbox: Sandbox,
    database: Database,
    moodle_id: int,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
    means: str,
) -> None:
    monkeypatch.setattr(sync_parts, "PART_WEIGHT", 1)
    with database.transaction() as session:
        World(session, "b", moodle=session.get_one(Moodle, moodle_id))
    made: list[int] = []

    def strike(run_id: int, _helpers: int) -> None:
        """Be a helper that does the first part, and see the run stopped before the second one's first write."""
        with client_for(parts, session_moodle(database, moodle_id)) as client:
            moodle, holder = session_moodle(database, moodle_id), lock_holder(database, moodle_id)
            assert sync_parts.work_on_next(parts, client, moodle, run_id, holder)
            made.extend(one.id for one in sandbox.state.courses.values() if one.shortname.startswith("intake"))
            intend = RunJournal.intend

            def late(self: RunJournal, changes: Any) -> None:
                monkeypatch.setattr(RunJournal, "intend", intend)
                interfere(means, database, moodle_id, clock)
                intend(self, changes)

            monkeypatch.setattr(RunJournal, "intend", late)
            with pytest.raises(lock.LockLost):
                sync_parts.work_on_next(parts, client, moodle, run_id, holder)

    result = night(call_helpers=strike)
    assert result.status is RunStatus.INTERRUPTED
    assert len(made) == 1
    assert [one.id for one in sandbox.state.courses.values() if one.shortname.startswith("intake")] == made


def test_no_account_is_made_after_a_stop_nor_by_a_first_plan(
    night: Night,
    sandbox: Sandbox,
    database: Database,
    moodle_id: int,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with database.transaction() as session:
        moodle = session.get_one(Moodle, moodle_id)
        moodle.creates_users, moodle.trusted_at = True, None
        for person in session.scalars(select(Person).where(Person.email == "person-a-1@example.org")):
            person.email = "new@example.org"
    before = set(sandbox.state.users)
    first = night()
    assert [reason["code"] for reason in first.report["held"]] == ["first_run"]
    assert first.report["counts"]["create_user"]["planned"] == 1
    assert set(sandbox.state.users) == before
    intend = RunJournal.intend

    def strike(self: RunJournal, changes: Any) -> None:
        stop(database, moodle_id, clock)
        intend(self, changes)

    with monkeypatch.context() as patch:
        patch.setattr(RunJournal, "intend", strike)
        assert night(approve=True).status is RunStatus.INTERRUPTED
    assert [reason["code"] for reason in night(approve=True).report["held"]] == ["stopped"]
    assert set(sandbox.state.users) == before


def session_moodle(database: Database, moodle_id: int) -> Moodle:
    with database.session(writes=False) as session:
        return session.get_one(Moodle, moodle_id)


def lock_holder(database: Database, moodle_id: int) -> str:
    with database.session(writes=False) as session:
        return session.get_one(SyncLock, moodle_id).holder


def test_refusals(database: Database, moodle_id: int, clock: MovableClock) -> None:
    trainee = replace(SYSTEM, roles=frozenset({Role.TRAINEE}))
    elsewhere = replace(SYSTEM, moodle_id=moodle_id + 1)
    with database.transaction() as session:
        for reason in ("", "  ", "x" * 301):
            with pytest.raises(DomainError, match="reason_needed"):
                safety.stop_nights(session, moodle_id=moodle_id, reason=reason, actor=SYSTEM, now=clock())
        with pytest.raises(Forbidden):
            safety.stop_nights(session, moodle_id=moodle_id, reason="r", actor=trainee, now=clock())
        with pytest.raises(NotFound):
            safety.stop_nights(session, moodle_id=moodle_id, reason="r", actor=elsewhere, now=clock())
        with pytest.raises(NotFound):
            safety.break_lock(session, moodle_id=moodle_id, actor=elsewhere, now=clock())
        with pytest.raises(Conflict):
            safety.break_lock(session, moodle_id=moodle_id, actor=SYSTEM, now=clock())
        safety.stop_nights(session, moodle_id=moodle_id, reason="r", actor=SYSTEM, now=clock())
        with pytest.raises(Conflict):
            safety.stop_nights(session, moodle_id=moodle_id, reason="again", actor=SYSTEM, now=clock())


def test_the_commands_stop_resume_and_unlock(
    app: Flask, parts: Tool, database: Database, moodle_id: int, clock: MovableClock
) -> None:
    def give(*words: str) -> tuple[int, str]:
        done = app.test_cli_runner().invoke(args=["sync", *words])
        return done.exit_code, done.output

    assert give("stop", "city")[0] == 64  # no reason
    assert give("stop", "city", "--reason", "backup")[0] == 0
    assert "city: stopped since" in give("status")[1]
    assert give("stop", "city", "--reason", "backup")[0] == 64
    assert give("resume", "city") == (0, "city: the next night writes again\n")
    assert give("resume", "city") == (0, "city: it was not stopped; nights write there as before\n")
    assert "stopped" not in give("status")[1]
    assert give("unlock", "city")[0] == 64
    lock.take(database, moodle_id, "host:1:abcd", clock())
    assert give("unlock", "city") == (0, "city: the lock of host:1:abcd is broken\n")
    with database.session(writes=False) as session:
        assert session.scalars(select(SyncLock)).all() == []


def test_an_administrator_stops_and_allows_the_exchange_on_the_page(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
    client: FlaskClient = visit(app, world, is_moodle_admin=True)

    def post(what: str, **fields: str) -> str:
        data = {"csrf_token": token(app, client), **fields}
        return client.post(f"/sync/moodles/{world.moodle.id}/{what}", data=data, follow_redirects=True).text

    assert "Напишите, почему обмен остановлен" in post("stop", reason="")
    page = post("stop", reason="Восстановление <b>Moodle</b>")
    assert "Восстановление &lt;b&gt;Moodle&lt;/b&gt;" in page
    assert "Возобновить обмен" in page
    with database.transaction() as session:
        run = SyncRun(moodle_id=world.moodle.id, status=RunStatus.HELD, started_at=NOW, finished_at=NOW)
        run.held = [{"code": "stopped", "course_key": "", "people": 0, "of": 0, "text": ""}]
        session.add(run)
        session.flush()
    assert "обмен остановлен, ничего не изменено" in client.get("/sync").text
    assert "Почему ничего не изменено" in client.get(f"/sync/runs/{run.id}").text
    assert "Обмен возобновлён" in post("resume")
    with database.session(writes=False) as session:
        assert session.get_one(Moodle, world.moodle.id).stopped_at is None


WRITES = {function for function, facts in FACTS.items() if facts.writes}


def writes_after(monkeypatch: pytest.MonkeyPatch, moment: Function, strike: Callable[[], None]) -> list[Function]:
    """Strike once ``moment`` was called; return the list that collects the writes sent after it."""
    sent: list[Function] = []
    struck: list[Function] = []
    call = MoodleClient.call

    def watched(self: MoodleClient, function: Function, **params: Any) -> Any:
        answer = call(self, function, **params)
        if struck and function in WRITES:
            sent.append(function)
        if function is moment and not struck:
            struck.append(function)
            strike()
        return answer

    monkeypatch.setattr(MoodleClient, "call", watched)
    return sent


@pytest.mark.parametrize(
    "moment", [Function.DUPLICATE_COURSE, Function.ENROL_USERS, Function.CREATE_GROUPS, Function.CREATE_EVENTS]
)
def test_nothing_at_all_is_written_once_the_exchange_is_stopped(
    night: Night,
    database: Database,
    moodle_id: int,
    clock: MovableClock,
    meetings: list[int],
    monkeypatch: pytest.MonkeyPatch,
    moment: Function,
) -> None:
    if moment is not Function.DUPLICATE_COURSE:
        night()
        second_intake(database, clock)
        with database.transaction() as session:
            moved, cancelled = (session.get_one(Meeting, number) for number in meetings)
            moved.starts_at += timedelta(hours=3)
            cancelled.state = MeetingState.CANCELLED
    sent = writes_after(monkeypatch, moment, lambda: stop(database, moodle_id, clock))
    assert night().status is RunStatus.INTERRUPTED
    assert sent == []


def test_a_doubtful_intake_keeps_those_who_share_its_course_from_being_planned(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    second_intake(database, clock)
    night()
    (course,) = [course for course in sandbox.state.courses.values() if course.shortname == "intake-a"]
    course.idnumber = "2026-X"
    result = night()
    assert result.report["counts"] == {}
    assert {(note["code"], note["course_key"]) for note in result.report["notes"]} >= {
        ("course_conflict", "intake-a"),
        ("course_conflict", "intake-z"),
    }


def test_who_shares_a_course_comes_along_when_it_is_made_anew(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    second_intake(database, clock)
    night()
    (course,) = [course for course in sandbox.state.courses.values() if course.shortname == "intake-a"]
    del sandbox.state.courses[course.id]
    night(approve=True)
    night(approve=True)
    with database.session(writes=False) as session:
        assert len(set(session.scalars(select(Intake.course_id)))) == 1
    assert night().report["counts"] == {}


def test_a_run_that_lost_its_lock_forgets_nothing_that_its_successor_means(
    night: Night, database: Database, moodle_id: int, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call was refused after the lock was broken and the next run had begun: that one's rows are none of its."""

    def refuse(self: MoodleClient, function: Function, **params: Any) -> Any:
        if function is not Function.ENROL_USERS:
            return call(self, function, **params)
        with database.transaction() as session:
            safety.break_lock(session, moodle_id=moodle_id, actor=SYSTEM, now=clock())
        raise CapabilityMissing("may not", function=function, errorcode="nopermissions")

    call = MoodleClient.call
    monkeypatch.setattr(MoodleClient, "call", refuse)
    assert night().status is RunStatus.INTERRUPTED
    with database.session(writes=False) as session:
        rows = session.scalars(select(OwnedEnrolment.pending)).all()
    assert rows
    assert all(rows)


def test_a_stop_and_a_first_night_do_not_wait_for_each_other(
    night: Night,
    untrusted: None,
    database: Database,
    moodle_id: int,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both change the Moodle's row and need the lock's: whoever comes second waits from the start."""
    keep = night_module.keep_accounts
    stopping = threading.Thread(target=stop, args=(database, moodle_id, clock))

    def keep_slowly(*arguments: Any, **options: Any) -> Any:
        stopping.start()
        stopping.join(timeout=1)
        return keep(*arguments, **options)

    monkeypatch.setattr(night_module, "keep_accounts", keep_slowly)
    night(approve=True)
    stopping.join()
    assert session_moodle(database, moodle_id).stopped_at is not None
    assert session_moodle(database, moodle_id).trusted_at is not None
