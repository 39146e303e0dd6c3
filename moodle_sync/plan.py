"""Pure: what should be, what is ours and what Moodle has, turned into an ordered, hashable, printable plan."""

from __future__ import annotations

import enum
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from moodle_sync.roster import (
    CourseRoster,
    Desired,
    DesiredCourse,
    DesiredEnrolment,
    Observed,
    Owned,
    Problem,
    Role,
)

CLOCK_MARGIN = 300
"""Moodle rounds "now" to 100 s where it tells who is active, and its clock may differ from ours: within these many
seconds of an enrolment's start or end, activity proves nothing."""


class Kind(enum.StrEnum):
    """Name the kinds of change; scripts read these names in the report."""

    CREATE_COURSE = "create_course"
    UPDATE_COURSE = "update_course"
    ENROL = "enrol"
    UPDATE_ENROLMENT = "update_enrolment"
    REACTIVATE = "reactivate"
    SUSPEND = "suspend"


class CourseChange(NamedTuple):
    """Make a course, or bring an existing one (``course_id``) to ``course``."""

    kind: Kind
    course: DesiredCourse
    course_id: int | None

    @property
    def target(self) -> str:
        """Return what it is about, in words without personal data."""
        return f"course {self.course.key}"


class EnrolmentChange(NamedTuple):
    """Write one enrolment; ``course_id`` is None where the course is made by the same plan."""

    kind: Kind
    course_key: str
    course_id: int | None
    user_id: int
    role: Role
    starts: int
    ends: int

    @property
    def suspended(self) -> bool:
        """Tell whether the enrolment is to be suspended."""
        return self.kind is Kind.SUSPEND

    @property
    def target(self) -> str:
        """Return what it is about, in words without personal data."""
        return f"course {self.course_key}, user {self.user_id}, {self.role.value}"


Change = CourseChange | EnrolmentChange


class Note(NamedTuple):
    """Something that a person has to decide or know; nothing was touched."""

    code: str
    course_key: str
    subject: int
    """Moodle user id, or our person key for somebody not found."""
    text: str


