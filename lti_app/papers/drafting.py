"""The built-in templates, drawn here: `python -m lti_app.papers.drafting` writes them anew, the same to the byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docx import Document
from docx.document import Document as Docx
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

TEMPLATES = Path(__file__).parent / "templates_docx"
DRAWN = datetime(2026, 1, 1, tzinfo=UTC)
"""Date in the files, so that the same drawing gives the same bytes."""
FONT = "Times New Roman"
LEFT, CENTRE, RIGHT, BOTH = (
    WD_ALIGN_PARAGRAPH.LEFT,
    WD_ALIGN_PARAGRAPH.CENTER,
    WD_ALIGN_PARAGRAPH.RIGHT,
    WD_ALIGN_PARAGRAPH.JUSTIFY,
)
WIDTH = 170
WIDE = 257
"""Millimetres between the margins, upright and lying."""


class Sheet:
    """Draw a template: A4, margins 30/10/20/20 mm, 14 pt, page numbers from the second page."""

    def __init__(self, *, is_wide: bool = False) -> None:
        self.docx: Docx = Document()
        self.width = WIDE if is_wide else WIDTH
        style = self.docx.styles["Normal"]
        style.font.name, style.font.size = FONT, Pt(14)
        fonts = style.element.rPr.rFonts
        for name in ("w:eastAsia", "w:cs", "w:hAnsi"):
            fonts.set(qn(name), FONT)
        language = OxmlElement("w:lang")
        language.set(qn("w:val"), "ru-RU")
        style.element.rPr.append(language)
        style.paragraph_format.space_after, style.paragraph_format.line_spacing = Pt(0), 1.0
        section = self.docx.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin, section.right_margin = Mm(30), Mm(10)
        section.top_margin, section.bottom_margin = Mm(20), Mm(20)
        if is_wide:
            section.orientation = WD_ORIENT.LANDSCAPE
            section.page_width, section.page_height = Mm(297), Mm(210)
            section.left_margin, section.right_margin = Mm(20), Mm(20)
            section.top_margin, section.bottom_margin = Mm(30), Mm(10)
        section.header_distance = Mm(10)
        section.different_first_page_header_footer = True
        number = section.header.paragraphs[0]
        number.alignment = CENTRE
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), "PAGE")
        number._p.append(field)
        properties = self.docx.core_properties
        properties.author = properties.title = properties.comments = ""
        properties.created = properties.modified = DRAWN.replace(tzinfo=None)
        properties.language = "ru-RU"

    def line(
        self,
        text: str = "",
        align: WD_ALIGN_PARAGRAPH = LEFT,
        *,
        bold: bool = False,
        before: float = 0,
        after: float = 0,
        indent: float = 0,
        left: float = 0,
        size: float | None = None,
        keep: bool = False,
    ) -> Paragraph:
        """Add a paragraph; spaces in points, indents in millimetres."""
        return _dress(
            self.docx.add_paragraph(), text, align,
            bold=bold, before=before, after=after, indent=indent, left=left, size=size, keep=keep,
        )  # fmt: skip

    def body(self, text: str, *, before: float = 0) -> None:
        """Add a justified paragraph with a first line of 12.5 mm."""
        self.line(text, BOTH, indent=12.5, before=before)

    def head(self, text: str) -> None:
        """Add a heading that stays with what follows."""
        self.line(text, CENTRE, bold=True, before=12, after=6, keep=True)

    def each(self, loop: str, *draw: Callable[[], object]) -> None:
        """Repeat what ``draw`` draws for each of a list: ``loop`` is «line in sources»."""
        self.mark(f"for {loop}")
        for one in draw:
            one()
        self.mark("endfor")

    def mark(self, words: str) -> None:
        """Add a paragraph that is an instruction of the template and vanishes."""
        self.line(f"{{%p {words} %}}")

    def table(self, widths: Sequence[float], *, has_grid: bool = True) -> Table:
        """Add an empty table with columns of these millimetres."""
        table: Table = self.docx.add_table(rows=0, cols=len(widths))
        table.autofit = False
        properties = table._tbl.tblPr
        layout = properties.find(qn("w:tblW"))
        if layout is not None:
            layout.set(qn("w:type"), "dxa")
            layout.set(qn("w:w"), str(round(sum(widths) * 56.7)))
        if has_grid:
            borders = OxmlElement("w:tblBorders")
            for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
                border = OxmlElement(f"w:{side}")
                for name, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", "000000")):
                    border.set(qn(f"w:{name}"), value)
                borders.append(border)
            properties.append(borders)
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Mm(width)
        return table

    def row(
        self,
        table: Table,
        texts: Sequence[str],
        *,
        size: float = 12,
        bold: bool = False,
        align: Sequence[WD_ALIGN_PARAGRAPH] | WD_ALIGN_PARAGRAPH = LEFT,
        is_header: bool = False,
    ) -> list[_Cell]:
        """Add a row; a header's is repeated on each page."""
        row = table.add_row()  # type: ignore[no-untyped-call]
        properties = row._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if is_header:
            properties.append(OxmlElement("w:tblHeader"))
        cells = list(row.cells)
        for place, (cell, text) in enumerate(zip(cells, texts, strict=True)):
            cell.width = table.columns[place].width
            one = align if isinstance(align, WD_ALIGN_PARAGRAPH) else align[place]
            _dress(cell.paragraphs[0], text, one, size=size, bold=bold)
        return cells

    def rows(self, table: Table, loop: str, texts: Sequence[str], **how: object) -> None:
        """Add a row for each of a list."""
        blank = [""] * (len(texts) - 1)
        self.row(table, [f"{{%tr for {loop} %}}", *blank])
        self.row(table, texts, **how)  # type: ignore[arg-type]
        self.row(table, ["{%tr endfor %}", *blank])

    def signature(self, position: str, name: str, *, before: float = 30) -> None:
        """Add position, a place for the hand, and the name."""
        self.line(before=before, size=2, keep=True)
        table = self.table((self.width - 85, 40, 45), has_grid=False)
        self.row(table, [position, "______________", name], size=14, align=(LEFT, CENTRE, RIGHT))

    def acquaintance(self) -> None:
        """Add the sheet on which people sign that they have read it, where anybody is named for it."""
        self.mark("if acquaintance")
        self.line("С приказом ознакомлены:", before=24, after=6, keep=True)
        table = self.table((45, 28, 55, 42), has_grid=False)
        self.rows(
            table,
            "person in acquaintance",
            ["{{ person.position }}", "_________", "{{ person.name }}", "«__» _____ 20__ г."],
        )
        self.mark("endif")

    def saved(self) -> bytes:
        """Return the file, with nothing in it that depends on the moment."""
        raw, file = BytesIO(), BytesIO()
        relations = self.docx.part.package.rels
        for key in [key for key, relation in relations.items() if relation.reltype.endswith("/thumbnail")]:
            del relations[key]  # a picture of an empty page, from the library's own template
        self.docx.save(raw)
        with ZipFile(raw) as whole, ZipFile(file, "w", ZIP_DEFLATED) as same:
            for name in whole.namelist():
                info = ZipInfo(name, DRAWN.timetuple()[:6])
                info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
                same.writestr(info, whole.read(name))
        return file.getvalue()


