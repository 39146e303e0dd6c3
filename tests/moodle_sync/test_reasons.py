"""Why a plan has each of its changes, case by case; and that the reason is no part of what is done."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from moodle_sync.changes import ChangePlan, CourseChange, Kind, Reason
from moodle_sync.enrolments import CoursePlanner
from moodle_sync.events import Calendar, DesiredEvent, EventScope, ObservedEvent, ObservedEvents, OwnedEvent
from moodle_sync.groups import ObservedGroup, ObservedGroups
from moodle_sync.plan import make_plan
from moodle_sync.plan_events import plan_events
from moodle_sync.plan_groups import plan_groups
from moodle_sync.roster import (
    CourseRoster,
    Desired,
    DesiredCategory,
    DesiredCourse,
    DesiredEnrolment,
    DesiredPerson,
    Doubt,
    Observed,
    ObservedCourse,
    Owned,
    Role,
)

from .world import DAY, NOW

STARTS, ENDS = NOW - DAY, NOW + DAY
WANTED = DesiredEnrolment("A", 1, Role.TRAINEE, STARTS, ENDS)
LEADS = WANTED._replace(role=Role.LEADER)
OURS = Owned(5, 101, Role.TRAINEE, STARTS, ENDS, False)
COURSE = DesiredCourse("A", "A", "Name", 1, 2, STARTS, ENDS)
SHOWN = ObservedCourse(5, "A", "A", "Name", STARTS, ENDS, True)
MEETING = DesiredEvent("A", 1, "Seminar", "room 5", NOW + DAY, 5400)
EVENT = ObservedEvent(9, 5, 1, "Seminar", NOW + DAY, 5400, True)
KEPT = OwnedEvent(5, 1, 9, NOW + DAY, MEETING.digest)


@pytest.mark.parametrize(
    ("wanted", "rows", "enrolled", "inactive", "kind", "reason"),
    [
        ([WANTED], [], False, False, Kind.ENROL, Reason.LISTED),
        ([WANTED], [OURS], False, False, Kind.ENROL, Reason.REMOVED_BY_HAND),
        ([WANTED], [OURS._replace(pending=True)], False, False, Kind.ENROL, Reason.UNCONFIRMED),
        ([WANTED], [OURS._replace(suspended=True)], False, False, Kind.ENROL, Reason.CAME_BACK),
        ([WANTED], [OURS._replace(suspended=True)], True, True, Kind.REACTIVATE, Reason.CAME_BACK),
        ([WANTED], [OURS], True, True, Kind.REACTIVATE, Reason.SUSPENDED_BY_HAND),
        ([WANTED], [OURS._replace(pending=True)], True, True, Kind.REACTIVATE, Reason.UNCONFIRMED),
        ([WANTED], [OURS._replace(ends=ENDS + 1)], True, False, Kind.UPDATE_ENROLMENT, Reason.DATES),
        ([WANTED], [OURS._replace(pending=True)], True, False, Kind.UPDATE_ENROLMENT, Reason.UNCONFIRMED),
        ([WANTED, LEADS], [OURS], True, False, Kind.UPDATE_ENROLMENT, Reason.ROLE),
        ([], [OURS], True, False, Kind.SUSPEND, Reason.LEFT),
        ([], [OURS._replace(suspended=True)], True, False, Kind.SUSPEND, Reason.REACTIVATED_BY_HAND),
        ([], [OURS._replace(suspended=True, pending=True)], True, False, Kind.SUSPEND, Reason.LEFT),
    ],
)
def test_an_enrolment_says_why(
    wanted: list[DesiredEnrolment], rows: list[Owned], enrolled: bool, inactive: bool, kind: Kind, reason: Reason
) -> None:
    here = frozenset({101})
    roster = CourseRoster(here if enrolled else frozenset(), here if inactive else frozenset())
    planner = CoursePlanner("A", 5, roster, NOW, respects_drift=False)
    planner.plan(wanted, rows, {1: 101})
    assert [(change.kind, change.reason) for change in planner.changes] == [(kind, reason)]


@pytest.mark.parametrize(
    ("course", "present", "reason"),
    [
        (COURSE, None, "no_course"),
        (COURSE._replace(course_id=5), None, "gone"),
        (COURSE._replace(fullname="Other"), SHOWN, "name"),
        (COURSE._replace(starts=STARTS + 1, ends=ENDS + 1), SHOWN, "dates"),
        (COURSE, SHOWN._replace(visible=False), "visible"),
        (COURSE._replace(visible=False), SHOWN, "hide_due"),
        (COURSE._replace(visible=False, is_over=True, fullname="Other"), SHOWN, "hide_due"),
        (
            COURSE._replace(fullname="Other", visible=False),
            SHOWN._replace(idnumber="", ends=1),
            "number,name,dates,hide_due",
        ),
    ],
)
def test_a_course_says_what_differs(course: DesiredCourse, present: ObservedCourse | None, reason: str) -> None:
    courses, rosters = ({"A": present}, {5: CourseRoster(frozenset(), frozenset())}) if present else ({}, {})
    plan = make_plan(Desired([course], [], []), [], Observed(courses, {}, {}, {}, {}, rosters, (), NOW))
    assert [change.reason for change in plan.changes] == [reason]


def test_new_people_and_categories_say_why() -> None:
    course = COURSE._replace(category_key="site:a")
    desired = Desired([course], [DesiredPerson(1, None, "1", None)], [WANTED], [DesiredCategory("site:a", "Site", 1)])
    observed = Observed({}, {}, {}, {}, {1: Doubt.NO_USER}, {}, (), NOW)
    plan = make_plan(desired, [], observed, new_users=[1])
    assert [(change.kind, change.reason) for change in plan.changes] == [
        (Kind.CREATE_USER, "nobody_matches"),
        (Kind.CREATE_CATEGORY, "no_category"),
        (Kind.CREATE_COURSE, "no_course"),
    ]


@pytest.mark.parametrize(
    ("wanted", "owned", "there", "reasons"),
    [
        ([MEETING], [], [], ["new_meeting"]),
        ([MEETING._replace(starts=NOW + 2 * DAY)], [KEPT], [EVENT], ["moved", "moved"]),
        ([MEETING._replace(description="room 6")], [KEPT], [EVENT], ["renamed", "renamed"]),
        ([MEETING], [KEPT], [], ["removed_by_hand"]),
        ([MEETING], [KEPT], [EVENT._replace(starts=NOW + 2)], ["moved_by_hand", "moved_by_hand"]),
        ([MEETING], [KEPT._replace(event_id=0, pending=True)], [], ["unconfirmed"]),
        ([MEETING], [KEPT], [EVENT, EVENT._replace(event_id=10)], ["twice"]),
        ([MEETING], [], [EVENT._replace(starts=NOW + 2)], ["moved", "moved"]),
        ([MEETING], [], [EVENT._replace(name="Lecture")], ["renamed", "renamed"]),
        ([], [KEPT], [EVENT], ["cancelled"]),
    ],
)
def test_an_event_says_why(
    wanted: Sequence[DesiredEvent], owned: Sequence[OwnedEvent], there: Sequence[ObservedEvent], reasons: list[str]
) -> None:
    calendar = Calendar(EventScope(wanted, owned, NOW, "https://tool/"), ObservedEvents(there, {}))
    plan = plan_events(calendar, {"A": 5}, respects_drift=False)
    assert [change.reason for change in plan.changes] == reasons


def test_a_group_says_why() -> None:
    """The second trainee was moved from the first intake to the second one, the first is new in the course."""
    sharing = [COURSE, COURSE._replace(key="B")]
    wanted = {"A": [WANTED], "B": [WANTED._replace(course_key="B", person_key=2)]}
    changes, _ = plan_groups(
        5,
        sharing,
        wanted,
        users={1: 101, 2: 102},
        enrolled=frozenset({101, 102}),
        owned=[OURS, OURS._replace(user_id=102)],
        changes=[],
        observed=ObservedGroups({(5, "A"): ObservedGroup(3, frozenset({102}))}, {}),
    )
    assert [(change.kind, change.course_key, change.user_id, change.reason) for change in changes] == [
        (Kind.CREATE_GROUP, "B", 0, "shared_course"),
        (Kind.ADD_TO_GROUP, "A", 101, "shared_course"),
        (Kind.ADD_TO_GROUP, "B", 102, "moved_intake"),
        (Kind.REMOVE_FROM_GROUP, "A", 102, "moved_intake"),
    ]


def varied() -> ChangePlan:
    """Return a plan with most kinds of change."""
    shared = COURSE._replace(key="B", shortname="B", course_id=5, managed=False)
    desired = Desired(
        [COURSE._replace(fullname="Other"), shared, COURSE._replace(key="C", shortname="C", category_key="site:a")],
        [DesiredPerson(1, 101, None, None), DesiredPerson(2, None, "2", None)],
        [WANTED, WANTED._replace(person_key=2)],
        [DesiredCategory("site:a", "Site", 1)],
    )
    rosters = {5: CourseRoster(frozenset(), frozenset())}
    observed = Observed({"A": SHOWN, "B": SHOWN}, {}, {1: 101}, {}, {2: Doubt.NO_USER}, rosters, (), NOW)
    calendar = Calendar(EventScope([MEETING], [], NOW, "https://tool/"), ObservedEvents([], {}))
    return make_plan(desired, [], observed, calendar=calendar, new_users=[2])


def test_a_plan_kept_without_reasons_is_read_and_is_the_same_plan() -> None:
    plan = varied()
    kinds = {change.kind for change in plan.changes}
    assert {Kind.CREATE_USER, Kind.CREATE_CATEGORY, Kind.UPDATE_COURSE, Kind.ENROL} < kinds
    assert {Kind.ADD_TO_GROUP, Kind.CREATE_EVENT} < kinds
    assert all(change.reason for change in plan.changes)
    kept = plan.to_json()
    kept["changes"] = [row[:-1] for row in kept["changes"]]
    old = ChangePlan.from_json(kept)
    assert not any(change.reason for change in old.changes)
    assert old.id == plan.id


def test_the_reason_is_no_part_of_the_plans_id() -> None:
    one, other = (
        ChangePlan([CourseChange(Kind.UPDATE_COURSE, COURSE, 5, reason)]) for reason in (Reason.NAME, Reason.DATES)
    )
    assert one.changes != other.changes
    assert one.id == other.id
