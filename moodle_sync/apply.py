"""Carry a plan out: intent first, then the write, then reading back; an outcome for each change."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from moodle_sync.client import MoodleClient
from moodle_sync.errors import (
    MoodleError,
    NotJson,
    RejectedBatch,
    TokenRefused,
    Unreachable,
    WriteOutcomeUnknown,
)
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.observe import courses_in, enrolled_ids
from moodle_sync.plan import CLOCK_MARGIN, Change, ChangePlan, CourseChange, EnrolmentChange, Kind
from moodle_sync.roster import DesiredCourse, ObservedCourse, Role

RoleIds = Mapping[Role, int]
"""Moodle's role ids; 5 (student) and 3 (editingteacher) unless a Moodle was changed."""

NOT_THERE = ("not_there", "Moodle accepted the change, but it was not there when read back", "")
UNKNOWN = ("outcome_unknown", "Moodle gave no answer and could not be read back")
STILL_ACTIVE = (
    "still_active",
    "suspended, but still active: the person is enrolled in this course by other means too",
    "End the person's other enrolment in Moodle, if it should end.",
)
NO_COURSE = ("no_course", "the course could not be made, so nobody was enrolled in it")


class Outcome(NamedTuple):
    """Say what became of a change. ``course_id`` is Moodle's, also for a course made now."""

    change: Change
    course_id: int | None
    done: bool
    errorcode: str = ""
    message: str = ""
    remedy: str = ""

    @property
    def certain_failure(self) -> bool:
        """Tell whether the change failed and Moodle said so: nothing of it can have been done."""
        return not self.done and self.errorcode not in (UNKNOWN[0], NOT_THERE[0], STILL_ACTIVE[0])


