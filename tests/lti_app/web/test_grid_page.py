"""The leader's grid and the page that writes to trainees, as requests see them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lti_app.core.db import Database
from lti_app.credits import beside
from lti_app.credits.grid import SideCell, SideColumn
from lti_app.meetings.models import Meeting
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

LARGEST = 300_000
"""Bytes of a page of 100 people and 40 meetings, not compressed."""
MOST_QUERIES = 18
"""However many people and meetings: who asks, the intake twelve, plans and products four, the checks."""
JSON = {"Accept": "application/json"}


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Services are tried on both kinds of database; pages on one."""
    shutil.copy(sqlite_template, tmp_path / "pages.sqlite3")
    return f"sqlite:///{tmp_path / 'pages.sqlite3'}"


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        world = World(session)
        world.trainees(3)
        return world


@pytest.fixture
def meeting(world: World, database: Database) -> Meeting:
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics])
        return world.meeting(starts_at=NOW - timedelta(days=1))


def _mark(app: Flask, client: FlaskClient, meeting: Meeting, trainee_id: int, **form: str) -> TestResponse:
    data = {"csrf_token": token(app, client), **form}
    return client.post(f"/meetings/{meeting.id}/trainees/{trainee_id}/presence", data=data, headers=JSON)


def test_a_mark_answers_with_its_cell_its_row_and_its_column(app: Flask, world: World, meeting: Meeting) -> None:
    client = visit(app, world, world.leader)
    answer = _mark(app, client, meeting, 1, presence="present", seen="")
    assert answer.status_code == 200
    assert answer.json is not None
    assert {key: answer.json[key] for key in ("sign", "credited", "present", "confirmed")} == {
        "sign": "p",
        "credited": False,
        "present": 1,
        "confirmed": 1,
    }
    assert "2 из 24 ак. ч" in answer.json["standing"]
    assert client.get(f"/meetings/{meeting.id}/trainees/1/presence").json == answer.json


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"presence": "absent", "seen": "present"}, 422, "reason_needed"),
        ({"presence": "absent", "seen": ""}, 409, "said_meanwhile"),
        ({"presence": "perhaps", "seen": ""}, 422, "presence_missing"),
        ({"presence": "absent", "seen": "present", "reason": "я" * 501}, 422, "text_too_long"),
    ],
)
def test_a_refused_mark_says_why_by_a_code(
    app: Flask, world: World, meeting: Meeting, form: dict[str, str], status: int, code: str
) -> None:
    client = visit(app, world, world.leader)
    assert _mark(app, client, meeting, 1, presence="present", seen="").status_code == 200
    answer = _mark(app, client, meeting, 1, **form)
    assert (answer.status_code, answer.json and answer.json["code"]) == (status, code)
    assert client.get(f"/meetings/{meeting.id}/trainees/1/presence").json["sign"] == "p"  # type: ignore[index]


def test_without_a_token_or_a_visit_nothing_is_marked(app: Flask, world: World, meeting: Meeting) -> None:
    client = visit(app, world, world.leader)
    address = f"/meetings/{meeting.id}/trainees/1/presence"
    assert client.post(address, data={"presence": "present"}, headers=JSON).status_code == 400
    assert app.test_client().get(address, headers=JSON).status_code == 401
    assert client.get(address).json["sign"] == "sa"  # type: ignore[index]


def test_a_cell_that_is_asked_for_suggests_what_the_grid_does(
    app: Flask, world: World, meeting: Meeting, database: Database
) -> None:
    parts = app.extensions["ploshchadka"]
    parts.settings = replace(parts.settings, present_from=0.4)
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, meeting])
        half = meeting.starts_at + timedelta(minutes=meeting.minutes / 2)
        world.stay(meeting, world.intake.trainees[0], meeting.starts_at, half)
        meeting_id, trainee_id = meeting.id, world.intake.trainees[0].id
    client = visit(app, world, world.leader)
    assert '<td class="sp' in client.get(f"/intakes/{world.intake.id}/grid").text
    cell = client.get(f"/meetings/{meeting_id}/trainees/{trainee_id}/presence", headers=JSON)
    assert cell.json["sign"] == "sp"  # type: ignore[index]


def test_a_browser_without_scripts_comes_back_to_the_grid(app: Flask, world: World, meeting: Meeting) -> None:
    client = visit(app, world, world.leader)
    data = {"csrf_token": token(app, client), "presence": "present", "seen": ""}
    answer = client.post(f"/meetings/{meeting.id}/trainees/1/presence", data=data, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.location) == (303, f"/intakes/{world.intake.id}/grid")


