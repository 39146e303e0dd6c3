"""Frozen values: the kinds of change, and the plan that holds them: ordered, hashable, printable."""

from __future__ import annotations

import enum
import hashlib
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from moodle_sync.events import DesiredEvent, OwnedEvent
from moodle_sync.roster import DesiredCategory, DesiredCourse, Drift, Owned, Problem, Role


class Kind(enum.StrEnum):
    """Name the kinds of change; scripts read these names in the report."""

    CREATE_USER = "create_user"
    CREATE_CATEGORY = "create_category"
    CREATE_COURSE = "create_course"
    UPDATE_COURSE = "update_course"
    ENROL = "enrol"
    UPDATE_ENROLMENT = "update_enrolment"
    REACTIVATE = "reactivate"
    SUSPEND = "suspend"
    CREATE_GROUP = "create_group"
    ADD_TO_GROUP = "add_to_group"
    REMOVE_FROM_GROUP = "remove_from_group"
    CREATE_EVENT = "create_event"
    DELETE_EVENT = "delete_event"


class Reason(enum.StrEnum):
    """Name why a plan has a change; several of a course are joined by commas. No part of the plan's id."""

    NOBODY_MATCHES = "nobody_matches"
    NO_CATEGORY = "no_category"
    NO_COURSE = "no_course"
    GONE = "gone"
    NAME = "name"
    NUMBER = "number"
    DATES = "dates"
    VISIBLE = "visible"
    HIDE_DUE = "hide_due"
    LISTED = "listed"
    LEFT = "left"
    CAME_BACK = "came_back"
    ROLE = "role"
    UNCONFIRMED = "unconfirmed"
    SUSPENDED_BY_HAND = "suspended_by_hand"
    REACTIVATED_BY_HAND = "reactivated_by_hand"
    REMOVED_BY_HAND = "removed_by_hand"
    SHARED_COURSE = "shared_course"
    MOVED_INTAKE = "moved_intake"
    NEW_MEETING = "new_meeting"
    MOVED = "moved"
    MOVED_BY_HAND = "moved_by_hand"
    RENAMED = "renamed"
    CANCELLED = "cancelled"
    TWICE = "twice"


class CategoryChange(NamedTuple):
    """Make a category."""

    kind: Kind
    category: DesiredCategory
    reason: str = ""

    @property
    def course_id(self) -> None:
        """Return that it is about no course."""
        return None

    @property
    def target(self) -> str:
        """Return what it is about, in words without personal data."""
        return f"category {self.category.key}"


class UserChange(NamedTuple):
    """Make an account for one of our people; whose it is and what it says stays out of the plan."""

    kind: Kind
    person_key: int
    course_ids: tuple[int, ...]
    """The courses, as far as they are in Moodle, in which the new user is enrolled afterwards."""
    reason: str = ""

    @property
    def target(self) -> str:
        """Return what it is about, in words without personal data."""
        return f"person {self.person_key}"


class CourseChange(NamedTuple):
    """Make a course, or bring an existing one (``course_id``) to ``course``."""

    kind: Kind
    course: DesiredCourse
    course_id: int | None
    reason: str = ""

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
    reason: str = ""

    @property
    def suspended(self) -> bool:
        """Tell whether the enrolment is to be suspended."""
        return self.kind is Kind.SUSPEND

    @property
    def target(self) -> str:
        """Return what it is about, in words without personal data."""
        return f"course {self.course_key}, user {self.user_id}, {self.role.value}"


class GroupChange(NamedTuple):
    """Make an intake's group in a shared course, or put somebody in or out.

    ``group_id`` is None where the group is made by the same plan.
    """

    kind: Kind
    course_key: str
    course_id: int
    group_id: int | None
    user_id: int
    """Moodle user id; 0 where the group itself is made."""
    name: str
    reason: str = ""

    @property
    def target(self) -> str:
        """Return what it is about, in words without personal data."""
        who = f", user {self.user_id}, group" if self.user_id else ""
        return f"course {self.course_key}{who}"