class ChangePlan:
    """Hold the changes in the order in which they are applied, and what they rest on."""

    def __init__(
        self,
        changes: Sequence[Change],
        notes: Sequence[Note] = (),
        problems: Sequence[Problem] = (),
        active: Mapping[str, int] | None = None,
    ) -> None:
        self.changes = changes
        self.notes = notes
        self.problems = problems
        self.active = dict(active or {})
        """Our active enrolments in each course before the plan: what shares are counted of."""
        self._id: str | None = None

    @property
    def id(self) -> str:
        """Return a SHA-256 over the changes and the problems: the same plan has the same id, whatever came first."""
        if self._id is None:
            digest = hashlib.sha256()
            for line in self._lines():
                digest.update(line.encode())
            self._id = digest.hexdigest()
        return self._id

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChangePlan) and self.id == other.id

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def _lines(self) -> Iterable[str]:
        for change in self.changes:
            if isinstance(change, EnrolmentChange):
                kind, key, course_id, user_id, role, starts, ends = change
                yield f"{kind}|{key}|{course_id}|{user_id}|{role}|{starts}|{ends}\n"
            else:
                yield f"{change.kind}|{change.course_id}|{json.dumps(change.course, ensure_ascii=False)}\n"
        for problem in self.problems:
            yield f"problem|{problem.course_key}|{problem.code}\n"

    def counts(self) -> dict[Kind, int]:
        """Return the number of changes of each kind that occurs."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in Kind if found[kind]}

    def __str__(self) -> str:
        if not self.changes:
            return "nothing to change"
        return ", ".join(f"{kind.value}: {number}" for kind, number in self.counts().items())

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return {
            "changes": [list(change) for change in self.changes],
            "notes": [list(note) for note in self.notes],
            "problems": [list(problem) for problem in self.problems],
            "active": self.active,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ChangePlan:
        """Return the plan that ``to_json`` described."""
        changes: list[Change] = []
        for row in data["changes"]:
            kind = Kind(row[0])
            if kind in (Kind.CREATE_COURSE, Kind.UPDATE_COURSE):
                changes.append(CourseChange(kind, DesiredCourse(*row[1]), row[2]))
            else:
                _, key, course_id, user_id, role, starts, ends = row
                changes.append(EnrolmentChange(kind, key, course_id, user_id, Role(role), starts, ends))
        return cls(
            changes,
            [Note(*row) for row in data["notes"]],
            [Problem(*row) for row in data["problems"]],
            data["active"],
        )


def make_plan(desired: Desired, owned: Iterable[Owned], observed: Observed) -> ChangePlan:
    """Plan what brings Moodle from ``observed`` to ``desired`` by touching nothing but what is ``owned``.

    Pure, and independent of the order of its inputs. Courses come first, then enrolments course by course.
    """
    courses = sorted(desired.courses)
    changes: list[Change] = []
    notes: list[Note] = []
    reachable: dict[str, int | None] = {}
    for course in courses:
        _plan_course(course, observed, changes, notes, reachable)
    wanted: dict[str, list[DesiredEnrolment]] = defaultdict(list)
    for enrolment in desired.enrolments:
        wanted[enrolment.course_key].append(enrolment)
    ours: dict[int, list[Owned]] = defaultdict(list)
    for row in owned:
        ours[row.course_id].append(row)
    active: dict[str, int] = {}
    for course in courses:
        if course.key not in reachable:
            continue
        course_id = reachable[course.key]
        roster = None if course_id is None else observed.rosters.get(course_id)
        if course_id is not None and roster is None:
            continue  # its roster could not be read: a problem says so, and nothing is planned on a guess
        rows = ours[course_id] if course_id is not None else []
        active[course.key] = sum(1 for row in rows if not row.suspended and not row.pending)
        planner = _CoursePlanner(course.key, course_id, roster or _EMPTY, observed.read_at)
        planner.plan(wanted[course.key], rows, observed, changes, notes)
    # Whoever is in a plan once was found for certain; people who were not stand in the notes, once each.
    notes.extend(Note("person_not_found", "", key, text) for key, text in sorted(observed.unresolved.items()))
    return ChangePlan(changes, notes, sorted(observed.problems), active)


_EMPTY = CourseRoster(frozenset(), frozenset())


def _plan_course(
    course: DesiredCourse,
    observed: Observed,
    changes: list[Change],
    notes: list[Note],
    reachable: dict[str, int | None],
) -> None:
    if course.key in observed.conflicts:
        notes.append(Note("course_conflict", course.key, 0, observed.conflicts[course.key]))
        return
    present = observed.courses.get(course.key)
    if present is None:
        if any(problem.course_key == course.key for problem in observed.problems):
            return
        if not course.managed:
            notes.append(Note("course_gone", course.key, course.course_id or 0, "the tied course is not in Moodle"))
        elif course.template_id is None:
            notes.append(Note("no_template", course.key, 0, "no template course is set for this Moodle"))
        else:
            changes.append(CourseChange(Kind.CREATE_COURSE, course, None))
            reachable[course.key] = None
        return
    reachable[course.key] = present.course_id
    if course.managed and (
        (present.idnumber, present.fullname, present.starts, present.ends, present.visible)
        != (course.key, course.fullname, course.starts, course.ends, course.visible)
    ):
        changes.append(CourseChange(Kind.UPDATE_COURSE, course, present.course_id))


class _CoursePlanner:
    """Plan the enrolments of one course."""

    def __init__(self, key: str, course_id: int | None, roster: CourseRoster, now: int) -> None:
        self.key, self.course_id, self.now = key, course_id, now
        self.enrolled, self.inactive = roster

    def plan(
        self,
        wanted: Sequence[DesiredEnrolment],
        rows: Sequence[Owned],
        observed: Observed,
        changes: list[Change],
        notes: list[Note],
    ) -> None:
        """Append this course's changes: those who are to be in, then those who are not."""
        key, course_id, users = self.key, self.course_id, observed.users
        ours = {(row.user_id, row.role): row for row in rows}
        to_be = {
            (users[enrolment.person_key], enrolment.role): enrolment
            for enrolment in wanted
            if enrolment.person_key in users
        }
        for (user_id, role), enrolment in sorted(to_be.items()):
            row = ours.get((user_id, role))
            kind = self._to_be_active(user_id, row, enrolment, notes)
            if kind is not None:
                changes.append(EnrolmentChange(kind, key, course_id, user_id, role, enrolment.starts, enrolment.ends))
        staying = {user_id for user_id, _role in to_be}
        for (user_id, role), row in sorted(ours.items()):
            # A suspension is of the person's whole place: who stays in another role is not suspended.
            if user_id not in staying and self._to_be_suspended(row):
                changes.append(EnrolmentChange(Kind.SUSPEND, key, course_id, user_id, role, row.starts, row.ends))

    def _to_be_active(
        self, user_id: int, row: Owned | None, enrolment: DesiredEnrolment, notes: list[Note]
    ) -> Kind | None:
        if user_id not in self.enrolled:
            return Kind.ENROL
        if row is None:
            text = "enrolled by other means, not touched"
            if user_id in self.inactive:
                text = "enrolled by other means and not active there, not touched"
            notes.append(Note("enrolled_by_others", self.key, user_id, text))
            return None
        if row.suspended or (user_id in self.inactive and self._runs(row.starts, row.ends)):
            return Kind.REACTIVATE
        if row.pending or (row.starts, row.ends) != (enrolment.starts, enrolment.ends):
            return Kind.UPDATE_ENROLMENT
        return None

    def _to_be_suspended(self, row: Owned) -> bool:
        if row.user_id not in self.enrolled:
            return False
        if row.suspended and not row.pending:
            return row.user_id not in self.inactive
        # Inactive within its dates can only mean suspended by hand; out of its dates it proves nothing.
        return row.pending or row.user_id not in self.inactive or not self._runs(row.starts, row.ends)

    def _runs(self, starts: int, ends: int) -> bool:
        """Tell whether an enrolment with these dates is certainly within them now."""
        return starts < self.now - CLOCK_MARGIN and (ends == 0 or ends > self.now + CLOCK_MARGIN)
