"""A thematic plan out of a workbook or a pasted table: what is understood, what is said at the row, what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from openpyxl import Workbook
from sqlalchemy import func, select

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.programmes.beginning import create_programme
from lti_app.programmes.drafts import MOST_TOPICS
from lti_app.programmes.models import Topic
from lti_app.programmes.plan_import import MOST_UNPACKED, Preview, read_pasted, read_workbook, understand
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

HEAD = ("№", "Тема", "Форма", "Режим", "Часы")
LINES = ((1, "Введение", "Лекция", "дистанционно", 2), (2, "Разбор уроков", "Практикум", "очно", 4.5))


def packed(*rows: Iterable[Any], merged: str = "") -> bytes:
    """Write a workbook."""
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    if merged:
        sheet.merge_cells(merged)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def altered(content: bytes, part: str, text: str | None, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a workbook with one part replaced, or without it."""
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(stream, "w", compression) as new:
        for info in old.infolist():
            if info.filename != part:
                new.writestr(info.filename, old.read(info))
            elif text is not None:
                new.writestr(part, text)
    return stream.getvalue()


def taken(rows: Sequence[Sequence[Any]]) -> Preview:
    return understand(read_workbook(packed(*rows)))


def plan(preview: Preview) -> list[tuple[str, str, str, str]]:
    return [(row.values["title"], row.values["form"], row.values["mode"], row.values["hours"]) for row in preview.rows]


def errors(preview: Preview) -> list[set[str]]:
    return [set(row.errors) for row in preview.rows]


WHOLE = [("Введение", "lecture", "distance", "2"), ("Разбор уроков", "practicum", "on_site", "4,5")]


def test_a_workbook_is_understood_and_what_is_taken_for_what_is_said() -> None:
    preview = taken([HEAD, *LINES])

    assert plan(preview) == WHOLE
    assert errors(preview) == [set(), set()]
    assert [heading for heading, _name in preview.columns] == ["Тема", "Форма", "Режим", "Часы"]
    assert preview.ignored == ["№"]


@pytest.mark.parametrize("separator", ["\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_pasted_table_is_understood(separator: str, end: str) -> None:
    lines = [separator.join(str(cell).replace(".", ",") for cell in row) for row in (HEAD, *LINES)]

    assert plan(understand(read_pasted(end.join(lines) + end))) == WHOLE


def test_the_row_of_headings_may_stand_below_a_title_and_empty_rows() -> None:
    assert plan(taken([("Учебно-тематический план",), (), ("Программа «Урок»",), (), HEAD, (), *LINES])) == WHOLE


@pytest.mark.parametrize(
    "heading",
    ["ТЕМА", " тема ", "Наименование разделов и тем", "Название темы", "Тема:", "наименование  темы"],
)
def test_headings_are_known_in_other_words_and_cases(heading: str) -> None:
    assert plan(taken([(heading, "Кол-во часов", "форма ПРОВЕДЕНИЯ"), ("Введение", 2, "Лекция")])) == [
        ("Введение", "lecture", "on_site", "2")
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [LINES[0], LINES[1]],
        [("Тема",), ("Введение",)],
        [("Часы", "Форма"), (2, "Лекция")],
        [("Т е м а", "Ч а с ы"), ("Введение", 2)],
    ],
)
def test_without_headings_it_is_said_what_is_lacking(rows: list[tuple[Any, ...]]) -> None:
    with pytest.raises(DomainError) as refusal:
        taken(rows)

    assert (refusal.value.code, refusal.value.field) == ("headings_not_found", "table")
    assert refusal.value.remedy


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t\t", ";"])
def test_an_empty_table_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        understand(read_pasted(text))
    assert refusal.value.code == "headings_not_found"


def test_an_empty_workbook_and_one_of_headings_alone_are_refused() -> None:
    for rows, code in (([], "headings_not_found"), ([HEAD], "no_topics_found"), ([HEAD, (), ()], "no_topics_found")):
        with pytest.raises(DomainError) as refusal:
            taken(rows)
        assert refusal.value.code == code


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1,5", "1,5"),
        ("1.5", "1.5"),
        (" 2 ", "2"),
        (2, "2"),
        (2.0, "2"),
        (0.25, "0,25"),
        (1.1 + 2.2, "3,3"),
        (0.1 + 0.2, "0,3"),
        (1e3, "1000"),
    ],
)
def test_hours_are_read_as_people_and_spreadsheets_write_them(written: object, read: str) -> None:
    preview = taken([("Тема", "Часы"), ("Введение", written)])

    assert preview.rows[0].values["hours"] == read
    assert "hours" not in preview.rows[0].errors


@pytest.mark.parametrize(
    "written",
    [
        "два",
        "-1",
        "0",
        "",
        None,
        "1,555",
        "1e-999999999",
        "1_0",
        "NaN",
        "∞",
        "10000",
        "#REF!",
        True,
        date(2026, 1, 2),
    ],
)
def test_hours_that_are_none_are_said_at_the_row(written: object) -> None:
    preview = taken([("Тема", "Часы"), ("Введение", written), ("Практика", 2)])

    assert [("hours" in row.errors) for row in preview.rows] == [True, False]


