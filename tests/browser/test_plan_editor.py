"""The editor of a programme in a real browser: nothing typed is lost without a word, and the plan keeps its place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Dialog, Page, Route, expect
from sqlalchemy import select

from lti_app.programmes.models import ProgrammeVersion
from tests.browser.conftest import ARTEFACTS, a_page
from tests.browser.looking import come_in_as
from tests.lti_app.world import World


@pytest.fixture
def editor(browser: Browser, browser_app: Flask, live: str) -> Iterator[Page]:
    """A leader's new programme, open in the editor; the page's clock stands still."""
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        world = World(session)
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.clock.install()
        page.goto(f"{live}/programmes")
        page.get_by_label("Название").fill("Черновик")
        page.get_by_label("Всего часов (академических)").fill("9")
        page.get_by_role("button", name="Создать").click()
        expect(page.get_by_label("Цель", exact=True)).to_be_visible()
        page.clock.pause_at(page.evaluate("Date.now() + 1000"))
        yield page


def saved(app: Flask) -> ProgrammeVersion:
    with app.extensions["ploshchadka"].database.transaction() as session:
        version: ProgrammeVersion = session.scalars(
            select(ProgrammeVersion).where(ProgrammeVersion.title == "Черновик")
        ).one()
        session.expunge(version)
        return version


def type_into(page: Page, name: str, words: str) -> None:
    page.get_by_label(name, exact=True).click()
    page.keyboard.type(words)


def hide(page: Page) -> None:
    """Let the page find itself behind another tab, as far as it can tell."""
    page.evaluate(
        """Object.defineProperty(document, "hidden", { value: true });
        document.dispatchEvent(new Event("visibilitychange"));"""
    )


def stay(page: Page) -> list[str]:
    """Answer every question of the page with «stay»; return the list that will name the questions."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", answer)
    return asked


def try_to_leave(page: Page) -> None:
    page.evaluate("setTimeout(() => { location.href = '/'; })")
    page.clock.run_for(10)


def test_what_was_typed_is_saved_two_seconds_after_typing_stops(editor: Page, browser_app: Flask) -> None:
    type_into(editor, "Цель", "Первая")
    editor.clock.run_for(1_500)
    editor.keyboard.type(" цель")
    editor.clock.run_for(1_500)
    expect(editor.locator("[data-status]")).to_be_empty()
    editor.clock.run_for(1_000)
    expect(editor.locator("[data-status]")).to_contain_text("Сохранено в")
    assert saved(browser_app).goals == "Первая цель"


def test_what_was_typed_is_saved_at_once_where_the_page_is_hidden(editor: Page, browser_app: Flask) -> None:
    type_into(editor, "Цель", "Первая цель")
    hide(editor)
    expect(editor.locator("[data-status]")).to_contain_text("Сохранено в")
    assert saved(browser_app).goals == "Первая цель"


def test_who_leaves_before_it_is_saved_is_asked_and_it_is_saved_meanwhile(editor: Page, browser_app: Flask) -> None:
    asked = stay(editor)
    type_into(editor, "Цель", "Первая цель")
    try_to_leave(editor)
    expect(editor.locator("[data-status]")).to_contain_text("Сохранено в")
    assert asked == ["beforeunload"]
    assert saved(browser_app).goals == "Первая цель"


def test_nobody_is_asked_once_it_is_saved(editor: Page) -> None:
    asked = stay(editor)
    type_into(editor, "Цель", "Первая цель")
    editor.clock.run_for(2_500)
    expect(editor.locator("[data-status]")).to_contain_text("Сохранено в")
    try_to_leave(editor)
    editor.wait_for_url("**/")
    assert asked == []


def test_who_leaves_after_a_refused_save_is_asked(editor: Page) -> None:
    asked = stay(editor)
    editor.get_by_label("Всего часов (академических)").fill("девять")
    editor.get_by_role("button", name="Сохранить", exact=True).last.click()
    expect(editor.locator("#refusal")).to_be_visible()
    editor.get_by_label("Цель", exact=True).click()
    with editor.expect_event("dialog"):
        try_to_leave(editor)
    assert asked == ["beforeunload"]


def test_a_refusal_is_taken_back_once_what_was_typed_is_saved(editor: Page) -> None:
    editor.get_by_label("Всего часов (академических)").fill("девять")
    editor.get_by_role("button", name="Сохранить", exact=True).last.click()
    expect(editor.locator("#refusal")).to_be_visible()
    editor.get_by_label("Всего часов (академических)").fill("8")
    editor.get_by_label("Часов для зачёта").fill("8")
    editor.clock.run_for(2_500)
    expect(editor.locator("#refusal")).to_have_count(0)
    expect(editor.locator("[aria-invalid]")).to_have_count(0)


def test_the_button_waits_for_a_save_under_way(editor: Page, browser_app: Flask) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    editor.route("**/edit", hold, times=1)
    type_into(editor, "Цель", "Первая")
    editor.clock.run_for(2_500)
    editor.keyboard.type(" цель")
    editor.get_by_role("button", name="Сохранить", exact=True).last.click()
    held[0].continue_()
    expect(editor.get_by_text("Сохранено.")).to_be_visible()
    assert saved(browser_app).goals == "Первая цель"


@pytest.mark.parametrize("width", [360, 700, 880, 920, 1280])
def test_the_plan_stays_within_its_column(editor: Page, width: int) -> None:
    editor.get_by_role("button", name="Добавить тему").click()
    editor.set_viewport_size({"width": width, "height": 900})
    ARTEFACTS.mkdir(exist_ok=True)
    editor.screenshot(path=str(ARTEFACTS / f"plan-editor-{width}.png"), full_page=True)
    column, plan = editor.locator("main").bounding_box(), editor.locator(".plan-edit").bounding_box()
    assert column
    assert plan
    assert plan["x"] + plan["width"] <= column["x"] + column["width"] + 0.5
    outside = editor.evaluate(
        """() => {
          const right = document.querySelector("main").getBoundingClientRect().right + 0.5;
          const fields = [...document.querySelectorAll(".plan-edit button, .plan-edit input, .plan-edit select")];
          return fields.filter((field) => field.getBoundingClientRect().right > right).map((field) => field.name);
        }"""
    )
    assert outside == []


def test_enter_in_a_topic_goes_on_to_the_next_field(editor: Page) -> None:
    editor.get_by_role("button", name="Добавить тему").click()
    address = editor.url
    editor.get_by_role("textbox", name="Тема", exact=True).fill("Введение")
    editor.keyboard.press("Enter")
    expect(editor.get_by_role("combobox", name="Форма")).to_be_focused()
    editor.get_by_role("textbox", name="из них самостоятельно").press("Enter")
    expect(editor.get_by_role("button", name="Добавить тему")).to_be_focused()
    expect(editor.locator("[role=status].alert")).to_have_count(0)
    assert editor.url == address


def test_hours_for_credit_follow_the_whole_where_they_were_the_same(editor: Page) -> None:
    whole, needed = editor.get_by_label("Всего часов (академических)"), editor.get_by_label("Часов для зачёта")
    expect(needed).to_have_value("9")
    whole.fill("24")
    expect(needed).to_have_value("24")


def test_hours_for_credit_of_their_own_stay(editor: Page) -> None:
    whole, needed = editor.get_by_label("Всего часов (академических)"), editor.get_by_label("Часов для зачёта")
    needed.fill("2")
    whole.click()
    whole.press("Control+A")
    editor.keyboard.type("24")
    expect(needed).to_have_value("2")
