"""Names, positions and organisations in the cases that papers ask for."""

from __future__ import annotations

import pytest

from lti_app.papers.declension import Case, decline_institution, decline_name, decline_position
from lti_app.papers.fields import PersonName

GENITIVE, DATIVE, ACCUSATIVE = Case.GENITIVE, Case.DATIVE, Case.ACCUSATIVE

SURE_NAMES = [
    ("Иванова Елена Сергеевна", GENITIVE, "Ивановой Елены Сергеевны"),
    ("Иванова Елена Сергеевна", DATIVE, "Ивановой Елене Сергеевне"),
    ("Иванова Елена Сергеевна", ACCUSATIVE, "Иванову Елену Сергеевну"),
    ("Кузнецов Лев Петрович", GENITIVE, "Кузнецова Льва Петровича"),
    ("Васильченко-Островская Саша Андреевна", ACCUSATIVE, "Васильченко-Островскую Сашу Андреевну"),
    ("Шевченко Андрей Петрович", DATIVE, "Шевченко Андрею Петровичу"),
    ("Шевченко Анна Петровна", DATIVE, "Шевченко Анне Петровне"),
    ("Черных Ольга Ивановна", GENITIVE, "Черных Ольги Ивановны"),
    ("Живаго Юрий Андреевич", ACCUSATIVE, "Живаго Юрия Андреевича"),
    ("Ким Виктор Сергеевич", DATIVE, "Киму Виктору Сергеевичу"),
    ("Ким Ольга Сергеевна", DATIVE, "Ким Ольге Сергеевне"),
    ("Мицкевич Адам Иосифович", GENITIVE, "Мицкевича Адама Иосифовича"),
    ("Мицкевич Ядвига Иосифовна", GENITIVE, "Мицкевич Ядвиги Иосифовны"),
    ("Толстой Лев Николаевич", DATIVE, "Толстому Льву Николаевичу"),
    ("Римский-Корсаков Николай Андреевич", ACCUSATIVE, "Римского-Корсакова Николая Андреевича"),
    ("Петренко Любовь Саввична", ACCUSATIVE, "Петренко Любовь Саввичну"),
    ("Бондаренко Илья Лукич", GENITIVE, "Бондаренко Ильи Лукича"),
    ("Пугачёва Алёна Игоревна", DATIVE, "Пугачёвой Алёне Игоревне"),
    ("Хан Айгуль Маратовна", DATIVE, "Хан Айгуль Маратовне"),
    ("Орлов Пётр Ильич", GENITIVE, "Орлова Петра Ильича"),
]

UNSURE_NAMES = [
    ("Саша", DATIVE, "Саше"),
    ("Дюма Александр", DATIVE, "Дюма Александру"),
    ("Бек-Назаров Артём Ильич", GENITIVE, "Бека-Назарова Артёма Ильича"),
    ("Мамедов Рустам Акиф оглы", DATIVE, "Мамедову Рустаму Акиф оглы"),
    ("Заяц Пётр Павлович", GENITIVE, "Заяца Петра Павловича"),
    ("Дубинец Сергей Львович", GENITIVE, "Дубинца Сергея Львовича"),
]

SURE_POSITIONS = [
    ("учитель-логопед", GENITIVE, "учителя-логопеда"),
    ("учитель-логопед", DATIVE, "учителю-логопеду"),
    ("педагог-психолог", ACCUSATIVE, "педагога-психолога"),
    ("учитель русского языка и литературы", ACCUSATIVE, "учителя русского языка и литературы"),
    ("заместитель директора по учебной работе", DATIVE, "заместителю директора по учебной работе"),
    ("старший воспитатель", ACCUSATIVE, "старшего воспитателя"),
    ("старший тренер-преподаватель", DATIVE, "старшему тренеру-преподавателю"),
    ("старшая вожатая", ACCUSATIVE, "старшую вожатую"),
    ("заведующий", DATIVE, "заведующему"),
    ("заведующая детским садом", GENITIVE, "заведующей детским садом"),
    ("исполняющий обязанности директора", ACCUSATIVE, "исполняющего обязанности директора"),
    ("и.о. директора", DATIVE, "и.о. директора"),
    ("преподаватель-организатор ОБЖ", ACCUSATIVE, "преподавателя-организатора ОБЖ"),
    ("музыкальный руководитель", DATIVE, "музыкальному руководителю"),
    ("тьютор", ACCUSATIVE, "тьютора"),
    ("Директор МБОУ ДПО «ИМЦ»", DATIVE, "Директору МБОУ ДПО «ИМЦ»"),
]

