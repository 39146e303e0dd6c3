"""The leader's grid in a real browser: filled by keyboard alone, on a phone, with a failing network, and printed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Attendance, Presence
from lti_app.meetings.onsite_models import AttendanceCorrection
from tests.browser.conftest import a_page
from tests.browser.looking import look_at
from tests.browser.people import Town, come_in, found_town


@pytest.fixture
def town(browser_app: Flask) -> Town:
    return found_town(browser_app.extensions["ploshchadka"].database)


@pytest.fixture
def page(browser: Browser, browser_app: Flask, live: str, town: Town) -> Iterator[Page]:
    with a_page(browser) as page:
        come_in(page, browser_app, town, "leader", live)
        page.goto(f"{live}/intakes/{town.intake_id}/grid")
        yield page


def column_of(page: Page, meeting_id: int) -> int:
    """Return the place of a meeting's column, from 0."""
    return int(page.locator(f"th[data-meeting='{meeting_id}']").evaluate("head => head.cellIndex"))


def cell(page: Page, name: str, meeting_id: int) -> Locator:
    row = page.locator("#journal tbody tr", has_text=name)
    return row.locator("xpath=*").nth(column_of(page, meeting_id))


def type_russian(page: Page, letter: str) -> None:
    """Press the key that gives a Russian letter: Playwright's own keyboard is an American one."""
    browser = page.context.new_cdp_session(page)
    for kind in ("keyDown", "keyUp"):
        browser.send(
            "Input.dispatchKeyEvent", {"type": kind, "key": letter, "text": letter if kind == "keyDown" else ""}
        )
    browser.detach()


def tab_into_grid(page: Page) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('#journal')"):
            return
    raise AssertionError("the grid is not reached by Tab")


def word_on(app: Flask, town: Town, meeting_id: int, last_name: str) -> Presence | None:
    with app.extensions["ploshchadka"].database.session(writes=False) as session:
        rows = session.execute(
            select(Attendance.presence, Trainee)
            .join(Trainee, Trainee.id == Attendance.trainee_id)
            .where(Attendance.meeting_id == meeting_id)
        )
        return next((presence for presence, trainee in rows if trainee.person.last_name == last_name), None)


