"""Pages of plans, consultations and planned results: what they show, keep and refuse, and what they cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.plans.agreeing import agree_to_plan
from lti_app.plans.consulting import ask_consultation
from lti_app.plans.models import Consultation, IndividualPlan, RatingMoment
from lti_app.plans.rating import rate
from lti_app.plans.seats import seat_of
from lti_app.plans.writing import begin_plans
from lti_app.programmes.models import Competence, ProgrammeVersion, VersionState
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World, behind_the_rules
from tests.querycount import counted_queries

ZONE = ZoneInfo("Asia/Novokuznetsk")
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Room:
    """An intake with trainees who have agreed plans, questions and ratings; one of them and the leader visit it."""

    app: Flask
    world: World
    intake_id: int
    trainee_id: int
    leader: FlaskClient
    trainee: FlaskClient

    def sent(self, client: FlaskClient, address: str, **data: object) -> str:
        answer = client.post(address, data={"csrf_token": token(self.app, client), **data}, follow_redirects=True)
        return answer.text


def filled(app: Flask, database: Database, trainees: int = 3, code: str = "a") -> Room:
    with database.transaction() as session:
        world = World(session, code)
        world.meeting(starts_at=NOW + timedelta(days=3))
        people = world.trainees(trainees)
        with behind_the_rules(session):
            results = [
                Competence(version=world.version, position=place, text=text)
                for place, text in enumerate(("Составляет задания", "Оценивает работы"), start=1)
            ]
            session.add_all(results)
        begin_plans(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW, zone=ZONE)
        for trainee in people:
            own = world.actor_of(trainee)
            for actor in (world.leader_actor, own):
                agree_to_plan(session, trainee_id=trainee.id, seen=1, actor=actor, now=NOW)
            ask_consultation(
                session, intake_id=world.intake.id, topic_id=world.topics[0].id, question="Как оценить?",
                wished="", actor=own, now=NOW,
            )  # fmt: skip
            seat = seat_of(session, trainee.id, actor=world.leader_actor)
            for moment, value in ((RatingMoment.START, 1), (RatingMoment.END, 3)):
                rate(session, seat, moment, {results[0].id: value}, actor=world.leader_actor, now=NOW, zone=ZONE)
        first = people[0]
        intake_id, trainee_id, person = world.intake.id, first.id, first.person
    return Room(app, world, intake_id, trainee_id, visit(app, world, world.leader), visit(app, world, person))


@pytest.fixture
def room(app: Flask, database: Database) -> Room:
    return filled(app, database)


PAGES = {
    "leader": (
        "/intakes/{intake}/plans",
        "/trainees/{trainee}/plan",
        "/trainees/{trainee}/plan/edit",
        "/intakes/{intake}/consultations",
        "/intakes/{intake}/competences",
        "/trainees/{trainee}/competences",
    ),
    "trainee": ("/intakes/{intake}/plan", "/intakes/{intake}/consultations", "/intakes/{intake}/competences"),
}


def test_pages_cost_the_same_for_many_trainees(app: Flask, database: Database) -> None:
    costs: dict[str, list[int]] = {}
    for code, number in (("a", 1), ("b", 9)):
        room = filled(app, database, number, code)
        for role, addresses in PAGES.items():
            client = room.leader if role == "leader" else room.trainee
            for address in addresses:
                with counted_queries(database) as queries:
                    answer = client.get(address.format(intake=room.intake_id, trainee=room.trainee_id))
                assert answer.status_code == 200, address
                costs.setdefault(f"{role} {address}", []).append(len(queries))
    assert all(few == many for few, many in costs.values()), costs
    assert max(few for few, _many in costs.values()) <= 20, costs


def test_a_point_stays_on_its_meeting_when_that_is_cancelled(room: Room, database: Database) -> None:
    with database.transaction() as session:
        meeting = session.scalars(select(Meeting)).one()
        meeting.state = MeetingState.CANCELLED
        number = meeting.id
    page = room.trainee.get(f"/trainees/{room.trainee_id}/plan/edit").text
    option = re.search(rf'<option value="{number}" selected>([^<]*)</option>', page)
    assert option is not None
    assert option[1].endswith("(отменено)")


def test_rows_are_added_moved_and_taken_out_without_scripts(room: Room, database: Database) -> None:
    address = f"/trainees/{room.trainee_id}/plan/edit"
    form = {
        "revision": "1",
        "aim": "Освоить приёмы",
        "row": ["1", "2"],
        "title_1": "Конспект",
        "starts_on_1": "2026-12-01",
        "ends_on_1": "2026-12-05",
        "title_2": "Карта",
        "starts_on_2": "2026-12-01",
        "ends_on_2": "2026-12-05",
        "hours_2": "полтора",
    }
    shown = room.sent(room.trainee, address, **form, step="add")
    assert 'name="title_3"' in shown
    shown = room.sent(room.trainee, address, **form, step="down:1")
    assert shown.index("Карта") < shown.index("Конспект")
    shown = room.sent(room.trainee, address, **form, step="remove:1")
    assert "Конспект" not in shown
    refused = room.sent(room.trainee, address, **form, step="propose")
    assert "полтора" in refused
    assert "aria-invalid" in refused
    said = room.sent(room.trainee, address, **{**form, "hours_2": "1,5"}, step="propose")
    assert "План предложен на согласование" in said
    late = room.sent(room.leader, address, **{**form, "title_1": "Иначе", "hours_2": "1"}, step="save")
    assert 'class="both-texts"' in late
    with database.session(writes=False) as session:
        plan = session.scalars(select(IndividualPlan).where(IndividualPlan.trainee_id == room.trainee_id)).one()
        assert [item.title for item in plan.items if item.position] == ["Конспект", "Карта"]


def test_a_meeting_names_its_point_and_gives_its_day(room: Room, database: Database) -> None:
    with database.session(writes=False) as session:
        plan = session.scalars(select(IndividualPlan).where(IndividualPlan.trainee_id == room.trainee_id)).one()
        meeting_id = next(item.meeting_id for item in plan.items if item.meeting_id)
    form = {"revision": "1", "row": ["1"], "meeting_1": str(meeting_id), "starts_on_1": "когда-нибудь"}
    room.sent(room.leader, f"/trainees/{room.trainee_id}/plan/edit", **form, step="save")
    with database.session(writes=False) as session:
        plan = session.scalars(select(IndividualPlan).where(IndividualPlan.trainee_id == room.trainee_id)).one()
        (item,) = [one for one in plan.items if one.position]
        assert (item.title, item.starts_on, item.ends_on) == ("Тема 1", date(2026, 11, 27), date(2026, 11, 27))


def test_points_are_marked_and_versions_compared(room: Room) -> None:
    page = room.trainee.get(f"/intakes/{room.intake_id}/plan").text
    assert "план согласован" in page
    assert "выполнено 0 из 4" in page
    point = page.split("/plan/items/")[1].split('"')[0]
    address = f"/trainees/{room.trainee_id}/plan/items/{point}"
    assert "ждёт подтверждения руководителя" in room.sent(room.trainee, address, do="done")
    assert "выполнено 1 из 4" in room.sent(room.leader, address, do="done")
    assert "подтвердил этот пункт" in room.sent(room.trainee, address, do="open")
    assert room.leader.get(f"/trainees/{room.trainee_id}/plan/compare?before=9").status_code == 404
    assert "Тексты совпадают" in room.leader.get(f"/trainees/{room.trainee_id}/plan/compare?before=1").text
    paper = room.trainee.get(f"/trainees/{room.trainee_id}/plan/paper?as=docx")
    assert paper.data.startswith(b"PK")


def test_a_question_is_answered_on_its_page(room: Room, database: Database) -> None:
    address = f"/intakes/{room.intake_id}/consultations"
    assert "Не указан вопрос" in room.sent(room.trainee, address, topic="1", question=" ", wished="в пятницу")
    assert "Вопрос отправлен" in room.sent(room.trainee, address, topic="1", question="Ещё один", wished="в пятницу")
    with database.session(writes=False) as session:
        question_id = session.scalars(select(Consultation.id).order_by(Consultation.id.desc())).first()
    form = {"starts_at": "2026-11-27T15:05", "minutes": "45", "mode": "on_site", "place_or_url": "каб. 5"}
    page = f"/consultations/{question_id}"
    refused = room.sent(room.leader, page, do="agree", **{**form, "starts_at": ""})
    assert "Не указаны день и время" in refused
    said = room.sent(room.leader, page, do="agree", answer="Приходите", **form)
    assert "Консультация внесена в график обоих" in said
    assert "У стажёра в это время другое занятие: «Тема 1»" in said
    assert "пт, 27 ноября, 15:05–15:50" in room.trainee.get(f"/intakes/{room.intake_id}").text
    other = visit(room.app, room.world, _another(database, room))
    assert "15:05–15:50" not in other.get(f"/intakes/{room.intake_id}").text


def _another(database: Database, room: Room):  # type: ignore[no-untyped-def]
    with database.session(writes=False) as session:
        query = select(Trainee).where(Trainee.intake_id == room.intake_id, Trainee.id != room.trainee_id)
        trainee = session.scalars(query.order_by(Trainee.id)).first()
        assert trainee is not None
        return trainee.person


def test_planned_results_are_rated_shown_and_saved_as_a_table(room: Room) -> None:
    with room.app.extensions["ploshchadka"].database.session(writes=False) as session:
        first, second = session.scalars(select(Competence.id).order_by(Competence.id)).all()
    address = f"/intakes/{room.intake_id}/competences"
    assert "Сохранено 2 оценки." in room.sent(room.trainee, address, **{f"start_{first}": "2", f"start_{second}": "0"})
    assert "Итоговую оценку ставят с 10.01.2027" in room.sent(room.trainee, address, **{f"end_{first}": "2"})
    said = room.sent(room.leader, f"/trainees/{room.trainee_id}/competences", **{f"start_{second}": "1"})
    assert "1 → 3 (+2)" in " ".join(said.split())
    assert "оценено результатов: 3 из 6, стажёров: 3 из 3" in said
    sheet = load_workbook(BytesIO(room.leader.get(f"{address}.xlsx").data)).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)]  # type: ignore[union-attr]
    assert rows[0][1:] == [2, None, 1, 3, 0, None, 1, None]


def test_the_editor_takes_a_scale(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session, state=VersionState.DRAFT, published=False)
        version_id = world.version.id
    client = visit(app, world, world.leader)
    address = f"/programmes/versions/{version_id}/edit"
    form = {"csrf_token": token(app, client), "title": "Программа", "hours": "24", "step": "save", "revision": "1"}
    assert "от 2 до 10 строк" in client.post(address, data={**form, "rating_scale": "одна"}).text
    client.post(address, data={**form, "rating_scale": "нет\n\n да "})
    with database.session(writes=False) as session:
        assert session.get_one(ProgrammeVersion, version_id).rating_scale == "нет\nда"
