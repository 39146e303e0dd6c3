"""An individual plan: drawn up by the leader, changed by the trainee, agreed, its points done until it is fulfilled."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Flask
from playwright.sync_api import Browser, expect

from lti_app.programmes.models import Competence
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, look_at
from tests.lti_app.world import NOW, World, behind_the_rules


def test_a_plan_is_drawn_up_changed_agreed_and_fulfilled(browser: Browser, browser_app: Flask, live: str) -> None:
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        world = World(session, topics=(2, 4), needed=2)
        world.leader.last_name, world.leader.first_name, world.leader.middle_name = "Киселёва", "Раиса", "Павловна"
        world.organisation.short_name = "Школа № 14"
        trainee = world.trainee("Абрамова")
        world.trainee("Белоусова")
        past = world.meeting(hours=2, starts_at=NOW - timedelta(days=1))
        world.attended(past, trainee)
        with behind_the_rules(session):
            for place, text in enumerate(("Составляет задания на читательскую грамотность", "Оценивает работы"), 1):
                session.add(Competence(version=world.version, position=place, text=text))
        intake_id, person = world.intake.id, trainee.person

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/intakes/{intake_id}")
        page.get_by_role("link", name="Планы", exact=True).click()
        page.get_by_role("button", name="Составить по плану программы: без плана 2 стажёра").click()
        expect(page.get_by_text("По программе составлено 2 плана.")).to_be_visible()
        page.get_by_role("link", name="Абрамова Анна").click()
        page.get_by_role("link", name="Изменить план").click()
        page.get_by_label("Цель").fill("Научиться составлять задания")
        page.locator("summary").filter(has_text="2. Тема 2").click()
        page.get_by_label("Результат: что сдаётся").fill("Конспект урока")
        look_at(page, "plan-edit")
        page.get_by_role("button", name="Сохранить и предложить на согласование").click()
        expect(page.get_by_text("Уведомление отправлено: Абрамова Анна.")).to_be_visible()
        address = page.url

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, person, live)
        page.goto(f"{live}/intakes/{intake_id}/plan")
        expect(page.get_by_text("ждёт согласования стажёра")).to_be_visible()
        page.get_by_role("link", name="Изменить план").click()
        page.get_by_role("button", name="Добавить пункт").click()
        page.get_by_label("Содержание работы").nth(1).fill("Открытый урок у себя в школе")
        page.get_by_label("Форма").nth(1).select_option("open_lesson")
        page.get_by_label("По", exact=True).nth(1).fill("2030-01-01")
        page.get_by_role("button", name="Сохранить и предложить на согласование").click()
        expect(page.get_by_text("Вне сроков потока").first).to_be_visible()
        page.get_by_label("По", exact=True).nth(1).fill("2026-12-20")
        page.get_by_role("button", name="Сохранить и предложить на согласование").click()
        expect(page.get_by_text("Руководителю отправлено уведомление.")).to_be_visible()

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(address)
        look_at(page, "plan-proposed")
        page.get_by_role("button", name="Согласовать этот текст").click()
        expect(page.get_by_text("выполнено 1 из 3")).to_be_visible()

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, person, live)
        page.goto(f"{live}/intakes/{intake_id}/plan")
        page.get_by_role("button", name=re.compile("Сделано.*Тема 2")).click()
        expect(page.get_by_text("сделано, ждёт подтверждения руководителя")).to_be_visible()
        look_at(page, "plan-own")
        page.goto(f"{live}/intakes/{intake_id}/competences")
        page.get_by_label("Моя оценка в начале").first.select_option("1")
        page.get_by_role("button", name="Сохранить").click()
        look_at(page, "competences-own")
        page.goto(f"{live}/intakes/{intake_id}/consultations")
        page.get_by_label("Вопрос").fill("Как оценить открытый урок?")
        page.get_by_label("Когда вам удобно").fill("в пятницу после 15:00")
        page.get_by_role("button", name="Отправить руководителю").click()
        look_at(page, "consultations-own")

    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(address)
        page.get_by_role("button", name=re.compile("Подтвердить.*Тема 2")).click()
        page.get_by_role("button", name=re.compile("Отметить выполненным.*Открытый урок")).click()
        expect(page.get_by_text("план выполнен")).to_be_visible()
        page.get_by_role("link", name="Изменить план").click()
        page.get_by_role("button", name="Добавить пункт").click()
        page.get_by_label("Содержание работы").fill("Статья в сборник")
        page.get_by_role("button", name="Сохранить", exact=True).last.click()
        look_at(page, "plan-change")
        page.get_by_role("button", name="Отказаться от изменения").click()
        expect(page.get_by_text("план выполнен")).to_be_visible()
        page.goto(f"{live}/intakes/{intake_id}/plans")
        look_at(page, "plans-list")
        page.goto(f"{live}/intakes/{intake_id}/consultations")
        page.get_by_role("link", name="Абрамова Анна").click()
        look_at(page, "consultation-answer")
        page.get_by_label("День и время").fill("2026-11-27T15:00")
        page.get_by_label("Место или ссылка на видеовстречу").fill("каб. 12")
        page.get_by_role("button", name="Назначить это время").click()
        expect(page.get_by_text("время согласовано")).to_be_visible()
        look_at(page, "consultations-leader")
        page.get_by_role("link", name="Назначить консультацию").click()
        look_at(page, "consultation-new")
        page.goto(f"{live}/intakes/{intake_id}/competences")
        page.get_by_role("link", name="Абрамова А.").click()
        page.get_by_label("Моя оценка в начале").first.select_option("1")
        page.get_by_label("Моя оценка в конце").first.select_option("3")
        look_at(page, "competences-rating")
        page.get_by_role("button", name="Сохранить").click()
        expect(page.get_by_text("1 → 3 (+2)").first).to_be_visible()
        look_at(page, "competences-table")
