"""Pure: what should be, what is ours and what Moodle has, turned into an ordered, hashable, printable plan."""

from __future__ import annotations

import enum
import hashlib
import html
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from moodle_sync.roster import (
    NOBODY,
    CourseRoster,
    Desired,
    DesiredCourse,
    DesiredEnrolment,
    Drift,
    Observed,
    ObservedCourse,
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
                kind, key, course_id, user_id, role, starts, ends = change
                if (kind, key, course_id, role, starts, ends) != common:
                    common = (kind, key, course_id, role, starts, ends)
                    yield f"{kind}|{json.dumps(key)}|{course_id}|{role}|{starts}|{ends}\n"
                yield f"{user_id}\n"
            else:
                # Whether we knew the course's id beforehand is no part of what is to be changed.
                course = change.course._replace(course_id=None)
                yield f"{change.kind}|{change.course_id}|{json.dumps(course, ensure_ascii=False)}\n"
        for problem in self.problems:
            yield f"problem|{problem.course_key}|{problem.code}\n"
        for row in self.gone:
            yield f"gone|{row.course_id}|{row.user_id}|{row.role}\n"
        for row in self.seen:
            yield f"seen|{row.course_id}|{row.user_id}|{row.role}|{row.drift}\n"
        for key, (people, of) in sorted(self.missing.items()):
            if people:
                yield f"missing|{key}|{people}|{of}\n"

    @property
    def course_ids(self) -> frozenset[int]:
        """Return the Moodle courses that it changes, or where rows of ours differ from what is there."""
        changed = {change.course_id for change in self.changes if change.course_id is not None}
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
            active=data["active"],
            gone=[_owned_of(row) for row in data["gone"]],
            missing={key: Missing(*number) for key, number in data["missing"].items()},
            seen=[_owned_of(row) for row in data["seen"]],
        )


def _owned_of(row: Sequence[Any]) -> Owned:
    course_id, user_id, role, starts, ends, suspended, pending, drift = row
    return Owned(course_id, user_id, Role(role), starts, ends, suspended, pending, Drift(drift))


def make_plan(
    desired: Desired, owned: Iterable[Owned], observed: Observed, *, respects_drift: bool = False
) -> ChangePlan:
    """Plan what brings Moodle from ``observed`` to ``desired`` by touching nothing but what is ``owned``.

    Pure, and independent of the order of its inputs. Courses come first, then enrolments course by course.
    What was suspended, reactivated or removed by hand in Moodle is noted, and written again unless ``respects_drift``.

    A person who can't be resolved any more counts as not wanted: callers have to remember whom they matched before
    they apply a plan (``Observed.matched_by``).
    """
    courses = sorted(desired.courses, key=lambda course: course.key)
    changes: list[Change] = []
    notes: list[Note] = []
    reachable: dict[str, int | None] = {}
    for course in courses:
        _plan_course(course, observed, changes, notes, reachable)
    planners = _planners(courses, reachable, observed, respects_drift)
    wanted: dict[str, list[DesiredEnrolment]] = defaultdict(list)
    for enrolment in desired.enrolments:
        wanted[enrolment.course_key].append(enrolment)
    ours: dict[int, list[Owned]] = defaultdict(list)
    for row in owned:
        ours[row.course_id].append(row)
    active: dict[str, int] = {}
    gone: list[Owned] = []
    missing: dict[str, Missing] = {}
    seen: list[Owned] = []
    for planner, keys in planners:
        rows = [] if planner.course_id is None else ours[planner.course_id]
        planner.plan((row for key in keys for row in wanted[key]), rows, observed.users)
        changes += planner.changes
        notes += planner.notes
        gone += planner.gone
        seen += planner.seen
        active[planner.key] = planner.active
        if planner.missing.of:
            missing[planner.key] = planner.missing
    # Whoever is in a plan once was found for certain; people who were not stand in the notes, once each.
    notes.extend(Note("person_not_found", "", key, text) for key, text in sorted(observed.unresolved.items()))
    problems = sorted(observed.problems)
    return ChangePlan(changes, notes, problems, active=active, gone=gone, missing=missing, seen=seen)


