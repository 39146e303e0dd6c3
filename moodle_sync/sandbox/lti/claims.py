"""The claims of an id_token, as the recorded launches carry them."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.state import Course, Launch, Module, State, Tool, User

from .registration import AGS, NRPS_SCOPE

LTI = "https://purl.imsglobal.org/spec/lti/claim"
AGS_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS_CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
OUTCOME_CLAIM = "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
ADMINISTRATOR = (
    "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator",
    f"{MEMBERSHIP}Instructor",
    "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator",
)
TOKEN_LIFE = 60  # seconds
LAUNCH_SCOPES = tuple(f"{AGS}/{name}" for name in ("lineitem", "lineitem.readonly", "result.readonly", "score"))


def launch_roles(state: State, course: Course, user: User) -> list[str]:
    """Give the full role URIs; a non-editing teacher is an Instructor here (recording launch_payload_tutor1)."""
    if user.admin:
        return list(ADMINISTRATOR)
    if state.has_role(course.id, user.id, "manager", "editingteacher", "teacher"):
        return [f"{MEMBERSHIP}Instructor"]
    return [f"{MEMBERSHIP}Learner"]


def outcome_sourcedid(module: Module, user: int, tool: Tool) -> str:
    """Write the sourcedid of the older outcome service, which Moodle still sends along."""
    data = {
        "instanceid": str(module.instance),
        "userid": str(user),
        "typeid": str(tool.id),
        "launchid": secrets.randbelow(2**31),
    }
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    return json.dumps({"data": data, "hash": digest}, separators=(",", ":"))


def memberships_url(state: State, course: int, tool: int) -> str:
    """Give the address of a course's memberships for a tool."""
    return f"{state.site.url}/mod/lti/services.php/CourseSection/{course}/bindings/{tool}/memberships"


def line_items_url(state: State, course: int, tool: int) -> str:
    """Give the address of a course's line items for a tool."""
    return f"{state.site.url}/mod/lti/services.php/{course}/lineitems?type_id={tool}"


def line_item_url(state: State, course: int, item: int, tool: int, below: str = "") -> str:
    """Give the address of a line item; its services go before the query."""
    return f"{state.site.url}/mod/lti/services.php/{course}/lineitems/{item}/lineitem{below}?type_id={tool}"


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat() if moment else ""


def substitute(state: State, value: str, *, course: Course, user: User, module: Module | None) -> str:
    """Fill in a substitution variable; one that Moodle doesn't know stays as it was written."""
    known = {
        "$User.id": str(user.id),
        "$User.username": user.username,
        "$Person.sourcedId": user.idnumber,
        "$Person.name.full": user.fullname,
        "$Person.name.given": user.firstname,
        "$Person.name.family": user.lastname,
        "$Person.email.primary": user.email,
        "$Person.address.locality": "",
        "$Person.address.country": "",
        "$Context.id": str(course.id),
        "$Context.title": course.fullname,
        "$Context.label": course.shortname,
        "$Context.sourcedId": course.idnumber,
        "$Context.id.history": ",".join(str(number) for number in course.copied_from),
        "$Context.timeFrame.begin": _iso(course.startdate),
        "$CourseSection.title": course.fullname,
        "$CourseSection.label": course.shortname,
        "$CourseSection.sourcedId": course.idnumber,
        "$CourseSection.timeFrame.begin": _iso(course.startdate),
        "$CourseSection.timeFrame.end": _iso(course.enddate),
        "$ResourceLink.id": str(module.instance) if module else "$ResourceLink.id",
        "$ResourceLink.title": module.name if module else "$ResourceLink.title",
        "$ResourceLink.description": module.description if module else "$ResourceLink.description",
    }
    return known.get(value, value)


def _custom(state: State, tool: Tool, course: Course, user: User, module: Module | None) -> dict[str, str]:
    """Join the tool's and the link's own parameters, and those that Moodle's services add by themselves."""
    written = tool.custom | (module.custom if module else {})
    filled = {
        name: substitute(state, value, course=course, user=user, module=module) for name, value in written.items()
    }
    base = f"{state.site.url}/mod/lti/services.php"
    if NRPS_SCOPE in tool.scopes:
        filled["context_memberships_url"] = memberships_url(state, course.id, tool.id)
    filled["system_setting_url"] = f"{base}/tool/{tool.id}/custom"
    filled["context_setting_url"] = f"{base}/CourseSection/{course.id}/bindings/tool/{tool.id}/custom"
    if module:
        filled["link_setting_url"] = f"{base}/links/{{link_id}}/custom"  # Moodle leaves the place unfilled
    return filled


