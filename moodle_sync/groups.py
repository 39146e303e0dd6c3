"""Pure: groups of intakes that share a course. A group is ours where its idnumber is our key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from moodle_sync.roster import DesiredCourse, ObservedCourse


class ObservedGroup(NamedTuple):
    """A group of ours as Moodle has it."""

    group_id: int
    members: frozenset[int]


class ObservedGroups(NamedTuple):
    """Groups of ours by course id and key; ``unread``: courses whose groups could not be read, and why."""

    groups: Mapping[tuple[int, str], ObservedGroup]
    unread: Mapping[int, str]


NO_GROUPS = ObservedGroups({}, {})


def shared_courses(
    desired: Iterable[DesiredCourse], courses: Mapping[str, ObservedCourse]
) -> dict[int, list[DesiredCourse]]:
    """Return the Moodle courses that stand for several of ours, which are sorted by key; by course id."""
    found: dict[int, list[DesiredCourse]] = {}
    for course in sorted(desired, key=lambda one: one.key):
        if course.key in courses:
            found.setdefault(courses[course.key].course_id, []).append(course)
    return {course_id: sharing for course_id, sharing in found.items() if len(sharing) > 1}


def group_name(course: DesiredCourse) -> str:
    """Return the name of an intake's group: no other in the course can have it, since it begins with the key."""
    text = f"{course.key}: {course.fullname}".replace("<", "‹").replace(">", "›")
    return " ".join(text.split())[:250].rstrip()