def test_a_formula_gives_its_stored_value_and_one_without_is_said_at_the_row() -> None:
    content = packed(("Тема", "Часы"), ("Введение", 7), ("Практика", "=1+1"))
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(BytesIO(content)) as book:
        xml = book.read(sheet).decode().replace("<v>7</v>", "<f>3+4</f><v>7</v>")
    preview = understand(read_workbook(altered(content, sheet, xml)))

    assert [row.values["hours"] for row in preview.rows] == ["7", ""]
    assert errors(preview) == [set(), {"hours"}]


def test_a_sum_that_a_formula_left_inexact_is_read_as_the_spreadsheet_shows_it() -> None:
    content = packed(("Тема", "Часы"), ("Введение", 7))
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(BytesIO(content)) as book:
        xml = book.read(sheet).decode().replace("<v>7</v>", "<f>1.1+2.2</f><v>3.3000000000000003</v>")
    preview = understand(read_workbook(altered(content, sheet, xml)))

    assert (preview.rows[0].values["hours"], errors(preview)) == ("3,3", [set()])


def test_of_merged_cells_the_first_has_the_text_and_the_others_are_said() -> None:
    content = packed(("Тема", "Часы"), ("Введение", 2), ("Введение", 4), merged="A2:A3")
    preview = understand(read_workbook(content))

    assert [row.values["title"] for row in preview.rows] == ["Введение", ""]
    assert errors(preview) == [set(), {"title"}]


def test_columns_of_lectures_and_practice_make_hours_and_form() -> None:
    preview = taken(
        [
            ("Тема", "Лекции", "Практика", "Самостоятельная работа"),
            ("Введение", 2, None, None),
            ("Разбор", 1, 3, "0,5"),
            ("Чтение", None, None, None),
        ]
    )

    assert plan(preview)[:2] == [("Введение", "lecture", "on_site", "2"), ("Разбор", "practicum", "on_site", "4,5")]
    assert preview.rows[1].values["independent"] == "0,5"
    assert errors(preview) == [set(), set(), {"hours"}]


@pytest.mark.parametrize("written", ["ЛЕКЦИЯ", "лекции", " Лекция. ", "lecture", "«Лекция»"])
def test_forms_are_known_in_other_cases(written: str) -> None:
    assert plan(taken([HEAD, (1, "Введение", written, "ОЧНО", 2)])) == [("Введение", "lecture", "on_site", "2")]


@pytest.mark.parametrize("words", ["Итого", "ИТОГО:", "Всего часов", "Итого по программе", "Итог"])
def test_rows_of_sums_are_left_out_and_counted(words: str) -> None:
    preview = taken([HEAD, *LINES, (None, words, None, None, 6.5)])

    assert plan(preview) == WHOLE
    assert preview.left_out == 1


def test_a_sum_in_another_column_than_the_topics_is_left_out() -> None:
    assert taken([HEAD, *LINES, ("Итого", None, None, None, 6.5)]).left_out == 1


@pytest.mark.parametrize(
    "title", ["Итоговое занятие", "Итоги стажировки", "Итоговый круглый стол", "Всероссийские проверки"]
)
def test_a_topic_that_begins_like_a_sum_is_a_topic(title: str) -> None:
    preview = taken([HEAD, *LINES, (3, title, "Круглый стол", "очно", 2)])

    assert (preview.rows[-1].values["title"], preview.left_out) == (title, 0)


def test_quotation_marks_in_pasted_titles_stay_and_swallow_nothing() -> None:
    preview = understand(read_pasted('Тема\tЧасы\n"Умный" урок\t2\n"Незакрытая\t3\nПрактика\t4'))

    assert [(row.values["title"], row.values["hours"]) for row in preview.rows] == [
        ('"Умный" урок', "2"),
        ('"Незакрытая', "3"),
        ("Практика", "4"),
    ]


def test_a_cell_of_several_lines_as_spreadsheets_quote_it_is_one_cell() -> None:
    preview = understand(read_pasted('Тема\tЧасы\n"Введение\nв ""умный"" урок"\t2\nПрактика\t4'))

    assert [(row.values["title"], row.values["hours"]) for row in preview.rows] == [
        ('Введение в "умный" урок', "2"),
        ("Практика", "4"),
    ]


@pytest.mark.parametrize(
    "text", ["Тема\tЧасы\rВведение\t2", "Тема\tЧасы\nВв\rедение\t2", "Тема\tЧасы\n" + "я" * 200_000]
)
def test_a_pasted_text_that_is_no_table_breaks_nothing(text: str) -> None:
    try:
        preview = understand(read_pasted(text))
    except DomainError:
        return
    assert preview.rows


@pytest.mark.parametrize("number", [MOST_TOPICS + 1, 500, 5000])
def test_too_many_rows_are_refused(number: int) -> None:
    with pytest.raises(DomainError) as refusal:
        taken([HEAD, *((place, f"Тема {place}", "Лекция", "очно", 1) for place in range(number))])
    assert (refusal.value.code, refusal.value.field) == ("too_many_topics", "table")


