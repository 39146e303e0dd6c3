"""How much a trainee's first page weighs on a cold cache, and whom it asks. ``pytest -s`` prints the figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, redirect
from playwright.sync_api import Browser, Page, expect

from lti_app.core.edge import SignedIn, sign_in
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.messages import send_message
from lti_app.people.accounts import remember_last_link
from tests.browser.conftest import a_page, served
from tests.browser.looking import look_at
from tests.browser.people import Town, come_in, found_town
from tests.lti_app.web.visits import tied_user
from tests.lti_app.world import NOW

MOST_BYTES = 100_000
MEETINGS = 24
LINK = 5


@pytest.fixture
def town(browser_app: Flask) -> Town:
    """An intake with a long schedule, a message of the leader, and a trainee who came by a link."""
    database = browser_app.extensions["ploshchadka"].database
    town = found_town(database)
    user_id = tied_user(browser_app, town.world.moodle.id, town.trainee.id)
    with database.transaction() as session:
        world = town.world
        world.session = session
        session.add_all([world.intake, *world.topics])
        for number in range(MEETINGS):
            world.meeting(topic=number % 3, hours=2, starts_at=NOW + timedelta(days=number, hours=1))
        remember_last_link(session, moodle_id=world.moodle.id, user_id=user_id, link=str(LINK), known=None)
        chosen = [trainee.id for trainee in world.intake.trainees if trainee.person_id == town.trainee.id]
        send_message(
            session,
            world.intake.id,
            text="Завтра начинаем в 10:00. " * 40,
            trainee_ids=chosen,
            form_key="k",
            actor=world.leader_actor,
            now=NOW,
        )
    return town


def weigh(page: Page, address: str) -> dict[str, int]:
    """Open a page on a cold cache; return the bytes that came over the wire, headers included, by path."""
    browser = page.context.new_cdp_session(page)
    paths: dict[str, str] = {}
    weights: dict[str, int] = {}

    def begun(event: dict[str, Any]) -> None:
        paths[event["requestId"]] = urlsplit(event["request"]["url"]).path

    def ended(event: dict[str, Any]) -> None:
        path = paths.get(event["requestId"], "?")
        weights[path] = weights.get(path, 0) + int(event["encodedDataLength"])

    browser.on("Network.requestWillBeSent", begun)
    browser.on("Network.loadingFinished", ended)
    browser.send("Network.enable")
    browser.send("Network.clearBrowserCache")
    page.goto(address)
    page.wait_for_load_state("networkidle")
    browser.detach()
    return weights


def test_a_trainees_first_page_is_light(browser: Browser, browser_app: Flask, live: str, town: Town) -> None:
    with a_page(browser, width=360) as page:
        come_in(page, browser_app, town, "trainee", live)
        weights = weigh(page, f"{live}/intakes/{town.intake_id}")

    for path, size in sorted(weights.items(), key=lambda pair: -pair[1]):
        print(f"| `{path}` | {size:,} |")
    print(f"| all | {sum(weights.values()):,} |")
    assert any(path.endswith("bootstrap.min.css") for path in weights)
    assert 20_000 < sum(weights.values()) < MOST_BYTES


def test_in_its_frame_it_asks_nobody_but_moodle_and_the_tool(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    other = Flask("other")

    @other.get("/course")
    def course() -> str:
        return f'<title>Moodle</title><link rel="icon" href="data:,"><iframe src="{live}/begin" height="900"></iframe>'

    @browser_app.get("/begin")
    @needs(Permission.PUBLIC)
    def begin():  # type: ignore[no-untyped-def]
        user_id = tied_user(browser_app, town.world.moodle.id, town.trainee.id)
        since = int(NOW.timestamp())
        sign_in(SignedIn(town.world.moodle.id, user_id, town.trainee.id, town.trainee.full_name, False, moodle, since))
        return redirect(f"/intakes/{town.intake_id}")

    asked: set[str] = set()
    with served(other, host="127.0.0.1") as moodle, a_page(browser, width=700) as page:
        page.on("request", lambda request: asked.add(request.url))
        page.goto(f"{moodle}/course")
        expect(page.frame_locator("iframe").get_by_role("heading", name="Мои часы")).to_be_visible()
        page.wait_for_load_state("networkidle")
        hosts = {urlsplit(moodle).netloc, urlsplit(live).netloc}

    assert any("bootstrap.min.css" in address for address in asked)
    assert {urlsplit(address).netloc for address in asked if not address.startswith("data:")} == hosts


def test_a_shortcut_can_be_put_onto_the_screen(browser: Browser, browser_app: Flask, live: str, town: Town) -> None:
    with a_page(browser) as page:
        come_in(page, browser_app, town, "trainee", live)
        page.goto(f"{live}/intakes/{town.intake_id}")
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Добавить на главный экран").click()
        shortcut = opened.value
        shortcut.wait_for_load_state()
        asked = shortcut.context.new_cdp_session(shortcut)
        manifest = asked.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert manifest["url"].endswith(".webmanifest")
        assert asked.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
            [],
            [{"errorId": "in-incognito", "errorArguments": []}],  # as every window of a test is
        )
        look_at(shortcut, "shortcut")
