"""What other rooms put on a trainee's page, and what the leader wrote there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask

from lti_app.core.db import Database
from lti_app.credits import views
from lti_app.credits.next_steps import Step, StepKind
from lti_app.credits.trainee_slots import Slot, SlotRow, SlotState, TraineeSlots
from lti_app.intakes.messages import send_message
from lti_app.intakes.models import Trainee
from tests.lti_app.web.visits import visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

MOST_QUERIES = 20
"""Who asks, whose site it is, eight for the record, plan, products and ratings five, what is asked and was corrected
three, the messages, the shortcut."""


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Services are tried on both kinds of database; pages on one."""
    shutil.copy(sqlite_template, tmp_path / "pages.sqlite3")
    return f"sqlite:///{tmp_path / 'pages.sqlite3'}"


@pytest.fixture
def anna(database: Database) -> tuple[World, Trainee]:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        world.meeting()
        for trainee, text in ((anna, "Анна, принесите план."), (boris, "Борис, принесите план.")):
            send_message(
                session,
                world.intake.id,
                text=text,
                trainee_ids=[trainee.id],
                form_key=text,
                actor=world.leader_actor,
                now=NOW,
            )
        assert anna.person
        return world, anna


def test_each_reads_what_was_written_to_them_alone(app: Flask, anna: tuple[World, Trainee]) -> None:
    world, trainee = anna
    client = visit(app, world, trainee.person)
    with counted_queries(app.extensions["ploshchadka"].database) as queries:
        page = client.get(f"/intakes/{world.intake.id}").text
    assert "Анна, принесите план." in page
    assert "Борис, принесите план." not in page
    assert len(queries) <= MOST_QUERIES


def test_slots_stand_where_rooms_fill_them_and_their_steps_in_order(
    app: Flask, anna: tuple[World, Trainee], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, trainee = anna
    agreed = SlotState("согласован", "check-circle", "success")
    plan = TraineeSlots(plan=Slot(rows=(SlotRow("Тема 1", agreed, "до 10 декабря", "/plan/1"),)))
    products = TraineeSlots(
        products=Slot(words="Сдано 0 из 1", rows=(SlotRow("Карта урока", address="/products/7"),)),
        steps=(
            Step(StepKind.HAND_IN, words="Сдайте карту урока", address="/products/7", until=NOW),
            Step(StepKind.MEND_PRODUCT, words="Доработайте программу", address="/products/8"),
        ),
    )
    monkeypatch.setattr(views, "SOURCES", (lambda *_: plan, lambda *_: products))
    page = visit(app, world, trainee.person).get(f"/intakes/{world.intake.id}").text
    assert '<strong><a href="/products/8">Доработайте программу</a></strong>' in page
    assert page.index("Доработайте программу") < page.index("Кроме того") < page.index("Сдайте карту урока")
    assert '<a href="/plan/1">Тема 1</a>' in page
    assert "до 10 декабря" in page
    assert '<a href="/products/7">Карта урока</a>' in page
    assert 'href="/calendar"' in page
