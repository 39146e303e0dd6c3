"""What must hold of presence, whatever stays and sources there are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings, SettingsError, load_settings
from lti_app.meetings.models import Meeting, MeetingState, Presence, StaySource
from lti_app.meetings.stays import (
    Checks,
    StayRules,
    can_join,
    counting,
    opens_at,
    suggest_presence,
    time_inside,
    united,
)
from lti_app.programmes.models import Mode
from tests.conftest import DATA_KEY
from tests.lti_app.world import NOW

LENGTH = timedelta(minutes=60)
END = NOW + LENGTH
AFTER = NOW + timedelta(days=1)

moments = st.integers(-40 * 60, 100 * 60).map(lambda second: NOW + timedelta(seconds=second))
pairs = st.tuples(moments, moments).map(lambda pair: (min(pair), max(pair)))
spans = st.lists(pairs, max_size=8)
sources = st.sampled_from(StaySource)


def inside(stays: Sequence[tuple[datetime, datetime | None]], now: datetime = AFTER) -> timedelta:
    return time_inside(stays, starts_at=NOW, ends_at=END, now=now)


@given(spans)
def test_nobody_was_there_for_longer_than_the_meeting(stays: list[tuple[datetime, datetime]]) -> None:
    assert timedelta(0) <= inside(stays) <= LENGTH


@given(spans, st.randoms())
def test_the_order_of_stays_says_nothing(stays: list[tuple[datetime, datetime]], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(stays)
    random.shuffle(shuffled)
    assert inside(shuffled) == inside(stays)


@given(spans, pairs)
def test_the_same_time_counts_once(stays: list[tuple[datetime, datetime]], one: tuple[datetime, datetime]) -> None:
    assert inside([*stays, one, one]) == inside([*stays, one])
    assert inside([*stays, *united(stays)]) == inside(stays)


@given(spans, pairs, st.floats(0, 1))
def test_going_out_and_in_at_the_same_moment_changes_nothing(
    stays: list[tuple[datetime, datetime]], one: tuple[datetime, datetime], where: float
) -> None:
    begin, end = one
    middle = begin + (end - begin) * where
    assert inside([*stays, (begin, middle), (middle, end)]) == inside([*stays, one])


@given(spans, pairs)
def test_a_further_stay_never_takes_time_away(
    stays: list[tuple[datetime, datetime]], one: tuple[datetime, datetime]
) -> None:
    assert inside(stays) <= inside([*stays, one]) <= inside(stays) + (one[1] - one[0])


@given(moments, moments, moments)
def test_an_open_stay_grows_with_time(joined_at: datetime, first: datetime, second: datetime) -> None:
    earlier, later = min(first, second), max(first, second)
    assert inside([(joined_at, None)], earlier) <= inside([(joined_at, None)], later)


@given(spans)
def test_united_stays_are_in_order_apart_and_the_same_time(stays: list[tuple[datetime, datetime]]) -> None:
    parts = united(stays)
    assert inside(parts) == inside(stays)
    assert all(begin < end for begin, end in parts)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(parts))
    assert united(parts) == parts


@given(st.lists(st.tuples(sources, pairs), max_size=8))
def test_sources_are_united_and_the_tool_counts_only_alone(
    stays: list[tuple[StaySource, tuple[datetime, datetime]]],
) -> None:
    counts = counting(source for source, _span in stays)
    told = [span for source, span in stays if source in counts]
    others = [span for source, span in stays if source is not StaySource.TOOL]
    assert inside(told) == inside(others or [span for _source, span in stays])
    by_source = [inside([span for source, span in stays if source is one]) for one in counts]
    assert max(by_source, default=timedelta(0)) <= inside(told) <= min(LENGTH, sum(by_source, timedelta(0)))


def _meeting() -> Meeting:
    return Meeting(mode=Mode.DISTANCE, state=MeetingState.PLANNED, starts_at=NOW, minutes=60)


@given(st.integers(0, 60), st.floats(0.01, 1), st.integers(0, 9), st.integers(0, 9))
def test_present_is_who_was_there_for_the_share_and_answered_half(
    minutes: int, share: float, answered: int, missed: int
) -> None:
    checks = Checks(answered, answered + missed)
    rules = StayRules(present_from=share)
    found = suggest_presence(_meeting(), minutes, END, rules=rules, checks=checks)
    assert (found is Presence.PRESENT) == (minutes >= share * 60 and answered >= missed)
    assert found is not None


def test_rooms_open_as_early_as_is_set() -> None:
    rules = StayRules(opens_before=timedelta(minutes=40))
    assert opens_at(_meeting(), rules=rules) == NOW - timedelta(minutes=40)
    assert can_join(_meeting(), NOW - timedelta(minutes=40), rules=rules)
    assert not can_join(_meeting(), NOW - timedelta(minutes=40))


GOOD = {"SECRET_KEY": "s" * 40, "DATA_KEYS": DATA_KEY, "PUBLIC_URL": "http://localhost"}


def test_the_rules_are_settings() -> None:
    settings = load_settings({**GOOD, "ROOM_OPENS_MINUTES": "30", "PRESENT_FROM": "0.5"})
    assert StayRules.of(settings) == StayRules(timedelta(minutes=30), 0.5)
    assert (
        StayRules.of(Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url="http://localhost")) == StayRules()
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("ROOM_OPENS_MINUTES", "-1"), ("ROOM_OPENS_MINUTES", "500"), ("PRESENT_FROM", "75"), ("PRESENT_FROM", "0")],
)
def test_a_rule_that_makes_no_sense_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({**GOOD, name: value})
