"""Filling a new sandbox from a seed; the format is told in the docstring of `moodle_sync.sandbox`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from . import actions
from .state import (
    ADMIN,
    GUEST,
    ROLES,
    SITE_COURSE,
    Category,
    Course,
    Group,
    Module,
    Site,
    State,
    Tool,
    User,
)


class SeedError(ValueError):
    """A seed that can't be used; the text names the place."""


DEFAULT_SEED: dict[str, Any] = {
    "categories": [{"name": "Стажировочные площадки", "idnumber": "SITES"}],
    "courses": [
        {
            "shortname": "TEMPLATE",
            "fullname": "Шаблон стажировки",
            "idnumber": "TEMPLATE",
            "category": "Стажировочные площадки",
            "activities": [
                {"kind": "page", "name": "О стажировке", "completion": "none"},
                {"kind": "assign", "name": "Продукт стажёра: разработка урока", "completion": "manual"},
            ],
        }
    ],
}

ACTIVITY_KEYS = {
    "kind", "name", "idnumber", "completion", "section", "description", "tool", "custom", "maximum", "visible",
}  # fmt: skip
COURSE_KEYS = {
    "id", "shortname", "fullname", "idnumber", "category", "summary", "startdate", "enddate", "visible",
    "enablecompletion", "sections", "activities", "criteria",
}  # fmt: skip
ENROLMENT_KEYS = {"user", "course", "role", "timestart", "timeend", "suspended", "method"}
USER_KEYS = {field.name for field in fields(User)}
TOOL_KEYS = {field.name for field in fields(Tool)}
SITE_KEYS = {field.name for field in fields(Site)} - {"url", "ws_user"}
GROUP_KEYS = {"course", "name", "idnumber", "description", "members"}
CATEGORY_KEYS = {"id", "name", "idnumber", "parent", "description"}


def check_keys(place: str, row: Any, allowed: set[str], required: set[str]) -> Mapping[str, Any]:
    """Refuse a row with keys that are unknown or missing."""
    if not isinstance(row, Mapping):
        raise SeedError(f"{place}: an object is expected")
    unknown, missing = sorted(set(row) - allowed), sorted(required - set(row))
    if unknown:
        raise SeedError(f"{place}: unknown {', '.join(unknown)}")
    if missing:
        raise SeedError(f"{place}: {', '.join(missing)} missing")
    return row


def build_state(seed: Mapping[str, Any] | None, url: str, clock: Callable[[], float]) -> State:
    """Make the state that a seed describes; raises `SeedError` naming the first thing that is wrong."""
    seed = DEFAULT_SEED if seed is None else seed
    parts = {"site", "users", "categories", "tools", "courses", "groups", "enrolments"}
    check_keys("seed", seed, parts, set())
    site = check_keys("site", seed.get("site", {}), SITE_KEYS, set())
    state = State(site=Site(url=url, **site), clock=clock)
    _standing_people(state)
    for number, row in enumerate(seed.get("users", [])):
        _add_user(state, f"users[{number}]", row)
    _add_categories(state, seed.get("categories", []))
    for number, row in enumerate(seed.get("tools", [])):
        add_tool(state, f"tools[{number}]", row)
    for number, row in enumerate(seed.get("courses", [])):
        _add_course(state, f"courses[{number}]", row)
    for number, row in enumerate(seed.get("enrolments", [])):
        add_enrolment(state, f"enrolments[{number}]", row)
    for number, row in enumerate(seed.get("groups", [])):
        _add_group(state, f"groups[{number}]", row)
    return state


def _standing_people(state: State) -> None:
    """Make what every Moodle has: guest, administrator, and here the web service's own account."""
    host = "example.org"
    admin = ("Админ", "Системы") if state.site.lang == "ru" else ("Admin", "User")
    for user in (
        User(GUEST, "guest", "Гость", " ", f"root@{host}"),
        User(ADMIN, "admin", *admin, f"admin@{host}", admin=True),
        User(state.site.ws_user, "wsbot", "WS", "Bot", f"wsbot@{host}"),
    ):
        user.lang = state.site.lang
        state.add_user(user)
        state.reserve_id("user", user.id)
    state.courses[SITE_COURSE] = Course(SITE_COURSE, state.site.shortname, state.site.sitename, 0, format="site")
    state.reserve_id("course", SITE_COURSE)


def _add_user(state: State, place: str, row: Any) -> None:
    row = dict(check_keys(place, row, USER_KEYS, {"username", "firstname", "lastname", "email"}))
    number = row.pop("id", None)
    if number is None and row["username"] in ("admin", "wsbot"):
        number = ADMIN if row["username"] == "admin" else state.site.ws_user
    if number in (ADMIN, state.site.ws_user):
        state.change_user(state.users[number], row)
        return
    if number in state.users or state.user_index["username"].get(row["username"]):
        raise SeedError(f"{place}: id or username is taken")
    number = number or state.next_id("user")
    state.reserve_id("user", number)
    state.add_user(User(id=number, **{"lang": state.site.lang, **row}))


