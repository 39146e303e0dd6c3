"""Calls of the tool to a Moodle's LTI services, under access tokens of its own.

LTI security framework 1.0, chapter 4: client credentials with a signed assertion. The library makes the assertion
and the calls; the token cache, the second try after a 401 and the typed errors are ours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import requests
from pylti1p3.exception import LtiServiceException
from pylti1p3.registration import Registration
from pylti1p3.service_connector import ServiceConnector, TServiceConnectorResponse

EARLY = 60.0
MOST_TOKENS = 1000


class ServiceUnreachable(Exception):
    """Say that Moodle could not be asked or gave no sensible answer; trying again later may help."""


class ServiceRefused(Exception):
    """Say that Moodle refused a call. ``status`` is the HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Moodle answered {status}")
        self.status = status


class TokenRefused(Exception):
    """Say that Moodle gave no access token, and its reason.

    ``is_page`` where it answered a page for people: so Moodle 4.5 does (404) if it can't read the tool's keys.
    """

    def __init__(self, reason: str, *, is_page: bool = False) -> None:
        super().__init__(reason)
        self.is_page = is_page


class AccessTokens:
    """Keep access tokens per registration and scopes until a minute before they expire."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    def get(self, key: str) -> str | None:
        """Return a token that still holds for a minute, or None."""
        with self._lock:
            token, until = self._tokens.get(key, ("", float("-inf")))
        return token if self._monotonic() < until - EARLY else None

    def keep(self, key: str, token: str, seconds: float) -> None:
        """Keep a token that expires in so many seconds."""
        with self._lock:
            if len(self._tokens) >= MOST_TOKENS:
                self._tokens.clear()
            self._tokens[key] = (token, self._monotonic() + seconds)

    def clear(self) -> None:
        """Forget all tokens."""
        with self._lock:
            self._tokens.clear()

    def drop(self, key: str) -> None:
        """Forget a token that Moodle no longer takes."""
        with self._lock:
            self._tokens.pop(key, None)


class ToolRegistration(Registration):
    """Know the tool's own key, under the name by which it is published."""

    def __init__(self, kid: str, private_key: str) -> None:
        self._kid = kid
        self._tool_private_key = private_key

    def get_kid(self) -> str | None:
        """Return the name of the signing key."""
        return self._kid


class PlatformConnector(ServiceConnector):
    """Call services of one registration. Raises ServiceUnreachable, ServiceRefused, TokenRefused."""

    def __init__(
        self, registration: Registration, http: requests.Session, tokens: AccessTokens, *, registration_id: int
    ) -> None:
        super().__init__(registration, http)
        self._tokens = tokens
        self._registration_id = registration_id

    def get_access_token(self, scopes: Sequence[str]) -> str:
        """Return a token for ``scopes``, from the cache if it still holds."""
        try:
            return super().get_access_token(scopes)
        except LtiServiceException as error:
            if error.response.status_code >= 500:
                raise ServiceUnreachable(f"token: HTTP {error.response.status_code}") from error
            reason = _reason(error.response)
            raise TokenRefused(reason or f"HTTP {error.response.status_code}", is_page=reason is None) from error
        except requests.RequestException as error:
            raise ServiceUnreachable(f"token: {type(error).__name__}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise ServiceUnreachable("token: not an answer of a token endpoint") from error

    def make_service_request(self, scopes: Sequence[str], url: str, **options: Any) -> TServiceConnectorResponse:
        """Call a service; after a 401 once more with a fresh token."""
        try:
            return self._call(scopes, url, **options)
        except ServiceRefused as refused:
            if refused.status != 401:
                raise
        self._tokens.drop(self._scope_key(sorted(scopes)))
        return self._call(scopes, url, **options)

    def put(self, scopes: Sequence[str], url: str, data: str, content_type: str) -> None:
        """Replace what is at ``url``; the library can only get and post. Raises as ``make_service_request``."""
        try:
            headers = {"Authorization": f"Bearer {self.get_access_token(scopes)}", "Content-Type": content_type}
            response = self._requests_session.put(url, data=data.encode(), headers=headers)
        except requests.RequestException as error:
            raise ServiceUnreachable(type(error).__name__) from error
        if response.status_code >= 500:
            raise ServiceUnreachable(f"HTTP {response.status_code}")
        if not response.ok:
            raise ServiceRefused(response.status_code)

    def _call(self, scopes: Sequence[str], url: str, **options: Any) -> TServiceConnectorResponse:
        try:
            return super().make_service_request(scopes, url, **options)
        except LtiServiceException as error:
            status = error.response.status_code
            if status >= 500 or status < 400:
                raise ServiceUnreachable(f"HTTP {status}") from error
            raise ServiceRefused(status) from error
        except (requests.RequestException, ValueError) as error:
            raise ServiceUnreachable(type(error).__name__) from error

    def _scope_key(self, scopes: Any) -> str:
        # The library's key names the issuer only, so registrations with one Moodle would share tokens.
        return f"{self._registration_id} {' '.join(sorted(scopes))}"

    def _get_cached_access_token(self, scope_key: str) -> str | None:
        return self._tokens.get(scope_key)

    def _cache_access_token(self, scope_key: str, access_token: str, expires_in: float) -> None:
        self._tokens.keep(scope_key, access_token, float(expires_in))


def _reason(response: requests.Response) -> str | None:
    """Read Moodle's short reason, such as invalid_client (token_bad_client.json); None where there is none."""
    try:
        return str(response.json()["error"])[:100]
    except (ValueError, KeyError, TypeError):
        return None
