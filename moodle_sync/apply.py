"""Carry a plan out: intent first, then the write, then reading back; an outcome for each change."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from moodle_sync.categories import find_category, make_category
from moodle_sync.client import MoodleClient
from moodle_sync.errors import (
    LOCKED_CODE,
    ROLE_CODE,
    WHOLE_CODES,
    MoodleError,
    NotJson,
    RejectedBatch,
    TokenRefused,
    Unreachable,
    WriteOutcomeUnknown,
)
from moodle_sync.event_writer import write_events
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.group_writer import write_groups
from moodle_sync.observe import courses_in, enrolled_ids, still_so
from moodle_sync.outcomes import (
    NO_CATEGORY,
    NO_COURSE,
    NOT_THERE,
    NOT_TRIED,
    STILL_ACTIVE,
    UNKNOWN,
    Outcome,
    halves,
)
from moodle_sync.outcomes import Patience as _Patience
from moodle_sync.outcomes import failed as _failed
from moodle_sync.outcomes import failure as _failure
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
    differing_fields,
    runs,
)
from moodle_sync.roster import NOBODY, CourseRoster, DesiredCourse, ObservedCourse, Role

RoleIds = Mapping[Role, int]
"""Moodle's role ids; 5 (student) and 3 (editingteacher) unless a Moodle was changed."""

__all__ = ["Journal", "Outcome", "apply_plan", "leave_plan", "make_categories"]

READ_BACK_IN_FULL = 100
"""Changes of one course up to which each of them is read back; of more, a sample."""


