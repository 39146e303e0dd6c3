"""A meeting on site by the code: the host's screen, a phone that follows it through Moodle, the leader's list."""

from __future__ import annotations

import io
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import zxingcpp
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.invitations import invite
from lti_app.lti.models import Moodle
from lti_app.programmes.models import Mode
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.browser.conftest import a_page, served
from tests.browser.looking import look_at
from tests.conftest import DATA_KEY
from tests.lti_app.world import World

TRAINEE, LEADER = "Анна Стажёрова", "Раиса Руководителева"


@dataclass
class Place:
    """A Moodle with a course that holds the tool's link, and a meeting of it that has just begun."""

    sandbox: Sandbox
    tool: str
    cmid: int
    meeting_id: int


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _control(sandbox: Sandbox, name: str, body: dict[str, object]) -> dict[str, int]:
    answer = requests.post(f"{sandbox.url}/_sandbox/{name}", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json()
    return found


@pytest.fixture
def place(sqlite_template: Path, tmp_path: Path) -> Iterator[Place]:
    path = tmp_path / "on-site.sqlite3"
    shutil.copy(sqlite_template, path)
    seed = {
        "users": [
            {"username": "anna", "firstname": "Анна", "lastname": "Стажёрова", "email": "anna@example.org"},
            {"username": "raisa", "firstname": "Раиса", "lastname": "Руководителева", "email": "raisa@example.org"},
        ],
        "courses": [{"shortname": "intake-a", "fullname": "Поток", "idnumber": "intake-a"}],
        "enrolments": [
            {"user": "anna", "course": "intake-a"},
            {"user": "raisa", "course": "intake-a", "role": "editingteacher"},
        ],
    }
    port = _free_port()
    address = f"http://localhost:{port}"
    # The real clock: the tokens of a Moodle live for a minute of it, and the code changes by it.
    app: Flask = create_app(
        Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url=address, database_url=f"sqlite:///{path}")
    )
    parts: Tool = app.extensions["ploshchadka"]
    with running_sandbox(seed) as sandbox, served(app, port=port), app.app_context():
        found = {user.username: user.id for user in sandbox.state.users.values()}
        with parts.database.transaction() as session:
            moodle = Moodle(
                name="city", url=sandbox.url, token_encrypted=parts.vault.seal("t"), created_at=parts.clock()
            )
            session.add(moodle)
            session.flush()
            course = next(one.id for one in sandbox.state.courses.values() if one.shortname == "intake-a")
            world = World(session, moodle=moodle, now=parts.clock(), course_id=course)
            world.trainee(person=world.person("Стажёрова", email="anna@example.org"))
            world.trainee("Опоздалова")
            world.account(world.leader, found["raisa"])
            meeting = world.meeting(starts_at=parts.clock() - timedelta(minutes=2), mode=Mode.ON_SITE)
            meeting_id = meeting.id
            secret = invite(session, moodle=moodle, actor=SYSTEM, now=parts.clock())
        begin = _control(sandbox, "invite", {"url": f"{address}/lti/register/{secret}"})
        assert requests.get(str(begin["url"]), timeout=10).status_code == 200
        _control(sandbox, "activate", {})
        added = _control(sandbox, "activities", {"course": "intake-a", "name": "Площадка"})
        yield Place(sandbox, address, added["cmid"], meeting_id)
    parts.jobs.drain()
    parts.database.dispose()


def read_code(page: Page) -> str:
    """Read the QR code off a picture of the screen, as a phone's camera does."""
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))
    text: str = found.text
    return text


