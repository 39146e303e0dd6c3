"""The first half of a launch: Moodle announces it, we answer with a redirect that carries a signed state.

OpenID Connect third-party initiated login (LTI security framework 1.0, 5.1.1). The library builds the redirect;
the state, the nonce, the cookie and the checks are ours. Nothing is stored on the server.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from flask import Request as FlaskHttpRequest
from flask import Response, g, redirect
from pylti1p3.contrib.flask.request import FlaskRequest
from pylti1p3.cookie import CookieService
from pylti1p3.oidc_login import OIDCLogin
from pylti1p3.redirect import Redirect
from pylti1p3.registration import Registration
from pylti1p3.session import SessionService

from lti_app.lti.http import is_below
from lti_app.lti.parts import LtiParts
from lti_app.lti.refusals import FROM_MOODLE_ONLY, MISCONFIGURED, TOO_LARGE, LaunchRefused
from lti_app.lti.registrations import Known, Registrations
from lti_app.lti.state import LIFE, State, begin, cookies_to_drop

LONGEST = {"iss": 500, "client_id": 255, "lti_deployment_id": 255, "login_hint": 500, "target_link_uri": 1000}
LONGEST_MESSAGE_HINT = 2000
NOBODY = "0"
"""The user in whose name Moodle announces a launch while nobody is signed in there."""


class LoginCookies(CookieService):
    """Bind a login to the browser that began it: a cookie of its own for each state, a handful at most."""

    def __init__(self, request: FlaskHttpRequest) -> None:
        self._request = request

    def get_cookie(self, name: str) -> str | None:
        """Return what the browser sent under ``name``."""
        return self._request.cookies.get(name)

    def set_cookie(self, name: str, value: str | int, exp: int | None = 3600) -> None:
        """Do nothing: the library's cookie would hold the state itself; ours holds a secret (``bind``)."""

    def bind(self, response: Response, state: State, secret: str) -> None:
        """Give the browser the cookie of this login and take back the oldest ones."""
        for name in cookies_to_drop(self._request.cookies):
            drop_cookie(response, name)
        response.set_cookie(
            state.cookie_name,
            secret,
            max_age=int(LIFE.total_seconds()),
            path="/lti/",
            secure=True,
            httponly=True,
            samesite="None",
            partitioned=True,
        )


class _Forward(Redirect[Response]):
    def __init__(self, location: str) -> None:
        self._location = location

    def do_redirect(self) -> Response:
        return redirect(self._location)  # type: ignore[return-value]

    def do_js_redirect(self) -> Response:
        return self.do_redirect()

    def set_redirect_url(self, location: str) -> None:
        self._location = location

    def get_redirect_url(self) -> str:
        return self._location


class _NothingStored(SessionService):
    """Take the place of the library's server-side session: the signed state says it all."""

    def __init__(self, request: FlaskRequest) -> None:
        self._request = request

    def save_nonce(self, nonce: str) -> None:
        """Keep nothing: an unauthenticated login must not fill a table."""


class Login(OIDCLogin[FlaskRequest, Registrations, _NothingStored, LoginCookies, Response]):
    """Check a login request and answer it. Raises LaunchRefused."""

    def __init__(self, request: FlaskHttpRequest, parts: LtiParts, *, public_url: str, now: datetime) -> None:
        library_request = FlaskRequest(session={}, request_data=request.values)  # type: ignore[no-untyped-call]
        super().__init__(
            library_request,
            parts.registrations,
            session_service=_NothingStored(library_request),
            cookie_service=LoginCookies(request),
        )
        self._parts = parts
        self._public_url = public_url
        self._now = now
        self._values = request.values
        self.known: Known
        self._state: State

    def respond(self) -> Response:
        """Return the redirect to Moodle's sign-in address, with the cookie that binds it to this browser."""
        self._check_sizes()
        registration = self.known = g.lti_registration = self._find_registration()
        self._state, secret = begin(
            registration_id=registration.id,
            lti_message_hint=self._values.get("lti_message_hint"),
            now=self._now,
        )
        if self._values["login_hint"] == NOBODY:
            return self._sign_in_first()
        response = self.redirect(self._answer_address())
        response.headers["Cache-Control"] = "no-store"
        self._cookie_service.bind(response, self._state, secret)
        return response

    def _sign_in_first(self) -> Response:
        """Lead somebody who isn't signed in to Moodle to its sign-in page, and back to the same link afterwards.

        Moodle's ``launch.php``, opened by itself, asks nobody to sign in: it announces a launch by the user 0, and
        refuses it later. Its sign-in page goes on to ``wantsurl``, an address of its own (read in 4.5's source).
        """
        address = f"{self.known.moodle_url}/login/index.php"
        if self._state.cmid is not None:
            wanted = f"{self.known.moodle_url}/mod/lti/launch.php?id={self._state.cmid}"
            address += f"?wantsurl={quote(wanted, safe='')}"
        response: Response = redirect(address, 303)  # type: ignore[assignment]
        response.headers["Cache-Control"] = "no-store"
        return response

    def validate_oidc_login(self) -> Registration:
        """Hand the library the registration that was found."""
        return self.known.for_library()

    def get_redirect(self, url: str) -> Redirect[Response]:
        """Make the redirect."""
        return _Forward(url)

    def _get_uuid(self) -> str:
        # The library puts "state-" before it; the launch takes that off again.
        return self._parts.signer.sign(self._state)

    def _generate_nonce(self) -> str:
        return self._state.nonce

    def _check_sizes(self) -> None:
        for name, longest in LONGEST.items():
            if len(self._values.get(name, "")) > longest:
                raise LaunchRefused(f"lti_{name}_too_long", TOO_LARGE)
        if len(self._values.get("lti_message_hint", "")) > LONGEST_MESSAGE_HINT:
            raise LaunchRefused("lti_message_hint_too_long", TOO_LARGE)

    def _find_registration(self) -> Known:
        issuer = self._values.get("iss")
        if not issuer:
            raise LaunchRefused("lti_issuer_missing", FROM_MOODLE_ONLY)
        if not self._values.get("login_hint"):
            raise LaunchRefused("lti_login_hint_missing", FROM_MOODLE_ONLY)
        found = self._parts.registrations.find(
            issuer, self._values.get("client_id") or None, self._values.get("lti_deployment_id") or None
        )
        if not is_below(self._values.get("target_link_uri"), self._public_url):
            raise LaunchRefused("lti_target_link_uri_wrong", MISCONFIGURED)
        return found

    def _answer_address(self) -> str:
        """Return the registered redirect address that fits what is to be opened."""
        deep = self._values.get("target_link_uri", "").partition("?")[0] == f"{self._public_url}/lti/deep-link"
        return f"{self._public_url}/lti/{'deep-link' if deep else 'launch'}"


def drop_cookie(response: Response, name: str) -> None:
    """Take a login's cookie back."""
    response.delete_cookie(name, path="/lti/", secure=True, httponly=True, samesite="None", partitioned=True)