def test_the_most_rows_are_taken() -> None:
    preview = taken([HEAD, *((place, f"Тема {place}", "Лекция", "очно", 1) for place in range(MOST_TOPICS))])

    assert len(preview.rows) == MOST_TOPICS
    assert len({row.key for row in preview.rows}) == MOST_TOPICS


def broken_workbooks() -> dict[str, bytes]:
    whole = packed(HEAD, *LINES)
    sheet = "xl/worksheets/sheet1.xml"
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    laughs = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ха">{entities}]><worksheet>&e11;</worksheet>'
    other = BytesIO()
    with zipfile.ZipFile(other, "w") as book:
        book.writestr("word/document.xml", "<document/>")
    return {
        "no zip": b"not a workbook",
        "half of one": whole[: len(whole) // 2],
        "an old workbook or one with a password": bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
        "another zip": other.getvalue(),
        "no sheet": altered(whole, sheet, None),
        "broken xml in the sheet": altered(whole, sheet, "<worksheet><sheetData><row>"),
        "broken xml in the book": altered(whole, "xl/workbook.xml", "<workbook"),
        "no sheets in the book": altered(
            whole,
            "xl/workbook.xml",
            '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/></workbook>',
        ),
        "xml that swells": altered(whole, sheet, laughs),
        "cells that say they are numbers": altered(
            whole,
            sheet,
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="x">'
            '<c r="A1" t="n"><v>x</v></c></row></sheetData></worksheet>',
        ),
        "a text that there is not": altered(
            whole,
            sheet,
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
            '<c r="A1" t="s"><v>99999</v></c></row></sheetData></worksheet>',
        ),
    }


@pytest.mark.parametrize("kind", broken_workbooks())
def test_a_broken_workbook_is_refused_with_what_to_do(kind: str) -> None:
    with pytest.raises(DomainError) as refusal:
        understand(read_workbook(broken_workbooks()[kind]))

    assert (refusal.value.code, refusal.value.field) == ("unreadable_workbook", "file")
    assert refusal.value.remedy


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    bomb = altered(packed(HEAD), "xl/worksheets/sheet1.xml", " " * (MOST_UNPACKED + 1))
    assert len(bomb) < 100_000
    with pytest.raises(DomainError) as refusal:
        read_workbook(bomb)
    assert (refusal.value.code, refusal.value.field) == ("table_too_large", "file")


def test_a_sheet_that_calls_itself_endlessly_wide_is_read_to_where_plans_end() -> None:
    content = packed(HEAD, *LINES)
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(BytesIO(content)) as book:
        xml = book.read(sheet).decode().replace('ref="A1:E3"', 'ref="A1:XFD1048576"')
    table = read_workbook(altered(content, sheet, xml))

    assert plan(understand(table)) == WHOLE
    assert max(map(len, table)) <= 100


def test_a_workbook_without_its_measure_is_read() -> None:
    content = packed(HEAD, *LINES)
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(BytesIO(content)) as book:
        xml = book.read(sheet).decode().replace('<dimension ref="A1:E3"/>', "").replace('<dimension ref="A1:E3" />', "")

    assert plan(understand(read_workbook(altered(content, sheet, xml)))) == WHOLE


def test_the_page_shows_the_plan_in_the_editor_and_saves_nothing(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        begun = create_programme(
            session, site_id=world.site.id, title="Черновик", hours=Decimal(8), actor=world.leader_actor, now=NOW
        )
    browser = visit(app, world, world.leader)
    address = f"/programmes/versions/{begun.id}/plan"

    def sent(**given: Any) -> Any:
        return browser.post(address, data={"csrf_token": token(app, browser), **given})

    shown = sent(file=(BytesIO(packed(HEAD, *LINES, (3, "<b>Зачёт</b>", "зачёт", "очно", 2))), "план.xlsx"))
    assert shown.status_code == 200
    assert 'value="Разбор уроков"' in shown.text
    assert "&lt;b&gt;Зачёт&lt;/b&gt;" in shown.text
    assert "Формы «зачёт» нет в пункте 5.1" in shown.text
    assert 'value="Введение"' in sent(table="Тема\tЧасы\nВведение\t2").text
    refused = sent(file=(BytesIO(b"x"), "план.xlsx"), table="моя таблица")
    assert refused.status_code == 422
    assert "моя таблица</textarea>" in refused.text
    assert 'name="file" accept=".xlsx" aria-invalid="true"' in refused.text
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).where(Topic.version_id == begun.id)) == 0


def test_a_plan_as_methodists_head_their_columns() -> None:
    """The whole hours win over their parts, and a place may say that a topic is held at a distance."""
    table = read_pasted(
        "№\tТема\tВсего, ч\tЛекции\tПрактика\tСам. работа\tМесто\n1\tОценивание\t12\t4\t6\t2\tдистанционно"
    )

    row = understand(table).rows[0]

    assert (row.values["hours"], row.values["independent"], row.values["mode"]) == ("12", "2", "distance")
    assert understand(table).ignored == ["№"]
