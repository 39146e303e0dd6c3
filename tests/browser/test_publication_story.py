"""From an approved version to a place, through a Moodle: publication, the night, a request from inside a course."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, FrameLocator, Page, expect

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.permissions import SYSTEM
from lti_app.lti.invitations import invite
from lti_app.lti.models import Moodle
from lti_app.sync.models import RunStatus
from lti_app.sync.night import run_night
from moodle_sync.sandbox import Sandbox, actions, running_sandbox
from moodle_sync.sandbox.state import Course
from tests.browser.conftest import ARTEFACTS, served
from tests.browser.looking import DESK, PHONE, RULES
from tests.conftest import DATA_KEY
from tests.lti_app.world import World

TITLE = "Функциональная грамотность: задания и оценивание"
LEADER, ANNA, BORIS = "Раиса Киселёва", "Анна Абрамова", "Борис Белов"
PEOPLE = {"leader": LEADER, "anna": ANNA, "boris": BORIS}


@dataclass
class Town:
    """A Moodle with a course that every teacher is in, and the tool, whose site has an approved version."""

    sandbox: Sandbox
    app: Flask
    moodle_id: int
    link: str

    def night(self) -> None:
        """Run a night; fail where anything of it failed or was held."""
        with self.app.app_context():
            result = run_night(self.app.extensions["ploshchadka"], self.moodle_id)
        assert result.status is RunStatus.DONE, result.report

    def course(self) -> Course:
        """Return the course that a night made."""
        (made,) = (course for course in self.sandbox.state.courses.values() if course.fullname.startswith(TITLE))
        return made

    def enrolled(self) -> dict[str, bool]:
        """Return who is in that course, by user name, and whether actively."""
        state = self.sandbox.state
        return {
            state.users[user].username: not ways["manual"].suspended
            for user, ways in state.enrolments[self.course().id].items()
        }


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
def town(sqlite_template: Path, tmp_path: Path) -> Iterator[Town]:
    path = tmp_path / "publication.sqlite3"
    shutil.copy(sqlite_template, path)
    seed = {
        "users": [
            {
                "username": username,
                "firstname": name.split()[0],
                "lastname": name.split()[1],
                "email": f"{username}@example.org",
            }
            for username, name in PEOPLE.items()
        ],
        "courses": [
            {"shortname": "TEMPLATE", "fullname": "Шаблон стажировки"},
            {"shortname": "teachers", "fullname": "Методический кабинет"},
        ],
        "enrolments": [{"user": username, "course": "teachers"} for username in PEOPLE],
    }
    port = _free_port()
    address = f"http://localhost:{port}"
    # The real clock: the tokens of a Moodle live for a minute of it.
    app = create_app(
        Settings(secret_key="s" * 40, data_keys=(DATA_KEY,), public_url=address, database_url=f"sqlite:///{path}")
    )
    parts: Tool = app.extensions["ploshchadka"]
    with running_sandbox(seed) as sandbox, served(app, port=port):
        with app.app_context(), parts.database.transaction() as session:
            moodle = Moodle(
                name="Городской Moodle",
                url=sandbox.url,
                token_encrypted=parts.vault.seal(sandbox.token),
                template_course="TEMPLATE",
                created_at=parts.clock(),
                trusted_at=parts.clock(),
            )
            session.add(moodle)
            session.flush()
            world = World(session, moodle=moodle, now=parts.clock(), title=TITLE)
            session.delete(world.intake)
            world.organisation.short_name = "Школа № 14"
            world.leader.first_name, world.leader.last_name = LEADER.split()
            users = {user.username: number for number, user in sandbox.state.users.items()}
            world.account(world.leader, users["leader"])
            for username in ("anna", "boris"):
                person = world.person(PEOPLE[username].split()[1], email=f"{username}@example.org")
                person.first_name = PEOPLE[username].split()[0]
                world.account(person, users[username])
            secret = invite(session, moodle=moodle, actor=SYSTEM, now=parts.clock())
            moodle_id = moodle.id
        begin = _control(sandbox, "invite", {"url": f"{address}/lti/register/{secret}"})
        assert requests.get(str(begin["url"]), timeout=10).status_code == 200
        _control(sandbox, "activate", {})
        (template,) = (course for course in sandbox.state.courses.values() if course.shortname == "TEMPLATE")
        actions.add_tool_link(sandbox.state, template, next(iter(sandbox.state.tools)), "Площадка")
        cmid = _control(sandbox, "activities", {"course": "teachers", "name": "Площадка"})["cmid"]
        yield Town(sandbox, app, moodle_id, f"{sandbox.url}/mod/lti/view.php?id={cmid}")
    parts.jobs.drain()
    parts.database.dispose()


@contextmanager
def at_the_tool(browser: Browser, town: Town, name: str) -> Iterator[tuple[Page, FrameLocator]]:
    """Log in to Moodle as that person and open the tool's link; yield the page and the tool's frame in it."""
    context = browser.new_context(viewport={"width": DESK, "height": 1000}, locale="ru-RU")
    page = context.new_page()
    page.goto(f"{town.sandbox.url}/login")
    page.get_by_role("button", name=name).first.click()
    page.goto(town.link)
    yield page, page.frame_locator("#contentframe")
    context.close()


def look_in_frame(page: Page, name: str) -> None:
    """Take pictures of the tool in its frame; fail where axe finds something in it or it spills sideways."""
    ARTEFACTS.mkdir(exist_ok=True)
    for width in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 1000})
        page.screenshot(path=ARTEFACTS / f"{name}-{width}.png", full_page=True)
        (inside,) = page.main_frame.child_frames
        report = Axe().run(inside, options={"runOnly": RULES})
        assert not report.violations_count, f"{name} at {width}: {report.generate_report()}"
        assert inside.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} spills at {width}"


def test_from_an_approved_version_to_a_place_in_the_course(browser: Browser, town: Town) -> None:
    with at_the_tool(browser, town, LEADER) as (page, frame):
        frame.get_by_role("link", name="Главная").click()
        expect(frame.get_by_text("У вашей площадки пока нет потоков.")).to_be_visible()
        frame.get_by_role("link", name="К программам моих площадок").click()
        frame.get_by_role("link", name=TITLE).click()
        frame.get_by_role("link", name="Новый поток").click()
        frame.get_by_label("Места", exact=True).fill("1")
        frame.get_by_label("Примечание").fill("Возьмите с собой рабочую программу.")
        frame.get_by_role("button", name="Создать поток").click()
        expect(frame.get_by_role("status").first).to_contain_text("создан")
        look_in_frame(page, "publication-settings")
        frame.get_by_role("button", name="Опубликовать поток").click()
        expect(frame.get_by_text("опубликован", exact=True)).to_be_visible()

    town.night()
    assert town.enrolled() == {"leader": True}

    with at_the_tool(browser, town, ANNA) as (page, frame):
        look_in_frame(page, "publication-from-another-course")
        frame.get_by_role("link", name="Посмотреть, куда можно записаться").click()
        expect(frame.get_by_text("свободно 1 из 1 мест")).to_be_visible()
        look_in_frame(page, "publication-open-to-anna")
        frame.get_by_role("button", name="Подать заявку").click()
        expect(frame.get_by_role("status").first).to_contain_text("Место за вами")
        look_in_frame(page, "publication-place-of-anna")

    with at_the_tool(browser, town, BORIS) as (page, frame):
        frame.get_by_role("link", name="Посмотреть, куда можно записаться").click()
        frame.get_by_role("button", name="Встать в лист ожидания").click()
        expect(frame.get_by_text("ваш номер в листе: 1")).to_be_visible()
        look_in_frame(page, "publication-boris-waits")

    town.night()
    assert town.enrolled() == {"leader": True, "anna": True}

    with at_the_tool(browser, town, ANNA) as (page, frame):
        frame.get_by_role("link", name="К моим потокам").click()
        expect(frame.get_by_role("heading", name="Мои часы")).to_be_visible()
        frame.get_by_role("link", name="Запись на стажировку").click()
        frame.get_by_role("button", name="Отказаться от места").click()
        expect(frame.get_by_text("Вы отказались от места.")).to_be_visible()

    town.night()
    assert town.enrolled() == {"leader": True, "anna": False, "boris": True}

    with at_the_tool(browser, town, LEADER) as (page, frame):
        frame.get_by_role("link", name="К моим потокам").click()
        frame.get_by_role("link", name=TITLE).click()
        frame.get_by_role("link", name="Места", exact=True).click()
        expect(frame.locator("main")).to_contain_text("Белов Борис")
        look_in_frame(page, "publication-places-of-the-leader")