def _services(state: State, tool: Tool, course: Course, module: Module | None) -> dict[str, Any]:
    claims: dict[str, Any] = {}
    scopes = [scope for scope in LAUNCH_SCOPES if scope in tool.scopes]
    if scopes:
        claims[AGS_CLAIM] = {"scope": scopes, "lineitems": line_items_url(state, course.id, tool.id)}
        item = actions.own_line_item(state, module) if module else None
        if item:
            claims[AGS_CLAIM]["lineitem"] = line_item_url(state, course.id, item.id, tool.id)
    if NRPS_SCOPE in tool.scopes:
        claims[NRPS_CLAIM] = {
            "context_memberships_url": memberships_url(state, course.id, tool.id),
            "service_versions": ["1.0", "2.0"],
        }
    return claims


def _person(tool: Tool, user: User) -> dict[str, Any]:
    """Tell who it is, as far as the tool's privacy settings let through (recordings launch_payload_*_privacy)."""
    claims: dict[str, Any] = {"sub": str(user.id), f"{LTI}/ext": {"lms": "moodle-2"}}
    if tool.send_name:
        claims |= {"given_name": user.firstname, "family_name": user.lastname, "name": user.fullname}
        claims[f"{LTI}/ext"] = {"user_username": user.username, "lms": "moodle-2"}
    if tool.send_email:
        claims["email"] = user.email
    return claims


def build_claims(state: State, launch: Launch, user: User, nonce: str, sesskey: str) -> dict[str, Any]:
    """Build the payload of an id_token; it lives 60 seconds."""
    tool, course = state.tools[launch.tool], state.courses[launch.course]
    module = state.modules[launch.module] if launch.module is not None else None
    site, now = state.site, state.now()
    claims: dict[str, Any] = {
        "nonce": nonce,
        "iat": now,
        "exp": now + TOKEN_LIFE,
        "iss": site.url,
        "aud": tool.client_id,
        f"{LTI}/deployment_id": str(tool.id),
        f"{LTI}/target_link_uri": target_link_uri(tool, module, launch),
        f"{LTI}/lis": {"person_sourcedid": user.idnumber, "course_section_sourcedid": course.idnumber},
        f"{LTI}/roles": launch_roles(state, course, user),
        f"{LTI}/context": {
            "id": str(course.id),
            "label": course.shortname,
            "title": course.fullname,
            "type": ["CourseSection"],
        },
        f"{LTI}/message_type": launch.message_type,
        **_person(tool, user),
        f"{LTI}/launch_presentation": {"locale": user.lang},
        f"{LTI}/tool_platform": {
            "product_family_code": "moodle",
            "version": site.version,
            "guid": site.guid,
            "name": site.shortname,
            "description": site.sitename,
        },
        f"{LTI}/version": "1.3.0",
        f"{LTI}/custom": _custom(state, tool, course, user, module),
        **_services(state, tool, course, module),
    }
    if module:
        claims |= _link_claims(state, tool, course, module, user=user, sesskey=sesskey)
    else:
        claims[DEEP_LINKING] = _deep_linking_settings(state, launch, sesskey)
    return claims


def target_link_uri(tool: Tool, module: Module | None, launch: Launch) -> str:
    """Give the address that is configured; nothing that was asked for changes it."""
    if launch.message_type == "LtiDeepLinkingRequest":
        return tool.deep_link_uri or tool.target_link_uri
    return (module.target_link_uri if module else "") or tool.target_link_uri


def _link_claims(
    state: State, tool: Tool, course: Course, module: Module, *, user: User, sesskey: str
) -> dict[str, Any]:
    url = state.site.url
    claims: dict[str, Any] = {
        f"{LTI}/resource_link": {
            "id": str(module.instance),
            "title": module.name,
            "description": module.description,
        },
        f"{LTI}/launch_presentation": {
            "locale": user.lang,
            "document_target": "iframe" if module.launch_container == 3 else "window",
            "return_url": f"{url}/mod/lti/return.php?course={course.id}"
            f"&launch_container={module.launch_container}&instanceid={module.instance}&sesskey={sesskey}",
        },
    }
    if actions.own_line_item(state, module):
        claims[OUTCOME_CLAIM] = {
            "lis_result_sourcedid": outcome_sourcedid(module, user.id, tool),
            "lis_outcome_service_url": f"{url}/mod/lti/service.php",
        }
    return claims


def _deep_linking_settings(state: State, launch: Launch, sesskey: str) -> dict[str, Any]:
    return {
        "accept_types": ["ltiResourceLink"],
        "accept_presentation_document_targets": ["frame", "iframe", "window"],
        "accept_copy_advice": False,
        "accept_multiple": True,
        "accept_unsigned": False,
        "auto_create": False,
        "can_confirm": False,
        "deep_link_return_url": f"{state.site.url}/mod/lti/contentitem_return.php"
        f"?course={launch.course}&id={launch.tool}&sesskey={sesskey}",
        "title": launch.title,
        "text": launch.text,
    }