def test_a_page_of_a_hundred_people_and_forty_meetings_is_small_and_asks_little(
    app: Flask, world: World, database: Database
) -> None:
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics])
        people = world.trainees(97)
        for number in range(40):
            meeting = world.meeting(hours=0.5, starts_at=NOW - timedelta(days=50 - number))
            if number < 30:
                world.attended(meeting, *people)
    client = visit(app, world, world.leader)
    with counted_queries(app.extensions["ploshchadka"].database) as queries:
        page = client.get(f"/intakes/{world.intake.id}/grid")
    assert page.status_code == 200
    assert page.text.count('class="p"') > 2000
    assert len(page.data) < LARGEST
    assert len(queries) <= MOST_QUERIES


def test_filters_stand_in_the_address_and_the_workbook_follows_them(
    app: Flask, world: World, meeting: Meeting, database: Database
) -> None:
    client = visit(app, world, world.leader)
    address = f"/intakes/{world.intake.id}/grid"
    assert "Под это условие никто не подходит." in client.get(f"{address}?show=behind").text
    one = client.get(f"{address}?show=waiting&meeting={meeting.id}").text
    assert one.count("data-trainee=") == 3
    link = re.search(r'href="([^"]*grid\.xlsx[^"]*)"', one)
    assert link is not None
    assert f"meeting={meeting.id}" in link[1]
    taken = client.get(link[1].replace("&amp;", "&"))
    assert taken.data.startswith(b"PK")
    assert taken.headers["Content-Disposition"] == "attachment; filename=intake-a-attendance-2026-11-24.xlsx"


def test_an_intake_without_meetings_says_what_will_stand_there(app: Flask, world: World) -> None:
    page = visit(app, world, world.leader).get(f"/intakes/{world.intake.id}/grid")
    assert "занятия будут здесь столбцами, а стажёры – строками" in page.text


def test_a_column_of_another_room_stands_beside_the_meetings(
    app: Flask, world: World, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = SideColumn("Карта урока", {1: SideCell("принято", "check-circle", "success", address="/products/7")})
    monkeypatch.setattr(beside, "product_columns", lambda _session, _intake_id: [column])
    page = visit(app, world, world.leader).get(f"/intakes/{world.intake.id}/grid").text
    assert "Карта урока" in page
    assert '<a href="/products/7"><span class="state text-success-emphasis bg-success-subtle">' in page


def test_a_refused_message_keeps_what_was_typed_and_ticked(app: Flask, world: World) -> None:
    client = visit(app, world, world.leader)
    address = f"/intakes/{world.intake.id}/messages"
    asked = client.get(f"{address}?trainee=2&trainee=999999&trainee=x")
    assert re.findall(r'value="(\d+)" id="to-\d+" checked', asked.text) == ["2"]
    data = {"csrf_token": token(app, client), "text": "Завтра в 10:00", "key": "k1"}
    refused = client.post(address, data=data)
    assert refused.status_code == 422
    assert "Никто не выбран." in refused.text
    assert "Завтра в 10:00</textarea>" in refused.text
    assert 'name="key" value="k1"' in refused.text
    sent = client.post(address, data={**data, "trainee": ["1", "3"]}, follow_redirects=True)
    assert "Сообщение отправляется 2 стажёрам." in sent.text
    again = client.post(address, data={**data, "trainee": ["1", "3"]}, follow_redirects=True)
    assert again.text.count("Завтра в 10:00") == 1
    back = client.post(address, data={**data, "text": "Послезавтра в 9:00", "trainee": ["1"]})  # with "back"
    assert (back.status_code, "Послезавтра в 9:00</textarea>" in back.text, 'value="k1"' in back.text) == (
        409,
        True,
        False,
    )


def test_who_falls_behind_is_written_to_in_one_click_from_both_pages(
    app: Flask, world: World, database: Database
) -> None:
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics])
        for topic in range(3):
            for _ in range(4):
                world.meeting(topic=topic, hours=2)
        first = world.intake.trainees[0]
        for held in session.query(Meeting).all():
            world.attended(held, *(one for one in world.intake.trainees if one is not first))
            world.attended(held, first, presence="absent")  # type: ignore[arg-type]
        first_id = first.id
    client = visit(app, world, world.leader)
    link = f'<a class="small" href="/intakes/{world.intake.id}/messages?trainee={first_id}">Написать им</a>'
    assert link in client.get(f"/intakes/{world.intake.id}").text
    assert link in client.get("/").text
    assert client.get(f"/intakes/{world.intake.id}/grid?show=behind").text.count("data-trainee=") == 1
