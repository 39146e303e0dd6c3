"""The rule of credit: hours capped per topic and programme, whatever the order and number of meetings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_app.credits.rules import (
    Completion,
    Demand,
    Reason,
    Visit,
    assess,
    can_still_reach,
    counted,
    hours_due,
    rule_words,
)
from tests.lti_app.world import NOW

hours = st.integers(1, 800).map(lambda hundredths: Decimal(hundredths) / 100)


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    topics = draw(st.dictionaries(st.integers(1, 5), hours, min_size=1))
    # Some plans in old data don't add up; the programme's hours are the limit all the same.
    total = draw(st.sampled_from([sum(topics.values(), Decimal(0)), Decimal(3)]))
    needed = draw(st.integers(1, int(total * 100)).map(lambda hundredths: Decimal(hundredths) / 100))
    return Demand(total=total, needed=needed, needs_completion=draw(st.booleans()), topic_hours=topics)


@st.composite
def visit_lists(draw: st.DrawFn) -> list[Visit]:
    ids = draw(st.lists(st.integers(1, 30), unique=True, max_size=12))
    return [
        Visit(
            meeting_id=number,
            topic_id=draw(st.integers(1, 7)),
            starts_at=NOW + timedelta(minutes=draw(st.integers(0, 5))),
            hours=draw(hours),
        )
        for number in ids
    ]


completions = st.none() | st.builds(Completion, done=st.integers(0, 4), total=st.integers(0, 4), read_at=st.just(NOW))


@given(demands(), visit_lists())
def test_never_more_than_the_topics_and_the_programme_have(demand: Demand, visits: list[Visit]) -> None:
    by_topic, by_meeting = counted(demand, visits)
    assert sum(by_meeting.values()) <= demand.total
    assert sum(by_meeting.values()) == sum(by_topic.values())
    assert all(by_topic[topic] <= limit for topic, limit in demand.topic_hours.items())
    assert all(0 <= by_meeting[visit.meeting_id] <= visit.hours for visit in visits)


@given(demands(), visit_lists(), st.randoms())
def test_order_and_repetition_do_not_matter(demand: Demand, visits: list[Visit], random: object) -> None:
    shuffled = [*visits, *visits]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert counted(demand, shuffled) == counted(demand, visits)


@given(demands(), visit_lists(), visit_lists(), completions)
def test_one_more_meeting_never_takes_away(
    demand: Demand, visits: list[Visit], more: list[Visit], completion: Completion | None
) -> None:
    known = {visit.meeting_id for visit in visits}
    extended = [*visits, *(visit for visit in more if visit.meeting_id not in known)]
    before, after = assess(demand, visits, completion), assess(demand, extended, completion)
    assert after.attended >= before.attended
    assert after.is_met or not before.is_met
    assert can_still_reach(demand, visits, extended) or not can_still_reach(demand, visits, [])


@given(demands(), visit_lists(), completions, st.integers(0, 900))
def test_due_hours_and_credited_hours_never_exceed_the_programme(
    demand: Demand, visits: list[Visit], completion: Completion | None, hundredths: int
) -> None:
    credited = min(Decimal(hundredths) / 100, demand.total)
    standing = assess(demand, visits, completion)
    due = hours_due(demand, standing, credited)
    assert due >= 0
    assert credited + due <= demand.total
    assert due == 0 or standing.is_met
    if standing.is_met:
        assert credited + due >= demand.needed


@given(demands(), visit_lists(), completions)
def test_something_is_missing_exactly_where_the_demand_is_not_met(
    demand: Demand, visits: list[Visit], completion: Completion | None
) -> None:
    standing = assess(demand, visits, completion)
    enough = standing.attended >= demand.needed
    complete = completion is not None and 0 < completion.total <= completion.done
    assert standing.is_met == (enough and (complete or not demand.needs_completion))


def _demand(**given: object) -> Demand:
    values = {
        "total": Decimal(24),
        "needed": Decimal(18),
        "needs_completion": False,
        "topic_hours": {1: Decimal(16), 2: Decimal(8)},
    }
    return Demand(**(values | given))  # type: ignore[arg-type]


def _visit(meeting: int, topic: int, given: str) -> Visit:
    return Visit(meeting, topic, NOW + timedelta(days=meeting), Decimal(given))


def test_what_goes_beyond_a_topic_counts_nothing() -> None:
    standing = assess(_demand(), [_visit(1, 2, "6"), _visit(2, 2, "6"), _visit(3, 2, "1.5")], None)
    assert standing.by_meeting == {1: 6, 2: 2, 3: 0}
    assert standing.by_topic == {1: 0, 2: 8}


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (None, Reason.COMPLETION_UNKNOWN),
        (Completion(0, 0, NOW), Reason.NOTHING_TRACKED),
        (Completion(2, 3, NOW), Reason.ACTIVITIES),
        (Completion(3, 3, NOW), None),
    ],
)
def test_completion_is_missing_until_moodle_shows_it(completion: Completion | None, reason: Reason | None) -> None:
    visits = [_visit(1, 1, "16"), _visit(2, 2, "2")]
    missing = assess(_demand(needs_completion=True), visits, completion).missing
    assert [lack.reason for lack in missing] == ([reason] if reason else [])
    assert assess(_demand(), visits, completion).is_met


def test_a_reason_says_its_numbers() -> None:
    (lack,) = assess(_demand(), [_visit(1, 1, "1.5")], None).missing
    assert str(lack.text) == "attend 16.5 more academic hours"
    (lack,) = assess(
        _demand(needed=Decimal(1), needs_completion=True), [_visit(1, 1, "2")], Completion(2, 3, NOW)
    ).missing
    assert str(lack.text) == "complete the activities of the Moodle course (2 of 3 are complete)"


def test_the_rule_says_itself_in_words() -> None:
    assert str(rule_words(_demand())).startswith("At least 18 of 24 academic hours")
    assert "Moodle" not in str(rule_words(_demand()))
    assert "Moodle" in str(rule_words(_demand(needs_completion=True)))
    whole = Demand(total=Decimal(16), needed=Decimal(16), needs_completion=False, topic_hours={1: Decimal(16)})
    assert str(rule_words(whole)).startswith("All 16 academic hours attended")
    assert "Moodle" not in str(rule_words(whole))
    assert "Moodle" in str(rule_words(replace(whole, needs_completion=True)))
