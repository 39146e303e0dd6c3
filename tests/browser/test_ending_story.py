"""The end of a site in a real browser (8.1): what runs is dealt with in one step; every page shows it after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect

from lti_app.core.permissions import Role
from lti_app.intakes.models import Admission, Intake, PlaceRequest, RequestState, Trainee
from lti_app.people.models import Person
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, grant, look_at
from tests.lti_app.world import NOW, World

TODAY = NOW.date()
TITLE = "Функциональная грамотность на уроке"


@dataclass(frozen=True)
class Ending:
    """A site with a running and a coming intake, another site that takes trainees, and the people of the story."""

    here: World
    there: World
    running: Intake
    coming: Intake
    diligent: Trainee
    mover: Trainee
    absent: Trainee
    asking: Person
    specialist: Person
    member: Person


def _called(world: World, last_name: str, first_name: str, middle_name: str) -> Person:
    person = world.person(last_name)
    person.first_name, person.middle_name = first_name, middle_name
    return person


@pytest.fixture
def ending(browser_app: Flask) -> Ending:
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        here = World(session, title=TITLE, course_id=12)
        here.organisation.short_name = "Школа № 14"
        there = World(session, "b", moodle=here.moodle, title="Наставничество: первый год в школе")
        there.organisation.short_name, there.site.direction = "Школа № 44", "Наставничество"
        trainees = [
            here.trainee(person=_called(here, *names))
            for names in (
                ("Абрамова", "Ольга", "Викторовна"),
                ("Гурьев", "Илья", "Петрович"),
                ("Жукова", "Татьяна", "Андреевна"),
            )
        ]
        here.attended(here.meeting(hours=4, starts_at=NOW - timedelta(days=9)), *trainees[:2])
        here.meeting(topic=1, starts_at=NOW + timedelta(days=3))
        coming = Intake(
            code="intake-coming",
            version=here.version,
            moodle=here.moodle,
            starts_on=TODAY + timedelta(days=20),
            ends_on=TODAY + timedelta(days=80),
            capacity=10,
            admission=Admission.MUNICIPALITY,
            published_at=NOW,
        )
        session.add(coming)
        session.flush()
        asking = _called(here, "Ермакова", "Светлана", "Юрьевна")
        session.add(
            PlaceRequest(
                intake_id=coming.id,
                person_id=asking.id,
                state=RequestState.WITH_HEAD,
                asked_at=NOW,
                asked_by=f"person:{asking.id}",
            )
        )
        specialist = _called(here, "Центрова", "Инна", "Олеговна")
        member = _called(here, "Советова", "Ирина", "Олеговна")
        session.flush()
        found = Ending(here, there, here.intake, coming, *trainees, asking, specialist, member)
    grant(browser_app, here, specialist, Role.CENTRE)
    grant(browser_app, here, member, Role.COUNCIL)
    return found


def recommend_end(page: Page, live: str) -> None:
    """Let the council recommend at today's sitting that the site ends."""
    page.goto(f"{live}/council")
    page.get_by_label("Дата заседания").fill(TODAY.isoformat())
    page.get_by_role("button", name="Назначить").click()
    page.get_by_text("Рекомендовать прекращение").click()
    page.get_by_label("Площадка").select_option(label="Современный урок — Школа № 14")
    page.locator("details[open]").get_by_role("button", name="Добавить").click()
    expect(page.locator("#refusal")).to_be_visible()
    page.get_by_label("Почему следует").fill("Руководитель площадки переезжает, замены нет")
    page.locator("details[open]").get_by_role("button", name="Добавить").click()
    page.get_by_label("Номер протокола").fill("9")
    page.get_by_role("button", name="Сохранить", exact=True).last.click()
    page.get_by_role("radio", name="рекомендовано прекра").check()
    page.get_by_role("button", name="Записать решение").click()
    expect(page.get_by_text("Решение записано")).to_be_visible()
    look_at(page, "ending-council")


def fieldset_of(page: Page, code: str) -> Locator:
    return page.locator("fieldset", has=page.locator("legend", has_text=code))


