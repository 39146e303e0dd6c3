"""A night against the pocket Moodle: what it makes, what it leaves alone, what it holds, how it resumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.permissions import SYSTEM, Actor
from lti_app.intakes.models import Intake, MoodleProgress, Trainee, TraineeState
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.models import metadata
from lti_app.people.models import MoodleAccount, Person
from lti_app.sync import accounts, lock, service
from lti_app.sync.cli_report import lines_of
from lti_app.sync.models import HeldPlan, OwnedEnrolment, PlanState, RunStatus, SyncChange, SyncRun
from lti_app.sync.names import Names
from lti_app.sync.night import NightResult
from moodle_sync import observe
from moodle_sync.sandbox import Sandbox
from tests.conftest import MovableClock
from tests.lti_app.sync.conftest import PEOPLE
from tests.lti_app.world import behind_the_rules

Night = Callable[..., NightResult]


@dataclass
class Roster:
    """Who is in the intake's course of the pocket Moodle."""

    active: set[int]
    suspended: set[int]


def roster_of(sandbox: Sandbox, course_id: int) -> Roster:
    body = sandbox.state.dump()
    rows = [row for row in body["enrolments"] if row["course"] == course_id]
    return Roster(
        {row["user"] for row in rows if not row["suspended"]}, {row["user"] for row in rows if row["suspended"]}
    )


def courses_named(sandbox: Sandbox, shortname: str) -> list[int]:
    return [course.id for course in sandbox.state.courses.values() if course.shortname == shortname]


def everything(database: Database) -> dict[str, list[Any]]:
    with database.session(writes=False) as session:
        return {
            name: sorted(map(repr, session.execute(select(table)).all())) for name, table in metadata.tables.items()
        }


def leave(database: Database, count: int, clock: MovableClock) -> None:
    with database.transaction() as session:
        for trainee in session.scalars(select(Trainee).order_by(Trainee.id).limit(count)):
            trainee.state, trainee.left_at = TraineeState.LEFT, clock()


def come_back(database: Database) -> None:
    with database.transaction() as session:
        for trainee in session.scalars(select(Trainee)):
            trainee.state, trainee.left_at = TraineeState.ENROLLED, None


