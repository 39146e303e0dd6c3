"""A time zone as calendar programs read it (RFC 5545, 3.6.5): each change of the clocks, none guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

STEP = timedelta(days=7)
"""No zone changes its clocks twice within a week."""


class Clocks(NamedTuple):
    """Say how the clocks stand: distance from UTC, its name, whether it is summer time."""

    offset: timedelta
    name: str
    is_summer: bool


def clocks_at(zone: ZoneInfo, moment: datetime) -> Clocks:
    """Return how the clocks of ``zone`` stand at an aware ``moment``."""
    local = moment.astimezone(zone)
    return Clocks(local.utcoffset() or timedelta(), local.tzname() or "", bool(local.dst()))


def changes_of_clocks(zone: ZoneInfo, first: datetime, last: datetime) -> list[datetime]:
    """Return the moments (UTC, to the second) between two others at which the clocks of ``zone`` change."""
    steps = [first]
    while steps[-1] < last:
        steps.append(min(steps[-1] + STEP, last))
    found = []
    for before, after in pairwise(steps):
        if clocks_at(zone, before) == clocks_at(zone, after):
            continue
        low, high = before, after
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
            low, high = (middle, high) if clocks_at(zone, middle) == clocks_at(zone, before) else (low, middle)
        found.append(high)
    return found


@lru_cache(maxsize=64)
def time_zone(zone: ZoneInfo, first_year: int, last_year: int) -> Timezone:
    """Return VTIMEZONE with every change of the clocks from the beginning of one year to the end of another."""
    first, last = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    component = Timezone()
    component.add("TZID", zone.key)
    begins = clocks_at(zone, first)
    component.add_component(_observance(begins.offset, begins, [first]))
    alike: dict[tuple[timedelta, Clocks], list[datetime]] = {}
    for moment in changes_of_clocks(zone, first, last):
        before = clocks_at(zone, moment - timedelta(seconds=1)).offset
        alike.setdefault((before, clocks_at(zone, moment)), []).append(moment)
    for (before, clocks), moments in alike.items():
        component.add_component(_observance(before, clocks, moments))
    return component


def _observance(before: timedelta, clocks: Clocks, moments: list[datetime]) -> TimezoneStandard | TimezoneDaylight:
    """Build a sub-component. Onsets are told by the clocks as they stood before."""
    starts = [moment.replace(tzinfo=None) + before for moment in moments]
    component = TimezoneDaylight() if clocks.is_summer else TimezoneStandard()
    component.DTSTART = starts[0]
    component.TZOFFSETFROM = before
    component.TZOFFSETTO = clocks.offset
    component.add("TZNAME", clocks.name)
    if starts[1:]:
        component.add("RDATE", starts[1:])
    return component
