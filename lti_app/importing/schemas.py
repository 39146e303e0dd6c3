"""The sheets and their columns: one marshmallow schema a sheet. The columns are promised in docs/import.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import Schema, validates_schema

from lti_app.core.words import plain
from lti_app.importing.fields import (
    AcademicHours,
    Day,
    Email,
    LocalMoment,
    OneOf,
    Text,
    Whole,
    YesNo,
    wrong,
)
from lti_app.intakes.models import TraineeState
from lti_app.meetings.models import MeetingState
from lti_app.people.models import Category
from lti_app.programmes.models import Form, Mode
from lti_app.programmes.spelling import FORM_WORDS, MODE_WORDS

CATEGORY_WORDS = {
    Category.HIGHEST: ("высшая", "высшая категория", "высшая квалификационная категория", "вкк"),
    Category.FIRST: ("первая", "первая категория", "первая квалификационная категория", "1", "i"),
}
TRAINEE_WORDS = {
    TraineeState.ENROLLED: ("зачислен", "зачислена", "обучается", "вернулся", "вернулась"),
    TraineeState.LEFT: ("выбыл", "выбыла", "отчислен", "отчислена"),
}
MEETING_WORDS = {
    MeetingState.PLANNED: ("запланировано", "по плану", "план"),
    MeetingState.CANCELLED: ("отменено", "отмена", "отменён"),
}

CODE, CODE_TITLES = 60, ("Код", "Шифр")


class OrganisationRow(Schema):
    """A row of organisations."""

    code = Text(CODE, *CODE_TITLES)
    name = Text(500, "Название", "Наименование", "Полное наименование")
    type = Text(100, "Тип", "Вид", optional=True)
    short_name = Text(200, "Краткое название", "Краткое наименование", "Сокращённое наименование", optional=True)
    licensed = YesNo("Лицензия", "Есть лицензия", "Лицензия ДПО", optional=True)


class PersonRow(Schema):
    """A row of people; the idnumber in Moodle or the e-mail must be there."""

    moodle_idnumber = Text(
        255, "Индивидуальный номер", "Номер в Moodle", "Идентификатор Moodle", "Табельный номер", optional=True
    )
    email = Email(254, "Электронная почта", "Эл. почта", "Почта", "E-mail", "Адрес электронной почты", optional=True)
    last_name = Text(100, "Фамилия")
    first_name = Text(100, "Имя")
    middle_name = Text(100, "Отчество", optional=True)
    organisation = Text(CODE, "Организация", "Код организации", "Место работы", optional=True)
    position = Text(200, "Должность", optional=True)
    category = OneOf(Category, CATEGORY_WORDS, "Категория", "Квалификационная категория", optional=True)
    category_until = Day("Категория до", "Категория действует до", "Срок категории", optional=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_key(self, _data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if original.get("moodle_idnumber") is None and original.get("email") is None:
            error = wrong(
                _l("Neither the number in Moodle nor the e-mail is given."),
                _l("Give at least one of them: by it the person is found in Moodle."),
                "person_without_key",
            )
            error.field_name = "moodle_idnumber" if "moodle_idnumber" in original else "email"
            raise error


class SiteRow(Schema):
    """A row of sites with the order that grants the status."""

    code = Text(CODE, *CODE_TITLES)
    organisation = Text(CODE, "Организация", "Код организации")
    direction = Text(300, "Направление", "Направление работы")
    leader = Text(255, "Руководитель", "Руководитель площадки")
    order_number = Text(60, "Номер приказа", "Приказ №", "№ приказа")
    order_date = Day("Дата приказа")
    valid_until = Day("Действует до", "Срок действия", "Срок действия до")


class ProgrammeRow(Schema):
    """A row of programmes; protocol and date of the council together make it approved."""

    code = Text(CODE, *CODE_TITLES)
    site = Text(CODE, "Площадка", "Код площадки")
    title = Text(500, "Название", "Тема", "Наименование")
    hours = AcademicHours("Часы", "Часов", "Объём", "Количество часов", "Всего часов")
    goals = Text(20_000, "Цели", "Цель", optional=True, lines=True)
    council_protocol = Text(60, "Протокол", "Протокол совета", "Номер протокола", "№ протокола", optional=True)
    council_date = Day("Дата протокола", "Дата совета", "Дата решения совета", optional=True)
    hours_needed = AcademicHours("Часов для зачёта", "Нужно часов", optional=True)
    needs_completion = YesNo("Требуется выполнение курса", "Нужно выполнение курса", optional=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _council_is_whole(self, _data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        protocol, day = original.get("council_protocol"), original.get("council_date")
        if (protocol is None) != (day is None):
            error = wrong(
                _l("Of the council's decision only a half is given: number and date of the protocol belong together."),
                _l("Fill in both, or leave both empty while the council hasn't approved the programme (4.2)."),
                "council_by_half",
            )
            error.field_name = "council_protocol" if protocol is None else "council_date"
            raise error


class TopicRow(Schema):
    """A row of a thematic plan."""

    programme = Text(CODE, "Программа", "Код программы")
    position = Whole(500, "№", "Номер", "№ п/п", "Позиция", "№ темы")
    title = Text(500, "Тема", "Название", "Название темы")
    form = OneOf(Form, FORM_WORDS, "Форма", "Форма занятия", "Форма проведения")
    hours = AcademicHours("Часы", "Часов", "Количество часов", "Всего часов")
    mode = OneOf(Mode, MODE_WORDS, "Режим", "Формат", "Способ", "Вид", optional=True)


class IntakeRow(Schema):
    """A row of intakes; ``moodle`` is the name under which `moodle add` stored one."""

    code = Text(CODE, *CODE_TITLES)
    programme = Text(CODE, "Программа", "Код программы")
    moodle = Text(60, "Мудл", "Имя Moodle")
    starts_on = Day("Начало", "Дата начала")
    ends_on = Day("Окончание", "Конец", "Дата окончания")
    capacity = Whole(10_000, "Мест", "Количество мест", "Вместимость", "Число мест")


class MeetingRow(Schema):
    """A row of a schedule; local time."""

    intake = Text(CODE, "Поток", "Набор", "Код потока")
    topic = Whole(500, "Тема", "Номер темы", "№ темы")
    form = OneOf(Form, FORM_WORDS, "Форма", "Форма занятия", "Форма проведения")
    mode = OneOf(Mode, MODE_WORDS, "Режим", "Формат", "Способ", "Вид")
    starts_at = LocalMoment("Начало", "Дата и время", "Начало занятия", "Когда")
    minutes = Whole(720, "Минут", "Минуты", "Длительность", "Продолжительность", "Длительность, мин")
    place_or_url = Text(1000, "Место или ссылка", "Место", "Ссылка", "Место проведения")
    host = Text(255, "Ведущий", "Кто проводит", "Ответственный", optional=True)
    capacity = Whole(10_000, "Мест", "Количество мест", "Мест в помещении", optional=True)
    state = OneOf(MeetingState, MEETING_WORDS, "Состояние", "Отметка", optional=True)


class TraineeRow(Schema):
    """A row of places in intakes."""

    intake = Text(CODE, "Поток", "Набор", "Код потока")
    person = Text(255, "Стажёр", "Педагог", "Слушатель", "Человек")
    state = OneOf(TraineeState, TRAINEE_WORDS, "Состояние", "Отметка", optional=True)


@dataclass(frozen=True)
class SheetKind:
    """Name a sheet, the words by which it is found, its schema, and the columns that tell its rows apart."""

    name: str
    titles: tuple[str, ...]
    schema: type[Schema]
    keys: tuple[tuple[str, ...], ...]


SHEETS = (
    SheetKind("organisations", ("Организации", "Образовательные организации"), OrganisationRow, (("code",),)),
    SheetKind(
        "people",
        ("Люди", "Педагоги", "Сотрудники", "Персоны", "Работники"),
        PersonRow,
        (("moodle_idnumber",), ("email",)),
    ),
    SheetKind("sites", ("Площадки", "Стажировочные площадки"), SiteRow, (("code",),)),
    SheetKind("programmes", ("Программы", "Программы стажировки"), ProgrammeRow, (("code",),)),
    SheetKind(
        "topics",
        ("Темы", "Тематический план", "Учебно-тематический план", "Тематические планы"),
        TopicRow,
        (("programme", "position"),),
    ),
    SheetKind("intakes", ("Потоки", "Наборы"), IntakeRow, (("code",),)),
    SheetKind(
        "meetings",
        ("Занятия", "График", "График работы", "Расписание"),
        MeetingRow,
        (("intake", "topic", "starts_at"),),
    ),
    SheetKind("trainees", ("Стажёры", "Слушатели", "Списки"), TraineeRow, (("intake", "person"),)),
)
"""In the order in which later sheets may name rows of earlier ones."""


def kind_of(title: str) -> SheetKind | None:
    """Find which sheet is meant by a title or a file's name."""
    wanted = plain(title)
    for kind in SHEETS:
        if wanted in (plain(kind.name), *(plain(known) for known in kind.titles)):
            return kind
    return None


def columns_of(schema: type[Schema]) -> dict[str, str]:
    """Map every heading that is understood, folded, to its column's name."""
    found: dict[str, str] = {}
    for name, cell in schema().fields.items():
        for title in (name, *cell.metadata["titles"]):
            found[plain(title)] = name
    return found
