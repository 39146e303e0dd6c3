"""A distance seminar with three people in three browsers: from the open door to confirmed attendance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from lti_app.core.db import Database
from lti_app.meetings.models import Attendance, Presence
from tests.browser.conftest import a_page, served
from tests.browser.looking import come_in_as, look_at
from tests.conftest import MovableClock
from tests.lti_app.world import NOW, World


@pytest.fixture
def room() -> Iterator[str]:
    """A room of somebody else's: a page behind a link."""
    other = Flask("room")

    @other.get("/room")
    def room() -> str:
        return "<title>Room</title>Комната"

    with served(other, host="127.0.0.1") as address:
        yield f"{address}/room"


def enter_room(page: Page, button: str, room: str) -> None:
    with page.expect_popup() as opened:
        page.get_by_role("button", name=button).click()
    opened.value.wait_for_url(room)
    opened.value.close()


def test_a_seminar_from_the_open_door_to_confirmed_attendance(
    browser: Browser, browser_app: Flask, live: str, room: str, clock: MovableClock
) -> None:
    database: Database = browser_app.extensions["ploshchadka"].database
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainee("Аннина").person, world.trainee("Борисова").person
        meeting = world.meeting(starts_at=NOW, minutes=60)
        meeting.room_url = room
    card = f"{live}/intakes/{world.intake.id}"
    with ExitStack() as stack:
        leader, first, second = (stack.enter_context(a_page(browser)) for _ in range(3))
        for page, person in ((leader, world.leader), (first, anna), (second, boris)):
            come_in_as(page, browser_app, world, person, live)

        leader.goto(f"{live}/meetings/{meeting.id}")
        assert room not in leader.content()
        leader.get_by_role("link", name="Страница ведущего").click()
        expect(leader.get_by_text("В комнате: 0 из 2")).to_be_visible()
        enter_room(leader, "Войти как ведущий", room)

        for page in (first, second):
            page.goto(card)
            assert room not in page.content()
            enter_room(page, "Войти на занятие", room)
        expect(leader.get_by_text("В комнате: 2 из 2")).to_be_visible(timeout=9000)  # by itself

        clock.move(minutes=10)
        second.goto(card)
        second.get_by_role("button", name="Я ухожу").click()

        clock.move(minutes=30)
        leader.reload()
        leader.get_by_role("button", name="Начать проверку").click()
        code = leader.locator(".big-code").inner_text()
        look_at(leader, "host")
        first.goto(card)
        first.get_by_label("Код с экрана ведущего").fill("0")
        first.get_by_role("button", name="Я на занятии").click()
        expect(first.get_by_role("alert")).to_contain_text("Это не тот код")
        look_at(first, "check-refused")
        first.get_by_label("Код с экрана ведущего").fill(code)
        first.get_by_role("button", name="Я на занятии").click()
        expect(first.get_by_text("Отмечено: вы ответили на проверку.")).to_be_visible()

        clock.move(minutes=25)
        leader.goto(f"{live}/meetings/{meeting.id}")
        expect(leader.get_by_label("Аннина Анна")).to_be_checked()
        expect(leader.get_by_label("Борисова Анна")).not_to_be_checked()
        expect(leader.get_by_text("проверки: 1 из 1")).to_be_visible()
        leader.get_by_role("button", name="Подтвердить: 1 из 2 присутствовал").click()
        expect(leader.get_by_text("Посещаемость подтверждена")).to_be_visible()
    with database.session(writes=False) as session:
        words = [(one.trainee_id, one.presence) for one in session.query(Attendance).order_by(Attendance.trainee_id)]
    assert [presence for _trainee, presence in words] == [Presence.PRESENT, Presence.ABSENT]
    assert timedelta(minutes=65) == clock() - NOW
