"""Names and Role Provisioning Services: memberships of a course."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.state import Course, Module, State, Tool, User

from .claims import LTI, MEMBERSHIP, OUTCOME_CLAIM, memberships_url, outcome_sourcedid
from .registration import NRPS_SCOPE
from .service import ServiceAnswer, ServiceRefused, ServiceRequest, authorise, find_course, whole

CONTENT_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"


def memberships(state: State, request: ServiceRequest, course_id: int, tool_id: int) -> ServiceAnswer:
    """List a course's active people, by last name (recordings nrps*).

    With `limit`, the next page is in the Link header, which forgets a `role` filter. Without it, all come.
    """
    authorise(state, request, tool_id, NRPS_SCOPE)
    course, tool = find_course(state, course_id), state.tools[tool_id]
    link = _link(state, course, request.query.get("rlid", ""))
    people = _chosen(state, course, request.query.get("role", ""))
    url = memberships_url(state, course.id, tool.id)
    headers = {}
    limit, offset = whole(request, "limit"), whole(request, "from")
    if limit:
        if len(people) > offset + limit:
            following = f"{url}?limit={limit}&from={offset + limit}" + (f"&rlid={link.instance}" if link else "")
            headers["Link"] = f'<{following}>; rel="next"'
        people = people[offset : offset + limit]
    body = {
        "id": url,
        "context": {"id": str(course.id), "label": course.shortname, "title": course.fullname},
        "members": [_member(state, tool, course, user, link) for user in people],
    }
    return ServiceAnswer(200, CONTENT_TYPE, body, headers)


def _link(state: State, course: Course, wanted: str) -> Module | None:
    if not wanted:
        return None
    module = state.module_of_instance("lti", int(wanted)) if wanted.isdecimal() else None
    if module is None or module.course != course.id:
        raise ServiceRefused(404)
    return module


def _is_instructor(state: State, course: Course, user: int) -> bool:
    """Tell who may manage activities: a non-editing teacher may not, and counts as a Learner here."""
    return state.has_role(course.id, user, "manager", "editingteacher")


def _chosen(state: State, course: Course, role: str) -> list[User]:
    role = role.removeprefix(MEMBERSHIP)
    people = [state.users[user] for user in state.enrolments[course.id] if state.is_active(course.id, user)]
    if role in ("Instructor", "Learner"):
        teaches = role == "Instructor"
        people = [user for user in people if _is_instructor(state, course, user.id) is teaches]
    return sorted(people, key=lambda user: (user.lastname, user.firstname, user.id))


def _member(state: State, tool: Tool, course: Course, user: User, link: Module | None) -> dict[str, Any]:
    """Describe a member; role names are short here, unlike in a launch."""
    described: dict[str, Any] = {
        "status": "Active",
        "roles": ["Instructor" if _is_instructor(state, course, user.id) else "Learner"],
    }
    if link:
        message: dict[str, Any] = {f"{LTI}/message_type": "LtiResourceLinkRequest"}
        if actions.own_line_item(state, link):
            message[OUTCOME_CLAIM] = {
                "lis_result_sourcedid": outcome_sourcedid(link, user.id, tool),
                "lis_outcome_service_url": f"{state.site.url}/mod/lti/service.php",
            }
        described["message"] = [message]
    described |= {"user_id": str(user.id), "lis_person_sourcedid": user.idnumber}
    if tool.send_name:
        described |= {"name": user.fullname, "given_name": user.firstname, "family_name": user.lastname}
    if tool.send_email:
        described["email"] = user.email
    if tool.send_name:
        described["ext_user_username"] = user.username
    return described