def test_a_site_ends_on_the_councils_recommendation_and_everybody_sees_what_became_of_them(
    browser: Browser, browser_app: Flask, live: str, ending: Ending
) -> None:
    here = ending.here
    with a_page(browser) as page:
        come_in_as(page, browser_app, here, ending.member, live)
        recommend_end(page, live)

    with a_page(browser) as page:
        come_in_as(page, browser_app, here, ending.specialist, live)
        page.goto(f"{live}/sites/{here.site.id}")
        page.get_by_role("link", name="Прекратить деятельность (п. 8.1)").click()
        look_at(page, "ending-form")
        page.get_by_role("radio", name="рекомендация методического совета").check()
        page.get_by_label("Рекомендация методического совета", exact=True).select_option(index=1)
        page.get_by_label("Номер приказа центра").fill("140")
        page.get_by_label("Дата приказа").fill(TODAY.isoformat())
        page.get_by_label("Площадка не действует с").fill(TODAY.isoformat())
        page.get_by_label("Причина").fill("Рекомендация методического совета")
        running = fieldset_of(page, ending.running.code)
        running.get_by_role("radio", name="стажёры переводятся").check()
        page.get_by_role("button", name="Проверить").click()
        expect(page.locator("#refusal")).to_contain_text("Не решено, что будет с потоком intake-coming")
        look_at(page, "ending-refused")
        fieldset_of(page, "intake-coming").get_by_role("radio").check()
        running.get_by_label("Поток, в который переводятся").select_option(index=1)
        running.get_by_label("Гурьев Илья Петрович").select_option(label="перевести в другой поток")
        expect(running.get_by_label("Абрамова Ольга Викторовна")).to_have_value("credited")
        expect(running.get_by_label("Жукова Татьяна Андреевна")).to_have_value("left")
        page.get_by_label("Часы занятий, посещаемость которых руководитель не подтвердил").check()
        page.get_by_role("button", name="Проверить").click()
        will = page.locator("#checked")
        expect(will).to_be_focused()
        for words in (
            "2 потока будут прерваны",
            "1 стажёру будут зачтены посещённые часы, всего 4 ак. ч",
            "1 стажёр будет переведён в другой поток",
            "будут приостановлены 2 стажёра",
            "1 заявка",
        ):
            expect(will).to_contain_text(words)
        look_at(page, "ending-checked")
        will.get_by_role("button", name="Прекратить деятельность площадки").click()
        expect(page.get_by_role("heading", name="Деятельность площадки прекращена")).to_be_visible()
        expect(page.locator("main")).to_contain_text("Гурьев Илья Петрович — переведён(а) в другой поток")
        look_at(page, "ending-done")
        page.goto(f"{live}/sites/{here.site.id}")
        expect(page.get_by_text("прекращена").first).to_be_visible()
        page.get_by_role("link", name="Как прекращена деятельность").click()
        expect(page.get_by_text("протокол № 9 от 24 ноября 2026 г.")).to_be_visible()
        page.goto(f"{live}/centre/intakes")
        expect(page.get_by_text("прерван с 24 ноября 2026 г.")).to_have_count(2)

    with a_page(browser) as page:
        come_in_as(page, browser_app, here, ending.diligent.person, live)
        page.goto(f"{live}/intakes/{ending.running.id}")
        expect(page.get_by_text("прерван с 24 ноября 2026 г.")).to_be_visible()
        expect(page.get_by_role("region", name="Зачтённые часы")).to_contain_text("4 ак. ч")
        look_at(page, "ending-credited-trainee")

    with a_page(browser) as page:
        come_in_as(page, browser_app, here, ending.mover.person, live)
        page.goto(f"{live}/")
        expect(page.locator("main")).to_contain_text("Наставничество: первый год в школе")
        look_at(page, "ending-moved-trainee")

    with a_page(browser) as page:
        come_in_as(page, browser_app, here, ending.asking, live)
        page.goto(f"{live}/places")
        expect(page.locator("main")).to_contain_text("Деятельность площадки прекращена (п. 8.1).")
        look_at(page, "ending-declined-request")

    with a_page(browser) as page:
        come_in_as(page, browser_app, here, here.leader, live)
        page.goto(f"{live}/intakes/{ending.running.id}?as=leader")
        expect(page.get_by_text("прерван с 24 ноября 2026 г.")).to_be_visible()
        look_at(page, "ending-leader")


def test_the_organisation_ends_its_site_once_the_programme_is_done(
    browser: Browser, browser_app: Flask, live: str, ending: Ending
) -> None:
    there = ending.there
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        there.intake = session.merge(there.intake)
        there.session = session
        there.intake.ends_on = TODAY - timedelta(days=1)
    with a_page(browser) as page:
        come_in_as(page, browser_app, ending.here, ending.specialist, live)
        page.goto(f"{live}/sites/{ending.here.site.id}/end")
        fill_decision(page)
        for intake in (ending.running, ending.coming):
            fieldset_of(page, intake.code).get_by_role("radio", name="прерывается").check()
        page.get_by_role("button", name="Проверить").click()
        expect(page.locator("#refusal")).to_contain_text("Программа ещё не завершена")

        page.goto(f"{live}/sites/{there.site.id}/end")
        expect(page.get_by_text("На эту дату незавершённых потоков нет.")).to_be_visible()
        fill_decision(page)
        page.get_by_role("button", name="Проверить").click()
        expect(page.locator("#checked")).to_contain_text("Потоки и стажёры не затрагиваются.")
        page.get_by_role("button", name="Прекратить деятельность площадки").click()
        expect(page.locator("main")).to_contain_text("решение организации по окончании программы")


def fill_decision(page: Page) -> None:
    """Fill in the papers of an end by the organisation's decision."""
    page.get_by_role("radio", name="решение организации по окончании программы").check()
    page.get_by_label("Номер решения организации").fill("12")
    page.get_by_label("Дата решения организации").fill(TODAY.isoformat())
    page.get_by_label("Номер приказа центра").fill("141")
    page.get_by_label("Дата приказа").fill(TODAY.isoformat())
    page.get_by_label("Причина").fill("Программа реализована")
