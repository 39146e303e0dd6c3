"""Templates of courses: found by id or short name; and whether they hold the tool's link, completed by a grade."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from typing import Any

from moodle_sync.changes import ChangePlan, CourseChange, Kind, Note
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson, TokenRefused, Unreachable
from moodle_sync.functions import Function
from moodle_sync.observe import courses_in

AUTOMATIC = 2
"""Completion by conditions; 1 is by hand, 0 none (recording ``course_contents``)."""
BY_GRADE = "completionusegrade"


class Link(enum.StrEnum):
    """Say what a template holds of the tool's link."""

    GOOD = "good"
    ABSENT = "template_without_link"
    NOT_BY_GRADE = "template_link_without_grade_completion"


FINDINGS = {
    Link.ABSENT: "holds no link of an external tool: add the tool's link to it, and to the courses made of it",
    Link.NOT_BY_GRADE: (
        "holds an external tool's link that a grade does not complete: "
        "set its activity completion to “receive a grade”, there and in the courses made of it"
    ),
}
"""What is amiss with a template's link, and what to do."""
UNREAD = "template_not_looked_at"


def field_of(name: str) -> str:
    """Tell whether an administrator named a template by ``id`` or by ``shortname``."""
    return "id" if name.isascii() and name.isdigit() else "shortname"


def find_templates(client: MoodleClient, names: Collection[str]) -> dict[str, int]:
    """Return the course ids of those templates that Moodle shows, by the name they were given. Packed.

    Raises a MoodleError.
    """
    asked = sorted(names)
    answers = client.read_many(Function.COURSES_BY_FIELD, [{"field": field_of(name), "value": name} for name in asked])
    for answer in answers:
        if isinstance(answer, Unreachable | NotJson | TokenRefused):
            raise answer
    # What Moodle refuses of one name (a number that is none of a course) says nothing of the others.
    found = {
        name: [] if isinstance(answer, MoodleError) else courses_in(answer)
        for name, answer in zip(asked, answers, strict=True)
    }
    return {name: courses[0].course_id for name, courses in found.items() if courses}


def link_in(contents: Any) -> Link:
    """Judge what stands on a course's page (recording ``course_contents``). Raises NotJson.

    Moodle doesn't tell whose tool a link leads to; so one good link of any tool is enough.
    """
    try:
        links = [module for section in contents for module in section["modules"] if module["modname"] == "lti"]
        if any(_is_completed_by_grade(module) for module in links):
            return Link.GOOD
    except (KeyError, TypeError, AttributeError) as error:
        raise NotJson("a course page that can't be read", function=Function.COURSE_CONTENTS) from error
    return Link.NOT_BY_GRADE if links else Link.ABSENT


def _is_completed_by_grade(module: Mapping[str, Any]) -> bool:
    details = (module.get("completiondata") or {}).get("details") or []
    return module.get("completion") == AUTOMATIC and any(rule.get("rulename") == BY_GRADE for rule in details)


def notes_on_templates(client: MoodleClient, plan: ChangePlan) -> list[Note]:
    """Look at the templates of which ``plan`` makes courses, and note whose link is amiss. Packed; one read each.

    What can't be read is noted too. Raises a MoodleError where Moodle as a whole can't be asked.
    """
    used = {
        change.course.template_id: change.course.template_name or str(change.course.template_id)
        for change in plan.changes
        if isinstance(change, CourseChange) and change.kind is Kind.CREATE_COURSE
    }
    answers = client.read_many(Function.COURSE_CONTENTS, [{"courseid": template_id} for template_id in used])
    notes = []
    for name, answer in zip(used.values(), answers, strict=True):
        if isinstance(answer, Unreachable | TokenRefused):
            raise answer
        try:
            if isinstance(answer, MoodleError):
                raise answer
            link = link_in(answer)
        except MoodleError as error:
            notes.append(Note(UNREAD, "", 0, f"the template {name} could not be looked at ({error.errorcode})"))
            continue
        if link is not Link.GOOD:
            notes.append(Note(link.value, "", 0, f"the template {name} {FINDINGS[link]}"))
    return sorted(notes)
