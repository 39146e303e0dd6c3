"""The pages of lists and papers of attendance: what they refuse, what they cost, what the files say."""

from __future__ import annotations

import io
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from docx import Document
from flask import Flask

from lti_app.core.db import Database
from lti_app.meetings.models import Meeting, Presence
from lti_app.programmes.models import Mode
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Pages are tried on one kind of database; the services are on both (tests/lti_app/meetings)."""
    shutil.copy(sqlite_template, tmp_path / "pages.sqlite3")
    return f"sqlite:///{tmp_path / 'pages.sqlite3'}"


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        return World(session)


def found(database: Database, world: World, people: int) -> Meeting:
    with database.transaction() as session:
        world.session = session
        session.add(world.intake)
        world.trainees(people)
        return world.meeting(starts_at=NOW - timedelta(hours=3, minutes=people))


def upload(app: Flask, world: World, meeting: Meeting, text: str, **fields: str):  # type: ignore[no-untyped-def]
    leader = visit(app, world, world.leader)
    data = {"csrf_token": token(app, leader), "provider": "Зум", **fields}
    file = (io.BytesIO(text.encode()), "list.csv")
    return leader, leader.post(f"/meetings/{meeting.id}/list", data={**data, "file": file})


def test_a_refused_file_keeps_what_was_typed(app: Flask, world: World, database: Database) -> None:
    meeting = found(database, world, 1)
    _leader, refused = upload(app, world, meeting, "Имя\n", provider="Наш сервис")
    assert refused.status_code == 422
    assert 'value="Наш сервис"' in refused.text
    assert "В файле нет строк под заголовками столбцов" in refused.text


def test_looking_through_a_list_costs_the_same_whatever_its_length(
    app: Flask, world: World, database: Database
) -> None:
    costs = []
    for people in (1, 20):
        meeting = found(database, world, people)
        rows = "".join(f"Стажёрова{number:03} Анна;{number}\n" for number in range(1, people + 1))
        leader, sent = upload(app, world, meeting, "Имя;Минут\n" + rows)
        with counted_queries(app.extensions["ploshchadka"].database) as queries:
            page = leader.get(sent.location)
        assert page.status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 10


def test_an_outdated_form_of_a_list_is_refused_with_what_was_chosen(
    app: Flask, world: World, database: Database
) -> None:
    meeting = found(database, world, 1)
    leader, sent = upload(app, world, meeting, "Имя\nКто-то\n")
    page = leader.get(sent.location).text
    key = re.findall(r'value="(t\d+)"', page)[0]
    data = {"csrf_token": token(app, leader), "revision": "1", "row-2": key}
    refused = leader.post(f"{sent.location}/accept", data=data)
    assert refused.status_code == 409
    assert re.search(rf'value="{key}" selected', refused.text)
    gone = leader.post(f"{sent.location}/discard", data={"csrf_token": token(app, leader)}, follow_redirects=True)
    assert "Список удалён." in gone.text
    assert leader.get(sent.location).status_code == 404


def tables_of(file: bytes) -> list[list[list[str]]]:
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in Document(io.BytesIO(file)).tables]


def test_the_sheet_and_the_journal_say_who_is_awaited_and_who_was_there(
    app: Flask, world: World, database: Database
) -> None:
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics])
        anna, boris = world.trainee("Аннина"), world.trainee("Борисова")
        first = world.meeting(hours=2, starts_at=NOW - timedelta(days=2), mode=Mode.ON_SITE)
        second = world.meeting(hours=4, starts_at=NOW - timedelta(days=1))
        world.meeting(hours=2, starts_at=NOW - timedelta(days=1), topic=1, cancelled=True)
        alone = world.meeting(hours=2, starts_at=NOW, topic=2)
        alone.only_for_id = anna.id
        world.attended(first, anna, boris)
        world.attended(second, anna, presence=Presence.ABSENT)
    leader = visit(app, world, world.leader)
    sheet = leader.get(f"/meetings/{first.id}/sheet?as=docx&empty=1&signatory_name=Петров П. П.")
    table = tables_of(sheet.data)[0]
    assert [row[:2] for row in table[1:]] == [["1", "Аннина Анна"], ["2", "Борисова Анна"], ["3", ""]]
    journal = leader.get(f"/intakes/{world.intake.id}/journal?as=docx")
    table = tables_of(journal.data)[0]
    assert [row[2:5] + row[-1:] for row in table] == [
        ["22.11", "23.11", "", "Часов"],
        ["2", "4", "", "6"],
        ["+", "н", "", "2"],
        ["+", "", "", "2"],
        ["2", "0", "", ""],
    ]
    only = leader.get(f"/meetings/{alone.id}/sheet?as=docx&empty=много")
    assert [row[1] for row in tables_of(only.data)[0][1:]] == ["Аннина Анна", "", ""]