def test_it_is_filled_and_corrected_by_keyboard_alone(page: Page, browser_app: Flask, town: Town) -> None:
    tab_into_grid(page)
    expect(cell(page, "Абрамова", town.joinable_id)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    ended = cell(page, "Абрамова", town.ended_id)
    expect(ended).to_be_focused()
    expect(ended).to_have_text("б?")
    page.keyboard.press("Space")  # what the join log suggests
    expect(ended).to_have_class("p")
    expect(page.locator("#announcements")).to_have_text("Абрамова О. В., 24.11: сохранено: присутствовал(а)")
    page.keyboard.press("ArrowDown")
    type_russian(page, "б")
    page.keyboard.press("End")
    page.keyboard.press("Control+Home")
    assert page.evaluate("document.activeElement.closest('th').cellIndex") == 0
    page.keyboard.press("PageDown")
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 8
    for _ in range(column_of(page, town.ended_id)):
        page.keyboard.press("ArrowRight")
    expect(cell(page, "Зайцев", town.ended_id)).to_be_focused()
    page.keyboard.press("y")  # the key of «н» where the layout was not changed
    expect(cell(page, "Зайцев", town.ended_id)).to_have_class("a")
    expect(cell(page, "Белоусова", town.ended_id)).to_have_class("p")

    for _ in range(column_of(page, town.ended_id) - column_of(page, town.confirmed_id)):
        page.keyboard.press("ArrowLeft")
    wrong = cell(page, "Зайцев", town.confirmed_id)
    expect(wrong).to_be_focused()
    type_russian(page, "н")
    dialog = page.get_by_role("dialog", name="Почему исправлена отметка?")
    expect(dialog.get_by_label("Причина")).to_be_focused()
    page.keyboard.press("Escape")
    expect(wrong).to_have_class("p")
    expect(wrong).to_be_focused()
    type_russian(page, "н")
    expect(dialog.get_by_label("Причина")).to_be_focused()
    page.keyboard.type("в журнале нет подписи")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(wrong).to_have_class("a")
    expect(wrong).to_be_focused()

    page.reload()
    for name, meeting_id, letter in (
        ("Абрамова", town.ended_id, "б"),
        ("Белоусова", town.ended_id, "б"),
        ("Зайцев", town.ended_id, "н"),
        ("Зайцев", town.confirmed_id, "н"),
    ):
        expect(cell(page, name, meeting_id)).to_have_text(letter)
    assert word_on(browser_app, town, town.confirmed_id, "Зайцев") is Presence.ABSENT
    with browser_app.extensions["ploshchadka"].database.session(writes=False) as session:
        correction = session.scalars(select(AttendanceCorrection)).one()
        assert correction.reason == "в журнале нет подписи"

    cell(page, "Абрамова", town.ended_id).focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/meetings/{town.ended_id}")


def test_what_was_not_saved_stays_marked_and_is_saved_once_more(page: Page, browser_app: Flask, town: Town) -> None:
    page.evaluate("() => { window.wired = fetch; window.fetch = () => Promise.reject(new TypeError('no network')); }")
    mark = cell(page, "Гурьев", town.ended_id)
    mark.focus()
    page.keyboard.press("b")
    expect(mark).to_have_class("p failed")
    expect(page.locator("#grid-trouble")).to_contain_text("Не сохранено: нет связи.")
    assert word_on(browser_app, town, town.ended_id, "Гурьев") is None

    page.evaluate("() => { window.fetch = window.wired; }")
    page.get_by_role("button", name="Сохранить ещё раз").click()
    expect(mark).to_have_class("p")
    expect(page.locator("#grid-trouble")).to_be_hidden()
    assert word_on(browser_app, town, town.ended_id, "Гурьев") is Presence.PRESENT


def test_who_was_quicker_is_named_and_their_mark_is_shown(
    page: Page, browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    with a_page(browser) as other:
        come_in(other, browser_app, town, "leader", live)
        other.goto(f"{live}/intakes/{town.intake_id}/grid")
        cell(other, "Жукова", town.ended_id).focus()
        other.keyboard.press("y")
        expect(cell(other, "Жукова", town.ended_id)).to_have_class("a")

    mark = cell(page, "Жукова", town.ended_id)
    mark.focus()
    page.keyboard.press("b")

    expect(page.locator("#grid-trouble")).to_contain_text(
        "Эту отметку тем временем изменил другой человек: Киселёва Р. П."
    )
    expect(mark).to_have_class("a")


def test_on_a_phone_one_meeting_stands_beside_the_names_and_fingers_mark(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    with a_page(browser, width=360) as page:
        come_in(page, browser_app, town, "leader", live)
        page.goto(f"{live}/intakes/{town.intake_id}/grid")
        assert page.locator("#journal tbody tr").first.locator("td:visible").count() == 2  # hours, and one meeting
        page.get_by_label("Занятие", exact=True).select_option(str(town.ended_id))
        page.get_by_role("button", name="Показать", exact=True).click()
        mark = cell(page, "Ермакова", town.ended_id)
        mark.click()
        expect(mark).to_have_class("sa one")
        page.get_by_role("button", name="Был(а)", exact=True).click()
        expect(mark).to_have_class("p one")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_it_is_accessible_fits_and_leads_to_a_message(page: Page, town: Town, live: str, browser_app: Flask) -> None:
    cell(page, "Абрамова", town.ended_id).focus()
    look_at(page, "grid")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#journal tbody tr", has_text="Абрамова").get_by_role("checkbox").check()
    page.locator("#journal tbody tr", has_text="Жукова").get_by_role("checkbox").check()
    page.get_by_role("button", name="Написать выбранным").click()
    expect(page.get_by_role("button", name="Отправить 2 стажёрам")).to_be_visible()
    page.get_by_label("Текст").fill("Завтра начинаем в 10:00.\nВозьмите рабочие программы.")
    page.get_by_role("button", name="Отправить 2 стажёрам").click()
    expect(page.get_by_text("Сообщение отправляется 2 стажёрам.")).to_be_visible()
    look_at(page, "messages")

    come_in(page, browser_app, town, "trainee", live)
    page.goto(f"{live}/intakes/{town.intake_id}")
    expect(page.get_by_role("heading", name="Сообщения руководителя")).to_be_visible()
    expect(page.get_by_text("Возьмите рабочие программы.")).to_be_visible()
    look_at(page, "trainee-with-message")
