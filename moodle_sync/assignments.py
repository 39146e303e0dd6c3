"""Assignments of a course and the grades on them, as Moodle's grade report of a person names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson
from moodle_sync.functions import Function


class AssignmentGrade(NamedTuple):
    """What Moodle says of one person's work on one assignment. ``submitted_at`` is Unix seconds."""

    user_id: int
    cmid: int
    name: str
    grade: float | None
    """On the assignment's own scale, up to ``grade_max``; None where nobody graded it."""
    grade_max: float | None
    """None where the course doesn't show ranges in its reports (a teacher may switch that off): then nobody is told."""
    submitted_at: int | None
    """When it was handed in, where Moodle tells it."""


class GradesFailure(NamedTuple):
    """Somebody whose grades could not be read, and why."""

    course_id: int
    user_id: int
    error: MoodleError


def read_assignments(
    client: MoodleClient, wanted: Sequence[tuple[int, int]]
) -> tuple[dict[tuple[int, int], tuple[AssignmentGrade, ...]], list[GradesFailure]]:
    """Read the assignments of people in courses (course id, user id), packed many to a call.

    Who can't be read is reported and left out: "not read" is not "none".
    """
    requests = [{"courseid": course_id, "userid": user_id} for course_id, user_id in wanted]
    found: dict[tuple[int, int], tuple[AssignmentGrade, ...]] = {}
    failures: list[GradesFailure] = []
    for (course_id, user_id), answer in zip(wanted, client.read_many(Function.GRADE_ITEMS, requests), strict=True):
        try:
            if isinstance(answer, MoodleError):
                raise answer
            found[course_id, user_id] = assignments_in(answer, user_id)
        except MoodleError as error:
            failures.append(GradesFailure(course_id, user_id, error))
    return found, failures


def assignments_in(body: Any, user_id: int) -> tuple[AssignmentGrade, ...]:
    """Return the assignments in a person's grade report (recording ``grades``). Raises NotJson.

    An assignment without a grade has no column in the gradebook, and isn't in it.
    """
    try:
        return tuple(_graded(body["usergrades"], user_id))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("grades that can't be read", function=Function.GRADE_ITEMS) from error


def _graded(people: Iterable[dict[str, Any]], user_id: int) -> Iterable[AssignmentGrade]:
    for person in people:
        for item in person["gradeitems"]:
            if item.get("itemmodule") != "assign" or item.get("itemnumber") != 0 or not item.get("cmid"):
                continue
            grade, most, submitted = item.get("graderaw"), item.get("grademax"), item.get("gradedatesubmitted")
            yield AssignmentGrade(
                user_id=user_id,
                cmid=int(item["cmid"]),
                name=str(item.get("itemname") or ""),
                grade=None if grade is None else float(grade),
                grade_max=None if most is None else float(most),
                submitted_at=int(submitted) if submitted else None,
            )
