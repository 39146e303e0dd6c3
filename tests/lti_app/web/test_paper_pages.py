"""Papers out of what is on the lists: looked over on a page, corrected there, saved as DOCX and PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from urllib.parse import unquote

import pytest
from docx import Document
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader

from lti_app.core.db import Database
from lti_app.core.permissions import Role
from lti_app.intakes.models import EndedIntake, EndedTrainee, IntakeOutcome, TraineeOutcome
from lti_app.people.models import OrganisationHead, RoleGrant
from lti_app.programmes.models import AgendaItem, Decision, Sitting
from lti_app.sites.models import ApplicationState, EndGrounds, SiteApplication, SiteEnd
from tests.lti_app.web.conftest import CENTRE_USER, COUNCIL_USER
from tests.lti_app.web.visits import visit
from tests.lti_app.world import NOW, World, behind_the_rules


@dataclass(frozen=True)
class Desk:
    """The centre's and the council's browsers, and the addresses of the papers by what they are."""

    centre: FlaskClient
    council: FlaskClient
    papers: dict[str, str]

    def at(self, name: str, **typed: str) -> tuple[int, str]:
        """Return status and text of a paper's page."""
        who = self.council if name in ("protocol", "extract") else self.centre
        answer = who.get(self.papers[name], query_string=typed)
        return answer.status_code, answer.text

    def saved(self, name: str, kind: str, **typed: str) -> tuple[str, str]:
        """Return the file's name and its text."""
        who = self.council if name in ("protocol", "extract") else self.centre
        answer = who.get(self.papers[name], query_string={**typed, "as": kind})
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        called = unquote(answer.headers["Content-Disposition"].partition("UTF-8''")[2])
        return called, _docx(answer.data) if kind == "docx" else _pdf(answer.data)