class Journal(Protocol):
    """Remember durably what is meant and what was done; called from several threads. What it raises ends the run."""

    def intend(self, changes: Sequence[EnrolmentChange]) -> None:
        """Remember, before the write, that these enrolments (with their ``course_id``) are going to be ours."""

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what became of changes, each exactly once."""


def apply_plan(client: MoodleClient, plan: ChangePlan, journal: Journal, *, role_ids: RoleIds, now: int) -> None:
    """Carry out ``plan`` in its order: courses, then enrolments in batches, several at once; then read back.

    ``now`` is Unix seconds. Every change gets exactly one outcome in the journal. A MoodleError never escapes: it
    becomes the outcome of the changes that it concerns.
    """
    course_ids: dict[str, int | None] = {}
    enrolments: list[EnrolmentChange] = []
    for change in plan.changes:
        if isinstance(change, EnrolmentChange):
            enrolments.append(change)
        else:
            outcome = _apply_course(client, change)
            course_ids[change.course.key] = outcome.course_id
            journal.record([outcome])
    placed, lost = _place(enrolments, course_ids)
    if lost:
        journal.record([_failed(change, None, *NO_COURSE) for change in lost])
    _EnrolmentWriter(client, journal, role_ids, now).write(placed)


def _place(
    enrolments: Sequence[EnrolmentChange], course_ids: Mapping[str, int | None]
) -> tuple[list[EnrolmentChange], list[EnrolmentChange]]:
    placed, lost = [], []
    for change in enrolments:
        course_id = change.course_id if change.course_id is not None else course_ids.get(change.course_key)
        if course_id is None:
            lost.append(change)
        else:
            placed.append(change._replace(course_id=course_id))
    return placed, lost


def _failed(change: Change, course_id: int | None, errorcode: str, message: str, remedy: str = "") -> Outcome:
    return Outcome(change, course_id, False, errorcode, message, remedy or MoodleError.remedy)


def _failure(change: Change, course_id: int | None, error: MoodleError) -> Outcome:
    cause = error.cause if isinstance(error, RejectedBatch) else error
    return _failed(change, course_id, cause.errorcode, str(cause), cause.remedy)


# --- courses -------------------------------------------------------------------------------------------------------


def _apply_course(client: MoodleClient, change: CourseChange) -> Outcome:
    course, course_id = change.course, change.course_id
    try:
        if course_id is None:
            course_id = _make_course(client, course)
        _set_course(client, course_id, course)
        present = _find_course(client, "id", str(course_id))
    except MoodleError as error:
        return _failure(change, None if change.kind is Kind.CREATE_COURSE else course_id, error)
    if present is None or present.idnumber != course.key:
        return _failed(change, None, *NOT_THERE)
    return Outcome(change, course_id, True)


def _make_course(client: MoodleClient, course: DesiredCourse) -> int:
    """Copy the template, without people. A copy that was begun before is found again by its short name."""
    try:
        body = client.call(
            Function.DUPLICATE_COURSE,
            courseid=course.template_id,
            fullname=course.fullname,
            shortname=course.shortname,
            categoryid=course.category_id,
            visible=0,
            options=[{"name": "users", "value": 0}],
        )
        return int(body["id"])
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


def _set_course(client: MoodleClient, course_id: int, course: DesiredCourse) -> None:
    row = {
        "id": course_id,
        "idnumber": course.key,
        "fullname": course.fullname,
        "startdate": course.starts,
        "enddate": course.ends,
        "visible": int(course.visible),
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
    """Write enrolments in batches, read each course back once its last batch is through, record what became of it."""

    def __init__(self, client: MoodleClient, journal: Journal, role_ids: RoleIds, now: int) -> None:
        self._client, self._journal, self._role_ids, self._now = client, journal, role_ids, now
        self._lock = threading.Lock()
        self._open: dict[int, int] = defaultdict(int)
        self._answered: dict[int, list[EnrolmentChange]] = defaultdict(list)
        self._refused: dict[int, list[Outcome]] = defaultdict(list)
        self._error: BaseException | None = None

    def write(self, changes: Sequence[EnrolmentChange]) -> None:
        size = rows_per_call(Function.ENROL_USERS, self._client.max_input_vars)
        by_course: dict[int, list[EnrolmentChange]] = defaultdict(list)
        for change in changes:
            by_course[_course_of(change)].append(change)
        batches = []
        for course_id, rows in by_course.items():
            pieces = [rows[start : start + size] for start in range(0, len(rows), size)]
            self._open[course_id] = len(pieces)
            batches.extend(pieces)
        self._client.map(self._write_batch, batches)
        if self._error is not None:
            raise self._error

    def _write_batch(self, batch: list[EnrolmentChange]) -> None:
        if self._error is not None:  # the run is over: what was not begun is left to the next one
            return
        try:
            self._journal.intend(batch)
            self._send(batch)
            self._finish(_course_of(batch[0]))
        except BaseException as error:  # raised again by write, once every thread has come to its end
            with self._lock:
                self._error = self._error or error

    def _send(self, batch: list[EnrolmentChange], *, again: bool = True) -> None:
        course_id = _course_of(batch[0])
        try:
            self._call(batch)
        except WriteOutcomeUnknown as error:
            self._send_what_is_missing(batch, error, again=again)
        except (TokenRefused, Unreachable, NotJson) as error:
            self._refuse(course_id, [_failure(change, course_id, error) for change in batch])
        except MoodleError as error:
            # One transaction: a single bad row and nobody is enrolled (recording enrol_partial_bad_user).
            if len(batch) == 1:
                self._refuse(course_id, [_failure(batch[0], course_id, error)])
            else:
                half = len(batch) // 2
                self._send(batch[:half], again=again)
                self._send(batch[half:], again=again)
        else:
            with self._lock:
                self._answered[course_id].extend(batch)

    def _send_what_is_missing(self, batch: list[EnrolmentChange], error: MoodleError, *, again: bool) -> None:
        """Read back after a lost answer; send once more what isn't there."""
        course_id = _course_of(batch[0])
        try:
            present = self._present(course_id, batch)
        except MoodleError:
            self._refuse(course_id, [_failed(change, course_id, *UNKNOWN, error.remedy) for change in batch])
            return
        # New dates can't be read back, so a change of dates is sent again; the same values twice do no harm.
        there = [change for change in batch if change in present and change.kind is not Kind.UPDATE_ENROLMENT]
        with self._lock:
            self._answered[course_id].extend(there)
        done = set(there)
        missing = [change for change in batch if change not in done]
        if missing and again:
            self._send(missing, again=False)
        elif missing:
            self._refuse(course_id, [_failed(change, course_id, *UNKNOWN, error.remedy) for change in missing])

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
        self._client.call(Function.ENROL_USERS, enrolments=rows)

    def _refuse(self, course_id: int, outcomes: list[Outcome]) -> None:
        with self._lock:
            self._refused[course_id].extend(outcomes)

    def _finish(self, course_id: int) -> None:
        with self._lock:
            self._open[course_id] -= 1
            if self._open[course_id]:
                return
            answered, outcomes = self._answered.pop(course_id, []), self._refused.pop(course_id, [])
        if answered:
            outcomes = outcomes + self._read_back(course_id, answered)
        self._journal.record(outcomes)

    def _read_back(self, course_id: int, answered: Sequence[EnrolmentChange]) -> list[Outcome]:
        try:
            present = self._present(course_id, answered)
        except MoodleError as error:
            return [_failed(change, course_id, *UNKNOWN, error.remedy) for change in answered]
        return [
            Outcome(change, course_id, True)
            if change in present
            else _failed(change, course_id, *(STILL_ACTIVE if change.suspended else NOT_THERE))
            for change in answered
        ]

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
        runs = change.starts < self._now - CLOCK_MARGIN and (change.ends == 0 or change.ends > self._now + CLOCK_MARGIN)
        return change.user_id not in inactive or not runs


def _course_of(change: EnrolmentChange) -> int:
    if change.course_id is None:
        raise ValueError("an enrolment without its course can't be written")
    return change.course_id
