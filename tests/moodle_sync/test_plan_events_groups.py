"""What must hold of every plan of events and groups, whatever the city's meetings and whatever Moodle has."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from moodle_sync.events import DesiredEvent, ObservedEvent, OwnedEvent, looks_like
from moodle_sync.plan import ChangePlan, EventChange, GroupChange, Kind, make_plan
from moodle_sync.roster import Desired, ObservedCourse, Role

from .test_plan_properties import desires, worlds
from .world import DAY, NOW, World

SHARED = "INTAKE-S"
MEETINGS = range(1, 5)


@st.composite
def wanted_events(draw: st.DrawFn, desired: Desired) -> list[DesiredEvent]:
    """Draw meetings of the desired courses; one that is over has none to come."""
    keys = [course.key for course in desired.courses if not course.is_over]
    chosen = draw(st.lists(st.sampled_from(MEETINGS), unique=True)) if keys else []
    return [
        DesiredEvent(
            keys[number % len(keys)],
            number,
            draw(st.sampled_from(["Семинар", "Лекция"])),
            draw(st.sampled_from(["каб. 5", "каб. 6"])),
            NOW + draw(st.sampled_from([0, DAY, 2 * DAY])),
            5400,
        )
        for number in chosen
    ]


@st.composite
def situations(draw: st.DrawFn) -> tuple[World, Desired, list[DesiredEvent]]:
    """Draw a Moodle with events and groups, as an earlier night or an accident left them, and what should be."""
    world, desired = draw(worlds()), draw(desires())
    shared = [course for course in world.courses.values() if course.idnumber != "OTHER"]
    if shared and desired.courses and draw(st.booleans()):
        # Another intake in the course of one of ours, tied by a person.
        whose = draw(st.sampled_from(shared))
        second = desired.courses[0]._replace(
            key=SHARED, shortname=SHARED, course_id=whose.course_id, managed=False, fullname="Second"
        )
        moved = draw(st.lists(st.sampled_from(desired.enrolments), unique=True)) if desired.enrolments else []
        more = [row._replace(course_key=SHARED, role=Role.TRAINEE) for row in moved]
        desired = desired._replace(courses=[*desired.courses, second], enrolments=[*desired.enrolments, *more])
    meetings = draw(wanted_events(desired))
    for course in world.courses.values():
        _draw_events(draw, world, course)
        if draw(st.booleans()):
            there = [user for number, user in world.places if number == course.course_id]
            members = draw(st.sets(st.sampled_from(there))) if there else set()
            key = draw(st.sampled_from([course.shortname, SHARED, "somebody's"]))
            world.groups[course.course_id, key] = len(world.groups) + 1, members
    return world, desired, meetings


def _draw_events(draw: st.DrawFn, world: World, course: ObservedCourse) -> None:
    for meeting_id in draw(st.lists(st.sampled_from(MEETINGS), unique=True, max_size=2)):
        number, numbers = max(world.events, default=0), []
        for is_own in draw(st.lists(st.booleans(), max_size=3)):
            number += 1
            starts = NOW + draw(st.sampled_from([-DAY, 0, DAY, 2 * DAY]))
            name = draw(st.sampled_from(["Семинар", "Лекция"]))
            wanted = DesiredEvent(
                course.shortname, meeting_id, name, draw(st.sampled_from(["каб. 5", "каб. 6"])), starts, 5400
            )
            world.events[number] = ObservedEvent(number, course.course_id, meeting_id, name, starts, 5400, is_own)
            world.descriptions[number] = wanted.digest
            numbers.append(number)
        kind = draw(st.sampled_from(["kept", "pending", "lost"]))
        own = [number for number in numbers if world.events[number].is_own]
        if kind == "kept" and own:
            event = world.events[own[0]]
            world.owned_events[course.course_id, meeting_id] = OwnedEvent(
                course.course_id, meeting_id, own[0], max(event.starts, NOW), world.descriptions[own[0]]
            )
        elif kind == "pending":
            # What of ours was there before the write has a lower number; what came of it is as it was meant.
            came = bool(own) and draw(st.booleans())
            digest = world.descriptions[own[-1]] if came else "x"
            before = max(own[:-1] if came else own, default=0)
            world.owned_events[course.course_id, meeting_id] = OwnedEvent(
                course.course_id, meeting_id, before, NOW + DAY, digest, True
            )


def plan_of(
    world: World, desired: Desired, meetings: list[DesiredEvent], *, respects_drift: bool = False
) -> ChangePlan:
    return make_plan(
        desired,
        world.owned.values(),
        world.observe(desired),
        respects_drift=respects_drift,
        calendar=world.calendar(meetings),
        groups=world.observed_groups(),
    )


@given(situations(), st.booleans())
@settings(max_examples=300)
def test_a_second_night_has_nothing_to_do(
    situation: tuple[World, Desired, list[DesiredEvent]], respects_drift: bool
) -> None:
    world, desired, meetings = situation
    world.apply(plan_of(world, desired, meetings, respects_drift=respects_drift))
    again = plan_of(world, desired, meetings, respects_drift=respects_drift)
    assert again.changes == []
    assert again.events == []


@given(situations(), st.data())
@settings(max_examples=300)
def test_a_run_killed_anywhere_and_run_again_ends_as_if_it_had_not_been_killed(
    situation: tuple[World, Desired, list[DesiredEvent]], data: st.DataObject
) -> None:
    world, desired, meetings = situation
    smooth = world.copy()
    steps = smooth.apply(plan_of(smooth, desired, meetings))
    world.apply(plan_of(world, desired, meetings), steps=data.draw(st.integers(0, steps)))
    world.apply(plan_of(world, desired, meetings))
    assert world.state() == smooth.state()
    assert plan_of(world, desired, meetings).changes == []


@given(situations(), st.data())
@settings(max_examples=200)
def test_each_meeting_has_one_event_of_ours_and_those_of_others_stay(
    situation: tuple[World, Desired, list[DesiredEvent]], data: st.DataObject
) -> None:
    world, desired, meetings = situation
    remembered = {row.event_id for row in world.owned_events.values() if not row.pending}
    others = {number: event for number, event in world.events.items() if not event.is_own and number not in remembered}
    world.apply(plan_of(world, desired, meetings), steps=data.draw(st.integers(0, 60)))
    world.apply(plan_of(world, desired, meetings))
    assert {number: world.events[number] for number in others} == others
    observed = world.observe(desired)
    for meeting in meetings:
        if meeting.course_key in observed.courses:
            here = observed.courses[meeting.course_key].course_id
            ours = [
                event
                for number, event in world.events.items()
                if event[1:3] == (here, meeting.meeting_id) and event.is_own and event.starts >= NOW
            ]
            assert len(ours) == 1
            assert looks_like(meeting, ours[0])


@given(situations())
def test_groups_hold_the_trainees_of_their_intake_and_nobody_else_is_moved(
    situation: tuple[World, Desired, list[DesiredEvent]],
) -> None:
    world, desired, meetings = situation
    before = world.copy()
    owned = {(course_id, user_id) for course_id, user_id, _role in world.owned}
    plan = plan_of(world, desired, meetings)
    enrolled = {(change.course_id, change.user_id) for change in plan.changes if change.kind is Kind.ENROL}
    for change in plan.changes:
        if isinstance(change, GroupChange) and change.user_id:
            assert (change.course_id, change.user_id) in owned | enrolled
    world.apply(plan)
    for (course_id, key), (_number, members) in world.groups.items():
        if key not in (course.key for course in desired.courses):
            assert members == before.groups[course_id, key][1]


@given(situations())
def test_a_plan_comes_back_from_json_the_same(situation: tuple[World, Desired, list[DesiredEvent]]) -> None:
    plan = plan_of(*situation)
    back = ChangePlan.from_json(json.loads(json.dumps(plan.to_json())))
    assert back == plan
    assert back.changes == plan.changes
    assert all(change.reason for change in plan.changes)
    assert list(back.events) == list(plan.events)


@given(situations(), st.randoms(use_true_random=False))
def test_the_order_of_inputs_does_not_matter(
    situation: tuple[World, Desired, list[DesiredEvent]], random: object
) -> None:
    world, desired, meetings = situation
    plan = plan_of(world, desired, meetings)
    mixed = list(meetings)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    turned = Desired(*(rows[::-1] for rows in desired))
    again = plan_of(world, turned, mixed)
    assert again.id == plan.id
    assert again.changes == plan.changes


@given(situations())
def test_new_events_come_before_the_old_ones_go_and_members_after_their_group(
    situation: tuple[World, Desired, list[DesiredEvent]],
) -> None:
    order = (Kind.CREATE_GROUP, Kind.ADD_TO_GROUP, Kind.REMOVE_FROM_GROUP, Kind.CREATE_EVENT, Kind.DELETE_EVENT)
    kinds = [
        order.index(change.kind)
        for change in plan_of(*situation).changes
        if isinstance(change, EventChange | GroupChange)
    ]
    groups = [kind for kind in kinds if kind < 3]
    assert kinds == groups + sorted(kind for kind in kinds if kind >= 3)
