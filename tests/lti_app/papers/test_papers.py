"""Every paper as DOCX and PDF: what stands in it, what a person overrules, whose template is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote
from zipfile import ZipFile

import pytest
from docx import Document
from docx.oxml.ns import qn
from pypdf import PdfReader

from config.settings import Settings
from lti_app import create_app
from lti_app.core.errors import DomainError
from lti_app.papers.docx import render_docx
from lti_app.papers.drafting import DRAWINGS, TEMPLATES, draw_templates
from lti_app.papers.fields import Official, Paper, PersonName
from lti_app.papers.filling import forms
from lti_app.papers.pdf import render_pdf
from lti_app.papers.serving import send_paper
from tests.conftest import DATA_KEY
from tests.lti_app.papers.samples import ALL, APPLICATION, END, ORDER, PROGRAMME, PROTOCOL, SITE_LIST

SENTENCES = {
    "sign_in": (
        "ЛИСТ РЕГИСТРАЦИИ",
        "Тема занятия: «Технологическая карта урока»",
        "Дата и время: 10 декабря 2026 г., 15:00–16:30",
        "2 Дубинец Сергей Львович МАДОУ № 3",
        "3 4",  # empty lines
    ),
    "journal": (
        "ЖУРНАЛ ПОСЕЩАЕМОСТИ",
        "01.10.2026 – 30.04.2027",
        "Ак. ч 2 2",
        "1 Иванова Елена Сергеевна + + + + + + + + + + 2 Дубинец Сергей Львович н н н н н",
        "1 Иванова Елена Сергеевна + н 22 2 Дубинец Сергей Львович н –",
        "Присутствовали 1 1 1",
    ),
    "application": (
        "Директору МБОУ ДПО «ИМЦ» Громовой Н.В.",
        "от МБОУ «Школа № 14»",
        "Прошу присвоить МБОУ «Школа № 14» статус муниципальной стажировочной площадки",
        "на срок 3 года",
        "Опыт представлен на областной конференции",
        "Л.П. Кузнецов",
        "20 августа 2026 г.",
    ),
    "order": (
        "О присвоении статуса муниципальной стажировочной площадки",
        "1. Присвоить МБОУ «Школа № 14» статус",
        "на срок с 1 сентября 2026 г. по 31 августа 2029 г.",
        "2. Назначить руководителем стажировочной площадки Васильченко-Островскую Сашу Андреевну, учителя-логопеда.",
        "3. Руководителю площадки представить программу",
        "4. Контроль за исполнением приказа возложить на Черных Олега Ильича, методиста.",
        "С приказом ознакомлены:",
    ),
    "site_list": ("к приказу МБОУ ДПО «ИМЦ»", "от 2 сентября 2026 г. № 113", "МБОУ «Школа № 18»", "31.08.2029"),
    "programme": (
        "РАССМОТРЕНО",
        "протокол № 3 от 24 сентября 2026 г.",
        "УТВЕРЖДАЮ",
        "«Нейропсихологические приёмы в работе учителя-логопеда»",
        "2. научить составлять индивидуальный маршрут ребёнка",
        "Тема 1. Основы нейропсихологии речи",
        "Зачёт по итогам защиты технологической карты.",
        "2. Лурия А. Р.",
    ),
    "protocol": (
        "ВЫПИСКА ИЗ ПРОТОКОЛА № 3",
        "заседания городского методического совета",
        "Присутствовали (3): Н.В. Громова, директор МБОУ ДПО «ИМЦ»;",
        "СЛУШАЛИ: Васильченко-Островскую С.А., учителя-логопеда.",
        "РЕШИЛИ: Одобрить программу стажировки",
        "«за» – 5, «против» – 0, «воздержались» – 1",
        "Выписка верна:",
    ),
    "schedule": (
        "УТВЕРЖДАЮ",
        "Директор МБОУ «Школа № 14»",
        "ГРАФИК РАБОТЫ",
        "с 1 октября 2026 г. по 30 апреля 2027 г.",
        "08.10.2026",
        "15:00–15:45",
        "дистанционно",
        "Итого",
        "Время местное (UTC+7).",
    ),
    "end": (
        "1. Прекратить деятельность муниципальной стажировочной площадки МБОУ «Школа № 14»",
        "с 15 февраля 2027 г.",
        "4. Учителю-логопеду Васильченко-Островской С.А. передать документы",
        "ЛОГ-26-1",
        "Иванова Елена Сергеевна",
        "зачтено 18 ак. ч",
    ),
    "individual_plan": (
        "ИНДИВИДУАЛЬНЫЙ ПЛАН СТАЖЁРА",
        "МБОУ «Школа № 1», учитель химии",
        "«Нейропсихологические приёмы в работе учителя-логопеда», 36 ак. ч",
        "Подготовить карту занятия.",
        "занятие посещено",
        "карта занятия",
        "1. 12.11.2026, 16:00 – Технологическая карта занятия",
        "Согласовано 3 октября 2026 г.",
        "Е.С. Иванова",
    ),
}


def plain(text: str) -> str:
    """Bring lines and spaces of every kind down to single ones."""
    return " ".join(text.split())


def pdf_text(file: bytes) -> str:
    return plain("\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages))


def paragraphs_text(file: bytes) -> str:
    """Join the texts of paragraphs, those of tables too."""
    document = Document(BytesIO(file))
    paragraphs = (
        "".join(text.text or "" for text in one.iter(qn("w:t"))) for one in document.element.body.iter(qn("w:p"))
    )
    return plain(" ".join(paragraphs))


@pytest.mark.parametrize("name", ALL)
def test_a_paper_is_filled_as_docx(name: str) -> None:
    text = paragraphs_text(render_docx(ALL[name]))
    assert [sentence for sentence in SENTENCES[name] if sentence not in text] == []
    assert "{" not in text


@pytest.mark.parametrize("name", ALL)
def test_a_paper_says_the_same_as_pdf(name: str) -> None:
    text = pdf_text(render_pdf(ALL[name])).replace("- ", "-")
    missing = [sentence for sentence in SENTENCES[name] if sentence.replace("- ", "-") not in text]
    assert missing == []


def test_the_thematic_plan_adds_its_hours_up() -> None:
    rows = [[cell.text for cell in row.cells] for row in Document(BytesIO(render_docx(PROGRAMME))).tables[1].rows]
    assert rows[3][1:8] == ["Диагностика: методики и протоколы наблюдения", "12", "2", "7,5", "–", "2,5", "–"]
    assert rows[-1][1:8] == ["Итого", "36", "6", "17,5", "6", "4,5", "2"]


def test_a_page_is_a4_with_the_margins_of_official_papers() -> None:
    section = Document(BytesIO(render_docx(ORDER))).sections[0]
    millimetres = [
        round(length.mm)
        for length in (
            section.page_width,
            section.page_height,
            section.left_margin,
            section.right_margin,
            section.top_margin,
            section.bottom_margin,
        )
        if length is not None
    ]
    assert millimetres == [210, 297, 30, 10, 20, 20]


def test_pages_are_numbered_from_the_second_on() -> None:
    first, second, *_ = [page.extract_text().split() for page in PdfReader(BytesIO(render_pdf(PROGRAMME))).pages]
    assert "2" in (second[0], second[-1])
    assert "1" not in (first[0], first[-1])


def test_the_font_is_in_the_pdf() -> None:
    fonts = PdfReader(BytesIO(render_pdf(ORDER))).pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    embedded = [font for font in fonts.values() if "FontDescriptor" in str(font.get_object())]
    assert len(embedded) >= 2


def test_a_renewal_prolongs() -> None:
    text = paragraphs_text(render_docx(replace(ORDER, is_renewal=True)))
    assert "1. Продлить МБОУ «Школа № 14» статус" in text


def test_without_a_controller_the_signatory_controls() -> None:
    text = paragraphs_text(render_docx(replace(ORDER, control="", acquaintance=())))
    assert "4. Контроль за исполнением приказа оставляю за собой." in text
    assert "ознакомлены" not in text


def test_a_programme_before_the_council_leaves_places_to_fill_in_by_hand() -> None:
    text = paragraphs_text(render_docx(replace(PROGRAMME, protocol_number="", protocol_date=None)))
    assert "протокол № _____ от «___» __________ 20___ г." in text


def test_an_end_with_nobody_under_way_says_so() -> None:
    text = paragraphs_text(render_docx(replace(END, intakes=())))
    assert "незаконченных потоков нет" in text
    assert "Приложение" not in text


def test_papers_without_what_may_be_absent_are_still_drawn() -> None:
    bare: tuple[Paper, ...] = (
        replace(APPLICATION, addressee=None, category="", achievements="", staff=(), equipment=()),
        replace(SITE_LIST, sites=()),
        replace(PROGRAMME, tasks=(), results=(), forms="", term="", control="", conditions="", sources=(), topics=()),
        replace(
            PROTOCOL, items=(replace(PROTOCOL.items[0], speaker=None, heard="", spoke=(), votes=None),), present=()
        ),
        replace(END, leader=None, control="", intakes=()),
    )
    assert all(render_pdf(paper).startswith(b"%PDF") for paper in bare)


def test_the_forms_of_an_order_name_what_is_not_sure() -> None:
    order = replace(ORDER, control=Official(PersonName.read("Заяц Пётр Павлович"), "методист"))
    assert [(form.key, form.text, form.is_sure) for form in forms(order)] == [
        ("host_dative", "МБОУ «Школа № 14»", True),
        ("leader_accusative", "Васильченко-Островскую Сашу Андреевну, учителя-логопеда", True),
        ("control", "Заяца Петра Павловича, методиста", False),
    ]


@pytest.mark.parametrize("name", ALL)
def test_whatever_is_typed_over_a_form_stands_in_the_paper(name: str) -> None:
    paper = ALL[name]
    overrules = {form.key: f"ИНАЧЕ{place}Ь" for place, form in enumerate(forms(paper))}
    for text in (paragraphs_text(render_docx(paper, overrules)), pdf_text(render_pdf(paper, overrules))):
        assert [typed for typed in overrules.values() if typed not in text] == []


def test_an_empty_overrule_leaves_the_declined_form() -> None:
    assert "Черных Олега Ильича" in paragraphs_text(render_docx(ORDER, {"control": "  "}))


@pytest.mark.parametrize(
    "text",
    [
        "{{ number }} {% for x in y %}",
        "{_{ a }_} {_% b %_}",
        "</w:t></w:r><w:br/> & <w:p>",
        "<b>жирно</b> <font color='red'>&amp;</font>",
        "{{ ''.__class__.__mro__ }}",
    ],
)
def test_text_that_looks_like_a_mark_stays_as_it_is_typed(text: str) -> None:
    order = replace(ORDER, direction=text, further_items=(text,), control=text)
    assert paragraphs_text(render_docx(order)).count(text) == 3
    assert pdf_text(render_pdf(order)).count(text) >= 1


def test_what_xml_cant_hold_is_left_out() -> None:
    order = replace(ORDER, direction="до\x00\x07\x0c\ud800после\ufffe")
    assert "«допосле»" in paragraphs_text(render_docx(order))


def test_words_longer_than_a_line_and_texts_longer_than_a_page_are_drawn() -> None:
    word = "ы" * 400
    text = "\n".join([word, *["Очень длинный текст без конца. " * 40] * 30])
    application = replace(APPLICATION, experience=text, topic=word)
    pages = PdfReader(BytesIO(render_pdf(application))).pages
    assert len(pages) > 5
    assert sum(page.extract_text().count("ы") for page in pages) >= 800


def changed_template(folder: Path, name: str, old: str, new: str) -> None:
    """Put a copy of a built-in template with one text changed into the centre's folder, as Word would save it."""
    document = Document(str(TEMPLATES / name))
    for run in (run for paragraph in document.paragraphs for run in paragraph.runs):
        run.text = run.text.replace(old, new)
    document.save(str(folder / name))


