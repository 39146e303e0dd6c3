"""Minutes inside a meeting are those of its own time that the stays cover together."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_app.meetings.models import Meeting, MeetingState, Presence
from lti_app.meetings.stays import Span, minutes_inside, suggest_presence, time_inside
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW

END = NOW + timedelta(minutes=60)


def _at(minute: int) -> datetime:
    return NOW + timedelta(minutes=minute)


def _inside(*spans: tuple[int, int | None], now: int = 120) -> int:
    times: list[Span] = [(_at(begin), None if end is None else _at(end)) for begin, end in spans]
    covered = time_inside(times, starts_at=NOW, ends_at=END, now=_at(now))
    return int(covered.total_seconds() // 60)


def _meeting(**given: object) -> Meeting:
    return Meeting(**{"mode": Mode.DISTANCE, "state": MeetingState.PLANNED, "starts_at": NOW, "minutes": 60} | given)


@pytest.mark.parametrize(
    ("spans", "minutes"),
    [
        ([], 0),
        ([(-15, 10)], 10),
        ([(50, 90)], 10),
        ([(-15, 90)], 60),
        ([(0, 20), (10, 30)], 30),
        ([(0, 40), (10, 20)], 40),
        ([(0, 10), (20, 30)], 20),
        ([(-15, -5)], 0),
        ([(40, None)], 20),
    ],
)
def test_minutes_inside(spans: list[tuple[int, int | None]], minutes: int) -> None:
    assert _inside(*spans) == minutes


def test_an_open_stay_counts_until_now() -> None:
    assert _inside((10, None), now=25) == 15


minutes_of_day = st.integers(-30, 120)
spans_of_day = st.lists(st.tuples(minutes_of_day, minutes_of_day).map(lambda pair: (min(pair), max(pair))), max_size=8)


@given(spans_of_day)
def test_stays_cover_just_the_minutes_that_any_of_them_covers(spans: list[tuple[int, int]]) -> None:
    covered = {minute for begin, end in spans for minute in range(max(0, begin), min(60, end))}
    assert _inside(*spans) == len(covered)
    assert _inside(*reversed(spans)) == len(covered)


def test_presence_is_suggested_from_three_quarters_on() -> None:
    meeting, after = _meeting(), END
    assert suggest_presence(meeting, 45, after) is Presence.PRESENT
    assert suggest_presence(meeting, 44, after) is Presence.ABSENT


def test_absence_is_not_suggested_while_the_meeting_goes_on() -> None:
    assert suggest_presence(_meeting(), 10, _at(30)) is None
    assert suggest_presence(_meeting(), 45, _at(50)) is Presence.PRESENT


def test_nothing_is_known_of_who_was_on_site() -> None:
    meeting = _meeting(mode=Mode.ON_SITE)
    assert minutes_inside(meeting, [(NOW, END)], END) is None
    assert suggest_presence(meeting, None, END) is None
    assert suggest_presence(_meeting(state=MeetingState.CANCELLED), 60, END) is None