def _planners(
    courses: Iterable[DesiredCourse], reachable: Mapping[str, int | None], observed: Observed, respects_drift: bool
) -> list[tuple[_CoursePlanner, list[str]]]:
    """Return a planner for each course in Moodle, with the keys that it stands for: several may share a course."""
    found: dict[int | str, tuple[_CoursePlanner, list[str]]] = {}
    for course in courses:
        if course.key not in reachable:
            continue
        course_id = reachable[course.key]
        place = course.key if course_id is None else course_id
        if place in found:
            found[place][1].append(course.key)
            continue
        roster = NOBODY if course_id is None else observed.rosters.get(course_id)
        if roster is not None:  # else it could not be read: a problem says so, and nothing is planned on a guess
            planner = _CoursePlanner(course.key, course_id, roster, observed.read_at, respects_drift)
            found[place] = (planner, [course.key])
    return list(found.values())


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
        # One that we know and that isn't shown stands in the problems, so a person has to approve making it anew.
        if not course.managed:
            notes.append(Note("course_gone", course.key, course.course_id or 0, "the tied course is not in Moodle"))
        elif course.template_id is None:
            notes.append(Note("no_template", course.key, 0, "no template course is set for this Moodle"))
        else:
            changes.append(CourseChange(Kind.CREATE_COURSE, course, None))
            reachable[course.key] = None
        return
    reachable[course.key] = present.course_id
    if course.managed and differing_fields(course, present):
        changes.append(CourseChange(Kind.UPDATE_COURSE, course, present.course_id))


def _was_there(row: Owned) -> bool:
    """Tell whether Moodle should show the person of this row: it was read back, and nobody took it away since."""
    return not row.pending and row.drift is not Drift.REMOVED


_AS_WANTED = (False, False, Drift.NONE)
"""Not suspended, not pending, nothing done by hand: the rest of a row of ours that is as it should be."""

_Row = TypeVar("_Row", DesiredEnrolment, Owned)


def _joined_dates(rows: Iterable[DesiredEnrolment | Owned]) -> tuple[int, int]:
    """Return the earliest start and the latest end; an end of 0 is never."""
    starts, ends = zip(*((row.starts, row.ends) for row in rows), strict=True)
    return min(starts), 0 if 0 in ends else max(ends)


class _ByUser(Generic[_Row]):
    """Rows by user id: the first of each user, and all of those few who have several (a tuple for each would cost)."""

    def __init__(self) -> None:
        self.first: dict[int, _Row] = {}
        self.more: dict[int, list[_Row]] = {}

    def add(self, user_id: int, row: _Row) -> None:
        """Add a row of a user."""
        if self.first.setdefault(user_id, row) is not row:
            self.more.setdefault(user_id, [self.first[user_id]]).append(row)

    def of(self, user_id: int) -> Sequence[_Row]:
        """Return all rows of a user."""
        if user_id in self.more:
            return self.more[user_id]
        return [self.first[user_id]] if user_id in self.first else []


