"""From tables to typed rows: columns found by their headings, every cell read, every bad one named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError

from lti_app.core.errors import DomainError
from lti_app.core.words import plain
from lti_app.importing.fields import Wrong
from lti_app.importing.reading import Table, TableRow
from lti_app.importing.report import Finding, ImportReport
from lti_app.importing.schemas import SHEETS, SheetKind, columns_of, kind_of


@dataclass(frozen=True)
class ParsedRow:
    """Hold a row whose cells could all be read. A column that the sheet lacks is absent from ``values``.

    ``raw`` are the cells as the file has them.
    """

    sheet: ParsedSheet
    number: int
    values: dict[str, Any]
    raw: dict[str, Any]

    def finding(self, refusal: DomainError) -> Finding:
        """Place a refusal of the rules on the cell that it is about."""
        column = refusal.field or ""
        return self.sheet.finding(
            self.number,
            column,
            Wrong(refusal.message, refusal.remedy, refusal.code),
            self.raw.get(column),
        )

    def wrong(self, column: str, message: Wrong) -> Finding:
        """Place a finding on a cell of this row."""
        return self.sheet.finding(self.number, column, message, self.raw.get(column))


@dataclass
class ParsedSheet:
    """Hold a sheet of a known kind.

    ``unread`` are keys of rows that could not be read; where a column is missing, ``unusable``, none could.
    """

    kind: SheetKind
    title: str
    headings: dict[str, str]
    rows: list[ParsedRow] = field(default_factory=list)
    unread: set[Any] = field(default_factory=set)
    unusable: bool = False

    def finding(self, row: int, column: str, wrong: Wrong, value: Any = None) -> Finding:
        """Make a finding in the file's own words for sheet and column."""
        return Finding(
            message=wrong.message,
            remedy=wrong.remedy,
            sheet=self.title,
            row=row,
            column=self.headings.get(column, column),
            value=value,
            code=wrong.code,
        )


def parse_tables(tables: list[Table], report: ImportReport) -> dict[str, ParsedSheet]:
    """Read all tables; put what is wrong into ``report``. Sheets without rows are there too."""
    parsed: dict[str, ParsedSheet] = {}
    for table in tables:
        kind = kind_of(table.name)
        if kind is None:
            report.warnings.append(_unknown_sheet(table))
        elif kind.name in parsed:
            report.problems.append(
                Finding(
                    _l(
                        "Two sheets hold the same: “%(first)s” and “%(second)s”.",
                        first=parsed[kind.name].title,
                        second=table.name,
                    ),
                    _l("Bring their rows together in one sheet."),
                    sheet=table.name,
                    code="sheet_twice",
                )
            )
        else:
            parsed[kind.name] = _parse_table(kind, table, report)
    if not parsed and not report.problems:
        report.problems.append(
            Finding(
                _l("None of the sheets is known here."),
                _l("Sheets are named: %(names)s.", names=", ".join(kind.name for kind in SHEETS)),
                code="no_sheets",
            )
        )
    return parsed


def _unknown_sheet(table: Table) -> Finding:
    names = [title for kind in SHEETS for title in (kind.name, *kind.titles)]
    near = get_close_matches(table.name, names, n=1)
    return Finding(
        _l("The sheet isn't known here and was left out."),
        _l("Perhaps it should be called “%(name)s”.", name=near[0]) if near else "",
        sheet=table.name,
        code="sheet_unknown",
    )


