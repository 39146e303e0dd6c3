"""The list of sites as a workbook (3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO

from flask_babel import gettext
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side

from lti_app.core.sheets import cells
from lti_app.sites.states import ListedSite

WIDTHS = (5, 45, 40, 32, 22, 24)
THIN = Side(style="thin")


def list_workbook(rows: Sequence[ListedSite], day: date) -> bytes:
    """Write the list of sites on ``day``; headings are repeated on each printed page, texts stay texts."""
    book = Workbook(write_only=False)
    sheet = book.create_sheet(gettext("List of sites")[:31])
    book.remove(book.worksheets[0])
    sheet.append([gettext("List of internship sites on %(day)s", day=f"{day:%d.%m.%Y}")])
    sheet.append(
        [
            "№",
            gettext("Organisation"),
            gettext("Direction"),
            gettext("Leader"),
            gettext("Order of the centre"),
            gettext("Term"),
        ]
    )
    for number, row in enumerate(rows, start=1):
        sheet.append(
            cells(
                [
                    number,
                    row.organisation.name,
                    row.site.direction,
                    row.leader.full_name if row.leader else "",
                    gettext("№ %(number)s of %(day)s", number=row.order.number, day=f"{row.order.signed_on:%d.%m.%Y}"),
                    f"{row.order.valid_from:%d.%m.%Y} – {row.order.valid_until:%d.%m.%Y}",
                ]
            )
        )
    _dress(sheet)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _dress(sheet) -> None:  # type: ignore[no-untyped-def]  # openpyxl's worksheet, whose stubs are partial
    sheet.merge_cells("A1:F1")
    sheet["A1"].font = Font(bold=True, size=14)
    border = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
    for line in sheet.iter_rows(min_row=2):
        for cell in line:
            cell.border, cell.alignment = border, Alignment(wrap_text=True, vertical="top")
            if isinstance(cell.value, str):
                cell.data_type = "s"  # a text that begins with = stays a text
    for cell in sheet[2]:
        cell.font = Font(bold=True)
    for letter, width in zip("ABCDEF", WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.print_title_rows = "2:2"
    sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight = "landscape", 9, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
