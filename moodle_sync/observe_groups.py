"""Read the groups of intakes that share a course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson
from moodle_sync.functions import Function, rows_per_call
from moodle_sync.groups import NO_GROUPS, ObservedGroup, ObservedGroups, shared_courses
from moodle_sync.roster import DesiredCourse, ObservedCourse

GROUP_FUNCTIONS = frozenset(
    {
        Function.COURSE_GROUPS,
        Function.GROUP_MEMBERS,
        Function.CREATE_GROUPS,
        Function.ADD_GROUP_MEMBERS,
        Function.DELETE_GROUP_MEMBERS,
    }
)


def read_groups(
    client: MoodleClient, desired: Iterable[DesiredCourse], courses: Mapping[str, ObservedCourse]
) -> ObservedGroups:
    """Read our groups in shared courses: courses packed many to a call, members of 50 groups in one.

    Nothing is read where no course is shared. What can't be read is named in ``unread``; no MoodleError escapes.
    """
    shared = shared_courses(desired, courses)
    if not shared:
        return NO_GROUPS
    try:
        if lacking := GROUP_FUNCTIONS - client.functions():
            return ObservedGroups({}, dict.fromkeys(shared, f"the service lacks {', '.join(sorted(lacking))}"))
        ids, unread = group_ids(client, {key: [one.key for one in sharing] for key, sharing in shared.items()})
        members = members_of(client, sorted(ids.values()))
    except MoodleError as error:
        return ObservedGroups({}, dict.fromkeys(shared, str(error)))
    return ObservedGroups({place: ObservedGroup(number, members[number]) for place, number in ids.items()}, unread)


def group_ids(
    client: MoodleClient, keys: Mapping[int, Iterable[str]]
) -> tuple[dict[tuple[int, str], int], dict[int, str]]:
    """Return the numbers of our groups by course id and key, and the courses that can't be read. Raises MoodleError."""
    courses = sorted(keys)
    answers = client.read_many(Function.COURSE_GROUPS, [{"courseid": course_id} for course_id in courses])
    found: dict[tuple[int, str], int] = {}
    unread: dict[int, str] = {}
    for course_id, answer in zip(courses, answers, strict=True):
        if isinstance(answer, MoodleError):
            unread[course_id] = str(answer)
            continue
        ours = set(keys[course_id])
        for body in _list(answer):
            idnumber = str(_field(body, "idnumber") or "")
            if idnumber in ours:
                found[course_id, idnumber] = int(_field(body, "id"))
    return found, unread


def members_of(client: MoodleClient, group_ids: list[int]) -> dict[int, frozenset[int]]:
    """Return who is in each of these groups, many groups a call. Raises MoodleError."""
    size = rows_per_call(Function.GROUP_MEMBERS, client.max_input_vars)
    chunks = [group_ids[start : start + size] for start in range(0, len(group_ids), size)]
    answers = client.map(lambda chunk: client.call(Function.GROUP_MEMBERS, groupids=chunk), chunks)
    found = {
        int(_field(body, "groupid")): frozenset(int(user) for user in _list(_field(body, "userids")))
        for answer in answers
        for body in _list(answer)
    }
    if found.keys() != set(group_ids):
        raise NotJson("members of some groups are missing in the answer", function=Function.GROUP_MEMBERS)
    return found


def _list(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise NotJson("groups that can't be read", function=Function.COURSE_GROUPS)
    return answer


def _field(body: Any, name: str) -> Any:
    if not isinstance(body, dict) or name not in body:
        raise NotJson("groups that can't be read", function=Function.COURSE_GROUPS)
    return body[name]
