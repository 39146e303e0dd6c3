"""Every web-service function in use, once: what for, what it needs, how much fits into a call.

The doctor, ``moodle functions`` and the administrator's guide are derived from this table.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Function(enum.StrEnum):
    """Name the web-service functions of Moodle that the tool calls.

    None unenrols, and none deletes a course, an account or a group. Deleted are course events of the tool's own making,
    and people of ours are taken out of groups of ours, which loses neither their enrolment nor their work.
    """

    SITE_INFO = "core_webservice_get_site_info"
    CATEGORIES = "core_course_get_categories"
    CREATE_CATEGORIES = "core_course_create_categories"
    COURSES_BY_FIELD = "core_course_get_courses_by_field"
    DUPLICATE_COURSE = "core_course_duplicate_course"
    UPDATE_COURSES = "core_course_update_courses"
    COURSE_CONTENTS = "core_course_get_contents"
    USERS_BY_FIELD = "core_user_get_users_by_field"
    SEARCH_USERS = "core_user_get_users"
    CREATE_USERS = "core_user_create_users"
    ENROLLED_USERS = "core_enrol_get_enrolled_users"
    ENROL_USERS = "enrol_manual_enrol_users"
    COURSE_GROUPS = "core_group_get_course_groups"
    GROUP_MEMBERS = "core_group_get_group_members"
    CREATE_GROUPS = "core_group_create_groups"
    ADD_GROUP_MEMBERS = "core_group_add_group_members"
    DELETE_GROUP_MEMBERS = "core_group_delete_group_members"
    CALENDAR_EVENTS = "core_calendar_get_calendar_events"
    CREATE_EVENTS = "core_calendar_create_calendar_events"
    DELETE_EVENTS = "core_calendar_delete_calendar_events"
    ACTIVITIES_COMPLETION = "core_completion_get_activities_completion_status"
    GRADE_ITEMS = "gradereport_user_get_grade_items"
    SEND_MESSAGES = "core_message_send_instant_messages"
    CALL_MANY = "tool_mobile_call_external_functions"


PHP_DEFAULT_FIELDS = 1000
"""Form fields that PHP takes in one call unless max_input_vars says otherwise; it drops the rest without a word."""


class FunctionFacts(NamedTuple):
    """Say what a function is for and how it may be called."""

    purpose: str
    capabilities: tuple[str, ...]
    writes: bool
    batch: int
    """Rows per call at most; 1 where a call takes no list."""
    fields_per_row: int
    """Form fields that one row takes: PHP drops fields past max_input_vars (1000 by default)."""
    optional: bool = False


SEE_PEOPLE = (
    "moodle/user:viewdetails",
    "moodle/user:viewalldetails",
    "moodle/user:viewhiddendetails",
    "moodle/course:useremail",
    "moodle/site:viewuseridentity",
)
"""Capabilities without which Moodle hides people, or the idnumbers and addresses by which they are found."""

FACTS: dict[Function, FunctionFacts] = {
    Function.SITE_INFO: FunctionFacts("who the token is, which functions its service has", (), False, 1, 0),
    Function.CATEGORIES: FunctionFacts(
        "find the category of a site, where each has its own",
        ("moodle/category:manage", "moodle/category:viewhiddencategories"),
        False,
        1,
        3,
        optional=True,
    ),
    Function.CREATE_CATEGORIES: FunctionFacts(
        "make the category of a site, where each has its own", ("moodle/category:manage",), True, 1, 3, optional=True
    ),
    Function.COURSES_BY_FIELD: FunctionFacts(
        "find a course by idnumber or short name", ("moodle/course:viewhiddencourses",), False, 1, 2
    ),
    Function.DUPLICATE_COURSE: FunctionFacts(
        "make the course of an intake out of the template",
        (
            "moodle/backup:backupcourse",
            "moodle/restore:restorecourse",
            "moodle/course:create",
            "moodle/restore:createuser",
        ),
        True,
        1,
        8,
    ),
    Function.UPDATE_COURSES: FunctionFacts(
        "set idnumber, name, dates and visibility",
        (
            "moodle/course:update",
            "moodle/course:changeidnumber",
            "moodle/course:changefullname",
            "moodle/course:changeshortname",
            "moodle/course:visibility",
        ),
        True,
        50,
        6,
    ),
    Function.COURSE_CONTENTS: FunctionFacts(
        "find the tool's link among the activities", ("moodle/course:view",), False, 1, 1
    ),
    Function.USERS_BY_FIELD: FunctionFacts(
        "find people by id, idnumber or e-mail",
        SEE_PEOPLE,
        False,
        500,
        1,
    ),
    Function.SEARCH_USERS: FunctionFacts(
        "find people whose e-mail Moodle spells in another case",
        SEE_PEOPLE,
        False,
        1,
        2,
        optional=True,
    ),
    Function.CREATE_USERS: FunctionFacts(
        "make accounts for people whom Moodle does not have, where this Moodle's setting allows it",
        ("moodle/user:create",),
        True,
        20,  # Moodle sends each of them a mail before it answers
        7,
        optional=True,
    ),
    Function.ENROLLED_USERS: FunctionFacts(
        "read who is enrolled and who is suspended",
        ("moodle/course:viewparticipants", "moodle/course:enrolreview", "moodle/site:accessallgroups"),
        False,
        1,
        6,
    ),
    Function.ENROL_USERS: FunctionFacts(
        "enrol, change dates, suspend, reactivate", ("enrol/manual:enrol", "moodle/role:assign"), True, 250, 6
    ),
    Function.COURSE_GROUPS: FunctionFacts(
        "find the groups of intakes that share a course", ("moodle/course:managegroups",), False, 1, 1, optional=True
    ),
    Function.GROUP_MEMBERS: FunctionFacts(
        "read who is in them", ("moodle/course:managegroups",), False, 50, 1, optional=True
    ),
    Function.CREATE_GROUPS: FunctionFacts(
        "make the group of an intake", ("moodle/course:managegroups",), True, 50, 4, optional=True
    ),
    Function.ADD_GROUP_MEMBERS: FunctionFacts(
        "put trainees into their intake's group", ("moodle/course:managegroups",), True, 200, 2, optional=True
    ),
    Function.DELETE_GROUP_MEMBERS: FunctionFacts(
        "take out who moved to another intake of the course",
        ("moodle/course:managegroups",),
        True,
        200,
        2,
        optional=True,
    ),
    Function.CALENDAR_EVENTS: FunctionFacts(
        "read course events of meetings", ("moodle/calendar:manageentries",), False, 100, 1, optional=True
    ),
    Function.CREATE_EVENTS: FunctionFacts(
        "put meetings into the course's calendar", ("moodle/calendar:manageentries",), True, 50, 7, optional=True
    ),
    Function.DELETE_EVENTS: FunctionFacts(
        "take out events of ours whose meeting was moved or cancelled",
        ("moodle/calendar:manageentries",),
        True,
        100,
        2,
        optional=True,
    ),
    Function.ACTIVITIES_COMPLETION: FunctionFacts(
        "read completion of activities", ("report/progress:view",), False, 1, 2
    ),
    Function.GRADE_ITEMS: FunctionFacts("read grades", ("gradereport/user:view", "moodle/grade:viewall"), False, 1, 2),
    Function.SEND_MESSAGES: FunctionFacts(
        "tell people of what concerns them by a message", ("moodle/site:sendmessage",), True, 1, 4, optional=True
    ),
    Function.CALL_MANY: FunctionFacts("pack many reads into one call", (), False, 50, 2, optional=True),
}


ONLY_WITH = {
    Function.CATEGORIES: "moodle set NAME --category-per-site",
    Function.CREATE_CATEGORIES: "moodle set NAME --category-per-site",
    Function.CREATE_USERS: "moodle accounts NAME --create",
}
"""Functions that are called only where a Moodle's setting asks for them, and the command that sets it."""


def needed_capabilities() -> list[str]:
    """Return every capability that the service's user needs, once, sorted; the service itself needs its own.

    What making accounts needs is not among them: ``moodle/user:create`` is given where they are made.
    """
    needed = {
        name
        for function, facts in FACTS.items()
        if function is not Function.CREATE_USERS
        for name in facts.capabilities
    }
    return sorted(needed | {"webservice/rest:use"})


def rows_per_call(function: Function, max_input_vars: int = PHP_DEFAULT_FIELDS) -> int:
    """Return how many rows fit into a call so that PHP drops none of its fields (5 are kept in reserve)."""
    facts = FACTS[function]
    if facts.fields_per_row == 0:
        return facts.batch
    return max(1, min(facts.batch, (max_input_vars - 5) // facts.fields_per_row))
