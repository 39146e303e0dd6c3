"""Whole nights for tests: a memory that obeys the journal's contract, and the trip read, plan, guard, apply."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from moodle_sync.apply import apply_plan
from moodle_sync.client import MoodleClient
from moodle_sync.events import Calendar, DesiredEvent, EventScope, OwnedEvent
from moodle_sync.functions import Function
from moodle_sync.guard import Verdict, review
from moodle_sync.observe import read_observed
from moodle_sync.observe_events import read_calendar
from moodle_sync.observe_groups import read_groups
from moodle_sync.outcomes import Outcome
from moodle_sync.plan import ChangePlan, EnrolmentChange, EventChange, Kind, make_plan
from moodle_sync.roster import (
    Desired,
    DesiredCourse,
    DesiredEnrolment,
    DesiredPerson,
    Drift,
    Observed,
    Owned,
    Role,
)
from moodle_sync.sandbox import Sandbox

NOW = 1_795_500_000
DAY = 86_400
STARTS, ENDS = NOW - 10 * DAY, NOW + 30 * DAY
ADDRESS = "https://tool.example.org/meetings/"
ROLE_IDS = {Role.TRAINEE: 5, Role.LEADER: 3}

FAULTS = ("timeout_before", "timeout_after", "drop_before", "drop_after", "html", "http500", "truncated", "empty")

OwnedKey = tuple[int, int, Role]


@dataclass
class Memory:
    """Keep what the tool owns, as its database does; and every outcome in the order in which it came."""

    owned: dict[OwnedKey, Owned] = field(default_factory=dict)
    events: dict[tuple[int, int], OwnedEvent] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        with self.lock:
            for change in changes:
                assert change.course_id is not None
                row = Owned(change.course_id, change.user_id, change.role, change.starts, change.ends, change.suspended)
                self.owned[row[:3]] = row._replace(pending=True)

    def intend_events(self, changes: Sequence[EventChange]) -> None:
        with self.lock:
            for change in changes:
                row = change.intended
                self.events[row.course_id, row.meeting_id] = row

    def record(self, outcomes: Sequence[Outcome]) -> None:
        with self.lock:
            self.outcomes.extend(outcomes)
            for outcome in outcomes:
                change = outcome.change
                if isinstance(change, EventChange):
                    assert not outcome.done or outcome.course_id is not None
                    self._record_event(outcome, change)
                if isinstance(change, EnrolmentChange) and (outcome.done or outcome.is_in_vain):
                    assert outcome.course_id is not None
                    key = (outcome.course_id, change.user_id, change.role)
                    drift = Drift.ELSEWHERE if outcome.is_in_vain else Drift.NONE
                    self.owned[key] = self.owned[key]._replace(pending=False, drift=drift)

    def _record_event(self, outcome: Outcome, change: EventChange) -> None:
        key = (outcome.course_id or 0, change.meeting_id)
        row = self.events.get(key)
        if not outcome.done or row is None:
            return
        if change.kind is Kind.CREATE_EVENT:
            self.events[key] = row._replace(event_id=outcome.made_id, pending=False)
        elif row.event_id == change.event_id and not row.pending:
            self.events[key] = row._replace(event_id=0, digest="")

    def remember_seen(self, plan: ChangePlan) -> None:
        for row in plan.gone:
            self.owned.pop(row[:3], None)
        for row in plan.seen:
            self.owned[row[:3]] = row
        for event in plan.events:
            self.events[event.course_id, event.meeting_id] = event

    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.done]


class Night(NamedTuple):
    observed: Observed
    plan: ChangePlan
    verdict: Verdict
    calls: int


def night(
    client: MoodleClient,
    desired: Desired,
    memory: Memory,
    *,
    approve: bool = False,
    journal: Memory | None = None,
    respects_drift: bool = False,
    meetings: Sequence[DesiredEvent] = (),
) -> Night:
    """Do one night's work; what the guard holds is not applied unless approved."""
    before = client.calls
    memory.outcomes.clear()
    observed = read_observed(client, desired, memory.owned.values(), now=NOW)
    scope = EventScope(meetings, list(memory.events.values()), NOW, ADDRESS)
    plan = make_plan(
        desired,
        memory.owned.values(),
        observed,
        respects_drift=respects_drift,
        calendar=Calendar(scope, read_calendar(client, scope, observed.courses)),
        groups=read_groups(client, desired.courses, observed.courses),
    )
    verdict = review(plan)
    if approve or not verdict.held:
        memory.remember_seen(plan)
        apply_plan(
            client,
            plan,
            journal or memory,
            role_ids=ROLE_IDS,
            now=NOW,
            rosters=observed.rosters,
            address=ADDRESS,
        )
    return Night(observed, plan, verdict, client.calls - before)


