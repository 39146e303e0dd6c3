"""5.1: the forms in which meetings are held, and where; nothing else gets into plans, schedules or tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.core.words import in_municipal_language, plain
from lti_app.importing.schemas import MeetingRow, TopicRow
from lti_app.meetings.planning import MeetingFacts, save_meeting
from lti_app.programmes.beginning import create_programme
from lti_app.programmes.drafts import PlanRow, save_draft
from lti_app.programmes.models import FORM_NAMES, Form, Mode, Topic
from lti_app.programmes.plan_import import read_pasted, understand
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.regulation.test_clause_4_2_programme import FACTS, TEXTS

ZONE = ZoneInfo("Asia/Novokuznetsk")
CLAUSE = {
    "лекции": Form.LECTURE,
    "семинары": Form.SEMINAR,
    "корректировка рабочей программы": Form.WORK_PROGRAMME,
    "проектирование учебных занятий": Form.LESSON_DESIGN,
    "разработка технологической карты урока": Form.TECHNOLOGICAL_MAP,
    "разработка технологической карты занятия": Form.TECHNOLOGICAL_MAP,
    "открытые уроки": Form.OPEN_LESSON,
    "открытые занятия": Form.OPEN_LESSON,
    "практикумы": Form.PRACTICUM,
    "круглые столы": Form.ROUND_TABLE,
    "консультации": Form.CONSULTATION,
}
"""The words of the clause."""


def test_the_forms_are_those_of_the_clause_and_no_others() -> None:
    assert set(CLAUSE.values()) == set(Form) == set(FORM_NAMES)
    assert set(Mode) == {Mode.ON_SITE, Mode.DISTANCE}


@pytest.mark.parametrize(("words", "form"), CLAUSE.items())
def test_the_clauses_own_words_are_understood_in_tables(words: str, form: Form) -> None:
    row = understand(read_pasted(f"Тема\tФорма\tЧасы\nТема\t{words}\t2")).rows[0]
    assert (row.values["form"], row.errors) == (form.value, {})
    for schema in (TopicRow, MeetingRow):
        assert schema._declared_fields["form"].read(words) is form  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "form"),
    [
        ("дистанционный семинар", Form.SEMINAR),
        ("Семинар (дистанционный)", Form.SEMINAR),
        ("дистанционная лекция", Form.LECTURE),
        ("Лекция (дистанционно)", Form.LECTURE),
    ],
)
def test_lectures_and_seminars_at_a_distance_are_understood_as_such(words: str, form: Form) -> None:
    row = understand(read_pasted(f"Тема\tФорма\tЧасы\nТема\t{words}\t2")).rows[0]

    assert (row.values["form"], row.values["mode"], row.errors) == (form.value, Mode.DISTANCE.value, {})


@pytest.mark.parametrize("words", ["экскурсия", "лекция-экскурсия", "зачёт", "lecturе"])
def test_a_form_that_the_clause_does_not_name_is_said_at_the_row(words: str) -> None:
    row = understand(read_pasted(f"Тема\tФорма\tЧасы\nТема\t{words}\t2")).rows[0]

    assert "форма" in str(row.errors["form"]).lower() or "form" in str(row.errors["form"])
    with pytest.raises(Exception, match="not known|неизвестн"):
        TopicRow._declared_fields["form"].read(words)  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("form", Form)
def test_each_form_is_kept_in_a_plan_and_in_a_schedule(database: Database, form: Form, mode: Mode) -> None:
    with database.transaction() as session:
        world = World(session)
        leader = world.leader_actor
        begun = create_programme(
            session, site_id=world.site.id, title="Черновик", hours=Decimal(8), actor=leader, now=NOW
        )
        facts = replace(FACTS, texts=TEXTS, rows=(PlanRow("Тема", form, mode, Decimal("8.5")),))
        version = save_draft(session, begun.id, facts, seen=begun.revision, actor=leader, now=NOW)
        assert [(topic.form, topic.mode) for topic in version.topics] == [(form, mode)]
        meeting = save_meeting(session, None, planned(world, form, mode), zone=ZONE, actor=leader, now=NOW)[0]
        assert (meeting.form, meeting.mode) == (form, mode)


def planned(world: World, form: Form, mode: Mode, where: str = "https://rooms.example.org/1") -> MeetingFacts:
    return MeetingFacts(world.intake, world.topics[0], form, mode, NOW + timedelta(days=1), 90, where)


@pytest.mark.parametrize("where", ["", "каб. 12", "javascript:alert(1)", "https://", "ftp://rooms.example.org"])
def test_a_meeting_at_a_distance_has_a_room_to_come_to(database: Database, where: str) -> None:
    with database.transaction() as session:
        world = World(session)
        facts = planned(world, Form.SEMINAR, Mode.DISTANCE, where)
        with pytest.raises(DomainError) as refusal:
            save_meeting(session, None, facts, zone=ZONE, actor=world.leader_actor, now=NOW)
        assert (refusal.value.code, refusal.value.field) == ("no_link", "place_or_url")
        there = world.meeting()
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE meeting SET room_url = NULL WHERE id = {there.id}"))
        on_site = world.meeting(mode=Mode.ON_SITE)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE meeting SET mode = 'distance' WHERE id = {on_site.id}"))


@pytest.mark.parametrize("value", ["'excursion'", "'LECTURE'", "''", "NULL"])
@pytest.mark.parametrize("column", ["form", "mode"])
def test_the_database_keeps_no_other_form_and_no_other_place(database: Database, column: str, value: str) -> None:
    with database.transaction() as session:
        world = World(session, "draft", published=False)
        session.execute(text("UPDATE intake SET version_id = version_id"))
        meeting = world.meeting()
        begun = create_programme(
            session, site_id=world.site.id, title="Черновик", hours=Decimal(8), actor=world.leader_actor, now=NOW
        )
        session.add(Topic(version_id=begun.id, position=1, title="Т", form=Form.LECTURE, mode=Mode.ON_SITE, hours=8))
        session.flush()
        for table, own in (("meeting", f"id = {meeting.id}"), ("topic", f"version_id = {begun.id}")):
            with pytest.raises(DBAPIError), session.begin_nested():
                session.execute(text(f"UPDATE {table} SET {column} = {value} WHERE {own}"))


def test_the_model_takes_no_other_form(database: Database) -> None:
    with database.transaction() as session:
        meeting = World(session).meeting()
        with pytest.raises(StatementError), session.begin_nested():
            meeting.form = "excursion"  # type: ignore[assignment]
            session.flush()
        session.rollback()


@pytest.mark.parametrize(("field", "value"), [("form", "excursion"), ("form", ""), ("mode", "moon"), ("mode", "")])
def test_the_editor_says_at_the_row_that_there_is_no_such_form(
    app: Flask, database: Database, field: str, value: str
) -> None:
    with database.transaction() as session:
        world = World(session)
        begun = create_programme(
            session, site_id=world.site.id, title="Черновик", hours=Decimal(8), actor=world.leader_actor, now=NOW
        )
    browser = visit(app, world, world.leader)
    row = {"title_1": "Тема", "form_1": "lecture", "mode_1": "on_site", "hours_1": "8"}
    form = {"title": "Черновик", "hours": "8", "revision": "1", "row": "1"} | row | {f"{field}_1": value}
    answer = browser.post(f"/programmes/versions/{begun.id}/edit", data={**form, "csrf_token": token(app, browser)})

    assert answer.status_code == 422
    assert "Выберите форму" in answer.text
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).where(Topic.version_id == begun.id)) == 0


def test_the_names_that_people_read_lead_back_to_the_form(app: Flask) -> None:
    with app.app_context():
        for form, name in FORM_NAMES.items():
            words = in_municipal_language(name)
            row = understand(read_pasted(f"Тема\tФорма\tЧасы\nТема\t{words}\t2")).rows[0]
            assert (row.values["form"], row.errors) == (form.value, {}), plain(words)
