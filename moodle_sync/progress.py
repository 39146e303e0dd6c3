"""Completion and grades, read from Moodle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from moodle_sync.assignments import AssignmentGrade, assignments_in
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson
from moodle_sync.functions import Function


class Progress(NamedTuple):
    """What Moodle says of one person in one course. ``read_at`` is Unix seconds."""

    course_id: int
    user_id: int
    activities_total: int
    """Tracked activities other than the tool's own link."""
    activities_complete: int
    link_complete: bool | None
    """Whether the tool's own link is complete; None where it isn't tracked."""
    link_grade: float | None
    """Grade on the tool's own link; None where there is none."""
    read_at: int
    assignments: tuple[AssignmentGrade, ...] = ()
    """The course's assignments, which stand in the same answer as the grade on the link."""


class ProgressFailure(NamedTuple):
    """Somebody whose progress could not be read, and why."""

    course_id: int
    user_id: int
    error: MoodleError


def read_progress(
    client: MoodleClient, course_id: int, user_ids: Sequence[int], *, now: int
) -> tuple[list[Progress], list[ProgressFailure]]:
    """Read completion of activities and the grade on the tool's link, packed many people to a call.

    The tool's own link is left out of the activities, since its score is what we give ourselves. A person whose
    progress or grade can't be read is reported and is no reason to stop: "not read" is not "none".
    """
    requests = [{"courseid": course_id, "userid": user_id} for user_id in user_ids]
    completions = client.read_many(Function.ACTIVITIES_COMPLETION, requests)
    grades = client.read_many(Function.GRADE_ITEMS, requests)
    found: list[Progress] = []
    failures: list[ProgressFailure] = []
    for user_id, completion, grade in zip(user_ids, completions, grades, strict=True):
        try:
            found.append(_progress(course_id, user_id, completion, grade, now))
        except MoodleError as error:
            failures.append(ProgressFailure(course_id, user_id, error))
    return found, failures


def _progress(course_id: int, user_id: int, completion: Any, grade: Any, now: int) -> Progress:
    for answer in (completion, grade):
        if isinstance(answer, MoodleError):
            raise answer
    try:
        tracked = [status for status in completion["statuses"] if status.get("hascompletion", True)]
        others = [status for status in tracked if status.get("modname") != "lti"]
        links = [status for status in tracked if status.get("modname") == "lti"]
        return Progress(
            course_id=course_id,
            user_id=user_id,
            activities_total=len(others),
            activities_complete=sum(map(_is_complete, others)),
            link_complete=any(map(_is_complete, links)) if links else None,
            link_grade=_link_grade(grade),
            read_at=now,
            assignments=assignments_in(grade, user_id),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("progress that can't be read", function=Function.ACTIVITIES_COMPLETION) from error


def _is_complete(status: dict[str, Any]) -> bool:
    """Tell whether an activity is complete: 1 complete, 2 passed; 3 is failed (recording completion_activities)."""
    return int(status.get("state", 0)) in (1, 2)


def _link_grade(body: dict[str, Any]) -> float | None:
    for person in body["usergrades"]:
        for item in person.get("gradeitems", []):
            if item.get("itemmodule") == "lti" and item.get("graderaw") is not None:
                return float(item["graderaw"])
    return None
