"""The tool in a frame of another site, with third-party cookies blocked: the room opens in a new tab all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask, redirect
from playwright.sync_api import Browser

from lti_app.core.db import Database
from lti_app.core.edge import SignedIn, sign_in
from lti_app.core.permissions import Permission, needs
from lti_app.meetings.models import JoinLog, Meeting
from tests.browser.conftest import a_page, served
from tests.browser.people import Town, found_town
from tests.lti_app.web.visits import tied_user
from tests.lti_app.world import NOW


@pytest.fixture
def moodle(browser_app: Flask, live: str) -> Iterator[str]:
    """A page of another site (127.0.0.1, not localhost) that holds the tool in a frame, and a room."""
    other = Flask("other")

    @other.get("/course")
    def course() -> str:
        return f'<title>Moodle</title><iframe src="{live}/begin" width="700" height="900"></iframe>'

    @other.get("/room")
    def room() -> str:
        return "<title>Room</title>Комната"

    with served(other, host="127.0.0.1") as address:
        yield address


@pytest.fixture
def town(browser_app: Flask, moodle: str) -> Town:
    """A town whose visits begin at /begin, as after a launch; its rooms are on the other site."""
    database: Database = browser_app.extensions["ploshchadka"].database
    town = found_town(database)
    with database.transaction() as session:
        session.get_one(Meeting, town.joinable_id).room_url = f"{moodle}/room"

    @browser_app.get("/begin")
    @needs(Permission.PUBLIC)
    def begin():  # type: ignore[no-untyped-def]
        user_id = tied_user(browser_app, town.world.moodle.id, town.trainee.id)
        who = SignedIn(town.world.moodle.id, user_id, town.trainee.id, town.trainee.full_name, False, moodle, 0)
        sign_in(replace(who, since=int(NOW.timestamp())))
        return redirect(f"/intakes/{town.intake_id}")

    return town


def test_a_trainee_joins_from_the_frame(browser: Browser, browser_app: Flask, moodle: str, town: Town) -> None:
    with a_page(browser) as page:
        page.goto(f"{moodle}/course")
        frame = page.frame_locator("iframe")
        assert frame.get_by_role("heading", name="Занятие идёт").is_visible()

        with page.expect_popup() as opened:
            frame.get_by_role("button", name="Войти на занятие").click()
        room = opened.value
        room.wait_for_url(f"{moodle}/room")

        assert room.title() == "Room"
        assert room.evaluate("window.opener") is None
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        assert session.query(JoinLog).filter_by(meeting_id=town.joinable_id, joined_at=NOW).count() == 1


def test_who_signs_out_in_the_frame_stays_in_it_and_is_out(
    browser: Browser, browser_app: Flask, moodle: str, town: Town
) -> None:
    with a_page(browser) as page:
        page.goto(f"{moodle}/course")
        frame = page.frame_locator("iframe")
        frame.get_by_role("button", name="Выйти", exact=True).click()

        frame.get_by_role("heading", name="Вы вышли").wait_for()
        assert frame.get_by_role("link", name="Перейти в Moodle").get_attribute("target") == "_top"
        assert page.title() == "Moodle"


def test_another_site_may_not_frame_the_pages(browser: Browser, browser_app: Flask, live: str, town: Town) -> None:
    stranger = Flask("stranger")

    @stranger.get("/")
    def page_of_a_stranger() -> str:
        return f'<iframe src="{live}/begin" width="700" height="900"></iframe>'

    with served(stranger, host="127.0.0.1") as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.frames[1].wait_for_url("chrome-error://**")  # what Chromium shows in place of a frame that refuses

        assert page.frames[1].get_by_text(town.trainee.last_name).count() == 0
        context.close()
