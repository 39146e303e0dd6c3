"""The link of a notice leads its person to the page by way of Moodle, and tells a stranger nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.notices.links import address_of
from lti_app.notices.models import Notice, PendingWay
from lti_app.notices.ways import is_own_path
from lti_app.people.models import MoodleAccount, Person
from tests.conftest import MovableClock
from tests.lti_app.web.conftest import Scene, scene
from tests.lti_app.web.test_landing import come, door, launch_of
from tests.lti_app.web.visits import tied_user, token
from tests.lti_app.world import NOW

__all__ = ["door", "scene"]
FORWARD = "Перейти в Moodle"


def notice_to(session: Session, person: Person, path: str) -> Notice:
    notice = Notice(
        occasion="test", about_type="meeting", about_id=1, person_id=person.id, path=path, facts={}, told_at=NOW
    )
    session.add(notice)
    session.flush()
    return notice


def ways(database: Database) -> list[tuple[int, str]]:
    with database.session(writes=False) as session:
        return [(way.person_id, way.path) for way in session.scalars(select(PendingWay))]


@pytest.fixture
def link(app: Flask, scene: Scene, database: Database) -> str:
    """The path of a link to the trainee, who has an account and came by link 3 of the course before."""
    user_id = tied_user(app, scene.here.moodle.id, scene.trainee.id)
    with database.transaction() as session:
        account = session.scalars(select(MoodleAccount).where(MoodleAccount.user_id == user_id)).one()
        account.last_link = 3
        notice = notice_to(session, scene.trainee, f"/meetings/{scene.meeting_id}")
        return address_of(app.extensions["ploshchadka"].settings, notice.id).removeprefix("http://localhost:8700")


def follow(scene: Scene, link: str, role: str = "nobody"):  # type: ignore[no-untyped-def]
    client = scene.come(role)
    return client.post(link, data={"csrf_token": token(scene.app, client)})


def test_a_stranger_sees_what_kind_of_page_it_is_and_looking_changes_nothing(
    scene: Scene, link: str, database: Database
) -> None:
    for role in ("nobody", "leader", "trainee elsewhere", "administrator"):
        response = scene.come(role).get(link)
        assert (response.status_code, FORWARD in response.text) == (200, True)
        assert "страница занятия" in response.text
        shown = response.text.partition("<main")[2].partition("</main>")[0]
        for secret in (scene.trainee.last_name, "Тема", "грамотност", str(scene.here.moodle.url)):
            assert secret not in shown, secret
    assert ways(database) == []


def test_the_way_leads_through_moodle_to_the_page_once_and_for_that_person_alone(
    app: Flask,
    scene: Scene,
    link: str,
    database: Database,
    door,  # type: ignore[no-untyped-def]
) -> None:
    response = follow(scene, link)
    assert response.status_code == 303
    assert response.headers["Location"] == f"{scene.here.moodle.url}/mod/lti/view.php?l=3"
    page = f"/meetings/{scene.meeting_id}"
    assert ways(database) == [(scene.trainee.id, page)]

    leader = tied_user(app, scene.here.moodle.id, scene.here.leader.id)
    other = come(door, launch_of(scene.here, user_id=leader, is_instructor=True), follow=False)
    assert other.headers["Location"] == f"/intakes/{scene.intake_id}"

    own = launch_of(scene.here, user_id=tied_user(app, scene.here.moodle.id, scene.trainee.id))
    assert [come(door, own, follow=False).headers["Location"] for _ in range(2)] == [
        page,
        f"/intakes/{scene.intake_id}",
    ]
    assert ways(database) == []


def test_a_way_runs_out_after_ten_minutes_and_a_link_after_two_months(
    app: Flask,
    scene: Scene,
    link: str,
    database: Database,
    clock: MovableClock,
    door,  # type: ignore[no-untyped-def]
) -> None:
    follow(scene, link)
    clock.move(minutes=11)
    own = launch_of(scene.here, user_id=tied_user(app, scene.here.moodle.id, scene.trainee.id))
    assert come(door, own, follow=False).headers["Location"] == f"/intakes/{scene.intake_id}"
    assert ways(database) == []

    clock.move(days=60)
    old = scene.come("nobody").get(link)
    false = scene.come("nobody").get(f"{link}x")
    assert (old.status_code, false.status_code) == (404, 404)
    assert "Ссылка неполная или устарела" in old.text
    assert "Ссылка неполная или устарела" in false.text
    assert follow(scene, link).status_code == 404


def test_who_is_signed_in_as_that_person_goes_straight_to_the_page(scene: Scene, link: str) -> None:
    response = scene.come("trainee").get(link)

    assert (response.status_code, response.headers["Location"]) == (303, f"/meetings/{scene.meeting_id}")


def test_without_a_known_link_the_page_says_to_open_the_course(scene: Scene, database: Database, app: Flask) -> None:
    with database.transaction() as session:
        notice = notice_to(session, scene.other_trainee, "/notices")
        path = address_of(app.extensions["ploshchadka"].settings, notice.id).removeprefix("http://localhost:8700")

    response = follow(scene, path)

    assert response.status_code == 200
    assert "Откройте в течение десяти минут свой курс в Moodle" in response.text
    assert ways(database) == [(scene.other_trainee.id, "/notices")]


def test_a_launch_is_remembered_by_its_link(app: Flask, scene: Scene, database: Database, door) -> None:  # type: ignore[no-untyped-def]
    user_id = tied_user(app, scene.here.moodle.id, scene.trainee.id)
    for link_id in ("41", "not a number", "42", "42"):
        come(door, launch_of(scene.here, user_id=user_id, resource_link_id=link_id), follow=False)
    with database.session(writes=False) as session:
        query = select(MoodleAccount.last_link).where(MoodleAccount.user_id == user_id)
        assert session.scalar(query) == 42


def test_only_paths_of_the_tool_are_led_to(
    app: Flask,
    scene: Scene,
    database: Database,
    door,  # type: ignore[no-untyped-def]
) -> None:
    paths = ("//evil.example.org", "/\\evil.example.org", "https://evil.example.org/", "javascript:x", "/a\nb", "")
    assert [path for path in paths if is_own_path(path)] == []
    user_id = tied_user(app, scene.here.moodle.id, scene.trainee.id)
    with database.transaction() as session:
        session.add(PendingWay(person_id=scene.trainee.id, path="//evil.example.org", until=NOW + timedelta(minutes=5)))
    response = come(door, launch_of(scene.here, user_id=user_id), follow=False)
    assert response.headers["Location"] == f"/intakes/{scene.intake_id}"
