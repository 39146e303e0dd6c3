"""Enrolments and rosters."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.errors import MoodleError, coding_error, invalid_parameter, invalid_user, missing_record
from moodle_sync.sandbox.state import COURSE_ROLES, ROLE_NAMES, SITE_COURSE, Course, State, User

from .completion import is_tracked
from .courses import sort_order
from .grades import trim
from .registry import Arguments, function
from .schema import BOOL, INT, OPTIONS, Many, Struct, optional
from .users import picture


def _course(state: State, number: int) -> Course:
    course = state.courses.get(number)
    if course is None:
        raise missing_record("course")
    return course


@function(
    "enrol_manual_enrol_users",
    enrolments=Many(
        Struct(
            {
                "roleid": INT,
                "userid": INT,
                "courseid": INT,
                "timestart": optional(INT, 0),
                "timeend": optional(INT, 0),
                "suspend": optional(BOOL, False),
            }
        )
    ),
)
def enrol_users(state: State, arguments: Arguments) -> Any:
    """Enrol people in one transaction; what is left out is overwritten with nothing (README, Web-service quirks)."""
    for row in arguments["enrolments"]:
        if row["courseid"] not in state.courses:
            raise invalid_parameter()
        if row["userid"] not in state.users:
            raise invalid_user()
        if row["roleid"] not in COURSE_ROLES or row["roleid"] in state.site.unassignable_roles:
            raise MoodleError(
                "wsusercannotassign",
                f"You don't have the permission to assign this role ({row['roleid']}) "
                f"to this user ({row['userid']}) in this course ({row['courseid']}).",
            )
        if row["courseid"] == SITE_COURSE:
            raise MoodleError(
                "wsnoinstance",
                "Manual enrolment plugin instance doesn't exist or is disabled for the course "
                f"(id = {row['courseid']})",
            )
    for row in arguments["enrolments"]:
        actions.enrol(
            state,
            row["courseid"],
            row["userid"],
            row["roleid"],
            suspended=row["suspend"],
            timestart=row["timestart"],
            timeend=row["timeend"],
        )


@function(
    "enrol_manual_unenrol_users",
    enrolments=Many(Struct({"userid": INT, "courseid": INT, "roleid": optional(INT)})),
)
def unenrol_users(state: State, arguments: Arguments) -> Any:
    """Unenrol people; one who isn't enrolled is no error (recording unenrol_absent)."""
    for row in arguments["enrolments"]:
        if row["courseid"] not in state.courses or row["userid"] not in state.users:
            raise invalid_parameter()
    for row in arguments["enrolments"]:
        actions.unenrol(state, row["courseid"], row["userid"])


@function("core_enrol_get_course_enrolment_methods", courseid=INT)
def get_course_enrolment_methods(state: State, arguments: Arguments) -> Any:
    """List what people could enrol themselves by: manual enrolment isn't among it (recording course_enrol_methods)."""
    _course(state, arguments["courseid"])
    return []


ROSTER_OPTIONS = (
    "withcapability", "groupid", "onlyactive", "onlysuspended", "userfields", "limitfrom", "limitnumber", "sortby",
    "sortdirection",
)  # fmt: skip
SORTS = ("id", "firstname", "lastname", "siteorder")


@function("core_enrol_get_enrolled_users", courseid=INT, options=OPTIONS)
def get_enrolled_users(state: State, arguments: Arguments) -> Any:
    """List a course's people; who is suspended isn't said (README, Web-service quirks).

    `onlysuspended` gives all who are not active, also those whose dates lie ahead or are past (recording
    enrolled_onlysuspended).
    """
    options = {option["name"]: option["value"] for option in arguments["options"]}
    if not options.keys() <= set(ROSTER_OPTIONS):
        raise invalid_parameter()
    course = _course(state, arguments["courseid"])
    users = _chosen(state, course, options)
    offset, limit = _whole(options.get("limitfrom", "0")), _whole(options.get("limitnumber", "0"))
    users = users[offset : offset + limit] if limit else users[offset:]
    fields = set(filter(None, options.get("userfields", "").split(",")))
    if fields and not fields & {"groups", "roles", "enrolledcourses", "lastcourseaccess"}:
        return [_brief(state, user, fields) for user in users]
    described = [_describe(state, course, user) for user in users]
    if fields:
        kept = fields | {"id", "fullname"}
        return [{name: value for name, value in one.items() if name in kept} for one in described]
    return described


def _whole(value: str) -> int:
    if not value.isdecimal():
        raise invalid_parameter()
    return int(value)