def _add_categories(state: State, rows: Any) -> None:
    if not rows:
        rows = [{"name": "Категория 1" if state.site.lang == "ru" else "Category 1"}]
    for number, given in enumerate(rows):
        row = dict(check_keys(f"categories[{number}]", given, CATEGORY_KEYS, {"name"}))
        key = row.pop("id", None) or state.next_id("category")
        parent = row.pop("parent", 0)
        state.reserve_id("category", key)
        category = Category(id=key, timemodified=state.now(), **row)
        category.parent = find_category(state, parent) if parent else 0
        state.categories[key] = category


def find_category(state: State, wanted: Any) -> int:
    """Find a category by id, idnumber or name."""
    for category in state.categories.values():
        if wanted in (category.id, category.idnumber, category.name):
            return category.id
    raise SeedError(f"no category {wanted!r}")


def find_course(state: State, wanted: Any) -> Course:
    """Find a course by id, shortname or idnumber."""
    for course in state.courses.values():
        if wanted and wanted in (course.id, course.shortname, course.idnumber):
            return course
    raise SeedError(f"no course {wanted!r}")


def find_user(state: State, wanted: Any) -> User:
    """Find a person by id, username or idnumber."""
    if isinstance(wanted, int) and wanted in state.users:
        return state.users[wanted]
    for name in ("username", "idnumber"):
        found = state.user_index[name].get(wanted) if wanted else None
        if found:
            return state.users[min(found)]
    raise SeedError(f"no user {wanted!r}")


def add_tool(state: State, place: str, row: Any) -> Tool:
    """Add a tool that need not register itself."""
    needed = {"name", "client_id", "login_url", "redirect_uris", "target_link_uri"}
    row = dict(check_keys(place, row, TOOL_KEYS, needed))
    number = row.pop("id", None) or state.next_id("tool")
    state.reserve_id("tool", number)
    tool = Tool(id=number, **{"state": "active", "scopes": list(ALL_SCOPES), **row})
    state.tools[number] = tool
    return tool


def _add_course(state: State, place: str, row: Any) -> None:
    row = dict(check_keys(place, row, COURSE_KEYS, {"shortname", "fullname"}))
    category = row.pop("category", None)
    row["category"] = find_category(state, category) if category else min(state.categories)
    activities, criteria = row.pop("activities", []), row.pop("criteria", [])
    if any(row["shortname"] == course.shortname for course in state.courses.values()):
        raise SeedError(f"{place}: shortname {row['shortname']} is taken")
    course = actions.create_course(state, **row)
    made = [add_activity(state, f"{place}.activities[{number}]", course, one) for number, one in enumerate(activities)]
    for name in criteria:
        course.criteria += [module.id for module in made if module.name == name]


def add_activity(state: State, place: str, course: Course, row: Any) -> Module:
    """Add an activity; a tool's link needs `tool` (its id or name), all others a `kind`."""
    row = dict(check_keys(place, row, ACTIVITY_KEYS, {"name"}))
    kind, name = row.pop("kind", "lti"), row.pop("name")
    completion = row.pop("completion", None)
    if completion is not None:
        if completion not in actions.COMPLETION_KINDS:
            raise SeedError(f"{place}: completion is none, manual or grade")
        row["completion"] = actions.COMPLETION_KINDS[completion]
    if kind != "lti":
        return actions.add_module(state, course, kind, name, **row)
    wanted = row.pop("tool", None)
    for tool in state.tools.values():
        if wanted in (None, tool.id, tool.name, tool.client_id):
            return actions.add_tool_link(state, course, tool.id, name, **row)
    raise SeedError(f"{place}: no tool {wanted!r}")


def add_enrolment(state: State, place: str, row: Any) -> None:
    """Enrol a person, by hand as it were."""
    row = dict(check_keys(place, row, ENROLMENT_KEYS, {"user", "course"}))
    role = row.pop("role", "student")
    if role not in ROLES:
        raise SeedError(f"{place}: no role {role!r}")
    user, course = find_user(state, row.pop("user")), find_course(state, row.pop("course"))
    actions.enrol(state, course.id, user.id, ROLES[role], **row)


def _add_group(state: State, place: str, row: Any) -> None:
    row = dict(check_keys(place, row, GROUP_KEYS, {"course", "name"}))
    course = find_course(state, row.pop("course"))
    members = [find_user(state, one).id for one in row.pop("members", [])]
    group = Group(id=state.next_id("group"), course=course.id, members=members, **row)
    state.groups[group.id] = group


AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
ALL_SCOPES = (
    f"{AGS}score",
    f"{AGS}result.readonly",
    f"{AGS}lineitem.readonly",
    f"{AGS}lineitem",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
    "https://purl.imsglobal.org/spec/lti-ts/scope/toolsetting",
)