def _docx(content: bytes) -> str:
    document = Document(BytesIO(content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return " ".join(" ".join([*(paragraph.text for paragraph in document.paragraphs), *cells]).split())


def _pdf(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(content)).pages)


@pytest.fixture
def desk(app: Flask, database: Database) -> Desk:
    with database.transaction() as session, behind_the_rules(session):
        world = World(session, title="Урок, который помнят")
        world.organisation.short_name = "Школа № 14"
        world.leader.last_name, world.leader.first_name, world.leader.middle_name = "Иванова", "Елена", "Сергеевна"
        world.leader.position = "учитель химии"
        world.order.leader_id, world.order.signatory = world.leader.id, "Громова Наталья Викторовна"
        head = world.person("Кузнецов")
        head.first_name, head.middle_name, head.position = "Лев", "Петрович", "директор"
        session.add(OrganisationHead(organisation_id=world.organisation.id, person_id=head.id, since=NOW.date()))
        application = SiteApplication(
            state=ApplicationState.SUBMITTED,
            applicant_id=world.organisation.id,
            host_id=world.organisation.id,
            direction="Современный урок",
            experience="Опыт инноваций",
            achievements="Победы в конкурсах",
            leader_id=world.leader.id,
            term_years=3,
            created_at=NOW,
            submitted_at=NOW,
        )
        sitting = Sitting(
            held_on=NOW.date(),
            protocol_number="7",
            chair="Т. В. Ершова",
            secretary="Соловьёва В. П.",
            present="Ершова Т. В., заместитель директора\nСоловьёва В. П.",
            created_at=NOW,
        )
        item = AgendaItem(
            sitting=sitting, position=1, version=world.version, decision=Decision.APPROVED, decided_at=NOW
        )
        other = AgendaItem(sitting=sitting, position=2, site=world.site, reason="Нет потоков")
        trainee = world.trainee("Стажёров")
        end = SiteEnd(
            site_id=world.site.id,
            grounds=EndGrounds.COUNCIL,
            paper_number="7",
            paper_date=NOW.date(),
            order_number="88",
            order_date=NOW.date(),
            ends_on=NOW.date() + timedelta(days=1),
            reason="Руководитель сменил работу",
            decided_at=NOW,
            decided_by="Центрова",
        )
        session.add_all([application, sitting, item, other, end])
        session.flush()
        session.add(EndedIntake(end_id=end.id, intake_id=world.intake.id, outcome=IntakeOutcome.BROKEN_OFF))
        session.add(EndedTrainee(end_id=end.id, trainee_id=trainee.id, outcome=TraineeOutcome.CREDITED))
        session.add_all(
            RoleGrant(moodle_id=world.moodle.id, user_id=user, role=role, granted_at=NOW)
            for user, role in ((CENTRE_USER, Role.CENTRE), (COUNCIL_USER, Role.COUNCIL))
        )
        session.flush()
        papers = {
            "application": f"/applications/{application.id}/paper",
            "order": f"/sites/{world.site.id}/orders/{world.order.id}/paper",
            "list": "/sites/list/paper",
            "programme": f"/programmes/versions/{world.version.id}/paper",
            "protocol": f"/council/sittings/{sitting.id}/paper",
            "extract": f"/council/items/{item.id}/paper",
            "end": f"/sites/{world.site.id}/end/paper",
        }
    centre, council = (visit(app, world, user_id=user) for user in (CENTRE_USER, COUNCIL_USER))
    return Desk(centre, council, papers)


SAYS = {
    "application": ("Заявка Школа № 14", ["Иванова Елена Сергеевна", "Опыт инноваций", "Победы в конкурсах"]),
    "order": ("Приказ № 1 от 24.11.2026", ["Иванову Елену Сергеевну", "учителя химии", "Современный урок"]),
    "list": ("Список стажировочных площадок на 24.11.2026", ["Школа a", "Иванова Елена Сергеевна"]),
    "programme": ("Программа «Урок, который помнят»", ["Тема 1", "протокол № 3", "Л.П. Кузнецов"]),
    "protocol": ("Протокол № 7 от 24.11.2026", ["Одобрить программу", "О прекращении деятельности", "Т.В. Ершова"]),
    "extract": ("Выписка из протокола № 7 от 24.11.2026", ["Одобрить программу стажировки «Урок, который помнят»"]),
    "end": ("Приказ № 88 от 24.11.2026 о прекращении деятельности", ["сменил работу", "Стажёров", "часы зачтены"]),
}


@pytest.mark.parametrize("name", SAYS)
def test_a_paper_says_what_is_on_the_lists_in_both_kinds_of_file(desk: Desk, name: str) -> None:
    called, words = SAYS[name]
    file, text = desk.saved(name, "docx")
    assert file == f"{called}.docx"
    assert [word for word in words if word not in text] == []
    file, text = desk.saved(name, "pdf")
    assert file == f"{called}.pdf"
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("name", SAYS)
def test_a_paper_is_looked_over_on_a_page(desk: Desk, name: str) -> None:
    status, page = desk.at(name)

    assert status == 200
    assert SAYS[name][0] in page.replace("&#34;", '"')
    assert "Сохранить для Word (.docx)" in page
    assert "Сохранить в PDF" in page


def test_an_extract_leaves_the_other_points_out(desk: Desk) -> None:
    assert "О прекращении" not in desk.saved("extract", "docx")[1]


def test_a_wording_that_was_corrected_stands_in_the_paper(desk: Desk) -> None:
    page = desk.at("order")[1]
    assert 'name="leader_accusative" value="Иванову Елену Сергеевну, учителя химии"' in page
    typed = {"leader_accusative": "Иванову Е.С.", "was_leader_accusative": "Иванову Елену Сергеевну, учителя химии"}

    text = desk.saved("order", "docx", **typed)[1]

    assert "площадки Иванову Е.С. 3. Контроль" in text
    assert "Иванову Елену" not in text


def test_a_wording_that_was_left_alone_follows_what_is_typed_above(desk: Desk) -> None:
    typed = {"to_name": "Громова Наталья Викторовна", "to_position": "директор"}
    shown = desk.saved("application", "docx", **typed)[1]
    assert "Громовой Н" in shown

    stale = {**typed, "to_name": "Ершова Тамара Викторовна"}
    stale |= {"addressee_name": "Громовой Н.В.", "was_addressee_name": "Громовой Н.В."}
    assert "Ершовой Т" in desk.saved("application", "docx", **stale)[1]


def test_what_is_asked_for_stands_in_the_paper(desk: Desk) -> None:
    text = desk.saved("list", "docx", number="113", date="2026-11-20", signatory_name="Громова Наталья Викторовна")[1]

    assert "20 ноября 2026 г." in text
    assert "№ 113" in text
    assert "Н.В. Громова" in text


def test_a_day_that_is_none_is_refused(desk: Desk) -> None:
    status, page = desk.at("list", date="вчера")

    assert status == 422
    assert "Это не дата." in page


def test_an_order_of_another_site_is_not_found(desk: Desk) -> None:
    assert desk.centre.get(desk.papers["order"].replace("orders/1", "orders/999")).status_code == 404
