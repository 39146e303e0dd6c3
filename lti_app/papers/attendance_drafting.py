"""The built-in templates of the papers of attendance, drawn by the means of ``drafting``."""

from __future__ import annotations

from collections.abc import Callable

from docx.shared import Mm, Pt

from lti_app.papers.attendance import DATES_IN_BLOCK
from lti_app.papers.drafting import CENTRE, LEFT, Sheet


def sign_in() -> Sheet:
    """Draw the sheet that people sign at a meeting."""
    sheet = Sheet()
    sheet.line("{{ host }}", CENTRE, bold=True, after=12)
    sheet.line("ЛИСТ РЕГИСТРАЦИИ", CENTRE, bold=True, after=12)
    sheet.line("Программа стажировки: «{{ programme }}»")
    sheet.line("Тема занятия: «{{ topic }}»")
    sheet.line("Дата и время: {{ date }}, {{ time }}")
    sheet.line("Место: {{ place }}", after=12)
    table = sheet.table((12, 68, 52, 38))
    sheet.row(
        table,
        ["№", "Фамилия, имя, отчество", "Организация", "Подпись"],
        bold=True, align=CENTRE, is_header=True,
    )  # fmt: skip
    sheet.rows(
        table,
        "person in people",
        ["{{ person.number }}", "{{ person.name }}", "{{ person.organisation }}", "\N{NO-BREAK SPACE}"],
        align=(CENTRE, LEFT, LEFT, LEFT),
    )
    row = table.rows[2]  # the one that is repeated: high enough to sign in
    row.height = Mm(9)
    row.cells[3].paragraphs[0].runs[0].font.size = Pt(20)
    sheet.signature("{{ responsible_position }}", "{{ responsible_name }}")
    return sheet


def journal() -> Sheet:
    """Draw the journal of attendance of an intake: people by dates, hours."""
    sheet = Sheet(is_wide=True)
    sheet.line("{{ host }}", CENTRE, bold=True, after=6)
    sheet.line("ЖУРНАЛ ПОСЕЩАЕМОСТИ", CENTRE, bold=True)
    sheet.line("Программа стажировки: «{{ programme }}»", CENTRE)
    sheet.line("{{ term }}", CENTRE, after=6)
    sheet.mark("for block in blocks")
    table = sheet.table((10, 77, *[15] * DATES_IN_BLOCK, 20))
    align = (CENTRE, LEFT, *[CENTRE] * DATES_IN_BLOCK, CENTRE)

    def cells(name: str) -> list[str]:
        return [f"{{{{ {name}[{place}] }}}}" for place in range(DATES_IN_BLOCK)]

    sheet.row(
        table,
        ["№", "Фамилия, имя, отчество", *cells("block.days"), "Часов"],
        size=10, bold=True, align=CENTRE, is_header=True,
    )  # fmt: skip
    sheet.row(table, ["", "Ак. ч", *cells("block.lengths"), "{{ block.total }}"], size=10, align=align)
    sheet.rows(
        table,
        "person in block.people",
        ["{{ person.number }}", "{{ person.name }}", *cells("person.marks"), "{{ person.hours }}"],
        size=10, align=align,
    )  # fmt: skip
    sheet.row(table, ["", "Присутствовали", *cells("block.present"), ""], size=10, bold=True, align=align)
    sheet.line(size=6)
    sheet.mark("endfor")
    sheet.line("«+» – присутствие подтверждено, «н» – отсутствие подтверждено, пусто – не подтверждено.", size=10)
    sheet.signature("{{ responsible_position }}", "{{ responsible_name }}")
    return sheet


DRAWINGS: dict[str, Callable[[], Sheet]] = {"sign_in": sign_in, "journal": journal}