def _dress(
    paragraph: Paragraph,
    text: str,
    align: WD_ALIGN_PARAGRAPH,
    *,
    bold: bool = False,
    before: float = 0,
    after: float = 0,
    indent: float = 0,
    left: float = 0,
    size: float | None = None,
    keep: bool = False,
) -> Paragraph:
    how = paragraph.paragraph_format
    if align is not LEFT:
        how.alignment = align
    if before:
        how.space_before = Pt(before)
    if after:
        how.space_after = Pt(after)
    if indent:
        how.first_line_indent = Mm(indent)
    if left:
        how.left_indent = Mm(left)
    if keep:
        how.keep_with_next = True
    run = paragraph.add_run(text)
    if bold:
        run.bold = True
    if size:
        run.font.size = Pt(size)
    return paragraph


def _letterhead(sheet: Sheet, kind: str) -> None:
    sheet.line("{{ centre }}", CENTRE, bold=True, after=18)
    sheet.line(kind, CENTRE, bold=True, after=12)
    table = sheet.table((85, 85), has_grid=False)
    sheet.row(table, ["{{ date }}", "№ {{ number }}"], size=14, align=(LEFT, RIGHT))
    sheet.line("{{ place }}", CENTRE, before=6, after=12)


def order() -> Sheet:
    """Draw the order that grants or renews the status (3.3)."""
    sheet = Sheet()
    _letterhead(sheet, "ПРИКАЗ")
    sheet.line("{{ heading }}", bold=True, after=12).paragraph_format.right_indent = Mm(70)
    sheet.body("На основании {{ grounds }}")
    sheet.line("ПРИКАЗЫВАЮ:", before=6, after=6)
    sheet.body(
        "1. {% if is_renewal %}Продлить{% else %}Присвоить{% endif %} {{ host_dative }} статус "
        "муниципальной стажировочной площадки по направлению «{{ direction }}» на срок с {{ valid_from }} по "
        "{{ valid_until }}"
    )
    sheet.body("2. Назначить руководителем стажировочной площадки {{ leader_accusative }}.")
    sheet.each("item in further_items", lambda: sheet.body("{{ loop.index + 2 }}. {{ item }}"))
    sheet.body(
        "{{ further_items|length + 3 }}. Контроль за исполнением приказа "
        "{% if control %}возложить на {{ control }}{% else %}оставляю за собой{% endif %}."
    )
    sheet.signature("{{ signatory_position }}", "{{ signatory_name }}")
    sheet.acquaintance()
    return sheet


