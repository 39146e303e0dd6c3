"""Two versions of a programme side by side: what was added, taken away, moved, changed, and nothing besides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from lti_app.core.db import Database
from lti_app.programmes.comparing import Comparison, Piece, compare, pieces
from lti_app.programmes.models import Competence, Form, Mode, ProgrammeVersion, Topic, VersionState
from tests.lti_app.web.visits import visit
from tests.lti_app.world import World


def topic(title: str, **other: Any) -> Topic:
    given = {"form": Form.LECTURE, "mode": Mode.ON_SITE, "hours": Decimal(2), "independent_hours": Decimal(0)}
    return Topic(title=title, **{**given, **other})


def version(*topics: Topic | str, competences: tuple[str, ...] = (), **other: Any) -> ProgrammeVersion:
    """Make a version that no database has."""
    given = {"title": "Урок", "hours": Decimal(8), "hours_needed": Decimal(8), "needs_completion": False}
    made = ProgrammeVersion(**{**given, **other})
    made.topics = [one if isinstance(one, Topic) else topic(one) for one in topics]
    for position, one in enumerate(made.topics, start=1):
        one.position = position
    made.competences = [Competence(position=place, text=text) for place, text in enumerate(competences, start=1)]
    return made


def told(found: Comparison) -> list[tuple[str, str]]:
    return [(one.kind, (one.after or one.before or topic("?")).title) for one in found.topics]


def test_the_same_is_the_same() -> None:
    found = compare(version("А", "Б", competences=("умеет",)), version("А", "Б", competences=("умеет",)))

    assert (found.fields, found.topics, found.is_same) == ((), (), True)


def test_topics_added_and_removed_are_told_by_name() -> None:
    found = compare(version("Введение", "Химия", "Практика"), version("Введение", "Практика", "Круглый стол"))

    assert told(found) == [("removed", "Химия"), ("added", "Круглый стол")]


def test_a_topic_added_before_others_moves_none_of_them() -> None:
    assert told(compare(version("А1", "Б2", "В3"), version("Новое", "А1", "Б2", "В3"))) == [("added", "Новое")]


def test_a_topic_removed_before_others_moves_none_of_them() -> None:
    assert told(compare(version("А1", "Б2", "В3"), version("Б2", "В3"))) == [("removed", "А1")]


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        (("Б2", "В3", "Г4", "А1"), {"А1"}),
        (("Г4", "А1", "Б2", "В3"), {"Г4"}),
        (("А1", "В3", "Б2", "Г4"), {"Б2", "В3"}),
        (("А1", "Г4", "Б2", "В3"), {"Г4"}),
    ],
)
def test_only_the_topic_that_moved_is_said_to_have_moved(after: tuple[str, ...], moved: set[str]) -> None:
    found = told(compare(version("А1", "Б2", "В3", "Г4"), version(*after)))

    assert {kind for kind, _title in found} == {"moved"}
    assert {title for _kind, title in found} <= moved
    assert len(found) == 1


@pytest.mark.parametrize(
    ("other", "fields"),
    [
        ({"hours": Decimal(4)}, ("hours",)),
        ({"form": Form.SEMINAR, "mode": Mode.DISTANCE}, ("form", "mode")),
        ({"independent_hours": Decimal(1)}, ("independent_hours",)),
        ({"control": "опрос"}, ("control",)),
        ({"content": "приёмы"}, ("content",)),
    ],
)
def test_a_changed_topic_tells_which_fields_differ(other: dict[str, Any], fields: tuple[str, ...]) -> None:
    found = compare(version("Введение"), version(topic("Введение", **other)))

    assert [(one.kind, one.fields) for one in found.topics] == [("changed", fields)]


def test_a_reworded_topic_is_changed_and_another_one_is_not_it() -> None:
    before = version("Проектирование современного урока", "Химия")
    found = compare(before, version("Проектирование урока", "Физкультура и спорт"))

    assert told(found) == [
        ("changed", "Проектирование урока"),
        ("removed", "Химия"),
        ("added", "Физкультура и спорт"),
    ]
    assert found.topics[0].title == (
        Piece("same", "Проектирование "),
        Piece("removed", "современного "),
        Piece("same", "урока"),
    )


def test_topics_of_one_title_are_matched_one_to_one() -> None:
    assert told(compare(version("Консультация", "Консультация"), version("Консультация"))) == [
        ("removed", "Консультация")
    ]
    assert compare(version("Консультация", "Консультация"), version("Консультация", "Консультация")).is_same


def test_texts_differ_word_by_word() -> None:
    assert pieces("Освоить новые приёмы", "Освоить приёмы урока") == (
        Piece("same", "Освоить "),
        Piece("removed", "новые "),
        Piece("same", "приёмы"),
        Piece("added", " урока"),
    )


@pytest.mark.parametrize(("before", "after"), [("", "Новое"), ("Старое", ""), ("а  б\nв", "а б\n\nв"), ("", "")])
def test_the_pieces_make_both_texts_again(before: str, after: str) -> None:
    found = pieces(before, after)

    assert "".join(piece.text for piece in found if piece.kind != "added") == before
    assert "".join(piece.text for piece in found if piece.kind != "removed") == after


@pytest.mark.parametrize(
    "other",
    [
        {"title": "Урок сегодня"},
        {"goals": "Освоить"},
        {"relevance": "Нужно"},
        {"hours": Decimal(10)},
        {"hours_needed": Decimal(6)},
        {"needs_completion": True},
        {"competences": ("умеет",)},
        {"sources": "Книга"},
    ],
)
def test_each_field_that_differs_is_told(other: dict[str, Any]) -> None:
    found = compare(version(), version(**other))

    assert len(found.fields) == 1
    assert not found.is_same


def test_an_order_of_competences_is_a_difference() -> None:
    assert len(compare(version(competences=("а", "б")), version(competences=("б", "а"))).fields) == 1


def test_the_page_shows_both_and_escapes_them(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        later = version(
            topic("Тема 1", hours=Decimal(8), form=Form.SEMINAR, mode=Mode.DISTANCE),
            topic("<b>Новая</b>", hours=Decimal(16)),
            number=2,
            title="Функциональная грамотность в школе",
            hours=Decimal(24),
            hours_needed=Decimal(24),
            state=VersionState.DRAFT,
            programme_id=world.programme.id,
        )
        session.add(later)
    answer = visit(app, world, world.leader).get(f"/programmes/versions/{later.id}/compare")

    assert answer.status_code == 200
    assert "на уроке</del>" in answer.text
    assert "в школе</ins>" in answer.text
    assert "&lt;b&gt;Новая&lt;/b&gt;" in answer.text
    assert "<b>Новая" not in answer.text
