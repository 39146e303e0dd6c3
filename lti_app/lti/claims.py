"""Every claim of an id_token, checked: pure, without a network or a database.

LTI core 1.3, chapters 4 and 5; LTI security framework 1.0, 5.1.3. What the library leaves open is closed here:
it takes ``exp`` and ``iat`` as optional, reads only the first ``aud``, knows no ``azp`` and gives clocks no leeway.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from lti_app.core.numbers import LARGEST_ID
from lti_app.lti.http import is_below
from lti_app.lti.refusals import CLOCKS, FROM_MOODLE_ONLY, MISCONFIGURED, NOT_PROVEN, UNKNOWN_MOODLE, LaunchRefused
from lti_app.lti.registrations import Known
from lti_app.lti.state import LEEWAY, State

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
MEMBERSHIPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"

RESOURCE_LINK = "LtiResourceLinkRequest"
DEEP_LINK = "LtiDeepLinkingRequest"

MOST_ROLES = 100
MOST_AUDIENCES = 10

# Control characters and lone surrogates: a database can't hold them, and nobody means them.
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

Claims = dict[str, Any]


def check_claims(claims: Claims, *, registration: Known, state: State, tool_url: str, now: datetime) -> None:
    """Raise LaunchRefused at the first claim that is missing, wrong or out of time."""
    _check_issuer_and_audience(claims, registration)
    _check_times(claims, state, now)
    if claims.get("nonce") != state.nonce:
        raise LaunchRefused("lti_nonce_wrong", NOT_PROVEN)
    if claims.get(f"{LTI}deployment_id") != registration.deployment_id:
        raise LaunchRefused("lti_deployment_wrong", UNKNOWN_MOODLE)
    if claims.get(f"{LTI}version") != "1.3.0":
        raise LaunchRefused("lti_version_wrong", MISCONFIGURED)
    if claims.get(f"{LTI}message_type") not in (RESOURCE_LINK, DEEP_LINK):
        raise LaunchRefused("lti_message_type_unknown", MISCONFIGURED)
    if not is_below(claims.get(f"{LTI}target_link_uri"), tool_url):
        raise LaunchRefused("lti_target_link_uri_wrong", MISCONFIGURED)
    _check_shapes(claims)


def numeric_id(value: object) -> int | None:
    """Return a Moodle id: decimal digits, above zero, that fit a column. None for anything else."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,10}", value, re.ASCII):
        return None
    number = int(value)
    return number if 0 < number <= LARGEST_ID else None


def words(value: object, longest: int) -> str:
    """Return a text for people, cleaned of what can't be stored, cut to ``longest`` characters."""
    return _UNFIT.sub(" ", value).strip()[:longest] if isinstance(value, str) else ""


def identifier(value: object, longest: int) -> str | None:
    """Return a text that identifies somebody or something, whole and clean, or None: a cut one would be another's."""
    if not isinstance(value, str) or not value or len(value) > longest or _UNFIT.search(value):
        return None
    return value


def mapping(value: object) -> dict[str, Any]:
    """Return a claim that is an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def _check_issuer_and_audience(claims: Claims, registration: Known) -> None:
    if claims.get("iss") != registration.issuer:
        raise LaunchRefused("lti_issuer_wrong", NOT_PROVEN)
    audience = claims.get("aud")
    entries = [audience] if isinstance(audience, str) else audience
    if (
        not isinstance(entries, list)
        or not 0 < len(entries) <= MOST_AUDIENCES
        or not all(isinstance(entry, str) for entry in entries)
        or registration.client_id not in entries
    ):
        raise LaunchRefused("lti_audience_wrong", NOT_PROVEN)
    if ("azp" in claims or len(entries) > 1) and claims.get("azp") != registration.client_id:
        raise LaunchRefused("lti_authorized_party_wrong", NOT_PROVEN)


def _check_times(claims: Claims, state: State, now: datetime) -> None:
    leeway = LEEWAY.total_seconds()
    moment = now.timestamp()
    for name in ("exp", "iat"):
        if not _is_moment(claims.get(name)):
            raise LaunchRefused(f"lti_{name}_missing", NOT_PROVEN)
    if moment > claims["exp"] + leeway:
        raise LaunchRefused("lti_token_expired", CLOCKS)
    if claims["iat"] > moment + leeway:
        raise LaunchRefused("lti_token_from_the_future", CLOCKS)
    # Moodle makes the token after our login, so an older one belongs to some other visit.
    if claims["iat"] < state.issued_at - leeway:
        raise LaunchRefused("lti_token_too_old", CLOCKS)
    if "nbf" in claims and not (_is_moment(claims["nbf"]) and claims["nbf"] <= moment + leeway):
        raise LaunchRefused("lti_token_from_the_future", CLOCKS)


def _is_moment(value: object) -> bool:
    # The bound also keeps out what no float can hold and NaN, which compares as false.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53


def _check_shapes(claims: Claims) -> None:
    subject = claims.get("sub")
    if not subject:
        # LTI allows a launch without a user; the tool has nothing to show to nobody.
        raise LaunchRefused("lti_subject_missing", FROM_MOODLE_ONLY)
    if numeric_id(subject) is None:
        raise LaunchRefused("lti_subject_wrong", MISCONFIGURED)
    roles = claims.get(f"{LTI}roles")
    if (
        not isinstance(roles, list)
        or len(roles) > MOST_ROLES
        or not all(isinstance(role, str) and len(role) <= 500 for role in roles)
    ):
        raise LaunchRefused("lti_roles_wrong", MISCONFIGURED)
    context = claims.get(f"{LTI}context")
    if context is not None and (not isinstance(context, dict) or numeric_id(context.get("id")) is None):
        raise LaunchRefused("lti_context_wrong", MISCONFIGURED)
    if claims[f"{LTI}message_type"] == RESOURCE_LINK:
        link = claims.get(f"{LTI}resource_link")
        if not isinstance(link, dict) or identifier(link.get("id"), 255) is None:
            raise LaunchRefused("lti_resource_link_wrong", MISCONFIGURED)
    elif not isinstance(claims.get(DEEP_LINKING), dict):
        raise LaunchRefused("lti_deep_linking_settings_wrong", MISCONFIGURED)
