"""Dates of the data set, relative to the day and minute on which the demonstration starts.

A cell of the data set may hold `{today}`, `{today-30}`, `{today+2 15:00}`, `{workday-3 15:30}` (the working day at or
beyond that distance, so that no lesson falls on a Sunday) or `{now-20m}`. All are local.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

DATA = Path(__file__).resolve().parent / "data"
"""The data set as it is kept, dates not yet filled in."""

_DAY = re.compile(r"\{(?P<kind>today|workday)(?P<days>[+-]\d+)?(?: (?P<clock>\d\d:\d\d))?\}")
_NOW = re.compile(r"\{now(?P<minutes>[+-]\d+)m\}")
SATURDAY = 5


def render(folder_in: Path, folder_out: Path, now: datetime, zone: ZoneInfo) -> None:
    """Write every CSV file of ``folder_in`` into ``folder_out`` with dates filled in. ``now`` is aware.

    Raises ValueError for braces that hold something else.
    """
    folder_out.mkdir(parents=True, exist_ok=True)
    local = now.astimezone(zone)
    for source in sorted(folder_in.glob("*.csv")):
        with source.open(encoding="utf-8", newline="") as stream:
            rows = [[fill_in(cell, local) for cell in row] for row in csv.reader(stream)]
        with (folder_out / source.name).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)


def fill_in(cell: str, now: datetime) -> str:
    """Return the cell with its date filled in; ``now`` is local. Raises ValueError for braces not understood."""
    filled = _NOW.sub(lambda found: _minute(now, int(found["minutes"])), cell)
    filled = _DAY.sub(lambda found: _day(found, now), filled)
    if "{" in filled:
        raise ValueError(f"no such date: {cell}")
    return filled


def workday(today: date, distance: int) -> date:
    """Return the working day ``distance`` days from today, or the next one beyond it."""
    day = today + timedelta(days=distance)
    while day.weekday() >= SATURDAY:
        # Away from today: what is past stays past, what is to come stays to come.
        day += timedelta(days=1 if distance > 0 else -1)
    return day


def _minute(now: datetime, minutes: int) -> str:
    # Counted in UTC: on the night when clocks are put forward local subtraction would be an hour off.
    moment = (now.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(now.tzinfo)
    return f"{moment:%Y-%m-%d %H:%M}"


def _day(found: re.Match[str], now: datetime) -> str:
    distance = int(found["days"] or 0)
    day = workday(now.date(), distance) if found["kind"] == "workday" else now.date() + timedelta(days=distance)
    return day.isoformat() + (f" {found['clock']}" if found["clock"] else "")
