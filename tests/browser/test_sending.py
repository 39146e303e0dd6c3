"""Forms in a real browser: a button pressed twice sends them once, and Back makes them ready again."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, Download, Page, Route, expect

from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as
from tests.lti_app.world import World


@pytest.fixture
def world(browser_app: Flask) -> World:
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        return World(session)


def fill(page: Page, live: str) -> None:
    page.goto(f"{live}/programmes")
    page.get_by_label("Название").fill("Черновик")
    page.get_by_label("Всего часов (академических)").fill("9")


def test_a_button_pressed_twice_sends_a_form_once(
    browser: Browser, browser_app: Flask, live: str, world: World
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        fill(page, live)
        page.route("**/programmes", hold)
        page.get_by_role("button", name="Создать").focus()
        with page.expect_request(lambda request: request.method == "POST"):
            page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        assert len(held) == 1
        held[0].continue_()
        expect(page.get_by_label("Цель", exact=True)).to_be_visible()


def test_a_sent_form_can_be_sent_anew_after_back(browser: Browser, browser_app: Flask, live: str, world: World) -> None:
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        fill(page, live)
        page.get_by_role("button", name="Создать").click()
        expect(page.get_by_label("Цель", exact=True)).to_be_visible()
        page.go_back()
        fill_again = page.get_by_role("button", name="Создать")
        expect(fill_again).not_to_have_attribute("aria-disabled", "true")
        page.get_by_label("Название").fill("Черновик")
        page.get_by_label("Всего часов (академических)").fill("9")
        fill_again.click()
        expect(page.get_by_label("Цель", exact=True)).to_be_visible()


def test_a_paper_can_be_saved_in_one_kind_and_then_another(
    browser: Browser, browser_app: Flask, live: str, world: World
) -> None:
    files: list[Download] = []
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        fill(page, live)
        page.get_by_role("button", name="Создать").click()
        page.wait_for_url("**/edit")
        page.goto(page.url.replace("/edit", "/paper"))
        for _ in range(2):
            with page.expect_download() as download:
                page.get_by_role("button", name="Сохранить для Word").click()
            files.append(download.value)
    assert len(files) == 2
