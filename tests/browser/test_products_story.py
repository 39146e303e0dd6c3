"""The story of a product in a real browser: handed in, returned, mended, accepted, found by a colleague, taken out."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from lti_app.intakes.models import Trainee
from lti_app.people.models import Person
from lti_app.products.assignments import Seen, keep_course_assignments, keep_grades, tie_assignments
from lti_app.programmes.models import ProgrammeVersion, VersionState
from tests.browser.conftest import a_page
from tests.browser.looking import come_in_as, look_at
from tests.lti_app.core.documents import docx
from tests.lti_app.products.made import CRITERIA, demand
from tests.lti_app.world import NOW, World

TITLE = "Технологическая карта урока «Обыкновенные дроби вокруг нас»"


@pytest.fixture
def people(browser_app: Flask) -> tuple[World, Trainee, Person]:
    """An intake whose programme asks for two products, one of them an assignment too; a trainee, another teacher."""
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        world = World(session, course_id=12)
        world.organisation.name = "МБОУ «Средняя общеобразовательная школа № 14»"
        world.organisation.short_name = "Школа № 14"
        trainee, other = world.trainee("Васильченко-Островская"), world.trainee("Белоусова")
        demand(world)
        lesson = demand(world, 2, title="Открытый урок с самоанализом", is_required=False, criteria=CRITERIA[:1])
        keep_course_assignments(
            session, moodle_id=world.moodle.id, course_id=12, names={71: "Открытый урок: конспект"}, now=NOW
        )
        tie_assignments(session, world.intake.id, {lesson.id: 71}, actor=world.leader_actor, now=NOW)
        keep_grades(session, [Seen(other.id, 71, 87.5, 100.0, NOW)], now=NOW)
        return world, trainee, world.person("Читателева")


def hand_in(page: Page, file: Path, live: str, world: World) -> str:
    """Begin the product that is asked for and hand it in with a file; return its address."""
    page.goto(f"{live}/intakes/{world.intake.id}")
    page.get_by_role("link", name="Мои продукты").click()
    look_at(page, "products-own")
    page.get_by_role("button", name=re.compile("Начать.*Технологическая карта")).click()
    page.get_by_role("button", name="Сдать").click()
    expect(page.locator("#refusal")).to_contain_text("Нет ни файла, ни ссылки.")
    page.get_by_label("Название").fill(TITLE)
    page.get_by_label("Предмет или область").fill("Математика")
    page.get_by_label("Прикрепить файл").set_input_files(str(file))
    page.get_by_role("button", name="Сохранить черновик").click()
    expect(page.get_by_role("link", name="карта.docx")).to_be_visible()
    page.get_by_label("Даю согласие: после приёмки").check()
    page.get_by_role("button", name="Сдать").click()
    expect(page.get_by_text("ждёт ответа руководителя").first).to_be_visible()
    return page.url


def answer(page: Page, address: str, live: str) -> None:
    """Find the product among what waits and return it."""
    page.goto(f"{live}/products/waiting")
    look_at(page, "products-waiting")
    page.get_by_role("link", name=TITLE).click()
    page.get_by_role("button", name="Вернуть с замечаниями").click()
    expect(page.locator("#refusal")).to_contain_text("Нет замечаний.")
    page.get_by_role("radio", name="выполнен частично").first.check()
    page.get_by_label("Замечания для автора").fill("Сформулируйте цель так, чтобы её достижение можно было проверить.")
    look_at(page, "product-review")
    page.get_by_role("button", name="Вернуть с замечаниями").click()
    expect(page.get_by_text("возвращено с замечаниями").first).to_be_visible()
    assert page.url == address


def accept(page: Page, address: str, live: str, world: World) -> None:
    """Look at the grid, and accept the mended text by the criteria."""
    page.goto(f"{live}/intakes/{world.intake.id}/products")
    look_at(page, "products-of-intake")
    page.get_by_role("link", name="из 100 в Moodle").click()
    look_at(page, "product-from-moodle")
    page.goto(address)
    page.get_by_role("button", name="Принять продукт").click()
    expect(page.locator("#refusal")).to_contain_text("Нет отметки по критерию")
    for criterion in CRITERIA:
        page.get_by_role("group", name=criterion).get_by_role("radio", name="выполнен", exact=True).check()
    page.get_by_role("button", name="Принять продукт").click()
    expect(page.get_by_text("принято").first).to_be_visible()


def test_a_product_from_the_first_text_to_the_catalogue_and_out_of_it(
    browser: Browser, browser_app: Flask, live: str, people: tuple[World, Trainee, Person], tmp_path: Path
) -> None:
    world, trainee, reader = people
    file = tmp_path / "карта.docx"
    file.write_bytes(docx())
    with a_page(browser) as author, a_page(browser) as leader, a_page(browser) as colleague:
        come_in_as(author, browser_app, world, trainee.person, live)
        address = hand_in(author, file, live, world)
        come_in_as(leader, browser_app, world, world.leader, live)
        answer(leader, address, live)

        author.goto(address)
        expect(author.get_by_text("Сформулируйте цель так").first).to_be_visible()
        author.get_by_role("button", name="Взять в новый вариант: карта.docx").click()
        look_at(author, "product-returned")
        author.get_by_label("Ссылки").fill("https://example.org/karta")
        author.get_by_role("button", name="Сдать").click()
        accept(leader, address, live, world)

        come_in_as(colleague, browser_app, world, reader, live)
        colleague.goto(f"{live}/places")
        colleague.get_by_role("link", name="Каталог разработок").click()
        colleague.get_by_role("searchbox").fill("ДРОБИ карта")
        colleague.get_by_label("Вид продукта").select_option("технологическая карта")
        colleague.get_by_role("button", name="Показать").click()
        look_at(colleague, "catalogue")
        colleague.get_by_role("link", name=TITLE).click()
        look_at(colleague, "catalogue-entry")
        with colleague.expect_download() as download:
            colleague.get_by_role("link", name="карта.docx").click()
        assert download.value.suggested_filename == "карта.docx"
        link = colleague.get_by_role("link", name="карта.docx").get_attribute("href")
        shown = colleague.url

        author.goto(address)
        author.get_by_role("button", name="Убрать из каталога").click()
        expect(author.get_by_role("button", name="Дать согласие на публикацию в каталоге")).to_be_visible()
        for gone in (shown, f"{live}{link}"):
            assert colleague.request.get(gone).status == 404


def test_the_editor_asks_for_products(
    browser: Browser, browser_app: Flask, live: str, people: tuple[World, Trainee, Person]
) -> None:
    world, _trainee, _reader = people
    with browser_app.extensions["ploshchadka"].database.transaction() as session:
        draft = ProgrammeVersion(
            programme_id=world.programme.id,
            number=2,
            title="Черновик",
            hours=Decimal(24),
            hours_needed=Decimal(24),
            state=VersionState.DRAFT,
        )
        session.add(draft)
        session.flush()
        version_id = draft.id
    with a_page(browser) as page:
        come_in_as(page, browser_app, world, world.leader, live)
        page.goto(f"{live}/programmes/versions/{version_id}/edit")
        page.get_by_role("button", name="Добавить продукт").click()
        page.get_by_label("Что нужно сдать").fill("Разработка занятия")
        page.get_by_label("Вид продукта").select_option("разработка занятия: интегрированное")
        page.get_by_label("Критерии, по одному в строке").fill("\n".join(CRITERIA))
        page.get_by_role("button", name="Добавить продукт").click()
        page.get_by_role("group", name="Продукт 2").get_by_label("Что нужно сдать").fill("Открытый урок")
        page.get_by_role("button", name="Переместить продукт 2 выше").click()
        page.get_by_role("button", name="Сохранить", exact=True).last.click()
        look_at(page, "programme-demands")
        page.goto(f"{live}/programmes/versions/{version_id}")
        asked = page.get_by_role("listitem").filter(has_text="Разработка занятия — разработка занятия: интегрированное")
        expect(asked.first.get_by_role("listitem")).to_have_text(list(CRITERIA))
        page.goto(f"{live}/intakes/{world.intake.id}/products/assignments")
        look_at(page, "product-assignments")
