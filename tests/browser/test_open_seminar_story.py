"""An open seminar in a real browser: opened, signed up for, joined, confirmed, credited; and somebody who waits."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from playwright.sync_api import Browser, expect

from lti_app.programmes.models import Mode
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, look_at
from tests.conftest import MovableClock
from tests.lti_app.world import NOW, World

ROOM = "https://rooms.example.org"


def test_a_teacher_from_outside_signs_up_joins_and_gets_the_hours(
    browser: Browser, browser_app: Flask, live: str, clock: MovableClock
) -> None:
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        world = World(session, title="Функциональная грамотность: задания и оценивание")
        world.organisation.short_name = "Школа № 14"
        world.trainees(2)
        meeting = world.meeting(starts_at=NOW + timedelta(hours=4), minutes=90)
        town = World(session, "b", moodle=world.moodle, title="Цифровые сервисы на уроке")
        on_site = town.meeting(topic=1, starts_at=NOW + timedelta(days=3), mode=Mode.ON_SITE)
        on_site.is_open, on_site.guest_places = True, None
        anna, boris = (town.person(name) for name in ("Абрамова", "Борисова"))

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/meetings/{meeting.id}")
        page.get_by_role("link", name="Открыть для педагогов муниципалитета").click()
        page.get_by_label("Занятие открыто для всех педагогов муниципалитета").check()
        page.get_by_label("Места для гостей").fill("1")
        look_at(page, "seminar-opening")
        page.get_by_role("button", name="Сохранить").click()
        expect(page.get_by_text("открыто для всех педагогов")).to_be_visible()

    with a_page(browser) as page:
        come_in_as(page, browser_app, town, anna, live)
        page.goto(f"{live}/")
        page.get_by_role("link", name="Тема 1").click()
        expect(page.get_by_text("свободно 1 из 1 мест")).to_be_visible()
        page.get_by_role("button", name="Записаться").click()
        expect(page.get_by_role("status").first).to_contain_text("место за вами")
        assert ROOM not in page.content()
        page.get_by_role("link", name="Открытые семинары").first.click()
        look_at(page, "seminars")

    with a_page(browser) as page:
        come_in_as(page, browser_app, town, boris, live)
        page.goto(f"{live}/seminars/{meeting.id}")
        page.get_by_role("button", name="Встать в лист ожидания").click()
        expect(page.get_by_text("ваш номер в листе: 1")).to_be_visible()

    clock.move(hours=4, minutes=-10)
    with a_page(browser) as page:
        come_in_as(page, browser_app, town, anna, live)
        page.context.route(f"{ROOM}/**", lambda route: route.fulfill(body="room", content_type="text/plain"))
        page.goto(f"{live}/seminars/{meeting.id}")
        with page.context.expect_page() as opened:
            page.get_by_role("button", name="Войти на занятие").click()
        opened.value.wait_for_url(f"{ROOM}/**")
        opened.value.close()
        page.goto(f"{live}/seminars/{meeting.id}")
        expect(page.get_by_text("вы на занятии с")).to_be_visible()
        look_at(page, "seminar-joined")

    clock.move(minutes=100)
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/meetings/{meeting.id}")
        expect(page.get_by_label("Абрамова Анна")).to_be_checked()
        page.get_by_role("button", name="Подтвердить гостей: присутствовал 1 из 1").click()
        look_at(page, "seminar-leader-hours")
        page.get_by_role("button", name="Зачесть часы гостям: 1 из 1").click()
        expect(page.get_by_text("зачтено: 2 ак. ч")).to_be_visible()

    with a_page(browser) as page:
        come_in_as(page, browser_app, town, anna, live)
        page.goto(f"{live}/seminars/mine")
        expect(page.get_by_text("Зачтено на открытых семинарах: 2 ак. ч")).to_be_visible()
        look_at(page, "seminars-mine")
