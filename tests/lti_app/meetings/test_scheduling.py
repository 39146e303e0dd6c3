"""A draft from plan and pattern keeps hours, order and days of both, whatever the clocks do meanwhile."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_app.core.errors import DomainError
from lti_app.meetings.planning import academic_hours, from_local
from lti_app.meetings.reading import day_from, days_from, time_from
from lti_app.meetings.scheduling import (
    DraftMeeting,
    Pattern,
    TopicToPlan,
    draft,
    in_halves,
    in_order,
    minutes_of,
    shifted,
    weekly,
)
from lti_app.programmes.models import Form, Mode

BERLIN, NOVOKUZNETSK = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Novokuznetsk")
MONDAY = date(2026, 10, 12)
"""Before the clocks go back in Berlin, on 25 October 2026."""

halves = st.integers(1, 40).map(lambda number: Decimal(number) / 2)
plans = st.lists(halves, min_size=1, max_size=12)
patterns = st.builds(
    Pattern,
    first_day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    at=st.just(time(15)),
    hours=st.integers(1, 32).map(lambda number: Decimal(number) / 2),
    left_out=st.frozensets(st.dates(date(2026, 1, 1), date(2026, 3, 1)), max_size=20),
)


def topics(plan: list[Decimal]) -> list[TopicToPlan]:
    return [TopicToPlan(number, Form.SEMINAR, Mode.ON_SITE, hours) for number, hours in enumerate(plan)]


@given(plans, patterns)
def test_each_topic_gets_its_hours_and_no_more(plan: list[Decimal], pattern: Pattern) -> None:
    meetings = draft(topics(plan), pattern)
    for number, hours in enumerate(plan):
        assert sum(academic_hours(one.minutes) for one in meetings if one.topic_id == number) == hours
    assert all(academic_hours(one.minutes) <= pattern.hours for one in meetings)


@given(plans, patterns)
def test_topics_keep_their_order_and_no_day_comes_twice(plan: list[Decimal], pattern: Pattern) -> None:
    meetings = draft(topics(plan), pattern)
    assert [one.topic_id for one in meetings] == sorted(one.topic_id for one in meetings)
    days = [one.day for one in meetings]
    assert days == sorted(set(days))


@given(plans, patterns)
def test_meetings_are_on_the_patterns_days_only_and_leave_none_out(plan: list[Decimal], pattern: Pattern) -> None:
    days = {one.day for one in draft(topics(plan), pattern)}
    offered = {
        day
        for day in (
            pattern.first_day + timedelta(days=number) for number in range((max(days) - pattern.first_day).days + 1)
        )
        if day.weekday() in pattern.weekdays and day not in pattern.left_out
    }
    assert days == offered


@given(st.integers(1, 1600).map(lambda number: Decimal(number) / 100))
def test_a_meeting_gives_the_hours_that_it_is_planned_for(hours: Decimal) -> None:
    whole = in_halves(hours)
    assert hours <= whole < hours + Decimal("0.5")
    assert academic_hours(minutes_of(whole)) == whole


def test_a_draft_reads_as_a_leader_would_write_it() -> None:
    pattern = Pattern(
        MONDAY, frozenset({1, 3}), time(15), Decimal(2), left_out=frozenset({date(2026, 10, 15), date(2026, 10, 20)})
    )
    meetings = draft(topics([Decimal(2), Decimal(3)]), pattern)
    assert meetings == [
        DraftMeeting(0, Form.SEMINAR, Mode.ON_SITE, date(2026, 10, 13), time(15), 90),
        DraftMeeting(1, Form.SEMINAR, Mode.ON_SITE, date(2026, 10, 22), time(15), 90),
        DraftMeeting(1, Form.SEMINAR, Mode.ON_SITE, date(2026, 10, 27), time(15), 45),
    ]


def test_a_pattern_that_leaves_every_day_out_is_refused() -> None:
    every_day = frozenset(MONDAY + timedelta(days=number) for number in range(2000))
    with pytest.raises(DomainError, match="no_days_left"):
        draft(topics([Decimal(2)]), Pattern(MONDAY, frozenset(range(7)), time(15), Decimal(2), every_day))
    with pytest.raises(DomainError, match="no_days_left"):
        draft(topics([Decimal(2)]), Pattern(MONDAY, frozenset(), time(15), Decimal(2)))


@pytest.mark.parametrize(
    ("zone", "utc"),
    [(BERLIN, [13, 13, 14, 14]), (NOVOKUZNETSK, [8, 8, 8, 8])],
)
def test_three_oclock_stays_three_oclock_while_clocks_change(zone: ZoneInfo, utc: list[int]) -> None:
    """In Berlin the clocks go back on 25 October 2026; in Novokuznetsk they don't."""
    drafted = draft(topics([Decimal(8)]), Pattern(date(2026, 10, 15), frozenset({3}), time(15), Decimal(2)))
    starts = [from_local(datetime.combine(one.day, one.at), zone) for one in drafted]
    assert [start.hour for start in starts] == utc
    repeated = [from_local(one, zone) for one in weekly(datetime(2026, 10, 15, 15), 4)]  # noqa: DTZ001
    assert repeated == starts


