"""Courses, categories and what stands on a course page."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.errors import MoodleError, invalid_parameter, missing_record
from moodle_sync.sandbox.state import ROLES, SITE_COURSE, Category, Course, Module, State

from .completion import describe_activity
from .registry import Arguments, function
from .schema import INT, OPTIONS, TEXT, Many, Struct, Value, optional

FILTERS = ("displayh5p", "activitynames", "mathjaxloader", "emoticon", "urltolink", "mediaplugin")
PURPOSES = {"forum": "collaboration", "assign": "assessment", "page": "content", "lti": "other"}
PLURALS = {"forum": "Forums", "assign": "Assignments", "page": "Pages", "lti": "External tools"}


def sort_order(state: State, course: Course) -> int:
    """Number a course within its category; the newest comes first."""
    later = sum(1 for one in state.courses.values() if one.category == course.category and one.id > course.id)
    return course.category * 10000 + 1 + later


def describe(state: State, course: Course) -> dict[str, Any]:
    """Describe a course (recording courses_by_idnumber)."""
    category = state.categories.get(course.category)
    contacts = [
        {"id": user, "fullname": state.users[user].fullname}
        for user in sorted(state.roles[course.id])
        if ROLES["editingteacher"] in state.roles[course.id][user] and state.is_active(course.id, user)
    ]
    return {
        "id": course.id,
        "fullname": course.fullname,
        "displayname": course.fullname,
        "shortname": course.shortname,
        "courseimage": f"{state.site.url}/pluginfile.php/{course.id + 13}/course/generated/course.svg",
        "categoryid": course.category,
        "categoryname": category.name if category else "",
        "sortorder": sort_order(state, course),
        "summary": course.summary,
        "summaryformat": 0,
        "summaryfiles": [],
        "overviewfiles": [],
        "showactivitydates": False,
        "showcompletionconditions": True,
        "contacts": contacts,
        "enrollmentmethods": ["manual"] if course.id != SITE_COURSE else [],
        "idnumber": course.idnumber,
        "format": course.format,
        "showgrades": 1,
        "newsitems": 1,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "maxbytes": 0,
        "showreports": 0,
        "visible": course.visible,
        "groupmode": 0,
        "groupmodeforce": 0,
        "defaultgroupingid": 0,
        "enablecompletion": course.enablecompletion,
        "completionnotify": 0,
        "lang": "",
        "theme": "",
        "marker": 0,
        "legacyfiles": 0,
        "calendartype": "",
        "timecreated": course.timecreated,
        "timemodified": course.timemodified,
        "requested": 0,
        "cacherev": course.timemodified,
        "filters": [{"filter": name, "localstate": 0, "inheritedstate": 1} for name in FILTERS],
        "courseformatoptions": [
            {"name": "hiddensections", "value": 1},
            {"name": "coursedisplay", "value": 0},
            {"name": "indentation", "value": "1"},
        ],
    }


@function("core_course_get_courses_by_field", field=optional(TEXT, ""), value=optional(TEXT, ""))
def get_courses_by_field(state: State, arguments: Arguments) -> Any:
    """Find courses; no field means all of them, an idnumber or shortname at most one."""
    field, value = arguments["field"], arguments["value"]
    if field in ("id", "ids", "category"):
        try:
            wanted = {int(part) for part in value.split(",")}
        except ValueError:
            raise invalid_parameter() from None
        if field == "category":
            found = [course for course in state.courses.values() if course.category in wanted]
        else:
            found = [state.courses[key] for key in sorted(wanted & state.courses.keys())]
    elif field in ("shortname", "idnumber"):
        found = [course for course in state.courses.values() if getattr(course, field) == value] if value else []
    elif field == "":
        found = list(state.courses.values())
    else:
        raise invalid_parameter()
    return {"courses": [describe(state, course) for course in found], "warnings": []}


COURSE_FIELDS: dict[str, Value | Struct | Many] = {
    "summary": optional(TEXT),
    "summaryformat": optional(INT),
    "format": optional(TEXT),
    "showgrades": optional(INT),
    "newsitems": optional(INT),
    "startdate": optional(INT),
    "enddate": optional(INT),
    "numsections": optional(INT),
    "maxbytes": optional(INT),
    "showreports": optional(INT),
    "visible": optional(INT),
    "hiddensections": optional(INT),
    "groupmode": optional(INT),
    "groupmodeforce": optional(INT),
    "defaultgroupingid": optional(INT),
    "enablecompletion": optional(INT),
    "completionnotify": optional(INT),
    "lang": optional(TEXT),
    "courseformatoptions": OPTIONS,
    "customfields": Many(Struct({"shortname": TEXT, "value": TEXT}), default=[]),
}
LONGEST_CATEGORY_NAME, LONGEST_IDNUMBER = 255, 100
KEPT = ("summary", "format", "startdate", "enddate", "visible", "enablecompletion", "idnumber")


def _refuse_taken(state: State, shortname: str | None, idnumber: str | None, but: int = 0) -> None:
    for course in state.courses.values():
        if course.id == but:
            continue
        if shortname is not None and course.shortname == shortname:
            raise MoodleError("shortnametaken", f"Short name is already used for another course ({shortname})")
        if idnumber and course.idnumber == idnumber:
            raise MoodleError("courseidnumbertaken", f"ID number is already used for another course ({idnumber})")


@function(
    "core_course_create_courses",
    courses=Many(
        Struct(
            {"fullname": TEXT, "shortname": TEXT, "categoryid": INT, "idnumber": optional(TEXT, ""), **COURSE_FIELDS}
        )
    ),
)
def create_courses(state: State, arguments: Arguments) -> Any:
    """Make courses, all or none."""
    rows = arguments["courses"]
    shortnames: set[str] = set()
    idnumbers: set[str] = set()
    for row in rows:
        if row["categoryid"] not in state.categories:
            raise MoodleError("errorcatcontextnotvalid", "Category context not valid")
        if row["shortname"] in shortnames:
            raise MoodleError("shortnametaken", f"Short name is already used for another course ({row['shortname']})")
        if row["idnumber"] in idnumbers:
            raise MoodleError("courseidnumbertaken", "ID number is already used for another course")
        _refuse_taken(state, row["shortname"], row["idnumber"])
        shortnames.add(row["shortname"])
        idnumbers |= {row["idnumber"]} - {""}
    made = []
    for row in rows:
        course = actions.create_course(
            state,
            shortname=row["shortname"],
            fullname=row["fullname"],
            category=row["categoryid"],
            sections=1 + row.get("numsections", 0),
            **{name: row[name] for name in KEPT if name in row},
        )
        made.append({"id": course.id, "shortname": course.shortname})
    return made


@function(
    "core_course_update_courses",
    courses=Many(
        Struct(
            {
                "id": INT,
                "fullname": optional(TEXT),
                "shortname": optional(TEXT),
                "categoryid": optional(INT),
                "idnumber": optional(TEXT),
                **COURSE_FIELDS,
            }
        )
    ),
)
def update_courses(state: State, arguments: Arguments) -> Any:
    """Change courses, each for itself; what can't be done is a warning (recording course_update_absent)."""
    warnings = []
    for row in arguments["courses"]:
        try:
            _update_course(state, row)
        except MoodleError as error:
            warnings.append(
                {
                    "item": "course",
                    "itemid": row["id"],
                    "warningcode": error.errorcode,
                    "message": error.message,
                }
            )
    return {"warnings": warnings}


