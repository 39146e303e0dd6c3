"""Carrying a plan out over HTTP: lost answers, bad rows, read-backs that disagree, a journal that gives up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from moodle_sync import apply
from moodle_sync.client import MoodleClient
from moodle_sync.observe import still_so
from moodle_sync.outcomes import GIVE_UP_AFTER, Outcome
from moodle_sync.plan import EnrolmentChange, Kind
from moodle_sync.roster import CourseRoster, Role
from moodle_sync.sandbox import Sandbox, actions, running_sandbox

from .conftest import SEED
from .nights import (
    DAY,
    ENDS,
    NOW,
    ROLE_IDS,
    STARTS,
    Memory,
    course_ids,
    course_of,
    desire,
    night,
    people_in,
    template_of,
)

Connect = Callable[..., MoodleClient]
ENROL = "enrol_manual_enrol_users"
BEFORE = ("timeout_before", "drop_before", "html", "http500")
AFTER = ("timeout_after", "drop_after", "truncated")


def enrol_calls(moodle: Sandbox) -> int:
    return list(moodle.calls).count(ENROL)


def failed(memory: Memory) -> list[tuple[str, str]]:
    return sorted((outcome.change.target, outcome.errorcode) for outcome in memory.failures())


# --- what is written -----------------------------------------------------------------------------------------------


def test_a_first_night_makes_the_course_out_of_the_template_and_enrols_its_people(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    desired = desire(moodle, 1, 2)
    leader = desired.enrolments[0]._replace(person_key=2, role=Role.LEADER)
    result = night(client, desired._replace(enrolments=[desired.enrolments[0], leader]), memory)
    [number] = course_ids(moodle)
    course = moodle.state.courses[number]
    assert not memory.failures()
    assert len(memory.outcomes) == len(result.plan) == 3
    assert (course.idnumber, course.visible, course.startdate, course.enddate) == ("INTAKE-1", 1, STARTS, ENDS)
    assert [module.name for module in moodle.state.modules_of(number) if module.kind == "assign"] == ["Работа"]
    ways = moodle.state.enrolments[number]
    assert (ways[101]["manual"].timestart, ways[101]["manual"].timeend) == (STARTS, ENDS)
    assert (moodle.state.role_ids(number, 101), moodle.state.role_ids(number, 102)) == ([5], [3])


def test_who_left_is_suspended_with_dates_kept_and_who_came_back_is_active_again(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desire(moodle, 1, 2), memory)
    night(client, desire(moodle, 1), memory)
    way = moodle.state.enrolments[course_ids(moodle)[0]][102]["manual"]
    assert (way.suspended, way.timestart, way.timeend) == (True, STARTS, ENDS)
    result = night(client, desire(moodle, 1, 2), memory)
    assert [change.kind for change in result.plan.changes] == [Kind.REACTIVATE]
    assert people_in(moodle) == {1: False, 2: False}


def test_somebody_suspended_by_hand_is_reactivated_and_somebody_unenrolled_by_hand_enrolled_again(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory, desired = Memory(), desire(moodle, 1, 2)
    night(client, desired, memory)
    [number] = course_ids(moodle)
    actions.enrol(moodle.state, number, 101, 5, suspended=True)
    actions.unenrol(moodle.state, number, 102)
    night(client, desired, memory)
    assert not memory.failures()
    assert people_in(moodle) == {1: False, 2: False}


def test_people_enrolled_by_others_are_never_touched(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    night(client, desire(moodle, 1), memory)
    [number] = course_ids(moodle)
    actions.enrol(moodle.state, number, 102, 5, suspended=True, timestart=7)
    actions.enrol(moodle.state, number, 103, 4)
    before = moodle.state.dump()
    result = night(client, desire(moodle, 1, 2), memory)
    assert [(note.code, note.subject) for note in result.plan.notes] == [("enrolled_by_others", 102)]
    assert moodle.state.dump() == before


def test_somebody_unenrolled_by_hand_after_leaving_is_not_ours_when_others_enrol_them_later(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desire(moodle, 1, 2), memory)
    [number] = course_ids(moodle)
    actions.unenrol(moodle.state, number, 102)
    night(client, desire(moodle, 1), memory)
    actions.enrol(moodle.state, number, 102, 5)
    assert not night(client, desire(moodle, 1), memory).plan
    assert people_in(moodle) == {1: False, 2: False}


def test_a_trainee_who_becomes_leader_too_gets_the_role_in_the_one_enrolment(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory, desired = Memory(), desire(moodle, 1)
    night(client, desired, memory)
    leads = desired.enrolments[0]._replace(role=Role.LEADER, starts=STARTS - DAY, ends=0)
    both = desired._replace(enrolments=[desired.enrolments[0], leads])
    night(client, both, memory)
    [number] = course_ids(moodle)
    way = moodle.state.enrolments[number][101]["manual"]
    assert moodle.state.role_ids(number, 101) == [3, 5]
    assert (way.timestart, way.timeend) == (STARTS - DAY, 0)
    assert not night(client, both, memory).plan
    after = night(client, desired, memory)
    assert [note.code for note in after.plan.notes] == ["role_kept"]
    assert (way := moodle.state.enrolments[number][101]["manual"]).suspended is False
    assert (way.timestart, way.timeend) == (STARTS, ENDS)


def test_batches_stay_within_phps_limit_on_form_fields() -> None:
    with running_sandbox(SEED | {"site": {"max_input_vars": 40}}, clock=lambda: NOW) as moodle:
        memory = Memory()
        with MoodleClient(moodle.local_url, moodle.token, max_input_vars=40) as client:
            night(client, desire(moodle, *range(20)), memory)
        assert not memory.failures()
        assert len(people_in(moodle)) == 20
        assert enrol_calls(moodle) == 4


# --- bad rows ------------------------------------------------------------------------------------------------------


def test_a_deleted_user_in_a_batch_is_reported_and_everybody_else_gets_through(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory, people = Memory(), range(1, 31)
    del moodle.state.users[113]
    night(client, desire(moodle, *people), memory)
    assert set(people_in(moodle)) == set(people) - {13}
    [refused] = memory.failures()
    assert isinstance(refused.change, EnrolmentChange)
    assert (refused.change.user_id, refused.errorcode, refused.certain_failure) == (113, "invaliduser", True)
    assert "deleted" in refused.remedy
    assert enrol_calls(moodle) <= 11  # halves of 30, and not one call a person


def test_every_change_has_one_outcome_also_where_many_rows_are_bad(moodle: Sandbox, client: MoodleClient) -> None:
    memory, people = Memory(), range(1, 31)
    for number in (1, 2, 15, 30):
        del moodle.state.users[100 + number]
    result = night(client, desire(moodle, *people), memory)
    assert Counter(outcome.change.target for outcome in memory.outcomes) == Counter(
        change.target for change in result.plan.changes
    )
    assert set(people_in(moodle)) == set(people) - {1, 2, 15, 30}


def test_a_role_that_may_not_be_given_costs_its_people_one_call_and_not_one_each(
    moodle: Sandbox, client: MoodleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, desired = Memory(), desire(moodle, *range(1, 21))
    leaders = [row._replace(role=Role.LEADER) if row.person_key > 10 else row for row in desired.enrolments]
    monkeypatch.setitem(ROLE_IDS, Role.LEADER, 777)
    night(client, desired._replace(enrolments=leaders), memory)
    assert set(people_in(moodle)) == set(range(1, 11))
    assert {outcome.errorcode for outcome in memory.failures()} == {"wsusercannotassign"}
    assert len(memory.failures()) == 10
    assert enrol_calls(moodle) == 3


def test_a_missing_capability_is_named_once_for_all_without_looking_for_a_bad_row(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    moodle.state.site.refused_functions.append(ENROL)
    night(client, desire(moodle, *range(1, 21)), memory)
    failures = memory.failures()
    assert {(one.errorcode, "capabilities" in one.remedy) for one in failures} == {("nopermissions", True)}
    assert len(failures) == 20
    assert enrol_calls(moodle) == 1


# --- lost answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", BEFORE + AFTER)
def test_a_lost_answer_to_an_enrolment_is_read_back_and_ends_well(
    moodle: Sandbox, client: MoodleClient, fault: str
) -> None:
    memory = Memory()
    moodle.faults.set(f"{fault}@{ENROL}#1")
    night(client, desire(moodle, 1, 2, 3), memory)
    assert not memory.failures()
    assert people_in(moodle) == {1: False, 2: False, 3: False}
    # An enrolment that went through is seen in the roster and not sent again.
    assert enrol_calls(moodle) == (1 if fault in AFTER else 2)


@pytest.mark.parametrize("fault", BEFORE + AFTER)
@pytest.mark.parametrize("left", [True, False], ids=["suspension", "change of dates"])
def test_a_lost_answer_to_a_change_that_can_not_be_read_back_is_sent_again(
    moodle: Sandbox, client: MoodleClient, fault: str, left: bool
) -> None:
    memory, desired = Memory(), desire(moodle, 1, 2)
    night(client, desired, memory)
    changed = desired._replace(
        enrolments=desired.enrolments[:1] if left else [row._replace(ends=ENDS + DAY) for row in desired.enrolments]
    )
    moodle.calls.clear()
    moodle.faults.set(f"{fault}@{ENROL}#1")
    night(client, changed, memory)
    assert not memory.failures()
    assert enrol_calls(moodle) == 2
    assert people_in(moodle) == {1: False, 2: left}
    assert not night(client, changed, memory).plan


@pytest.mark.parametrize("fault", BEFORE + AFTER)
def test_a_lost_answer_to_the_making_of_a_course_makes_no_second_one(
    moodle: Sandbox, client: MoodleClient, fault: str
) -> None:
    memory, desired = Memory(), desire(moodle, 1)
    moodle.faults.set(f"{fault}@core_course_duplicate_course#1")
    night(client, desired, memory)
    if fault in AFTER:
        assert not memory.failures()
        assert people_in(moodle) == {1: False}
    else:
        assert failed(memory) == [
            ("course INTAKE-1", "outcome_unknown"),
            ("course INTAKE-1, user 101, trainee", "no_course"),
        ]
        assert course_ids(moodle) == []
    night(client, desired, memory)
    assert not memory.failures()
    assert people_in(moodle) == {1: False}
    assert len(course_ids(moodle)) == 1


@pytest.mark.parametrize("fault", BEFORE + AFTER)
def test_a_lost_answer_to_the_settings_of_a_course_is_sent_again(
    moodle: Sandbox, client: MoodleClient, fault: str
) -> None:
    memory = Memory()
    moodle.faults.set(f"{fault}@core_course_update_courses#1")
    night(client, desire(moodle, 1), memory)
    assert not memory.failures()
    assert people_in(moodle) == {1: False}


@pytest.mark.parametrize("fault", BEFORE + AFTER)
@pytest.mark.parametrize("function", [ENROL, "core_course_duplicate_course", "core_course_update_courses"])
def test_after_writes_that_failed_all_night_the_next_night_ends_as_if_nothing_had_been(
    moodle: Sandbox, client: MoodleClient, fault: str, function: str
) -> None:
    memory, desired = Memory(), desire(moodle, 1, 2)
    moodle.faults.set(f"{fault}@{function}")
    night(client, desired, memory)
    moodle.faults.clear()
    night(client, desired, memory)
    assert not memory.failures()
    assert people_in(moodle) == {1: False, 2: False}
    assert len(course_ids(moodle)) == 1
    assert not night(client, desired, memory).plan


def test_a_write_whose_answer_and_reading_back_are_both_lost_is_no_certain_failure(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory, desired = Memory(), desire(moodle, 1, 2)
    night(client, desire(moodle), memory)
    moodle.faults.set(f"drop_after@{ENROL};drop_before@core_enrol_get_enrolled_users#4-")
    night(client, desired, memory)
    assert [(one.errorcode, one.certain_failure) for one in memory.failures()] == [("outcome_unknown", False)] * 2
    assert all(row.pending for row in memory.owned.values())
    moodle.faults.clear()
    night(client, desired, memory)
    assert not memory.failures()
    assert people_in(moodle) == {1: False, 2: False}


# --- reading back --------------------------------------------------------------------------------------------------


def test_an_enrolment_that_moodle_accepts_but_does_not_show_is_a_failure(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    night(client, desire(moodle), memory)
    moodle.faults.set("empty#4-")
    night(client, desire(moodle, 1, 2), memory)
    assert [(one.errorcode, one.certain_failure) for one in memory.failures()] == [("not_there", False)] * 2


def test_of_many_changes_a_sample_is_read_back_and_costs_one_call(
    moodle: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(timeouts=(5.0, 30.0))
    monkeypatch.setattr(apply, "READ_BACK_IN_FULL", 10)
    memory = Memory()
    night(client, desire(moodle, 1), memory)
    moodle.calls.clear()
    night(client, desire(moodle, *range(30)), memory)
    assert not memory.failures()
    assert len(people_in(moodle)) == 30
    assert list(moodle.calls).count("core_enrol_get_enrolled_users") == 2  # the reading before; then one pack


@pytest.mark.parametrize("concurrency", [1, 4])
def test_samples_of_more_courses_than_there_are_threads_do_not_wait_for_each_other(
    moodle: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    monkeypatch.setattr(apply, "READ_BACK_IN_FULL", 5)
    memory = Memory()
    client = connect(concurrency=concurrency, timeouts=(5.0, 30.0))
    night(client, desire(moodle, *range(12), keys=[f"INTAKE-{number}" for number in range(6)]), memory)
    assert not memory.failures()
    assert len(memory.outcomes) == 6 + 6 * 12


@pytest.mark.parametrize("answer", [["nonsense"], [None], [[]], {"id": 1}, None])
def test_a_sample_that_is_nonsense_is_no_agreement(answer: Any, connect: Connect, moodle: Sandbox) -> None:
    client = connect()
    client.read_many = lambda _function, requests: [answer for _ in requests]  # type: ignore[method-assign]
    assert still_so(client, {5: CourseRoster(frozenset({1}), frozenset())}) == {}


@pytest.mark.parametrize("lost", [100, 115, 129])
def test_somebody_of_many_who_is_not_there_when_read_back_is_a_failure(
    moodle: Sandbox, client: MoodleClient, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    enrol = actions.enrol

    def forgetful(state: Any, course: int, user: int, role: int, **rest: Any) -> None:
        if user != lost:
            enrol(state, course, user, role, **rest)

    monkeypatch.setattr(apply, "READ_BACK_IN_FULL", 10)
    memory = Memory()
    night(client, desire(moodle, 35), memory)
    monkeypatch.setattr(actions, "enrol", forgetful)
    night(client, desire(moodle, 35, *range(30)), memory)
    [missing] = memory.failures()
    assert (missing.errorcode, missing.change.user_id) == ("not_there", lost)


def test_a_suspension_of_somebody_with_another_active_enrolment_says_what_to_do(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desire(moodle, 1), memory)
    actions.enrol(moodle.state, course_ids(moodle)[0], 101, 5, method="self")
    night(client, desire(moodle), memory)
    [refused] = memory.failures()
    assert refused.errorcode == "still_active"
    assert "other enrolment" in refused.remedy


def test_a_course_is_copied_by_an_account_that_may_not_choose_whether_people_are(
    moodle: Sandbox, client: MoodleClient
) -> None:
    moodle.state.site.locks_backup_of_people = True
    memory = Memory()
    night(client, desire(moodle, 1), memory)
    assert not memory.failures()
    assert people_in(moodle) == {1: False}


def test_somebody_active_by_another_enrolment_is_noted_from_the_second_night_on_and_not_written_again(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desire(moodle, 1), memory)
    [course_id] = course_ids(moodle)
    actions.enrol(moodle.state, course_id, 101, 5, method="self")
    night(client, desire(moodle), memory)
    for _night in range(2):
        again = night(client, desire(moodle), memory)
        assert again.plan.changes == []
        assert [note.code for note in again.plan.notes] == ["still_active"]
    assert people_in(moodle) == {1: True}
    del moodle.state.enrolments[course_id][101]["self"]
    assert night(client, desire(moodle), memory).plan.notes == []
    actions.enrol(moodle.state, course_id, 101, 5)
    assert [note.code for note in night(client, desire(moodle), memory).plan.notes] == ["reactivated_by_hand"]
    assert people_in(moodle) == {1: True}


def test_whoever_was_unenrolled_by_hand_and_enrolled_by_somebody_else_is_no_longer_ours(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desire(moodle, 1, 2), memory)
    [course_id] = course_ids(moodle)
    del moodle.state.enrolments[course_id][101]
    night(client, desire(moodle, 1, 2), memory, respects_drift=True)
    actions.enrol(moodle.state, course_id, 101, 5)
    again = night(client, desire(moodle, 1, 2), memory, respects_drift=True)
    assert [note.code for note in again.plan.notes] == ["enrolled_by_others"]
    left = night(client, desire(moodle, 2), memory, respects_drift=True)
    assert left.plan.changes == []
    assert people_in(moodle) == {1: False, 2: False}


def test_an_approval_of_few_missing_people_is_none_of_many(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    night(client, desire(moodle, *range(30)), memory)
    [course_id] = course_ids(moodle)
    names = []
    for gone in (range(8), range(20)):
        for person in gone:
            moodle.state.enrolments[course_id].pop(100 + person, None)
        held = night(client, desire(moodle, *range(30)), memory, respects_drift=True)
        assert held.verdict.held
        names.append(held.plan.id)
    assert names[0] != names[1]


def test_a_suspension_by_hand_is_lifted_and_noted_or_respected_as_the_city_chose(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desire(moodle, 1, 2), memory)
    [course_id] = course_ids(moodle)
    moodle.state.enrolments[course_id][101]["manual"].suspended = True
    del moodle.state.enrolments[course_id][102]
    for _night in range(2):
        respected = night(client, desire(moodle, 1, 2), memory, respects_drift=True)
        assert respected.plan.changes == []
        assert {note.code for note in respected.plan.notes} == {"suspended_by_hand", "removed_by_hand"}
    restored = night(client, desire(moodle, 1, 2), memory)
    assert {note.code for note in restored.plan.notes} == {"suspended_by_hand", "removed_by_hand"}
    assert people_in(moodle) == {1: False, 2: False}
    assert night(client, desire(moodle, 1, 2), memory).plan.notes == []


def test_course_settings_that_moodle_keeps_otherwise_are_a_failure_that_names_them(
    moodle: Sandbox, client: MoodleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moodle_sync.sandbox.webservice import courses

    # As the weekly format does, which sets the end of a course by itself.
    monkeypatch.setattr(courses, "KEPT", tuple(name for name in courses.KEPT if name != "enddate"))
    memory = Memory()
    night(client, desire(moodle, 1), memory)
    assert failed(memory) == [("course INTAKE-1", "not_there")]
    assert "enddate" in memory.failures()[0].message
    assert people_in(moodle) == {1: False}


def test_a_short_name_that_somebody_else_took_meanwhile_is_not_taken_over(moodle: Sandbox, connect: Connect) -> None:
    class Late(Memory):
        def record(self, outcomes: Sequence[Outcome]) -> None:
            if not course_ids(moodle, "INTAKE-2"):
                _, category = template_of(moodle)
                actions.create_course(
                    moodle.state, shortname="INTAKE-2", fullname="Чужой", category=category, idnumber="OTHER"
                )
            super().record(outcomes)

    late = Late()
    night(connect(), desire(moodle, 1, keys=("INTAKE-1", "INTAKE-2")), late)
    assert failed(late) == [
        ("course INTAKE-2", "shortnametaken"),
        ("course INTAKE-2, user 101, trainee", "no_course"),
    ]
    assert [moodle.state.courses[number].fullname for number in course_ids(moodle, "INTAKE-2")] == ["Чужой"]


# --- a Moodle that is down, a journal that gives up ----------------------------------------------------------------


def test_a_moodle_that_goes_down_is_not_called_for_every_batch_that_is_left(moodle: Sandbox, connect: Connect) -> None:
    memory, keys = Memory(), [f"INTAKE-{number}" for number in range(12)]
    client = connect(concurrency=1)
    night(client, desire(moodle, keys=keys), memory)
    moodle.calls.clear()
    moodle.faults.set(f"drop_before@{ENROL};drop_before@core_enrol_get_enrolled_users#{1 + 3 * len(keys)}-")
    night(client, desire(moodle, 1, keys=keys), memory)
    assert enrol_calls(moodle) == GIVE_UP_AFTER
    codes = Counter(outcome.errorcode for outcome in memory.failures())
    assert codes == {"outcome_unknown": GIVE_UP_AFTER, "not_tried": len(keys) - GIVE_UP_AFTER}
    assert len(memory.owned) == GIVE_UP_AFTER  # no intent for what was not tried
    moodle.faults.clear()
    night(client, desire(moodle, 1, keys=keys), memory)
    assert not memory.failures()


def test_a_token_that_is_refused_ends_the_sending_at_once(moodle: Sandbox, connect: Connect) -> None:
    keys = ("INTAKE-1", "INTAKE-2")

    class Revoked(Memory):
        def intend(self, changes: Sequence[EnrolmentChange]) -> None:
            if changes:
                moodle.token = "another"
            super().intend(changes)

    memory = Revoked()
    night(connect(concurrency=1), desire(moodle, 1, keys=keys), memory)
    assert failed(memory) == [
        ("course INTAKE-1, user 101, trainee", "invalidtoken"),
        ("course INTAKE-2, user 101, trainee", "not_tried"),
    ]
    assert enrol_calls(moodle) == 1


class GivesUp(Memory):
    """A journal that loses its lock at its n-th call of a kind."""

    def __init__(self, memory: Memory, *, at: str, after: int) -> None:
        super().__init__(memory.owned)
        self.at, self.after = at, after

    def _count(self, what: str) -> None:
        if what == self.at:
            self.after -= 1
            if self.after < 0:
                raise InterruptedError("the lock is lost")

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        self._count("intend")
        super().intend(changes)

    def record(self, outcomes: Sequence[Outcome]) -> None:
        self._count("record")
        super().record(outcomes)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("at", ["intend", "record"])
def test_what_the_journal_raises_ends_the_run_and_the_next_one_finishes_the_work(
    moodle: Sandbox, connect: Connect, at: str, after: int, concurrency: int
) -> None:
    memory, keys = Memory(), [f"INTAKE-{number}" for number in range(6)]
    desired, client = desire(moodle, 1, 2, keys=keys), connect(concurrency=concurrency)
    night(client, desire(moodle, keys=keys), memory)
    moodle.calls.clear()
    with pytest.raises(InterruptedError):
        night(client, desired, memory, journal=GivesUp(memory, at=at, after=after))
    assert enrol_calls(moodle) <= after + concurrency
    result = night(client, desired, memory)
    assert not memory.failures()
    assert len(memory.outcomes) == len(result.plan)
    for key in keys:
        assert people_in(moodle, key) == {1: False, 2: False}
    assert not night(client, desired, memory).plan


def test_nothing_is_sent_for_a_batch_whose_intent_could_not_be_kept(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    night(client, desire(moodle), memory)
    with pytest.raises(InterruptedError):
        night(client, desire(moodle, 1), memory, journal=GivesUp(memory, at="intend", after=0))
    assert enrol_calls(moodle) == 0
    assert people_in(moodle) == {}


def test_courses_whose_template_is_gone_are_reported_with_their_people(moodle: Sandbox, client: MoodleClient) -> None:
    memory, desired = Memory(), desire(moodle, 1)
    desired = desired._replace(courses=[course_of(moodle, template_id=999)])
    night(client, desired, memory)
    assert failed(memory) == [
        ("course INTAKE-1", "invalidcourseid"),
        ("course INTAKE-1, user 101, trainee", "no_course"),
    ]
