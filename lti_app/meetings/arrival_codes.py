"""The code on the host's screen: worked out from the secret key, the meeting and the time; nothing is stored.

The long one stands in the QR code, the short one is typed in where a phone has no camera for it. Each is good for its
own span of time and the one before, so that one that was on the screen a moment ago still is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lti_app.core.numbers import LARGEST_ID
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.programmes.models import Mode

OPENS_BEFORE = timedelta(minutes=30)
"""Arrivals are taken from this long before the start until the end."""
TYPED_FOR = 3
"""Spans of the long code for which a short one stands: to type takes longer than to scan."""
DIGITS = 8
_MAC_BYTES = 10
_TOKEN = re.compile(r"([0-9a-z]{1,7})-([a-z2-7]{16})")


@dataclass(frozen=True)
class Codes:
    """Make and check the codes. ``seconds`` is how long one QR code stands on the screen."""

    secret_key: str
    seconds: int = 20

    def token(self, meeting_id: int, now: datetime) -> str:
        """Return what the QR code leads to."""
        return f"{_base36(meeting_id)}-{self._mac(meeting_id, self._slot(now))}"

    def typed(self, meeting_id: int, now: datetime) -> str:
        """Return the short code: digits."""
        return self._digits(meeting_id, self._slot(now, TYPED_FOR))

    def meeting_of(self, token: str, now: datetime) -> int | None:
        """Return the meeting whose screen shows ``token``, or did a span ago; None for anything else."""
        found = _TOKEN.fullmatch(token)
        meeting_id = int(found[1], 36) if found else 0
        if found is None or not 0 < meeting_id <= LARGEST_ID:
            return None
        slot = self._slot(now)
        # Both are compared whichever fits, so that the time taken tells nothing.
        fits = [hmac.compare_digest(self._mac(meeting_id, one), found[2]) for one in (slot, slot - 1)]
        return meeting_id if any(fits) else None

    def is_typed(self, text: str, meeting_id: int, now: datetime) -> bool:
        """Tell whether ``text`` is the short code of the meeting now, or a span ago; blanks and dashes don't matter."""
        digits = re.sub(r"[\s\-–.]", "", text)
        if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", digits):
            return False
        slot = self._slot(now, TYPED_FOR)
        fits = [hmac.compare_digest(self._digits(meeting_id, one), digits) for one in (slot, slot - 1)]
        return any(fits)

    def changes_at(self, now: datetime) -> datetime:
        """Return when the QR code on the screen changes."""
        return datetime.fromtimestamp((self._slot(now) + 1) * self.seconds, UTC)

    def _slot(self, now: datetime, spans: int = 1) -> int:
        return int(now.timestamp()) // (self.seconds * spans)

    def _mac(self, meeting_id: int, slot: int) -> str:
        digest = self._digest("screen", meeting_id, slot)[:_MAC_BYTES]
        return base64.b32encode(digest).decode("ascii").lower()

    def _digits(self, meeting_id: int, slot: int) -> str:
        number = int.from_bytes(self._digest("typed", meeting_id, slot)[:16], "big") % 10**DIGITS
        return f"{number:0{DIGITS}}"

    def _digest(self, kind: str, meeting_id: int, slot: int) -> bytes:
        key = hashlib.sha256(f"arrival-code:{self.secret_key}".encode()).digest()
        return hmac.digest(key, f"{kind}:{self.seconds}:{meeting_id}:{slot}".encode(), "sha256")


def takes_arrivals(meeting: Meeting, now: datetime) -> bool:
    """Tell whether people can arrive: on site, not cancelled, from half an hour before until the end."""
    opens = arrivals_from(meeting)
    return opens is not None and opens <= now < meeting.ends_at


def arrivals_from(meeting: Meeting) -> datetime | None:
    """Return when arrivals begin to be taken; None at a distance and where the meeting is cancelled."""
    if meeting.mode is not Mode.ON_SITE or meeting.state is MeetingState.CANCELLED:
        return None
    return meeting.starts_at - OPENS_BEFORE


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"
