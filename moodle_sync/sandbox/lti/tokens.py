"""Access tokens to the LTI services."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import jwt

from moodle_sync.sandbox.state import AccessToken, State

from .keys import BadSignature, KeySetUnreadable, ToolKeys

LIFE = 3600  # seconds
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenRefused(Exception):
    """A token request that is answered 400 with this error."""


def grant(state: State, keys: ToolKeys, form: Mapping[str, str]) -> dict[str, Any]:
    """Grant an access token on a signed assertion (recordings token_*); raises `TokenRefused`, `KeySetUnreadable`."""
    assertion, asked = form.get("client_assertion", ""), form.get("scope", "")
    if not (assertion and asked and form.get("client_assertion_type") and form.get("grant_type")):
        raise TokenRefused("invalid_request")
    if form["client_assertion_type"] != JWT_BEARER or form["grant_type"] != "client_credentials":
        raise TokenRefused("unsupported_grant_type")
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise TokenRefused("invalid_request") from None
    if not claims.get("sub"):
        raise TokenRefused("invalid_request")
    tool = next((tool for tool in list(state.tools.values()) if tool.client_id == claims["sub"]), None)
    if tool is None:
        raise TokenRefused("invalid_client")
    try:
        keys.verify(tool, assertion, state.now(), state.site)
    except KeySetUnreadable:
        raise
    except BadSignature as error:
        raise TokenRefused(str(error)) from None
    scopes = [scope for scope in asked.split(" ") if scope in tool.scopes]
    if not scopes:
        raise TokenRefused("invalid_scope")
    token = secrets.token_hex(16)
    with state.lock:
        state.access_tokens[token] = AccessToken(tool.id, scopes, state.now() + LIFE)
    return {"access_token": token, "token_type": "Bearer", "expires_in": LIFE, "scope": " ".join(scopes)}


def find(state: State, authorization: str) -> AccessToken | None:
    """Find the token that a request carries, if it is still good."""
    if not authorization.startswith("Bearer "):
        return None
    token = state.access_tokens.get(authorization.removeprefix("Bearer ").strip())
    return token if token and token.expires > state.now() else None


def write(body: dict[str, Any]) -> str:
    """Write an answer as Moodle's token.php does, laid out by hand."""
    return json.dumps(body, indent=2, separators=(",", " : "))
