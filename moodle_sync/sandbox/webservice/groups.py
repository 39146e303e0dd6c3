"""Groups."""

from __future__ import annotations

import html
from typing import Any

from moodle_sync.sandbox.errors import (
    MoodleError,
    invalid_course_context,
    invalid_parameter,
    invalid_user,
    missing_record,
    refuse_tags,
)
from moodle_sync.sandbox.state import Group, State

from .registry import Arguments, function
from .schema import INT, TEXT, Many, Struct, optional

MEMBERS = Many(Struct({"groupid": INT, "userid": INT}))


def describe(group: Group, *, made: bool) -> dict[str, Any]:
    """Describe a group; a new one as it was sent and with the empty key as "", in a list for HTML and with null."""
    return {
        "id": group.id,
        "courseid": group.course,
        "name": group.name if made else html.escape(group.name, quote=False),
        "description": group.description,
        "descriptionformat": 1,
        "enrolmentkey": "" if made else None,
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
        refuse_tags(row["name"])
        if row["courseid"] not in state.courses or not row["name"].strip() or name in taken:
            raise invalid_parameter()
        if number in numbers:
            raise MoodleError("idnumbertaken", "ID number is already used for another course")
        taken.add(name)
        if row["idnumber"]:
            numbers.add(number)
    made = []
    for row in arguments["groups"]:
        group = Group(state.next_id("group"), row["courseid"], row["name"], row["description"], row["idnumber"])
        state.groups[group.id] = group
        made.append(describe(group, made=True))
    return made


@function("core_group_get_course_groups", courseid=INT)
def get_course_groups(state: State, arguments: Arguments) -> Any:
    """List a course's groups."""
    if arguments["courseid"] not in state.courses:
        raise invalid_course_context(arguments["courseid"])
    return [describe(group, made=False) for group in state.groups.values() if group.course == arguments["courseid"]]


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
    if not {row["userid"] for row in arguments["members"]} <= state.users.keys():
        raise invalid_user()
    for row in arguments["members"]:
        members = state.groups[row["groupid"]].members
        if row["userid"] in members:
            members.remove(row["userid"])
