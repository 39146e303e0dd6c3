"""A paper as PDF, drawn from the filled DOCX, so that both say the same and the centre's own templates hold for both.

What of Word's is drawn: paragraphs with alignment, indents, spaces, bold, italic, underline and size; tables with
merged cells, borders, turned text and repeated headings; breaks of pages; page numbers in the header. A template
with anything else (pictures, numbering by Word, text in headers) is refused by name: the DOCX has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

import fontpkg_pt_serif
from docx import Document
from docx.document import Document as Docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.table import Table as DocxTable
from docx.text.paragraph import Paragraph as DocxParagraph
from docx.text.run import Run
from flask_babel import lazy_gettext as _l
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table

from lti_app.core.errors import DomainError
from lti_app.papers.docx import render_docx
from lti_app.papers.fields import Paper
from lti_app.papers.filling import title

FONT = "PT Serif"
FACES = {
    FONT: "Regular",
    f"{FONT} Bold": "Bold",
    f"{FONT} Italic": "Italic",
    f"{FONT} Bold Italic": "BoldItalic",
}
SCALE = 13 / 14
"""PT Serif's letters are as large at 13 pt as those of Times at 14."""
LEADING = 1.22
TWIPS = 20
"""In a point: the unit of Word's tables."""
TABLE_STYLE: tuple[tuple[Any, ...], ...] = (
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 3.5),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3.5),
    ("TOPPADDING", (0, 0), (-1, -1), 1),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
)
GRID = (("GRID", (0, 0), (-1, -1), 0.5, colors.black),)
NO_GRID = (("LEFTPADDING", (0, 0), (0, -1), 0), ("RIGHTPADDING", (-1, 0), (-1, -1), 0))
"""Columns without borders stand flush with the text around them."""

ALIGNMENTS: dict[Any, Literal[0, 1, 2, 4]] = {
    WD_ALIGN_PARAGRAPH.CENTER: TA_CENTER,
    WD_ALIGN_PARAGRAPH.RIGHT: TA_RIGHT,
    WD_ALIGN_PARAGRAPH.JUSTIFY: TA_JUSTIFY,
}
NOT_DRAWN = {
    "w:drawing": _l("a picture or a drawing"),
    "w:pict": _l("a picture or a drawing"),
    "w:object": _l("an embedded object"),
    "w:numPr": _l("numbering by the word processor"),
    "w:footnoteReference": _l("a footnote"),
    "w:sdt": _l("a content control"),
    "w:altChunk": _l("an embedded document"),
    "w:tc//w:tbl": _l("a table within a table"),
}


def render_pdf(paper: Paper, overrules: Mapping[str, str] | None = None, folder: Path | None = None) -> bytes:
    """Fill the template as for DOCX and draw it. Raises DomainError where the centre's own template has what isn't."""
    _faces()
    document = Document(BytesIO(render_docx(paper, overrules, folder)))
    _refuse_not_drawn(document)
    section = document.sections[0]
    width = _points(section.page_width)
    height = _points(section.page_height)
    left, right = _points(section.left_margin), _points(section.right_margin)
    top, bottom = _points(section.top_margin), _points(section.bottom_margin)
    file = BytesIO()
    has_numbers = "PAGE" in section.header._element.xml
    drawn = BaseDocTemplate(file, pagesize=(width, height), title=title(paper), lang="ru-RU", invariant=1)
    frame = Frame(left, bottom, width - left - right, height - top - bottom, 0, 0, 0, 0)

    def number(canvas: Canvas, doc: BaseDocTemplate) -> None:
        if has_numbers and doc.page > 1:
            canvas.setFont(FONT, 14 * SCALE)
            canvas.drawCentredString(left + (width - left - right) / 2, height - top + 8, str(doc.page))

    drawn.addPageTemplates([PageTemplate(frames=[frame], onPage=number)])
    drawn.build(list(Drawing(document).flow()) or [Spacer(1, 1)])
    return file.getvalue()


@lru_cache(maxsize=1)
def _faces() -> None:
    for name, face in FACES.items():
        registerFont(TTFont(name, str(files(fontpkg_pt_serif) / "files" / f"PT_Serif-Web-{face}.ttf")))
    registerFontFamily(FONT, *FACES)


def _points(length: Any) -> float:
    return float(length.pt) if length is not None else 0.0


