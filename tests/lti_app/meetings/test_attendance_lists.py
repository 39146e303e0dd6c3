"""A list from elsewhere: taken, understood, matched, accepted, forgotten."""

from __future__ import annotations

import io
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.meetings.attendance_lists import (
    KEPT,
    MOST_BYTES,
    NOBODY,
    accept_list,
    discard_list,
    find_list,
    lines_of,
    settle_columns,
    sweep_lists,
    take_list,
)
from lti_app.meetings.invariants import overlapping_stays, stays_of_strangers
from lti_app.meetings.list_matching import Match
from lti_app.meetings.models import GuestState, JoinLog, Meeting, MeetingGuest, StaySource
from lti_app.meetings.onsite_models import AttendanceList, ListState
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
MINUTE = timedelta(minutes=1)
HEAD = "Имя;E-mail;Вход;Выход\n"
LIST = HEAD + "Иванова Анна;;12:00;13:00\nкто-то;boris@example.org;12:30;12:45\nЧужой;;12:00;13:30\n"


class Room:
    """A meeting at a distance that ran from 12:00 to 13:30 local, with two trainees and a guest."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.world = World(session)
        self.anna = self.world.trainee("Иванова")
        self.boris = self.world.trainee(person=self.world.person("Петров", email="boris@example.org"))
        self.meeting = self.world.meeting(starts_at=NOW - 180 * MINUTE)
        guest = MeetingGuest(
            meeting_id=self.meeting.id,
            person_id=self.world.person("Гостева").id,
            state=GuestState.SIGNED_UP,
            queued_at=NOW,
        )
        session.add(guest)
        session.flush()
        self.guest = guest

    def take(self, content: bytes | str = LIST, *, provider: str = "Телемост", **more: object) -> AttendanceList:
        how = {"actor": self.world.leader_actor, "meeting_id": self.meeting.id, "file_name": "list.csv", "now": NOW}
        raw = content.encode() if isinstance(content, str) else content
        return take_list(self.session, provider=provider, content=raw, **{**how, **more})  # type: ignore[arg-type]

    def accept(self, found: AttendanceList, *, checked: bool = True, **decisions: str) -> AttendanceList:
        return accept_list(
            self.session,
            list_id=found.id,
            decisions={key.removeprefix("r"): value for key, value in decisions.items()},
            names_checked=checked,
            seen=found.revision,
            zone=ZONE,
            actor=self.world.leader_actor,
            now=NOW,
        )

    def stays(self) -> list[tuple[int | None, int | None, int, int]]:
        rows = self.session.scalars(
            select(JoinLog).where(JoinLog.source == StaySource.LIST).order_by(JoinLog.trainee_id, JoinLog.joined_at)
        )
        start = self.meeting.starts_at
        return [
            (one.trainee_id, one.guest_id, (one.joined_at - start) // MINUTE, (one.left_at - start) // MINUTE)
            for one in rows
            if one.left_at
        ]


def workbook(rows: list[list[object]]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(file)
    return file.getvalue()


def test_a_list_becomes_stays_and_its_rows_are_forgotten(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        found = room.take()
        assert found.state is ListState.REVIEW
        lines = lines_of(session, found, zone=ZONE)
        assert [(line.person.key, line.matched.how, line.minutes) for line in lines] == [
            ("2", Match.NAME, 60),
            ("3", Match.EMAIL, 15),
            ("4", Match.NOBODY, 90),
        ]
        with pytest.raises(DomainError, match="list_undecided") as refusal:
            room.accept(found, r2=f"t{room.anna.id}", r3="", r4=NOBODY)
        assert refusal.value.field == "row-3"
        decided = {"r2": f"t{room.anna.id}", "r3": f"t{room.boris.id}", "r4": NOBODY}
        with pytest.raises(DomainError, match="names_not_checked"):
            room.accept(found, checked=False, **decided)
        with pytest.raises(Conflict, match="not_awaited"):
            room.accept(found, **{**decided, "r4": "t99999"})
        assert room.stays() == []
        room.world.stay(room.meeting, room.anna, room.meeting.starts_at, room.meeting.starts_at + 80 * MINUTE)
        room.accept(found, **decided)
        assert room.stays() == [(room.anna.id, None, 0, 60), (room.boris.id, None, 30, 45)]
        assert (found.rows, found.headings, found.people, found.left_out) == ([], [], 2, 1)
        assert list(overlapping_stays(session)) == []  # the tool's own stay of the same time is another's word
        with pytest.raises(Conflict, match="list_accepted"):
            room.accept(found, **decided)


def test_a_list_of_an_individual_meeting_means_its_trainee_alone(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        room.meeting.only_for_id = room.anna.id
        session.delete(room.guest)
        session.flush()
        found = room.take()
        how = [line.matched.how for line in lines_of(session, found, zone=ZONE)]
        assert how == [Match.NAME, Match.NOBODY, Match.NOBODY]
        with pytest.raises(Conflict, match="not_awaited"):
            room.accept(found, r2=f"t{room.anna.id}", r3=f"t{room.boris.id}", r4=NOBODY)
        room.accept(found, r2=f"t{room.anna.id}", r3=NOBODY, r4=NOBODY)
        assert list(stays_of_strangers(session)) == []


def test_a_moment_at_the_end_of_the_calendar_is_no_moment(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        found = room.take("Имя;Выход;Минуты\nИванова Анна;0001-01-01 12:00;90\n")
        (line,) = lines_of(session, found, zone=ZONE)
        assert line.person.unread == ["0001-01-01 12:00"]


def test_a_later_list_takes_the_place_of_the_earlier_one(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        for _ in range(2):  # the same once more changes nothing
            room.accept(room.take(), r2=f"t{room.anna.id}", r3=f"t{room.boris.id}", r4=f"g{room.guest.id}")
            assert set(room.stays()) == {
                (room.anna.id, None, 0, 60),
                (room.boris.id, None, 30, 45),
                (None, room.guest.id, 0, 90),
            }
            assert len(room.stays()) == 3
        room.accept(room.take(HEAD + "Иванова Анна;;12:10;12:20\n"), r2=f"t{room.anna.id}")
        assert room.stays() == [(room.anna.id, None, 10, 20)]


def test_two_rows_of_one_person_count_once(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        found = room.take(HEAD + "Телефон;;12:00;12:50\nНоутбук;;12:30;13:00\n")
        room.accept(found, r2=f"t{room.anna.id}", r3=f"t{room.anna.id}")
        assert room.stays() == [(room.anna.id, None, 0, 60)]


def test_columns_are_asked_for_once_and_remembered_for_the_provider(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        strange = "Кто;Когда;Сколько\nИванова Анна;12:00;45\n"
        found = room.take(strange.encode("cp1251"))
        assert (found.state, found.columns) == (ListState.COLUMNS, {})

        def settle(seen: int | None = None, **columns: int) -> AttendanceList:
            return settle_columns(
                session,
                list_id=found.id,
                columns=columns,
                seen=found.revision if seen is None else seen,
                actor=room.world.leader_actor,
                now=NOW,
            )

        with pytest.raises(DomainError, match="columns_not_enough"):
            settle(joined=1)
        with pytest.raises(DomainError, match="column_twice"):
            settle(name=0, joined=1, left=1)
        with pytest.raises(DomainError, match="columns_not_enough"):
            settle(name=7)
        with pytest.raises(Conflict, match="edited_meanwhile"):
            settle(seen=99, name=0)
        settle(name=0, joined=1, minutes=2)
        assert [line.minutes for line in lines_of(session, found, zone=ZONE)] == [45]
        again = room.take(strange.replace(";", ","), provider="телемост.")
        assert (again.state, again.columns) == (ListState.REVIEW, {"name": 0, "joined": 1, "minutes": 2})
        assert room.take(strange, provider="Вебинар").state is ListState.COLUMNS
        (waiting,) = session.scalars(select(AttendanceList)).all()  # a list that waits is replaced by the next
        assert waiting.provider == "Вебинар"
        later = room.take(strange, now=NOW + MINUTE)
        with pytest.raises(Conflict, match="edited_meanwhile"):  # its number may be that of the one before
            settle_columns(
                session,
                list_id=later.id,
                columns={"name": 0},
                seen=int(NOW.timestamp()) % 1_000_000_000,
                actor=room.world.leader_actor,
                now=NOW,
            )


def test_a_workbook_is_read_like_a_text_file(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        local = (NOW - 180 * MINUTE).astimezone(ZONE).replace(tzinfo=None)
        rows: list[list[object]] = [
            ["Участник", "Время входа", "Длительность"],
            ["Иванова Анна", local, timedelta(minutes=40)],
        ]
        (line,) = lines_of(session, room.take(workbook(rows), file_name="a.xlsx"), zone=ZONE)
        assert (line.matched.how, line.minutes) == (Match.NAME, 40)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "list_empty"),
        (b"x" * (MOST_BYTES + 1), "list_too_large"),
        (b"PK\x03\x04 not a workbook", "list_unreadable"),
        ('Имя;Вход\n"не закрыто;12:00\n'.encode(), "list_unreadable"),
        (b"\x00\x01\x02;\x00", "list_unreadable"),
        ("Имя;Вход\n".encode(), "list_without_rows"),
        (("Имя\n" + "Анна\n" * 2001).encode(), "list_unreadable"),
        ((";".join("Имя" for _ in range(61)) + "\n1\n").encode(), "list_without_rows"),
    ],
    ids=["empty", "large", "zip", "quotes", "binary", "headings alone", "long", "wide"],
)
def test_what_is_no_list_is_refused_at_the_file(database: Database, content: bytes, code: str) -> None:
    with database.transaction() as session:
        room = Room(session)
        with pytest.raises(DomainError, match=code) as refusal:
            room.take(content)
        assert refusal.value.field == "file"
        assert refusal.value.remedy


def test_lists_are_the_leaders_and_of_rooms(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        elsewhere = World(session, "b")
        found = room.take()
        strangers: list[Actor] = [elsewhere.leader_actor, room.world.actor_of(room.anna)]
        for stranger in strangers:
            with pytest.raises(Forbidden):
                room.take(actor=stranger)
            with pytest.raises(Forbidden):
                find_list(session, found.id, actor=stranger)
        with pytest.raises(DomainError, match="no_provider"):
            room.take(provider=" ")
        with pytest.raises(DomainError, match="text_too_long"):
            room.take(provider="а" * 101)
        on_site: Meeting = room.world.meeting(topic=1, mode=Mode.ON_SITE)
        with pytest.raises(Conflict, match="list_of_meeting_on_site"):
            room.take(meeting_id=on_site.id)
        ahead = room.world.meeting(topic=1, starts_at=NOW + MINUTE)
        with pytest.raises(Conflict, match="meeting_not_begun"):
            room.take(meeting_id=ahead.id)
        assert discard_list(session, list_id=found.id, actor=room.world.leader_actor, now=NOW) == room.meeting.id
        with pytest.raises(NotFound):
            find_list(session, found.id, actor=room.world.leader_actor)


def test_a_list_that_waited_a_month_is_swept_away_and_an_accepted_one_stays_without_rows(database: Database) -> None:
    with database.transaction() as session:
        room = Room(session)
        kept = room.take(HEAD + "Иванова Анна;;;\n")
        room.accept(kept, r2=f"t{room.anna.id}")
        room.take()
        assert sweep_lists(session, now=NOW + KEPT) == 0
        assert sweep_lists(session, now=NOW + KEPT + MINUTE) == 1
        assert session.scalars(select(AttendanceList.id)).all() == [kept.id]
        assert room.stays() == [(room.anna.id, None, 0, 90)]
