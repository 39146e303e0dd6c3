"""Every page in a real browser, in both languages, on a phone and on a desk: readable, reachable, nothing spills."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete

from lti_app.sync.models import RunStatus, SyncLock, SyncRun
from tests.browser.conftest import a_page
from tests.browser.looking import keep_picture
from tests.browser.people import Town, come_in, found_town
from tests.conftest import MovableClock

PHONE, DESK = 360, 1280
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

TABBED_TO = """() => {
  const here = document.activeElement;
  return here === document.body ? null : (here.id || here.name || here.textContent.trim().slice(0, 60));
}"""


@pytest.fixture
def town(browser_app: Flask) -> Town:
    return found_town(browser_app.extensions["ploshchadka"].database)


@pytest.fixture(params=[("ru", PHONE), ("en", DESK)], ids=["phone-ru", "desk-en"])
def view(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Return language and width: Russian where it is tightest, English where all columns stand."""
    language, width = request.param
    return language, width


@pytest.fixture
def language(view: tuple[str, int]) -> str:
    return view[0]


@pytest.fixture
def page(view: tuple[str, int], browser: Browser) -> Iterator[Page]:
    with a_page(browser, width=view[1]) as page:
        yield page


def test_every_page_is_accessible_and_fits(
    page: Page, browser_app: Flask, live: str, town: Town, language: str
) -> None:
    assert page.viewport_size is not None
    width = page.viewport_size["width"]
    faults: dict[str, object] = {}
    for name, (who, path) in town.pages.items():
        come_in(page, browser_app, town, who, live, language)
        page.goto(live + path)
        keep_picture(page, f"{name}-{width}-{language}")
        found = Axe().run(page, options={"runOnly": RULES})
        if found.violations_count:
            faults[name] = found.generate_report()
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults[f"{name} spills"] = page.evaluate("document.documentElement.scrollWidth")
        assert page.locator("html").get_attribute("lang") == language

    assert not faults, "\n".join(str(fault) for fault in faults.values())


