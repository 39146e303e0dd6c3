"""Bring a thematic plan in from a workbook or a pasted table: how columns and rows are understood, to be looked at."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from openpyxl import load_workbook

from lti_app.core.errors import DomainError, Text
from lti_app.core.saving import as_json
from lti_app.core.words import plain
from lti_app.programmes.draft_form import RowForm, empty_row, hours_from
from lti_app.programmes.drafts import MOST_TOPICS
from lti_app.programmes.models import Form, Mode
from lti_app.programmes.spelling import FORM_WORDS, MODE_WORDS

MOST_UNPACKED = 40 * 1024 * 1024
MOST_ROWS = 1000
MOST_COLUMNS = 100
"""A sheet whose rows were coloured whole is 16,384 columns wide; no plan is."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "title": ("тема", "темы", "наименование темы", "название темы", "наименование разделов и тем", "topic", "title"),
    "hours": (
        *("часы", "часов", "всего", "всего часов", "количество часов", "кол-во часов", "всего час", "час", "hours"),
        *("всего ч", "ч", "ак ч", "часов всего", "объем", "объем часов", "итого часов"),
    ),
    "lectures": ("лекции", "лекция", "теория", "лекционные занятия"),
    "practice": ("практика", "практические занятия", "практические", "практикум"),
    "independent": (
        *("самостоятельная работа", "самостоятельно", "самостоятельная", "индивидуальная работа"),
        *("сам работа", "самост работа", "сам раб", "срс"),
    ),
    "form": ("форма", "форма занятия", "форма проведения", "форма проведения занятия", "вид занятия", "form"),
    "mode": ("режим", "формат", "где проводится", "очно дистанционно", "место", "место проведения", "mode"),
    "control": ("форма контроля", "контроль", "формы контроля"),
    "content": ("содержание", "содержание темы", "краткое содержание"),
}
COLUMN_NAMES: dict[str, Text] = {
    "title": _l("topic"),
    "hours": _l("hours in all"),
    "lectures": _l("lectures"),
    "practice": _l("practice"),
    "independent": _l("independent"),
    "form": _l("form"),
    "mode": _l("where"),
    "control": _l("form of control"),
    "content": _l("contents"),
}
SUMS = ("итого", "всего", "итог")
FORMS = {plain(word): form for form, words in FORM_WORDS.items() for word in (*words, form.value)}
MODES = {plain(word): mode for mode, words in MODE_WORDS.items() for word in (*words, mode.value)}


@dataclass(frozen=True)
class Preview:
    """Show how a table was understood: rows for the editor, headings with what they are taken for, rows left out."""

    rows: list[RowForm]
    columns: list[tuple[str, Text]]
    ignored: list[str]
    left_out: int


