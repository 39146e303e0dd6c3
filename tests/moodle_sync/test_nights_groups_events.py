"""Nights with groups of a shared course and events of meetings: what they cost, and that no accident leaves a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from moodle_sync.client import MoodleClient
from moodle_sync.errors import CannotReadWhole
from moodle_sync.events import DesiredEvent
from moodle_sync.functions import FACTS, Function
from moodle_sync.plan import Kind
from moodle_sync.roster import Desired, DesiredEnrolment, DesiredPerson, Role
from moodle_sync.sandbox import Sandbox, running_sandbox

from .conftest import SEED
from .nights import (
    DAY,
    ENDS,
    FAULTS,
    NOW,
    STARTS,
    Died,
    Memory,
    Mortal,
    Night,
    course_ids,
    course_of,
    events_in,
    meeting,
    night,
    state_of,
)

Connect = Callable[..., MoodleClient]
FIRST, SECOND, THIRD, ALONE = "INTAKE-1", "INTAKE-2", "INTAKE-3", "INTAKE-4"


class Wish(NamedTuple):
    """What one night is to bring about."""

    desired: Desired
    meetings: Sequence[DesiredEvent]

    def night(self, client: MoodleClient, memory: Memory) -> Night:
        return night(client, self.desired, memory, meetings=self.meetings)


def wish(moodle: Sandbox, places: dict[str, Sequence[int]], *meetings: DesiredEvent) -> Wish:
    """Want these people (numbers in the seed) in these intakes; all but ALONE share the course of FIRST."""
    shared = next(iter(course_ids(moodle, FIRST)), None)
    courses = [
        course_of(moodle, key)
        if key in (FIRST, ALONE)
        else course_of(moodle, key, course_id=shared, managed=False, fullname="Стажировка <вторая>")
        for key in places
    ]
    people = {number for numbers in places.values() for number in numbers}
    rows = [
        DesiredEnrolment(key, number, Role.TRAINEE, STARTS, ENDS)
        for key, numbers in places.items()
        for number in numbers
    ]
    leader = [DesiredEnrolment(key, 30, Role.LEADER, STARTS, 0) for key in places]
    found = [DesiredPerson(number, 100 + number, None, None) for number in sorted(people | {30})]
    return Wish(Desired(courses, found, rows + leader), meetings)


def begin(client: MoodleClient, moodle: Sandbox, memory: Memory) -> Wish:
    """Do two nights; return what is wanted then: another intake in the course, somebody who moved, other meetings."""
    meetings = [meeting(number) for number in (1, 2, 3, 4)]
    wish(moodle, {FIRST: (1, 2, 3)}, *meetings).night(client, memory)
    wish(moodle, {FIRST: (1, 2, 3), SECOND: (4, 6)}, *meetings).night(client, memory)
    place = meeting(3).description + "<p>Место: каб. 5</p>"
    changed = [meeting(1, starts=NOW + 9 * DAY), meeting(3, description=place), meeting(4), meeting(5, SECOND)]
    changed.append(meeting(6, ALONE))
    return wish(moodle, {FIRST: (1, 2, 5), SECOND: (3, 4), THIRD: (7,), ALONE: (8,)}, *changed)


def without_an_accident() -> tuple[Any, int]:
    """Return the state after a smooth night, and how many calls it makes."""
    with running_sandbox(SEED, clock=lambda: NOW) as moodle, MoodleClient(moodle.local_url, moodle.token) as client:
        memory = Memory()
        later = begin(client, moodle, memory)
        last = later.night(client, memory)
        assert not memory.failures()
        assert {
            kind: number for kind, number in last.plan.counts().items() if kind.value.endswith(("group", "event"))
        } == {
            Kind.CREATE_GROUP: 1,
            Kind.ADD_TO_GROUP: 3,
            Kind.REMOVE_FROM_GROUP: 1,
            Kind.CREATE_EVENT: 4,
            Kind.DELETE_EVENT: 3,
        }
        return state_of(moodle), last.calls


def groups_of(moodle: Sandbox) -> dict[str, list[int]]:
    """Return who is in each group, by its idnumber; there is only one with each."""
    groups = list(moodle.state.groups.values())
    assert len({group.idnumber for group in groups}) == len(groups)
    return {group.idnumber: sorted(user - 100 for user in group.members) for group in groups}


def test_intakes_that_share_a_course_have_a_group_each_and_who_moves_moves_between_them(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    later = begin(client, moodle, memory)
    assert groups_of(moodle) == {FIRST: [1, 2, 3], SECOND: [4, 6]}
    later.night(client, memory)
    # Who left altogether (6) is suspended and stays in the group: a leader still finds their work there.
    assert groups_of(moodle) == {FIRST: [1, 2, 5], SECOND: [3, 4, 6], THIRD: [7]}
    assert {group.course for group in moodle.state.groups.values()} == set(course_ids(moodle, FIRST))


def test_a_course_of_one_intake_has_no_group_and_is_not_asked_for_any(moodle: Sandbox, client: MoodleClient) -> None:
    wish(moodle, {FIRST: (1, 2), ALONE: (3,)}).night(client, Memory())
    assert not moodle.state.groups
    assert not [name for name in moodle.calls if "group" in name or "calendar" in name]


def test_only_our_people_are_put_in_and_out_of_only_our_groups(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    later = begin(client, moodle, memory)
    [course_id] = course_ids(moodle, FIRST)
    body = {"courseid": course_id, "name": "Наша", "description": ""}
    [theirs] = client.call("core_group_create_groups", groups=[body])  # type: ignore[arg-type]
    moodle.state.groups[theirs["id"]].members += [103, 104]
    ours = next(group for group in moodle.state.groups.values() if group.idnumber == FIRST)
    ours.members.append(130)  # the leader, by hand
    later.night(client, memory)
    assert moodle.state.groups[theirs["id"]].members == [103, 104]
    assert 130 in ours.members
    assert 103 not in ours.members


def test_who_was_enrolled_by_others_is_in_no_group_of_ours(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    later = begin(client, moodle, memory)
    [course_id] = course_ids(moodle, FIRST)
    row = {"roleid": 5, "userid": 107, "courseid": course_id}
    client.call("enrol_manual_enrol_users", enrolments=[row])  # type: ignore[arg-type]
    later.night(client, memory)
    assert groups_of(moodle)[THIRD] == []
    assert not memory.failures()


def test_a_quiet_night_asks_for_the_events_of_all_courses_and_the_members_of_all_groups_at_once(
    moodle: Sandbox, connect: Connect
) -> None:
    memory = Memory()
    client = connect(timeouts=(5.0, 30.0))
    later = begin(client, moodle, memory)
    later.night(client, memory)
    before = len(moodle.calls)
    assert not later.night(client, memory).plan
    asked = [name for name in list(moodle.calls)[before:] if "group" in name or "calendar" in name]
    # Which groups there are is asked within a pack.
    assert sorted(asked) == ["core_calendar_get_calendar_events", "core_group_get_group_members"]


def test_a_moved_meeting_a_cancelled_one_and_one_with_another_place(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    later = begin(client, moodle, memory)
    untouched = next(event.id for event in moodle.state.events.values() if "/4<" in event.description)
    later.night(client, memory)
    wanted = sorted((event.description, event.starts) for event in later.meetings)
    assert sorted((text, starts) for _course, text, starts in events_in(moodle)) == wanted
    assert untouched in moodle.state.events


def test_events_of_others_are_left_alone_even_where_they_lead_to_our_meetings(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    later = begin(client, moodle, memory)
    [course_id] = course_ids(moodle, FIRST)
    for user, text in ((130, meeting(2).description), (130, "Чаепитие"), (moodle.state.site.ws_user, "Чаепитие")):
        row = {
            "name": "Своё",
            "description": text,
            "courseid": course_id,
            "eventtype": "course",
            "timestart": NOW + DAY,
        }
        [made] = client.call("core_calendar_create_calendar_events", events=[row])["events"]  # type: ignore[arg-type]
        moodle.state.events[made["id"]].user = user
    later.night(client, memory)
    assert sum(event.name == "Своё" for event in moodle.state.events.values()) == 3
    assert not later.night(client, memory).plan


def test_of_doubled_events_one_stays(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    once = wish(moodle, {FIRST: (1,)}, meeting(1))
    once.night(client, memory)
    [event] = moodle.state.events.values()
    row = {"name": event.name, "description": event.description, "courseid": event.course, "eventtype": "course"}
    times = {"timestart": event.timestart, "timeduration": event.timeduration}
    client.call("core_calendar_create_calendar_events", events=[{**row, **times}])  # type: ignore[arg-type]
    assert once.night(client, memory).plan.counts() == {Kind.DELETE_EVENT: 1}
    assert list(moodle.state.events) == [event.id]


def test_an_event_moved_or_deleted_by_hand_is_restored_or_respected(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    both = wish(moodle, {FIRST: (1,)}, meeting(1), meeting(2))
    both.night(client, memory)
    first, second = moodle.state.events.values()
    first.timestart += 3600
    first.name = "Перенесено"
    del moodle.state.events[second.id]
    respected = night(client, both.desired, memory, meetings=both.meetings, respects_drift=True)
    assert not respected.plan
    assert both.night(client, memory).plan.counts() == {Kind.CREATE_EVENT: 2, Kind.DELETE_EVENT: 1}
    assert [starts for _course, _text, starts in events_in(moodle)] == [NOW + DAY, NOW + 2 * DAY]


def test_a_moodle_that_shows_none_of_several_events_is_not_believed(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    several = wish(moodle, {FIRST: (1,)}, meeting(1), meeting(2), meeting(3))
    several.night(client, memory)
    before = events_in(moodle)
    moodle.faults.set("empty@core_calendar_get_calendar_events")
    held = several.night(client, memory)
    assert [(reason.code, reason.text) for reason in held.verdict.reasons] == [
        ("unwhole_read", "no_events: Moodle shows none of the 3 course events that we made")
    ]
    moodle.faults.clear()
    assert events_in(moodle) == before
    assert not several.night(client, memory).plan
    moodle.state.events.clear()
    assert several.night(client, memory).verdict.held
    desired, meetings = several.desired, several.meetings
    assert not night(client, desired, memory, meetings=meetings, respects_drift=True).verdict.held
    night(client, desired, memory, meetings=meetings, approve=True)
    assert events_in(moodle) == before
    assert not several.night(client, memory).plan


def test_a_name_that_a_person_gave_stays_until_the_meeting_changes(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    once = wish(moodle, {FIRST: (1,)}, meeting(1))
    once.night(client, memory)
    [event] = moodle.state.events.values()
    event.name = "Семинар, принесите тетради"
    assert not once.night(client, memory).plan


def test_events_of_a_lost_table_are_found_again(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    once = wish(moodle, {FIRST: (1,)}, meeting(1), meeting(2))
    once.night(client, memory)
    rows = dict(memory.events)
    memory.events.clear()
    assert not once.night(client, memory).plan
    assert memory.events == rows


def test_past_events_stay_whatever_becomes_of_their_meetings(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    once = wish(moodle, {FIRST: (1,)}, meeting(1))
    once.night(client, memory)
    [event] = moodle.state.events.values()
    event.timestart = NOW - DAY
    memory.events = {key: row._replace(starts=NOW - DAY) for key, row in memory.events.items()}
    assert not wish(moodle, {FIRST: (1,)}).night(client, memory).plan
    assert list(moodle.state.events) == [event.id]


@pytest.mark.parametrize("lost", ["core_calendar_delete_calendar_events", "core_group_get_group_members"])
def test_where_the_service_lacks_a_function_the_rest_of_the_night_goes_on(
    moodle: Sandbox, connect: Connect, lost: str
) -> None:
    moodle.state.site.withheld_functions.append(lost)
    memory, client = Memory(), connect()
    begin(client, moodle, memory)
    later = begin(client, moodle, memory)
    result = later.night(client, memory)
    code = "events_not_kept" if "calendar" in lost else "groups_not_read"
    assert {note.code for note in result.plan.notes} == {code}
    assert bool(moodle.state.events) is (code == "groups_not_read")
    assert bool(moodle.state.groups) is (code == "events_not_kept")
    assert not memory.failures()


@pytest.mark.parametrize(
    "refused",
    ["core_calendar_create_calendar_events", "core_group_create_groups", "core_group_add_group_members"],
)
def test_what_moodle_refuses_is_reported_and_keeps_nothing_else(
    moodle: Sandbox, client: MoodleClient, refused: str
) -> None:
    memory = Memory()
    later = begin(client, moodle, memory)
    moodle.state.site.refused_functions.append(refused)
    later.night(client, memory)
    codes = {outcome.errorcode for outcome in memory.failures()}
    assert codes <= {"nopermissions", "kept", "no_group"}
    assert "nopermissions" in codes
    moodle.state.site.refused_functions.clear()
    later.night(client, memory)
    assert not memory.failures()
    assert groups_of(moodle) == {FIRST: [1, 2, 5], SECOND: [3, 4, 6], THIRD: [7]}
    assert len(moodle.state.events) == len(later.meetings)


def test_an_event_that_moodle_refuses_does_not_keep_the_others_back(moodle: Sandbox, client: MoodleClient) -> None:
    memory = Memory()
    bad = meeting(2, name="Семинар <b>")
    wish(moodle, {FIRST: (1,)}, meeting(1), bad, meeting(3)).night(client, memory)
    assert [outcome.errorcode for outcome in memory.failures()] == ["invalidparameter"]
    assert len(moodle.state.events) == 2


def test_an_event_that_is_deleted_meanwhile_does_not_keep_the_others_back(
    moodle: Sandbox, client: MoodleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    wish(moodle, {FIRST: (1,)}, meeting(1), meeting(2), meeting(3)).night(client, memory)
    intend = memory.intend_events

    def meanwhile(changes: Any) -> None:
        gone = next(event.id for event in moodle.state.events.values() if "/2<" in event.description)
        del moodle.state.events[gone]
        intend(changes)

    monkeypatch.setattr(memory, "intend_events", meanwhile)
    result = wish(moodle, {FIRST: (1,)}, meeting(4)).night(client, memory)
    assert result.plan.counts() == {Kind.CREATE_EVENT: 1, Kind.DELETE_EVENT: 3}
    assert not memory.failures()
    assert [text for _course, text, _starts in events_in(moodle)] == [meeting(4).description]


def test_each_write_to_groups_and_calendars_is_asked_for_before(
    moodle: Sandbox, client: MoodleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    later = begin(client, moodle, memory)
    told: list[str] = []
    send, intend, intend_events = client.call, memory.intend, memory.intend_events

    def call(function: Function, **values: Any) -> Any:
        if FACTS[function].writes:
            told.append(str(function))
        return send(function, **values)

    def ask(changes: Any) -> None:
        told.append("ask")
        intend(changes)

    def ask_events(changes: Any) -> None:
        told.append("ask")
        intend_events(changes)

    monkeypatch.setattr(client, "call", call)
    monkeypatch.setattr(memory, "intend", ask)
    monkeypatch.setattr(memory, "intend_events", ask_events)
    later.night(client, memory)
    ours = {
        Function.ADD_GROUP_MEMBERS,
        Function.DELETE_GROUP_MEMBERS,
        Function.CREATE_EVENTS,
        Function.DELETE_EVENTS,
    }
    assert ours <= set(told)
    assert {before for before, what in pairwise(told) if what in ours} == {"ask"}


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_run_that_dies_at_any_call_is_finished_by_the_next_one_without_a_trace(after: bool) -> None:
    expected, calls = without_an_accident()
    for at in range(1, calls + 1):
        with running_sandbox(SEED, clock=lambda: NOW) as moodle:
            memory = Memory()
            with MoodleClient(moodle.local_url, moodle.token) as client:
                later = begin(client, moodle, memory)
                with Mortal(moodle, at=at, after=after) as mortal, pytest.raises(Died):
                    later.night(mortal, memory)
                later.night(client, memory)
                assert not memory.failures(), at
                assert state_of(moodle) == expected, at
                assert not later.night(client, memory).plan, at


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_one_fault_at_any_call_two_nights_end_as_without_it(fault: str) -> None:
    expected, calls = without_an_accident()
    options: dict[str, Any] = {"timeouts": (1.0, 0.15), "sleep": lambda _seconds: None, "concurrency": 1}
    for at in range(1, calls + 1, 3 if "timeout" in fault else 1):
        with (
            running_sandbox(SEED, hang=0.3, clock=lambda: NOW) as moodle,
            MoodleClient(moodle.local_url, moodle.token, **options) as client,
        ):
            memory = Memory()
            later = begin(client, moodle, memory)
            client._known = None
            moodle.faults.set(f"{fault}@*#{at}")
            try:
                later.night(client, memory)
            except CannotReadWhole:
                assert state_of(moodle) != expected
            moodle.faults.clear()
            client._known = None
            later.night(client, memory)
            later.night(client, memory)
            assert not memory.failures(), at
            assert state_of(moodle) == expected, at
            assert not later.night(client, memory).plan, at
