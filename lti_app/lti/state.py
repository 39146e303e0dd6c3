"""The state of a login: signed, not stored, tied to a registration and to a browser.

Any worker can open it with the same SECRET_KEY (OpenID Connect core, 3.1.2.1; LTI security framework 1.0, 5.1.1).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, Signer

from lti_app.lti.refusals import AGAIN, TOO_LATE, LaunchRefused

LIFE = timedelta(minutes=10)
LEEWAY = timedelta(seconds=30)
LONGEST_STATE = 1024
MOST_COOKIES = 8

_COOKIE = re.compile(r"lti_[0-9a-f]{8,16}_[0-9A-Za-z_-]{8}")
_HASH_CHARACTERS = 32


@dataclass(frozen=True)
class State:
    """Say which login a launch belongs to. ``issued_at`` in Unix seconds; ``cmid`` of the link in Moodle, if known."""

    registration_id: int
    nonce: str
    browser_hash: str
    issued_at: int
    cmid: int | None

    @property
    def cookie_name(self) -> str:
        """Return the name of this login's own cookie: tabs don't disturb each other, the oldest sorts first."""
        return f"lti_{self.issued_at:08x}_{self.nonce[:8]}"

    @property
    def expires_at(self) -> datetime:
        """Return the moment (UTC) after which no launch can use this state."""
        return datetime.fromtimestamp(self.issued_at, UTC) + LIFE + LEEWAY

    def is_of_browser(self, secret: str) -> bool:
        """Tell whether ``secret`` is what this login's cookie held."""
        return hmac.compare_digest(self.browser_hash, _hash(secret))


def begin(*, registration_id: int, lti_message_hint: str | None, now: datetime) -> tuple[State, str]:
    """Return a new state and the secret for its cookie."""
    secret = secrets.token_urlsafe(16)
    state = State(
        registration_id=registration_id,
        nonce=secrets.token_urlsafe(24),
        browser_hash=_hash(secret),
        issued_at=int(now.timestamp()),
        cmid=_cmid(lti_message_hint),
    )
    return state, secret


class StateSigner:
    """Sign states and open them again."""

    def __init__(self, secret_key: str) -> None:
        self._signer = Signer(secret_key, salt="login-state", key_derivation="hmac", digest_method=hashlib.sha256)

    def sign(self, state: State) -> str:
        """Return the state as text for an address. No field holds a point, or anything that an address must escape."""
        fields = [state.registration_id, state.nonce, state.browser_hash, state.issued_at, state.cmid or ""]
        return self._signer.sign(".".join(map(str, fields))).decode("ascii")

    def open(self, text: str, now: datetime) -> State:
        """Return the state. Raises LaunchRefused where it isn't ours or is older than ten minutes."""
        if not text or len(text) > LONGEST_STATE:
            raise LaunchRefused("lti_state_missing" if not text else "lti_state_bad", AGAIN)
        try:
            fields = self._signer.unsign(text).decode("ascii").split(".")
            registration_id, nonce, browser_hash, issued_at, cmid = fields
            state = State(int(registration_id), nonce, browser_hash, int(issued_at), int(cmid) if cmid else None)
        except (BadSignature, ValueError):
            raise LaunchRefused("lti_state_bad", AGAIN) from None
        if now > state.expires_at:
            raise LaunchRefused("lti_state_expired", TOO_LATE)
        return state


def cookies_to_drop(names: Iterable[str]) -> list[str]:
    """Return the oldest login cookies of a browser that make room for one more."""
    ours = sorted(name for name in names if _COOKIE.fullmatch(name))
    return ours[: max(0, len(ours) - MOST_COOKIES + 1)]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:_HASH_CHARACTERS]


def _cmid(lti_message_hint: str | None) -> int | None:
    """Read the course-module id out of Moodle's hint: {"cmid":2,"launchid":"…"} (login_initiation.json)."""
    if not lti_message_hint or not lti_message_hint.startswith("{"):
        return None
    try:
        cmid = json.loads(lti_message_hint).get("cmid")
    except (ValueError, RecursionError):
        return None
    if isinstance(cmid, str) and cmid.isascii() and cmid.isdigit() and len(cmid) < 10:
        cmid = int(cmid)
    return cmid if type(cmid) is int and 0 < cmid < 2**31 else None
