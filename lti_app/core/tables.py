"""Read tables as people keep them: the sheets of an .xlsx workbook, or a CSV file in any usual encoding."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from lti_app.core.errors import Text

MOST_BYTES = 50 * 1024 * 1024
"""The largest file that is read, and the largest that a workbook may unpack to, times ten."""
MOST_ROWS = 100_000
"""The longest sheet that is read."""

MOST_COLUMNS = 1000
LAST_ROW = 1_048_576
"""The number of the last row that Excel knows."""

BROKEN = (
    zipfile.BadZipFile, zlib.error, InvalidFileException, SyntaxError, LookupError, ValueError, TypeError,
    AttributeError, RuntimeError, OSError,
)  # fmt: skip
"""What openpyxl and its readers raise of a damaged or encrypted workbook; XML's ParseError is a SyntaxError."""

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@dataclass(frozen=True)
class TableRow:
    """Hold a row: its number in the file, the headings' being counted, and its cells, cleaned; None where empty."""

    number: int
    cells: tuple[Any, ...]


@dataclass
class Table:
    """Hold a sheet as the file has it."""

    name: str
    headings: tuple[str, ...]
    heading_row: int
    rows: list[TableRow] = field(default_factory=list)


class UnreadableTable(Exception):
    """Say why a file can't be read as tables."""

    def __init__(
        self,
        message: Text,
        remedy: Text,
        *,
        file: str | None = None,
        sheet: str | None = None,
        row: int | None = None,
    ) -> None:
        super().__init__(file or sheet)
        self.message, self.remedy = message, remedy
        self.file, self.sheet, self.row = file, sheet, row


def clean(value: Any) -> Any:
    """Strip text of blanks, invisible characters and odd spaces, line by line; return None for an empty cell."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value.translate(INVISIBLE))
        lines = (" ".join(line.split()) for line in text.splitlines())
        return "\n".join(lines).strip() or None
    return value


def _table(name: str, records: Iterable[Sequence[Any]], most_rows: int) -> Table | None:
    """Make a table out of records, the first of which that isn't empty holds the headings."""
    table: Table | None = None
    for number, record in enumerate(records, start=1):
        cells = tuple(clean(cell) for cell in record)
        if all(cell is None for cell in cells):
            continue
        if table is None:
            headings = ["" if cell is None else " ".join(str(cell).split()) for cell in cells]
            while headings and not headings[-1]:
                headings.pop()
            table = Table(name, tuple(headings), number)
            continue
        if len(table.rows) >= most_rows:
            raise UnreadableTable(
                _l("The sheet has more than %(most)s rows.", most=most_rows),
                _l("Divide it into several files and import one after the other."),
                sheet=name,
            )
        table.rows.append(TableRow(number, cells))
    return table


def decode(content: bytes) -> str:
    """Decode CSV: UTF-8 with or without a mark, UTF-16 with one, else cp1251. Raises UnicodeDecodeError."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1251")


def delimiter_of(first_line: str) -> str:
    """Find what parts the headings: semicolon, tab or comma, whichever there is most of outside quotation marks."""
    bare = re.sub(r'"[^"]*"', "", first_line)
    return max(";\t,", key=bare.count)


def read_csv(content: bytes, name: str, *, most_rows: int = MOST_ROWS) -> Table | None:
    """Read a CSV file; None where it is empty. ``name`` is what the table is called. Raises UnreadableTable."""
    try:
        text = decode(content)
    except UnicodeDecodeError as error:
        raise UnreadableTable(
            _l("The file is neither UTF-8 nor cp1251."), _l("Save it as “CSV UTF-8”."), sheet=name
        ) from error
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter, skipped = delimiter_of(first), 0
    if re.fullmatch(r"sep=.", first.strip()):  # a hint that Excel writes for itself
        delimiter, skipped = first.strip()[-1], 1
    if "\0" in text:
        raise UnreadableTable(_l("This is no text file."), _l("Save it as “CSV UTF-8”."), sheet=name)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        records: list[list[str]] = list(reader)
    except csv.Error as error:
        raise UnreadableTable(
            _l("The file breaks off inside quotation marks, or has them where they don't belong."),
            _l("Double every quotation mark inside a cell that is itself in quotation marks, or save the file anew."),
            sheet=name,
            row=reader.line_num,
        ) from error
    if skipped:
        first_at = next(index for index, record in enumerate(records) if any(record))
        records[first_at] = []
    return _table(name, records, most_rows)


def read_workbook(
    file: Path | io.BytesIO, name: str, *, most_bytes: int = MOST_BYTES, most_rows: int = MOST_ROWS
) -> list[Table]:
    """Read the sheets of an .xlsx workbook that aren't empty. Raises UnreadableTable, with ``name`` for the file."""
    try:
        with zipfile.ZipFile(file) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > 10 * most_bytes:
            raise UnreadableTable(_l("The workbook unpacks to too much."), _l("Divide it."), file=name)
        with closing(load_workbook(file, read_only=True, data_only=True)) as book:
            tables = [
                _table(title, _records(sheet, title), most_rows)
                for sheet, title in ((sheet, str(sheet.title).strip()) for sheet in book.worksheets)
            ]
    except BROKEN as error:
        raise UnreadableTable(
            _l("The workbook can't be read."),
            _l("Open it in a spreadsheet program and save it as .xlsx."),
            file=name,
        ) from error
    return [table for table in tables if table is not None]


def _records(sheet: Any, title: str) -> Iterator[list[Any]]:
    """Read the rows of a sheet, each as far as it has cells.

    What a sheet says of its own size is not believed: a file of a few bytes may name billions of cells.
    """
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number > LAST_ROW or len(row) > MOST_COLUMNS:
            raise UnreadableTable(
                _l("The sheet has rows or columns far from the others."),
                _l("Copy the filled rows and columns into a new workbook."),
                sheet=title,
                row=min(number, LAST_ROW),
            )
        yield [_cell(cell) for cell in row]


def _cell(cell: Any) -> Any:
    """Return a workbook's cell: a date where the cell shows only a date, seconds rounded, whole numbers as int."""
    value = cell.value
    if isinstance(value, datetime):
        # Excel keeps moments as fractions of a day, which come out a few microseconds off.
        value = (value + timedelta(milliseconds=500)).replace(microsecond=0)
        shows_time = "h" in str(cell.number_format).lower()
        return value if shows_time or value.time() != time() else value.date()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, date | str | bool | int | float) or value is None:
        return value
    return str(value)