def test_the_centres_own_template_wins_in_docx_and_pdf(tmp_path: Path) -> None:
    changed_template(tmp_path, "order.docx", "ПРИКАЗ", "РАСПОРЯЖЕНИЕ")
    assert "РАСПОРЯЖЕНИЕ" in paragraphs_text(render_docx(ORDER, folder=tmp_path))
    assert "РАСПОРЯЖЕНИЕ" in pdf_text(render_pdf(ORDER, folder=tmp_path))
    assert "ВЫПИСКА" in paragraphs_text(render_docx(PROTOCOL, folder=tmp_path))


@pytest.mark.parametrize(
    ("broken", "named"),
    [("{{ nobody }}", "nobody"), ("{% if %}", ""), ("{{ centre.__class__.__mro__ }}", "unsafe")],
)
def test_a_template_that_cant_be_filled_is_refused_by_name(tmp_path: Path, broken: str, named: str) -> None:
    changed_template(tmp_path, "order.docx", "ПРИКАЗЫВАЮ:", broken)
    with pytest.raises(DomainError) as refusal:
        render_docx(ORDER, folder=tmp_path)
    assert refusal.value.code == "paper_template_wrong"
    assert named in str(refusal.value.__cause__)


def test_a_template_that_is_no_docx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "order.docx").write_bytes(b"{\\rtf1 }")
    with pytest.raises(DomainError, match="paper_template_wrong"):
        render_docx(ORDER, folder=tmp_path)


