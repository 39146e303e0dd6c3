"""A Moodle in memory for property tests of the plan: what the web services do and show, and nothing more."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from moodle_sync.events import Calendar, DesiredEvent, EventScope, ObservedEvent, ObservedEvents, OwnedEvent
from moodle_sync.groups import ObservedGroup, ObservedGroups
from moodle_sync.plan import (
    CategoryChange,
    Change,
    ChangePlan,
    CourseChange,
    EnrolmentChange,
    EventChange,
    GroupChange,
    Kind,
    UserChange,
)
from moodle_sync.roster import (
    CourseRoster,
    Desired,
    DesiredCourse,
    Doubt,
    Drift,
    Observed,
    ObservedCourse,
    Owned,
    Role,
)

NOW = 1_795_500_000
DAY = 86_400

Key = tuple[int, int]
OwnedKey = tuple[int, int, Role]


@dataclass
class Place:
    """One person's manual enrolment: one pair of dates and one suspension, whatever the roles."""

    starts: int
    ends: int
    suspended: bool
    roles: set[Role] = field(default_factory=set)

    def active(self) -> bool:
        return not self.suspended and self.starts <= NOW and (self.ends == 0 or self.ends > NOW)


@dataclass
class World:
    """A Moodle, and the tool's memory of what it wrote there."""

    courses: dict[int, ObservedCourse] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    owned: dict[OwnedKey, Owned] = field(default_factory=dict)
    groups: dict[tuple[int, str], tuple[int, set[int]]] = field(default_factory=dict)
    """Number and members of a group by course and idnumber."""
    events: dict[int, ObservedEvent] = field(default_factory=dict)
    descriptions: dict[int, str] = field(default_factory=dict)
    """Digest of what people can see of an event, by its number."""
    owned_events: dict[tuple[int, int], OwnedEvent] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    category_of: dict[int, int] = field(default_factory=dict)
    """Categories by idnumber, and in which of them courses were made."""
    made_users: dict[int, int] = field(default_factory=dict)
    """Accounts that the tool made: user ids by person key."""
    elsewhere: set[Key] = field(default_factory=set)
    """Who is in a course by another, active enrolment too."""

    def is_active(self, key: Key) -> bool:
        return key in self.elsewhere or self.places[key].active()

    def copy(self) -> World:
        return copy.deepcopy(self)

    def observe(self, desired: Desired) -> Observed:
        """See what `read_observed` sees."""
        courses, conflicts = {}, {}
        over = {wanted.key for wanted in desired.courses if wanted.is_over}
        for wanted in desired.courses:
            found = self._find(wanted)
            if found is not None and wanted.managed and found.idnumber not in ("", wanted.key):
                conflicts[wanted.key] = "somebody else's"
            elif found is not None:
                courses[wanted.key] = found
        rosters = {
            course.course_id: CourseRoster(
                frozenset(user for (number, user) in self.places if number == course.course_id),
                frozenset(
                    user
                    for (number, user) in self.places
                    if number == course.course_id and not self.is_active((number, user))
                ),
            )
            for key, course in courses.items()
            if key not in over
        }
        known = {person.key: person.user_id for person in desired.people if person.user_id is not None}
        users = {**self.made_users, **known}
        unresolved = {person.key: Doubt.NO_USER for person in desired.people if person.key not in users}
        return Observed(courses, conflicts, users, {}, unresolved, rosters, (), NOW, categories=self.categories)

    def _find(self, wanted: DesiredCourse) -> ObservedCourse | None:
        if wanted.course_id in self.courses:
            return self.courses[wanted.course_id]
        for field_name, value in (("idnumber", wanted.key), ("shortname", wanted.shortname)):
            for course in self.courses.values():
                if getattr(course, field_name) == value:
                    return course
        return None

    def calendar(self, meetings: Sequence[DesiredEvent]) -> Calendar:
        """See what `read_calendar` sees."""
        there = tuple(sorted(event for event in self.events.values() if event.starts >= NOW))
        return Calendar(
            EventScope(meetings, list(self.owned_events.values()), NOW, "https://tool/meetings/"),
            ObservedEvents(there, {}),
        )

    def observed_groups(self) -> ObservedGroups:
        """See what `read_groups` sees."""
        groups = {key: ObservedGroup(number, frozenset(members)) for key, (number, members) in self.groups.items()}
        return ObservedGroups(groups, {})

    def change(self, change: Change) -> None:
        """Carry out one change, as `enrol_manual_enrol_users` and the functions for courses, groups and events do."""
        if isinstance(change, UserChange):
            assert change.person_key not in self.made_users, "a second account"
            self.made_users[change.person_key] = 10_000 + change.person_key
            return
        if isinstance(change, CategoryChange):
            assert change.category.key not in self.categories, "a second category"
            self.categories[change.category.key] = 1000 + len(self.categories)
            return
        if isinstance(change, CourseChange):
            self._change_course(change)
            return
        if isinstance(change, EventChange):
            self._change_event(change)
            return
        if isinstance(change, GroupChange):
            self._change_group(change)
            return
        course_id = self.course_id_of(change)
        place = self.places.setdefault((course_id, change.user_id), Place(0, 0, False))
        place.starts, place.ends, place.suspended = change.starts, change.ends, change.suspended
        place.roles.add(change.role)

    def _change_event(self, change: EventChange) -> None:
        if change.kind is Kind.DELETE_EVENT:
            del self.events[change.event_id], self.descriptions[change.event_id]
            return
        number, course_id = max(self.events, default=0) + 1, self.course_id_of(change)
        times = change.starts, change.duration
        self.events[number] = ObservedEvent(number, course_id, change.meeting_id, change.name, *times, True)
        self.descriptions[number] = change.event.digest

    def _change_group(self, change: GroupChange) -> None:
        key = change.course_id, change.course_key
        if change.kind is Kind.CREATE_GROUP:
            assert key not in self.groups, "a second group"
            self.groups[key] = len(self.groups) + 1, set()
        elif change.kind is Kind.ADD_TO_GROUP:
            assert (change.course_id, change.user_id) in self.places, "who is not enrolled can't be in a group"
            self.groups[key][1].add(change.user_id)
        else:
            self.groups[key][1].remove(change.user_id)

    def _change_course(self, change: CourseChange) -> None:
        wanted, course_id = change.course, change.course_id
        if change.kind is Kind.CREATE_COURSE:
            assert all(course.shortname != wanted.shortname for course in self.courses.values()), "a second course"
            course_id = max(self.courses, default=1) + 1
            # One that the same plan makes is known by its key alone.
            made = self.categories.get(wanted.category_key)
            assert (made is None) is (wanted.category_key == "")
            self.category_of[course_id] = wanted.category_id if made is None else made
        assert course_id is not None
        if wanted.is_over:
            self.courses[course_id] = self.courses[course_id]._replace(visible=wanted.visible)
            return
        self.courses[course_id] = ObservedCourse(
            course_id, wanted.shortname, wanted.key, wanted.fullname, wanted.starts, wanted.ends, wanted.visible
        )

    def course_id_of(self, change: EnrolmentChange | EventChange) -> int:
        if change.course_id is not None:
            return change.course_id
        return next(course.course_id for course in self.courses.values() if course.idnumber == change.course_key)

    def intend(self, changes: Iterable[EnrolmentChange]) -> None:
        """Remember, as the application's journal does before a write."""
        for change in changes:
            course_id = self.course_id_of(change)
            self.owned[course_id, change.user_id, change.role] = Owned(
                course_id, change.user_id, change.role, change.starts, change.ends, change.suspended, True
            )

    def confirm(self, changes: Iterable[EnrolmentChange]) -> None:
        """Remember, as the application's journal does once a write was read back."""
        for change in changes:
            course_id = self.course_id_of(change)
            key = course_id, change.user_id, change.role
            in_vain = change.suspended and self.is_active((course_id, change.user_id))
            drift = Drift.ELSEWHERE if in_vain else Drift.NONE
            self.owned[key] = self.owned[key]._replace(pending=False, drift=drift)

    def intend_event(self, change: EventChange) -> None:
        """Remember, as the application's journal does before an event is made."""
        row = change._replace(course_id=self.course_id_of(change)).intended
        self.owned_events[row.course_id, row.meeting_id] = row

    def confirm_event(self, change: EventChange) -> None:
        """Remember, as the application's journal does once an event was made or deleted."""
        key = self.course_id_of(change), change.meeting_id
        row = self.owned_events.get(key)
        if row is not None and change.kind is Kind.CREATE_EVENT:
            self.owned_events[key] = row._replace(event_id=max(self.events), pending=False)
        elif row is not None and row.event_id == change.event_id and not row.pending:
            self.owned_events[key] = row._replace(event_id=0, digest="")

    def apply(self, plan: ChangePlan, *, batch: int = 100, steps: int | None = None) -> int:
        """Carry a plan out in batches: intent, write, outcome. Die after `steps` steps; return the steps taken.

        Rows of ours that Moodle has no more are forgotten first, as the application does.
        """
        taken = 0

        def step() -> bool:
            nonlocal taken
            if steps is not None and taken >= steps:
                return False
            taken += 1
            return True

        for row in plan.gone:
            self.owned.pop((row.course_id, row.user_id, row.role), None)
        for row in plan.seen:
            self.owned[row.course_id, row.user_id, row.role] = row
        for remembered in plan.events:
            self.owned_events[remembered.course_id, remembered.meeting_id] = remembered
        for change in plan.changes:
            if isinstance(change, CategoryChange | CourseChange):
                if not step():
                    return taken
                self.change(change)
        for rows in _batches([one for one in plan.changes if isinstance(one, EnrolmentChange)], batch):
            if not step():
                return taken
            self.intend(rows)
            if not step():
                return taken
            for one in rows:
                self.change(one)
            if not step():
                return taken
            self.confirm(rows)
        for moved in [one for one in plan.changes if isinstance(one, GroupChange)]:
            if not step():
                return taken
            self.change(moved)
        for event in [one for one in plan.changes if isinstance(one, EventChange)]:
            if event.kind is Kind.CREATE_EVENT:
                if not step():
                    return taken
                self.intend_event(event)
            if not step():
                return taken
            self.change(event)
            if not step():
                return taken
            self.confirm_event(event)
        return taken

    def state(self) -> tuple[object, ...]:
        """Return all that lasts, comparable."""
        return (
            {number: course._asdict() for number, course in self.courses.items()},
            {key: (place.starts, place.ends, place.suspended, place.roles) for key, place in self.places.items()},
            self.owned,
            self.groups,
            sorted((event[1:], self.descriptions[number]) for number, event in self.events.items()),
            self.categories,
            self.category_of,
        )


def _batches(rows: Sequence[EnrolmentChange], size: int) -> list[Sequence[EnrolmentChange]]:
    by_course: dict[str, list[EnrolmentChange]] = {}
    for row in rows:
        by_course.setdefault(row.course_key, []).append(row)
    return [course[start : start + size] for course in by_course.values() for start in range(0, len(course), size)]
