"""Dynamic registration of a tool, from the invitation to the pending tool."""

from __future__ import annotations

import secrets
import string
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

from moodle_sync.sandbox.state import State, Tool

from .keys import PlatformKey

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope"
GRADE_SCOPES = (
    f"{AGS}/score",
    f"{AGS}/result.readonly",
    f"{AGS}/lineitem.readonly",
    f"{AGS}/lineitem",
)
NRPS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
SETTINGS_SCOPE = "https://purl.imsglobal.org/spec/lti-ts/scope/toolsetting"
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
CLAIMS = ("sub", "iss", "name", "family_name", "given_name", "email")
REGISTRATION_LIFE = 3600  # seconds
VARIABLES = (
    "basic-lti-launch-request", "ContentItemSelectionRequest", "ToolProxyRegistrationRequest", "Context.id",
    "Context.title", "Context.label", "Context.id.history", "Context.sourcedId", "Context.longDescription",
    "Context.timeFrame.begin", "CourseSection.title", "CourseSection.label", "CourseSection.sourcedId",
    "CourseSection.longDescription", "CourseSection.timeFrame.begin", "CourseSection.timeFrame.end",
    "ResourceLink.id", "ResourceLink.title", "ResourceLink.description", "User.id", "User.username",
    "Person.name.full", "Person.name.given", "Person.name.family", "Person.email.primary", "Person.sourcedId",
    "Person.name.middle", "Person.address.street1", "Person.address.locality", "Person.address.country",
    "Person.address.timezone", "Person.phone.primary", "Person.phone.mobile", "Person.webaddress",
    "Membership.role", "Result.sourcedId", "Result.autocreate", "BasicOutcome.sourcedId", "BasicOutcome.url",
    "Moodle.Person.userGroupIds",
)  # fmt: skip


class RegistrationRefused(Exception):
    """A registration that Moodle won't take; the text and status go back as they are."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def openid_configuration(state: State) -> dict[str, Any]:
    """Describe the platform (recording dynreg_openid_configuration)."""
    site = state.site
    base = f"{site.url}/mod/lti"
    return {
        "issuer": site.url,
        "token_endpoint": f"{base}/token.php",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "jwks_uri": f"{base}/certs.php",
        "authorization_endpoint": f"{base}/auth.php",
        "registration_endpoint": f"{base}/openid-registration.php",
        "scopes_supported": [
            "https://purl.imsglobal.org/spec/lti-bo/scope/basicoutcome",
            f"{AGS}/lineitem.readonly",
            f"{AGS}/result.readonly",
            f"{AGS}/score",
            f"{AGS}/lineitem",
            NRPS_SCOPE,
            SETTINGS_SCOPE,
            "openid",
        ],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email"],
        PLATFORM_CONFIGURATION: {
            "product_family_code": "moodle",
            "version": site.release,
            "messages_supported": [
                {"type": "LtiResourceLinkRequest"},
                {"type": "LtiDeepLinkingRequest", "placements": ["ContentArea"]},
            ],
            "variables": list(VARIABLES),
        },
    }


def invitation(state: State, key: PlatformKey, tool_address: str) -> str:
    """Give the address that opens a tool's registration: the tool's own, with the two parameters of the spec."""
    now = state.now()
    alphabet = string.ascii_letters + string.digits
    client_id = "".join(secrets.choice(alphabet) for _ in range(15))
    token = key.sign({"sub": client_id, "scope": "reg", "iat": now, "exp": now + REGISTRATION_LIFE})
    query = urlencode(
        {
            "openid_configuration": f"{state.site.url}/mod/lti/openid-configuration.php",
            "registration_token": token,
        }
    )
    return f"{tool_address}{'&' if urlsplit(tool_address).query else '?'}{query}"


def register(state: State, key: PlatformKey, authorization: str, request: Any) -> dict[str, Any]:
    """Take in a tool, pending until an administrator activates it (recordings dynreg_*).

    The registration token is good for one use; raises `RegistrationRefused`.
    """
    client_id = _spend_token(state, key, authorization)
    configuration = request.get(TOOL_CONFIGURATION) if isinstance(request, dict) else None
    needed = ("client_name", "initiate_login_uri", "redirect_uris", "jwks_uri")
    if not isinstance(configuration, dict) or not all(request.get(name) for name in needed):
        raise RegistrationRefused(400, "missing_or_invalid_client_metadata")
    if not configuration.get("domain"):
        raise RegistrationRefused(400, "missing_domain")
    target = configuration.get("target_link_uri") or f"https://{configuration['domain']}"
    asked = str(request.get("scope", "")).split()
    claims = configuration.get("claims", [])
    messages = configuration.get("messages", [])
    deep = [message for message in messages if message.get("type") == "LtiDeepLinkingRequest"]
    with state.lock:
        state.spent_registrations.add(client_id)
        tool = Tool(
            id=state.next_id("tool"),
            name=str(request["client_name"]),
            client_id=client_id,
            login_url=str(request["initiate_login_uri"]),
            redirect_uris=[str(uri) for uri in request["redirect_uris"]],
            target_link_uri=str(target),
            jwks_uri=str(request["jwks_uri"]),
            deep_link_uri=str(deep[0].get("target_link_uri") or target) if deep else "",
            logo_uri=str(request.get("logo_uri") or ""),
            domain=str(configuration["domain"]),
            description=str(configuration.get("description") or ""),
            scopes=[scope for scope in (*GRADE_SCOPES, NRPS_SCOPE, SETTINGS_SCOPE) if scope in asked],
            claims=[claim for claim in CLAIMS if claim in claims],
            custom={str(name): str(value) for name, value in configuration.get("custom_parameters", {}).items()},
            send_name=bool({"name", "given_name", "family_name"} & set(claims)),
            send_email="email" in claims,
        )
        state.tools[tool.id] = tool
    return describe(tool)


def _spend_token(state: State, key: PlatformKey, authorization: str) -> str:
    if not authorization.startswith("Bearer "):
        raise RegistrationRefused(401, "missing_registration_token")
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer ").strip(),
            jwt.PyJWKSet.from_dict(key.public_set()).keys[0].key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        raise RegistrationRefused(401, "invalid_registration_token") from None
    if claims.get("scope") != "reg" or claims["exp"] <= state.now():
        raise RegistrationRefused(401, "invalid_registration_token")
    client_id = str(claims["sub"])
    if client_id in state.spent_registrations:
        raise RegistrationRefused(401, "token_already_used")
    return client_id


def describe(tool: Tool) -> dict[str, Any]:
    """Answer a registration (recording dynreg_response)."""
    messages = []
    if tool.deep_link_uri:
        messages.append({"type": "LtiDeepLinkingRequest", "target_link_uri": tool.deep_link_uri})
    return {
        "client_id": tool.client_id,
        "response_types": ["id_token"],
        "jwks_uri": tool.jwks_uri,
        "initiate_login_uri": tool.login_url,
        "grant_types": ["client_credentials", "implicit"],
        "redirect_uris": tool.redirect_uris,
        "application_type": "web",
        "token_endpoint_auth_method": "private_key_jwt",
        "client_name": tool.name,
        "logo_uri": tool.logo_uri,
        "scope": " ".join(tool.scopes),
        TOOL_CONFIGURATION: {
            "version": "1.3.0",
            "deployment_id": str(tool.id),
            "target_link_uri": tool.target_link_uri,
            "domain": tool.domain,
            "description": tool.description,
            "messages": messages,
            "custom_parameters": tool.custom,
            "claims": tool.claims,
        },
    }
