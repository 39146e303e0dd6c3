"""The sandbox in a real browser: register a tool that stands on another site, activate it, add its link, launch it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect

from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.conftest import start_chromium

from .minitool import MiniTool, running_tool

SEED = {
    "users": [
        {"username": "leader", "firstname": "Вера", "lastname": "Сидорова", "email": "leader@example.org"},
        {"username": "trainee", "firstname": "Анна", "lastname": "Иванова", "email": "trainee@example.org"},
    ],
    "courses": [
        {
            "shortname": "P1",
            "fullname": "Современный урок",
            "activities": [{"kind": "assign", "name": "Разработка урока", "completion": "manual"}],
        }
    ],
    "enrolments": [
        {"user": "leader", "course": "P1", "role": "editingteacher"},
        {"user": "trainee", "course": "P1"},
    ],
}


@pytest.fixture
def moodle() -> Iterator[Sandbox]:
    with running_sandbox(SEED) as sandbox:
        yield sandbox


@pytest.fixture
def tool() -> Iterator[MiniTool]:
    with running_tool("localhost") as tool:
        yield tool


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = start_chromium(playwright, "--test-third-party-cookie-phaseout")
    yield browser
    browser.close()


def enter(chromium: Browser, moodle: Sandbox, name: str) -> Page:
    page = chromium.new_context(locale="ru-RU").new_page()
    page.goto(f"{moodle.url}/")
    page.get_by_role("button", name=name).click()
    return page


def test_a_tool_on_another_site_is_registered_added_and_launched(
    chromium: Browser, moodle: Sandbox, tool: MiniTool
) -> None:
    admin = enter(chromium, moodle, "Админ Системы")
    admin.get_by_role("link", name="Внешние инструменты").click()
    admin.get_by_label("Адрес регистрации").fill(f"{tool.url}/register")
    admin.get_by_role("button", name="Добавить LTI Advantage").click()
    admin.get_by_role("button", name="Активировать").click()
    expect(admin.get_by_text("работает")).to_be_visible()

    leader = enter(chromium, moodle, "Вера Сидорова")
    leader.get_by_role("link", name="Современный урок").click()
    leader.get_by_role("link", name="Добавить инструмент").click()
    leader.get_by_role("button", name="Сохранить").click()
    frame = leader.frame_locator("#contentframe")
    expect(frame.get_by_role("heading", name="Здравствуйте, Вера Сидорова")).to_be_visible()
    leader.get_by_role("link", name="Добавить инструмент").click()
    leader.get_by_role("link", name="Выбрать содержимое").click()
    leader.frame_locator("#contentframe").get_by_role("button", name="Выбрать").click()
    leader.frame_locator("#contentframe").get_by_role("link", name="Выбранный поток").click()
    expect(leader.get_by_role("heading", name="Выбранный поток")).to_be_visible()

    trainee = enter(chromium, moodle, "Анна Иванова")
    trainee.get_by_role("link", name="Современный урок").click()
    trainee.get_by_role("button", name="Отметить как выполненное").click()
    expect(trainee.get_by_role("button", name="✓ выполнено")).to_be_visible()
    trainee.get_by_role("link", name="Площадка").click()
    frame = trainee.frame_locator("#contentframe")
    expect(frame.get_by_role("heading", name="Здравствуйте, Анна Иванова")).to_be_visible()


PAGES = (
    "/my/",
    "/course/view.php?id=2",
    "/mod/assign/view.php?id=2",
    "/grade/report/grader/index.php?id=2",
    "/user/index.php?id=2",
    "/course/modedit.php?course=2",
    "/admin/registertool",
)


def test_the_pages_have_no_faults_of_accessibility(chromium: Browser, moodle: Sandbox) -> None:
    page = enter(chromium, moodle, "Админ Системы")
    found = {}
    for path in PAGES:
        page.goto(f"{moodle.url}{path}")
        found[path] = [violation["id"] for violation in Axe().run(page).response["violations"]]
    assert found == {path: [] for path in PAGES}
