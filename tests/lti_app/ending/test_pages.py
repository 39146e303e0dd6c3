"""The page on which a site is ended: what is under way, what would happen in numbers, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.permissions import Role
from lti_app.people.models import RoleGrant
from lti_app.programmes.models import AgendaItem
from lti_app.sites.models import SiteEnd
from tests.lti_app.web.visits import tied_user, token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries
from tests.regulation.test_clause_8_1 import TODAY, recommended


@dataclass(frozen=True)
class Office:
    """A specialist of the centre at the page of a site with two trainees under way, of whom the first attended."""

    client: FlaskClient
    address: str
    form: dict[str, str | list[str]]
    intake_id: int
    attended_id: int
    new_id: int


@pytest.fixture
def office(app: Flask, database: Database) -> Office:
    with database.transaction() as session:
        world = World(session, course_id=12)
        attended, new = world.trainees(2)
        world.attended(world.meeting(hours=2), attended)
        item = recommended(world)
        specialist = world.person("Центрова")
        intake_id = world.intake.id
    user = tied_user(app, world.moodle.id, specialist.id)
    with database.transaction() as session:
        session.add(RoleGrant(moodle_id=world.moodle.id, user_id=user, role=Role.CENTRE, granted_at=NOW))
    client = visit(app, world, specialist)
    form: dict[str, str | list[str]] = {
        "csrf_token": token(app, client),
        "grounds": "council",
        "item": str(item.id),
        "order_number": "88",
        "order_date": TODAY.isoformat(),
        "ends_on": TODAY.isoformat(),
        "reason": "Поток <b>не состоялся</b>",
        "forgoes_unconfirmed": "yes",
        f"intake_{intake_id}": "broken_off",
        f"trainees_of_{intake_id}": [str(attended.id), str(new.id)],
        f"trainee_{attended.id}": "credited",
        f"trainee_{new.id}": "left",
    }
    return Office(client, f"/sites/{world.site.id}/end", form, intake_id, attended.id, new.id)


def test_what_would_happen_is_said_in_numbers_before_it_does(office: Office, database: Database) -> None:
    page = office.client.get(office.address).text
    assert "протокол № 7 от 21 ноября 2026 г." in page
    assert '<option value="credited" selected>' in page.split(f'id="trainee_{office.attended_id}"')[1][:300]
    assert "Прекратить деятельность площадки" not in page

    checked = office.client.post(office.address, data={**office.form, "step": "check"})
    assert checked.status_code == 200
    assert "1 поток будет прерван" in checked.text
    assert "1 стажёру будут зачтены посещённые часы, всего 2 ак. ч" in checked.text
    assert "в курсе Moodle будет приостановлен 1 стажёр" in checked.text
    with database.session(writes=False) as session:
        assert session.scalar(select(SiteEnd)) is None

    done = office.client.post(office.address, data={**office.form, "step": "end"})
    assert done.status_code == 303
    ended = office.client.get(office.address).text
    assert "Деятельность площадки прекращена" in ended
    assert "Поток &lt;b&gt;не состоялся&lt;/b&gt;" in ended
    assert "Стажёрова001 Анна — посещённые часы зачтены" in ended
    assert "отчислен(а) без зачёта" in ended


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("grounds", "", "Не указано основание прекращения деятельности."),
        ("grounds", "whim", "Не указано основание прекращения деятельности."),
        ("ends_on", "31.12.2026", "Дата не указана или указана неверно."),
        ("item", "99999999999999999999", "Методический совет не рекомендовал"),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_marks_the_field(
    office: Office, field: str, value: str, words: str
) -> None:
    answer = office.client.post(office.address, data={**office.form, "step": "end", field: value})

    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "Поток &lt;b&gt;не состоялся&lt;/b&gt;</textarea>" in answer.text


def test_a_trainee_who_came_meanwhile_is_not_ended_unseen(office: Office, database: Database, app: Flask) -> None:
    form = {**office.form, "step": "end", f"trainees_of_{office.intake_id}": [str(office.attended_id)]}
    answer = office.client.post(office.address, data=form)

    assert answer.status_code == 422
    assert "Не решено, что будет со стажёром: Стажёрова002 Анна." in answer.text


def test_no_such_site_is_not_found(office: Office) -> None:
    assert office.client.get("/sites/999999/end").status_code == 404


def test_the_page_asks_as_often_for_many_trainees_as_for_few(office: Office, database: Database) -> None:
    with counted_queries(office.client.application.extensions["ploshchadka"].database) as few:
        office.client.get(office.address)
    with database.transaction() as session:
        world = World(session, "z")
        world.intake.version.programme.site_id = int(office.address.split("/")[2])
        world.trainees(30)
        assert session.scalar(select(AgendaItem.id)) is not None
    with counted_queries(office.client.application.extensions["ploshchadka"].database) as many:
        office.client.get(office.address)

    assert 0 < len(many) == len(few) <= 14


def test_hours_that_the_leader_has_no_word_on_are_not_lost_silently(office: Office, database: Database) -> None:
    page = office.client.get(office.address).text
    assert "не подтверждена посещаемость 1 занятия" in page
    unsaid = {name: value for name, value in office.form.items() if name != "forgoes_unconfirmed"}

    for step in ("check", "end"):
        refused = office.client.post(office.address, data={**unsaid, "step": step})
        assert refused.status_code == 422
        assert "часы пропадут" in refused.text
        assert "Попросите руководителя сначала подтвердить её" in refused.text
    with database.session(writes=False) as session:
        assert session.scalar(select(SiteEnd)) is None
