"""The leader's page offers people of the course, takes them in, and keeps who is none; and says that all is stopped."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lti_app.core.db import Database
from lti_app.intakes.models import Intake, Outsider
from lti_app.lti.models import Moodle
from tests.lti_app.web.conftest import Scene, outsider_in
from tests.lti_app.web.visits import token
from tests.querycount import counted_queries


def decide(app: Flask, client: FlaskClient, intake_id: int, do: str, *chosen: int) -> str:
    data = {"csrf_token": token(app, client), "do": do, "outsider": [str(one) for one in chosen]}
    return client.post(f"/intakes/{intake_id}/outsiders", data=data, follow_redirects=True).text


@pytest.fixture
def pair(scene: Scene, database: Database) -> tuple[int, int]:
    with database.transaction() as session:
        return scene.outsider_id, outsider_in(session, scene.here, 71).id


def test_each_and_all_are_offered_and_taken_in(scene: Scene, pair: tuple[int, int]) -> None:
    leader = scene.come("leader")
    page = leader.get(f"/intakes/{scene.intake_id}").text
    assert "В курсе Moodle есть ещё 2 человека не из списка стажёров." in page
    assert "Принять всех (2)" in page

    taken = decide(scene.app, leader, scene.intake_id, "adopt", *pair)

    assert "Теперь в списке стажёров: Гришин Виктор 70, Гришин Виктор 71." in taken
    assert "занято мест: 4 из 100" in taken
    assert "Кто ещё есть в курсе" not in taken


def test_who_is_none_is_kept_and_can_be_offered_again(scene: Scene) -> None:
    leader = scene.come("leader")

    dismissed = decide(scene.app, leader, scene.intake_id, "dismiss", scene.outsider_id)
    assert "Принять стажёром" not in dismissed
    assert "Не стажёры: 1 человек" in dismissed

    restored = decide(scene.app, leader, scene.intake_id, "restore", scene.outsider_id)
    assert "В курсе Moodle есть ещё 1 человек не из списка стажёров." in restored


def test_a_refusal_stands_on_the_page_and_takes_nobody_in(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        session.get_one(Intake, scene.intake_id).capacity = 2

    page = decide(scene.app, scene.come("leader"), scene.intake_id, "adopt", scene.outsider_id)

    assert "Свободных мест в потоке: 0, выбрано человек: 1." in page
    assert "занято мест: 2 из 2" in page
    with database.session(writes=False) as session:
        assert session.get(Outsider, scene.outsider_id) is not None


def test_the_page_costs_as_much_for_many(scene: Scene, database: Database) -> None:
    leader = scene.come("leader")
    with counted_queries(scene.app.extensions["ploshchadka"].database) as few:
        leader.get(f"/intakes/{scene.intake_id}")
    with database.transaction() as session:
        for user_id in range(100, 130):
            outsider_in(session, scene.here, user_id)
    with counted_queries(scene.app.extensions["ploshchadka"].database) as many:
        assert "Принять всех (31)" in leader.get(f"/intakes/{scene.intake_id}").text

    assert 0 < len(many) == len(few)


def test_while_the_exchange_is_stopped_nothing_is_said_to_be_on_its_way(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        moodle = session.get_one(Moodle, scene.here.moodle.id)
        moodle.stopped_at, moodle.stopped_by, moodle.stopped_why = scene.here.now, "admin", "проверка"
    leader = scene.come("leader")
    assert "обмен с этим Moodle остановлен" in leader.get(f"/intakes/{scene.intake_id}").text

    data = {"csrf_token": token(scene.app, leader), "proposal": str(scene.proposal_id)}
    page = leader.post(f"/intakes/{scene.intake_id}/credits", data=data, follow_redirects=True).text

    assert "Часы зачтены 1 стажёру. Обмен с Moodle остановлен" in page
    assert "Журнал оценок Moodle обновляется" not in page
