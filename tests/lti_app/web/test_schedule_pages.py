"""The pages of a schedule: drafted from the plan, refused row by row, moved and cancelled; and its paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest
from docx import Document
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from lti_app.core.db import Database
from lti_app.core.permissions import Role
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.notices.models import Notice
from lti_app.people.models import RoleGrant
from lti_app.programmes.models import Mode
from tests.lti_app.web.conftest import CENTRE_USER
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
# The services are tried on both kinds of database; the pages add words only.

SOON = NOW + timedelta(days=7)
PATTERN = {
    "pattern_first_day": "2026-12-01",
    "pattern_at": "15:00",
    "pattern_hours": "2",
    "pattern_weekday": ["1", "3"],
    "pattern_place": "каб. 12",
    "pattern_room_url": "https://rooms.example.org/a",
    "pattern_host": "",
    "pattern_left_out": "03.12.2026",
}


@dataclass
class Leader:
    """A leader's browser, and the world that it looks at."""

    app: Flask
    world: World
    browser: FlaskClient
    database: Database

    def send(self, address: str, **typed: object) -> TestResponse:
        """Send a form."""
        return self.browser.post(address, data={"csrf_token": token(self.app, self.browser), **typed})

    @property
    def schedule(self) -> str:
        """Return the address of the schedule."""
        return f"/intakes/{self.world.intake.id}/schedule"

    def page(self, address: str) -> str:
        """Return the text of a page that is there."""
        answer = self.browser.get(address)
        assert answer.status_code == 200, answer.text
        return " ".join(answer.text.split())

    def meeting(self, **how: object) -> Meeting:
        """Put a meeting down."""
        with self.database.transaction() as session:
            self.world.session = session
            session.add_all([self.world.intake, *self.world.topics])
            return self.world.meeting(**how)  # type: ignore[arg-type]

    def meetings(self) -> list[Meeting]:
        """Return what stands in the schedule, by time."""
        with self.database.session(writes=False) as session:
            return list(session.scalars(select(Meeting).order_by(Meeting.starts_at)))


@pytest.fixture
def leader(app: Flask, database: Database) -> Leader:
    with database.transaction() as session:
        world = World(session, topics=(4, 2))
        world.trainees(3)
        session.add(RoleGrant(moodle_id=world.moodle.id, user_id=CENTRE_USER, role=Role.CENTRE, granted_at=NOW))
    return Leader(app, world, visit(app, world, world.leader), database)


def rows(leader: Leader, *changes: dict[str, str]) -> dict[str, object]:
    """Return a form of rows, a week apart, each with its changes."""
    sent: dict[str, object] = {"row": [str(number) for number in range(len(changes))]}
    for number, change in enumerate(changes):
        row = {
            "day": f"2026-12-{1 + 7 * number:02}",
            "at": "15:00",
            "minutes": "90",
            "topic": str(leader.world.topics[0].id),
            "form": "seminar",
            "mode": "on_site",
            "place": "каб. 12",
            "host": "",
            "capacity": "",
        } | change
        sent |= {f"{name}_{number}": value for name, value in row.items()}
    return sent


def test_a_draft_follows_plan_and_pattern_and_saves_nothing(leader: Leader) -> None:
    assert "Составить график по плану" in leader.page(leader.schedule)
    topics = [str(topic.id) for topic in leader.world.topics]
    modes = {f"pattern_mode_{topics[1]}": "on_site"}
    page = leader.send(f"{leader.schedule}/draft", step="lay", pattern_topic=topics, **PATTERN, **modes).text
    assert "Составлено 3 занятия." in page
    for day in ("2026-12-01", "2026-12-08", "2026-12-10"):
        assert f'value="{day}"' in page
    assert 'value="2026-12-03"' not in page
    assert page.count('value="https://rooms.example.org/a"') == 3  # of two rows, and kept for the pattern
    assert leader.meetings() == []


def test_a_pattern_that_cannot_be_read_says_so_at_its_fields(leader: Leader) -> None:
    wrong = {
        "pattern_first_day": "2027-12-01",
        "pattern_at": "поздно",
        "pattern_hours": "0,3",
        "pattern_weekday": [],
        "pattern_left_out": "лето",
    }
    page = leader.send(f"{leader.schedule}/draft", step="lay", **{**PATTERN, **wrong}).text
    for words in (
        "Занятия начинаются в пределах потока: 25.09.2026 – 23.01.2027.",
        "Это не время суток.",
        "Занятие длится от 0,5 до 16 ак. ч",
        "Пишите дни (31.12.2026) или промежутки",
        "Выберите хотя бы один день недели.",
        "Выберите хотя бы одну тему.",
    ):
        assert words in page
    assert 'value="поздно"' in page