def application() -> Sheet:
    """Draw the application for the status (3.2)."""
    sheet = Sheet()
    for condition, text in (
        ("addressee_position", "{{ addressee_position }}"),
        ("addressee_organisation", "{{ addressee_organisation }}"),
        ("addressee_name", "{{ addressee_name }}"),
        ("applicant_genitive", "от {{ applicant_genitive }}"),
    ):
        sheet.mark(f"if {condition}")
        sheet.line(text, left=85)
        sheet.mark("endif")
    sheet.line("ЗАЯВКА", CENTRE, bold=True, before=24)
    sheet.line("на присвоение статуса муниципальной стажировочной площадки", CENTRE, bold=True, after=12)
    sheet.body(
        "Прошу присвоить {{ host_dative }} статус муниципальной стажировочной площадки по направлению "
        "«{{ direction }}» на срок {{ term }}."
    )
    sheet.line(size=6)
    table = sheet.table((60, 110))
    for label, text in (
        ("Полное наименование организации", "{{ host_full_name }}"),
        ("Сокращённое наименование", "{{ host_short_name }}"),
        ("Адрес", "{{ host_address }}"),
        ("Руководитель организации", "{{ host_head }}"),
        ("Направление", "{{ direction }}"),
        ("Тема", "{{ topic }}"),
        ("Руководитель площадки", "{{ leader }}"),
        ("Квалификационная категория", "{{ category }}"),
    ):
        sheet.row(table, [label, text])
    for label, name in (
        ("Достижения по направлению", "achievements"),
        ("Опыт инновационной деятельности и его результаты", "experience"),
        ("Кадровое обеспечение", "staff"),
        ("Материально-техническое обеспечение", "equipment"),
    ):
        cell = sheet.row(table, [label, f"{{%p for line in {name} or [''] %}}"])[1]
        _dress(cell.add_paragraph(), "{{ line }}", LEFT, size=12)
        _dress(cell.add_paragraph(), "{%p endfor %}", LEFT, size=12)
    sheet.row(table, ["Предлагаемый срок", "{{ term }}"])
    sheet.signature("{{ signatory_position }}", "{{ signatory_name }}")
    sheet.line("{{ date }}", before=12)
    return sheet


def site_list() -> Sheet:
    """Draw the list of sites, an annex to an order (3.4)."""
    sheet = Sheet(is_wide=True)
    for text in ("Приложение", "к приказу {{ centre }}", "от {{ date }} № {{ number }}"):
        sheet.line(text, left=160)
    sheet.line("СПИСОК", CENTRE, bold=True, before=18)
    sheet.line("муниципальных стажировочных площадок", CENTRE, bold=True)
    sheet.line("{{ municipality }}", CENTRE, bold=True)
    sheet.line("по состоянию на {{ on_day }}", CENTRE, after=12)
    table = sheet.table((12, 55, 71, 52, 37, 30))
    sheet.row(
        table,
        ["№", "Организация", "Направление", "Руководитель площадки", "Приказ", "Срок действия"],
        bold=True, align=CENTRE, is_header=True,
    )  # fmt: skip
    sheet.rows(
        table,
        "site in sites",
        [
            "{{ site.number }}",
            "{{ site.organisation }}",
            "{{ site.direction }}",
            "{{ site.leader }}",
            "{{ site.order }}",
            "{{ site.valid_from }} – {{ site.valid_until }}",
        ],
        align=(CENTRE, LEFT, LEFT, LEFT, LEFT, CENTRE),
    )
    sheet.signature("{{ signatory_position }}", "{{ signatory_name }}")
    return sheet


