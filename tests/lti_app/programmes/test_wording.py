"""The wording of a protocol's point: two secretaries who write at once are told of each other."""

from __future__ import annotations

from lti_app.core.db import Database
from lti_app.programmes.models import AgendaItem
from tests.lti_app.web.test_paper_pages import Desk, desk
from tests.lti_app.web.visits import token

__all__ = ["desk"]


def test_the_second_secretary_is_told_and_shown_both_wordings(desk: Desk, database: Database) -> None:
    address = desk.papers["extract"].replace("/paper", "/wording")
    csrf = token(desk.council.application, desk.council)
    empty = {"csrf_token": csrf, "was_heard": "", "was_spoke": "", "was_decided": ""}
    first = desk.council.post(address, data={**empty, "heard": "Доклад руководителя\r\nпрограммы"})
    assert first.status_code == 303

    second = desk.council.post(address, data={**empty, "heard": "Сообщение методиста"})

    assert second.status_code == 409
    both = second.text.split('id="both-texts"')[1].split("</section>")[0]
    assert "Доклад руководителя\nпрограммы" in both
    assert "Сообщение методиста" in both
    assert ">Сообщение методиста</textarea>" in second.text
    assert 'name="was_heard" value="Доклад руководителя\nпрограммы"' in second.text

    seen = {**empty, "was_heard": "Доклад руководителя\r\nпрограммы", "heard": "Сообщение методиста"}
    assert desk.council.post(address, data=seen).status_code == 303
    assert desk.council.post(address, data=seen).status_code == 303, "what stands already is no conflict"
    with database.session(writes=False) as session:
        item = session.get_one(AgendaItem, int(address.split("/")[3]))
        assert item.heard == "Сообщение методиста"
