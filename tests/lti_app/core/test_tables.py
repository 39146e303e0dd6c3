"""Workbooks that name more cells than they hold are not read through."""

from __future__ import annotations

import io
import re
import time
import zipfile
from contextlib import suppress

import pytest
from openpyxl import Workbook

from lti_app.core.tables import UnreadableTable, read_workbook


def tampered(old: str, new: str, *rows: list[str]) -> io.BytesIO:
    """Make a workbook and change what its sheet says (a regular expression)."""
    book, plain, changed = Workbook(), io.BytesIO(), io.BytesIO()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text, number = re.subn(old, new, part.decode())
                assert number
                part = text.encode()
            target.writestr(name, part)
    return changed


def test_a_sheet_that_calls_itself_huge_is_read_as_far_as_it_goes() -> None:
    file = tampered('ref="[^"]*"', 'ref="A1:XFD1048576"', ["Имя", "Почта"], ["Анна"], ["Борис", "b@example.org"])
    began = time.monotonic()
    (table,) = read_workbook(file, "list.xlsx")
    assert time.monotonic() - began < 5
    assert table.headings == ("Имя", "Почта")
    assert [row.cells for row in table.rows] == [("Анна",), ("Борис", "b@example.org")]


@pytest.mark.parametrize(
    ("old", "new"),
    [('<row r="2"', '<row r="999999999999"'), ('r="A2"', 'r="XFD2"')],
    ids=["a row far below", "a cell far to the right"],
)
def test_cells_far_away_are_refused(old: str, new: str) -> None:
    with pytest.raises(UnreadableTable):
        read_workbook(tampered(old, new, ["Имя"], ["Анна"]), "list.xlsx")


@pytest.mark.parametrize(
    ("old", "new"),
    [('r="A2"', 'r="2"'), ('t="inlineStr"|t="s"', 't="x"'), ("<t>[^<]*</t>", "<v>x</v>")],
)
def test_a_damaged_sheet_is_refused_or_read_but_never_an_error_of_ours(old: str, new: str) -> None:
    with suppress(UnreadableTable):
        read_workbook(tampered(old, new, ["Имя"], ["Анна"]), "list.xlsx")


def test_a_sheet_that_breaks_off_is_refused() -> None:
    with pytest.raises(UnreadableTable):
        read_workbook(tampered("</sheetData>", "", ["Имя"], ["Анна"]), "list.xlsx")