def test_what_the_pdf_cant_show_is_refused_and_the_docx_has_it(tmp_path: Path) -> None:
    document = Document(str(TEMPLATES / "order.docx"))
    document.sections[0].first_page_header.paragraphs[0].text = "Бланк"
    document.save(str(tmp_path / "order.docx"))
    with pytest.raises(DomainError, match="paper_not_drawn"):
        render_pdf(ORDER, folder=tmp_path)
    assert render_docx(ORDER, folder=tmp_path)


def test_word_numbering_is_not_lost_silently_in_the_pdf(tmp_path: Path) -> None:
    document = Document(str(TEMPLATES / "order.docx"))
    document.add_paragraph("пункт", style="List Number")
    document.save(str(tmp_path / "order.docx"))
    with pytest.raises(DomainError, match="paper_not_drawn"):
        render_pdf(ORDER, folder=tmp_path)


def test_the_built_in_templates_are_those_that_are_drawn(tmp_path: Path) -> None:
    draw_templates(tmp_path)
    for name in DRAWINGS:
        with ZipFile(TEMPLATES / f"{name}.docx") as kept, ZipFile(tmp_path / f"{name}.docx") as drawn:
            assert kept.namelist() == drawn.namelist()
            assert [kept.read(part) for part in kept.namelist()] == [drawn.read(part) for part in drawn.namelist()]


