"""The second story in a real browser: a leader's programme, the council's discussion and decision, the next version."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from lti_app.core.permissions import Role
from lti_app.people.models import Person
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, grant, look_at
from tests.lti_app.world import World


@dataclass(frozen=True)
class Council:
    world: World
    member: Person


@pytest.fixture
def council(browser_app: Flask) -> Council:
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        world = World(session)
        world.leader.last_name, world.leader.first_name, world.leader.middle_name = "Киселёва", "Раиса", "Павловна"
        world.organisation.short_name = "Школа № 14"
        member = world.person("Советова")
        member.first_name, member.middle_name = "Ирина", "Олеговна"
    grant(browser_app, world, member, Role.COUNCIL)
    return Council(world, member)


def fill_plan(page: Page) -> None:
    """Add two topics by the button, out of order, and put them in order by the keyboard."""
    for number, (title, hours) in enumerate(
        (("Практикум по заданиям PISA", "4,5"), ("Что такое грамотность", "4")), start=1
    ):
        page.get_by_role("button", name="Добавить тему").click()
        row = page.locator("[data-row]").nth(number - 1)
        expect(row.get_by_role("textbox", name="Тема", exact=True)).to_be_focused()
        page.keyboard.type(title)
        row.get_by_role("textbox", name="Всего часов").fill(hours)
    page.get_by_role("combobox", name="Форма").first.select_option("practicum")
    up = page.get_by_role("button", name="Поднять тему 2")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-row] input[id^=title]").first).to_have_value("Что такое грамотность")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Поднять тему 1"
    expect(page.locator("#announcements")).to_have_text("Тема теперь на месте 1 из 2")


def test_a_programme_is_written_discussed_and_approved(
    browser: Browser, browser_app: Flask, live: str, council: Council
) -> None:
    world = council.world
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/programmes")
        look_at(page, "programmes-mine")
        page.get_by_label("Название").fill("Функциональная грамотность: задания и оценивание")
        page.get_by_label("Всего часов (академических)").fill("9")
        page.get_by_role("button", name="Создать").click()
        fill_plan(page)
        expect(page.locator("[data-totals]")).to_have_text("По темам 8,5 из 9 ак. ч: не хватает 0,5")
        page.get_by_label("Всего часов (академических)").fill("8,5")
        expect(page.locator("[data-totals]")).to_have_text("По темам 8,5 из 8,5 ак. ч: всё сходится")
        page.get_by_label("Часов для зачёта").fill("8,5")
        page.locator("[data-row] [id^=hours_]").first.fill("четыре")
        page.get_by_role("button", name="Сохранить", exact=True).last.click()
        fault = page.locator("[data-row] [id^=hours_][aria-invalid]")
        expect(fault).to_have_value("четыре")
        expect(page.locator("#refusal")).to_contain_text("осталось на этой странице, но ещё не сохранено")
        look_at(page, "programme-edit-refused")
        fault.fill("4")
        for name, words in (
            ("Цель", "Освоить приёмы формирования читательской грамотности"),
            ("Задачи", "Изучить подходы\nРазработать задания"),
            ("Категория слушателей", "Учителя-предметники 5–9 классов"),
            ("Планируемые результаты", "Умеет составлять задания"),
            ("Формы контроля и продукты стажёров", "Набор заданий"),
            ("Условия реализации: кадры и оснащение", "Кабинет с проектором"),
        ):
            page.get_by_label(name, exact=True).fill(words)
        page.get_by_role("button", name="Сохранить и прочитать целиком").click()
        look_at(page, "programme-read")
        page.get_by_role("button", name="Вынести на методический совет").click()
        expect(page.get_by_text("ожидает решения совета").first).to_be_visible()
        version = page.url

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, council.member, live)
        page.goto(f"{live}/council")
        expect(page.get_by_role("link", name="Функциональная грамотность: задания и оценивание")).to_be_visible()
        page.get_by_label("Дата заседания").fill("2026-11-24")
        page.get_by_role("button", name="Назначить").click()
        page.get_by_role("button", name="Внести в повестку: «Функциональная").click()
        page.get_by_label("Номер протокола").fill("7")
        page.get_by_role("button", name="Сохранить", exact=True).last.click()
        look_at(page, "council-sitting")
        page.get_by_role("link", name="Функциональная грамотность: задания и оценивание").click()
        page.get_by_label("К чему").select_option("topic-2")
        page.get_by_role("textbox", name="Замечание").fill("Нужны критерии оценивания")
        page.get_by_role("button", name="Внести замечание").click()
        expect(page.get_by_text("ожидает ответа")).to_be_visible()
        look_at(page, "council-version")

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(version)
        page.get_by_role("textbox", name="Ответить").fill("Критерии приложены")
        page.get_by_role("button", name="Сохранить ответ").click()
        expect(page.get_by_text("Критерии приложены").first).to_be_visible()

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, council.member, live)
        page.goto(f"{live}/council")
        look_at(page, "council-desk")
        page.get_by_role("link", name="Заседание 24 ноября 2026 г.").click()
        page.get_by_role("radio", name="одобрена советом").check()
        page.get_by_role("button", name="Записать решение").click()
        expect(page.get_by_text("Решение записано")).to_be_visible()
        page.goto(version)
        expect(page.get_by_text("одобрена советом").first).to_be_visible()

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(version)
        page.get_by_role("button", name="Создать следующую версию").click()
        page.get_by_label("Цель", exact=True).fill("Освоить приёмы формирования математической грамотности")
        page.get_by_role("button", name="Опустить тему 1").click()
        page.get_by_role("button", name="Сохранить и прочитать целиком").click()
        page.get_by_role("link", name="Сравнить с версией 1").click()
        expect(page.locator("ins").first).to_contain_text("математической")
        look_at(page, "programme-compare")


def test_a_draft_saves_itself_and_stops_where_somebody_else_was_faster(
    browser: Browser, browser_app: Flask, live: str, council: Council
) -> None:
    world = council.world
    with a_page(browser) as page, a_page(browser) as other:
        for window in (page, other):
            come_in_as(window, browser_app, world, world.leader, live)
        page.clock.install()
        page.goto(f"{live}/programmes")
        page.get_by_label("Название").fill("Черновик")
        page.get_by_role("button", name="Создать").click()
        other.goto(page.url)
        page.get_by_label("Цель", exact=True).fill("Первая цель")
        page.clock.run_for(2_500)
        expect(page.locator("[data-status]")).to_contain_text("Сохранено в")

        other.get_by_label("Цель", exact=True).fill("Вторая цель")
        other.get_by_role("button", name="Сохранить", exact=True).last.click()
        expect(other.get_by_role("heading", name="Оба варианта")).to_be_visible()
        expect(other.get_by_label("Цель", exact=True)).to_have_value("Вторая цель")
        look_at(other, "programme-both-texts")
        other.get_by_role("button", name="Сохранить", exact=True).last.click()
        expect(other.get_by_text("Сохранено.")).to_be_visible()

        page.get_by_label("Цель", exact=True).fill("Третья цель")
        page.clock.run_for(2_500)
        expect(page.locator("[data-status]")).to_contain_text("Не сохранено")


def test_a_plan_is_pasted_looked_at_and_only_then_saved(
    browser: Browser, browser_app: Flask, live: str, council: Council
) -> None:
    world = council.world
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/programmes")
        page.get_by_label("Название").fill("Черновик")
        page.get_by_role("button", name="Создать").click()
        page.get_by_role("link", name="Загрузить план из таблицы").click()
        look_at(page, "plan-import")
        page.get_by_label("Или вставьте сюда таблицу").fill(
            "№\tТема\tВсего часов\tФорма проведения\n1\tВведение\t2\tлекция\n2\tПроба\tдва\tхоровод\nИтого\t\t4\t"
        )
        page.get_by_role("button", name="Просмотреть").click()
        expect(page.get_by_text("Формы «хоровод» нет в пункте 5.1")).to_be_visible()
        expect(page.get_by_text("Часы не распознаны: «два»")).to_be_visible()
        look_at(page, "plan-preview")
        page.locator("[data-row] [id^=hours_]").last.fill("22")
        page.get_by_role("button", name="Сохранить", exact=True).last.click()
        expect(page.get_by_text("Сохранено.")).to_be_visible()
        expect(page.locator("[data-row]")).to_have_count(2)
