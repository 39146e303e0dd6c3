"""From stays to minutes and a suggestion: pure functions. Times in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from lti_app.meetings.models import Meeting, MeetingState, Presence
from lti_app.programmes.models import Mode

OPENS_BEFORE = timedelta(minutes=15)
"""Joining opens this long before a distance meeting and closes with its end."""

PRESENT_FROM = 0.75
"""Share of a meeting's minutes from which presence is suggested; the leader decides."""

Span = tuple[datetime, datetime | None]
"""From joining to leaving; None while inside."""


def time_inside(spans: Iterable[Span], *, starts_at: datetime, ends_at: datetime, now: datetime) -> timedelta:
    """Return how much of the meeting's own time ``spans`` cover together.

    Coming early or staying on adds nothing, overlapping stays count once, an open stay counts until ``now``.
    """
    covered = timedelta(0)
    reached = starts_at
    for joined_at, left_at in sorted(spans, key=lambda span: span[0]):
        begin = max(joined_at, reached)
        end = min(now if left_at is None else left_at, ends_at)
        if end > begin:
            covered += end - begin
            reached = end
    return covered


def minutes_inside(meeting: Meeting, spans: Iterable[Span], now: datetime) -> int | None:
    """Return the whole minutes that ``spans`` cover of ``meeting``; None where nobody joins through the tool."""
    if meeting.mode is not Mode.DISTANCE:
        return None
    inside = time_inside(spans, starts_at=meeting.starts_at, ends_at=meeting.ends_at, now=now)
    return int(inside / timedelta(minutes=1))


def suggest_presence(meeting: Meeting, minutes: int | None, now: datetime) -> Presence | None:
    """Suggest what the leader may confirm; None on site, or while the meeting can still change it."""
    if minutes is None or meeting.state is MeetingState.CANCELLED:
        return None
    if minutes >= PRESENT_FROM * meeting.minutes:
        return Presence.PRESENT
    return Presence.ABSENT if now >= meeting.ends_at else None


def can_join(meeting: Meeting, now: datetime) -> bool:
    """Tell whether the room of ``meeting`` is open: at a distance, not cancelled, 15 minutes before until the end."""
    opens = opens_at(meeting)
    return opens is not None and opens <= now < meeting.ends_at


def opens_at(meeting: Meeting) -> datetime | None:
    """Return when joining opens; None for meetings on site and cancelled ones."""
    if meeting.mode is not Mode.DISTANCE or meeting.state is MeetingState.CANCELLED:
        return None
    return meeting.starts_at - OPENS_BEFORE