def _title_page(sheet: Sheet) -> None:
    sheet.line("{{ host_full_name }}", CENTRE, after=30)
    table = sheet.table((85, 85), has_grid=False)
    cells = sheet.row(table, ["РАССМОТРЕНО", "УТВЕРЖДАЮ"], size=14)
    for cell, texts in zip(
        cells,
        (
            ("на заседании {{ council }}", "протокол № {{ protocol_number }}", "от {{ protocol_date }}"),
            ("{{ approved_position }}", "____________ {{ approved_name }}", "«___» __________ 20___ г."),
        ),
        strict=True,
    ):
        for text in texts:
            _dress(cell.add_paragraph(), text, LEFT)
    sheet.line("ПРОГРАММА СТАЖИРОВКИ", CENTRE, bold=True, size=16, before=90, after=12)
    sheet.line("«{{ title }}»", CENTRE, bold=True, size=16, after=18)
    sheet.line("Направление: {{ direction }}", CENTRE)
    sheet.line("Объём: {{ hours }} ак. ч", CENTRE)
    sheet.mark("if term")
    sheet.line("Срок реализации: {{ term }}", CENTRE)
    sheet.mark("endif")
    sheet.line("Руководитель стажировочной площадки:", left=75, before=60)
    sheet.line("{{ leader }}", left=75)
    sheet.line("{% if place %}{{ place }}, {% endif %}{{ year }}", CENTRE, before=120)


def _part(sheet: Sheet, label: str, name: str, *, is_list: bool = False) -> None:
    sheet.mark(f"if {name}")
    sheet.line(label, bold=True, before=6, indent=12.5, keep=True)
    text = "{{ loop.index }}. {{ line }}" if is_list else "{{ line }}"
    sheet.each(f"line in {name}", lambda: sheet.body(text))
    sheet.mark("endif")


def _turned(cell: _Cell) -> None:
    direction = OxmlElement("w:textDirection")
    direction.set(qn("w:val"), "btLr")
    cell._tc.get_or_add_tcPr().append(direction)


def _plan(sheet: Sheet) -> None:
    sheet.head("УЧЕБНО-ТЕМАТИЧЕСКИЙ ПЛАН")
    table = sheet.table((9, 43, 10, 10, 10, 10, 10, 10, 30, 28))
    names = ["№", "Тема", "Всего", "В том числе, ак. ч", "", "", "", "", "Форма занятия", "Форма контроля"]
    how = {"size": 10, "bold": True, "align": CENTRE, "is_header": True}
    first = sheet.row(table, names, **how)  # type: ignore[arg-type]
    kinds = ["лекции", "практические", "самостоятельные", "индивидуальные", "дистанционно"]
    second = sheet.row(table, ["", "", "", *kinds, "", ""], **how)  # type: ignore[arg-type]
    table.rows[1].height = Mm(32)
    for cell in (first[2], *second[3:8]):
        _turned(cell)
    for place in (0, 1, 2, 8, 9):
        _without_last(first[place].merge(second[place]))
    merged = first[3].merge(first[7])
    for paragraph in merged.paragraphs[1:]:
        paragraph._p.getparent().remove(paragraph._p)
    numbers = ("hours", "lectures", "practice", "independent", "individual", "distance")
    align = (CENTRE, LEFT, *[CENTRE] * 6, LEFT, LEFT)
    sheet.rows(
        table,
        "topic in topics",
        [
            "{{ topic.number }}",
            "{{ topic.title }}",
            *(f"{{{{ topic.{name} }}}}" for name in numbers),
            "{{ topic.form }}",
            "{{ topic.control }}",
        ],
        size=10, align=align,
    )  # fmt: skip
    totals = ["", "Итого", *(f"{{{{ totals.{name} }}}}" for name in numbers), "", ""]
    sheet.row(table, totals, size=10, bold=True, align=align)


