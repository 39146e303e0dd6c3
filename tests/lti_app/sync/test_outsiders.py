"""Nights and people enrolled by hand: found once, described, taken in, forgotten; nothing is written to Moodle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.permissions import Actor, Role
from lti_app.intakes.models import Intake, MoodleProgress, Outsider, Trainee, TraineeState
from lti_app.intakes.outsiders import adopt
from lti_app.sites.models import SiteLeader
from lti_app.sync import outsiders
from lti_app.sync.models import OwnedEnrolment, RunStatus
from lti_app.sync.night import NightResult
from moodle_sync.functions import Function
from moodle_sync.sandbox import Sandbox, actions
from tests.conftest import MovableClock
from tests.lti_app.sync.test_night import courses_named

Night = Callable[..., NightResult]
STUDENT, TEACHER = 5, 3


@pytest.fixture
def stranger(sandbox: Sandbox, night: Night) -> tuple[int, int]:
    """Enrol the stranger by hand in the course that a first night made; return course and user."""
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    user_id = next(user.id for user in sandbox.state.users.values() if user.username == "stranger")
    actions.enrol(sandbox.state, course_id, user_id, STUDENT)
    return course_id, user_id


def kept(database: Database) -> Sequence[Outsider]:
    with database.session(writes=False) as session:
        return session.scalars(select(Outsider).order_by(Outsider.user_id)).all()


def test_a_stranger_is_described_once_and_forgotten_when_gone(
    night: Night, sandbox: Sandbox, database: Database, stranger: tuple[int, int]
) -> None:
    night()

    (row,) = kept(database)
    assert (row.course_id, row.user_id) == stranger
    assert (row.full_name, row.email, row.is_offered) == ("Орлов Глеб", "stranger@example.org", True)
    quiet, again = night(), night()
    assert [one.id for one in kept(database)] == [row.id]
    assert quiet.report["counts"] == again.report["counts"] == {}

    actions.unenrol(sandbox.state, *stranger)
    night()
    assert kept(database) == []


def test_a_teacher_is_not_offered_and_kept_without_a_name(
    night: Night, sandbox: Sandbox, database: Database, stranger: tuple[int, int]
) -> None:
    actions.unenrol(sandbox.state, *stranger)
    actions.enrol(sandbox.state, *stranger, TEACHER)

    night()

    (row,) = kept(database)
    assert (row.is_offered, row.full_name, row.email, row.idnumber) == (False, "", None, None)


def test_who_is_suspended_there_is_not_offered(
    night: Night, sandbox: Sandbox, database: Database, stranger: tuple[int, int]
) -> None:
    actions.enrol(sandbox.state, *stranger, STUDENT, suspended=True)

    night()

    assert kept(database) == []


def test_who_is_taken_in_stays_as_enrolled_and_their_completion_is_read(
    night: Night, sandbox: Sandbox, database: Database, stranger: tuple[int, int], clock: MovableClock
) -> None:
    night()
    (row,) = kept(database)
    before = sandbox.state.enrolments[stranger[0]][stranger[1]]
    with database.transaction() as session:
        intake, leading = session.scalars(select(Intake)).one(), session.scalars(select(SiteLeader)).one()
        leader = Actor(
            person_id=leading.person_id,
            name="",
            roles=frozenset({Role.LEADER}),
            led_site_ids=frozenset({leading.site_id}),
        )
        (trainee,) = adopt(
            session,
            intake_id=intake.id,
            outsider_ids=[row.id],
            actor=leader,
            now=clock(),
            zone=ZoneInfo("Asia/Novokuznetsk"),
        )
        trainee_id = trainee.id

    after = night()

    assert (after.status, after.report["counts"]) == (RunStatus.DONE, {})
    assert [note["code"] for note in after.report["notes"]] == ["enrolled_by_others"]
    assert sandbox.state.enrolments[stranger[0]][stranger[1]] == before
    with database.session(writes=False) as session:
        assert session.get(MoodleProgress, trainee_id) is not None
        assert session.scalar(select(OwnedEnrolment.user_id).where(OwnedEnrolment.user_id == stranger[1])) is None
    assert kept(database) == []

    with database.transaction() as session:
        left = session.get_one(Trainee, trainee_id)
        left.state, left.left_at = TraineeState.LEFT, clock()
    clock.move(days=8)
    assert night().status is RunStatus.DONE
    assert kept(database) == []


def test_an_intake_that_is_over_keeps_nobody(
    night: Night, database: Database, stranger: tuple[int, int], clock: MovableClock
) -> None:
    night()
    assert len(kept(database)) == 1

    clock.move(days=61)
    night()

    assert kept(database) == []


def test_who_is_beyond_the_most_of_a_night_waits_for_a_full_reading(
    night: Night,
    database: Database,
    stranger: tuple[int, int],
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as none_tonight:
        none_tonight.setattr(outsiders, "MOST_A_NIGHT", 0)
        night()
    night()
    assert kept(database) == []

    clock.move(days=8)
    night()

    assert [row.user_id for row in kept(database)] == [stranger[1]]


def test_a_moodle_that_does_not_answer_there_costs_the_night_nothing(
    night: Night, sandbox: Sandbox, database: Database, stranger: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: object) -> list[object]:
        from moodle_sync.errors import NotJson

        raise NotJson("no people", function=Function.ENROLLED_USERS)

    monkeypatch.setattr(outsiders, "read_course_people", fails)

    assert night().status is RunStatus.DONE
    assert kept(database) == []