def read_workbook(content: bytes) -> list[list[str]]:
    """Return the cells of a workbook's first sheet as text. Raises DomainError for no workbook, or too large a one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED:
                raise DomainError("table_too_large", _l("The workbook unpacks to too much."), field="file")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        try:
            rows = book.worksheets[0].iter_rows(values_only=True, max_row=MOST_ROWS, max_col=MOST_COLUMNS)
            return [[_text(cell) for cell in row] for row in rows]
        finally:
            book.close()
    except DomainError:
        raise
    except Exception as error:  # openpyxl lets through whatever zip, XML and numbers of a broken file raise
        raise DomainError(
            "unreadable_workbook",
            _l("The workbook can't be read."),
            remedy=_l("Open it in a spreadsheet program and save it as .xlsx."),
            field="file",
        ) from error


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        # Formulas leave 3.3000000000000003 behind, which the spreadsheet itself shows as 3.3.
        return str(as_json(Decimal(f"{cell:.10g}"))).replace(".", ",")
    return " ".join(str(cell).split())


def read_pasted(text: str) -> list[list[str]]:
    """Return the cells of a pasted table: parted by tabs, as spreadsheets and Word copy them, else by semicolons.

    Quotation marks around a cell are part of its text, unless they were put there because of what is inside.
    """
    delimiter = "\t" if "\t" in text else ";"
    quoted = re.compile(rf'"([^"]*(?:""[^"]*)*)"(?=[{delimiter}\r\n]|\Z)')
    bare = re.compile(rf"[^{delimiter}\r\n]*")
    text = text.strip("\r\n")
    rows: list[list[str]] = [[]]
    at = 0
    while len(rows) <= MOST_ROWS:
        found = quoted.match(text, at)
        if found and (delimiter == ";" or any(sign in found[1] for sign in ("\t", "\r", "\n", '""'))):
            cell = found[1].replace('""', '"')
        else:
            found = bare.match(text, at)
            cell = found[0] if found else ""
        rows[-1].append(" ".join(cell.split()))
        at = found.end() if found else at
        if at >= len(text):
            break
        if text[at] == delimiter:
            at += 1
            continue
        at += 2 if text.startswith("\r\n", at) else 1
        rows.append([])
    return rows[:MOST_ROWS]


def understand(table: Sequence[Sequence[str]]) -> Preview:
    """Take a table for a thematic plan. Raises DomainError where no column has topics, or there are too many rows."""
    start, found = _headings(table)
    names = [plain(cell) for cell in table[start]] if start < len(table) else []
    rows: list[RowForm] = []
    left_out = 0
    for cells in table[start + 1 :]:
        values = {name: cells[place].strip() for place, name in found.items() if place < len(cells)}
        if not any(cell.strip() for cell in cells):
            continue
        if _is_sum(values.get("title") or next((cell for cell in cells if cell.strip()), "")):
            left_out += 1
            continue
        rows.append(_row(f"i{len(rows) + 1}", values))
    if not rows or len(rows) > MOST_TOPICS:
        raise DomainError(
            "no_topics_found" if not rows else "too_many_topics",
            _l("The table has no rows with topics.")
            if not rows
            else _l("The plan has more than %(limit)s rows.", limit=MOST_TOPICS),
            remedy=_l("Bring in the rows of the plan with their headings."),
            field="table",
        )
    columns = [(table[start][place], COLUMN_NAMES[name]) for place, name in sorted(found.items())]
    ignored = [table[start][place] for place, name in enumerate(names) if name and place not in found]
    return Preview(rows, columns, ignored, left_out)


def _is_sum(text: str) -> bool:
    """Tell «Итого» and «Всего часов» from «Итоговое занятие»."""
    return plain(text).partition(" ")[0] in SUMS


def _headings(table: Sequence[Sequence[str]]) -> tuple[int, dict[int, str]]:
    """Find the row of headings, and which column is what."""
    known = {plain(word): name for name, words in COLUMNS.items() for word in words}
    for number, cells in enumerate(table[:30]):
        found: dict[int, str] = {}
        for place, cell in enumerate(cells):
            name = known.get(plain(cell))
            if name and name not in found.values():
                found[place] = name
        if "title" in found.values() and len(found) > 1:
            return number, found
    raise DomainError(
        "headings_not_found",
        _l("No row of headings was found: a column “Topic” and one with hours."),
        remedy=_l("Put a row of headings above the plan: Topic, Form, Hours."),
        field="table",
    )


def _row(key: str, values: dict[str, str]) -> RowForm:
    row = empty_row(key)
    row.values |= {name: values.get(name, "") for name in ("title", "control", "content")}
    parts = [values.get(name, "") for name in ("lectures", "practice", "independent")]
    row.values["hours"] = values.get("hours") or _sum(parts)
    row.values["independent"] = values.get("independent", "")
    if not row.values["title"]:
        row.errors["title"] = _l("The topic has no title.")
    if not (hours_from(row.values["hours"]) or 0):
        row.errors["hours"] = _l("Hours were not understood: “%(text)s”.", text=row.values["hours"])
    _form(row, values, parts)
    mode = MODES.get(plain(values.get("mode", "")))
    told = f"{values.get('form', '')} {values.get('mode', '')}".lower()
    guessed = Mode.DISTANCE if "дистанц" in told or "онлайн" in told else Mode.ON_SITE
    row.values["mode"] = (mode or guessed).value
    return row


def _form(row: RowForm, values: dict[str, str], parts: Sequence[str]) -> None:
    written = values.get("form", "")
    form = FORMS.get(plain(written))
    if form is None and not written:
        form = Form.LECTURE if (hours_from(parts[0]) or 0) > (hours_from(parts[1]) or 0) else Form.PRACTICUM
    row.values["form"] = (form or Form.PRACTICUM).value
    if form is None:
        row.errors["form"] = _l("The form “%(text)s” is none of clause 5.1: choose one.", text=written)


def _sum(parts: Iterable[str]) -> str:
    total = sum((hours_from(part) or Decimal(0) for part in parts), Decimal(0))
    return str(as_json(total)).replace(".", ",") if total else ""