def differing_fields(course: DesiredCourse, present: ObservedCourse) -> list[str]:
    """Name what Moodle has otherwise than we want. Moodle gives names out for HTML: ``&`` as ``&amp;``."""
    pairs = {
        "idnumber": (course.key, present.idnumber),
        "fullname": (" ".join(course.fullname.split()), " ".join(html.unescape(present.fullname).split())),
        "startdate": (course.starts, present.starts),
        "enddate": (course.ends, present.ends),
        "visible": (course.visible, present.visible),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


class _CoursePlanner:
    """Plan the enrolments of one course.

    Moodle keeps one enrolment a person with dates and a suspension, and roles beside it; so all roles of a person in a
    course are written with the same dates, from the earliest start to the latest end.
    """

    def __init__(self, key: str, course_id: int | None, roster: CourseRoster, now: int, respects_drift: bool) -> None:
        self.key, self.course_id, self.now = key, course_id, now
        self.enrolled, self.inactive = roster
        self.respects_drift = respects_drift
        self.changes: list[EnrolmentChange] = []
        self.notes: list[Note] = []
        self.gone: list[Owned] = []
        self.seen: list[Owned] = []
        self.active = 0
        self.missing = Missing(0, 0)

    def plan(self, wanted: Iterable[DesiredEnrolment], rows: Iterable[Owned], users: Mapping[int, int]) -> None:
        """Collect this course's changes and notes: those who are to be in, then those who are not."""
        to_be: _ByUser[DesiredEnrolment] = _ByUser()
        for enrolment in wanted:
            user = users.get(enrolment[1])
            if user is not None:
                to_be.add(user, enrolment)
        ours: _ByUser[Owned] = _ByUser()
        taken_over = []
        for row in rows:
            if row.drift is Drift.REMOVED and row.user_id in self.enrolled:
                taken_over.append(row)  # unenrolled by hand, and enrolled since by somebody else
            else:
                ours.add(row[1], row)
        self.gone += sorted(taken_over)
        self._plan_wanted(to_be, ours)
        left = sorted(ours.first.keys() - to_be.first.keys())
        suspended = [user_id for user_id in left if self._leave(user_id, ours.of(user_id))]
        here = {user_id for user_id, row in ours.first.items() if not row.suspended}
        here |= {user_id for user_id, rows in ours.more.items() if not all(row.suspended for row in rows)}
        self.active = len((here & self.enrolled).union(suspended))
        written = {user_id for user_id, row in ours.first.items() if _was_there(row)}
        written |= {user_id for user_id, rows in ours.more.items() if any(map(_was_there, rows))}
        self.missing = Missing(len(written - self.enrolled), len(written))

    def _leave(self, user_id: int, had: Sequence[Owned]) -> bool:
        """Suspend somebody who is no longer wanted, in all their roles; tell whether there was a need to."""
        if user_id not in self.enrolled:
            self.gone += sorted(had)
            return False
        if self._is_active_all_the_same(user_id, had) or not any(map(self._to_be_suspended, had)):
            return False
        starts, ends = _joined_dates(had)
        for row in sorted(had):
            self._change(Kind.SUSPEND, user_id, row.role, starts, ends)
        return True

    def _is_active_all_the_same(self, user_id: int, had: Sequence[Owned]) -> bool:
        """Tell whether somebody whom we suspended is active and stays so; note it."""
        if any(row.pending or not row.suspended for row in had):
            return False
        if user_id in self.inactive:
            self._remember(had, Drift.NONE)
            return False
        elsewhere = any(row.drift is Drift.ELSEWHERE for row in had)
        text = "suspended, but active by another enrolment" if elsewhere else "suspended, but active in Moodle again"
        self.notes.append(Note("still_active" if elsewhere else "reactivated_by_hand", self.key, user_id, text))
        return elsewhere or self.respects_drift

    def _remember(self, rows: Iterable[Owned], drift: Drift) -> None:
        self.seen += sorted(row._replace(drift=drift) for row in rows if row.drift is not drift)

    def _plan_wanted(self, to_be: _ByUser[DesiredEnrolment], ours: _ByUser[Owned]) -> None:
        """Plan those who are to be in. What most of a million people need is decided at once, without a call."""
        enrolled, inactive = self.enrolled, self.inactive
        single, wants_more, had_more = ours.first, to_be.more, ours.more
        for user_id in sorted(to_be.first):
            want, row = to_be.first[user_id], single.get(user_id)
            if user_id not in wants_more and user_id not in had_more:
                _, _, role, starts, ends = want
                if row is None:
                    if user_id not in enrolled:
                        self._change(Kind.ENROL, user_id, role, starts, ends)
                        continue
                elif user_id in enrolled and user_id not in inactive and row[2:] == (role, starts, ends, *_AS_WANTED):
                    continue
            self._plan_person(user_id, to_be.of(user_id), ours.of(user_id))

    def _change(self, kind: Kind, user_id: int, role: Role, starts: int, ends: int) -> None:
        # As EnrolmentChange(…), in a third of its time: there may be a million of them.
        values = (kind, self.key, self.course_id, user_id, role, starts, ends)
        self.changes.append(tuple.__new__(EnrolmentChange, values))

    def _plan_person(self, user_id: int, wants: Sequence[DesiredEnrolment], had: Sequence[Owned]) -> None:
        if user_id in self.enrolled and not had:
            text = "enrolled by other means, not touched"
            if user_id in self.inactive:
                text = "enrolled by other means and not active there, not touched"
            self.notes.append(Note("enrolled_by_others", self.key, user_id, text))
            return
        drift = self._drift_of(user_id, had)
        if drift is not Drift.NONE:
            self.notes.append(Note(f"{drift}_by_hand", self.key, user_id, f"{drift} by hand in Moodle"))
            if self.respects_drift:
                self._remember(had, drift)
                return
        starts, ends = _joined_dates(wants)
        rows = {row.role: row for row in had}
        # Only unenrolling would take a role away: one that is no longer wanted stays while the person does.
        roles = {want.role for want in wants}
        if user_id in self.enrolled:
            for role in sorted(rows.keys() - roles):
                text = f"no longer {role.value} here, but stays in another role: take the role away in Moodle"
                self.notes.append(Note("role_kept", self.key, user_id, text))
            roles |= rows.keys()
        else:
            self.gone += sorted(rows[role] for role in rows.keys() - roles)
        for role in sorted(roles):
            kind = self._to_be_active(user_id, rows.get(role), (starts, ends))
            if kind is not None:
                self._change(kind, user_id, role, starts, ends)

    def _drift_of(self, user_id: int, had: Sequence[Owned]) -> Drift:
        """Say what somebody in Moodle did to an enrolment that we certainly wrote and that should be active."""
        if not had or any(row.pending or row.suspended for row in had):
            return Drift.NONE
        if user_id not in self.enrolled:
            return Drift.REMOVED
        if user_id in self.inactive and all(self._runs(row.starts, row.ends) for row in had):
            return Drift.SUSPENDED
        return Drift.NONE

    def _to_be_active(self, user_id: int, row: Owned | None, dates: tuple[int, int]) -> Kind | None:
        if user_id not in self.enrolled:
            return Kind.ENROL
        if row is None:  # a further role in an enrolment that is ours
            return Kind.UPDATE_ENROLMENT
        if row.suspended or (user_id in self.inactive and self._runs(row.starts, row.ends)):
            return Kind.REACTIVATE
        if row.pending or (row.starts, row.ends) != dates:
            return Kind.UPDATE_ENROLMENT
        self._remember([row], Drift.NONE)
        return None

    def _to_be_suspended(self, row: Owned) -> bool:
        """Tell whether somebody who is no longer wanted is to be suspended.

        Inactive within its dates can only mean suspended; out of its dates it proves nothing, and what was last
        written counts.
        """
        if row.pending or row.user_id not in self.inactive or row.drift is Drift.SUSPENDED:
            return True
        return not row.suspended and not self._runs(row.starts, row.ends)

    def _runs(self, starts: int, ends: int) -> bool:
        return runs(starts, ends, self.now)


def runs(starts: int, ends: int, now: int, *, margin: int = CLOCK_MARGIN) -> bool:
    """Tell whether an enrolment with these dates is certainly within them at ``now``. All in Unix seconds."""
    return starts < now - margin and (ends == 0 or ends > now + margin)
