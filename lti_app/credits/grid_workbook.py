"""The grid as a workbook (.xlsx): people × meetings with hours."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from lti_app.core.sheets import cells
from lti_app.credits.cards import CREDIT_STATE_NAMES, MeetingLine
from lti_app.credits.grid import WAITS, Cell, Grid, GridRow, Sign

WIDTHS = (5, 34, 30, 11, 11, 11, 26, 20)
MEETING_WIDTH = 11
HEADINGS = 3
"""Rows above the people: dates, topics, hours."""


def grid_workbook(grid: Grid, zone: ZoneInfo, now: datetime) -> bytes:
    """Write the shown rows and columns: hours where somebody was present, a word where not, a sum of people at the end.

    What waits for the leader's word is marked with a question mark, so that it is not taken for an absence.
    """
    book = Workbook()
    sheet = book.create_sheet(gettext("Attendance")[:31], 0)
    sheet.append(cells([f"{grid.intake.programme_title} ({grid.intake.intake_code})", *[""] * 6, _as_of(now, zone)]))
    lead = ["", gettext("Full name"), gettext("Organisation"), gettext("Attended, ac. h"), gettext("Needed, ac. h")]
    lead += [gettext("Credited, ac. h"), gettext("Credit"), gettext("Falls behind")]
    sheet.append(cells([*lead, *(_when(line, zone) for line in grid.columns), *(side.title for side in grid.sides)]))
    sheet.append(cells([*[""] * (len(WIDTHS) - 1), gettext("Topic"), *(line.topic for line in grid.columns)]))
    sheet.append([*[""] * (len(WIDTHS) - 1), gettext("Hours of the meeting"), *(line.hours for line in grid.columns)])
    for number, row in enumerate(grid.rows, start=1):
        sheet.append(cells(_line(grid, number, row)))
    present = (f"{line.present} / {line.confirmed}" for line in grid.columns)
    sheet.append([*[""] * (len(WIDTHS) - 1), gettext("Present / marked, of all trainees"), *present])
    _dress(sheet, len(grid.columns) + len(grid.sides))
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _line(grid: Grid, number: int, row: GridRow) -> list[Any]:
    trainee = row.trainee
    return [
        number,
        trainee.name,
        trainee.organisation or "",
        trainee.hours_attended,
        trainee.hours_needed,
        trainee.hours_credited,
        str(CREDIT_STATE_NAMES[trainee.credit_state]),
        gettext("hours will not suffice") if trainee.is_behind else "",
        *(_mark(cell, line) for cell, line in zip(row.cells, grid.columns, strict=True)),
        *(side.cells[trainee.trainee_id].word if trainee.trainee_id in side.cells else "" for side in grid.sides),
    ]


def _mark(cell: Cell, line: MeetingLine) -> Decimal | str:
    if cell.sign is Sign.PRESENT:
        return line.hours
    if cell.sign is Sign.ABSENT:
        return str(gettext("ab."))
    if cell.sign is Sign.CANCELLED:
        return str(gettext("cancelled"))
    return "?" if cell.sign in WAITS else ""


def _when(line: MeetingLine, zone: ZoneInfo) -> str:
    return f"{line.starts_at.astimezone(zone):%d.%m.%Y %H:%M}"


def _as_of(now: datetime, zone: ZoneInfo) -> str:
    return str(gettext("as of %(moment)s", moment=f"{now.astimezone(zone):%d.%m.%Y %H:%M}"))


def _dress(sheet, further: int) -> None:  # type: ignore[no-untyped-def]  # openpyxl's worksheet, whose stubs are partial
    for line in sheet.iter_rows():
        for cell in line:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # a name that begins with "=" is no formula
            if cell.column > len(WIDTHS):
                cell.alignment = Alignment(horizontal="center", vertical="top", wrap_text=True)
    for row in range(1, HEADINGS + 2):
        for cell in sheet[row]:
            cell.font = Font(bold=True)
    for place, width in enumerate((*WIDTHS, *[MEETING_WIDTH] * further), start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = f"C{HEADINGS + 2}"
    sheet.print_title_rows, sheet.print_title_cols = f"1:{HEADINGS + 1}", "A:B"
    sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight = "landscape", 9, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