def _refuse_not_drawn(document: Docx) -> None:
    body = document.element.body
    found = next((words for path, words in NOT_DRAWN.items() if body.xpath(f".//{path}")), None)
    used = {element.style for element in body.iter(qn("w:p"))}
    styles = Styles(document)
    if found is None and any(style.element.xpath(".//w:numPr") for name in used for style in styles.chain(name)):
        found = NOT_DRAWN["w:numPr"]
    if found is None and len(document.sections) > 1:
        found = _l("several sections")
    section = document.sections[0]
    parts = (section.header, section.first_page_header, section.footer, section.first_page_footer)
    if found is None and any(part._element.xpath(".//w:t[normalize-space()] | .//w:drawing") for part in parts):
        found = _l("text in the header or footer")
    if found is not None:
        raise DomainError(
            "paper_not_drawn",
            _l("The centre's own template has %(what)s: the PDF can't show that.", what=found),
            remedy=_l("Take the DOCX, and make the PDF of it in the word processor."),
        )


class Styles:
    """Answer what a paragraph's styles say, each looked up once: the library reads all of them at every question."""

    def __init__(self, document: Docx) -> None:
        self._styles = document.styles
        self._chains: dict[str | None, list[Any]] = {}
        marks = document.styles.element.xpath("w:docDefaults//w:sz/@w:val")
        self.size = float(marks[0]) / 2 if marks else 10.0

    def chain(self, name: str | None) -> list[Any]:
        """Return the style of this id, or the default one, and those that it builds on."""
        if name not in self._chains:
            found: list[Any] = []
            style: Any = self._styles.get_by_id(name, WD_STYLE_TYPE.PARAGRAPH)
            while style is not None:
                found.append(style)
                style = style.base_style
            self._chains[name] = found
        return self._chains[name]


class Drawing:
    """Draw a filled template."""

    def __init__(self, document: Docx) -> None:
        self.document = document
        self.styles = Styles(document)

    def flow(self) -> Iterator[Flowable]:
        """Return its paragraphs, tables and breaks."""
        is_first = True
        for block in self.document.iter_inner_content():
            if isinstance(block, DocxTable):
                yield self._table(block)
            else:
                if self._format(block, "page_break_before") and not is_first:
                    yield PageBreak()
                yield from self._paragraph(block)
            is_first = False

    def _format(self, paragraph: DocxParagraph, name: str) -> Any:
        chain = (style.paragraph_format for style in self.styles.chain(paragraph._p.style))
        return _first((paragraph.paragraph_format, *chain), name)

    def _font(self, run: Run | None, paragraph: DocxParagraph, name: str) -> Any:
        chain = [style.font for style in self.styles.chain(paragraph._p.style)]
        return _first([run.font, *chain] if run is not None else chain, name)

    def _size(self, run: Run | None, paragraph: DocxParagraph) -> float:
        size = self._font(run, paragraph, "size")
        return (float(size.pt) if size is not None else self.styles.size) * SCALE

    def _marked_up(self, run: Run, paragraph: DocxParagraph) -> str:
        text = escape(run.text.replace("\t", "\N{NO-BREAK SPACE}" * 4)).replace("\n", "<br/>")
        for name, tag in (("bold", "b"), ("italic", "i"), ("underline", "u")):
            if self._font(run, paragraph, name):
                text = f"<{tag}>{text}</{tag}>"
        return f'<font size="{self._size(run, paragraph):.2f}">{text}</font>'

    def _style(self, paragraph: DocxParagraph) -> ParagraphStyle:
        sizes = [self._size(run, paragraph) for run in _runs(paragraph) if run.text]
        size = max(sizes or [self._size(None, paragraph)])
        spacing = self._format(paragraph, "line_spacing")
        return ParagraphStyle(
            "paper",
            fontName=FONT,
            fontSize=size,
            leading=size * LEADING * (spacing if isinstance(spacing, float) else 1),
            alignment=ALIGNMENTS.get(self._format(paragraph, "alignment"), TA_LEFT),
            firstLineIndent=_points(self._format(paragraph, "first_line_indent")),
            leftIndent=_points(self._format(paragraph, "left_indent")),
            rightIndent=_points(self._format(paragraph, "right_indent")),
            spaceBefore=_points(self._format(paragraph, "space_before")),
            spaceAfter=_points(self._format(paragraph, "space_after")),
            keepWithNext=int(bool(self._format(paragraph, "keep_with_next"))),
            splitLongWords=1,
        )

    def _paragraph(self, paragraph: DocxParagraph) -> Iterator[Flowable]:
        style = self._style(paragraph)
        text, has_break = "", False
        for run in _runs(paragraph):
            if run._element.xpath("w:br[@w:type='page']"):
                if text:
                    yield Paragraph(text, style)
                text, has_break = "", True
                yield PageBreak()
            elif run.text:
                text += self._marked_up(run, paragraph)
        if text:
            yield Paragraph(text, style)
        elif not has_break:
            yield Spacer(1, style.leading + style.spaceBefore + style.spaceAfter)

    def _table(self, table: DocxTable) -> Flowable:
        columns = [int(width) / TWIPS for width in table._tbl.xpath("w:tblGrid/w:gridCol/@w:w")]
        rows = table._tbl.xpath("w:tr")
        cells: list[list[Any]] = [["" for _ in columns] for _ in rows]
        style = [*TABLE_STYLE, *(GRID if self._has_borders(table) else NO_GRID)]
        begun: dict[int, tuple[int, int]] = {}
        for down, row in enumerate(rows):
            across = 0
            for cell in row.xpath("w:tc"):
                last = across + int((cell.xpath("w:tcPr/w:gridSpan/@w:val") or [1])[0]) - 1
                merge = cell.xpath("w:tcPr/w:vMerge")
                if merge and merge[0].get(qn("w:val")) != "restart":
                    start, last = begun.get(across, (down, last))
                    style.append(("SPAN", (across, start), (last, down)))
                else:
                    begun[across] = (down, last)
                    cells[down][across] = self._cell(cell, table)
                    if last > across:
                        style.append(("SPAN", (across, down), (last, down)))
                if cell.xpath("w:tcPr/w:vAlign[@w:val='center'] | w:tcPr/w:textDirection"):
                    style.append(("VALIGN", (across, down), (across, down), "MIDDLE"))
                across = last + 1
        headers = _leading_headers(rows)
        return Table(
            cells,
            colWidths=columns,
            style=_longest_spans(style),
            repeatRows=headers if headers < len(rows) else 0,
            splitInRow=1,
            hAlign="LEFT",
        )

    def _has_borders(self, table: DocxTable) -> bool:
        elements = [table._tbl.tblPr]
        style: Any = table.style
        while style is not None:
            elements.append(style.element)
            style = style.base_style
        path = ".//w:tblBorders/*[not(@w:val='none' or @w:val='nil')]"
        return any(element.xpath(path) for element in elements)

    def _cell(self, cell: Any, table: DocxTable) -> list[Flowable]:
        paragraphs = [DocxParagraph(element, table) for element in cell.xpath("w:p")]
        if not cell.xpath("w:tcPr/w:textDirection[@w:val='btLr']"):
            return [flowable for paragraph in paragraphs for flowable in self._paragraph(paragraph)]
        first = paragraphs[0]
        run = next(iter(first.runs), None)
        face = f"{FONT} Bold" if self._font(run, first, "bold") else FONT
        return [TurnedText(" ".join(one.text for one in paragraphs), face, self._size(run, first))]