def template_of(moodle: Sandbox) -> tuple[int, int]:
    """Return the template's course id and its category's."""
    course = next(course for course in moodle.state.courses.values() if course.shortname == "TEMPLATE")
    return course.id, course.category


def course_of(moodle: Sandbox, key: str = "INTAKE-1", **changes: object) -> DesiredCourse:
    template, category = template_of(moodle)
    return DesiredCourse(key, key, f"Стажировка {key}", category, template, STARTS, ENDS)._replace(**changes)  # type: ignore[arg-type]


def desire(moodle: Sandbox, *people: int, keys: Sequence[str] = ("INTAKE-1",), role: Role = Role.TRAINEE) -> Desired:
    """Want these people (numbers in the seed) in each of the courses."""
    return Desired(
        [course_of(moodle, key) for key in keys],
        [DesiredPerson(number, 100 + number, None, None) for number in people],
        [DesiredEnrolment(key, number, role, STARTS, ENDS) for key in keys for number in people],
    )


def meeting(number: int, key: str = "INTAKE-1", **changes: Any) -> DesiredEvent:
    """Return the event of a meeting that takes place in some days."""
    link = f'<p><a href="{ADDRESS}{number}">{ADDRESS}{number}</a></p>'
    event = DesiredEvent(key, number, f"Семинар: тема & {number}", link, NOW + number * DAY, 5400)
    return event._replace(**changes)


def events_in(moodle: Sandbox) -> list[tuple[str, str, int]]:
    """Return the calendar's events: short name of the course, description, start."""
    names = {course.id: course.shortname for course in moodle.state.courses.values()}
    return sorted((names[one.course], one.description, one.timestart) for one in moodle.state.events.values())


def people_in(moodle: Sandbox, key: str = "INTAKE-1") -> dict[int, bool]:
    """Return who is in a course, by number in the seed, and whether they are suspended."""
    course = next(course for course in moodle.state.courses.values() if course.idnumber == key)
    return {user - 100: ways["manual"].suspended for user, ways in moodle.state.enrolments[course.id].items()}


def written_calls(moodle: Sandbox) -> Counter[str]:
    return Counter(name for name in moodle.calls if not name.startswith("core_webservice"))


def course_ids(moodle: Sandbox, shortname: str = "INTAKE-1") -> list[int]:
    return [course.id for course in moodle.state.courses.values() if course.shortname == shortname]


class Died(BaseException):
    """Stands for a process that is killed: nothing catches it, nothing is tidied up."""


class Mortal(MoodleClient):
    """A client whose process dies at its n-th call, before the call or after it."""

    def __init__(self, moodle: Sandbox, *, at: int, after: bool) -> None:
        super().__init__(moodle.local_url, moodle.token, concurrency=1)
        self._at, self._after = at, after

    def call(self, function: Function, **params: Any) -> Any:
        self._at -= 1
        if self._at == 0 and not self._after:
            raise Died
        answer = super().call(function, **params)
        if self._at == 0:
            raise Died
        return answer


def state_of(moodle: Sandbox) -> tuple[list[Any], ...]:
    """Return categories, courses, who is in them, groups and events, without the ids: they depend on the tries."""
    dump = moodle.state.dump()
    names = {course["id"]: course["shortname"] for course in dump["courses"]}
    categories = {number: category.idnumber for number, category in moodle.state.categories.items()}
    courses = [
        (
            course["shortname"],
            course["idnumber"],
            course["fullname"],
            course["enddate"],
            course["visible"],
            categories.get(moodle.state.courses[course["id"]].category),
        )
        for course in dump["courses"]
    ]
    places = [
        (names[row["course"]], row["user"], row["roles"], row["suspended"], row["timestart"], row["timeend"])
        for row in dump["enrolments"]
    ]
    groups = [(names[row["course"]], row["name"], row["idnumber"], sorted(row["members"])) for row in dump["groups"]]
    events = [
        (names[row["course"]], row["name"], row["description"], row["timestart"], row["timeduration"])
        for row in dump["events"]
    ]
    return (
        sorted(map(str, categories.values())),
        sorted(courses, key=str),
        sorted(places),
        sorted(groups),
        sorted(events),
    )
