"""The page of who is who: what it shows, what a decision says, and how it is refused."""

from __future__ import annotations

import pytest

from lti_app.core.db import Database
from lti_app.people.models import MoodleAccount, PersonQuestion
from lti_app.sync.questions import fingerprint
from tests.lti_app.web.conftest import CANDIDATES, Scene
from tests.lti_app.web.visits import token


def answer(scene: Scene, user: str, seen: str | None = None) -> tuple[int, str]:
    """Decide as an administrator; return the status of the answer and the page that follows."""
    client = scene.come("administrator")
    data = {"csrf_token": token(scene.app, client), "user": user, "seen": seen or fingerprint(CANDIDATES)}
    response = client.post(f"/sync/people/{scene.question_id}", data=data)
    return response.status_code, response.text if response.status_code != 303 else client.get("/sync/people").text


def question(scene: Scene, database: Database) -> PersonQuestion:
    with database.session(writes=False) as session:
        return session.get_one(PersonQuestion, scene.question_id)


def test_the_page_shows_who_may_be_meant_and_why(scene: Scene) -> None:
    page = scene.come("administrator").get("/sync/people").text

    assert "Кто есть кто" in page
    assert "в Moodle подходит несколько пользователей" in page
    for candidate in CANDIDATES:
        assert str(candidate["full_name"]) in page
        assert str(candidate["email"]) in page
        assert f"/user/profile.php?id={candidate['user_id']}" in page


def test_the_page_of_runs_leads_there_and_counts(scene: Scene) -> None:
    page = scene.come("administrator").get("/sync").text

    assert "/sync/people" in page
    assert "нужно решить: 1 человек" in page


@pytest.mark.parametrize(("user", "user_id"), [("62", 62), ("none", None)])
def test_a_decision_is_kept_and_told(scene: Scene, database: Database, user: str, user_id: int | None) -> None:
    status, page = answer(scene, user)

    assert status == 303
    assert scene.other_trainee.full_name in page  # in the message
    assert "Анна Вторая" not in page
    kept = question(scene, database)
    assert (kept.user_id, kept.decided_by) == (user_id, "Гостева Галина")
    with database.session(writes=False) as session:
        tied = {(row.user_id, row.person_id) for row in session.query(MoodleAccount)}
    assert tied == ({(62, scene.other_trainee.id)} if user_id else set())


def test_the_second_administrator_is_told_by_whom_it_was_decided(scene: Scene, database: Database) -> None:
    answer(scene, "61")

    status, page = answer(scene, "62")

    assert status == 409
    assert "На этот вопрос уже дан ответ: Гостева Галина." in page
    assert question(scene, database).user_id == 61


@pytest.mark.parametrize(
    ("user", "seen", "status", "told"),
    [
        ("", None, 422, "Никто не выбран."),
        ("чужой", None, 422, "Никто не выбран."),
        ("63", None, 422, "Этого пользователя нет среди подходящих."),
        ("61", "0000", 409, "За это время в Moodle произошли изменения"),
    ],
)
def test_a_refused_decision_says_why_on_the_page(
    scene: Scene, database: Database, user: str, seen: str | None, status: int, told: str
) -> None:
    refused, page = answer(scene, user, seen)

    assert refused == status
    assert told in page
    assert "Анна Первая" in page  # the form again
    assert question(scene, database).decided_at is None


def test_a_user_who_is_known_already_can_not_be_chosen(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        scene.here.session = session
        scene.here.account(scene.trainee, 61)

    page = scene.come("administrator").get("/sync/people").text
    status, refused = answer(scene, "61")

    assert f"Этот пользователь уже связан: {scene.trainee.full_name}." in page
    assert 'value="61" id="user-' in page
    assert "people untie moodle-a 61" in page
    assert status == 409
    assert "people untie MOODLE 61" in refused


def test_whom_moodle_lacks_is_listed_with_what_to_do(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        session.get_one(PersonQuestion, scene.question_id).candidates = []
        session.get_one(PersonQuestion, scene.question_id).reason = "no_user"

    page = scene.come("administrator").get("/sync/people").text

    assert "1 человек из списков не найден в Moodle ни по номеру, ни по почте." in page
    assert scene.other_trainee.full_name in page
    assert "Создайте в Moodle учётную запись с этой почтой" in page
    assert answer(scene, "none")[0] == 409