def _parse_table(kind: SheetKind, table: Table, report: ImportReport) -> ParsedSheet:
    columns, sheet = _find_columns(kind, table, report)
    schema = kind.schema()
    if not set(sheet.headings) >= {name for name, cell in schema.fields.items() if cell.required}:
        sheet.unusable = True
        return sheet  # said once for the sheet, not again for each row
    for row in table.rows:
        raw = {name: row.cells[index] if index < len(row.cells) else None for index, name in columns.items()}
        overflow = [cell for cell in row.cells[len(table.headings) :] if cell is not None]
        findings = [_overflow(sheet, row, overflow[0])] if overflow else []
        try:
            values = schema.load(raw)
        except ValidationError as error:
            for column, wrong in _each(error.messages_dict):
                findings.append(sheet.finding(row.number, column, wrong, raw.get(column)))
        if findings:
            report.problems += findings
            sheet.unread |= {raw.get(first) for first, *_ in kind.keys}
        else:
            sheet.rows.append(ParsedRow(sheet, row.number, values, raw))
    _refuse_duplicates(sheet, report)
    return sheet


def _each(messages: dict[str, Any]) -> Iterator[tuple[str, Wrong]]:
    for column, wrongs in messages.items():
        for wrong in wrongs:
            yield column, wrong


def _overflow(sheet: ParsedSheet, row: TableRow, cell: Any) -> Finding:
    wrong = Wrong(
        _l("The row has more cells than there are headings."),
        _l("Put text that holds the separator into quotation marks, or give the column a heading."),
        "too_many_cells",
    )
    return sheet.finding(row.number, "", wrong, cell)


def _find_columns(kind: SheetKind, table: Table, report: ImportReport) -> tuple[dict[int, str], ParsedSheet]:
    """Find which column is where; missing, doubled and unknown ones are reported."""
    known = columns_of(kind.schema)
    columns: dict[int, str] = {}
    sheet = ParsedSheet(kind, table.name, {})
    for index, heading in enumerate(table.headings):
        name = known.get(plain(heading)) if heading else None
        if name is None:
            if heading:
                report.warnings.append(_unknown_column(sheet, table, heading, known))
        elif name in sheet.headings:
            wrong = Wrong(
                _l("Two columns hold the same: “%(first)s” and this one.", first=sheet.headings[name]),
                _l("Remove one of them, or rename it."),
                "column_twice",
            )
            report.problems.append(sheet.finding(table.heading_row, heading, wrong))
        else:
            columns[index] = name
            sheet.headings[name] = heading
    for name, cell in kind.schema().fields.items():
        if cell.required and name not in sheet.headings:
            wrong = Wrong(
                _l("The column is missing."),
                _l(
                    "Add a column with the heading %(name)s or “%(title)s”.",
                    name=name,
                    title=cell.metadata["titles"][0],
                ),
                "column_missing",
            )
            report.problems.append(sheet.finding(table.heading_row, name, wrong))
    return columns, sheet


def _unknown_column(sheet: ParsedSheet, table: Table, heading: str, known: dict[str, str]) -> Finding:
    near = get_close_matches(plain(heading), known, n=1)
    wrong = Wrong(
        _l("The column isn't known here and was left out."),
        _l("Perhaps it should be called %(name)s.", name=known[near[0]]) if near else "",
        "column_unknown",
    )
    return sheet.finding(table.heading_row, heading, wrong)


def _refuse_duplicates(sheet: ParsedSheet, report: ImportReport) -> None:
    doubled: set[int] = set()
    for columns in sheet.kind.keys:
        first_seen: dict[tuple[Any, ...], int] = {}
        for row in sheet.rows:
            key = tuple(_folded(column, row.values.get(column)) for column in columns)
            if key == (None,):
                continue
            if key in first_seen:
                wrong = Wrong(
                    _l("The same stands in row %(row)s already.", row=first_seen[key]),
                    _l("Leave one of the two rows, or correct this one."),
                    "duplicate",
                )
                report.problems.append(row.wrong(columns[-1], wrong))
                doubled.add(row.number)
                sheet.unread |= {row.values.get(first) for first, *_ in sheet.kind.keys}
            else:
                first_seen[key] = row.number
    sheet.rows = [row for row in sheet.rows if row.number not in doubled]


def _folded(column: str, value: Any) -> Any:
    return value.casefold() if column == "email" and value is not None else value