@pytest.fixture
def in_a_request(tmp_path: Path) -> Iterator[Path]:
    """Stand in a request of a tool whose centre has a folder of templates; yield the folder."""
    settings = Settings(
        secret_key="s" * 40,
        data_keys=(DATA_KEY,),
        public_url="http://localhost:8700",
        database_url=f"sqlite:///{tmp_path / 'test.sqlite3'}",
        paper_templates=str(tmp_path),
    )
    app = create_app(settings)
    with app.test_request_context():
        yield tmp_path
    app.extensions["ploshchadka"].database.dispose()


def test_a_paper_is_sent_to_be_saved_under_a_russian_name(in_a_request: Path) -> None:
    response = send_paper(replace(ORDER, number="1/2\r\nX: y"), "pdf")
    disposition = response.headers["Content-Disposition"]
    assert disposition.isascii()
    assert unquote(disposition) == "attachment; filename*=UTF-8''Приказ № 1-2-X- y от 01.09.2026.pdf"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.mimetype == "application/pdf"
    assert response.data.startswith(b"%PDF")


def test_the_sent_paper_is_of_the_folder_in_the_settings(in_a_request: Path) -> None:
    changed_template(in_a_request, "end.docx", "ПРИКАЗ", "РАСПОРЯЖЕНИЕ")
    response = send_paper(END, "docx", {"host_genitive": "школы № 14"})
    text = paragraphs_text(response.data)
    assert "РАСПОРЯЖЕНИЕ" in text
    assert "площадки школы № 14" in text


def test_another_kind_of_file_is_not_made(in_a_request: Path) -> None:
    with pytest.raises(ValueError, match="exe"):
        send_paper(ORDER, "exe")


def test_a_date_is_written_out() -> None:
    text = paragraphs_text(render_docx(replace(ORDER, date=date(2026, 12, 10))))
    assert "10 декабря 2026 г." in text
