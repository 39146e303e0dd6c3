"""A real launch in the frame of a Moodle on another site, with third-party cookies blocked."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.invitations import invite
from lti_app.lti.models import Moodle
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.browser.conftest import served
from tests.conftest import DATA_KEY, start_chromium
from tests.lti_app.world import World

TRAINEE = "Анна Стажёрова"


@dataclass
class Place:
    """A Moodle on 127.0.0.1 whose course holds the link of a tool on localhost: two sites."""

    sandbox: Sandbox
    cmid: int

    @property
    def link(self) -> str:
        return f"{self.sandbox.url}/mod/lti/view.php?id={self.cmid}"


@pytest.fixture(scope="module")
def strict_browser(playwright: Playwright) -> Iterator[Browser]:
    browser = start_chromium(playwright, "--test-third-party-cookie-phaseout")
    yield browser
    browser.close()


def _control(sandbox: Sandbox, name: str, body: dict[str, object]) -> dict[str, int]:
    answer = requests.post(f"{sandbox.url}/_sandbox/{name}", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json()
    return found


@pytest.fixture
def place(sqlite_template: Path, tmp_path: Path) -> Iterator[Place]:
    path = tmp_path / "launch.sqlite3"
    shutil.copy(sqlite_template, path)
    seed = {
        "users": [{"username": "anna", "firstname": "Анна", "lastname": "Стажёрова", "email": "anna@example.org"}],
        "courses": [{"shortname": "intake-a", "fullname": "Поток", "idnumber": "intake-a"}],
        "enrolments": [{"user": "anna", "course": "intake-a"}],
    }
    port = _free_port()
    address = f"http://localhost:{port}"
    # The real clock: the tokens of a Moodle live for a minute of it.
    app: Flask = create_app(
        Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url=address, database_url=f"sqlite:///{path}")
    )
    parts: Tool = app.extensions["ploshchadka"]
    with running_sandbox(seed) as sandbox, served(app, port=port), app.app_context():
        with parts.database.transaction() as session:
            moodle = Moodle(
                name="city", url=sandbox.url, token_encrypted=parts.vault.seal("t"), created_at=parts.clock()
            )
            session.add(moodle)
            session.flush()
            world = World(session, moodle=moodle, now=parts.clock())
            world.trainee(person=world.person("Стажёрова", email="anna@example.org"))
            secret = invite(session, moodle=moodle, actor=SYSTEM, now=parts.clock())
        begin = _control(sandbox, "invite", {"url": f"{address}/lti/register/{secret}"})
        assert requests.get(str(begin["url"]), timeout=10).status_code == 200
        _control(sandbox, "activate", {})
        added = _control(sandbox, "activities", {"course": "intake-a", "name": "Площадка"})
        yield Place(sandbox, added["cmid"])
    parts.jobs.drain()
    parts.database.dispose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _log_in(browser: Browser, place: Place) -> Page:
    page = browser.new_context(locale="ru-RU").new_page()
    page.goto(f"{place.sandbox.url}/login")
    page.get_by_role("button", name=TRAINEE).click()
    return page


def test_the_page_opens_in_the_frame_though_third_party_cookies_are_blocked(
    strict_browser: Browser, place: Place
) -> None:
    page = _log_in(strict_browser, place)
    page.goto(place.link)
    frame = page.frame_locator("#contentframe")
    expect(frame.get_by_role("heading", name="Мои часы")).to_be_visible()
    frame.get_by_role("link", name="English").or_(frame.get_by_role("button", name="English")).first.click()
    expect(frame.get_by_role("heading", name="My hours")).to_be_visible()  # the visit goes on: its cookie is sent
    page.context.close()


def _without_cookies(route: Route) -> None:
    """Do as a browser that keeps nothing of a framed site: lose the cookie that the answer sets."""
    if route.request.frame.parent_frame is None:
        route.continue_()
        return
    answer = route.fetch(max_redirects=0)
    kept = {name: value for name, value in answer.headers.items() if name.lower() != "set-cookie"}
    route.fulfill(status=answer.status, headers=kept, body=answer.body())


def test_where_no_cookie_comes_back_at_all_a_new_window_is_offered_and_works(
    strict_browser: Browser, place: Place
) -> None:
    page = _log_in(strict_browser, place)
    page.context.route("**/lti/login", _without_cookies)
    page.goto(place.link)
    frame = page.frame_locator("#contentframe")
    way = frame.get_by_role("link", name="Открыть в новом окне")
    expect(way).to_be_visible()
    with page.context.expect_page() as opened:
        way.click()
    expect(opened.value.get_by_role("heading", name="Мои часы")).to_be_visible()
    page.context.close()
