"""A draft schedule from a thematic plan and a weekly pattern, and repetition by the clock: pure functions.

Days and times here are the municipality's, as people write them down: 15:00 is 15:00 whatever the clocks do. Only
``planning.from_local`` turns them into UTC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import DomainError
from lti_app.meetings.planning import ACADEMIC_HOUR, LONGEST
from lti_app.programmes.models import Form, Mode

LONGEST_HOURS = Decimal(LONGEST) / ACADEMIC_HOUR
MOST_DAYS = 3 * 366
"""How far ahead a day is looked for: a pattern may leave every day out."""
MOST_MEETINGS = 200
"""Rows of a draft, and repetitions of a meeting."""
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class TopicToPlan:
    """Hold a topic of the plan with the academic hours that meetings still have to give."""

    topic_id: int
    form: Form
    mode: Mode
    hours: Decimal


@dataclass(frozen=True)
class Pattern:
    """Hold when meetings are: from which day on, on which weekdays (0 is Monday), at what time, how long at most.

    ``hours`` are academic, in halves; ``left_out`` are days without meetings.
    """

    first_day: date
    weekdays: frozenset[int]
    at: time
    hours: Decimal
    left_out: frozenset[date] = frozenset()


@dataclass(frozen=True)
class DraftMeeting:
    """Hold a meeting of a draft: local day and time, minutes of the clock."""

    topic_id: int
    form: Form
    mode: Mode
    day: date
    at: time
    minutes: int


def in_halves(hours: Decimal) -> Decimal:
    """Return ``hours`` rounded up to what meetings can give: full halves."""
    return (hours * 2).to_integral_value(ROUND_CEILING) / 2


def minutes_of(hours: Decimal) -> int:
    """Return the minutes of the clock of a meeting that gives these academic hours (halves): 45 for each."""
    return math.ceil(hours * ACADEMIC_HOUR)


def draft(topics: Iterable[TopicToPlan], pattern: Pattern) -> list[DraftMeeting]:
    """Lay the topics out in their order, a meeting a day; a topic longer than one meeting takes several.

    Raises DomainError where the pattern has no days for them.
    """
    days = days_of(pattern)
    return [
        DraftMeeting(topic.topic_id, topic.form, topic.mode, _next(days), pattern.at, minutes_of(hours))
        for topic in topics
        for hours in parts_of(topic.hours, pattern.hours)
    ]


def parts_of(hours: Decimal, longest: Decimal) -> list[Decimal]:
    """Return the hours of the meetings that make up ``hours``: as long as one may be, and the rest in the last."""
    left, parts = in_halves(hours), []
    while left > 0:
        parts.append(min(left, longest))
        left -= parts[-1]
    return parts


def days_of(pattern: Pattern) -> Iterator[date]:
    """Return the pattern's days one after another; they end where none is found for years."""
    if not pattern.weekdays:
        return
    day, since = pattern.first_day, 0
    while since < MOST_DAYS:
        if day.weekday() in pattern.weekdays and day not in pattern.left_out:
            yield day
            since = 0
        day, since = day + timedelta(days=1), since + 1


def _next(days: Iterator[date]) -> date:
    day = next(days, None)
    if day is None:
        raise DomainError(
            "no_days_left",
            _l("The pattern leaves no day for a meeting."),
            remedy=_l("Choose at least one weekday, and leave fewer days out."),
            field="weekdays",
        )
    return day


def weekly(first: datetime, times: int) -> list[datetime]:
    """Return the naive local moments of a meeting that is repeated weekly, ``times`` in all."""
    return [first + WEEK * number for number in range(times)]


def shifted(moment: datetime, before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return where ``moment`` goes if a meeting goes from ``before`` to ``after``: as many days and hours of the clock.

    The first three are aware; the result is naive local time in ``zone``, since the clocks may skip it.
    """
    by = after.astimezone(zone).replace(tzinfo=None) - before.astimezone(zone).replace(tzinfo=None)
    return moment.astimezone(zone).replace(tzinfo=None) + by


def in_order(moments: Sequence[tuple[datetime, int]], by: timedelta) -> list[int]:
    """Return the numbers of meetings (start, number) in the order in which they move by ``by`` past each other.

    No two meetings of a topic may stand at one moment, not even while they move.
    """
    return [number for _start, number in sorted(moments, reverse=by > timedelta(0))]
