"""Dynamic registration: Moodle opens our one-time address, we introduce the tool, Moodle names its client.

LTI dynamic registration 1.0; dynreg_*.json show what Moodle 4.5 sends and answers. The library speaks the protocol;
whose Moodle it is, whether the addresses are that Moodle's, and the bounds of the calls are checked here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Response, make_response, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pylti1p3.dynamic_registration import DynamicRegistration
from pylti1p3.exception import LtiException, LtiServiceException

from lti_app.core.edge import tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.http import BoundedSession, is_below, origin_of
from lti_app.lti.invitations import NO_INVITATION, claim_invitation, release_invitation, use_invitation
from lti_app.lti.keys import ensure_key
from lti_app.lti.parts import parts
from lti_app.lti.refusals import LaunchRefused, Words
from lti_app.lti.registrations import add_registration

TOOL_NAME = "Площадка"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
READ_SECONDS = 10.0
LARGEST_ANSWER = 1024 * 1024
LONGEST_ADDRESS = 500

SCOPES = [
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem",
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/score",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
]
CLAIMS = ["iss", "sub", "name", "given_name", "family_name", "email"]
# A copied course's link carries its template's parameters, so only variables are of use here.
CUSTOM_PARAMETERS = {
    "user_id": "$User.id",
    "username": "$User.username",
    "context_history": "$Context.id.history",
    "course_start": "$CourseSection.timeFrame.begin",
    "course_end": "$CourseSection.timeFrame.end",
}

PASTE_IN_MOODLE = Words(
    _l("This address is to be pasted into Moodle."),
    _l("Site administration, Plugins, External tool, Manage tools: paste it as the tool address and add the tool."),
)
OTHER_MOODLE = Words(
    _l("This address was made for another Moodle."),
    _l("Compare the Moodle's address with the one stored in the tool, or ask for an address for this Moodle."),
)
MOODLE_ANSWER = Words(
    _l("Moodle did not register the tool."),
    _l("Try again in a minute. If it happens again, tell the tool's administrator the number below."),
)


class Introduction(DynamicRegistration):
    """Introduce the tool to one Moodle. Raises LaunchRefused for addresses that are not that Moodle's."""

    client_name = TOOL_NAME

    def __init__(self, *, moodle_url: str, public_url: str, configuration_url: str, registration_token: str | None):
        self._moodle_url = moodle_url
        self._public_url = public_url
        self._configuration_url = configuration_url
        self._registration_token = registration_token

    def get_request_session(self) -> requests.Session:
        """Call within bounds."""
        return BoundedSession(largest_answer=LARGEST_ANSWER, read_seconds=READ_SECONDS)

    def get_openid_configuration_endpoint(self) -> str:
        """Return the address that Moodle gave for its configuration."""
        return self._configuration_url

    def get_registration_token(self) -> Any:
        """Return the token that Moodle gave for this registration, if it did."""
        return self._registration_token

    def get_openid_configuration(self) -> dict[str, Any]:
        """Read the configuration and prove that all of it belongs to the Moodle of the invitation."""
        if not is_below(self._configuration_url, self._moodle_url):
            raise LaunchRefused("lti_registration_other_moodle", OTHER_MOODLE)
        configuration = super().get_openid_configuration()
        if not isinstance(configuration, dict) or not isinstance(configuration.get(PLATFORM), dict):
            raise LaunchRefused("lti_registration_no_platform", MOODLE_ANSWER)
        issuer = configuration.get("issuer")
        if not isinstance(issuer, str) or issuer.rstrip("/") != self._moodle_url:
            raise LaunchRefused("lti_registration_other_issuer", OTHER_MOODLE)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint"):
            address = configuration.get(name)
            if not is_below(address, self._moodle_url) or len(str(address)) > LONGEST_ADDRESS:
                raise LaunchRefused(f"lti_registration_{name}_elsewhere", OTHER_MOODLE)
        return configuration

    def get_initiate_login_uri(self) -> str:
        """Return where a launch begins."""
        return f"{self._public_url}/lti/login"

    def get_jwks_uri(self) -> str:
        """Return where our keys are."""
        return f"{self._public_url}/lti/jwks"

    def get_redirect_uris(self) -> list[str]:
        """Return where signed answers may go."""
        return [f"{self._public_url}/lti/launch", f"{self._public_url}/lti/deep-link"]

    def get_scopes(self) -> list[str]:
        """Return the services that the tool needs: scores, line items, memberships."""
        return SCOPES

    def get_domain(self) -> str:
        """Return our host with its port."""
        return str(urlsplit(self._public_url).netloc)

    def get_target_link_uri(self) -> str:
        """Return what a link opens."""
        return f"{self._public_url}/lti/launch"

    def get_claims(self) -> list[str]:
        """Return what the tool wishes to know of a person."""
        return CLAIMS

    def get_messages(self) -> list[dict[str, str]]:
        """Return the messages that the tool understands."""
        return [
            {"type": "LtiResourceLinkRequest"},
            {
                "type": "LtiDeepLinkingRequest",
                "target_link_uri": f"{self._public_url}/lti/deep-link",
                "label": _("Internship site"),
            },
        ]

    def get_description(self) -> str:
        """Return one line for Moodle's list of tools."""
        return str(_("Internship sites of teachers: schedule, attendance, credited hours"))

    def get_logo_uri(self) -> str:
        """Return no address: the tool has no logo yet, and ``lti_registration_data`` leaves it out."""
        return ""

    def lti_registration_data(self) -> dict[str, Any]:
        """Return the introduction itself."""
        data: dict[str, Any] = super().lti_registration_data()
        data[TOOL]["custom_parameters"] = CUSTOM_PARAMETERS
        if not data["logo_uri"]:
            del data["logo_uri"]
        return data

    def complete_registration(
        self, openid_configuration: dict[str, Any], openid_registration: dict[str, Any]
    ) -> dict[str, str]:
        """Return what is to be stored."""
        client_id = openid_registration.get("client_id")
        deployment_id = openid_registration[TOOL].get("deployment_id")
        for given in (client_id, deployment_id):
            if not isinstance(given, str) or not 0 < len(given) <= 255:
                raise LaunchRefused("lti_registration_answer_incomplete", MOODLE_ANSWER)
        return {
            "issuer": openid_configuration["issuer"],
            "client_id": openid_registration["client_id"],
            "deployment_id": openid_registration[TOOL]["deployment_id"],
            "auth_login_url": openid_configuration["authorization_endpoint"],
            "auth_token_url": openid_configuration["token_endpoint"],
            "key_set_url": openid_configuration["jwks_uri"],
        }