def _chosen(state: State, course: Course, options: dict[str, str]) -> list[User]:
    """Pick and sort the people asked for."""
    active, suspended = options.get("onlyactive", "0") == "1", options.get("onlysuspended", "0") == "1"
    if active and suspended:
        raise coding_error("Both onlyactive and onlysuspended are set, this is probably not what you want!")
    now = state.now()
    ways = state.enrolments[course.id]
    ids = sorted(ways)
    if active or suspended:
        ids = [user for user in ids if any(way.active(now) for way in ways[user].values()) is active]
    if int(options.get("groupid") or 0):
        group = state.groups.get(int(options["groupid"]))
        if group is None or group.course != course.id:
            raise invalid_parameter()
        ids = [user for user in ids if user in group.members]
    users = [state.users[user] for user in ids]
    sortby = options.get("sortby", "id")
    if sortby not in SORTS:
        raise invalid_parameter()
    if sortby in ("lastname", "siteorder"):
        users.sort(key=lambda user: (user.lastname, user.firstname, user.id))
    elif sortby == "firstname":
        users.sort(key=lambda user: (user.firstname, user.lastname, user.id))
    if options.get("sortdirection", "ASC").upper() == "DESC":
        users.reverse()
    return users


def _brief(state: State, user: User, fields: set[str]) -> dict[str, Any]:
    """Describe a person by account fields alone; id and fullname always come (recording enrolled_fields)."""
    described: dict[str, Any] = {"id": user.id}
    for name in ("username", "firstname", "lastname"):
        if name in fields:
            described[name] = getattr(user, name)
    described["fullname"] = user.fullname
    if "email" in fields:
        described["email"] = user.email
    if "department" in fields:
        described["department"] = ""
    if "idnumber" in fields and user.idnumber:
        described["idnumber"] = user.idnumber
    for name in ("firstaccess", "lastaccess"):
        if name in fields:
            described[name] = getattr(user, name)
    for name, size in (("profileimageurlsmall", 2), ("profileimageurl", 1)):
        if name in fields:
            described[name] = picture(state, size)
    return described


ACCOUNT_FIELDS = {
    "username", "firstname", "lastname", "email", "department", "idnumber", "firstaccess", "lastaccess",
}  # fmt: skip


def _describe(state: State, course: Course, user: User) -> dict[str, Any]:
    """Describe a person in a course with everything that Moodle tells (recordings enrolled_*)."""
    described = _brief(state, user, ACCOUNT_FIELDS)
    described["lastcourseaccess"] = state.course_access[course.id].get(user.id, 0)
    described |= {"profileimageurlsmall": picture(state, 2), "profileimageurl": picture(state, 1)}
    groups = [
        {"id": group.id, "name": group.name, "description": group.description, "descriptionformat": 1}
        for group in state.groups.values()
        if group.course == course.id and user.id in group.members
    ]
    if groups:
        described["groups"] = groups
    described["roles"] = [
        {"roleid": role, "name": "", "shortname": ROLE_NAMES[role], "sortorder": 0}
        for role in state.role_ids(course.id, user.id)
    ]
    described["enrolledcourses"] = [
        {"id": one.id, "fullname": one.fullname, "shortname": one.shortname}
        for one in courses_of(state, user.id)
        if one.visible
    ]
    return described


def courses_of(state: State, user: int) -> list[Course]:
    """List the courses in which a person is active now, as Moodle sorts them: visible first, then by sort order."""
    found = [state.courses[number] for number in list(state.enrolments) if state.is_active(number, user)]
    return sorted(found, key=lambda course: (-course.visible, sort_order(state, course)))


@function("core_enrol_get_users_courses", userid=INT, returnusercount=optional(BOOL, True))
def get_users_courses(state: State, arguments: Arguments) -> Any:
    """List a person's courses with progress (recording user_courses)."""
    user = arguments["userid"]
    if user not in state.users:
        raise invalid_user()
    answer = []
    for course in courses_of(state, user):
        described: dict[str, Any] = {
            "id": course.id,
            "shortname": course.shortname,
            "fullname": course.fullname,
            "displayname": course.fullname,
        }
        if arguments["returnusercount"]:
            described["enrolledusercount"] = len(state.enrolments[course.id])
        answer.append(described | _my_course(state, course, user))
    return answer


def _my_course(state: State, course: Course, user: int) -> dict[str, Any]:
    tracked = is_tracked(state, course.id, user)
    asked = [module for module in state.modules_of(course.id) if module.completion]
    done = sum(1 for module in asked if actions.is_complete(state, module, user))
    return {
        "idnumber": course.idnumber,
        "visible": course.visible,
        "summary": course.summary,
        "summaryformat": 0,
        "format": course.format,
        "courseimage": f"{state.site.url}/pluginfile.php/{course.id + 13}/course/generated/course.svg",
        "showgrades": True,
        "lang": "",
        "enablecompletion": bool(course.enablecompletion),
        "completionhascriteria": bool(course.criteria),
        "completionusertracked": tracked,
        "category": course.category,
        "progress": trim(round(100 * done / len(asked), 1)) if asked and tracked else None,
        "completed": actions.course_complete(state, course, user),
        "startdate": course.startdate,
        "enddate": course.enddate,
        "marker": 0,
        "lastaccess": state.course_access[course.id].get(user),
        "isfavourite": False,
        "hidden": False,
        "overviewfiles": [],
        "showactivitydates": False,
        "showcompletionconditions": True,
        "timemodified": course.timemodified,
    }
