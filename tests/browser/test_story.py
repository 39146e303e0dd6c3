"""The whole story through the demonstration: night, launch, seminar, attendance, credit, hours in the gradebook."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, expect
from sqlalchemy import func, select

from config.settings import load_settings
from lti_app.core.db import Database
from lti_app.demo import story
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Meeting
from lti_app.notices.links import address_of
from lti_app.notices.models import Notice
from lti_app.notices.service import tell
from lti_app.people.models import Person
from tests.browser.conftest import ARTEFACTS
from tests.browser.looking import look_at

ROOT = Path(__file__).resolve().parents[2]
COURSE = re.compile("Современный урок")
TRAINEE_IN_TABLE = "Орлова Марина Сергеевна"


@dataclass
class Demo:
    """A demonstration that runs: its addresses and its process."""

    moodle: str
    tool: str
    process: subprocess.Popen[str]
    folder: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    sandbox_port, tool_port = _free_port(), _free_port()
    folder = tmp_path_factory.mktemp("demo")
    environ = {
        **os.environ,
        "SANDBOX_PORT": str(sandbox_port),
        "TOOL_PORT": str(tool_port),
        "DEMO_FOLDER": str(folder),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "lti_app.demo"],
        cwd=ROOT,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines: list[str] = []
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    for line in process.stdout:
        lines.append(line)
        if line.strip() == "ready":
            break
    watchdog.cancel()
    assert lines, "the demonstration said nothing"
    assert lines[-1].strip() == "ready", "".join(lines)
    yield Demo(f"http://localhost:{sandbox_port}", f"http://localhost:{tool_port}", process, folder)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    for port in (sandbox_port, tool_port):
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/", timeout=2)


class Visitor:
    """Somebody with a browser of their own, logged in to Moodle."""

    def __init__(self, browser: Browser, demo: Demo, name: str) -> None:
        self.demo = demo
        self.context = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="ru-RU")
        self.page: Page = self.context.new_page()
        self.page.goto(f"{demo.moodle}/login")
        self.page.get_by_role("button", name=name).first.click()

    def open_course(self) -> None:
        self.page.goto(f"{self.demo.moodle}/my/")
        self.page.get_by_role("link", name=COURSE).first.click()

    def open_tool(self) -> FrameLocator:
        self.open_course()
        self.page.get_by_role("link", name="Площадка: занятия и часы").first.click()
        frame = self.page.frame_locator("#contentframe")
        expect(frame.locator("main")).to_be_visible()
        return frame

    def shot(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"story-{name}.png")

    def leave(self) -> None:
        self.context.close()


def test_from_the_night_to_hours_in_the_gradebook(browser: Browser, demo: Demo) -> None:
    trainee = Visitor(browser, demo, story.TRAINEE_NAME)
    frame = trainee.open_tool()
    expect(frame.locator("main")).to_contain_text("14 из 16")
    trainee.shot("1-trainee")
    with trainee.context.expect_page() as room:
        frame.get_by_role("button", name="Войти").first.click()
    expect(room.value.get_by_role("heading")).to_have_text("Комната семинара")
    room.value.close()

    leader = Visitor(browser, demo, story.LEADER_NAME)
    frame = leader.open_tool()
    expect(frame.get_by_role("heading", name="Сегодня вас ждут")).to_be_visible()
    expect(frame.locator("main")).to_contain_text("1 занятие ожидает отметок о посещаемости, 3 стажёра ожидают зачёта")
    frame.get_by_role("link", name="Представление и взаимная оценка технологических карт").first.click()
    row = (
        frame.get_by_role("row", name=TRAINEE_IN_TABLE)
        .or_(frame.locator("tr, li, .card", has_text=TRAINEE_IN_TABLE))
        .first
    )
    row.get_by_role("checkbox").or_(row.get_by_role("radio")).first.check()
    leader.shot("2-attendance")
    frame.get_by_role("button", name=re.compile("Подтвердить")).click()
    expect(frame.get_by_role("status").first).to_be_visible()

    administrator = Visitor(browser, demo, "Администратор Системы")
    frame = administrator.open_tool()
    frame.get_by_role("button", name="Запустить обмен сейчас").click()
    expect(frame.get_by_role("status").first).to_be_visible()
    for _ in range(40):
        frame = administrator.open_tool()
        if frame.locator("tbody tr").count() >= 2 and frame.get_by_text("идёт").count() == 0:
            break
        administrator.page.wait_for_timeout(500)
    administrator.shot("3-night")

    frame = leader.open_tool()
    proposal = frame.locator("tr, li, label", has_text=TRAINEE_IN_TABLE).get_by_role("checkbox").first
    proposal.check()
    leader.shot("4-credit")
    frame.get_by_role("button", name=re.compile("Зачесть")).click()
    expect(frame.get_by_role("status").first).to_be_visible()

    for _ in range(40):
        leader.open_course()
        leader.page.get_by_role("link", name="Оценки").click()
        grades = leader.page.locator("tr", has_text="Орлова")
        if "16" in grades.inner_text():
            break
        leader.page.wait_for_timeout(500)
    expect(grades).to_contain_text("16 из 16")
    expect(grades).to_contain_text("Зачтено 16 из 16 ак. ч")
    leader.shot("5-gradebook")

    trainee.open_course()
    expect(trainee.page.locator(".card", has_text="Площадка: занятия и часы")).to_contain_text("выполнено")
    frame = trainee.open_tool()
    expect(frame.locator("main")).to_contain_text("16 из 16")
    trainee.shot("6-credited")
    for visitor in (trainee, leader, administrator):
        visitor.leave()


def test_a_leader_places_a_meeting_into_the_course_and_a_trainee_comes_to_it(browser: Browser, demo: Demo) -> None:
    leader = Visitor(browser, demo, story.LEADER_NAME)
    leader.open_course()
    course_id = leader.page.url.partition("id=")[2].partition("&")[0]
    leader.page.goto(f"{demo.moodle}/mod/lti/contentitem.php?id=1&course={course_id}")
    expect(leader.page.get_by_role("heading", name="Выберите, что откроет ссылка")).to_be_visible()
    look_at(leader.page, "story-7-choice")
    leader.page.get_by_role("searchbox").fill("такого нет")
    leader.page.get_by_role("button", name="Найти").click()
    expect(leader.page.locator("main")).to_contain_text("Среди ваших потоков такого нет.")
    leader.page.get_by_role("searchbox").fill("современный")
    leader.page.get_by_role("button", name="Найти").click()
    meeting = leader.page.locator("button.choice[value^=meeting]").first
    topic = meeting.evaluate("button => button.firstChild.textContent")
    meeting.click()
    expect(leader.page.locator("main")).to_contain_text("Она открывает это занятие.")
    leader.page.get_by_role("button", name="Добавить").click()
    added = leader.page.locator("ul a").first
    expect(added).to_have_text(topic)
    address = added.get_attribute("href")

    trainee = Visitor(browser, demo, story.TRAINEE_NAME)
    trainee.page.goto(f"{demo.moodle}{address}")
    frame = trainee.page.frame_locator("#contentframe")
    line = frame.locator(".row-card:target")
    expect(line).to_contain_text(topic)
    expect(line).to_be_in_viewport()
    trainee.shot("8-meeting")
    for visitor in (trainee, leader):
        visitor.leave()


def notice_of_a_meeting(demo: Demo) -> tuple[str, str]:
    """Tell the trainee of the meeting of today; return its topic and the link of the notice."""
    settings = load_settings({"APP_CONFIG": str(demo.folder / "config.toml")})
    database = Database(settings.database_url)
    with database.transaction() as session:
        trainee = session.scalars(
            select(Trainee).join(Trainee.person).where(Person.last_name == story.TRAINEE_NAME.split()[-1])
        ).one()
        person = trainee.person
        meeting = session.scalars(
            select(Meeting).where(Meeting.intake_id == trainee.intake_id).order_by(Meeting.starts_at.desc())
        ).first()
        assert meeting is not None
        path, now = f"/meetings/{meeting.id}", datetime.now(UTC)
        tell(session, [person.id], occasion="x", about=meeting, path=path, facts={}, now=now)
        notice_id = session.scalar(select(func.max(Notice.id)))
        assert notice_id is not None
        topic = meeting.topic.title
    database.dispose()
    return topic, address_of(settings, notice_id)


def test_the_link_of_a_notice_leads_through_moodle_to_its_page(browser: Browser, demo: Demo) -> None:
    topic, link = notice_of_a_meeting(demo)
    context = browser.new_context(viewport={"width": 360, "height": 720}, locale="ru-RU")
    page = context.new_page()
    page.goto(link)
    expect(page.locator("main")).to_contain_text("страница занятия")
    expect(page.locator("main")).not_to_contain_text(topic)
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=ARTEFACTS / f"story-9-notice-{width}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Перейти в Moodle").click()
    page.get_by_role("button", name=story.TRAINEE_NAME).first.click()
    line = page.frame_locator("#contentframe").locator(".row-card:target")
    expect(line).to_contain_text(topic)
    page.screenshot(path=ARTEFACTS / "story-10-came.png")
    context.close()