def _without_last(cell: _Cell) -> None:
    """Take the empty paragraph away that merging brought from the lower cell."""
    for paragraph in cell.paragraphs[1:]:
        paragraph._p.getparent().remove(paragraph._p)


def programme() -> Sheet:
    """Draw the programme of an internship with its thematic plan (4.2)."""
    sheet = Sheet()
    _title_page(sheet)
    heading = sheet.line("ПОЯСНИТЕЛЬНАЯ ЗАПИСКА", CENTRE, bold=True, after=6, keep=True)
    heading.paragraph_format.page_break_before = True
    _part(sheet, "Актуальность", "relevance")
    _part(sheet, "Цель", "aim")
    _part(sheet, "Задачи", "tasks", is_list=True)
    _part(sheet, "Категория слушателей", "audience")
    _part(sheet, "Планируемые результаты", "results", is_list=True)
    sheet.line("Объём и срок", bold=True, before=6, indent=12.5, keep=True)
    sheet.body("{{ hours }} ак. ч{% if term %}; {{ term }}{% endif %}")
    _part(sheet, "Формы работы", "forms")
    _plan(sheet)
    sheet.mark("if has_contents")
    sheet.head("СОДЕРЖАНИЕ ПРОГРАММЫ")
    sheet.mark("for topic in topics if topic.content")
    sheet.line("Тема {{ topic.number }}. {{ topic.title }}", bold=True, before=6, indent=12.5, keep=True)
    sheet.each("line in topic.content", lambda: sheet.body("{{ line }}"))
    sheet.mark("endfor")
    sheet.mark("endif")
    for label, name in (
        ("ФОРМЫ КОНТРОЛЯ И ПРОДУКТЫ СТАЖЁРОВ", "control"),
        ("УСЛОВИЯ РЕАЛИЗАЦИИ", "conditions"),
        ("ИСТОЧНИКИ", "sources"),
    ):
        text = "{{ loop.index }}. {{ line }}" if name == "sources" else "{{ line }}"
        sheet.mark(f"if {name}")
        sheet.head(label)
        sheet.mark(f"for line in {name}")
        sheet.body(text)
        sheet.mark("endfor")
        sheet.mark("endif")
    return sheet


def protocol() -> Sheet:
    """Draw the protocol of the council's sitting, or an extract of it."""
    sheet = Sheet()
    sheet.line("{% if is_extract %}ВЫПИСКА ИЗ ПРОТОКОЛА{% else %}ПРОТОКОЛ{% endif %} № {{ number }}", CENTRE, bold=True)
    sheet.line("заседания {{ council }}", CENTRE, bold=True, after=12)
    table = sheet.table((85, 85), has_grid=False)
    sheet.row(table, ["{{ date }}", "{{ place }}"], size=14, align=(LEFT, RIGHT))
    sheet.line("Председатель: {{ chair }}", before=12)
    sheet.line("Секретарь: {{ secretary }}")
    sheet.mark("if present")
    sheet.line("Присутствовали ({{ present_count }}): {{ present|join('; ') }}.", BOTH)
    sheet.mark("endif")
    sheet.line("ПОВЕСТКА ДНЯ:", bold=True, before=12, keep=True)
    sheet.each("item in items", lambda: sheet.body("{{ item.number }}. {{ item.topic }}"))
    sheet.mark("for item in items")
    sheet.line("По вопросу {{ item.number }}", bold=True, before=12, indent=12.5, keep=True)
    sheet.mark("if item.speaker or item.heard")
    sheet.body("СЛУШАЛИ: {{ item.speaker }}{% if item.speaker %}.{% endif %} {{ item.heard|first }}")
    sheet.each("line in item.heard[1:]", lambda: sheet.body("{{ line }}"))
    sheet.mark("endif")
    sheet.mark("if item.spoke")
    sheet.line("ВЫСТУПИЛИ:", indent=12.5, keep=True)
    sheet.each("line in item.spoke", lambda: sheet.body("{{ line }}"))
    sheet.mark("endif")
    sheet.body("РЕШИЛИ: {{ item.decided|first }}")
    sheet.each("line in item.decided[1:]", lambda: sheet.body("{{ line }}"))
    sheet.mark("if item.votes")
    sheet.body("Голосовали: {{ item.votes }}.")
    sheet.mark("endif")
    sheet.mark("endfor")
    sheet.signature("Председатель", "{{ chair }}")
    sheet.signature("Секретарь", "{{ secretary }}", before=12)
    sheet.mark("if is_extract")
    sheet.line("Выписка верна:", before=18, keep=True)
    sheet.signature("Секретарь", "{{ secretary }}", before=6)
    sheet.mark("endif")
    return sheet


