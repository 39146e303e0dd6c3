"""The centre's pages of organisations, their heads and people: kept, refused at the field, remembered, searched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from threading import Thread
from time import sleep
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.permissions import Role
from lti_app.people.models import Category, Organisation, OrganisationHead, Person, RoleGrant
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

SPECIALIST, COLLEAGUE = 901, 902
ORGANISATION = {
    "code": "lyceum-1",
    "name": "МБОУ «Лицей № 1»",
    "short_name": "Лицей № 1",
    "type": "лицей",
    "address": "",
}
PERSON = {
    "last_name": "Ёлкина",
    "first_name": "Мария",
    "middle_name": "Петровна",
    "email": "elkina@example.org",
    "moodle_idnumber": "",
    "organisation": "",
    "position": "учитель-логопед",
    "category": "first",
    "category_since": "2024-05-20",
    "category_until": "2029-05-20",
}


@dataclass(frozen=True)
class Desk:
    """Two specialists of the centre, each at a browser; an organisation with a leader."""

    app: Flask
    world: World
    client: FlaskClient
    colleague: FlaskClient

    def send(self, address: str, form: dict[str, str], *, by: FlaskClient | None = None) -> TestResponse:
        client = by or self.client
        return client.post(address, data={"csrf_token": token(self.app, client), **form})

    @property
    def organisation(self) -> str:
        return f"/organisations/{self.world.organisation.id}"

    @property
    def database(self) -> Database:
        """Return what the pages themselves ask: its queries are counted."""
        found: Database = self.app.extensions["ploshchadka"].database
        return found


@pytest.fixture
def desk(app: Flask, database: Database) -> Desk:
    with database.transaction() as session:
        world = World(session)
        session.add_all(
            RoleGrant(moodle_id=world.moodle.id, user_id=user, role=Role.CENTRE, granted_at=NOW)
            for user in (SPECIALIST, COLLEAGUE)
        )
    return Desk(
        app,
        world,
        visit(app, world, user_id=SPECIALIST, name="Центрова Ольга"),
        visit(app, world, user_id=COLLEAGUE, name="Коллегина Ирина"),
    )


def stored(session: Session, last_name: str) -> Person:
    return session.scalars(select(Person).where(Person.last_name == last_name)).one()


def test_an_organisation_is_put_down_and_changed(desk: Desk, database: Database) -> None:
    made = desk.send("/organisations/new", ORGANISATION)
    assert made.status_code == 303
    address = made.headers["Location"]
    changed = {**ORGANISATION, "address": "ул. Космонавтов, 1", "is_authority": "yes", "revision": "1"}
    assert desk.send(address, changed).status_code == 303

    with database.session(writes=False) as session:
        kept = session.scalars(select(Organisation).where(Organisation.code == "lyceum-1")).one()
        assert (kept.name, kept.label, kept.type) == ("МБОУ «Лицей № 1»", "Лицей № 1", "лицей")
        assert (kept.address, kept.is_authority, kept.licensed) == ("ул. Космонавтов, 1", True, False)
        assert kept.revision == 2


def test_a_person_is_kept_with_a_category_its_day_and_its_end(desk: Desk, database: Database) -> None:
    work = {"organisation": str(desk.world.organisation.id)}
    address = desk.send("/people/new", {**PERSON, **work}).headers["Location"]
    page = desk.client.get(address).text
    assert 'value="2024-05-20"' in page
    assert 'value="2029-05-20"' in page
    newer = {"category": "highest", "category_since": "2026-03-01", "category_until": "", "revision": "1"}
    assert desk.send(address, {**PERSON, **work, **newer}).status_code == 303

    with database.session(writes=False) as session:
        kept = stored(session, "Ёлкина")
        assert kept.organisation_id == desk.world.organisation.id
        assert (kept.category, kept.category_since, kept.category_until) == (Category.HIGHEST, date(2026, 3, 1), None)


def test_a_person_may_have_no_category_and_no_place_of_work(desk: Desk, database: Database) -> None:
    none = {"category": "", "category_since": "", "category_until": ""}
    assert desk.send("/people/new", {**PERSON, **none}).status_code == 303

    with database.session(writes=False) as session:
        kept = stored(session, "Ёлкина")
        assert (kept.category, kept.category_since, kept.category_until, kept.organisation_id) == (None,) * 4


def test_spaces_around_and_inside_names_are_tidied(desk: Desk, database: Database) -> None:
    desk.send("/people/new", {**PERSON, "last_name": "  Ёлкина ", "position": "учитель   химии"})

    with database.session(writes=False) as session:
        assert stored(session, "Ёлкина").position == "учитель химии"


@pytest.mark.parametrize(
    ("typed", "field", "status", "words"),
    [
        ({"last_name": " "}, "last_name", 422, "Не заполнено поле «Фамилия»."),
        ({"first_name": ""}, "first_name", 422, "Не заполнено поле «Имя»."),
        ({"email": ""}, "email", 422, "Не указаны ни индивидуальный номер, ни электронная почта."),
        ({"email": "elkina"}, "email", 422, "Это не адрес электронной почты."),
        ({"email": "elkina@"}, "email", 422, "Это не адрес электронной почты."),
        ({"email": "elkina@example.org, maria@example.org"}, "email", 422, "Это не адрес электронной почты."),
        ({"email": "LEADER-A@example.org"}, "email", 409, "Это значение принадлежит другому человеку: Руководителева"),
        ({"category": ""}, "category", 422, "Для категории указаны даты, а сама категория — нет."),
        ({"category_until": "2024-05-19"}, "category_until", 422, "Срок категории заканчивается раньше"),
        ({"category_until": "20.05.2029"}, "category_until", 422, "Дата не указана или указана неверно."),
        ({"category_since": "2024-02-30"}, "category_since", 422, "Дата не указана или указана неверно."),
        ({"organisation": "999999"}, "organisation", 422, "Такой организации нет."),
        ({"last_name": "Ё" * 101}, "last_name", 422, "Длиннее 100 знаков: сократите."),
        ({"position": "у" * 201}, "position", 422, "Длиннее 200 знаков: сократите."),
    ],
)
def test_a_refused_person_is_marked_at_the_field_and_what_was_typed_stays(
    desk: Desk, database: Database, typed: dict[str, str], field: str, status: int, words: str
) -> None:
    answer = desk.send("/people/new", {**PERSON, **typed})

    assert answer.status_code == status
    assert words in answer.text
    assert at_fault(answer) == [field]
    assert 'value="Петровна"' in answer.text
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).where(Person.middle_name == "Петровна")) == 0


@pytest.mark.parametrize(
    ("typed", "field", "status", "words"),
    [
        ({"code": ""}, "code", 422, "Не заполнено поле «Код»."),
        ({"name": "  "}, "name", 422, "Не заполнено поле «Полное название организации»."),
        ({"code": "org-a"}, "code", 409, "Этот код уже у организации: Школа a."),
        ({"code": "к" * 61}, "code", 422, "Длиннее 60 знаков: сократите."),
        ({"address": "у" * 501}, "address", 422, "Длиннее 500 знаков: сократите."),
    ],
)
def test_a_refused_organisation_is_marked_at_the_field_and_what_was_typed_stays(
    desk: Desk, database: Database, typed: dict[str, str], field: str, status: int, words: str
) -> None:
    answer = desk.send("/organisations/new", {**ORGANISATION, "is_authority": "yes", **typed})

    assert answer.status_code == status
    assert words in answer.text
    assert at_fault(answer) == [field]
    assert 'value="Лицей № 1"' in answer.text
    assert 'name="is_authority" value="yes" checked' in answer.text
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(Organisation)) == 1


def at_fault(answer: TestResponse) -> list[str]:
    """Return the names of the fields that the page marks."""
    tags = [tag.split(">")[0] for tag in answer.text.split("<")]
    return [tag.split('name="')[1].split('"')[0] for tag in tags if 'aria-invalid="true"' in tag]


def test_a_person_keeps_the_own_keys_when_saved_again(desk: Desk) -> None:
    address = desk.send("/people/new", {**PERSON, "moodle_idnumber": "SN-77"}).headers["Location"]

    assert desk.send(address, {**PERSON, "moodle_idnumber": "SN-77", "revision": "1"}).status_code == 303


def test_a_number_in_moodle_is_one_persons(desk: Desk) -> None:
    desk.send("/people/new", {**PERSON, "moodle_idnumber": "SN-77"})
    twin = desk.send("/people/new", {**PERSON, "email": "", "moodle_idnumber": "SN-77"})

    assert (twin.status_code, at_fault(twin)) == (409, ["moodle_idnumber"])


def test_markup_in_a_name_is_shown_as_text(desk: Desk) -> None:
    address = desk.send("/people/new", {**PERSON, "last_name": "<b>Ёлкина</b>"}).headers["Location"]

    for page in (desk.client.get(address).text, desk.client.get("/people?q=elkina@").text):
        assert "&lt;b&gt;Ёлкина&lt;/b&gt;" in page
        assert "<b>Ёлкина" not in page


def test_the_second_of_two_writers_of_a_person_sees_both_texts(desk: Desk, database: Database) -> None:
    address = desk.send("/people/new", PERSON).headers["Location"]
    first = {"position": "методист", "category": "highest", "revision": "1"}
    assert desk.send(address, {**PERSON, **first}, by=desk.colleague).status_code == 303
    late = desk.send(address, {**PERSON, "position": "завуч", "category_until": "2030-01-01", "revision": "1"})

    assert late.status_code == 409
    assert "Коллегина Ирина" in late.text
    assert both_texts(late) == [
        ("Должность", "методист", "завуч"),
        ("Квалификационная категория (п. 4.1)", "высшая", "первая"),
        ("Категория действует до", "20.05.2029", "01.01.2030"),
    ]
    assert 'value="завуч"' in late.text
    with database.session(writes=False) as session:
        assert stored(session, "Ёлкина").position == "методист"


def test_an_organisation_that_both_workplaces_name_is_shown_by_its_name(desk: Desk, database: Database) -> None:
    address = desk.send("/people/new", PERSON).headers["Location"]
    moved = {**PERSON, "organisation": str(desk.world.organisation.id), "revision": "1"}
    desk.send(address, moved, by=desk.colleague)
    late = desk.send(address, {**PERSON, "revision": "1"})

    assert both_texts(late) == [("Место работы", "Школа a", "—")]


def test_the_second_of_two_writers_of_an_organisation_sees_both_texts_and_may_then_save(
    desk: Desk, database: Database
) -> None:
    form = {**ORGANISATION, "code": "org-a", "revision": "1"}
    assert desk.send(desk.organisation, {**form, "name": "Школа № 9"}, by=desk.colleague).status_code == 303
    late = desk.send(desk.organisation, {**form, "name": "Гимназия № 9"})

    assert late.status_code == 409
    assert both_texts(late) == [("Полное название организации", "Школа № 9", "Гимназия № 9")]
    assert 'name="revision" value="2"' in late.text
    assert desk.send(desk.organisation, {**form, "name": "Гимназия № 9", "revision": "2"}).status_code == 303
    with database.session(writes=False) as session:
        assert session.get_one(Organisation, desk.world.organisation.id).name == "Гимназия № 9"


def both_texts(answer: TestResponse) -> list[tuple[str, str, str]]:
    """Return of each field that differs: its name, what stands now, what was typed."""
    found = []
    for part in answer.text.split('<dl class="row-card">')[1:]:
        name = part.split("<dt>")[1].split("</dt>")[0]
        theirs, yours = (piece.split("</span>")[0] for piece in part.split('<span class="as-typed">')[1:3])
        found.append((name, theirs, yours))
    return found


@pytest.mark.parametrize("revision", ["", "0", "99999999999999999999", "x"])
def test_a_form_without_a_true_revision_overwrites_nothing(desk: Desk, database: Database, revision: str) -> None:
    answer = desk.send(desk.organisation, {**ORGANISATION, "revision": revision})

    assert answer.status_code == 409
    with database.session(writes=False) as session:
        assert session.get_one(Organisation, desk.world.organisation.id).name == "Школа a"


def test_the_page_tells_who_changed_what_from_what_to_what(desk: Desk) -> None:
    address = desk.send("/people/new", PERSON).headers["Location"]
    moved = {"category": "highest", "organisation": str(desk.world.organisation.id), "revision": "1"}
    desk.send(address, {**PERSON, **moved}, by=desk.colleague)

    history = desk.client.get(address).text.split("История изменений")[1]
    newest, oldest = history.split('<li class="row-card">')[1:]
    assert "сведения о человеке изменены" in newest
    assert "Коллегина Ирина" in newest
    assert "<del>первая</del> → <ins>высшая</ins>" in newest
    assert "<ins>Школа a</ins>" in newest
    assert "человек внесён в список" in oldest
    assert "Центрова Ольга" in oldest


def test_nothing_is_written_where_nothing_differs(desk: Desk, database: Database) -> None:
    address = desk.send("/people/new", PERSON).headers["Location"]
    desk.send(address, {**PERSON, "revision": "1"})

    with database.session(writes=False) as session:
        assert stored(session, "Ёлкина").revision == 1
        assert list(session.scalars(select(AuditEntry.action))) == ["create_person"]


def test_heads_follow_one_another(desk: Desk, database: Database) -> None:
    for name in ("Прежняя", "Новая"):
        desk.send("/people/new", {**PERSON, "last_name": name, "email": f"{name}@example.org"})
    named = desk.send(f"{desk.organisation}/head", {"head_name": "Прежняя", "since": "2026-01-10"})
    assert named.status_code == 303
    assert (
        desk.send(f"{desk.organisation}/head", {"head_name": "новая мария", "since": "2026-09-01"}).status_code == 303
    )

    with database.session(writes=False) as session:
        heads = session.scalars(select(OrganisationHead).order_by(OrganisationHead.since)).all()
        assert [(one.person.last_name, one.since, one.until) for one in heads] == [
            ("Прежняя", date(2026, 1, 10), date(2026, 8, 31)),
            ("Новая", date(2026, 9, 1), None),
        ]
    history = desk.client.get(desk.organisation).text.split("История изменений")[1]
    assert "полномочия руководителя организации прекращены" in history
    assert history.count("указан руководитель организации") == 2


def test_the_present_head_named_again_stays_as_is(desk: Desk, database: Database) -> None:
    for since in ("2026-01-10", "2026-09-01"):
        desk.send(f"{desk.organisation}/head", {"head_name": "Руководителева", "since": since})

    with database.session(writes=False) as session:
        assert session.scalars(select(OrganisationHead)).one().since == date(2026, 1, 10)


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"head_name": ""}, "head_name", "Не назван руководитель организации."),
        ({"head_name": "Неизвестная"}, "head_name", "Такого человека в списке нет."),
        ({"head_name": "Стаж"}, "head_name", "Под это имя подходят несколько человек."),
        (
            {"head_name": "Стажёрова001", "since": "2026-05-10"},
            "since",
            "Нынешний руководитель организации указан с 10",
        ),
        ({"head_name": "Стажёрова001", "since": "вчера"}, "since", "Дата не указана или указана неверно."),
        ({"head": "999999"}, "head_name", "Не назван руководитель организации."),
    ],
)
def test_a_refused_head_is_marked_at_the_field(
    desk: Desk, database: Database, typed: dict[str, str], field: str, words: str
) -> None:
    with database.transaction() as session:
        desk.world.session = session
        session.add(desk.world.organisation)
        desk.world.person(), desk.world.person()
        session.add(
            OrganisationHead(
                organisation_id=desk.world.organisation.id, person_id=desk.world.leader.id, since=date(2026, 5, 10)
            )
        )
    answer = desk.send(f"{desk.organisation}/head", {"since": "2026-11-24", "head_name": "", **typed})

    assert answer.status_code == 422
    assert words in answer.text
    assert at_fault(answer) == [field]
    assert 'value="Школа a"' in answer.text


def test_of_several_who_are_called_so_one_is_chosen_on_the_page(desk: Desk, database: Database) -> None:
    for number in (1, 2):
        desk.send("/people/new", {**PERSON, "email": f"{number}@example.org", "position": f"учитель {number}"})
    asked = desk.send(f"{desk.organisation}/head", {"head_name": "Ёлкина", "since": "2026-11-24"})
    chosen = asked.text.split('type="radio" name="head" id="head-')[2].split('"')[0]
    form = {"head_name": "Ёлкина", "head": chosen, "since": "2026-11-24"}
    assert desk.send(f"{desk.organisation}/head", form).status_code == 303

    with database.session(writes=False) as session:
        assert session.scalars(select(OrganisationHead)).one().person_id == int(chosen)


def test_a_name_typed_after_another_was_chosen_wins(desk: Desk, database: Database) -> None:
    desk.send("/people/new", PERSON)
    form = {"head": str(desk.world.leader.id), "since": "2026-11-24"}
    assert desk.send(f"{desk.organisation}/head", {**form, "head_name": "Ёлкина"}).status_code == 303

    with database.session(writes=False) as session:
        assert session.scalars(select(OrganisationHead)).one().person.last_name == "Ёлкина"


def test_an_unknown_name_typed_after_another_was_chosen_is_asked_about(desk: Desk, database: Database) -> None:
    form = {"head": str(desk.world.leader.id), "since": "2026-11-24"}
    answer = desk.send(f"{desk.organisation}/head", {**form, "head_name": "Неизвестная"})

    assert (answer.status_code, at_fault(answer)) == (422, ["head_name"])
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(OrganisationHead)) == 0


def people(session: Session, number: int, **other: Any) -> None:
    session.add_all(
        Person(last_name=f"Списочная{place:04}", first_name="Анна", email=f"list-{place}@example.org", **other)
        for place in range(number)
    )


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ("елк", True),
        ("Ёлкина мар", True),
        ("ЁЛКИНА Мария Петр", True),
        ("Elkina@EXAMPLE", True),
        ("лкина", False),
        ("Ёлкина Анна", False),
        ("Ёлкина%", True),
        ("_лкина", False),
        ("@", False),
    ],
)
def test_people_are_found_by_the_beginnings_of_their_names(desk: Desk, asked: str, is_found: bool) -> None:
    desk.send("/people/new", PERSON)
    answer = desk.client.get("/people", query_string={"q": asked})

    assert answer.status_code == 200
    assert ("Ёлкина Мария Петровна</a>" in answer.text) is is_found


def test_people_are_left_by_organisation_and_category(desk: Desk) -> None:
    desk.send("/people/new", {**PERSON, "organisation": str(desk.world.organisation.id)})
    desk.send(
        "/people/new",
        {**PERSON, "last_name": "Бескатегорийная", "email": "", "moodle_idnumber": "1"}
        | {"category": "", "category_since": "", "category_until": ""},
    )

    def shown(address: str) -> set[str]:
        text = desk.client.get(address).text
        return {name for name in ("Ёлкина", "Бескатегорийная", "Руководителева") if f">{name}" in text}

    assert shown("/people") == {"Ёлкина", "Бескатегорийная", "Руководителева"}
    assert shown(f"/people?organisation={desk.world.organisation.id}") == {"Ёлкина", "Руководителева"}
    assert shown("/people?category=first") == {"Ёлкина"}
    assert shown("/people?category=none") == {"Бескатегорийная"}
    assert shown(f"/people?organisation={desk.world.organisation.id}&category=highest&q=рук") == {"Руководителева"}


@pytest.mark.parametrize(
    "address",
    [
        "/people?page=99999999999999999999&category=x&organisation=x",
        "/people?page=-1&organisation=99999999999999999999",
        "/people?q=%25%5C_'",
        "/organisations?page=x",
        "/organisations?q=%25%5C_'",
    ],
)
def test_nonsense_in_an_address_breaks_no_list(desk: Desk, address: str) -> None:
    assert desk.client.get(address).status_code == 200


@pytest.mark.parametrize("address", ["/people?q=%00", "/organisations?q=%00", "/people/new?%00=1"])
def test_a_nul_in_an_address_is_refused(desk: Desk, address: str) -> None:
    assert desk.client.get(address).status_code == 400


def test_a_nul_in_a_form_is_refused(desk: Desk, database: Database) -> None:
    answer = desk.send("/people/new", {**PERSON, "position": "учи\0тель"})

    assert answer.status_code == 400
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).where(Person.last_name == "Ёлкина")) == 0


def test_pages_of_people_follow_one_another_and_keep_the_filters(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        people(session, 101, category=Category.FIRST)
    first, last = (desk.client.get(f"/people?category=first&page={page}").text for page in (1, 3))

    assert "Списочная0049" in first
    assert "Списочная0050" not in first
    assert 'rel="next" href="/people?page=2&amp;category=first"' in first
    assert "Списочная0100" in last
    assert 'rel="next"' not in last
    assert desk.client.get("/people?category=first&page=9").text.count("Списочная") == 1


def test_beyond_a_thousand_people_one_searches(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        people(session, 1001)

    assert "Показана первая тысяча" in desk.client.get("/people").text
    assert "Показана первая тысяча" not in desk.client.get("/people?q=списочная0001").text


@pytest.mark.parametrize(("asked", "is_found"), [("школа", True), ("ORG-A", True), ("Гимназия", False), ("%", False)])
def test_organisations_are_found_by_code_and_name(desk: Desk, asked: str, is_found: bool) -> None:
    text = desk.client.get("/organisations", query_string={"q": asked}).text

    assert (">Школа a</a>" in text) is is_found
    assert ("Такой организации в списке нет." in text) is not is_found


def test_lists_ask_as_often_for_many_rows_as_for_few(desk: Desk, database: Database) -> None:
    def asked(address: str) -> int:
        with counted_queries(desk.database) as statements:
            assert desk.client.get(address).status_code == 200
        return len(statements)

    addresses = ("/people", "/people?q=списочная", "/organisations", "/organisations?q=школа")
    few = [asked(address) for address in addresses]
    with database.transaction() as session:
        for number in range(40):
            place = Organisation(code=f"many-{number}", name=f"Школа {number}", licensed=False)
            session.add(place)
            session.add(
                Person(last_name=f"Списочная{number}", first_name="Анна", email=f"m{number}@b.ru", organisation=place)
            )

    assert [asked(address) for address in addresses] == few
    assert 0 < max(few) <= 8


def test_a_page_asks_as_often_with_a_long_history_as_with_a_short_one(desk: Desk) -> None:
    form = {**ORGANISATION, "code": "org-a"}

    def renamed(revision: int) -> None:
        saved = desk.send(desk.organisation, {**form, "name": f"Школа № {revision}", "revision": str(revision)})
        assert saved.status_code == 303

    def asked() -> int:
        with counted_queries(desk.database) as statements:
            desk.client.get(desk.organisation)
        return len(statements)

    renamed(1)
    few = asked()
    for revision in range(2, 12):
        renamed(revision)

    assert 0 < asked() == few


@pytest.mark.parametrize(
    ("address", "form", "field"),
    [("/people/new", PERSON, "email"), ("/organisations/new", ORGANISATION, "code")],
)
def test_of_two_who_save_the_same_key_at_once_one_is_refused_and_loses_nothing(
    desk: Desk, postgres_only: None, address: str, form: dict[str, str], field: str
) -> None:
    """The colleague's row is written and not yet committed when the specialist's page looks for it."""
    answers: list[TestResponse] = []
    with desk.database.session() as colleague:
        if field == "email":
            colleague.add(Person(last_name="Ёлкина", first_name="Мария", email=form["email"].upper()))
        else:
            colleague.add(Organisation(code=form["code"], name="Другое имя"))
        colleague.flush()
        sending = Thread(target=lambda: answers.append(desk.send(address, form)))
        sending.start()
        wait_for_a_lock(desk.database)
        colleague.commit()
        sending.join(20)
    page = answers[0].get_data(as_text=True)
    assert (answers[0].status_code, form[field] in page) == (409, True)
    assert desk.send(address, form).status_code == 409


@pytest.fixture
def postgres_only(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite lets one write at a time: the second finds the row of the first")


def wait_for_a_lock(database: Database) -> None:
    """Wait until somebody waits for another's transaction."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1000):
        with database.session() as session:
            if session.scalar(waiting):
                return
        sleep(0.01)
    raise AssertionError("nobody waits")
