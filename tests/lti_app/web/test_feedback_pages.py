"""The pages of feedback: the form, what it comes to, the questions."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from lti_app.core.db import Database
from lti_app.meetings.feedback_models import Feedback
from lti_app.meetings.models import Meeting
from lti_app.people.models import Person
from tests.lti_app.web.conftest import Scene
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import World


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        return World(session)


@pytest.fixture
def there(database: Database, world: World) -> tuple[Meeting, list[Person]]:
    """Yesterday's meeting and the three who were there."""
    with database.transaction() as session:
        world.session = session
        session.add(world.intake)
        meeting = world.meeting()
        trainees = world.trainees(3)
        world.attended(meeting, *trainees)
        return meeting, [trainee.person for trainee in trainees]


def test_answers_are_given_once_and_seen_once_they_are_three(
    app: Flask, database: Database, world: World, there: tuple[Meeting, list[Person]]
) -> None:
    meeting, people = there
    address = f"/meetings/{meeting.id}/feedback"
    leader = visit(app, world, world.leader)
    for number, person in enumerate(people):
        assert "ответов пока мало" in leader.get(f"{address}/summary").text
        client = visit(app, world, person)
        page = client.get(address).text
        assert "Отзыв анонимный" in page
        assert "не меньше 3" in page
        names = sorted(set(re.findall(r'name="(question-\d+)"', page)))
        typed = {"csrf_token": token(app, client), "comment": f"Слово {number}", names[0]: "4", names[1]: "5"}
        refused = client.post(address, data=typed)
        assert refused.status_code == 422
        assert "Выберите оценку: «Хватило времени на практику»." in refused.text
        assert f"Слово {number}</textarea>" in refused.text
        assert re.search(rf'id="{names[0]}-4" value="4" required checked', refused.text)
        assert client.post(address, data={**typed, names[2]: "3"}).status_code == 303
        again = client.get(address)
        assert again.status_code == 409
        assert "Вы уже оставили отзыв об этом занятии." in again.text
    page = leader.get(f"{address}/summary").text
    assert "3 ответа" in page
    assert page.count("Слово ") == 3
    assert "4 из 5" in page
    assert not [person for person in people if person.last_name in page]
    with database.session(writes=False) as session:
        assert session.query(Feedback).count() == 3


def test_the_centre_words_the_questions(scene: Scene) -> None:
    client = scene.come("centre")
    page = client.get("/feedback/questions").text
    typed: dict[str, object] = {
        "csrf_token": token(scene.app, client),
        "seen": re.findall(r'name="seen" value="(\d+)"', page),
    }
    refused = client.post("/feedback/questions", data={**typed, "text-1": "Да", "text-2": "Да"})
    assert refused.status_code == 422
    assert "Это утверждение повторяется." in refused.text
    saved = client.post("/feedback/questions", data={**typed, "text-1": "Узнали новое"}, follow_redirects=True)
    assert "Анкета сохранена" in saved.text
    assert 'value="Узнали новое"' in saved.text
    assert "Хватило времени" not in saved.text
    outdated = client.post("/feedback/questions", data={**typed, "text-1": "Другое"})
    assert outdated.status_code == 409
