"""The list of a room, from its file to the leader's confirmed attendance; the papers of attendance; at both widths."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from playwright.sync_api import Browser, expect

from lti_app.core.edge import Tool
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, look_at
from tests.lti_app.world import NOW, World

CONFUSING = "Кто;Почта;Когда;Ушёл\n"
ROWS = (
    "Иванова Анна;ivanova@example.org;12:00;13:30\n"
    "Сидорова Анна;;12:00;13:00\n"
    "Петрова;;12:05;13:30\n"
    "iPhone (2);;12:00;12:01\n"
)


def test_a_list_is_brought_in_matched_and_confirmed(browser: Browser, browser_app: Flask, live: str) -> None:
    parts: Tool = browser_app.extensions["ploshchadka"]
    with parts.database.transaction() as session:
        world = World(session)
        world.trainee(person=world.person("Иванова", email="ivanova@example.org"))
        for name in ("Сидорова", "Петрова", "Петров", "Жукова"):
            world.trainee(name)
        meeting_id = world.meeting(starts_at=NOW - timedelta(hours=3)).id
        intake_id = world.intake.id
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/meetings/{meeting_id}")
        page.get_by_role("link", name="Загрузить список участников").click()
        look_at(page, "list-1-upload")
        page.get_by_label("Из какого сервиса список").fill("Телемост")
        page.get_by_label("Файл CSV или XLSX").set_input_files(
            {"name": "участники.csv", "mimeType": "text/csv", "buffer": (CONFUSING + ROWS).encode("cp1251")}
        )
        page.get_by_role("button", name="Загрузить").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("Что в каком столбце")
        page.get_by_label("Адрес электронной почты").select_option(label="в списке нет")
        page.get_by_role("button", name="Дальше, к людям").click()
        expect(page.get_by_role("alert").first).to_contain_text("Не указано, в каком столбце люди.")
        for label, heading in (
            ("Имя целиком", "Кто"),
            ("Адрес электронной почты", "Почта"),
            ("Время входа", "Когда"),
            ("Время выхода", "Ушёл"),
        ):
            page.get_by_label(label).select_option(label=heading)
        look_at(page, "list-2-columns")
        page.get_by_role("button", name="Дальше, к людям").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("Кто есть кто в списке")
        expect(page.locator("main")).to_contain_text("Нет в этом списке: Жукова Анна")
        look_at(page, "list-3-people")
        page.get_by_role("button", name="Принять список").click()
        expect(page.get_by_role("alert").first).to_contain_text("Не решено, кто это: Петрова.")
        page.get_by_role("combobox", name="Петрова").select_option(label="Петрова Анна")
        page.get_by_role("button", name="Принять список").click()
        expect(page.get_by_role("alert").first).to_contain_text("Некоторые найдены только по имени.")
        expect(page.get_by_role("combobox", name="Петрова")).to_contain_text("Петрова Анна")
        page.get_by_label("Найденные только по имени проверены").check()
        look_at(page, "list-4-refused")
        page.get_by_role("button", name="Принять список").click()

        expect(page.get_by_role("status").first).to_contain_text("найдено людей – 3, не учтено – 1")
        for name, ticked in (("Иванова", True), ("Сидорова", False), ("Петрова", True), ("Жукова", False)):
            box = page.get_by_role("checkbox", name=f"{name} Анна")
            expect(box).to_be_checked(checked=ticked)
        expect(page.locator("main")).to_contain_text("1 ч из 1 ч 30 мин")
        page.get_by_role("button", name="Подтвердить: 2 из 5").click()
        page.get_by_role("link", name="Загрузить список участников").click()
        expect(page.locator("main")).to_contain_text("найдено: 3, не учтено: 1")
        look_at(page, "list-5-accepted")

        page.goto(f"{live}/meetings/{meeting_id}/sheet")
        look_at(page, "list-6-sheet")
        with page.expect_download() as sheet:
            page.get_by_role("button", name="Сохранить в PDF").or_(page.get_by_role("button", name="PDF")).first.click()
        assert sheet.value.suggested_filename == "Лист регистрации 24.11.2026.pdf"
        page.goto(f"{live}/intakes/{intake_id}/grid")
        page.get_by_role("link", name="Журнал посещаемости").click()
        look_at(page, "list-7-journal")
