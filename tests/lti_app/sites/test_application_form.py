"""The forms of applications and of a site's equipment, sent with what they refuse; steps taken, and what is said."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_app.core.db import Database
from lti_app.programmes.models import Sitting
from lti_app.sites.equipment import EquipmentLine
from lti_app.sites.models import ApplicationState, SiteApplication
from lti_app.sites.views import line_of
from tests.lti_app.web.conftest import Scene, scene
from tests.lti_app.web.visits import token
from tests.lti_app.world import NOW

__all__ = ["scene"]


@pytest.mark.parametrize("leader", ["99999999999", "9" * 40, "9" * 5000, "-1", "²"])
def test_a_leader_whom_no_row_can_be_is_refused(scene: Scene, leader: str) -> None:
    client = scene.come("centre")
    host = str(scene.here.organisation.id)
    form = {"csrf_token": token(scene.app, client), "applicant": host, "host": host, "leader": leader}
    answer = client.post("/applications/new", data={**form, "leader_name": "Никого", "term_years": "3"})
    assert answer.status_code == 422


def test_several_called_as_was_typed_after_a_leader_was_chosen_are_asked_about(scene: Scene) -> None:
    client = scene.come("centre")
    host, chosen = str(scene.here.organisation.id), scene.here.leader.id
    form = {"csrf_token": token(scene.app, client), "applicant": host, "host": host, "leader": str(chosen)}
    answer = client.post("/applications/new", data={**form, "leader_name": "Стажёрова", "term_years": "3"})

    assert answer.status_code == 422
    assert f'id="leader-{scene.trainee.id}"' in answer.text
    assert f'id="leader-{chosen}"' not in answer.text


def submitted(scene: Scene, database: Database, *, author_id: int | None) -> str:
    """Put in an application of the organisation ``here``; return its page."""
    with database.transaction() as session:
        application = SiteApplication(
            state=ApplicationState.SUBMITTED,
            applicant_id=scene.here.organisation.id,
            host_id=scene.here.organisation.id,
            author_id=author_id,
            direction="Инклюзивное образование",
            experience="Пилотная площадка",
            achievements="Победитель конкурса",
            leader_id=scene.here.leader.id,
            term_years=3,
            created_at=NOW,
            submitted_at=NOW,
        )
        session.add(application)
        session.flush()
        return f"/applications/{application.id}"


def step(scene: Scene, client: FlaskClient, address: str, name: str, **form: str) -> TestResponse:
    return client.post(f"{address}/step", data={"csrf_token": token(scene.app, client), "step": name, **form})


def state(database: Database) -> ApplicationState:
    with database.session(writes=False) as session:
        return session.scalars(select(SiteApplication.state)).one()


def test_the_centre_withdraws_nothing_that_somebody_else_put_in(scene: Scene, database: Database) -> None:
    address = submitted(scene, database, author_id=scene.trainee.id)
    centre = scene.come("centre")
    refused = step(scene, centre, address, "withdraw")

    assert 'value="withdraw"' not in centre.get(address).text
    assert (refused.status_code, state(database)) == (403, ApplicationState.SUBMITTED)
    assert "Центр может вернуть её с замечаниями." in refused.text


@pytest.mark.parametrize("role", ["trainee", "centre"])
def test_an_application_is_withdrawn_by_the_side_that_put_it_in(scene: Scene, database: Database, role: str) -> None:
    address = submitted(scene, database, author_id=scene.trainee.id if role == "trainee" else None)
    client = scene.come(role)

    assert 'value="withdraw"' in client.get(address).text
    assert step(scene, client, address, "withdraw").status_code == 303
    assert state(database) is ApplicationState.WITHDRAWN


@pytest.mark.parametrize(
    "line", ["Ноутбук × много", "Ноутбук ×", "×", "× 5", "Ноутбук * две", "Ноутбук × 0", "Ноутбук х"]
)
def test_a_line_of_equipment_whose_number_cannot_be_read_is_refused(scene: Scene, line: str) -> None:
    client, address = scene.come("leader"), f"/sites/{scene.here.site.id}/equipment"
    form = {"csrf_token": token(scene.app, client), "revision": str(scene.here.site.revision)}
    answer = client.post(address, data={**form, "equipment": f"Интерактивная панель × 2\n{line}"})

    assert answer.status_code == 422
    assert "В строке 2 («" in answer.text


@pytest.mark.parametrize(
    ("line", "name", "quantity", "note"),
    [
        ("Холодильник", "Холодильник", 1, None),
        ("Ноутбук х 15 (каб. 12)", "Ноутбук", 15, "каб. 12"),
        ("Экран 2 × 3 м", "Экран 2 × 3 м", 1, None),
        ("Экран 2 × 3 м × 4", "Экран 2 × 3 м", 4, None),
    ],
)
def test_a_line_of_equipment_is_read(line: str, name: str, quantity: int, note: str | None) -> None:
    assert line_of(line) == EquipmentLine(name, quantity, note)


@pytest.mark.parametrize(
    ("role", "taken", "before", "words"),
    [
        ("trainee", "submit", ApplicationState.DRAFT, "Заявка подана и передана на рассмотрение центра."),
        ("trainee", "withdraw", ApplicationState.SUBMITTED, "Заявка отозвана."),
        ("centre", "return", ApplicationState.SUBMITTED, "Заявка возвращена с замечаниями."),
        ("centre", "accept", ApplicationState.SUBMITTED, "Заявка принята. Следующий шаг — приказ."),
    ],
)
def test_each_step_of_an_application_is_said(
    scene: Scene, database: Database, role: str, taken: str, before: ApplicationState, words: str
) -> None:
    address = submitted(scene, database, author_id=scene.trainee.id)
    with database.transaction() as session:
        session.scalars(select(SiteApplication)).one().state = before
    client = scene.come(role)

    assert step(scene, client, address, taken, remarks="Добавьте итоги").status_code == 303
    assert words in client.get(address).text


def test_an_order_without_a_number_asks_for_the_number(scene: Scene, database: Database) -> None:
    client, address = scene.come("centre"), f"/sites/{scene.here.site.id}/order"
    days = dict.fromkeys(("signed_on", "valid_from", "valid_until"), NOW.date().isoformat())
    form = {"csrf_token": token(scene.app, client), "leader": str(scene.here.leader.id), **days}
    answer = client.post(address, data={**form, "number": ""})

    assert answer.status_code == 422
    assert "Не указан номер приказа." in answer.text
    assert "Укажите номер приказа." in answer.text
    assert "Укажите дату." not in answer.text


def test_what_is_put_on_an_agenda_is_said(scene: Scene, database: Database) -> None:
    with database.transaction() as session:
        sitting = Sitting(held_on=NOW.date(), created_at=NOW)
        session.add(sitting)
        session.flush()
        address = f"/council/sittings/{sitting.id}"
    client = scene.come("council")
    form = {"csrf_token": token(scene.app, client), "site": str(scene.here.site.id), "reason": "Нет отчётов"}

    assert client.post(f"{address}/items", data=form).status_code == 303
    assert "Вопрос включён в повестку." in client.get(address).text