def _update_course(state: State, row: Arguments) -> None:
    course = state.courses.get(row["id"])
    if course is None:
        raise missing_record("course")
    if course.id == SITE_COURSE:
        raise MoodleError("invalidcourse", "Invalid course")
    _refuse_taken(state, row.get("shortname"), row.get("idnumber"), course.id)
    if "categoryid" in row:
        if row["categoryid"] not in state.categories:
            raise MoodleError("errorcatcontextnotvalid", "Category context not valid")
        course.category = row["categoryid"]
    startdate, enddate = row.get("startdate", course.startdate), row.get("enddate", course.enddate)
    if enddate and enddate < startdate:
        raise MoodleError("enddatebeforestartdate", "The course end date must be after the start date.")
    for name in ("fullname", "shortname", *KEPT):
        if name in row:
            setattr(course, name, row[name])
    course.timemodified = state.now()


@function(
    "core_course_duplicate_course",
    courseid=INT,
    fullname=TEXT,
    shortname=TEXT,
    categoryid=INT,
    visible=optional(INT, 1),
    options=OPTIONS,
)
def duplicate_course(state: State, arguments: Arguments) -> Any:
    """Copy a course; takes no idnumber (recording course_duplicate)."""
    original = state.courses.get(arguments["courseid"])
    if original is None or original.id == SITE_COURSE:
        raise MoodleError("invalidcourseid", "You are trying to use an invalid course ID")
    if arguments["categoryid"] not in state.categories:
        raise missing_record("course_categories")
    if state.site.locks_backup_of_people and any(option["name"] == "users" for option in arguments["options"]):
        raise MoodleError("setting_locked_by_permission", "Setting locked by permission")
    _refuse_taken(state, arguments["shortname"], None)
    copy = actions.duplicate_course(
        state,
        original,
        shortname=arguments["shortname"],
        fullname=arguments["fullname"],
        category=arguments["categoryid"],
        visible=arguments["visible"],
    )
    return {"id": copy.id, "shortname": copy.shortname}


def describe_category(state: State, category: Category) -> dict[str, Any]:
    """Describe a category (recording categories)."""
    path = [category]
    while path[0].parent:
        path.insert(0, state.categories[path[0].parent])
    return {
        "id": category.id,
        "name": category.name,
        "idnumber": category.idnumber,
        "description": category.description,
        "descriptionformat": 1,
        "parent": category.parent,
        "sortorder": category.id * 10000,
        "coursecount": sum(1 for course in state.courses.values() if course.category == category.id),
        "visible": category.visible,
        "visibleold": category.visible,
        "timemodified": category.timemodified,
        "depth": len(path),
        "path": "".join(f"/{one.id}" for one in path),
        "theme": "",
    }


