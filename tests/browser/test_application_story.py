"""The first story in a real browser: from an application to the order, the site's page and the list of sites."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from lti_app.core.permissions import Role
from lti_app.people.models import Category, OrganisationHead, Person
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, grant, look_at
from tests.lti_app.core.documents import docx
from tests.lti_app.world import NOW, World


@pytest.fixture
def people(browser_app: Flask) -> tuple[World, Person, Person]:
    """A head who applies, a specialist of the centre; a candidate with the highest category, and her namesake."""
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        world = World(session)
        world.organisation.name = "МБОУ «Средняя общеобразовательная школа № 14»"
        world.organisation.short_name = "Школа № 14"
        head, specialist = world.person("Директорова"), world.person("Центрова")
        for number in range(2):
            candidate = world.person("Васильченко-Островская")
            candidate.first_name, candidate.middle_name = "Екатерина", "Александровна" if number else "Игоревна"
            candidate.position = "учитель-логопед"
            candidate.category = Category.HIGHEST if number else None
        session.add(OrganisationHead(organisation_id=world.organisation.id, person_id=head.id, since=NOW.date()))
    grant(browser_app, world, specialist, Role.CENTRE)
    return world, head, specialist


def test_from_an_application_to_the_list_of_sites(
    browser: Browser, browser_app: Flask, live: str, people: tuple[World, Person, Person], tmp_path: Path
) -> None:
    world, head, specialist = people
    paper = tmp_path / "справка.docx"
    paper.write_bytes(docx())
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, head, live)
        page.goto(f"{live}/applications")
        page.get_by_role("link", name="Подать заявку").click()
        look_at(page, "application-new")
        page.get_by_label("Направление").fill("Инклюзивное образование")
        page.get_by_label("Руководитель: фамилия и имя").fill("Васильченко Екат")
        page.get_by_role("button", name="Сохранить").click()
        expect(page.get_by_text("Под это имя подходят несколько человек.").first).to_be_visible()
        page.get_by_role("radio", name="Васильченко-Островская Екатерина Игоревна").check()
        page.get_by_label("Опыт инновационной деятельности").fill("Пилотная площадка 2024 года")
        page.get_by_label("Достижения руководителя").fill("Победитель конкурса «Учитель года»")
        page.get_by_role("button", name="Сохранить").click()
        expect(page.get_by_text("нет ни высшей, ни первой категории")).to_be_visible()
        page.get_by_label("Прикрепить файл").set_input_files(str(paper))
        page.get_by_role("button", name="Прикрепить", exact=True).click()
        expect(page.get_by_role("link", name="справка.docx")).to_be_visible()
        page.get_by_role("button", name="Подать заявку").click()
        expect(page.locator("#refusal")).to_contain_text("нет ни высшей, ни первой категории")
        page.get_by_role("link", name="Редактировать").click()
        page.get_by_role("radio", name="другой человек").check()
        page.get_by_label("Руководитель: фамилия и имя").fill("Васильченко Екатерина Алекс")
        page.get_by_role("button", name="Сохранить").click()
        look_at(page, "application-draft")
        page.get_by_role("button", name="Подать заявку").click()
        expect(page.get_by_text("на рассмотрении центра").first).to_be_visible()
        address = page.url

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, specialist, live)
        page.goto(f"{live}/applications")
        look_at(page, "applications")
        page.get_by_role("link", name="Инклюзивное образование").click()
        page.get_by_text("Вернуть с замечаниями").click()
        page.get_by_label("Замечания для заявителя").fill("Укажите оснащение")
        page.get_by_role("button", name="Вернуть", exact=True).click()
        expect(page.get_by_text("Укажите оснащение").first).to_be_visible()

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, head, live)
        page.goto(f"{address}/edit")
        page.get_by_label("Материально-техническое оснащение").fill("Сенсорная комната")
        page.get_by_role("button", name="Сохранить").click()
        page.get_by_role("button", name="Подать заявку").click()

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, specialist, live)
        page.goto(address)
        look_at(page, "application-at-the-centre")
        page.get_by_role("button", name="Принять").click()
        page.get_by_role("link", name="Оформить приказ").click()
        page.get_by_label("Номер приказа").fill("113")
        page.get_by_label("Последний день срока").fill("2030-01-01")
        page.get_by_label("Скан приказа").set_input_files(str(paper))
        page.get_by_role("button", name="Записать приказ").click()
        expect(page.locator("#refusal")).to_contain_text("три года")
        look_at(page, "order-refused")
        page.get_by_label("Последний день срока").fill("2029-11-24")
        page.get_by_label("Скан приказа").set_input_files(str(paper))
        page.get_by_role("button", name="Записать приказ").click()
        expect(page.get_by_role("heading", name="Инклюзивное образование")).to_be_visible()
        expect(page.get_by_role("link", name="справка.docx")).to_be_visible()
        look_at(page, "site")
        page.get_by_role("link", name="Площадки", exact=True).click()
        page.get_by_role("link", name="Список площадок для подписания").click()
        expect(page.get_by_role("cell", name="Васильченко-Островская Екатерина Александровна")).to_be_visible()
        look_at(page, "site-list")
        with page.expect_download() as download:
            page.get_by_role("link", name="В виде книги Excel").click()
        assert download.value.suggested_filename == "spisok-ploshchadok-2026-11-24.xlsx"