def _first(sources: Sequence[Any], name: str) -> Any:
    return next((value for source in sources if (value := getattr(source, name)) is not None), None)


def _runs(paragraph: DocxParagraph) -> Iterator[Run]:
    for inner in paragraph.iter_inner_content():
        if isinstance(inner, Run):
            yield inner
        else:
            yield from inner.runs


def _leading_headers(rows: Sequence[Any]) -> int:
    return next((place for place, row in enumerate(rows) if not row.xpath("w:trPr/w:tblHeader")), len(rows))


class TurnedText(Flowable):
    """Draw one line from the bottom up, for narrow columns."""

    def __init__(self, text: str, face: str, size: float) -> None:
        super().__init__()
        self.text, self.face, self.size = text, face, size

    def wrap(self, available_width: float, _height: float) -> tuple[float, float]:
        """Return what it takes: as wide as a line is high."""
        self.width, self.height = available_width, stringWidth(self.text, self.face, self.size) + 2
        return self.width, self.height

    def draw(self) -> None:
        """Draw it in the middle of the column."""
        self.canv.saveState()
        self.canv.rotate(90)
        self.canv.setFont(self.face, self.size)
        self.canv.drawString(1, -self.width / 2 - self.size * 0.3, self.text)
        self.canv.restoreState()


def _longest_spans(style: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Keep of the spans that begin in one cell the largest."""
    spans: dict[Any, tuple[Any, ...]] = {}
    for command in style:
        if command[0] == "SPAN" and command[2] >= spans.get(command[1], command)[2]:
            spans[command[1]] = command
    return [command for command in style if command[0] != "SPAN"] + list(spans.values())
