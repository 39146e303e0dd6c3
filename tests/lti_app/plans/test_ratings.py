"""Competences are rated in their days, on the programme's scale; the dynamics is what changed between both."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError
from lti_app.plans.dynamics import Rating, dynamics
from lti_app.plans.models import RatingMoment, Side
from lti_app.plans.rating import hours_reached, rate, ratings_of
from lti_app.plans.seats import seat_of
from lti_app.programmes.models import Competence
from lti_app.programmes.scale import USUAL_SCALE, scale_of
from tests.lti_app.world import NOW, World, behind_the_rules

ZONE = ZoneInfo("Asia/Novokuznetsk")
START, END = RatingMoment.START, RatingMoment.END
LAST_DAY = date(2027, 1, 23)
"""Of the world's intake."""


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZONE)


def with_results(world: World, *texts: str) -> list[Competence]:
    with behind_the_rules(world.session):
        found = [Competence(version=world.version, position=place, text=text) for place, text in enumerate(texts, 1)]
        world.session.add_all(found)
    return found


def test_both_sides_rate_and_a_change_overwrites_on_record(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        first, second = with_results(world, "Составляет задания", "Оценивает работы")
        sides = {Side.TRAINEE: world.actor_of(anna), Side.LEADER: world.leader_actor}

        def put(side: Side, moment: RatingMoment, now: datetime = NOW, **values: int | None) -> int:
            ids = {"first": first.id, "second": second.id}
            seat = seat_of(session, anna.id, actor=sides[side])
            given = {ids[name]: value for name, value in values.items()}
            return rate(session, seat, moment, given, actor=sides[side], now=now, zone=ZONE)

        assert put(Side.TRAINEE, START, first=1, second=None) == 1
        assert put(Side.TRAINEE, START, first=1, second=2) == 1
        assert put(Side.TRAINEE, START, first=0) == 1
        assert put(Side.LEADER, START, first=1, second=1) == 2
        assert put(Side.LEADER, END, first=3, second=1) == 2
        assert put(Side.TRAINEE, END, at(LAST_DAY), first=2, second=2) == 2
        ratings = ratings_of(session, intake_id=world.intake.id)
        assert set(ratings) == set(ratings_of(session, trainee_id=anna.id))
        by_leader, by_trainee = dynamics(ratings, Side.LEADER).whole, dynamics(ratings, Side.TRAINEE).whole
        assert (by_leader.start, by_leader.end, by_leader.change) == (1, 2, 1)
        assert (by_trainee.start, by_trainee.end, by_trainee.risen, by_trainee.same) == (1, 2, 1, 1)
        entries = session.scalars(
            select(AuditEntry.changes).where(AuditEntry.action == "rate_competences").order_by(AuditEntry.id)
        ).all()
        assert entries[2] == {"start trainee 1": [1, 0]}
        with pytest.raises(DomainError, match="not_on_the_scale"):
            put(Side.LEADER, START, first=len(USUAL_SCALE))
        with pytest.raises(DomainError, match="not_on_the_scale"):
            seat = seat_of(session, anna.id, actor=world.leader_actor)
            rate(session, seat, START, {10_000: 1}, actor=world.leader_actor, now=NOW, zone=ZONE)


@pytest.mark.parametrize(
    ("side", "moment", "day", "is_open"),
    [
        (Side.TRAINEE, START, date(2026, 9, 1), True),
        (Side.TRAINEE, START, LAST_DAY, True),
        (Side.TRAINEE, START, LAST_DAY + timedelta(days=1), False),
        (Side.TRAINEE, END, LAST_DAY - timedelta(days=14), False),
        (Side.TRAINEE, END, LAST_DAY - timedelta(days=13), True),
        (Side.TRAINEE, END, LAST_DAY + timedelta(days=14), True),
        (Side.TRAINEE, END, LAST_DAY + timedelta(days=15), False),
        (Side.LEADER, START, date(2026, 9, 24), False),
        (Side.LEADER, START, date(2026, 9, 25), True),
        (Side.LEADER, END, LAST_DAY + timedelta(days=30), True),
        (Side.LEADER, END, LAST_DAY + timedelta(days=31), False),
    ],
)
def test_each_side_rates_in_its_days(
    database: Database, side: Side, moment: RatingMoment, day: date, is_open: bool
) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        (one,) = with_results(world, "Составляет задания")
        actor = world.leader_actor if side is Side.LEADER else world.actor_of(anna)
        given: dict[str, Any] = {"actor": actor, "now": at(day), "zone": ZONE}
        seat = seat_of(session, anna.id, actor=actor)
        if is_open:
            assert rate(session, seat, moment, {one.id: 1}, **given) == 1
            return
        with pytest.raises(Conflict, match="rating_closed"):
            rate(session, seat, moment, {one.id: 1}, **given)


def test_who_has_the_hours_rates_the_end_at_once(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(2, 2), needed=3)
        anna = world.trainee()
        (one,) = with_results(world, "Составляет задания")
        seat = seat_of(session, anna.id, actor=world.actor_of(anna))
        given: dict[str, Any] = {"actor": world.actor_of(anna), "now": NOW, "zone": ZONE}
        world.attended(world.meeting(hours=4), anna)
        assert not hours_reached(session, seat), "a topic counts at most its own hours"
        with pytest.raises(Conflict, match="rating_closed"):
            rate(session, seat, END, {one.id: 1}, **given)
        world.attended(world.meeting(topic=1, hours=2), anna)
        assert rate(session, seat, END, {one.id: 1}, **given) == 1
        world.intake.broken_off_on = NOW.date()
        with pytest.raises(Conflict, match="intake_broken_off"):
            rate(session, seat, END, {one.id: 2}, **given)


def test_a_programme_has_its_own_scale_or_the_usual_one(database: Database) -> None:
    with database.transaction() as session:
        version = World(session).version
        assert scale_of(version) == USUAL_SCALE
        version.rating_scale = "нет\n\n частично \nда"
        assert scale_of(version) == ("нет", "частично", "да")
        session.rollback()


RATINGS = st.lists(
    st.builds(
        Rating,
        trainee_id=st.integers(1, 3),
        competence_id=st.integers(1, 3),
        moment=st.sampled_from(list(RatingMoment)),
        side=st.sampled_from(list(Side)),
        value=st.integers(0, 3),
    ),
    unique_by=lambda one: (one.trainee_id, one.competence_id, one.moment, one.side),
)


@given(ratings=RATINGS, random=st.randoms(use_true_random=False))
def test_dynamics_counts_each_pair_once_in_whatever_order(ratings: list[Rating], random: Any) -> None:
    found = dynamics(ratings, Side.LEADER)
    shuffled = list(ratings)
    random.shuffle(shuffled)
    assert dynamics(shuffled, Side.LEADER) == found
    whole = found.whole
    assert whole.risen + whole.same + whole.fallen == whole.pairs <= whole.rated
    for parts in (found.by_competence, found.by_trainee):
        assert sum(change.pairs for change in parts.values()) == whole.pairs
    assert (whole.change is None) == (whole.pairs == 0)
    if whole.change is not None:
        assert abs(whole.change) <= 3
        assert not (whole.risen and not whole.fallen) or whole.change >= 0


def test_averages_are_over_pairs_only() -> None:
    def of(trainee: int, moment: RatingMoment, value: int) -> Rating:
        return Rating(trainee, 1, moment, Side.LEADER, value)

    found = dynamics([of(1, START, 0), of(1, END, 2), of(2, START, 3), of(3, START, 1), of(3, END, 1)], Side.LEADER)
    assert (found.whole.start, found.whole.end, found.whole.change) == (Decimal("0.5"), Decimal("1.5"), Decimal(1))
    assert (found.whole.pairs, found.whole.rated, found.trainees) == (2, 3, 2)