class Journal(Protocol):
    """Remember durably what is meant and what was done; called from several threads. What it raises ends the run."""

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        """Remember, before the write, that these enrolments (with their ``course_id``) are going to be ours.

        Called before every write, without changes where it isn't about enrolments: whoever may write no more raises.
        """

    def intend_events(self, changes: Sequence[EventChange]) -> None:
        """Remember, before the write, that these events (with their ``course_id``) are going to be ours."""

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what became of changes, each exactly once."""


def apply_plan(
    client: MoodleClient,
    plan: ChangePlan,
    journal: Journal,
    *,
    role_ids: RoleIds,
    now: int,
    rosters: Mapping[int, CourseRoster] | None = None,
    address: str = "",
) -> None:
    """Carry out ``plan``: categories, courses, then enrolments in batches, several at once, groups, events.

    Accounts are made before, by ``new_users.make_users``: the enrolments of the new users need a plan of their own.
    What was written is read back. ``now`` is Unix seconds; ``rosters`` what was read before (``Observed.rosters``);
    ``address`` what the addresses of meetings begin with (``EventScope.address``). Every change gets exactly one
    outcome in the journal. A MoodleError never escapes: it becomes the outcome of the changes that it concerns.
    """
    patience = _Patience()
    course_ids: dict[str, int | None] = {}
    enrolments: list[EnrolmentChange] = []
    groups: list[GroupChange] = []
    events: list[EventChange] = []
    for change in make_categories(client, plan, journal, patience).changes:
        if isinstance(change, EnrolmentChange):
            enrolments.append(change)
        elif isinstance(change, GroupChange):
            groups.append(change)
        elif isinstance(change, EventChange):
            events.append(change)
        elif isinstance(change, CourseChange):
            journal.intend(())
            outcome = _apply_course(client, journal, change, patience)
            course_ids[change.course.key] = outcome.course_id
            journal.record([outcome])
    placed, lost = _place(enrolments, course_ids)
    placed_events, lost_events = _place(events, course_ids)
    unplaced: list[Change] = [*lost, *lost_events]
    if unplaced:
        journal.record([_failed(change, None, *NO_COURSE) for change in unplaced])
    _EnrolmentWriter(client, journal, role_ids=role_ids, now=now, patience=patience, rosters=rosters or {}).write(
        placed
    )
    write_groups(client, journal, groups, patience=patience)
    write_events(client, journal, placed_events, patience=patience, address=address)


def make_categories(
    client: MoodleClient, plan: ChangePlan, journal: Journal, patience: _Patience | None = None
) -> ChangePlan:
    """Make the categories of ``plan``; return the rest, its courses with the ids of the categories that were made."""
    patience = patience or _Patience()
    category_ids: dict[str, int] = {}
    left: list[Change] = []
    for change in plan.changes:
        if isinstance(change, CategoryChange):
            journal.intend(())
            journal.record([_apply_category(client, change, patience, category_ids)])
        else:
            left.append(_within(change, category_ids) if isinstance(change, CourseChange) else change)
    return ChangePlan(left)


def leave_plan(plan: ChangePlan, journal: Journal) -> None:
    """Record what ``apply_plan`` would do as not tried: Moodle was found to be down by somebody else."""
    left = [change for change in plan.changes if not isinstance(change, UserChange)]
    journal.record([_failed(change, change.course_id, *NOT_TRIED) for change in left])


_Placed = TypeVar("_Placed", EnrolmentChange, EventChange)


def _place(changes: Sequence[_Placed], course_ids: Mapping[str, int | None]) -> tuple[list[_Placed], list[_Placed]]:
    placed: list[_Placed] = []
    lost: list[_Placed] = []
    for change in changes:
        course_id = change.course_id if change.course_id is not None else course_ids.get(change.course_key)
        if course_id is None:
            lost.append(change)
        else:
            placed.append(change._replace(course_id=course_id))
    return placed, lost


# --- categories and courses -------------------------------------------------------------------------------------------


def _apply_category(
    client: MoodleClient, change: CategoryChange, patience: _Patience, category_ids: dict[str, int]
) -> Outcome:
    """Make a category; put its id into ``category_ids`` once Moodle shows it."""
    if patience.is_over:
        return _failed(change, None, *NOT_TRIED)
    try:
        make_category(client, change.category)
        category_id = find_category(client, change.category.key)
    except MoodleError as error:
        patience.note(error)
        return _failure(change, None, error)
    patience.note(None)
    if category_id is None:
        return _failed(change, None, *NOT_THERE)
    category_ids[change.category.key] = category_id
    return Outcome(change, None, True)


def _within(change: CourseChange, category_ids: Mapping[str, int]) -> CourseChange:
    """Tell a course to be made the id of its category, if that was made by the same plan."""
    key = change.course.category_key
    if key not in category_ids:
        return change
    return change._replace(course=change.course._replace(category_id=category_ids[key], category_key=""))


def _apply_course(client: MoodleClient, journal: Journal, change: CourseChange, patience: _Patience) -> Outcome:
    course, course_id = change.course, change.course_id
    if patience.is_over:
        return _failed(change, course_id, *NOT_TRIED)
    if course.category_key:
        return _failed(change, course_id, *NO_CATEGORY)
    try:
        if course_id is None:
            course_id = _make_course(client, course)
            journal.intend(())  # copying takes minutes
        _set_course(client, course_id, course)
        present = _find_course(client, "id", str(course_id))
    except MoodleError as error:
        patience.note(error)
        return _failure(change, change.course_id, error)
    patience.note(None)
    if present is None or (present.idnumber != course.key and not course.is_over):
        return _failed(change, change.course_id, *NOT_THERE)
    if differing := differing_fields(course, present):
        text = f"Moodle accepted the change, but gives back another {', '.join(differing)}"
        return _failed(
            change, course_id, NOT_THERE[0], text, "Compare the course's settings and its format's in Moodle."
        )
    return Outcome(change, course_id, True)


def _make_course(client: MoodleClient, course: DesiredCourse) -> int:
    """Copy the template, without people. A copy that was begun before is found again by its short name."""
    try:
        body = _copy_template(client, course)
        if isinstance(body, dict) and isinstance(body.get("id"), int):
            return int(body["id"])
        raise WriteOutcomeUnknown("an answer without the new course's id", function=Function.DUPLICATE_COURSE)
    except WriteOutcomeUnknown:
        present = _find_course(client, "shortname", course.shortname)
        if present is None:
            raise
    except MoodleError as error:
        present = _find_course(client, "shortname", course.shortname) if error.errorcode == "shortnametaken" else None
        if present is None:
            raise
    if present.idnumber not in ("", course.key):
        raise MoodleError(
            f"the short name {course.shortname} belongs to course {present.course_id}", errorcode="shortnametaken"
        )
    return present.course_id


def _copy_template(client: MoodleClient, course: DesiredCourse) -> Any:
    """Copy without people. Raises a MoodleError.

    An account that may not back up people (it lacks moodle/backup:userinfo or moodle/backup:configure) has that setting
    locked at "without", and Moodle 4.5 refuses to have it said again.
    """
    values = {
        "courseid": course.template_id,
        "fullname": course.fullname,
        "shortname": course.shortname,
        "categoryid": course.category_id,
        "visible": 0,
    }
    try:
        return client.call(Function.DUPLICATE_COURSE, **values, options=[{"name": "users", "value": 0}])
    except MoodleError as error:
        if error.errorcode != LOCKED_CODE:
            raise
    return client.call(Function.DUPLICATE_COURSE, **values)


def _set_course(client: MoodleClient, course_id: int, course: DesiredCourse) -> None:
    row: dict[str, Any] = {"id": course_id, "visible": int(course.visible)}
    if not course.is_over:
        row |= {
            "idnumber": course.key,
            "fullname": course.fullname,
            "startdate": course.starts,
            "enddate": course.ends,
        }
    try:
        client.call(Function.UPDATE_COURSES, courses=[row])
    except WriteOutcomeUnknown:
        client.call(Function.UPDATE_COURSES, courses=[row])  # the same values again do no harm


def _find_course(client: MoodleClient, field: str, value: str) -> ObservedCourse | None:
    body = client.call(Function.COURSES_BY_FIELD, field=field, value=value)
    return next(iter(courses_in(body)), None)


# --- enrolments ----------------------------------------------------------------------------------------------------


class _EnrolmentWriter:
    """Write enrolments in batches, read each course back once its last batch is through, record what became of it.

    Batches are cut when their turn comes, as large as the server bears then; courses take turns, so that none waits for
    the whole of another.

    What the journal raises ends the run: what was begun comes to its end, no more is sent, and ``write`` raises it.
    """

    def __init__(
        self,
        client: MoodleClient,
        journal: Journal,
        *,
        role_ids: RoleIds,
        now: int,
        patience: _Patience,
        rosters: Mapping[int, CourseRoster],
    ) -> None:
        self._client, self._journal, self._role_ids, self._now = client, journal, role_ids, now
        self._patience, self._rosters = patience, rosters
        self._lock = threading.Lock()
        self._waiting: dict[int, deque[EnrolmentChange]] = {}
        self._turns: deque[int] = deque()
        self._open: dict[int, int] = defaultdict(int)
        self._answered: dict[int, list[EnrolmentChange]] = defaultdict(list)
        self._refused: dict[int, list[Outcome]] = defaultdict(list)
        self._error: BaseException | None = None

    def write(self, changes: Sequence[EnrolmentChange]) -> None:
        for change in changes:
            self._waiting.setdefault(_course_of(change), deque()).append(change)
        self._turns.extend(self._waiting)
        self._client.map(lambda _number: self._work(), range(self._client.pace.most))
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while batch := self._next_batch():
            self._write_batch(batch)

    def _next_batch(self) -> list[EnrolmentChange]:
        """Cut the next batch from the course whose turn it is; nothing once all is under way, or the run is over."""
        most = rows_per_call(Function.ENROL_USERS, self._client.max_input_vars)
        size = self._client.pace.rows(Function.ENROL_USERS, most)
        with self._lock:
            if self._error is not None or not self._turns:
                return []
            course_id = self._turns.popleft()
            rows = self._waiting[course_id]
            batch = [rows.popleft() for _ in range(min(size, len(rows)))]
            if rows:
                self._turns.append(course_id)
            self._open[course_id] += 1
            return batch

    def _write_batch(self, batch: list[EnrolmentChange]) -> None:
        course_id = _course_of(batch[0])
        try:
            if self._patience.is_over:
                self._refuse(course_id, [_failed(change, course_id, *NOT_TRIED) for change in batch])
            else:
                self._journal.intend(batch)
                self._send(batch)
            self._finish(course_id)
        except BaseException as error:  # raised again by write, once every thread has come to its end
            with self._lock:
                self._error = self._error or error

    def _send(self, batch: list[EnrolmentChange], *, again: bool = True) -> None:
        course_id = _course_of(batch[0])
        try:
            self._call(batch)
        except WriteOutcomeUnknown as error:
            self._send_what_is_missing(batch, error, again=again)
        except RejectedBatch as refusal:
            for piece in _pieces(batch, refusal.cause):
                if self._error is None:
                    self._send(piece, again=again)
        except MoodleError as error:
            self._patience.note(error)
            # After a lost answer the first call may still be at work in Moodle, whatever the second one met.
            refused = [
                _failure(change, course_id, error) if again else _failed(change, course_id, *UNKNOWN)
                for change in batch
            ]
            self._refuse(course_id, refused)
        else:
            self._patience.note(None)
            with self._lock:
                self._answered[course_id].extend(batch)

    def _send_what_is_missing(self, batch: list[EnrolmentChange], error: MoodleError, *, again: bool) -> None:
        """Read back after a lost answer; send once more what isn't certainly there."""
        course_id = _course_of(batch[0])
        try:
            present = self._present(course_id, batch)
        except MoodleError:
            self._patience.note(error)
            self._refuse(course_id, [_failure(change, course_id, error) for change in batch])
            return
        # Only who was not there before and now is proves that the call went through. Dates can't be read back, and
        # inactivity may come from them: anything else is sent again, since the same values twice do no harm.
        there = {change for change in batch if change in present and change.kind is Kind.ENROL}
        with self._lock:
            self._answered[course_id].extend(there)
        missing = [change for change in batch if change not in there]
        if missing and again:
            self._send(missing, again=False)
        elif missing:
            self._patience.note(error)
            self._refuse(course_id, [_failure(change, course_id, error) for change in missing])

    def _call(self, batch: Sequence[EnrolmentChange]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "roleid": self._role_ids[change.role],
                "userid": change.user_id,
                "courseid": change.course_id,
                # Always all of them: what is left out becomes 0, and a suspended person active (recording enrol_again).
                "timestart": change.starts,
                "timeend": change.ends,
                "suspend": int(change.suspended),
            }
            for change in batch
        ]
        try:
            self._client.call(Function.ENROL_USERS, enrolments=rows)
            self._client.pace.carried(Function.ENROL_USERS, len(batch), self._client.seconds)
        except (WriteOutcomeUnknown, TokenRefused, Unreachable, NotJson):
            self._client.pace.carried(Function.ENROL_USERS, len(batch), None)
            raise
        except MoodleError as error:
            # One transaction: a single bad row and nobody is enrolled (recording enrol_partial_bad_user).
            if len(batch) == 1 or error.errorcode in WHOLE_CODES or not _pieces(batch, error):
                raise
            raise RejectedBatch(error, len(batch)) from error

    def _refuse(self, course_id: int, outcomes: list[Outcome]) -> None:
        with self._lock:
            self._refused[course_id].extend(outcomes)

    def _finish(self, course_id: int) -> None:
        with self._lock:
            self._open[course_id] -= 1
            if self._open[course_id] or self._waiting[course_id] or self._error is not None:
                return
            answered, outcomes = self._answered.pop(course_id, []), self._refused.pop(course_id, [])
        if answered:
            outcomes = outcomes + self._read_back(course_id, answered)
        self._journal.record(outcomes)

    def _read_back(self, course_id: int, answered: Sequence[EnrolmentChange]) -> list[Outcome]:
        """Read back all of a course's changes; of many at once a sample, and all if that isn't as it should be."""
        try:
            if len(answered) > READ_BACK_IN_FULL and self._sample_agrees(course_id, answered):
                return [Outcome(change, course_id, True) for change in answered]
            present = self._present(course_id, answered)
        except MoodleError as error:
            self._patience.note(error)
            return [_failed(change, course_id, *UNKNOWN) for change in answered]
        return [
            Outcome(change, course_id, True)
            if change in present
            else _failed(change, course_id, *(STILL_ACTIVE if change.suspended else NOT_THERE))
            for change in answered
        ]

    def _sample_agrees(self, course_id: int, answered: Sequence[EnrolmentChange]) -> bool:
        """Tell whether probes find as many people as should be there now, and the right ones at places by chance.

        Raises a MoodleError. Where somebody else's change or an enrolment that begins just now makes the expectation
        wrong, the probes disagree, and everything is read.
        """
        enrolled, inactive = (set(ids) for ids in self._rosters.get(course_id, NOBODY))
        for change in answered:
            enrolled.add(change.user_id)
            if change.suspended or not runs(change.starts, change.ends, self._now, margin=0):
                inactive.add(change.user_id)
            else:
                inactive.discard(change.user_id)
        expected = {course_id: CourseRoster(frozenset(enrolled), frozenset(inactive))}
        return still_so(self._client, expected) == expected

    def _present(self, course_id: int, changes: Sequence[EnrolmentChange]) -> set[EnrolmentChange]:
        """Return those of ``changes`` that Moodle shows to be so, as far as it shows it."""
        enrolled = enrolled_ids(self._client, course_id)
        inactive = enrolled_ids(self._client, course_id, only="onlysuspended")
        return {
            change
            for change in changes
            if change.user_id in enrolled
            and (change.user_id in inactive if change.suspended else self._may_be_active(change, inactive))
        }

    def _may_be_active(self, change: EnrolmentChange, inactive: frozenset[int]) -> bool:
        return change.user_id not in inactive or not runs(change.starts, change.ends, self._now)


def _pieces(batch: Sequence[EnrolmentChange], error: MoodleError) -> list[list[EnrolmentChange]]:
    """Part a refused batch so that the row at fault is left alone in the end; nothing, if that can't be done.

    A role that may not be given is every row's fault that has it, so that batch is parted by roles.
    """
    if error.errorcode == ROLE_CODE:
        by_role: dict[Role, list[EnrolmentChange]] = defaultdict(list)
        for change in batch:
            by_role[change.role].append(change)
        return list(by_role.values()) if len(by_role) > 1 else []
    return halves(batch)


def _course_of(change: EnrolmentChange) -> int:
    if change.course_id is None:
        raise ValueError("an enrolment without its course can't be written")
    return change.course_id