def schedule() -> Sheet:
    """Draw the schedule of a site's work (4.2)."""
    sheet = Sheet(is_wide=True)
    for text in (
        "УТВЕРЖДАЮ",
        "{{ approved_position }}",
        "____________ {{ approved_name }}",
        "«___» __________ 20___ г.",
    ):
        sheet.line(text, left=160)
    sheet.line("ГРАФИК РАБОТЫ", CENTRE, bold=True, before=18)
    sheet.line("муниципальной стажировочной площадки", CENTRE, bold=True)
    sheet.line("{{ host_full_name }}", CENTRE)
    sheet.line("Направление: {{ direction }}", CENTRE, before=6)
    sheet.line("Программа стажировки «{{ title }}»", CENTRE)
    sheet.line("{{ term }}", CENTRE, after=12)
    table = sheet.table((10, 25, 27, 70, 35, 13, 32, 45))
    sheet.row(
        table,
        ["№", "Дата", "Время", "Тема", "Форма занятия", "Ак. ч", "Место проведения", "Ответственный"],
        bold=True, align=CENTRE, is_header=True,
    )  # fmt: skip
    align = (CENTRE, CENTRE, CENTRE, LEFT, LEFT, CENTRE, LEFT, LEFT)
    sheet.rows(
        table,
        "meeting in meetings",
        [
            "{{ meeting.number }}",
            "{{ meeting.date }}",
            "{{ meeting.time }}",
            "{{ meeting.topic }}",
            "{{ meeting.form }}",
            "{{ meeting.hours }}",
            "{{ meeting.place }}",
            "{{ meeting.responsible }}",
        ],
        align=align,
    )
    sheet.row(table, ["", "", "", "Итого", "", "{{ total }}", "", ""], bold=True, align=align)
    sheet.mark("if zone")
    sheet.line("Время местное ({{ zone }}).", before=6, size=12)
    sheet.mark("endif")
    sheet.signature("Руководитель стажировочной площадки", "{{ leader }}")
    return sheet


def end() -> Sheet:
    """Draw the decision that ends a site (8.1)."""
    sheet = Sheet()
    _letterhead(sheet, "ПРИКАЗ")
    sheet.line("{{ heading }}", bold=True, after=12).paragraph_format.right_indent = Mm(70)
    sheet.body("Причина: {{ reason }}")
    sheet.body("На основании {{ grounds }}")
    sheet.line("ПРИКАЗЫВАЮ:", before=6, after=6)
    sheet.body(
        "1. Прекратить деятельность муниципальной стажировочной площадки {{ host_genitive }} по направлению "
        "«{{ direction }}» с {{ ends_on }}"
    )
    sheet.body(
        "2. {% if intakes %}Установить, как завершаются потоки, не законченные к этому дню (приложение 1){% else %}"
        "Принять к сведению, что незаконченных потоков нет{% endif %}."
    )
    sheet.body(
        "3. {% if trainees %}Установить, как завершается стажировка тех, кто её проходит (приложение 2){% else %}"
        "Принять к сведению, что стажёров, не завершивших стажировку, нет{% endif %}."
    )
    sheet.mark("if leader_dative")
    sheet.body("4. {{ leader_dative }} передать документы площадки в {{ centre }}.")
    sheet.mark("endif")
    sheet.body(
        "{% if leader_dative %}5{% else %}4{% endif %}. Контроль за исполнением приказа "
        "{% if control %}возложить на {{ control }}{% else %}оставляю за собой{% endif %}."
    )
    sheet.signature("{{ signatory_position }}", "{{ signatory_name }}")
    sheet.acquaintance()
    for number, name, loop, title, widths, columns in (
        (1, "intakes", "intake in intakes", "Незаконченные потоки", (30, 65, 40, 35), (
            ("Поток", "{{ intake.code }}"),
            ("Программа", "{{ intake.programme }}"),
            ("Сроки", "{{ intake.term }}"),
            ("Решение", "{{ intake.outcome }}"),
        )),
        (2, "trainees", "trainee in trainees", "Стажёры, не завершившие стажировку", (10, 55, 45, 25, 35), (
            ("№", "{{ trainee.number }}"),
            ("Фамилия, имя, отчество", "{{ trainee.name }}"),
            ("Организация", "{{ trainee.organisation }}"),
            ("Поток", "{{ trainee.intake }}"),
            ("Решение", "{{ trainee.outcome }}"),
        )),
    ):  # fmt: skip
        sheet.mark(f"if {name}")
        sheet.line(f"Приложение {number}", left=90).paragraph_format.page_break_before = True
        sheet.line("к приказу от {{ date }} № {{ number }}", left=90)
        sheet.line(title, CENTRE, bold=True, before=12, after=6, keep=True)
        table = sheet.table(widths)
        sheet.row(table, [heading for heading, _ in columns], bold=True, align=CENTRE, is_header=True)
        sheet.rows(table, loop, [text for _, text in columns])
        sheet.mark("endif")
    return sheet


