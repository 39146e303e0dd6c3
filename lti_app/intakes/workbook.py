"""An intake's lists as a workbook, for those who keep theirs in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

from flask_babel import gettext
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from lti_app.core.sheets import cells
from lti_app.intakes.fullness import PlaceLine
from lti_app.intakes.models import Intake
from lti_app.intakes.words import STANDING_NAMES

WIDTHS = (6, 38, 34, 24, 24, 14, 40)


def places_workbook(intake: Intake, lines: Iterable[PlaceLine], zone: ZoneInfo) -> bytes:
    """Write a workbook (.xlsx) with a row for each person: list, number on it, organisation, since when, reason."""
    book = Workbook()
    sheet = book.create_sheet(gettext("Places"), 0)
    sheet.append(cells([f"{intake.version.title} ({intake.code})"]))
    sheet.append(
        [
            gettext("No."),
            gettext("Full name"),
            gettext("Organisation"),
            gettext("Position"),
            gettext("State"),
            gettext("Since"),
            gettext("Reason"),
        ]
    )
    for line in lines:
        sheet.append(
            cells(
                [
                    line.number,
                    line.name,
                    line.organisation,
                    line.position,
                    str(STANDING_NAMES[line.state]),
                    _day(line.since, zone),
                    line.reason,
                ]
            )
        )
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # a name that begins with "=" is no formula
    for cell in (*sheet[1], *sheet[2]):
        cell.font = Font(bold=True)
    for place, width in enumerate(WIDTHS, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "A3"
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _day(moment: datetime, zone: ZoneInfo) -> object:
    return moment.astimezone(zone).date()
