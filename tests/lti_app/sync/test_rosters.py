"""Nights that remember rosters: what a quiet one costs, what it sees all the same, when it reads anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.credits.models import CreditEntry, EntryKind
from lti_app.intakes.models import MoodleProgress, Trainee, TraineeState
from lti_app.programmes.models import ProgrammeVersion
from lti_app.sync.models import RememberedRoster, RunStatus
from lti_app.sync.night import NightResult
from moodle_sync.functions import Function
from moodle_sync.sandbox import Sandbox
from tests.conftest import MovableClock
from tests.lti_app.sync.conftest import PEOPLE
from tests.lti_app.sync.test_night import control, courses_named, leave, roster_of
from tests.lti_app.world import behind_the_rules

Night = Callable[..., NightResult]


def remembered(database: Database) -> list[RememberedRoster]:
    with database.session(writes=False) as session:
        return list(session.scalars(select(RememberedRoster)))


def full_reads(sandbox: Sandbox, night: Night) -> tuple[int, NightResult]:
    """Return how many rosters a night asked for on their own; probes travel in packs."""
    sandbox.calls.clear()
    result = night()
    return sum(name == Function.ENROLLED_USERS for name in sandbox.calls), result


def test_a_quiet_night_probes_what_it_remembers(night: Night, sandbox: Sandbox, database: Database) -> None:
    night()
    assert remembered(database) == []  # the course was made and written to: nothing is taken for granted
    # Template, the site's functions, courses by id, two rosters; completion and grades in a pack each.
    assert night().report["calls"] == 8
    (course_id,) = courses_named(sandbox, "intake-a")
    (row,) = remembered(database)
    assert (row.course_id, set(row.enrolled), row.inactive) == (course_id, roster_of(sandbox, course_id).active, [])
    # Two rosters less, a pack of probes more.
    reads, third = full_reads(sandbox, night)
    assert (reads, third.report["calls"], third.report["counts"]) == (0, 7, {})


def test_a_rehearsal_remembers_nothing(night: Night, database: Database) -> None:
    night()
    night(dry_run=True)
    assert remembered(database) == []


def test_a_course_is_read_in_full_before_it_is_written_to(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    night()
    leave(database, 2, clock)
    reads, result = full_reads(sandbox, night)
    assert reads > 0
    assert result.report["counts"] == {"suspend": {"planned": 2, "done": 2, "failed": 0}}
    assert remembered(database) == []


def test_a_held_plan_rests_on_full_reads_and_leaves_the_roster_remembered(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    night()
    leave(database, 6, clock)
    reads, result = full_reads(sandbox, night)
    assert reads > 0
    assert result.status is RunStatus.HELD
    assert len(remembered(database)) == 1  # nothing was written, so what was read still holds


def test_what_others_changed_in_moodle_is_found_in_spite_of_memory(
    night: Night, sandbox: Sandbox, database: Database
) -> None:
    night()
    night()
    (course_id,) = courses_named(sandbox, "intake-a")
    somebody = min(roster_of(sandbox, course_id).active)
    control(sandbox, "enrolments", {"user": somebody, "course": course_id, "role": "student", "remove": True})
    report = night().report
    assert report["counts"]["enrol"] == {"planned": 1, "done": 1, "failed": 0}
    assert [note["code"] for note in report["notes"]] == ["removed_by_hand"]


def test_a_roster_is_read_in_full_again_after_the_set_days(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    night()
    clock.move(days=6, hours=23)
    assert full_reads(sandbox, night)[0] == 0
    (before,) = remembered(database)
    clock.move(hours=2)
    assert full_reads(sandbox, night)[0] == 2
    (after,) = remembered(database)
    assert after.read_at > before.read_at


def test_an_intake_that_ended_long_ago_is_forgotten(night: Night, database: Database, clock: MovableClock) -> None:
    night()
    night()
    clock.move(days=125)
    night()
    assert remembered(database) == []


def _read_at(session: Session) -> dict[int, datetime]:
    return {row.trainee_id: row.read_at for row in session.scalars(select(MoodleProgress))}


def test_completion_is_read_of_those_whose_credit_depends_on_it(
    night: Night, database: Database, clock: MovableClock
) -> None:
    night()
    with database.transaction() as session:
        trainees = session.scalars(select(Trainee).order_by(Trainee.id)).all()
        gone, done, taken_back = trainees[:3]
        gone.state, gone.left_at = TraineeState.LEFT, clock()
        version = session.scalars(select(ProgrammeVersion)).one()

        def entry(trainee: Trainee, **values: object) -> CreditEntry:
            entry = CreditEntry(
                trainee_id=trainee.id,
                person_id=trainee.person_id,
                version_id=version.id,
                hours=version.hours,
                rule="",
                evidence={},
                decided_by_id=trainee.person_id,
                decided_at=clock(),
                **values,
            )
            session.add(entry)
            session.flush()
            return entry

        entry(done, kind=EntryKind.CREDIT)
        first = entry(taken_back, kind=EntryKind.CREDIT)
        entry(taken_back, kind=EntryKind.REVERSAL, reverses_id=first.id, reason="ошибка")
        read_before = _read_at(session)
    assert len(read_before) == PEOPLE
    clock.move(days=1)
    night()
    with database.session(writes=False) as session:
        read_now = _read_at(session)
    assert {trainee for trainee, at in read_now.items() if at == read_before[trainee]} == {gone.id, done.id}


def test_completion_that_no_rule_asks_for_is_not_read(night: Night, database: Database) -> None:
    with database.transaction() as session, behind_the_rules(session):
        session.scalars(select(ProgrammeVersion)).one().needs_completion = False
    night()
    # functions, template, courses by id, two rosters, a seventh of the accounts
    assert night().report["calls"] == 6
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(MoodleProgress)) == 0
