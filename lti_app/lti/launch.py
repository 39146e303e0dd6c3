"""The second half of a launch: Moodle's signed answer, proven step by step.

The library's MessageLaunch gives the order of the steps, its message validators and roles; each step that it leaves
open is overridden here. What it proved is a ``Launch``, which knows nothing of Flask or tokens.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from flask import Request as FlaskHttpRequest
from flask import g
from flask_babel import lazy_gettext as _l
from jwt.api_jws import PyJWS
from jwt.utils import base64url_decode
from pylti1p3.contrib.flask.request import FlaskRequest
from pylti1p3.exception import LtiException
from pylti1p3.message_launch import MessageLaunch
from pylti1p3.roles import StudentRole, TeacherRole
from pylti1p3.session import SessionService

from lti_app.lti import claims as check
from lti_app.lti.claims import LTI, Claims
from lti_app.lti.http import is_below
from lti_app.lti.links import Link
from lti_app.lti.login import LoginCookies
from lti_app.lti.parts import LtiParts
from lti_app.lti.refusals import (
    AGAIN,
    MISCONFIGURED,
    MOODLE_DECLINED,
    NO_COOKIE,
    NO_COOKIE_IN_FRAME,
    NOT_PROVEN,
    OTHER_BROWSER,
    TOO_LARGE,
    UNKNOWN_MOODLE,
    LaunchRefused,
    Way,
)
from lti_app.lti.registrations import Known, Registrations
from lti_app.lti.state import State

LARGEST_TOKEN = 32 * 1024
STATE_PREFIX = "state-"
MOST_CUSTOM = 50
INTAKE, MEETING = "intake", "meeting"
"""Custom parameters of links that were placed for one page: they choose a page, and prove nothing."""

# Of the whole Moodle: an institution's Administrator may be whoever keeps its papers. Moodle names both for a site
# administrator (recording launch_payload_admin.json).
ADMINISTRATOR_ROLES = frozenset(
    f"http://purl.imsglobal.org/vocab/lis/v2/system/person#{name}" for name in ("Administrator", "SysAdmin")
)

_JWS = PyJWS(algorithms=["RS256"])


@dataclass(frozen=True)
class Launch:
    """Say who came, from which Moodle, to which course and link, as which role.

    ``user_id`` is ``sub``: the Moodle user id; ``course_id`` is ``context.id``. Name and e-mail may be withheld by the
    tool's privacy settings in Moodle. An Instructor role alone gives no power over a site.
    """

    registration_id: int
    moodle_id: int
    moodle_origin: str
    user_id: int
    name: str
    email: str | None
    idnumber: str | None
    is_moodle_admin: bool
    is_instructor: bool
    is_learner: bool
    course_id: int | None
    course_title: str
    course_idnumber: str | None
    resource_link_id: str | None
    locale: str | None
    message_type: str
    custom: dict[str, str]


class ToolLaunch(MessageLaunch[FlaskRequest, Registrations, SessionService, LoginCookies]):
    """Prove a launch. ``prove`` raises LaunchRefused and nothing else."""

    _session_service: Any

    def __init__(self, request: FlaskHttpRequest, parts: LtiParts, *, public_url: str, now: datetime) -> None:
        library_request = FlaskRequest(session={}, request_data=request.form)  # type: ignore[no-untyped-call]
        super().__init__(
            library_request,
            parts.registrations,
            session_service=SessionService(library_request),
            cookie_service=LoginCookies(request),
            requests_session=parts.http,
        )
        self._form = request.form
        self._fetch_target = request.headers.get("Sec-Fetch-Dest", "")
        self._parts = parts
        self._public_url = public_url
        self._now = now
        self.state: State
        self.known: Known
        self.claims: Claims = {}

    def prove(self) -> Launch:
        """Take all steps; return what is proven. The nonce is not yet used up: that needs the transaction."""
        if "error" in self._form:
            raise LaunchRefused("lti_moodle_declined", MOODLE_DECLINED)
        try:
            self.validate()
        except LtiException as error:
            # A message validator of the library, whose words are for programmers.
            raise LaunchRefused("lti_message_invalid", MISCONFIGURED) from error
        return launch_of(self.claims, self.known)

    def _get_request_param(self, key: str) -> str:
        return self._form.get(key, "")

    def get_client_id(self) -> str:
        """Name our client, wherever it stands among the audiences."""
        return self.known.client_id

    def link(self) -> Link | None:
        """Return what the launch tells of its link; None where there is no course or no link."""
        link_id = check.identifier(check.mapping(self.claims.get(f"{LTI}resource_link")).get("id"), 255)
        course_id = check.numeric_id(check.mapping(self.claims.get(f"{LTI}context")).get("id"))
        if link_id is None or course_id is None:
            return None
        endpoint = check.mapping(self.claims.get(check.ENDPOINT))
        members = check.mapping(self.claims.get(check.MEMBERSHIPS))
        return Link(
            registration_id=self.known.id,
            resource_link_id=link_id,
            course_id=course_id,
            title=check.words(check.mapping(self.claims[f"{LTI}resource_link"]).get("title"), 500),
            lineitem_url=self._own_address(endpoint.get("lineitem")),
            lineitems_url=self._own_address(endpoint.get("lineitems")),
            memberships_url=self._own_address(members.get("context_memberships_url")),
            chosen_meeting=check.numeric_id(check.mapping(self.claims.get(f"{LTI}custom")).get(MEETING)),
            cmid=self.state.cmid,
            by_teacher=TeacherRole(self.claims).check(),  # type: ignore[no-untyped-call]
        )

    def validate_state(self) -> ToolLaunch:
        """Open the state; it must be of this browser and of a registration that still stands."""
        text = self._form.get("state", "")
        self.state = self._parts.signer.open(text.removeprefix(STATE_PREFIX), self._now)
        known = self._parts.registrations.get(self.state.registration_id)
        if known is None:
            raise LaunchRefused("lti_registration_gone", UNKNOWN_MOODLE)
        self.known = g.lti_registration = known
        secret = self._cookie_service.get_cookie(self.state.cookie_name)
        if secret is None:
            raise self._no_cookie()
        if not self.state.is_of_browser(secret):
            raise LaunchRefused("lti_other_browser", OTHER_BROWSER)
        return self

    def validate_jwt_format(self) -> ToolLaunch:
        """Look at the size and the header only: nothing unproven is read any further."""
        token = self._form.get("id_token", "")
        if not token:
            raise LaunchRefused("lti_token_missing", AGAIN)
        if len(token) > LARGEST_TOKEN:
            raise LaunchRefused("lti_token_too_large", TOO_LARGE)
        header = _header_of(token)
        if header.get("alg") != "RS256":
            raise LaunchRefused("lti_algorithm_refused", NOT_PROVEN)
        if "crit" in header:
            # It names what a reader must understand; we understand no extension (RFC 7515, 4.1.11).
            raise LaunchRefused("lti_token_malformed", NOT_PROVEN)
        kid = header.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= 255:
            raise LaunchRefused("lti_key_id_missing", NOT_PROVEN)
        self._jwt = {"header": {"alg": "RS256", "kid": kid}}
        return self

    def validate_nonce(self) -> ToolLaunch:
        """Leave the nonce for later: it is compared once the signature has proven it."""
        return self

    def validate_registration(self) -> ToolLaunch:
        """Take the registration from the state, never from an unproven token."""
        self._registration = self.known.for_library()
        return self

    def validate_jwt_signature(self) -> ToolLaunch:
        """Verify with a key of the registration's own key set, then check every claim."""
        key = self._parts.key_sets.find(self.known.key_set_url, self._jwt["header"]["kid"])
        try:
            body = json.loads(_JWS.decode(self._form["id_token"], key, algorithms=["RS256"]))
        except jwt.InvalidSignatureError:
            raise LaunchRefused("lti_signature_wrong", NOT_PROVEN) from None
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise LaunchRefused("lti_token_malformed", NOT_PROVEN) from None
        if not isinstance(body, dict):
            raise LaunchRefused("lti_token_malformed", NOT_PROVEN)
        check.check_claims(body, registration=self.known, state=self.state, tool_url=self._public_url, now=self._now)
        self.claims = body
        self._jwt = {"header": self._jwt["header"], "body": body}  # type: ignore[typeddict-item]
        return self

    def save_launch_data(self) -> ToolLaunch:
        """Keep no launch data in the browser or the session."""
        return self

    def _own_address(self, url: object) -> str | None:
        """Return a service's address if it belongs to this Moodle: our access token goes there."""
        return url if isinstance(url, str) and len(url) <= 1000 and is_below(url, self.known.moodle_url) else None

    def _no_cookie(self) -> LaunchRefused:
        """Offer a window of its own where the frame lost the cookie; explain where a window lost it too.

        Moodle's launch.php begins a fresh login in the window that opens it.
        """
        if self._fetch_target == "iframe" or not self._fetch_target:
            way = None
            if self.state.cmid is not None:
                address = f"{self.known.moodle_url}/mod/lti/launch.php?id={self.state.cmid}&triggerview=0"
                way = Way(address, _l("Open in a new window"))
            return LaunchRefused(
                "lti_cookie_lost_in_frame", NO_COOKIE_IN_FRAME if way else NO_COOKIE, status=403, way=way
            )
        return LaunchRefused("lti_cookie_lost", NO_COOKIE, status=403)