def test_rows_are_added_taken_out_and_checked_without_scripts(leader: Leader) -> None:
    address = f"{leader.schedule}/draft"
    added = leader.send(address, step="add", **rows(leader, {}, {})).text
    assert added.count('name="row"') == 3
    assert 'value="2026-12-15"' in added
    assert leader.send(address, step="remove:0", **rows(leader, {}, {})).text.count('name="row"') == 1
    leader.meeting(starts_at=SOON + timedelta(minutes=30), topic=1, mode=Mode.ON_SITE)
    checked = leader.send(address, step="check", **rows(leader, {}, {"day": "2027-02-01"}, {"minutes": "5"})).text
    assert "В это время у потока другое занятие:" in checked
    assert "1 занятие выходит за последний день потока, 23 января 2027 г." in checked
    assert "Занятие вне дат потока" in checked
    assert "Занятие длится от 23 до 720 минут." in checked
    assert "Первый день" in leader.send(address, step="pattern", **rows(leader, {}), **PATTERN).text


def test_rows_are_saved_all_or_none(leader: Leader) -> None:
    address = f"{leader.schedule}/draft"
    refused = leader.send(
        address, step="save", **rows(leader, {"host": "Никто"}, {"day": "", "at": "25:00", "capacity": "много"})
    )
    assert refused.status_code == 422
    for words in ("Такого человека в списке нет.", "Это не дата.", "Это не время суток.", "Это не целое число."):
        assert words in refused.text
    twins = leader.send(address, step="save", **rows(leader, {}, {"day": "2026-12-01"}))
    assert "На это время уже есть занятие по этой теме" in twins.text
    assert leader.send(address, step="save").status_code == 422
    assert leader.meetings() == []

    host = leader.world.leader.full_name
    saved = leader.send(address, step="save", **rows(leader, {"host": host}, {"capacity": "2"}))
    assert saved.status_code == 303
    assert [(one.host_id, one.capacity) for one in leader.meetings()] == [(leader.world.leader.id, None), (None, 2)]
    page = leader.page(leader.schedule)
    assert "В график внесено 2 занятия." in page
    assert "1 из 2 в серии" in page
    assert "Мест меньше, чем стажёров в потоке." in page
    assert "Тема 2: 0 из 2 ак. ч" in page


def test_a_meeting_is_repeated_weekly(leader: Leader) -> None:
    one = {name.removesuffix("_0"): value for name, value in rows(leader, {}).items() if name != "row"}
    address = f"{leader.schedule}/new"
    assert "Совпадений нет." in leader.send(address, step="check", times="3", **one).text
    assert "Число повторений" in leader.send(address, step="save", times="0", **one).text
    assert "Занятие вне дат потока" in leader.send(address, step="save", times="60", **one).text
    assert leader.meetings() == []
    assert leader.send(address, step="save", times="3", **one).status_code == 303
    assert [f"{one.starts_at:%d.%m %H:%M}" for one in leader.meetings()] == [
        "01.12 08:00",
        "08.12 08:00",
        "15.12 08:00",
    ]


def test_a_meeting_is_moved_and_people_are_told_and_its_page_keeps_the_history(leader: Leader) -> None:
    meeting = leader.meeting(starts_at=SOON, mode=Mode.ON_SITE)
    address = f"/meetings/{meeting.id}"
    assert f"{address}/move" in leader.page(address)
    assert "Уведомление получат 3 человека" in leader.page(f"{address}/move")
    to = {"day": "2026-12-02", "at": "16:30", "place": "каб. 7"}
    assert "Совпадений нет." in leader.send(f"{address}/move", step="check", revision="1", **to).text
    old = leader.send(f"{address}/move", revision="0", **to)
    assert old.status_code == 409
    assert "Оба текста" in old.text or "Сравните" in old.text
    assert leader.send(f"{address}/move", revision="1", **{**to, "day": "нет"}).status_code == 422
    assert leader.send(f"{address}/move", revision="1", **to).status_code == 303
    assert "Занятие перенесено. Уведомления отправлены: 3 человека." in leader.page(leader.schedule)
    page = leader.page(address)
    assert "занятие перенесено" in page
    assert "вт, 1 декабря, 15:00</del> → <ins>ср, 2 декабря, 16:30" in page


def test_an_individual_meeting_is_moved_out_of_the_way_of_its_trainee_alone(leader: Leader) -> None:
    first, second = leader.meeting(starts_at=SOON), leader.meeting(starts_at=SOON + timedelta(days=1))
    with leader.database.transaction() as session:
        trainees = session.scalars(select(Trainee.id)).all()
        host = session.scalars(select(Trainee.person_id)).all()[2]
        for meeting, trainee_id in zip((first, second), trainees, strict=False):
            session.get_one(Meeting, meeting.id).only_for_id = trainee_id
        session.get_one(Meeting, second.id).host_id = host
    typed = {"day": "2026-12-02", "at": "15:00", "place": first.room_url or "", "step": "check", "revision": "1"}
    assert "Совпадений нет." in leader.send(f"/meetings/{first.id}/move", **typed).text
    assert "Уведомление получит 1 человек" in leader.page(f"/meetings/{first.id}/move")


