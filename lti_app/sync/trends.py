"""How the last nights went, day by day: for the chart on the administrator's page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.sync.models import RunStatus, SyncRun

DAYS = 30
FEWEST_DAYS = 2
"""Days with runs from which on a chart says more than the list below it."""
STEP, WIDTH, HEIGHT = 8, 6, 48
"""Of the chart, in its own units: from one day to the next, of a bar, of the highest bar."""
SHORTEST = 1.5
"""Height of a bar that stands for anything at all."""


@dataclass(frozen=True)
class Day:
    """Say what the runs of one local day did."""

    day: date
    runs: int = 0
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    """All runs of the day together."""
    last: RunStatus | None = None
    """How the day's last run ended; None where there was none."""

    @property
    def went_well(self) -> bool:
        """Tell whether the day's last run did all that it should."""
        return self.last is RunStatus.DONE


@dataclass(frozen=True)
class Bar:
    """Place one day in the chart; ``y`` and heights in its units, failed changes at the top."""

    day: Day
    x: float
    done: float
    failed: float

    @property
    def middle(self) -> float:
        """Return where the day's mark stands."""
        return self.x + WIDTH / 2

    @property
    def top(self) -> float:
        """Return where the part of changes done begins, seen from above."""
        return HEIGHT - self.done


@dataclass(frozen=True)
class Trend:
    """Hold the last ``DAYS`` days, oldest first, today last."""

    days: tuple[Day, ...]

    @cached_property
    def most(self) -> int:
        """Return the most changes in a day, failed ones too."""
        return max(day.done + day.failed for day in self.days)

    @property
    def done(self) -> int:
        """Return the changes done in all these days."""
        return sum(day.done for day in self.days)

    @property
    def failed(self) -> int:
        """Return the changes that failed in all these days."""
        return sum(day.failed for day in self.days)

    @property
    def runs(self) -> int:
        """Return the runs that ended in these days."""
        return sum(day.runs for day in self.days)

    @property
    def says_something(self) -> bool:
        """Tell whether there were runs on days enough for a chart."""
        return sum(day.runs > 0 for day in self.days) >= FEWEST_DAYS

    @property
    def bars(self) -> list[Bar]:
        """Return the days as they stand in the chart."""
        return [
            Bar(day, number * STEP + (STEP - WIDTH) / 2, self._height(day.done), self._height(day.failed))
            for number, day in enumerate(self.days)
        ]

    def _height(self, changes: int) -> float:
        return round(max(SHORTEST, HEIGHT * changes / self.most), 1) if changes else 0.0


def trends(session: Session, moodle_ids: Collection[int], *, zone: ZoneInfo, now: datetime) -> dict[int, Trend]:
    """Return how the last nights went, by Moodle. One query."""
    today = now.astimezone(zone).date()
    first = today - timedelta(days=DAYS - 1)
    days = {
        moodle_id: {first + timedelta(days=number): Day(first + timedelta(days=number)) for number in range(DAYS)}
        for moodle_id in moodle_ids
    }
    rows = session.execute(
        select(SyncRun.moodle_id, SyncRun.started_at, SyncRun.status, SyncRun.counts, SyncRun.seconds)
        .where(
            SyncRun.moodle_id.in_(days),
            SyncRun.finished_at.is_not(None),
            SyncRun.started_at >= datetime.combine(first, time(), zone),
        )
        .order_by(SyncRun.started_at, SyncRun.id)
    )
    for moodle_id, started_at, status, counts, seconds in rows:
        found = days[moodle_id]
        before = found.get(started_at.astimezone(zone).date())
        if before is not None:  # else the clock was put back
            found[before.day] = Day(
                before.day,
                before.runs + 1,
                before.done + sum(count["done"] for count in counts.values()),
                before.failed + sum(count["failed"] for count in counts.values()),
                before.seconds + seconds,
                status,
            )
    return {moodle_id: Trend(tuple(found.values())) for moodle_id, found in days.items()}