UNSURE_POSITIONS = [
    ("геймификатор", DATIVE, "геймификатор"),
    ("директор, учитель химии", DATIVE, "директору, учителю химии"),
    ("директор и учитель", DATIVE, "директору и учитель"),
    ("ст. воспитатель", DATIVE, "ст. воспитатель"),
    ("", DATIVE, ""),
]


@pytest.mark.parametrize(("name", "case", "text"), SURE_NAMES)
def test_a_name_is_declined_and_sure(name: str, case: Case, text: str) -> None:
    declined = decline_name(PersonName.read(name), case)
    assert (declined.text, declined.is_sure) == (text, True)


@pytest.mark.parametrize(("name", "case", "text"), UNSURE_NAMES)
def test_a_name_that_leaves_a_choice_is_for_a_person_to_look_at(name: str, case: Case, text: str) -> None:
    declined = decline_name(PersonName.read(name), case)
    assert (declined.text, declined.is_sure) == (text, False)


@pytest.mark.parametrize(
    ("name", "text", "is_sure"),
    [
        ("Громова Наталья Викторовна", "Громовой Н.В.", True),
        ("Громова Н. В.", "Громовой Н.В.", True),
        ("Н.В. Громова", "Громовой Н.В.", True),
        ("Шевченко Н. В.", "Шевченко Н.В.", True),
        ("Ким О. С.", "Киму О.С.", False),
    ],
)
def test_initials_stay_and_the_surname_tells_the_gender_or_is_unsure(name: str, text: str, is_sure: bool) -> None:
    declined = decline_name(PersonName.read(name), DATIVE, with_initials=True)
    assert (declined.text, declined.is_sure) == (text, is_sure)


@pytest.mark.parametrize(("position", "case", "text"), SURE_POSITIONS)
def test_a_position_is_declined_up_to_its_noun(position: str, case: Case, text: str) -> None:
    declined = decline_position(position, case)
    assert (declined.text, declined.is_sure) == (text, True)


@pytest.mark.parametrize(("position", "case", "text"), UNSURE_POSITIONS)
def test_an_unknown_or_double_position_is_for_a_person_to_look_at(position: str, case: Case, text: str) -> None:
    declined = decline_position(position, case)
    assert (declined.text, declined.is_sure) == (text, False)


@pytest.mark.parametrize(
    ("name", "case", "text", "is_sure"),
    [
        ("МБОУ «Школа № 14»", DATIVE, "МБОУ «Школа № 14»", True),
        (
            "муниципальное бюджетное учреждение «Школа № 1»",
            DATIVE,
            "муниципальному бюджетному учреждению «Школа № 1»",
            True,
        ),
        ("Управление образования", GENITIVE, "Управления образования", True),
        ("Детский сад № 5 «Сказка»", ACCUSATIVE, "Детский сад № 5 «Сказка»", True),
        ("Средняя школа № 14", ACCUSATIVE, "Среднюю школу № 14", True),
        ("«Школа»", DATIVE, "«Школа»", False),
    ],
)
def test_an_organisation_is_declined_unless_it_is_an_abbreviation(
    name: str, case: Case, text: str, is_sure: bool
) -> None:
    declined = decline_institution(name, case)
    assert (declined.text, declined.is_sure) == (text, is_sure)