def _header_of(token: str) -> dict[str, Any]:
    """Read the header; nothing of it is believed but the name of the key. Raises LaunchRefused.

    The library's own reader (``get_unverified_header``) would look through payload and signature as well.
    """
    try:
        header = json.loads(base64url_decode(token.partition(".")[0]))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise LaunchRefused("lti_token_malformed", NOT_PROVEN)
    return header


def launch_of(claims: Claims, known: Known) -> Launch:
    """Return what proven claims say, in our words. Missing names and addresses are empty, never guessed."""
    context = check.mapping(claims.get(f"{LTI}context"))
    lis = check.mapping(claims.get(f"{LTI}lis"))
    presentation = check.mapping(claims.get(f"{LTI}launch_presentation"))
    return Launch(
        registration_id=known.id,
        moodle_id=known.moodle_id,
        moodle_origin=known.moodle_origin,
        user_id=int(claims["sub"]),
        name=_name(claims),
        email=check.identifier(claims.get("email"), 254),
        idnumber=check.identifier(lis.get("person_sourcedid"), 255),
        is_moodle_admin=not ADMINISTRATOR_ROLES.isdisjoint(claims[f"{LTI}roles"]),
        is_instructor=TeacherRole(claims).check(),  # type: ignore[no-untyped-call]
        is_learner=StudentRole(claims).check(),  # type: ignore[no-untyped-call]
        course_id=check.numeric_id(context.get("id")),
        course_title=check.words(context.get("title"), 500),
        course_idnumber=check.identifier(lis.get("course_section_sourcedid"), 255),
        resource_link_id=check.identifier(check.mapping(claims.get(f"{LTI}resource_link")).get("id"), 255),
        locale=check.identifier(presentation.get("locale"), 35),
        message_type=claims[f"{LTI}message_type"],
        custom=_custom(check.mapping(claims.get(f"{LTI}custom"))),
    )


def _name(claims: Claims) -> str:
    whole = check.words(claims.get("name"), 200)
    if whole:
        return whole
    parts = (check.words(claims.get(part), 100) for part in ("given_name", "family_name"))
    return " ".join(part for part in parts if part)


def _custom(given: dict[str, Any]) -> dict[str, str]:
    """Keep texts; leave out variables that Moodle did not know and sent back as they were."""
    return {
        name[:100]: check.words(value, 1000)
        for name, value in list(given.items())[:MOST_CUSTOM]
        if isinstance(value, str) and not value.startswith("$")
    }
