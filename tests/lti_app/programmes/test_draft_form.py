"""The editor's form: what was typed stays, what is wrong is said at its row, buttons work without scripts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.programmes.beginning import create_programme
from lti_app.programmes.draft_form import DraftForm, facts_from, hours_from, read_form, rearranged
from lti_app.programmes.models import Form, Mode, ProgrammeVersion, Topic
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World


def row(key: str, **other: str) -> list[tuple[str, str]]:
    given = {"title": f"Тема {key}", "form": "lecture", "mode": "on_site", "hours": "4", "topic_id": ""}
    return [("row", key), *((f"{name}_{key}", value) for name, value in {**given, **other}.items())]


def sent(*rows: list[tuple[str, str]], **other: str) -> DraftForm:
    fields = {"title": "Урок", "hours": "8", "revision": "1", **other}
    return read_form(MultiDict([*fields.items(), *(pair for pairs in rows for pair in pairs)]))


def refused(form: DraftForm) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        facts_from(form)
    return refusal.value


def keys(form: DraftForm) -> list[str]:
    return [one.key for one in form.rows]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("24", "24"),
        ("1,5", "1.5"),
        ("1.50", "1.5"),
        (" 0,25 ", "0.25"),
        ("1\N{NO-BREAK SPACE}000", "1000"),
        ("0", "0"),
        ("9999,99", "9999.99"),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, hours: str) -> None:
    assert hours_from(text) == Decimal(hours)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "два",
        "-1",
        "1,555",
        "10000",
        "1e2",
        "1e-999999999",
        "1_0",
        "NaN",
        "Infinity",
        "1,2,3",
        "1 2",
        "0x10",
        "9" * 5000,
    ],
)
def test_what_are_no_hours_are_none(text: str) -> None:
    assert hours_from(text) is None


def test_rows_come_in_the_order_of_the_page_and_each_once() -> None:
    form = sent(row("7"), row("2"), row("7", title="Повтор"), row("новая"))

    assert keys(form) == ["7", "2", "новая"]


def test_a_whole_form_becomes_facts() -> None:
    form = sent(
        row("1", form="seminar", mode="distance", hours="1,5", independent="0,5", control=" опрос ", topic_id="12"),
        row("2", title="  Две   части ", hours="6,5"),
        hours_needed="6",
        needs_completion="yes",
        competences=" умеет \n\n  знает  приёмы ",
        goals="Освоить",
        tasks="",
    )
    facts = facts_from(form)

    assert (facts.title, facts.hours, facts.hours_needed, facts.needs_completion) == ("Урок", 8, 6, True)
    assert facts.competences == ("умеет", "знает приёмы")
    assert (facts.texts["goals"], facts.texts["tasks"]) == ("Освоить", None)
    first, second = facts.rows
    assert (first.form, first.mode, first.hours, first.independent_hours) == (
        Form.SEMINAR,
        Mode.DISTANCE,
        Decimal("1.5"),
        Decimal("0.5"),
    )
    assert (first.control, first.topic_id, second.title, second.topic_id) == ("опрос", 12, "Две части", None)


def test_hours_for_credit_are_all_where_none_are_given() -> None:
    assert facts_from(sent(row("1"))).hours_needed == 8


def test_empty_rows_are_left_out_and_half_empty_ones_are_not() -> None:
    form = sent(row("1"), row("2", title="", hours=""), row("3", title="", hours="2"))

    assert refused(form).code == "form_has_errors"
    assert [set(one.errors) for one in form.rows] == [set(), set(), {"title"}]


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"title": " "}, {"title"}),
        ({"title": "т" * 501}, {"title"}),
        ({"hours": "0"}, {"hours"}),
        ({"hours": "много"}, {"hours"}),
        ({"independent": "5"}, {"independent"}),
        ({"independent": "x"}, {"independent"}),
        ({"control": "к" * 201}, {"control"}),
        ({"form": "excursion"}, {"form"}),
        ({"mode": ""}, {"form"}),
        ({"title": "", "hours": "", "content": "x"}, {"title", "hours"}),
    ],
)
def test_what_is_wrong_is_said_at_its_row_and_field(typed: dict[str, str], fields: set[str]) -> None:
    form = sent(row("1"), row("2", **typed))
    refused(form)

    assert [set(one.errors) for one in form.rows] == [set(), fields]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"hours": ""}, "hours"),
        ({"hours": "0"}, "hours"),
        ({"hours_needed": "x"}, "hours_needed"),
        ({"hours_needed": "0"}, "hours_needed"),
        ({"title": "т" * 501}, "title"),
        ({"direction": "н" * 301}, "direction"),
        ({"competences": "умеет\n" + "у" * 501}, "competences"),
    ],
)
def test_what_is_wrong_with_the_whole_is_said_at_its_field(typed: dict[str, str], field: str) -> None:
    form = sent(row("1"), **typed)

    assert field in form.errors if refused(form) else False


@pytest.mark.parametrize("topic_id", ["x", "-1", "99999999999999999999", "²", " 1"])
def test_a_row_that_names_no_topic_is_a_new_one(topic_id: str) -> None:
    assert facts_from(sent(row("1", topic_id=topic_id))).rows[0].topic_id is None


@pytest.mark.parametrize(
    ("step", "order"),
    [
        ("up:b", ["b", "a", "c"]),
        ("down:b", ["a", "c", "b"]),
        ("up:a", ["a", "b", "c"]),
        ("down:c", ["a", "b", "c"]),
        ("remove:b", ["a", "c"]),
        ("remove:x", ["a", "b", "c"]),
        ("fly:b", ["a", "b", "c"]),
        (":", ["a", "b", "c"]),
        ("add", ["a", "b", "c", "4"]),
    ],
)
def test_buttons_of_the_plan_move_rows_with_what_was_typed(step: str, order: list[str]) -> None:
    form = rearranged(sent(row("a"), row("b", title="Моё"), row("c")), step)

    assert keys(form) == order
    assert all(one.values["title"] == "Моё" for one in form.rows if one.key == "b")


def test_a_row_is_added_under_a_key_that_is_free() -> None:
    assert keys(rearranged(sent(row("2"), row("3")), "add")) == ["2", "3", "4"]
    assert keys(rearranged(sent(row("1"), row("3")), "add")) == ["1", "3", "4"]


class Editor:
    """The leader at the editor of a draft."""

    def __init__(self, app: Flask, database: Database) -> None:
        with database.transaction() as session:
            self.world = World(session)
            leader = self.world.leader_actor
            begun = create_programme(
                session, site_id=self.world.site.id, title="Черновик", hours=Decimal(8), actor=leader, now=NOW
            )
            self.version_id = begun.id
        self.app, self.database = app, database
        self.browser: FlaskClient = visit(app, self.world, self.world.leader)

    def send(self, *rows: list[tuple[str, str]], json: bool = False, **other: str) -> TestResponse:
        fields = {"title": "Урок", "hours": "8", "csrf_token": token(self.app, self.browser), **other}
        pairs = [*fields.items(), *(pair for one in rows for pair in one)]
        headers: Any = {"Accept": "application/json"} if json else {}
        return self.browser.post(f"/programmes/versions/{self.version_id}/edit", data=MultiDict(pairs), headers=headers)

    def titles(self) -> list[str]:
        with self.database.session(writes=False) as session:
            query = select(Topic.title).where(Topic.version_id == self.version_id).order_by(Topic.position)
            return list(session.scalars(query))


@pytest.fixture
def editor(app: Flask, database: Database) -> Editor:
    return Editor(app, database)


def test_a_refused_form_shows_all_that_was_typed(editor: Editor) -> None:
    answer = editor.send(row("1"), row("2", title="<i>Моя</i>", hours="много"), revision="1", goals="Цель <b>")

    assert answer.status_code == 422
    assert "&lt;i&gt;Моя&lt;/i&gt;" in answer.text
    assert 'value="много"' in answer.text
    assert "Цель &lt;b&gt;" in answer.text
    assert editor.titles() == []


def test_rows_change_places_and_keep_who_they_are(editor: Editor) -> None:
    saved = editor.send(row("1"), row("2"), row("3"), revision="1", json=True).get_json()
    first, second, third = saved["topics"]
    ids = [str(one) for one in (third, first)]
    swapped = editor.send(
        row("9", title="Тема 3", topic_id=ids[0]), row("4"), row("1", topic_id=ids[1]), revision="2", json=True
    ).get_json()

    assert editor.titles() == ["Тема 3", "Тема 4", "Тема 1"]
    assert (swapped["topics"][0], swapped["topics"][2]) == (third, first)
    assert second not in swapped["topics"]


def test_a_topic_of_another_programme_is_not_taken_over(editor: Editor) -> None:
    theirs = editor.world.topics[0]
    editor.send(row("1", topic_id=str(theirs.id)), revision="1")

    assert editor.titles() == ["Тема 1"]
    with editor.database.session(writes=False) as session:
        assert session.get_one(Topic, theirs.id).version_id == editor.world.version.id


def test_the_second_of_two_writers_sees_both_plans_and_keeps_the_own_text(editor: Editor) -> None:
    assert editor.send(row("1", title="Первая"), revision="1").status_code == 303
    late = editor.send(row("1", title="Вторая"), revision="1")

    assert late.status_code == 409
    assert "1. Первая" in late.text
    assert 'value="Вторая"' in late.text
    assert editor.titles() == ["Первая"]


def test_buttons_save_nothing(editor: Editor) -> None:
    answer = editor.send(row("1"), row("2", title="Моё"), revision="1", step="up:2")

    assert answer.status_code == 200
    assert answer.text.index('value="Моё"') < answer.text.index('value="Тема 1"')
    assert editor.titles() == []


def test_long_texts_are_kept_whole(editor: Editor) -> None:
    long = "Содержание. " * 3000
    assert editor.send(row("1", content=long), revision="1", goals=long).status_code == 303

    with editor.database.session(writes=False) as session:
        assert session.get_one(ProgrammeVersion, editor.version_id).goals == long.strip()