def register_with_moodle(
    token: str, *, configuration_url: str, registration_token: str | None, now: datetime
) -> Response:
    """Carry out a registration and say what is left to do. Raises LaunchRefused; the invitation then still serves.

    The network is asked between two transactions, never within one.
    """
    if not token:
        raise LaunchRefused("lti_invitation_missing", NO_INVITATION, status=404)
    if not configuration_url:
        raise LaunchRefused("lti_registration_outside_moodle", PASTE_IN_MOODLE)
    database = tool().database
    with database.transaction() as session:
        invitation_id, moodle = claim_invitation(session, token, now)
        ensure_key(session, tool().vault, now)
    try:
        stored = _introduce(moodle.url, configuration_url, registration_token)
    except BaseException:
        with database.transaction() as session:
            release_invitation(session, invitation_id)
        raise
    with database.transaction() as session:
        registration = add_registration(session, moodle=moodle, actor=SYSTEM, now=now, **stored)
        use_invitation(session, invitation_id, registration, now)
    parts().registrations.forget()
    page = render_template("lti/registered.html", moodle_origin=origin_of(moodle.url), moodle_name=moodle.name)
    return make_response(page)


def _introduce(moodle_url: str, configuration_url: str, registration_token: str | None) -> dict[str, str]:
    introduction = Introduction(
        moodle_url=moodle_url,
        public_url=tool().settings.public_url,
        configuration_url=configuration_url,
        registration_token=registration_token,
    )
    try:
        stored: dict[str, str] = introduction.register()
    except LtiServiceException as error:
        code = f"lti_registration_declined_{error.response.status_code}"
        raise LaunchRefused(code, MOODLE_ANSWER) from error
    except (LtiException, requests.RequestException, AssertionError, ValueError, TypeError, AttributeError) as error:
        # The library asserts what an answer must hold and takes its shape for granted.
        raise LaunchRefused("lti_registration_failed", MOODLE_ANSWER) from error
    return stored
