"""From stays to minutes and a suggestion: pure functions. Times in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from config.settings import Settings
from lti_app.meetings.models import Meeting, MeetingState, Presence, StaySource
from lti_app.programmes.models import Mode


@dataclass(frozen=True)
class StayRules:
    """Say when rooms open, and from which share of a meeting on somebody counts as present."""

    opens_before: timedelta = timedelta(minutes=15)
    """Joining opens this long before a distance meeting and closes with its end (ROOM_OPENS_MINUTES)."""
    present_from: float = 0.75
    """Share of a meeting's minutes from which presence is suggested; the leader decides (PRESENT_FROM)."""

    @classmethod
    def of(cls, settings: Settings) -> StayRules:
        """Return the rules that an installation has set."""
        return cls(timedelta(minutes=settings.room_opens_minutes), settings.present_from)


USUAL = StayRules()
"""The rules of an installation that has set none."""

Span = tuple[datetime, datetime | None]
"""From joining to leaving; None while inside."""


class Checks(NamedTuple):
    """Say how many checks of presence somebody answered, of how many that were held."""

    answered: int = 0
    held: int = 0

    @property
    def are_enough(self) -> bool:
        """Tell whether at least half of them were answered; where none were held, nothing is missing."""
        return 2 * self.answered >= self.held


NO_CHECKS = Checks()


def counting(sources: Iterable[StaySource]) -> frozenset[StaySource]:
    """Return whose stays count for a meeting of which ``sources`` tell.

    The room's server and a list that was brought in know who was in the room; they are taken together. The tool's
    buttons, which tell only who went there, count where neither of them says anything.
    """
    told = frozenset(sources) - {StaySource.TOOL}
    return told or frozenset({StaySource.TOOL})


def united(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return the same time in spans that don't touch, by time; empty ones are left out."""
    parts: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(spans):
        if end <= begin:
            continue
        if parts and begin <= parts[-1][1]:
            parts[-1] = (parts[-1][0], max(parts[-1][1], end))
        else:
            parts.append((begin, end))
    return parts


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


def suggest_presence(
    meeting: Meeting, minutes: int | None, now: datetime, *, rules: StayRules = USUAL, checks: Checks = NO_CHECKS
) -> Presence | None:
    """Suggest what the leader may confirm; None on site, or while the meeting can still change it.

    Present is who was there for the set share of the meeting and answered at least half of the checks held.
    """
    if minutes is None or meeting.state is MeetingState.CANCELLED:
        return None
    if minutes >= rules.present_from * meeting.minutes and checks.are_enough:
        return Presence.PRESENT
    return Presence.ABSENT if now >= meeting.ends_at else None


def can_join(meeting: Meeting, now: datetime, *, rules: StayRules = USUAL) -> bool:
    """Tell whether the room of ``meeting`` is open: at a distance, not cancelled, from shortly before until the end."""
    opens = opens_at(meeting, rules=rules)
    return opens is not None and opens <= now < meeting.ends_at


def opens_at(meeting: Meeting, *, rules: StayRules = USUAL) -> datetime | None:
    """Return when joining opens; None for meetings on site and cancelled ones."""
    if meeting.mode is not Mode.DISTANCE or meeting.state is MeetingState.CANCELLED:
        return None
    return meeting.starts_at - rules.opens_before
