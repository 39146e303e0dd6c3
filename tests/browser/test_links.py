"""Links in a real browser: their lines and their words stand where a reader expects them."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as
from tests.lti_app.world import World


@pytest.fixture
def world(browser_app: Flask) -> World:
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        return World(session)


def test_lines_under_links_leave_out_the_gap_beside_their_icons(
    browser: Browser, browser_app: Flask, live: str, world: World
) -> None:
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/programmes")
        page.get_by_label("Название").fill("Черновик")
        page.get_by_role("button", name="Создать").click()
        page.wait_for_url("**/edit")
        page.goto(page.url.replace("/edit", ""))
        link = page.get_by_role("link", name="Редактировать")
        assert link.evaluate("link => getComputedStyle(link).display") in {"flex", "inline-flex"}


def test_the_words_of_the_top_line_stand_on_one_line(
    browser: Browser, browser_app: Flask, live: str, world: World
) -> None:
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/programmes")
        bottoms = page.evaluate(
            """() => ["header > a", ".place-role", "header button"].map((selector) => {
              const place = document.querySelector(selector);
              const words = [...place.childNodes].filter((node) => node.nodeType === 3 && node.data.trim()).at(-1);
              const range = document.createRange();
              range.selectNodeContents(words);
              return [...range.getClientRects()].at(-1).bottom;
            })"""
        )
    assert max(bottoms) - min(bottoms) < 1, bottoms
