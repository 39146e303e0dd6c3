"""Whatever two sides do in whatever order, no version holds a text that one of them hasn't agreed to."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor
from lti_app.plans.agreeing import agree_to_plan, restore_agreed
from lti_app.plans.content import ItemFacts, PlanFacts, content_of, points_of
from lti_app.plans.invariants import CHECKS
from lti_app.plans.models import IndividualPlan, PlanState, PlanVersion, Side
from lti_app.plans.writing import begin_plan, save_plan
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
SIDES = st.sampled_from(list(Side))
STEPS = st.one_of(
    st.tuples(st.just("look"), SIDES, st.just(0)),
    st.tuples(st.just("write"), SIDES, st.integers(0, 2)),
    st.tuples(st.just("agree"), SIDES, st.just(0)),
    st.tuples(st.just("restore"), SIDES, st.just(0)),
)
DAY = NOW.date()


class Two:
    """Two sides, each with the page that they looked at last: its revision and its text."""

    def __init__(self, session: Session, world: World) -> None:
        trainee = world.trainee()
        self.session, self.trainee_id = session, trainee.id
        self.actors: dict[Side, Actor] = {Side.TRAINEE: world.actor_of(trainee), Side.LEADER: world.leader_actor}
        self.plan: IndividualPlan = begin_plan(
            session, trainee_id=trainee.id, from_programme=False, actor=world.leader_actor, now=NOW, zone=ZONE
        )
        self.looked: dict[Side, tuple[int, dict[str, Any]]] = {}
        self.agreed: dict[Side, list[dict[str, Any]]] = {Side.TRAINEE: [], Side.LEADER: []}
        for side in Side:
            self.look(side)

    def look(self, side: Side) -> None:
        self.looked[side] = (self.plan.revision, content_of(self.plan))

    def write(self, side: Side, number: int) -> None:
        seen, text = self.looked[side]
        points = [point.as_facts() for point in points_of(text)]
        items = [*points[:1], ItemFacts(f"Пункт {number}", DAY, DAY)]
        facts = PlanFacts(f"Цель {number}", tuple(items))
        save_plan(
            self.session,
            trainee_id=self.trainee_id,
            facts=facts,
            seen=seen,
            actor=self.actors[side],
            now=NOW,
            zone=ZONE,
        )
        self.look(side)

    def agree(self, side: Side) -> None:
        seen, text = self.looked[side]
        agree_to_plan(self.session, trainee_id=self.trainee_id, seen=seen, actor=self.actors[side], now=NOW)
        self.agreed[side].append(text)

    def restore(self, side: Side) -> None:
        seen, _text = self.looked[side]
        restore_agreed(self.session, trainee_id=self.trainee_id, seen=seen, actor=self.actors[side], now=NOW)

    def check(self) -> None:
        versions = self.session.scalars(
            select(PlanVersion).where(PlanVersion.plan_id == self.plan.id).order_by(PlanVersion.number)
        ).all()
        assert [version.number for version in versions] == list(range(1, len(versions) + 1))
        for version in versions:
            for side in Side:
                assert version.content in self.agreed[side], f"{side} never agreed to version {version.number}"
        assert self.plan.agreed_number == (versions[-1].number if versions else None)
        if self.plan.state is PlanState.AGREED:
            assert content_of(self.plan) == versions[-1].content


def test_no_version_holds_what_one_side_has_not_agreed_to(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "plans.sqlite3"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    with database.session() as session:
        world = World(session)
        session.flush()

        @settings(max_examples=40, deadline=None)
        @given(steps=st.lists(STEPS, min_size=3, max_size=12))
        def holds(steps: list[tuple[str, Side, int]]) -> None:
            two = Two(session, world)
            for verb, side, number in steps:
                with suppress(DomainError):  # refused: nothing may have changed, which the check shows
                    getattr(two, verb)(side, *([number] if verb == "write" else []))
                two.check()

        holds()
        assert [line for check in CHECKS for line in check.breaches(session)] == []
    database.dispose()


def test_a_text_looked_at_before_a_change_is_not_agreed_to(database: Database) -> None:
    """The way that the property forbids, told step by step."""
    with database.transaction() as session:
        two = Two(session, World(session))
        two.write(Side.LEADER, 1)
        two.look(Side.TRAINEE)
        two.agree(Side.TRAINEE)
        two.write(Side.LEADER, 2)
        two.agree(Side.LEADER)
        assert two.plan.state is PlanState.PROPOSED
        with pytest.raises(EditedMeanwhile):
            two.agree(Side.TRAINEE)
        two.check()
