"""A leader's schedule in a real browser: drafted from the plan, a row changed, saved, and a meeting moved."""

from __future__ import annotations

import re

from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from lti_app.meetings.models import Meeting
from lti_app.notices.models import Notice
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, look_at
from tests.lti_app.world import World


def test_a_schedule_is_drafted_changed_saved_and_a_meeting_moved(
    browser: Browser, browser_app: Flask, live: str
) -> None:
    database = browser_app.extensions["ploshchadka"].database
    with database.transaction() as session:
        world = World(session, topics=(4, 3))
        world.trainees(2)
        world.leader.middle_name = "Павловна"
        colleague = world.person("Помощникова")
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/intakes/{world.intake.id}")
        page.get_by_role("link", name="Составить график по плану").click()
        page.get_by_label("Первый день").fill("2026-12-01")
        for day in ("вторник", "четверг"):
            page.get_by_label(day).set_checked(True)
        page.get_by_label("Место очных занятий").fill("каб. 12")
        page.get_by_label("Ссылка на комнату").fill("https://rooms.example.org/a")
        page.get_by_label("Где: Тема 2").select_option("очно")
        look_at(page, "schedule-pattern")
        page.get_by_role("button", name="Разложить темы по дням").click()
        expect(page.get_by_text("Составлено 4 занятия.")).to_be_focused()
        expect(page.get_by_role("group", name=re.compile(r"^Занятие \d"))).to_have_count(4)

        last = page.get_by_role("group", name="Занятие 4")
        last.get_by_label("День").fill("2026-12-03")
        last.get_by_text("Ведущий и места").click()
        last.get_by_label("Кто проводит").fill("Помощникова Анна")
        page.get_by_role("button", name="Проверить").last.click()
        expect(page.get_by_text("В это время у потока другое занятие:").first).to_be_visible()
        look_at(page, "schedule-rows")
        page.get_by_role("group", name="Занятие 3").get_by_label("Минут").fill("5")
        page.get_by_role("button", name="Сохранить график").click()
        expect(page.locator("#refusal")).to_be_focused()
        expect(page.get_by_text("Занятие длится от 23 до 720 минут.")).to_be_visible()
        page.get_by_role("group", name="Занятие 3").get_by_label("Минут").fill("45")
        page.get_by_role("button", name="Сохранить график").click()
        expect(page.get_by_text("В график внесено 4 занятия.")).to_be_visible()
        expect(page.get_by_text("проводит Помощникова Анна")).to_be_visible()
        look_at(page, "schedule")

        page.get_by_role("link", name=re.compile(r"^Перенести\s*: Тема 1")).first.click()
        page.get_by_label("День").fill("2026-12-02")
        page.get_by_label("Начало").fill("16:30")
        page.get_by_role("button", name="Проверить совпадения").click()
        expect(page.get_by_text("Совпадений нет.")).to_be_focused()
        look_at(page, "schedule-move")
        page.get_by_role("button", name="Перенести").click()
        expect(page.get_by_text("Занятие перенесено. Уведомления отправлены: 2 человека.")).to_be_visible()
        page.goto(f"{live}/intakes/{world.intake.id}/schedule/new")
        look_at(page, "schedule-new")
    with database.transaction() as session:
        meetings = session.scalars(select(Meeting).order_by(Meeting.starts_at)).all()
        assert [f"{one.starts_at:%d %H:%M}" for one in meetings] == ["02 09:30", "03 08:00", "03 08:00", "08 08:00"]
        assert colleague.id in {one.host_id for one in meetings}
        assert {notice.occasion for notice in session.scalars(select(Notice))} == {"meeting_moved"}
