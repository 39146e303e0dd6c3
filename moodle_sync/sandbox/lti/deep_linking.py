"""Deep linking: what a tool answers when a teacher picks content in it."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.state import Course, Module, State, Tool

from .claims import LTI
from .keys import BadSignature, ToolKeys

DL = "https://purl.imsglobal.org/spec/lti-dl/claim"


class AnswerRefused(ValueError):
    """An answer that can't be trusted or used; the text says why."""


def accept(state: State, keys: ToolKeys, tool: Tool, course: Course, token: str) -> list[Module]:
    """Check a tool's signed answer and make its links in the course; raises `AnswerRefused`.

    `lineItem` makes a gradebook column, `custom` the link's custom parameters (README of the recordings).
    """
    try:
        claims = keys.verify(tool, token, state.now(), state.site)
    except BadSignature as error:
        raise AnswerRefused(str(error)) from None
    audience = claims.get("aud")
    expected = (
        (claims.get("iss") == tool.client_id, "iss is not the tool's client id"),
        (state.site.url in (audience if isinstance(audience, list) else [audience]), "aud is not this site"),
        (claims.get(f"{LTI}/message_type") == "LtiDeepLinkingResponse", "message_type is not LtiDeepLinkingResponse"),
        (claims.get(f"{LTI}/version") == "1.3.0", "version is not 1.3.0"),
        (claims.get(f"{LTI}/deployment_id") == str(tool.id), "deployment_id is not the tool's"),
        (bool(claims.get("nonce")), "nonce is missing"),
    )
    for fine, reason in expected:
        if not fine:
            raise AnswerRefused(reason)
    items = claims.get(f"{DL}/content_items", [])
    if not isinstance(items, list) or any(item.get("type") != "ltiResourceLink" for item in items):
        raise AnswerRefused("content_items may only hold links of type ltiResourceLink")
    with state.lock:
        return [_make_link(state, tool, course, item) for item in items]


def _make_link(state: State, tool: Tool, course: Course, item: dict[str, Any]) -> Module:
    line_item = item.get("lineItem") or {}
    return actions.add_tool_link(
        state,
        course,
        tool.id,
        str(item.get("title") or tool.name),
        maximum=float(line_item.get("scoreMaximum", 100)) if line_item else None,
        resource_id=str(line_item.get("resourceId", "")),
        tag=str(line_item.get("tag", "")),
        description=str(item.get("text") or ""),
        target_link_uri=str(item.get("url") or ""),
        custom={str(name): str(value) for name, value in (item.get("custom") or {}).items()},
    )