def individual_plan() -> Sheet:
    """Draw the individual plan of a trainee (5.2)."""
    sheet = Sheet(is_wide=True)
    sheet.line("{{ host }}", CENTRE, after=12)
    sheet.line("ИНДИВИДУАЛЬНЫЙ ПЛАН СТАЖЁРА", CENTRE, bold=True)
    sheet.mark("if year")
    sheet.line("{% if place %}{{ place }}, {% endif %}{{ year }}", CENTRE)
    sheet.mark("endif")
    sheet.line(size=6)
    table = sheet.table((70, 187))
    for label, text in (
        ("Фамилия, имя, отчество", "{{ person }}"),
        ("Организация, должность", "{{ organisation }}{% if organisation and position %}, {% endif %}{{ position }}"),
        ("Программа стажировки", "«{{ programme }}», {{ hours }} ак. ч"),
        ("Сроки стажировки", "{{ term }}"),
        ("Руководитель площадки", "{{ leader }}"),
    ):
        sheet.row(table, [label, text])
    cell = sheet.row(table, ["Цель", "{%p for line in aim or [''] %}"])[1]
    _dress(cell.add_paragraph(), "{{ line }}", LEFT, size=12)
    _dress(cell.add_paragraph(), "{%p endfor %}", LEFT, size=12)
    sheet.line(size=6)
    table = sheet.table((10, 75, 38, 40, 14, 50, 30))
    sheet.row(
        table,
        ["№", "Тема, содержание работы", "Форма", "Сроки", "Ак. ч", "Результат", "Отметка о выполнении"],
        bold=True, align=CENTRE, is_header=True,
    )  # fmt: skip
    names = ("number", "title", "form", "dates", "hours", "result", "done")
    sheet.rows(
        table,
        "point in points",
        [f"{{{{ point.{name} }}}}" for name in names],
        align=(CENTRE, LEFT, LEFT, LEFT, CENTRE, LEFT, LEFT),
    )
    sheet.mark("if consultations")
    sheet.line("Индивидуальные консультации", bold=True, before=12, after=6, keep=True)
    sheet.each("line in consultations", lambda: sheet.line("{{ loop.index }}. {{ line }}", size=12))
    sheet.mark("endif")
    sheet.line("Согласовано {{ agreed_on }}", before=12, keep=True)
    sheet.signature("Стажёр", "{{ person_signed }}", before=18)
    sheet.signature("Руководитель площадки", "{{ leader_signed }}", before=12)
    return sheet


DRAWINGS: dict[str, Callable[[], Sheet]] = {
    "application": application,
    "order": order,
    "site_list": site_list,
    "programme": programme,
    "protocol": protocol,
    "schedule": schedule,
    "end": end,
    "individual_plan": individual_plan,
}


def draw_templates(folder: Path) -> None:
    """Write every built-in template into ``folder``."""
    from lti_app.papers.attendance_drafting import DRAWINGS as ATTENDANCE  # it draws by the means of this module

    folder.mkdir(exist_ok=True)
    for name, drawing in {**DRAWINGS, **ATTENDANCE}.items():
        (folder / f"{name}.docx").write_bytes(drawing().saved())


if __name__ == "__main__":
    draw_templates(TEMPLATES)
