"""Take the pictures of the pages anew, with a demonstration that runs: `python -m tests.docs.take_pictures MOODLE`.

MOODLE is the address of the demonstration's pocket Moodle, as `make demo` prints it. Start it afresh: the pictures show
the first night.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, sync_playwright

from lti_app.core.edge import Tool
from lti_app.core.migrate import upgrade
from lti_app.core.permissions import SYSTEM
from lti_app.demo import story
from lti_app.lti.invitations import invite
from lti_app.lti.moodles import save_moodle
from lti_app.lti.registrations import moodle_named
from moodle_sync.sandbox import running_sandbox
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.docs.pages import ROOT
from tests.lti_app.lti.live import serving

PICTURES = ROOT / "docs/pictures"
ADMINISTRATOR = "Администратор Системы"
LINK = "Площадка: занятия и часы"
CENTRE_COURSE = "Стажировочные площадки"


def window(browser: Browser, width: int, height: int) -> Page:
    return browser.new_context(viewport={"width": width, "height": height}, locale="ru-RU").new_page()


def sign_in(page: Page, moodle: str, name: str) -> None:
    page.goto(f"{moodle}/login")
    page.get_by_role("button", name=name).first.click()


def open_tool(page: Page, moodle: str, name: str, course: str = "Современный урок") -> FrameLocator:
    sign_in(page, moodle, name)
    page.goto(f"{moodle}/my/")
    page.get_by_role("link", name=course).first.click()
    page.get_by_role("link", name=LINK).first.click()
    frame = page.frame_locator("#contentframe")
    frame.locator("main").wait_for()
    page.wait_for_load_state("networkidle")
    return frame


def of_the_demonstration(browser: Browser, moodle: str) -> None:
    page = window(browser, 1100, 800)
    open_tool(page, moodle, story.TRAINEE_NAME)
    page.screenshot(path=PICTURES / "story.png")
    page = window(browser, 1000, 700)
    open_tool(page, moodle, ADMINISTRATOR)
    page.screenshot(path=PICTURES / "sync.png")
    page = window(browser, 1000, 700)
    frame = open_tool(page, moodle, story.LEADER_NAME)
    page.screenshot(path=PICTURES / "today.png")
    frame.get_by_role("link", name="В других ваших потоках").click()
    frame.get_by_role("link", name="Формирующее оценивание").first.click()
    frame.get_by_role("heading", name="Кто присутствовал").wait_for()
    page.screenshot(path=PICTURES / "attendance.png")
    page = window(browser, 1000, 800)
    open_tool(page, moodle, story.SPECIALIST_NAME, CENTRE_COURSE)
    page.screenshot(path=PICTURES / "centre.png")
    page = window(browser, 1000, 800)
    frame = open_tool(page, moodle, story.SECRETARY_NAME, CENTRE_COURSE)
    frame.get_by_role("link", name="Заседание").first.click()
    frame.get_by_role("link", name="Смешанное обучение").first.click()
    frame.get_by_role("heading", name="Учебно-тематический план").wait_for()
    frame.get_by_role("heading", name="Обсуждение").scroll_into_view_if_needed()
    page.screenshot(path=PICTURES / "council.png")


def of_registering(browser: Browser) -> None:
    """Register a tool of this script's own with a Moodle of its own, and stop before it is activated."""
    people = [
        {
            "username": "admin",
            "firstname": "Администратор",
            "lastname": "Системы",
            "email": "admin@example.org",
            "admin": True,
        }
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(f"sqlite:///{Path(folder) / 'tool.sqlite3'}") as live,
        running_sandbox({"site": {"sitename": "Moodle муниципалитета"}, "users": people}) as sandbox,
    ):
        tool: Tool = live.app.extensions["ploshchadka"]
        upgrade(tool.database)
        now = tool.clock()
        with tool.database.transaction() as session:
            save_moodle(session, tool.vault, name="town", url=sandbox.url, token=sandbox.token, actor=SYSTEM, now=now)
            secret = invite(session, moodle=moodle_named(session, "town"), actor=SYSTEM, now=now)
        page = window(browser, 1000, 420)
        sign_in(page, sandbox.url, ADMINISTRATOR)
        page.goto(f"{sandbox.url}/admin/registertool")
        page.get_by_label("Адрес регистрации").fill(f"{live.url}/lti/register/{secret}")
        page.get_by_role("button", name="Добавить LTI Advantage").click()
        page.get_by_role("button", name="Активировать").wait_for()
        page.screenshot(path=PICTURES / "register.png")


def main() -> None:
    moodle = sys.argv[1].rstrip("/")
    PICTURES.mkdir(exist_ok=True)
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        of_registering(browser)
        of_the_demonstration(browser, moodle)
        browser.close()


if __name__ == "__main__":
    main()
