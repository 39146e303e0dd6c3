"""Whole nights against the sandbox: what they cost, and that dying anywhere leaves nothing to mend by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moodle_sync.client import MoodleClient
from moodle_sync.errors import CannotReadWhole
from moodle_sync.plan import Kind
from moodle_sync.progress import read_progress
from moodle_sync.roster import Desired, DesiredCategory, DesiredPerson, Role
from moodle_sync.sandbox import Sandbox, actions, running_sandbox

from .conftest import SEED
from .nights import ENDS, FAULTS, NOW, Died, Memory, Mortal, course_ids, desire, night, people_in, state_of

Connect = Callable[..., MoodleClient]
KEYS = ("INTAKE-1", "INTAKE-2", "INTAKE-3")


@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_night_with_nothing_to_do_costs_two_calls_a_course_and_two_more(
    moodle: Sandbox, connect: Connect, count: int
) -> None:
    memory, desired = Memory(), desire(moodle, 1, 2, keys=[f"INTAKE-{number}" for number in range(count)])
    night(connect(), desired, memory)
    # What the service can do, all courses packed, and of each course all its people and those who are inactive.
    patient = connect(timeouts=(5.0, 30.0))  # a call that is sent again would be counted
    assert night(patient, desired, memory).calls == 2 + 2 * count


def test_a_first_night_of_a_course_costs_a_known_number_of_calls(moodle: Sandbox, connect: Connect) -> None:
    client = connect(timeouts=(5.0, 30.0))
    # Functions, courses by idnumber and by short name; copy, settings, reading back; a batch, two lists back.
    assert night(client, desire(moodle, *range(30)), Memory()).calls == 3 + 3 + 3


def two_nights(moodle: Sandbox) -> tuple[Desired, Desired]:
    """Return what is wanted first, and later: a new course in a new category, somebody new or gone, other dates."""
    first = desire(moodle, 1, 2, 3, 4, keys=KEYS[:2])
    later = desire(moodle, 2, 3, 4, 5, keys=KEYS)
    rows = [row._replace(ends=ENDS + 60) if row.person_key == 2 else row for row in later.enrolments]
    rows.append(rows[0]._replace(person_key=3, role=Role.LEADER))
    category = DesiredCategory("site:a", "Современный урок", later.courses[0].category_id)
    courses = [course._replace(category_key=category.key) for course in later.courses]
    return first, later._replace(enrolments=rows, courses=courses, categories=[category])


def without_an_accident() -> tuple[Any, int]:
    """Return the state after both nights, and how many calls the second one makes."""
    with running_sandbox(SEED, clock=lambda: NOW) as moodle, MoodleClient(moodle.local_url, moodle.token) as client:
        memory = Memory()
        for desired in two_nights(moodle):
            last = night(client, desired, memory)
        return state_of(moodle), last.calls


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_run_that_dies_at_any_call_is_finished_by_the_next_one_without_a_trace(after: bool) -> None:
    expected, calls = without_an_accident()
    for at in range(1, calls + 1):
        with running_sandbox(SEED, clock=lambda: NOW) as moodle:
            first, later = two_nights(moodle)
            memory = Memory()
            with MoodleClient(moodle.local_url, moodle.token) as client:
                night(client, first, memory)
                with Mortal(moodle, at=at, after=after) as mortal, pytest.raises(Died):
                    night(mortal, later, memory)
                night(client, later, memory)
                assert not memory.failures(), at
                assert state_of(moodle) == expected, at
                assert not night(client, later, memory).plan, at


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_one_fault_at_any_call_two_nights_end_as_without_it(fault: str) -> None:
    expected, calls = without_an_accident()
    assert "site:a" in expected[0]
    with running_sandbox(SEED, hang=0.3, clock=lambda: NOW) as moodle:
        options: dict[str, Any] = {"timeouts": (1.0, 0.15), "sleep": lambda _seconds: None, "concurrency": 1}
        with MoodleClient(moodle.local_url, moodle.token, **options) as client:
            before = moodle.state.dump()
            for at in range(1, calls + 1, 1 if "timeout" not in fault else 3):
                _restore(moodle, before)
                memory = Memory()
                first, later = two_nights(moodle)
                night(client, first, memory)
                client._known = None
                moodle.faults.set(f"{fault}@*#{at}")
                try:
                    night(client, later, memory)
                except CannotReadWhole:
                    assert state_of(moodle) != expected
                moodle.faults.clear()
                night(client, later, memory)
                assert not memory.failures(), at
                assert state_of(moodle) == expected, at


def _restore(moodle: Sandbox, dump: dict[str, Any]) -> None:
    """Take out of the sandbox what a night put into it."""
    for category in [one for one in moodle.state.categories.values() if str(one.idnumber).startswith("site:")]:
        del moodle.state.categories[category.id]
    kept = {course["id"] for course in dump["courses"]}
    for number in set(moodle.state.courses) - kept:
        del moodle.state.courses[number]
        moodle.state.enrolments.pop(number, None)
        moodle.state.roles.pop(number, None)


def test_who_could_not_be_found_and_is_found_later_is_enrolled_then(moodle: Sandbox, client: MoodleClient) -> None:
    memory, desired = Memory(), desire(moodle, 1)
    lost = desired._replace(people=[DesiredPerson(1, None, "SN-LATE", None)])
    assert [note.code for note in night(client, lost, memory).plan.notes] == ["person_not_found"]
    moodle.state.change_user(moodle.state.users[101], {"idnumber": "SN-LATE"})
    result = night(client, lost, memory)
    assert result.observed.matched_by == {1: "idnumber"}
    assert people_in(moodle) == {1: False}


def test_a_held_plan_changes_nothing_until_it_is_approved(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    night(client, desire(moodle, *range(20)), memory)
    before = moodle.state.dump()
    held = night(client, desire(moodle, *range(10)), memory)
    assert [(reason.code, reason.people, reason.of) for reason in held.verdict.reasons] == [
        ("suspends_many", 10, 20),
        ("suspends_many", 10, 20),
    ]
    assert moodle.state.dump() == before
    again = night(client, desire(moodle, *range(10)), memory, approve=True)
    assert again.plan.id == held.plan.id
    assert sum(people_in(moodle).values()) == 10


def test_a_roster_that_hides_many_of_our_people_is_held_though_it_contradicts_nothing(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desire(moodle, *range(20)), memory)
    [number] = course_ids(moodle)
    # As if the service's user had lost moodle/site:accessallgroups: who is in other groups isn't shown.
    hidden = {100 + person: moodle.state.enrolments[number].pop(100 + person) for person in range(6)}
    owned = dict(memory.owned)
    held = night(client, desire(moodle, *range(6, 20)), memory)
    assert [(reason.code, reason.people, reason.of) for reason in held.verdict.reasons] == [
        ("misses_many", 6, 20),
        ("misses_many", 6, 20),
    ]
    assert memory.owned == owned
    moodle.state.enrolments[number].update(hidden)
    night(client, desire(moodle, *range(6, 20)), memory, approve=True)
    assert sum(people_in(moodle).values()) == 6


def test_a_course_deleted_by_hand_is_made_anew_only_with_a_persons_word(moodle: Sandbox, client: MoodleClient) -> None:
    memory, desired = Memory(), desire(moodle, 1, 2)
    night(client, desired, memory)
    [number] = course_ids(moodle)
    known = desired._replace(courses=[desired.courses[0]._replace(course_id=number)])
    del moodle.state.courses[number]
    assert night(client, known, memory).verdict.held
    assert course_ids(moodle) == []
    night(client, known, memory, approve=True)
    assert len(course_ids(moodle)) == 1
    assert people_in(moodle) == {1: False, 2: False}
    after = night(client, known, memory)
    assert not after.plan
    assert not after.verdict.held


def test_progress_tells_activities_and_grade_apart_and_packs_its_calls(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    night(client, desire(moodle, *range(30)), memory)
    [number] = course_ids(moodle)
    course = moodle.state.courses[number]
    link = actions.add_tool_link(moodle.state, course, 1, "Площадка", maximum=72.0)
    work = next(module for module in moodle.state.modules_of(number) if module.kind == "assign")
    actions.set_completion(moodle.state, work, 101, 1)
    item = actions.own_line_item(moodle.state, link)
    assert item is not None
    actions.save_score(moodle.state, item, 102, given=18, maximum=72, timestamp=NOW, comment="")
    before = client.calls
    found, failures = read_progress(client, number, [100, 101, 102, 9999], now=NOW)
    # The unknown person ends a pack (at its end here, so nothing is left behind it), of completion and of grades.
    assert client.calls - before == 2
    assert [(row.user_id, row.activities_complete, row.activities_total) for row in found] == [
        (100, 0, 1),
        (101, 1, 1),
        (102, 0, 1),
    ]
    assert [(row.link_complete, row.link_grade) for row in found] == [(False, None), (False, None), (True, 18.0)]
    assert [(failure.user_id, failure.error.errorcode) for failure in failures] == [(9999, "invaliduser")]


def test_progress_whose_grades_can_not_be_read_is_a_failure_and_not_an_absent_grade(
    moodle: Sandbox, client: MoodleClient
) -> None:
    night(client, desire(moodle, 1), Memory())
    moodle.state.site.refused_functions.append("gradereport_user_get_grade_items")
    found, failures = read_progress(client, course_ids(moodle)[0], [101], now=NOW)
    assert found == []
    assert [failure.error.errorcode for failure in failures] == ["nopermissions"]


def test_a_plan_says_in_words_what_it_would_do(moodle: Sandbox, client: MoodleClient) -> None:
    result = night(client, desire(moodle, 1, 2), Memory())
    assert str(result.plan) == "create_course: 1, enrol: 2"
    assert result.plan.counts() == {Kind.CREATE_COURSE: 1, Kind.ENROL: 2}
    assert str(night(client, Desired([], [], []), Memory()).plan) == "nothing to change"