class EventChange(NamedTuple):
    """Make a meeting's event in its course, or delete one of ours; ``course_id`` None: made by the same plan."""

    kind: Kind
    course_key: str
    course_id: int | None
    meeting_id: int
    event_id: int
    """The one to be deleted; where one is made, the newest of that meeting that was there before, or 0."""
    name: str
    description: str
    starts: int
    duration: int
    reason: str = ""

    @property
    def event(self) -> DesiredEvent:
        """Return the event that is made."""
        return DesiredEvent(self.course_key, self.meeting_id, self.name, self.description, self.starts, self.duration)

    @property
    def intended(self) -> OwnedEvent:
        """Return the row to be kept before the event is made. ``course_id`` has to be known."""
        if self.course_id is None:
            raise ValueError("an event without its course can't be written")
        return OwnedEvent(self.course_id, self.meeting_id, self.event_id, self.starts, self.event.digest, True)

    @property
    def target(self) -> str:
        """Return what it is about, in words without personal data."""
        return f"course {self.course_key}, meeting {self.meeting_id}"


Change = UserChange | CategoryChange | CourseChange | EnrolmentChange | GroupChange | EventChange


class Note(NamedTuple):
    """Something that a person has to decide or know; nothing was touched."""

    code: str
    course_key: str
    subject: int
    """Moodle user id, or our person key for somebody not found."""
    text: str


class Missing(NamedTuple):
    """People of ours whom a course's roster doesn't show: ``people`` of ``of`` whom we enrolled there."""

    people: int
    of: int


