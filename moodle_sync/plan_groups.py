"""Pure: what should be done to the groups of intakes that share a course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from moodle_sync.changes import EnrolmentChange, GroupChange, Kind, Note, Reason
from moodle_sync.groups import ObservedGroups, group_name
from moodle_sync.roster import DesiredCourse, DesiredEnrolment, Owned, Role


def plan_groups(
    course_id: int,
    sharing: Sequence[DesiredCourse],
    wanted: Mapping[str, Sequence[DesiredEnrolment]],
    *,
    users: Mapping[int, int],
    enrolled: frozenset[int],
    owned: Iterable[Owned],
    changes: Iterable[EnrolmentChange],
    observed: ObservedGroups,
) -> tuple[list[GroupChange], list[Note]]:
    """Plan the groups of one shared course: a group an intake, its trainees in it.

    Only people whom the tool enrolled there are put in or out: out if their place is in another intake of the course
    now. Who left the course altogether is suspended and stays in the group, so that a leader still finds their work.
    """
    if course_id in observed.unread:
        return [], [Note("groups_not_read", sharing[0].key, 0, observed.unread[course_id])]
    coming = {change.user_id for change in changes if change.kind is Kind.ENROL}
    ours = ({row.user_id for row in owned} & enrolled) | coming
    trainees = {
        course.key: {
            users[row.person_key]
            for row in wanted.get(course.key, ())
            if row.role is Role.TRAINEE and row.person_key in users
        }
        & ours
        for course in sharing
    }
    everybody = set().union(*trainees.values())
    made: list[GroupChange] = []
    added: list[GroupChange] = []
    removed: list[GroupChange] = []
    grouped = {
        user_id
        for course in sharing
        if (group := observed.groups.get((course_id, course.key)))
        for user_id in group.members
    }
    for course in sharing:
        group, name = observed.groups.get((course_id, course.key)), group_name(course)
        members = group.members if group else frozenset()
        number = group.group_id if group else None
        if group is None:
            made.append(GroupChange(Kind.CREATE_GROUP, course.key, course_id, None, 0, name, Reason.SHARED_COURSE))
        for user_id in sorted(trainees[course.key] - members):
            why = Reason.MOVED_INTAKE if user_id in grouped else Reason.SHARED_COURSE
            added.append(GroupChange(Kind.ADD_TO_GROUP, course.key, course_id, number, user_id, name, why))
        for user_id in sorted((everybody - trainees[course.key]) & members):
            why = Reason.MOVED_INTAKE
            removed.append(GroupChange(Kind.REMOVE_FROM_GROUP, course.key, course_id, number, user_id, name, why))
    return made + added + removed, []