def test_a_meeting_is_edited_and_nothing_is_told_where_nothing_changed(leader: Leader) -> None:
    meeting = leader.meeting(starts_at=SOON, mode=Mode.ON_SITE)
    address = f"/meetings/{meeting.id}/edit"
    one = {
        "topic": str(leader.world.topics[0].id),
        "form": "seminar",
        "mode": "on_site",
        "minutes": "90",
        "place": "каб. 12",
        "host": "",
        "capacity": "",
        "revision": "1",
    }
    leader.page(address)
    assert "Выберите из списка." in leader.send(address, **{**one, "form": "бал"}).text
    leader.meeting(starts_at=SOON, topic=1, mode=Mode.ON_SITE)
    checked = leader.send(address, step="check", **{**one, "capacity": "2"}).text
    assert "Место или комната в это время заняты:" in checked
    assert "Мест в помещении: 2, стажёров в потоке: 3." in " ".join(checked.split())
    leader.send(address, **one)
    assert "Изменений нет." in leader.page(leader.schedule)
    leader.send(address, **{**one, "place": "каб. 3"})
    assert "Сохранено. Уведомления отправлены: 3 человека." in leader.page(leader.schedule)
    stale = leader.send(address, **{**one, "place": "каб. 4"})
    assert stale.status_code == 409
    assert "каб. 3" in stale.text


def test_a_cancelled_meeting_stays_and_is_planned_again(leader: Leader) -> None:
    meeting = leader.meeting(starts_at=SOON)
    address = f"/meetings/{meeting.id}"
    leader.page(f"{address}/cancel")
    assert leader.send(f"{address}/cancel", revision="1", reason="м" * 501).status_code == 422
    leader.send(f"{address}/cancel", revision="1", reason="карантин")
    page = leader.page(leader.schedule)
    assert "Занятие отменено. Уведомления отправлены: 3 человека." in page
    assert f"{address}/restore" in page
    assert leader.meetings()[0].state is MeetingState.CANCELLED
    assert leader.send(f"{address}/restore", revision="2").status_code == 303
    assert leader.meetings()[0].state is MeetingState.PLANNED
    with leader.database.session(writes=False) as session:
        assert occasions(session) == {"meeting_cancelled", "meeting_restored"}


def occasions(session: Session) -> set[str]:
    return set(session.scalars(select(Notice.occasion)))


def test_the_centre_reads_the_schedule_without_rooms_and_individual_meetings(leader: Leader) -> None:
    leader.meeting(starts_at=SOON)
    alone = leader.meeting(starts_at=SOON + timedelta(days=1), topic=1)
    with leader.database.transaction() as session:
        session.get_one(Meeting, alone.id).only_for_id = session.scalars(select(Trainee.id).limit(1)).one()
    own = leader.page(leader.schedule)
    assert "индивидуально: Стажёрова" in own
    centre = visit(leader.app, leader.world, None, user_id=CENTRE_USER).get(leader.schedule).text
    assert "Тема 1" in centre
    assert "rooms.example.org" not in centre
    assert "Стажёрова" not in centre
    assert "/move" not in centre


def test_the_schedule_prints_without_what_is_cancelled_or_secret(leader: Leader) -> None:
    leader.meeting(starts_at=SOON)
    leader.meeting(starts_at=SOON + timedelta(days=1), cancelled=True, topic=1)
    assert "Сохранить для Word" in leader.page(f"{leader.schedule}/paper")
    answer = leader.browser.get(f"{leader.schedule}/paper?as=docx&signatory_name=Иванов И. И.")
    document = Document(BytesIO(answer.data))
    (table,) = [one for one in document.tables if len(one.columns) == 8]
    cells = [[cell.text for cell in row.cells] for row in table.rows]
    assert cells[1][:5] == ["1", "01.12.2026", "15:00–16:30", "Тема 1", "семинар"]
    assert cells[1][5:] == ["2", "дистанционно", "Р.\N{NO-BREAK SPACE}Руководителева"]
    assert len(cells) == 3
    words = " ".join(" ".join(paragraph.text for paragraph in document.paragraphs).split())
    assert "И.И. Иванов" in words
    assert "UTC+7" in words


def test_a_schedule_takes_as_many_queries_for_many_meetings_as_for_few(leader: Leader) -> None:
    counts = []
    for number in range(2):
        for hour in range(1 + 9 * number):
            leader.meeting(starts_at=SOON + timedelta(days=number, hours=hour))
        with counted_queries(leader.app.extensions["ploshchadka"].database) as seen:
            leader.page(leader.schedule)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16