def test_what_follows_moves_by_the_clock_across_a_change_of_clocks() -> None:
    before = datetime(2026, 10, 15, 13, tzinfo=UTC)  # 15:00 in Berlin
    after = datetime(2026, 10, 16, 14, tzinfo=UTC)  # 16:00 a day later
    later = datetime(2026, 10, 29, 14, tzinfo=UTC)  # 15:00 two weeks later, in winter
    assert shifted(later, before, after, BERLIN) == datetime(2026, 10, 30, 16)  # noqa: DTZ001


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(DomainError, match="no_such_time"):
        from_local(datetime(2026, 3, 29, 2, 30), BERLIN)  # noqa: DTZ001


@given(st.lists(st.integers(0, 50), min_size=1, max_size=10, unique=True), st.integers(-30, 30).filter(bool))
def test_meetings_of_a_series_never_meet_while_they_move(weeks: list[int], by: int) -> None:
    start = datetime(2026, 10, 15, 8, tzinfo=UTC)
    stands = {number: start + timedelta(weeks=week) for number, week in enumerate(weeks)}
    shift = timedelta(weeks=by)
    for number in in_order([(moment, number) for number, moment in stands.items()], shift):
        assert stands[number] + shift not in {moment for other, moment in stands.items() if other != number}
        stands[number] += shift


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("", []),
        ("31.12.2026", ["2026-12-31"]),
        ("2026-12-31; 01.01.2027 – 02.01.2027", ["2026-12-31", "2027-01-01", "2027-01-02"]),
        ("31.12.2026, 01.01.2027-02.01.2027\n9.1.2027", ["2026-12-31", "2027-01-01", "2027-01-02", "2027-01-09"]),
    ],
)
def test_days_left_out_are_read_as_people_write_them(text: str, days: list[str]) -> None:
    assert days_from(text) == frozenset(date.fromisoformat(day) for day in days)


@pytest.mark.parametrize("text", ["завтра", "32.01.2027", "02.01.2027–01.01.2027", "01.01.2027–01.01.2029", "1.1.0001"])
def test_days_that_are_none_are_told(text: str) -> None:
    assert days_from(text) is None


def test_days_and_times_are_read_from_fields_of_browsers() -> None:
    assert (day_from("2026-12-10"), day_from("10.12.2026"), day_from("2026-13-10")) == (
        date(2026, 12, 10),
        date(2026, 12, 10),
        None,
    )
    assert (time_from("15:00"), time_from("9.30"), time_from("24:00"), time_from("15")) == (
        time(15),
        time(9, 30),
        None,
        None,
    )
