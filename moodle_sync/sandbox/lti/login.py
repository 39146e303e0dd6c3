"""The login: what a launch starts with, and what `auth.php` answers to the tool."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moodle_sync.sandbox.state import Launch, Session, State, Tool

from .claims import build_claims, target_link_uri
from .keys import PlatformKey


class UntrustedRequest(Exception):
    """An authentication request whose redirect address isn't the tool's: nothing may be sent there."""


@dataclass(frozen=True)
class FormPost:
    """A form that the browser is to post by itself."""

    action: str
    fields: dict[str, str]


def initiate(state: State, session: Session, launch: Launch) -> FormPost:
    """Start a login (recording login_initiation); the hint works once."""
    prefix = "ltilaunch" if launch.module is not None else "ltilaunch_ContentItemSelectionRequest"
    launch_id = f"{prefix}_{secrets.randbelow(2**31)}"
    session.launches[launch_id] = launch
    return _announced(state, launch, launch_id, session.user)


def initiate_for_nobody(state: State, launch: Launch) -> FormPost:
    """Start a login in the name of user 0, as launch.php does while nobody is signed in (Moodle 4.5's source)."""
    return _announced(state, launch, f"ltilaunch_{secrets.randbelow(2**31)}", 0)


def _announced(state: State, launch: Launch, launch_id: str, user: int) -> FormPost:
    tool = state.tools[launch.tool]
    hint: dict[str, Any] = {"launchid": launch_id}
    module = state.modules[launch.module] if launch.module is not None else None
    if module is not None:
        hint = {"cmid": module.id, **hint}
    return FormPost(
        tool.login_url,
        {
            "iss": state.site.url,
            "target_link_uri": target_link_uri(tool, module, launch),
            "login_hint": str(user),
            "lti_message_hint": json.dumps(hint, separators=(",", ":")),
            "client_id": tool.client_id,
            "lti_deployment_id": str(tool.id),
        },
    )


def _launch_id(hint: str | None) -> str:
    try:
        read = json.loads(hint or "")
    except ValueError:
        return ""
    return str(read.get("launchid", "")) if isinstance(read, dict) else ""


def authenticate(state: State, key: PlatformKey, session: Session, asked: Mapping[str, str]) -> FormPost:
    """Answer the tool's authentication request with an id_token, or with an OAuth error in its place.

    The checks and their order are those of Moodle's auth.php. Raises `UntrustedRequest` where the request names
    no launch of this session, or a redirect address that the tool didn't register.
    """
    launch = session.launches.pop(_launch_id(asked.get("lti_message_hint")), None)
    tool = state.tools.get(launch.tool) if launch else None
    redirect = asked.get("redirect_uri", "")
    if launch is None or tool is None or redirect not in tool.redirect_uris:
        raise UntrustedRequest
    error, description = _objection(session, tool, asked)
    fields: dict[str, str] = {}
    if error:
        fields["error"] = error
        if description:
            fields["error_description"] = description
    else:
        claims = build_claims(state, launch, state.users[session.user], asked["nonce"], session.sesskey)
        fields["id_token"] = key.sign(claims)
    if "state" in asked:
        fields["state"] = asked["state"]
    return FormPost(redirect, fields)


def _objection(session: Session, tool: Tool, asked: Mapping[str, str]) -> tuple[str, str]:
    """Say what is wrong with an authentication request: error and description, both empty if nothing is."""
    needed = ("scope", "response_type", "client_id", "redirect_uri", "login_hint", "nonce")
    checks = (
        (all(asked.get(name) for name in needed), "invalid_request", ""),
        (asked.get("scope") == "openid", "invalid_scope", ""),
        (asked.get("response_type") == "id_token", "unsupported_response_type", ""),
        (asked.get("client_id") == tool.client_id, "unauthorized_client", ""),
        (asked.get("login_hint") == str(session.user), "access_denied", ""),
        ("response_mode" in asked, "invalid_request", "Missing response_mode"),
        (asked.get("response_mode") == "form_post", "invalid_request", "Invalid response_mode"),
        (asked.get("prompt", "none") == "none", "invalid_request", "Invalid prompt"),
    )
    for fine, error, description in checks:
        if not fine:
            return error, description
    return "", ""
