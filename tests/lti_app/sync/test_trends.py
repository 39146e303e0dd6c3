"""The last nights day by day, as the chart shows them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lti_app.core.db import Database
from lti_app.sync.models import RunStatus, SyncRun
from lti_app.sync.trends import DAYS, HEIGHT, SHORTEST, Trend, trends
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

ZONE = ZoneInfo("Asia/Novokuznetsk")
TODAY = date(2026, 11, 24)


def a_run(
    database: Database,
    moodle_id: int,
    began: datetime,
    *,
    done: int,
    failed: int = 0,
    status: RunStatus = RunStatus.DONE,
) -> None:
    with database.transaction() as session:
        session.add(
            SyncRun(
                moodle_id=moodle_id,
                status=status,
                started_at=began,
                finished_at=None if status is RunStatus.RUNNING else began + timedelta(seconds=4),
                counts={"enrol": {"planned": done + failed, "done": done, "failed": failed}},
                held=[],
                notes=[],
                calls=1,
                seconds=4.0,
            )
        )


@pytest.fixture
def moodle_id(database: Database) -> int:
    with database.transaction() as session:
        return World(session).moodle.id


def trend_of(database: Database, moodle_id: int) -> Trend:
    with database.session(writes=False) as session:
        return trends(session, [moodle_id], zone=ZONE, now=NOW)[moodle_id]


def test_runs_add_up_by_local_day_and_the_last_one_says_how_it_ended(database: Database, moodle_id: int) -> None:
    a_run(database, moodle_id, datetime.fromisoformat("2026-11-23T16:30:00+00:00"), done=5)  # 23:30 on the 23rd there
    a_run(
        database,
        moodle_id,
        datetime.fromisoformat("2026-11-23T17:30:00+00:00"),
        done=2,
        failed=1,
        status=RunStatus.FAILED_SOME,
    )
    a_run(database, moodle_id, datetime.fromisoformat("2026-11-23T20:00:00+00:00"), done=1)
    days = {day.day: day for day in trend_of(database, moodle_id).days}
    assert len(days) == DAYS
    assert list(days)[-1] == TODAY
    yesterday, today = days[TODAY - timedelta(days=1)], days[TODAY]
    assert (yesterday.runs, yesterday.done, yesterday.failed) == (1, 5, 0)
    assert (today.runs, today.done, today.failed, today.seconds) == (2, 3, 1, 8.0)
    assert today.went_well


def test_what_is_older_or_still_runs_is_left_out(database: Database, moodle_id: int) -> None:
    a_run(database, moodle_id, NOW - timedelta(days=DAYS), done=7)
    a_run(database, moodle_id, NOW - timedelta(minutes=1), done=7, status=RunStatus.RUNNING)
    trend = trend_of(database, moodle_id)
    assert (trend.runs, trend.done) == (0, 0)
    assert not trend.says_something
    assert all(bar.done == bar.failed == 0 for bar in trend.bars)


def test_bars_fit_and_the_smallest_can_be_seen(database: Database, moodle_id: int) -> None:
    a_run(database, moodle_id, NOW - timedelta(days=2), done=4000)
    a_run(database, moodle_id, NOW - timedelta(days=1), done=1)
    trend = trend_of(database, moodle_id)
    assert trend.says_something
    heights = [bar.done for bar in trend.bars if bar.done]
    assert heights == [HEIGHT, SHORTEST]


def test_all_moodles_cost_one_query(database: Database, moodle_id: int) -> None:
    a_run(database, moodle_id, NOW - timedelta(days=1), done=1)
    with database.session(writes=False) as session, counted_queries(database) as queries:
        trends(session, [moodle_id, moodle_id + 1], zone=ZONE, now=NOW)
    assert len(queries) == 1
