"""Groups."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox.errors import invalid_parameter, missing_record
from moodle_sync.sandbox.state import Group, State

from .registry import Arguments, function
from .schema import INT, TEXT, Many, Struct, optional

MEMBERS = Many(Struct({"groupid": INT, "userid": INT}))


def describe(group: Group, enrolmentkey: str | None) -> dict[str, Any]:
    """Describe a group; the answer to creating one says its empty key as "", a list says null."""
    return {
        "id": group.id,
        "courseid": group.course,
        "name": group.name,
        "description": group.description,
        "descriptionformat": 1,
        "enrolmentkey": enrolmentkey,
        "idnumber": group.idnumber,
        "visibility": 0,
        "participation": True,
    }


@function(
    "core_group_create_groups",
    groups=Many(
        Struct(
            {
                "courseid": INT,
                "name": TEXT,
                "description": TEXT,
                "descriptionformat": optional(INT),
                "enrolmentkey": optional(TEXT),
                "idnumber": optional(TEXT, ""),
                "visibility": optional(INT),
                "participation": optional(INT),
            }
        )
    ),
)
def create_groups(state: State, arguments: Arguments) -> Any:
    """Make groups, all or none; a name or idnumber that the course has already is refused."""
    taken = {(group.course, group.name) for group in state.groups.values()}
    numbers = {(group.course, group.idnumber) for group in state.groups.values() if group.idnumber}
    for row in arguments["groups"]:
        name, number = (row["courseid"], row["name"]), (row["courseid"], row["idnumber"])
        if row["courseid"] not in state.courses or not row["name"] or name in taken or number in numbers:
            raise invalid_parameter()
        taken.add(name)
        if row["idnumber"]:
            numbers.add(number)
    made = []
    for row in arguments["groups"]:
        group = Group(state.next_id("group"), row["courseid"], row["name"], row["description"], row["idnumber"])
        state.groups[group.id] = group
        made.append(describe(group, ""))
    return made


@function("core_group_get_course_groups", courseid=INT)
def get_course_groups(state: State, arguments: Arguments) -> Any:
    """List a course's groups."""
    if arguments["courseid"] not in state.courses:
        raise missing_record("course")
    return [describe(group, None) for group in state.groups.values() if group.course == arguments["courseid"]]


@function("core_group_get_group_members", groupids=Many(INT))
def get_group_members(state: State, arguments: Arguments) -> Any:
    """List the members of several groups."""
    if not set(arguments["groupids"]) <= state.groups.keys():
        raise missing_record("groups")
    return [{"groupid": key, "userids": sorted(state.groups[key].members)} for key in arguments["groupids"]]


@function("core_group_add_group_members", members=MEMBERS)
def add_group_members(state: State, arguments: Arguments) -> Any:
    """Add people to groups, all or none; who isn't enrolled is refused (recording group_add_notenrolled)."""
    for row in arguments["members"]:
        group = state.groups.get(row["groupid"])
        if group is None:
            raise missing_record("groups")
        if row["userid"] not in state.enrolments[group.course]:
            raise invalid_parameter()
    for row in arguments["members"]:
        members = state.groups[row["groupid"]].members
        if row["userid"] not in members:
            members.append(row["userid"])


@function("core_group_delete_group_members", members=MEMBERS)
def delete_group_members(state: State, arguments: Arguments) -> Any:
    """Take people out of groups; who isn't in it is no error."""
    if not {row["groupid"] for row in arguments["members"]} <= state.groups.keys():
        raise missing_record("groups")
    for row in arguments["members"]:
        members = state.groups[row["groupid"]].members
        if row["userid"] in members:
            members.remove(row["userid"])
