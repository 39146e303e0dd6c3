"""The control addresses under `/_sandbox/`, for demo and tests; what they take is told in `moodle_sync.sandbox`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request, Response

from . import actions
from .faults import FaultSpecError
from .lti import registration
from .seed import (
    ALL_SCOPES,
    SeedError,
    add_activity,
    add_enrolment,
    add_tool,
    check_keys,
    find_course,
    find_user,
)
from .state import Tool
from .web import Sandbox, json_response, route

Change = Callable[[Sandbox, dict[str, Any]], Any]


@route("/_sandbox/ready")
def ready(sandbox: Sandbox, request: Request) -> Response:
    """Tell that the sandbox serves."""
    return json_response({"ready": True, "url": sandbox.url})


@route("/_sandbox/state")
def state(sandbox: Sandbox, request: Request) -> Response:
    """Give everything that lasts, in a stable order."""
    return json_response(sandbox.state.dump())


@route("/_sandbox/calls", "GET", "DELETE")
def calls(sandbox: Sandbox, request: Request) -> Response:
    """Count the requests since the start or the last DELETE, by web-service function or path."""
    counted = Counter(sandbox.calls)
    if request.method == "DELETE":
        sandbox.calls.clear()
    return json_response(dict(sorted(counted.items())))


@route("/_sandbox/<what>", "POST")
def change(sandbox: Sandbox, request: Request, what: str) -> Response:
    """Change something from outside; 400 with the reason if it can't be done."""
    given = request.get_json(force=True, silent=True)
    if what not in CHANGES:
        return json_response({"error": f"no control {what}; there are {', '.join(sorted(CHANGES))}"}, 404)
    if not isinstance(given, dict):
        return json_response({"error": "a JSON object is expected"}, 400)
    try:
        return json_response(CHANGES[what](sandbox, given))
    except (SeedError, FaultSpecError, TypeError) as error:
        return json_response({"error": str(error)}, 400)


def set_faults(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Set faults, and times in seconds: {"faults": SPEC, "latency", "row_cost", "hang"}."""
    check_keys("faults", given, {"faults", "latency", "row_cost", "hang"}, set())
    for name in ("latency", "row_cost", "hang"):
        if name in given:
            setattr(sandbox.faults, name, float(given[name]))
    if "faults" in given:
        sandbox.faults.set(given["faults"])
    return {"set": sorted(given)}


def _tool(sandbox: Sandbox, wanted: Any) -> Tool:
    for tool in sandbox.state.tools.values():
        if wanted in (tool.id, tool.name, tool.client_id):
            return tool
    raise SeedError(f"no tool {wanted!r}")


def make_tool(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Add a tool by hand; keys as in a seed."""
    return registration.describe(add_tool(sandbox.state, "tool", {"scopes": list(ALL_SCOPES), **given}))


def invite(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Give the address that begins a tool's registration: {"url": the tool's registration address}."""
    check_keys("invite", given, {"url"}, {"url"})
    return {"url": registration.invitation(sandbox.state, sandbox.key, given["url"])}


def activate(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Activate a pending tool, or all: {"tool": id or name}."""
    check_keys("activate", given, {"tool"}, set())
    tools = [_tool(sandbox, given["tool"])] if "tool" in given else list(sandbox.state.tools.values())
    for tool in tools:
        tool.state = "active"
    return {"active": [tool.id for tool in tools]}


def privacy(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Set what a tool learns of people: {"tool", "send_name", "send_email"}."""
    check_keys("privacy", given, {"tool", "send_name", "send_email"}, {"tool"})
    tool = _tool(sandbox, given["tool"])
    tool.send_name = bool(given.get("send_name", tool.send_name))
    tool.send_email = bool(given.get("send_email", tool.send_email))
    return {"tool": tool.id, "send_name": tool.send_name, "send_email": tool.send_email}


def activity(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Add an activity, a tool's link by default: {"course", "name", …} as in a seed."""
    given = dict(given)
    course = find_course(sandbox.state, given.pop("course", None))
    module = add_activity(sandbox.state, "activity", course, given)
    item = actions.own_line_item(sandbox.state, module)
    return {"cmid": module.id, "instance": module.instance, "lineitem": item.id if item else None}


def course_criteria(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Set which activities complete a course: {"course", "activities": [cmid, …]}."""
    check_keys("criteria", given, {"course", "activities"}, {"course", "activities"})
    course = find_course(sandbox.state, given["course"])
    own = {module.id for module in sandbox.state.modules_of(course.id)}
    if not set(given["activities"]) <= own:
        raise SeedError("criteria: not activities of this course")
    course.criteria = list(given["activities"])
    return {"course": course.id, "activities": course.criteria}


def completion(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Mark an activity for a person by hand: {"activity": cmid, "user", "state": 0 or 1}."""
    check_keys("completion", given, {"activity", "user", "state"}, {"activity", "user"})
    module = sandbox.state.modules.get(given["activity"])
    if module is None:
        raise SeedError(f"no activity {given['activity']!r}")
    user = find_user(sandbox.state, given["user"])
    actions.set_completion(sandbox.state, module, user.id, int(given.get("state", 1)))
    return {"activity": module.id, "user": user.id, "state": int(given.get("state", 1))}


def enrolment(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Enrol, change or suspend somebody by hand; keys as in a seed, and "remove": true to end it."""
    given = dict(given)
    if given.pop("remove", False):
        user, course = find_user(sandbox.state, given.get("user")), find_course(sandbox.state, given.get("course"))
        actions.unenrol(sandbox.state, course.id, user.id, given.get("method", "manual"))
        return {"removed": user.id}
    add_enrolment(sandbox.state, "enrolment", given)
    return {"course": find_course(sandbox.state, given["course"]).id, "user": given["user"]}


def account(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Change an account by hand: {"user", "email", "idnumber", "suspended", …}."""
    fields = {"user", "username", "firstname", "lastname", "email", "idnumber", "suspended", "admin"}
    check_keys("account", given, fields, {"user"})
    user = find_user(sandbox.state, given["user"])
    sandbox.state.change_user(user, {name: value for name, value in given.items() if name != "user"})
    return {"user": user.id}


def set_course(sandbox: Sandbox, given: dict[str, Any]) -> Any:
    """Change a course by hand: {"course", "fullname", "shortname", "idnumber", "visible", "startdate", "enddate"}."""
    fields = {"fullname", "shortname", "idnumber", "visible", "startdate", "enddate"}
    check_keys("course", given, fields | {"course"}, {"course"})
    course = find_course(sandbox.state, given["course"])
    for name in fields & given.keys():
        setattr(course, name, given[name])
    return {"course": course.id}


CHANGES: dict[str, Change] = {
    "faults": set_faults,
    "tools": make_tool,
    "invite": invite,
    "activate": activate,
    "privacy": privacy,
    "activities": activity,
    "criteria": course_criteria,
    "completion": completion,
    "enrolments": enrolment,
    "accounts": account,
    "courses": set_course,
}