def test_a_night_makes_the_course_enrolls_and_the_next_one_has_nothing_to_do(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    first = night()
    assert first.status is RunStatus.DONE, first.report
    assert first.report["counts"] == {
        "create_course": {"planned": 1, "done": 1, "failed": 0},
        "enrol": {"planned": PEOPLE + 1, "done": PEOPLE + 1, "failed": 0},
    }
    (course_id,) = courses_named(sandbox, "intake-a")
    assert sandbox.state.courses[course_id].idnumber == "intake-a"
    assert len(roster_of(sandbox, course_id).active) == PEOPLE + 1
    with database.session(writes=False) as session:
        intake = session.scalar(select(Intake))
        assert intake is not None
        assert (intake.course_id, intake.course_tied_by) == (course_id, "night")
        assert session.scalar(select(func.count()).select_from(OwnedEnrolment).where(OwnedEnrolment.pending)) == 0
        assert session.scalar(select(func.count()).select_from(MoodleProgress)) == PEOPLE
        reasons = session.execute(select(SyncChange.kind, SyncChange.reason).distinct().order_by(SyncChange.kind)).all()
        assert [tuple(row) for row in reasons] == [("create_course", "no_course"), ("enrol", "listed")]
    second = night()
    assert second.status is RunStatus.DONE
    assert second.report["counts"] == {}


def test_a_rehearsal_changes_nothing_anywhere(night: Night, sandbox: Sandbox, database: Database) -> None:
    before = everything(database), json.dumps(sandbox.state.dump(), sort_keys=True)
    rehearsal = night(dry_run=True)
    assert rehearsal.report["counts"]["enrol"] == {"planned": PEOPLE + 1, "done": 0, "failed": 0}
    assert (everything(database), json.dumps(sandbox.state.dump(), sort_keys=True)) == before
    real = night()
    assert real.report["plan"] == rehearsal.report["plan"]


def test_who_left_is_suspended_and_who_came_back_is_active_again(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    leave(database, 2, clock)
    assert night().report["counts"] == {"suspend": {"planned": 2, "done": 2, "failed": 0}}
    assert len(roster_of(sandbox, course_id).suspended) == 2
    assert night().report["counts"] == {}
    come_back(database)
    assert night().report["counts"] == {"reactivate": {"planned": 2, "done": 2, "failed": 0}}
    assert roster_of(sandbox, course_id).suspended == set()


def test_new_dates_of_an_intake_reach_course_and_enrolments(night: Night, sandbox: Sandbox, database: Database) -> None:
    night()
    with database.transaction() as session:
        intake = session.scalars(select(Intake)).one()
        intake.ends_on += timedelta(days=10)
    counts = night().report["counts"]
    assert counts["update_course"]["done"] == 1
    assert counts["update_enrolment"]["done"] == PEOPLE  # a leader's place has no end
    assert night().report["counts"] == {}


def test_the_night_ties_the_leader_whom_the_order_names(night: Night, database: Database) -> None:
    night()
    with database.session(writes=False) as session:
        leader = session.scalars(select(Person).where(Person.email == "leader-a@example.org")).one()
        account = session.scalars(select(MoodleAccount).where(MoodleAccount.person_id == leader.id)).one()
        assert account.matched_by == "email"


def test_an_idnumber_typed_into_ones_own_profile_makes_nobody_a_leader_at_night(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    with database.transaction() as session:
        leader = session.scalars(select(Person).where(Person.email == "leader-a@example.org")).one()
        leader.moodle_idnumber = "LEAD-1"
    stranger = next(user for user in sandbox.state.users.values() if user.username == "stranger")
    control(sandbox, "accounts", {"user": "stranger", "idnumber": "LEAD-1"})
    report = night().report
    with database.session(writes=False) as session:
        assert session.scalars(select(MoodleAccount).where(MoodleAccount.user_id == stranger.id)).all() == []
    assert [(note["subject"], note["text"]) for note in report["notes"] if note["code"] == "person_not_found"] == [
        (leader.id, "the user with this idnumber has another e-mail")
    ]
    (course_id,) = courses_named(sandbox, "intake-a")
    assert stranger.id not in roster_of(sandbox, course_id).active


def test_people_enrolled_by_others_are_never_touched(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    stranger = next(user.id for user in sandbox.state.users.values() if user.username == "stranger")
    control(sandbox, "enrolments", {"user": stranger, "course": course_id, "role": "student", "method": "self"})
    leave(database, 1, clock)
    report = night().report
    assert report["counts"] == {"suspend": {"planned": 1, "done": 1, "failed": 0}}
    assert stranger in roster_of(sandbox, course_id).active


def control(sandbox: Sandbox, name: str, body: dict[str, Any]) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/{name}", json=body, timeout=5)
    assert answer.status_code == 200, answer.text


def test_who_left_and_was_unenrolled_by_hand_is_not_ours_when_others_enrol_them_again(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    leave(database, 1, clock)
    night()
    (left,) = roster_of(sandbox, course_id).suspended
    control(sandbox, "enrolments", {"user": left, "course": course_id, "role": "student", "remove": True})
    night()
    control(sandbox, "enrolments", {"user": left, "course": course_id, "role": "student"})
    assert night().report["counts"] == {}
    assert left in roster_of(sandbox, course_id).active


def test_a_plan_that_suspends_many_is_held_until_somebody_approves(
    app: Flask, night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    leave(database, 6, clock)
    held = night()
    assert held.status is RunStatus.HELD
    assert {reason["code"] for reason in held.report["held"]} == {"suspends_many"}
    assert roster_of(sandbox, course_id).suspended == set()
    with database.transaction() as session:
        (plan,) = service.held_plans(session, actor=SYSTEM)
        assert plan.plan_id == held.report["plan"]
        service.approve_plan(session, held_plan_id=plan.id, actor=SYSTEM, now=clock())
    applied = night()
    assert applied.status is RunStatus.DONE
    assert applied.report["counts"] == {"suspend": {"planned": 6, "done": 6, "failed": 0}}
    assert len(roster_of(sandbox, course_id).suspended) == 6
    with database.session(writes=False) as session:
        stored = session.scalars(select(HeldPlan)).one()
        assert (stored.state, stored.approved_by) == (PlanState.APPLIED, "system")


def test_an_approval_does_not_outlive_a_change_of_the_world(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    leave(database, 6, clock)
    night()
    with database.transaction() as session:
        (plan,) = service.held_plans(session, actor=SYSTEM)
        service.approve_plan(session, held_plan_id=plan.id, actor=SYSTEM, now=clock())
    leave(database, 8, clock)
    again = night()
    assert again.status is RunStatus.HELD
    assert roster_of(sandbox, course_id).suspended == set()
    with database.session(writes=False) as session:
        states = {held.plan_id: held.state for held in session.scalars(select(HeldPlan))}
    assert states == {plan.plan_id: PlanState.EXPIRED, again.report["plan"]: PlanState.HELD}


def test_approval_given_beforehand_applies_and_still_records_the_reasons(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    leave(database, 6, clock)
    applied = night(approve=True)
    assert applied.status is RunStatus.DONE
    assert [reason["code"] for reason in applied.report["held"]]
    assert applied.report["counts"]["suspend"]["done"] == 6


def test_only_an_administrator_may_approve(night: Night, database: Database, clock: MovableClock) -> None:
    night()
    leave(database, 6, clock)
    night()
    with database.session() as session:
        (plan,) = service.held_plans(session, actor=SYSTEM)
        nobody = Actor(person_id=None, name="somebody")
        with pytest.raises(Exception, match="not_permitted"):
            service.approve_plan(session, held_plan_id=plan.id, actor=nobody, now=clock())


@pytest.mark.parametrize("fault", ["empty", "truncated@core_enrol_get_enrolled_users", "html@core_enrol*"])
def test_a_roster_that_cannot_be_read_whole_holds_the_plan(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock, fault: str
) -> None:
    night()
    leave(database, 1, clock)
    sandbox.faults.set(fault)
    assert night().status is RunStatus.HELD
    sandbox.faults.clear()
    after = night()
    assert after.status is RunStatus.DONE
    assert after.report["counts"] == {"suspend": {"planned": 1, "done": 1, "failed": 0}}


def test_a_course_deleted_in_moodle_is_made_anew_once_somebody_approves(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    del sandbox.state.courses[course_id]
    assert night().status is RunStatus.HELD
    assert courses_named(sandbox, "intake-a") == []
    night(approve=True)
    (made,) = courses_named(sandbox, "intake-a")
    with database.session(writes=False) as session:
        assert session.scalars(select(Intake.course_id).where(Intake.code == "intake-a")).one() == made
    assert night().report["counts"] == {}


@pytest.mark.parametrize("fault", ["html", "http500", "drop_before", "truncated"])
def test_a_moodle_that_cannot_be_read_at_all_is_left_alone(
    night: Night, sandbox: Sandbox, database: Database, fault: str
) -> None:
    sandbox.faults.set(fault)
    result = night()
    assert result.status is RunStatus.UNREADABLE
    assert result.report["error"]
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(SyncChange)) == 0


def test_somebody_who_is_not_in_moodle_is_named_and_the_others_get_through(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    with database.transaction() as session:
        missing = session.scalars(select(Person).where(Person.email == "person-a-3@example.org")).one()
        missing.email = "nobody@example.org"
    result = night()
    assert result.status is RunStatus.DONE
    assert result.report["counts"]["enrol"]["done"] == PEOPLE
    assert [(note["code"], note["subject"]) for note in result.report["notes"]] == [("person_not_found", missing.id)]


def test_a_user_tied_to_somebody_else_is_not_taken_over(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int, clock: MovableClock
) -> None:
    user_id = next(user.id for user in sandbox.state.users.values() if user.username == "person-a-1")
    with database.transaction() as session:
        other = Person(last_name="Другая", first_name="Дина", email="other@example.org")
        session.add(other)
        session.flush()
        session.add(
            MoodleAccount(
                moodle_id=moodle_id, user_id=user_id, person_id=other.id, matched_by="person", matched_at=clock()
            )
        )
    result = night()
    assert [note["code"] for note in result.report["notes"]] == ["person_not_found"]
    assert result.report["counts"]["enrol"]["done"] == PEOPLE


def test_a_second_run_at_the_same_time_is_refused(
    night: Night, parts: Tool, moodle_id: int, clock: MovableClock
) -> None:
    with lock.held(parts.database, moodle_id, clock), pytest.raises(lock.LockHeld):
        night()


def test_a_run_that_died_is_shown_as_interrupted(night: Night, database: Database, moodle_id: int) -> None:
    night()
    with database.transaction() as session:
        dead = session.scalars(select(SyncRun)).one()
        dead.status, dead.finished_at = RunStatus.RUNNING, None
    night()
    with database.session(writes=False) as session:
        assert [run.status for run in session.scalars(select(SyncRun).order_by(SyncRun.id))] == [
            RunStatus.INTERRUPTED,
            RunStatus.DONE,
        ]


def _renumber(sandbox: Sandbox, old: int, new: int) -> None:
    """Bring a course back under another id, as a restore from Moodle's recycle bin does."""
    course = sandbox.state.courses.pop(old)
    course.id = new
    sandbox.state.courses[new] = course


def test_a_course_that_comes_back_under_another_id_stays_ours(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    (old,) = courses_named(sandbox, "intake-a")
    _renumber(sandbox, old, old + 50)
    night(approve=True)
    with database.session(writes=False) as session:
        assert session.scalars(select(Intake.course_id)).one() == old + 50
    leave(database, 1, clock)
    assert night().report["counts"] == {"suspend": {"planned": 1, "done": 1, "failed": 0}}


def test_a_course_that_another_intake_holds_is_left_to_it(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    with database.transaction() as session:
        first = session.scalars(select(Intake)).one()
        first.code, first.course_tied_by = "tied-by-hand", "leader"
        session.flush()
        session.add(
            Intake(
                code="intake-a",
                version_id=first.version_id,
                moodle_id=moodle_id,
                starts_on=first.starts_on,
                ends_on=first.ends_on,
                capacity=5,
                published_at=first.published_at,
            )
        )
    result = night()
    assert result.status is RunStatus.DONE
    assert [note["code"] for note in result.report["notes"]] == ["course_conflict"]
    with database.session(writes=False) as session:
        assert dict(session.execute(select(Intake.code, Intake.course_id)).all()) == {  # type: ignore[arg-type]
            "tied-by-hand": course_id,
            "intake-a": None,
        }


def test_approving_one_plan_applies_no_other(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    leave(database, 1, clock)
    other = night(only_plan="0" * 64)
    assert other.status is RunStatus.HELD
    assert [reason["code"] for reason in other.report["held"]] == ["not_the_approved"]
    assert roster_of(sandbox, course_id).suspended == set()
    with database.session(writes=False) as session:
        (plan,) = service.held_plans(session, actor=SYSTEM)
    assert (plan.plan_id, plan.reasons) == (other.report["plan"], other.report["held"])
    assert night(only_plan=other.report["plan"]).status is RunStatus.DONE
    assert len(roster_of(sandbox, course_id).suspended) == 1


def test_an_approved_plan_that_has_nothing_left_to_do_holds_nothing(night: Night, database: Database) -> None:
    night()
    again = night(only_plan="0" * 64)
    assert (again.status, again.report["held"]) == (RunStatus.DONE, [])
    with database.session(writes=False) as session:
        assert service.held_plans(session, actor=SYSTEM) == []


def test_a_plan_that_nobody_approved_is_carried_out_by_the_next_night_if_nothing_speaks_against_it(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    leave(database, 1, clock)
    night(only_plan="0" * 64)
    assert night().status is RunStatus.DONE
    (course_id,) = courses_named(sandbox, "intake-a")
    assert len(roster_of(sandbox, course_id).suspended) == 1
    with database.session(writes=False) as session:
        assert service.held_plans(session, actor=SYSTEM) == []


def test_a_night_says_whom_it_put_forward_for_credit(
    night: Night, parts: Tool, database: Database, clock: MovableClock
) -> None:
    night()
    with database.transaction() as session:
        intake = session.scalars(select(Intake)).one()
        with behind_the_rules(session):
            intake.version.needs_completion = False
        leader = session.scalars(select(Person).where(Person.email == "leader-a@example.org")).one()
        trainees = session.scalars(select(Trainee).order_by(Trainee.id).limit(2)).all()
        for topic in intake.version.topics:
            meeting = Meeting(
                intake=intake,
                topic=topic,
                form=topic.form,
                mode=topic.mode,
                starts_at=clock() - timedelta(days=2),
                minutes=90,
                hours=topic.hours,
                room_url="https://rooms.example.org/1",
                state=MeetingState.PLANNED,
            )
            session.add(meeting)
            session.add_all(
                Attendance(
                    meeting=meeting,
                    trainee=trainee,
                    presence=Presence.PRESENT,
                    confirmed_at=clock(),
                    confirmed_by_id=leader.id,
                )
                for trainee in trainees
            )
    first = night()
    assert first.report["counts"] == {}
    assert first.report["proposed"] == {"intake-a": 2}
    lines = lines_of(first.report, Names())
    assert "  put forward for credit: 2 people (intake-a: 2)" in lines
    assert "  nothing to change" not in lines
    clock.move(days=1)
    second = night()
    assert second.report["proposed"] == {}
    assert "  nothing to change" in lines_of(second.report, Names())


def test_somebody_who_launched_while_moodle_was_read_breaks_nothing(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int, clock: MovableClock
) -> None:
    user_id = next(user.id for user in sandbox.state.users.values() if user.username == "person-a-1")

    original = observe.read_observed

    def read(*arguments: Any, **options: Any) -> Any:
        seen = original(*arguments, **options)
        _tie(database, moodle_id, user_id, clock)
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lti_app.sync.looking.read_observed", read)
        assert night().status is RunStatus.DONE
    assert night().report["counts"] == {}


def test_somebody_who_launches_while_the_night_remembers_who_is_who_breaks_nothing(
    night: Night, sandbox: Sandbox, database: Database, moodle_id: int, clock: MovableClock
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    user_id = next(user.id for user in sandbox.state.users.values() if user.username == "person-a-1")
    taken = accounts.taken_accounts

    def launch(*arguments: Any) -> Any:
        seen = taken(*arguments)
        _tie(database, moodle_id, user_id, clock)
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "taken_accounts", launch)
        assert night().status is RunStatus.DONE


def _tie(database: Database, moodle_id: int, user_id: int, clock: MovableClock) -> None:
    with database.transaction() as session:
        person = session.scalars(select(Person).where(Person.email == "person-a-1@example.org")).one()
        session.add(
            MoodleAccount(
                moodle_id=moodle_id, user_id=user_id, person_id=person.id, matched_by="email", matched_at=clock()
            )
        )