@function(
    "core_course_get_categories",
    criteria=Many(Struct({"key": TEXT, "value": TEXT}), default=[]),
    addsubcategories=optional(INT, 1),
)
def get_categories(state: State, arguments: Arguments) -> Any:
    """List categories that meet all criteria; below them too, unless told otherwise."""
    found = dict(state.categories)
    for criterion in arguments["criteria"]:
        key, value = criterion["key"], criterion["value"]
        if key not in ("id", "ids", "name", "parent", "idnumber", "visible"):
            raise MoodleError("criteriaerror", "Missing permissions to search on a criterion.")
        values = value.split(",") if key == "ids" else [value]
        field = "id" if key == "ids" else key
        found = {
            number: one
            for number, one in found.items()
            if getattr(one, field) is not None and str(getattr(one, field)) in values
        }
    if arguments["criteria"] and arguments["addsubcategories"]:
        for one in sorted(state.categories.values(), key=lambda category: category.id):
            if one.parent in found:
                found[one.id] = one
    return [describe_category(state, found[number]) for number in sorted(found)]


@function(
    "core_course_create_categories",
    categories=Many(
        Struct(
            {
                "name": TEXT,
                "parent": optional(INT, 0),
                "idnumber": optional(TEXT),
                "description": optional(TEXT, ""),
                "descriptionformat": optional(INT),
                "theme": optional(TEXT),
            }
        )
    ),
)
def create_categories(state: State, arguments: Arguments) -> Any:
    """Make categories, all or none."""
    taken = {category.idnumber for category in state.categories.values()}
    for row in arguments["categories"]:
        if row["parent"] and row["parent"] not in state.categories:
            raise MoodleError("unknowcategory", "Category not known!")
        if not row["name"]:
            raise MoodleError("categorynamerequired", "Category name is required")
        if len(row["name"]) > LONGEST_CATEGORY_NAME:
            raise MoodleError("categorytoolong", "Category name is too long")
        if len(row.get("idnumber") or "") > LONGEST_IDNUMBER:
            raise MoodleError("idnumbertoolong", "ID number is too long")
        if row.get("idnumber") and row["idnumber"] in taken:
            raise MoodleError("categoryidnumbertaken", "ID number is already used for another category")
        taken.add(row.get("idnumber"))
    made = []
    for row in arguments["categories"]:
        category = Category(
            id=state.next_id("category"),
            name=row["name"],
            idnumber=row.get("idnumber") or None,
            parent=row["parent"],
            description=row["description"],
            timemodified=state.now(),
        )
        state.categories[category.id] = category
        made.append({"id": category.id, "name": category.name})
    return made


@function("core_course_get_contents", courseid=INT, options=OPTIONS)
def get_contents(state: State, arguments: Arguments) -> Any:
    """List a course's sections and activities (recordings course_contents)."""
    course = state.courses.get(arguments["courseid"])
    if course is None:
        raise missing_record("course")
    wanted = {option["name"]: option["value"] for option in arguments["options"]}
    modules = state.modules_of(course.id)
    if "modname" in wanted:
        modules = [module for module in modules if module.kind == wanted["modname"]]
    if "cmid" in wanted:
        modules = [module for module in modules if str(module.id) == wanted["cmid"]]
    return [
        {
            "id": section.id,
            "name": section.name,
            "visible": 1,
            "summary": "",
            "summaryformat": 1,
            "section": section.number,
            "hiddenbynumsections": 0,
            "uservisible": True,
            "component": None,
            "itemid": None,
            "modules": [_describe_module(state, one) for one in modules if one.section == section.number],
        }
        for section in course.sections
    ]


def _describe_module(state: State, module: Module) -> dict[str, Any]:
    tool = state.tools.get(module.tool) if module.tool is not None else None
    icon = f"{state.site.url}/theme/image.php/boost/{module.kind}/1795456224/monologo?filtericon=1"
    described: dict[str, Any] = {
        "id": module.id,
        "url": f"{state.site.url}/mod/{module.kind}/view.php?id={module.id}",
        "name": module.name,
        "instance": module.instance,
        "contextid": module.contextid,
        "visible": module.visible,
        "uservisible": True,
        "visibleoncoursepage": 1,
        "modicon": tool.logo_uri if tool and tool.logo_uri else icon,
        "modname": module.kind,
        "purpose": PURPOSES.get(module.kind, "other"),
        "branded": False,
        "modplural": PLURALS.get(module.kind, module.kind),
        "availability": None,
        "indent": 0,
        "onclick": "",
        "afterlink": None,
    }
    if module.kind == "forum":
        described["activitybadge"] = []
    described["customdata"] = '{"trackingtype":"1"}' if module.kind == "forum" else '""'
    described |= {"noviewlink": False, "completion": module.completion}
    if module.completion:
        described["completiondata"] = describe_activity(state, module, state.site.ws_user)
    return described | {"downloadcontent": 1, "dates": [], "groupmode": 0}
