"""The sealed note in a phone's browser that it followed the code, until the launch that says whose phone it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer

from lti_app.core.numbers import LARGEST_ID

COOKIE = "ploshchadka_here"
PATH = "/lti/"
SALT = "arrival-note"
LIFE = timedelta(minutes=10)
"""How long a launch is waited for: to log in to Moodle on a phone takes a while."""


@dataclass(frozen=True)
class ArrivalNote:
    """Say which meeting's code was followed, and when (UTC)."""

    meeting_id: int
    at: datetime


def leave_note(response: Response, meeting_id: int, *, secret_key: str, now: datetime) -> None:
    """Give the browser the note. Moodle's launch is sent by another site, so it must be sent from there, too."""
    response.set_cookie(
        COOKIE,
        str(URLSafeSerializer(secret_key, salt=SALT).dumps([meeting_id, int(now.timestamp())])),
        max_age=int(LIFE.total_seconds()),
        path=PATH,
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )


def note_in(request: Request, *, secret_key: str, now: datetime) -> ArrivalNote | None:
    """Return the note that the browser sends, or None where there is none, it isn't ours, or it is too old."""
    text = request.cookies.get(COOKIE)
    if not text:
        return None
    try:
        meeting_id, moment = URLSafeSerializer(secret_key, salt=SALT).loads(text)
    except (BadSignature, TypeError, ValueError):
        return None
    if not isinstance(meeting_id, int) or not isinstance(moment, int) or not 0 < meeting_id <= LARGEST_ID:
        return None
    at = datetime.fromtimestamp(moment, UTC)
    return ArrivalNote(meeting_id, at) if timedelta(0) <= now - at <= LIFE else None


def take_note_away(response: Response) -> None:
    """Let the browser forget the note."""
    response.delete_cookie(COOKIE, path=PATH, secure=True, httponly=True, samesite="None", partitioned=True)
