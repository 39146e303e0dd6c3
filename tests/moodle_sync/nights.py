"""Whole nights for tests: a memory that obeys the journal's contract, and the trip read, plan, guard, apply."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from moodle_sync.apply import apply_plan
from moodle_sync.client import MoodleClient
from moodle_sync.guard import Verdict, review
from moodle_sync.observe import read_observed
from moodle_sync.outcomes import Outcome
from moodle_sync.plan import ChangePlan, EnrolmentChange, make_plan
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
ROLE_IDS = {Role.TRAINEE: 5, Role.LEADER: 3}

OwnedKey = tuple[int, int, Role]


@dataclass
class Memory:
    """Keep what the tool owns, as its database does; and every outcome in the order in which it came."""

    owned: dict[OwnedKey, Owned] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        with self.lock:
            for change in changes:
                assert change.course_id is not None
                row = Owned(change.course_id, change.user_id, change.role, change.starts, change.ends, change.suspended)
                self.owned[row[:3]] = row._replace(pending=True)

    def record(self, outcomes: Sequence[Outcome]) -> None:
        with self.lock:
            self.outcomes.extend(outcomes)
            for outcome in outcomes:
                change = outcome.change
                if isinstance(change, EnrolmentChange) and (outcome.done or outcome.is_in_vain):
                    assert outcome.course_id is not None
                    key = (outcome.course_id, change.user_id, change.role)
                    drift = Drift.ELSEWHERE if outcome.is_in_vain else Drift.NONE
                    self.owned[key] = self.owned[key]._replace(pending=False, drift=drift)

    def remember_seen(self, plan: ChangePlan) -> None:
        for row in plan.gone:
            self.owned.pop(row[:3], None)
        for row in plan.seen:
            self.owned[row[:3]] = row

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
) -> Night:
    """Do one night's work; what the guard holds is not applied unless approved."""
    before = client.calls
    memory.outcomes.clear()
    observed = read_observed(client, desired, memory.owned.values(), now=NOW)
    plan = make_plan(desired, memory.owned.values(), observed, respects_drift=respects_drift)
    verdict = review(plan)
    if approve or not verdict.held:
        memory.remember_seen(plan)
        apply_plan(client, plan, journal or memory, role_ids=ROLE_IDS, now=NOW, rosters=observed.rosters)
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


def people_in(moodle: Sandbox, key: str = "INTAKE-1") -> dict[int, bool]:
    """Return who is in a course, by number in the seed, and whether they are suspended."""
    course = next(course for course in moodle.state.courses.values() if course.idnumber == key)
    return {user - 100: ways["manual"].suspended for user, ways in moodle.state.enrolments[course.id].items()}


def written_calls(moodle: Sandbox) -> Counter[str]:
    return Counter(name for name in moodle.calls if not name.startswith("core_webservice"))


def course_ids(moodle: Sandbox, shortname: str = "INTAKE-1") -> list[int]:
    return [course.id for course in moodle.state.courses.values() if course.shortname == shortname]