def test_what_is_printed_has_no_buttons_and_keeps_every_mark(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    with a_page(browser, width=720) as page:
        come_in(page, browser_app, town, "leader", live)
        page.goto(f"{live}/intakes/{town.intake_id}/grid")
        marks = page.locator("#journal td.p:visible, #journal td.a:visible").count()
        assert page.locator("button:visible").count() > 0

        page.emulate_media(media="print")

        assert page.locator("button:visible").count() == 0
        assert page.locator("#journal td.p:visible, #journal td.a:visible").count() == marks > 3


def test_who_signs_out_is_told_how_to_come_back(
    page: Page, browser_app: Flask, live: str, town: Town, language: str
) -> None:
    come_in(page, browser_app, town, "leader", live, language)
    page.goto(f"{live}/")
    page.locator("header form button").click()

    assert page.get_by_role("heading").inner_text().strip() == {"ru": "Вы вышли", "en": "You have signed out"}[language]
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("header form").count() == 0
    report = Axe().run(page, options={"runOnly": RULES})
    assert not report.violations_count, report.generate_report()


@pytest.mark.parametrize(
    "name", ["trainee", "leader-intake", "leader-meeting", "leader-reversal", "leader-tie", "sync", "who-is-who"]
)
def test_everything_that_can_be_pressed_is_reached_by_keyboard(
    browser: Browser, browser_app: Flask, live: str, town: Town, name: str
) -> None:
    who, path = town.pages[name]
    with a_page(browser, width=PHONE) as page:
        come_in(page, browser_app, town, who, live)
        page.goto(live + path)
        wanted = page.locator(
            "a[href]:visible, button:visible, summary:visible, "
            "input:not([type=hidden], [type=radio]):not(:disabled):visible"
        ).count()
        wanted += page.locator("fieldset:has(input[type=radio]):visible").count()  # arrows move within a group
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
        seen = 1
        while page.evaluate(TABBED_TO) is not None and seen <= wanted + 5:
            box = page.evaluate(
                "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle; })()"
            )
            shadow = page.evaluate("getComputedStyle(document.activeElement).boxShadow")
            assert box != "none" or shadow != "none", page.evaluate(TABBED_TO)
            page.keyboard.press("Tab")
            seen += 1

    assert seen >= wanted


def test_the_door_opens_in_time_without_a_reload(
    browser: Browser, browser_app: Flask, live: str, town: Town, clock: MovableClock
) -> None:
    clock.move(days=16, minutes=-16)
    with a_page(browser) as page:
        page.clock.install()
        come_in(page, browser_app, town, "trainee", live, since=clock() - timedelta(minutes=1))
        page.goto(f"{live}/intakes/{town.intake_id}")
        shut = page.get_by_text("Вход откроется в 14:45")
        button = page.get_by_role("button", name="Войти на занятие")
        assert shut.is_visible()
        assert not button.is_visible()

        page.clock.run_for(61_000)

        assert button.is_visible()
        assert not shut.is_visible()
        assert page.locator("#announcements").inner_text() == "Теперь можно войти на занятие."

        page.clock.run_for(2 * 60 * 60 * 1000)

        assert not button.is_visible()
        assert page.get_by_text("Занятие закончилось.").is_visible()


def test_the_confirm_button_counts_what_is_ticked(browser: Browser, browser_app: Flask, live: str, town: Town) -> None:
    with a_page(browser) as page:
        come_in(page, browser_app, town, "leader", live)
        page.goto(f"{live}/meetings/{town.ended_id}")
        button = page.locator("[data-count-label]")
        assert button.inner_text() == "Подтвердить: 4 из 8 присутствовали"

        page.get_by_label("Дорошенко Марина Игоревна").check()
        assert button.inner_text() == "Подтвердить: 5 из 8 присутствовали"

        page.get_by_label("Все", exact=True).check()
        assert button.inner_text() == "Подтвердить: 8 из 8 присутствовали"

        page.get_by_label("Все", exact=True).uncheck()
        page.get_by_label("Гурьев Илья Петрович").check()
        assert button.inner_text() == "Подтвердить: 1 из 8 присутствовал"

        button.click()
        assert page.get_by_text("Посещаемость подтверждена.").is_visible()
        assert page.get_by_label("Гурьев Илья Петрович").is_checked()
        assert page.get_by_text("Отметки подтверждены: Киселёва Раиса Павловна").is_visible()
        assert button.inner_text() == "Исправить: 1 из 8 присутствовал"

        page.get_by_label("Дорошенко Марина Игоревна").check()
        assert button.inner_text() == "Исправить: 2 из 8 присутствовали"
        button.click()
        assert page.get_by_label("Дорошенко Марина Игоревна").is_checked()


def test_a_meeting_confirmed_while_it_runs_warns_and_points_out_who_came_later(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    with a_page(browser) as page:
        come_in(page, browser_app, town, "leader", live)
        page.goto(f"{live}/meetings/{town.joinable_id}")
        warning = page.get_by_text("Кто войдёт после подтверждения, будет считаться отсутствующим")
        assert warning.is_visible()
        page.locator("[data-count-label]").click()
        assert warning.is_visible()
        assert page.get_by_text("Отметки подтверждены: Киселёва Раиса Павловна").is_visible()

        page.goto(f"{live}/meetings/{town.confirmed_id}")
        assert page.get_by_text("вход после подтверждения списка").count() == 1
        assert not warning.is_visible()


def test_the_consequence_of_crediting_is_said_in_numbers(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    with a_page(browser) as page:
        come_in(page, browser_app, town, "leader", live)
        page.goto(f"{live}/intakes/{town.intake_id}")
        consequence = page.locator("[data-consequence]")
        assert consequence.inner_text() == "Будет зачтено: 6 стажёрам, всего 120 ак. ч; журнал оценок Moodle обновится."

        page.get_by_label("Все", exact=True).uncheck()
        page.get_by_label("Гурьев Илья Петрович").check()
        assert consequence.inner_text() == "Будет зачтено: 1 стажёру, всего 20 ак. ч; журнал оценок Moodle обновится."
        page.get_by_role("button", name="Зачесть выбранным (1)").click()

        assert page.get_by_text("Часы зачтены 1 стажёру.").is_visible()


def test_an_administrator_decides_who_is_who_by_keyboard(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    from lti_app.people.models import PersonQuestion

    with a_page(browser, width=PHONE) as page:
        come_in(page, browser_app, town, "administrator", live)
        page.goto(f"{live}/sync")
        page.get_by_role("link", name="Кто есть кто").click()
        cards = page.get_by_role("region").filter(has=page.get_by_role("group", name="Какой это пользователь Moodle?"))
        assert cards.count() == 2
        card = cards.filter(has_text="Илья Петрович Гурьев")
        assert card.get_by_label("Илья Гурьев").is_disabled()  # known as somebody else
        card.get_by_label("Илья Петрович Гурьев").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")

        page.get_by_text("пользователь Moodle № 72").wait_for()
        assert cards.count() == 1
        page.get_by_label("Никто из них").check()
        page.get_by_role("button", name="Сохранить ответ").click()
        page.get_by_text("Решать нечего").wait_for()
    with browser_app.extensions["ploshchadka"].database.session(writes=False) as session:
        decided = {row.reason: (row.user_id, row.decided_by) for row in session.query(PersonQuestion)}
    assert decided == {
        "several_users": (72, "Гостева Галина"),
        "other_idnumber": (None, "Гостева Галина"),
        "no_user": (None, None),
    }


def test_progress_of_a_run_goes_on_by_itself(browser: Browser, browser_app: Flask, live: str, town: Town) -> None:
    database = browser_app.extensions["ploshchadka"].database
    with a_page(browser) as page:
        come_in(page, browser_app, town, "administrator", live)
        page.goto(f"{live}/sync/runs/{town.running_id}")
        assert page.get_by_text("шаг 47 из 120").is_visible()

        said = page.locator("#announcements")

        with database.transaction() as session:
            session.get_one(SyncRun, town.running_id).steps_done = 90
        page.get_by_text("шаг 90 из 120").wait_for()
        assert said.inner_text() == ""

        with database.transaction() as session:
            session.get_one(SyncRun, town.running_id).phase = "credits"
        page.get_by_text("подготовка зачёта").first.wait_for()
        assert said.inner_text() == "подготовка зачёта"

        with database.transaction() as session:
            session.get_one(SyncRun, town.running_id).status = RunStatus.DONE
        page.locator("[data-finished]").wait_for()
        assert said.inner_text() == "Обмен завершён: выполнено"


def end_run(browser_app: Flask, town: Town) -> None:
    database = browser_app.extensions["ploshchadka"].database
    with database.transaction() as session:
        session.get_one(SyncRun, town.running_id).status = RunStatus.DONE
        session.execute(delete(SyncLock))


def test_the_end_of_a_run_shows_on_the_whole_page(browser: Browser, browser_app: Flask, live: str, town: Town) -> None:
    with a_page(browser) as page:
        come_in(page, browser_app, town, "administrator", live)
        page.goto(f"{live}/sync")
        row = page.get_by_role("row").nth(1)
        button = page.get_by_role("button", name="Запустить обмен сейчас")
        expect(row).to_contain_text("идёт")
        expect(button).to_have_count(0)
        page.get_by_text("Остановить обмен с этим Moodle").first.click()
        why = page.get_by_label("Почему останавливаете?").first
        why.fill("Не тот шаблон")
        page.get_by_role("link", name="Подробности").first.focus()
        focused = page.evaluate("document.activeElement.href")

        end_run(browser_app, town)

        expect(button).to_be_visible()
        expect(row).to_contain_text("выполнено")
        expect(page.locator("[data-poll]")).to_have_count(0)
        expect(page.locator("#announcements")).to_have_text("Обмен завершён: выполнено")
        assert page.evaluate("document.activeElement.href") == focused
        expect(why).to_be_visible()
        expect(why).to_have_value("Не тот шаблон")


def test_a_page_whose_visit_has_ended_says_so_and_asks_no_more(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    with a_page(browser) as page:
        come_in(page, browser_app, town, "administrator", live)
        page.goto(f"{live}/sync/runs/{town.running_id}")
        page.locator("[data-poll]").wait_for()

        page.context.clear_cookies()

        expect(page.locator("[data-poll]")).to_have_count(0)
        expect(page.get_by_text("Откройте курс в Moodle")).to_be_visible()


def test_a_run_is_followed_from_the_press_of_the_button_to_its_end(
    browser: Browser, browser_app: Flask, live: str, town: Town
) -> None:
    end_run(browser_app, town)
    jobs, free = browser_app.extensions["ploshchadka"].jobs, threading.Event()
    jobs.submit("other work", free.wait)  # so that the run can't be over before the page is there
    with a_page(browser) as page:
        come_in(page, browser_app, town, "administrator", live)
        page.goto(f"{live}/sync")
        button = page.get_by_role("button", name="Запустить обмен сейчас")
        button.click()
        expect(page.locator("[data-poll]")).to_contain_text("начало")
        expect(button).to_have_count(0)

        free.set()  # nobody has the key of this Moodle's token: the run breaks off

        expect(button).to_be_visible()
        expect(page.get_by_role("row").nth(1)).to_contain_text("прервано")
        expect(page.locator("#announcements")).to_have_text("Обмен завершён: прервано")
        expect(page.get_by_text("обмен прервался из-за ошибки")).to_be_visible()
    jobs.drain()


def test_a_page_works_without_scripts(browser: Browser, browser_app: Flask, live: str, town: Town) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": PHONE, "height": 800})
    page = context.new_page()
    come_in(page, browser_app, town, "leader", live)
    page.goto(f"{live}/meetings/{town.ended_id}")

    page.get_by_label("Дорошенко Марина Игоревна").check()
    page.locator("button", has_text="Подтвердить").click()

    assert page.get_by_text("Посещаемость подтверждена.").is_visible()
    assert page.get_by_label("Дорошенко Марина Игоревна").is_checked()
    context.close()