class ChangePlan:
    """Hold the changes in the order in which they are applied, and what they rest on."""

    def __init__(
        self,
        changes: Sequence[Change],
        notes: Sequence[Note] = (),
        problems: Sequence[Problem] = (),
        *,
        active: Mapping[str, int] | None = None,
        gone: Sequence[Owned] = (),
        missing: Mapping[str, Missing] | None = None,
        seen: Sequence[Owned] = (),
        events: Sequence[OwnedEvent] = (),
    ) -> None:
        self.changes = changes
        self.notes = notes
        self.problems = problems
        self.active = dict(active or {})
        """By course key, the people of ours whom the plan finds there, or suspends: what shares are counted of."""
        self.gone = gone
        """Rows of ours that Moodle certainly has no more, to be forgotten when the plan is applied: whoever is enrolled
        in their place later was not enrolled by us."""
        self.missing = dict(missing or {})
        """By course key, people of ours whom Moodle doesn't show, of those whom we certainly enrolled."""
        self.seen = seen
        """Rows of ours as they are to be remembered when the plan is applied: only their ``drift`` has changed."""
        self.events = events
        """Rows of events to be remembered when the plan is applied: their events were found, and not known before."""
        self._id: str | None = None

    @property
    def id(self) -> str:
        """Return a SHA-256 over changes, problems and rows to be forgotten: the same plan has the same id."""
        if self._id is None:
            digest, lines = hashlib.sha256(), iter(self._lines())
            while piece := "".join(itertools.islice(lines, 10_000)):
                digest.update(piece.encode())
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
        # What a run of enrolments has in common is said once: a million of them have to be hashed in a second.
        common: tuple[Any, ...] = ()
        for change in self.changes:
            if isinstance(change, EnrolmentChange):
                kind, key, course_id, user_id, role, starts, ends, _ = change
                if (kind, key, course_id, role, starts, ends) != common:
                    common = (kind, key, course_id, role, starts, ends)
                    yield f"{kind}|{json.dumps(key)}|{course_id}|{role}|{starts}|{ends}\n"
                yield f"{user_id}\n"
            else:
                yield f"{_line(change)}\n"
        for problem in self.problems:
            yield f"problem|{problem.course_key}|{problem.code}\n"
        for row in self.gone:
            yield f"gone|{row.course_id}|{row.user_id}|{row.role}\n"
        for row in self.seen:
            yield f"seen|{row.course_id}|{row.user_id}|{row.role}|{row.drift}\n"
        for event in self.events:
            yield f"event|{event.course_id}|{event.meeting_id}|{event.event_id}\n"
        for key, (people, of) in sorted(self.missing.items()):
            if people:
                yield f"missing|{key}|{people}|{of}\n"

    @property
    def course_ids(self) -> frozenset[int]:
        """Return the Moodle courses whose people it changes, or where rows of ours differ from what is there."""
        changed = {
            course_id
            for change in self.changes
            if not isinstance(change, EventChange)
            for course_id in (change.course_ids if isinstance(change, UserChange) else (change.course_id,))
            if course_id is not None
        }
        remembered = {row.course_id for row in itertools.chain(self.gone, self.seen)}
        return frozenset(changed | remembered)

    def counts(self) -> dict[Kind, int]:
        """Return the number of changes of each kind that occurs."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in Kind if found[kind]}

    def __str__(self) -> str:
        if not self.changes:
            return "nothing to change"
        return ", ".join(f"{kind.value}: {number}" for kind, number in self.counts().items())

    def add_notes(self, notes: Iterable[Note]) -> None:
        """Add what was found out after planning; it is no part of the plan's id."""
        self.notes = [*self.notes, *notes]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return {
            "changes": [list(change) for change in self.changes],
            "notes": [list(note) for note in self.notes],
            "problems": [list(problem) for problem in self.problems],
            "active": self.active,
            "gone": [list(row) for row in self.gone],
            "missing": {key: list(number) for key, number in self.missing.items()},
            "seen": [list(row) for row in self.seen],
            "events": [list(row) for row in self.events],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ChangePlan:
        """Return the plan that ``to_json`` described."""
        changes: list[Change] = []
        for row in data["changes"]:
            kind = Kind(row[0])
            if kind is Kind.CREATE_USER:
                changes.append(UserChange(kind, row[1], tuple(row[2]), *row[3:]))
            elif kind is Kind.CREATE_CATEGORY:
                changes.append(CategoryChange(kind, DesiredCategory(*row[1]), *row[2:]))
            elif kind in (Kind.CREATE_COURSE, Kind.UPDATE_COURSE):
                changes.append(CourseChange(kind, DesiredCourse(*row[1]), *row[2:]))
            elif kind in (Kind.CREATE_EVENT, Kind.DELETE_EVENT):
                changes.append(EventChange(kind, *row[1:]))
            elif kind in (Kind.CREATE_GROUP, Kind.ADD_TO_GROUP, Kind.REMOVE_FROM_GROUP):
                changes.append(GroupChange(kind, *row[1:]))
            else:
                _, key, course_id, user_id, role, starts, ends, *reason = row
                # A million changes share a few reasons; plans of before reasons were kept have none.
                why = sys.intern(reason[0]) if reason else ""
                changes.append(EnrolmentChange(kind, key, course_id, user_id, Role(role), starts, ends, why))
        return cls(
            changes,
            [Note(*row) for row in data["notes"]],
            [Problem(*row) for row in data["problems"]],
            active=data["active"],
            gone=[_owned_of(row) for row in data["gone"]],
            missing={key: Missing(*number) for key, number in data["missing"].items()},
            seen=[_owned_of(row) for row in data["seen"]],
            events=[OwnedEvent(*row) for row in data.get("events", ())],
        )


def _line(change: Change) -> str:
    if isinstance(change, CourseChange):
        # Whether we knew the course's id beforehand is no part of what is to be changed.
        course = change.course._replace(course_id=None)
        return f"{change.kind}|{change.course_id}|{json.dumps(course, ensure_ascii=False)}"
    if isinstance(change, CategoryChange):
        return f"{change.kind}|{json.dumps(change.category, ensure_ascii=False)}"
    return json.dumps(change[:-1], ensure_ascii=False)  # all but the reason


def _owned_of(row: Sequence[Any]) -> Owned:
    course_id, user_id, role, starts, ends, suspended, pending, drift = row
    return Owned(course_id, user_id, Role(role), starts, ends, suspended, pending, Drift(drift))