def test_a_phone_follows_the_code_and_the_leader_finds_it_ticked(browser: Browser, place: Place) -> None:
    with a_page(browser, height=1000) as screen:
        # The leader's launch is the one that tells the tool where the course's link is: nobody sets anything up.
        screen.goto(f"{place.sandbox.url}/mod/lti/launch.php?id={place.cmid}")
        screen.get_by_role("button", name=LEADER).click()
        expect(screen.locator(".place-role")).to_contain_text("руководитель площадки")
        screen.goto(f"{place.tool}/meetings/{place.meeting_id}")
        screen.get_by_role("link", name="Код на экран").click()
        expect(screen.get_by_text("Пришли: 0 из 2").first).to_be_visible()
        look_at(screen, "on-site-1-screen")
        screen.set_viewport_size({"width": 1280, "height": 1000})
        address = read_code(screen)
        assert address.startswith(f"{place.tool}/here/")

        with a_page(browser, width=360, height=740) as phone:
            phone.goto(address)
            expect(phone).to_have_url(
                f"{place.sandbox.url}/login?wantsurl=%2Fmod%2Flti%2Flaunch.php%3Fid%3D{place.cmid}"
            )
            phone.get_by_role("button", name=TRAINEE).click()
            expect(phone.get_by_role("heading", level=1)).to_contain_text("Вы отмечены")
            expect(phone.locator("main")).to_contain_text("Тема 1, ")
            assert not [one for one in phone.context.cookies() if one["name"] == "ploshchadka_here"]
            look_at(phone, "on-site-2-marked")
            phone.get_by_role("link", name="К моему графику и часам").click()
            expect(phone.get_by_text("вы отмечены, ")).to_be_visible()
            look_at(phone, "on-site-3-trainee")

        expect(screen.get_by_text("Пришли: 1 из 2").first).to_be_visible(timeout=8000)  # by itself
        screen.get_by_text("Отметить пришедших").click()
        screen.get_by_role("checkbox", name="Опоздалова").check()
        screen.get_by_role("button", name="Отметить").click()
        expect(screen.get_by_text("Пришли: 2 из 2").first).to_be_visible()
        screen.get_by_text("Отметить пришедших").click()
        look_at(screen, "on-site-4-by-hand")
        screen.get_by_role("link", name="Занятие").click()
        expect(screen.get_by_role("checkbox", name="Стажёрова")).to_be_checked()
        look_at(screen, "on-site-5-list")
        screen.get_by_role("button", name="Подтвердить: 2 из 2").click()
        screen.get_by_role("checkbox", name="Опоздалова").uncheck()
        screen.get_by_role("button", name="Исправить: 1 из 2").click()
        expect(screen.get_by_role("alert").first).to_contain_text(
            "Опоздалова А.: изменится уже подтверждённая отметка."
        )
        look_at(screen, "on-site-6-reason")
        screen.get_by_label("Причина").fill("ушла через пять минут")
        screen.get_by_role("button", name="Исправить: 1 из 2").click()
        expect(screen.locator(".correction")).to_contain_text("ушла через пять минут")


def test_digits_are_typed_where_there_is_no_camera(browser: Browser, place: Place) -> None:
    with a_page(browser) as screen, a_page(browser, width=360, height=740) as phone:
        screen.goto(f"{place.sandbox.url}/mod/lti/launch.php?id={place.cmid}")
        screen.get_by_role("button", name=LEADER).click()
        expect(screen.locator(".place-role")).to_be_visible()
        screen.goto(f"{place.tool}/meetings/{place.meeting_id}/code")
        phone.goto(f"{place.sandbox.url}/mod/lti/launch.php?id={place.cmid}")
        phone.get_by_role("button", name=TRAINEE).click()
        phone.get_by_label("Цифры с экрана").fill("1111 1111")
        phone.get_by_role("button", name="Я на месте").click()
        expect(phone.get_by_role("alert").first).to_contain_text("Это не тот код")
        look_at(phone, "on-site-7-typed")
        phone.get_by_label("Цифры с экрана").fill(screen.locator(".arrival-digits").inner_text())
        phone.get_by_role("button", name="Я на месте").click()
        expect(phone.get_by_role("heading", level=1)).to_contain_text("Вы отмечены")
