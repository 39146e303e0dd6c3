"""Reading a Moodle: whom and what is found, what is never guessed, and when a roster is not believed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from moodle_sync import observe
from moodle_sync.client import MoodleClient
from moodle_sync.errors import CannotReadWhole
from moodle_sync.guard import review
from moodle_sync.observe import enrolled_ids, read_in_full, read_observed, still_so
from moodle_sync.plan import Kind, make_plan
from moodle_sync.roster import CourseRoster, Desired, DesiredPerson, Observed, Owned, Role
from moodle_sync.sandbox import Sandbox, actions
from moodle_sync.sandbox.state import Course, State, User
from moodle_sync.sandbox.webservice import courses

from .nights import DAY, ENDS, NOW, STARTS, course_of, desire, template_of

Connect = Callable[..., MoodleClient]


def look(client: MoodleClient, desired: Desired, *owned: Owned) -> Observed:
    return read_observed(client, desired, owned, now=NOW)


def add_course(moodle: Sandbox, shortname: str = "INTAKE-1", idnumber: str = "INTAKE-1") -> int:
    _, category = template_of(moodle)
    course = actions.create_course(
        moodle.state, shortname=shortname, fullname=shortname, category=category, idnumber=idnumber
    )
    return course.id


def add_user(moodle: Sandbox, number: int, *, email: str, idnumber: str = "") -> None:
    moodle.state.add_user(User(number, f"extra{number}", "Имя", "Фамилия", email, idnumber))


def enrol(moodle: Sandbox, course: int, *people: int, **rest: Any) -> None:
    for number in people:
        actions.enrol(moodle.state, course, 100 + number, 5, **rest)


def person(
    key: int, idnumber: str | None = None, email: str | None = None, user_id: int | None = None
) -> DesiredPerson:
    return DesiredPerson(key, user_id, idnumber, email)


def found(client: MoodleClient, *people: DesiredPerson) -> Observed:
    return look(client, Desired([], people, []))


# --- people --------------------------------------------------------------------------------------------------------


def test_people_are_found_by_known_id_then_idnumber_then_email(client: MoodleClient) -> None:
    seen = found(
        client,
        person(1, "SN-3", "u4@example.org", user_id=105),
        person(2, "SN-3", "u4@example.org"),
        person(3, None, "u4@example.org"),
        person(4, "UNKNOWN", "u6@example.org"),
    )
    assert seen.users == {1: 105, 2: 103, 3: 104}
    assert seen.matched_by == {2: "idnumber", 3: "email"}
    assert seen.unresolved == {4: "the user with this e-mail has another idnumber"}


def test_emails_are_compared_without_case(moodle: Sandbox, client: MoodleClient) -> None:
    add_user(moodle, 900, email="Mixed@Example.org")
    seen = found(client, person(1, None, "U4@EXAMPLE.ORG"), person(2, None, "Mixed@Example.org"))
    assert seen.users == {1: 104, 2: 900}


def test_an_email_that_moodle_spells_in_another_case_is_found_and_no_pattern(
    moodle: Sandbox, client: MoodleClient
) -> None:
    add_user(moodle, 900, email="Anna_Petrova@Example.org")
    add_user(moodle, 901, email="Anna-Petrova@Example.org")
    seen = found(client, person(1, None, "anna_petrova@example.org"), person(2, None, "%@example.org"))
    assert seen.users == {1: 900}
    assert seen.unresolved == {2: "no user with this idnumber or e-mail"}


def test_an_idnumber_that_two_users_have_is_nobodys(moodle: Sandbox, client: MoodleClient) -> None:
    add_user(moodle, 900, email="a@example.org", idnumber="SN-3")
    assert found(client, person(1, "SN-3", "u3@example.org")).unresolved == {1: "several users match"}


def test_two_people_who_match_one_user_equally_are_both_left_to_a_person(client: MoodleClient) -> None:
    both = [person(1, None, "u3@example.org"), person(2, None, "U3@example.org")]
    for people in (both, both[::-1]):
        seen = found(client, *people)
        assert seen.users == {}
        assert set(seen.unresolved) == {1, 2}


def test_an_idnumber_wins_over_an_email_whoever_comes_first(moodle: Sandbox, client: MoodleClient) -> None:
    both = [person(1, None, "u3@example.org"), person(2, "SN-3", None)]
    for people in (both, both[::-1]):
        seen = found(client, *people)
        assert seen.users == {2: 103}
        assert set(seen.unresolved) == {1}


@pytest.mark.parametrize(("email", "is_found"), [("Own@example.org", True), ("", True), ("other@example.org", False)])
def test_whoever_has_power_is_not_found_by_an_idnumber_that_the_accounts_email_speaks_against(
    moodle: Sandbox, client: MoodleClient, email: str, is_found: bool
) -> None:
    add_user(moodle, 900, email=email, idnumber="LEAD-1")
    leader = person(1, "LEAD-1", "own@example.org")._replace(has_power=True)
    observed = found(client, leader)
    assert dict(observed.users) == ({1: 900} if is_found else {})
    assert dict(observed.unresolved) == ({} if is_found else {1: "the user with this idnumber has another e-mail"})
    assert dict(found(client, leader._replace(has_power=False)).users) == {1: 900}


def test_a_user_known_to_be_somebody_else_is_not_matched(client: MoodleClient) -> None:
    seen = found(client, person(1, user_id=103), person(2, "SN-3"))
    assert seen.users == {1: 103}
    assert seen.unresolved == {2: "the user that matches is somebody else already"}


def test_people_who_are_not_found_are_noted_and_planned_nowhere(moodle: Sandbox, client: MoodleClient) -> None:
    desired = desire(moodle, 1)._replace(people=[person(1, "UNKNOWN", "nobody@example.org")])
    plan = make_plan(desired, [], look(client, desired))
    assert [change.kind for change in plan.changes] == [Kind.CREATE_COURSE]
    assert [(note.code, note.subject) for note in plan.notes] == [("person_not_found", 1)]


def test_people_are_looked_up_in_calls_of_limited_size(moodle: Sandbox, connect: Connect) -> None:
    people = [person(number, f"SN-{number}") for number in range(40)]
    seen = found(connect(max_input_vars=20), *people)
    assert len(seen.users) == 40
    assert list(moodle.calls) == ["core_user_get_users_by_field"] * 3


# --- courses -------------------------------------------------------------------------------------------------------


def test_a_course_is_found_by_its_id_whatever_it_is_called_now(moodle: Sandbox, client: MoodleClient) -> None:
    number = add_course(moodle, "RENAMED")
    desired = Desired([course_of(moodle, course_id=number)], [], [])
    assert look(client, desired).courses["INTAKE-1"].course_id == number


def test_a_course_without_idnumber_that_has_our_short_name_is_our_interrupted_copy(
    moodle: Sandbox, client: MoodleClient
) -> None:
    number = add_course(moodle, idnumber="")
    desired = Desired([course_of(moodle)], [], [])
    seen = look(client, desired)
    assert seen.courses["INTAKE-1"].course_id == number
    assert [change.kind for change in make_plan(desired, [], seen).changes] == [Kind.UPDATE_COURSE]


def test_a_course_with_our_short_name_and_anothers_idnumber_is_left_alone(
    moodle: Sandbox, client: MoodleClient
) -> None:
    add_course(moodle, idnumber="SOMEBODY'S")
    desired = desire(moodle, 1)
    plan = make_plan(desired, [], look(client, desired))
    assert not plan
    assert [note.code for note in plan.notes] == ["course_conflict"]


def test_a_course_with_our_short_name_whose_idnumber_is_hidden_from_us_is_left_alone(
    moodle: Sandbox, client: MoodleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_course(moodle, idnumber="SOMEBODY-ELSE")
    shown = courses.describe

    def without_idnumber(state: State, course: Course) -> dict[str, Any]:
        return {name: value for name, value in shown(state, course).items() if name != "idnumber"}

    # What Moodle answers to an account without moodle/course:update; the sandbox's account always has it.
    monkeypatch.setattr(courses, "describe", without_idnumber)
    desired = desire(moodle, 1)
    plan = make_plan(desired, [], look(client, desired))
    assert plan.changes == []
    assert [note.code for note in plan.notes] == ["course_conflict"]


def test_a_tied_course_is_looked_for_by_its_id_alone_and_its_settings_are_not_changed(
    moodle: Sandbox, client: MoodleClient
) -> None:
    number = add_course(moodle, "BY-HAND", "OWN-NUMBER")
    tied = Desired([course_of(moodle, course_id=number, managed=False)], [], [])
    assert look(client, tied).courses["INTAKE-1"].course_id == number
    assert not make_plan(tied, [], look(client, tied))
    gone = Desired([course_of(moodle, course_id=9999, managed=False)], [], [])
    assert [note.code for note in make_plan(gone, [], look(client, gone)).notes] == ["course_gone"]


def test_a_name_that_moodle_gives_out_escaped_is_no_difference(moodle: Sandbox, client: MoodleClient) -> None:
    number = add_course(moodle)
    course = moodle.state.courses[number]
    course.fullname, course.startdate, course.enddate = "Право &amp; закон", STARTS, ENDS
    desired = Desired([course_of(moodle, fullname="Право & закон")], [], [])
    assert not make_plan(desired, [], look(client, desired))


def test_a_known_course_with_our_people_that_is_not_shown_holds_the_plan(moodle: Sandbox, client: MoodleClient) -> None:
    desired = desire(moodle, 1)._replace(courses=[course_of(moodle, course_id=777)])
    seen = look(client, desired, Owned(777, 101, Role.TRAINEE, STARTS, ENDS, False))
    plan = make_plan(desired, [], seen)
    assert [problem.code for problem in seen.problems] == ["course_not_seen"]
    assert [change.kind for change in plan.changes] == [Kind.CREATE_COURSE, Kind.ENROL]
    assert review(plan).held


def test_a_tied_course_that_is_gone_is_noted_and_holds_nothing(moodle: Sandbox, client: MoodleClient) -> None:
    desired = desire(moodle, 1)._replace(courses=[course_of(moodle, course_id=777, managed=False)])
    ours = Owned(777, 101, Role.TRAINEE, STARTS, ENDS, False)
    plan = make_plan(desired, [ours], look(client, desired, ours))
    assert [note.code for note in plan.notes] == ["course_gone"]
    assert not plan
    assert not review(plan).held


# --- rosters -------------------------------------------------------------------------------------------------------


def test_the_inactive_are_the_suspended_and_those_outside_of_their_dates(moodle: Sandbox, client: MoodleClient) -> None:
    number = add_course(moodle)
    enrol(moodle, number, 1, timestart=NOW - DAY)
    enrol(moodle, number, 2, timestart=NOW - DAY, suspended=True)
    enrol(moodle, number, 3, timestart=NOW + DAY)
    enrol(moodle, number, 4, timestart=NOW - 2 * DAY, timeend=NOW - DAY)
    roster = look(client, desire(moodle)).rosters[number]
    assert roster.enrolled == {101, 102, 103, 104}
    assert roster.inactive == {102, 103, 104}


def test_people_outside_of_their_dates_are_not_taken_for_suspended(moodle: Sandbox, client: MoodleClient) -> None:
    number = add_course(moodle)
    course = moodle.state.courses[number]
    course.fullname, course.startdate, course.enddate = "Стажировка INTAKE-1", STARTS, ENDS
    enrol(moodle, number, 1, timestart=NOW + DAY, timeend=NOW + 2 * DAY)
    desired = desire(moodle, 1)
    desired = desired._replace(enrolments=[desired.enrolments[0]._replace(starts=NOW + DAY, ends=NOW + 2 * DAY)])
    ours = Owned(number, 101, Role.TRAINEE, NOW + DAY, NOW + 2 * DAY, False)
    assert not make_plan(desired, [ours], look(client, desired, ours))


def test_an_empty_roster_where_we_enrolled_people_is_not_believed(moodle: Sandbox, client: MoodleClient) -> None:
    number = add_course(moodle)
    enrol(moodle, number, 1)
    moodle.faults.set("empty")
    desired, ours = desire(moodle, 1), Owned(number, 101, Role.TRAINEE, STARTS, ENDS, False)
    seen = look(client, desired, ours)
    assert [problem.code for problem in seen.problems] == ["empty_roster"]
    plan = make_plan(desired, [ours], seen)
    assert review(plan).held
    assert not [change for change in plan.changes if change.kind is Kind.ENROL]


@pytest.mark.parametrize("emptied", ["1,4", "1-2,4-5"])
def test_an_empty_list_that_the_others_contradict_is_not_believed_even_where_nobody_is_ours(
    moodle: Sandbox, client: MoodleClient, emptied: str
) -> None:
    number = add_course(moodle)
    enrol(moodle, number, 1)
    enrol(moodle, number, 2, suspended=True)
    moodle.faults.set(f"empty#{emptied}")
    seen = look(client, desire(moodle, 1))
    assert [problem.code for problem in seen.problems] == ["contradiction"]
    assert number not in seen.rosters


def test_an_empty_list_of_suspended_people_where_we_suspended_some_is_read_again(
    moodle: Sandbox, client: MoodleClient
) -> None:
    number = add_course(moodle)
    enrol(moodle, number, 2, suspended=True)
    moodle.faults.set("empty#2")
    seen = look(client, desire(moodle), Owned(number, 102, Role.TRAINEE, STARTS, ENDS, True))
    assert seen.rosters[number].inactive == {102}


def test_an_empty_roster_of_a_course_without_people_costs_a_third_call_and_is_believed(
    moodle: Sandbox, client: MoodleClient
) -> None:
    number = add_course(moodle)
    seen = look(client, desire(moodle, 1))
    assert seen.rosters[number] == (frozenset(), frozenset())
    assert list(moodle.calls).count("core_enrol_get_enrolled_users") == 3


# --- rosters that were read before -----------------------------------------------------------------------------------


def remember(client: MoodleClient, number: int, moodle: Sandbox) -> dict[int, CourseRoster]:
    moodle.calls.clear()
    return {number: CourseRoster(enrolled_ids(client, number), enrolled_ids(client, number, only="onlysuspended"))}


def crowd(moodle: Sandbox) -> int:
    number = add_course(moodle)
    enrol(moodle, number, *range(0, 30, 2))
    enrol(moodle, number, 31, 33, 35, suspended=True)
    return number


def test_a_roster_that_is_as_it_was_is_shown_to_be_so_by_one_packed_call_and_not_read(
    moodle: Sandbox, client: MoodleClient
) -> None:
    number = crowd(moodle)
    remembered = remember(client, number, moodle)
    moodle.calls.clear()
    seen = read_observed(client, desire(moodle), [], now=NOW, remembered=remembered)
    assert seen.rosters == remembered
    assert seen.assumed == {number}
    assert "core_enrol_get_enrolled_users" not in list(moodle.calls)


@pytest.mark.parametrize(
    "change",
    [
        lambda ways: ways.pop(100),
        lambda ways: ways.pop(128),
        lambda ways: ways.update({139: copy.deepcopy(ways[100])}),
        lambda ways: ways.update({101: copy.deepcopy(ways[100])}),
        lambda ways: setattr(ways[110]["manual"], "suspended", True),
        lambda ways: setattr(ways[131]["manual"], "suspended", False),
        lambda ways: setattr(ways[135]["manual"], "suspended", False),
        lambda ways: ways.clear(),
    ],
)
def test_whoever_came_went_or_was_suspended_makes_the_roster_be_read(
    moodle: Sandbox, client: MoodleClient, change: Callable[[dict[int, Any]], None]
) -> None:
    number = crowd(moodle)
    remembered = remember(client, number, moodle)
    change(moodle.state.enrolments[number])
    seen = read_observed(client, desire(moodle), [], now=NOW, remembered=remembered)
    assert seen.assumed == frozenset()
    assert seen.rosters[number].enrolled == set(moodle.state.enrolments[number])


def test_an_exchange_of_two_people_is_seen_where_a_probe_looks_between_them(
    moodle: Sandbox, client: MoodleClient
) -> None:
    number = crowd(moodle)
    remembered = remember(client, number, moodle)
    ways = moodle.state.enrolments[number]
    ways[107] = ways.pop(116)  # the fourth comes, the ninth goes: all between stand one place on
    caught = [
        place
        for place in range(18)
        if not still_so(client, remembered, pick=lambda below, place=place: min(place, below - 1))  # type: ignore[misc]
    ]
    assert caught == list(range(9))


def test_a_probe_that_fails_makes_the_roster_be_read(moodle: Sandbox, connect: Connect) -> None:
    number = crowd(moodle)
    client = connect(retries=0)
    remembered = remember(client, number, moodle)
    moodle.faults.set("html@tool_mobile_call_external_functions#2")
    seen = read_observed(client, desire(moodle), [], now=NOW, remembered=remembered)
    assert seen.rosters == remembered
    assert seen.assumed == frozenset()


def test_what_was_assumed_is_read_before_anything_is_written_there(moodle: Sandbox, client: MoodleClient) -> None:
    number = crowd(moodle)
    remembered = remember(client, number, moodle)
    seen = read_observed(client, desire(moodle), [], now=NOW, remembered=remembered)
    full = read_in_full(client, seen, [], [number])
    assert full == seen._replace(assumed=frozenset())
    assert list(moodle.calls).count("core_enrol_get_enrolled_users") >= 2
    assert read_in_full(client, full, [], [number]) is not None


@pytest.mark.parametrize("fault", ["html", "http500", "truncated", "drop_before", "timeout_before"])
def test_a_roster_that_can_not_be_read_is_a_problem_of_its_course_alone(
    moodle: Sandbox, connect: Connect, fault: str
) -> None:
    for key in ("INTAKE-1", "INTAKE-2"):
        add_course(moodle, key, key)
    moodle.faults.set(f"{fault}@core_enrol_get_enrolled_users#1-2")
    desired = desire(moodle, 1, keys=("INTAKE-1", "INTAKE-2"))
    seen = look(connect(concurrency=1, retries=1), desired)
    assert [problem.course_key for problem in seen.problems] == ["INTAKE-1"]
    plan = make_plan(desired, [], seen)
    assert {change.course_key for change in plan.changes if change.kind is Kind.ENROL} == {"INTAKE-2"}
    assert review(plan).held


@pytest.mark.parametrize(
    "function", ["core_course_get_courses_by_field", "tool_mobile_call_external_functions", "core_user_*", "core_web*"]
)
def test_a_moodle_whose_courses_or_people_can_not_be_read_is_not_planned_for(
    moodle: Sandbox, connect: Connect, function: str
) -> None:
    if function.startswith("core_course"):
        moodle.state.site.withheld_functions.append("tool_mobile_call_external_functions")
    moodle.faults.set(f"html@{function}")
    desired = desire(moodle, 1)._replace(people=[person(1, "SN-1")])
    with pytest.raises(CannotReadWhole) as caught:
        look(connect(retries=0), desired)
    assert "maintenance" in caught.value.remedy


@pytest.mark.parametrize("body", [None, {}, [], {"courses": None}, {"courses": [{"id": 3}]}, {"courses": [5]}])
def test_a_search_for_courses_that_is_answered_with_nonsense_is_an_error_and_not_an_absence(body: Any) -> None:
    with pytest.raises(observe.NotJson):
        observe.courses_in(body)
