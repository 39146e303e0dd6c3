"""What an import writes, what it leaves alone, and what it understands."""

from __future__ import annotations

import json
import os
import random
import re
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.permissions import SYSTEM, Role
from lti_app.importing.fields import plain
from lti_app.importing.schemas import PersonRow, columns_of
from lti_app.importing.service import import_workbook
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.models import Attendance, GuestState, Meeting, MeetingGuest, MeetingState, Presence
from lti_app.meetings.planning import academic_hours
from lti_app.people.models import Category, Organisation, Person, RoleGrant
from lti_app.programmes.models import Form, Mode, Programme, VersionState
from lti_app.programmes.service import facts_of
from lti_app.sites.models import Site, SiteLeader, SiteOrder
from lti_app.sites.service import longest_term_end
from tests.lti_app.importing.book import RIGHT, ZONE, Book, contents, tallies

RUSSIAN = {
    "Организации": (
        ["Код", "Наименование", "Тип", "Сокращённое наименование", "Лицензия"],
        [["S1", "Школа № 1", "школа", "СОШ 1", "нет"], ["S2", "Лицей № 2", "лицей", "", "ДА"]],
    ),
    "Педагоги": (
        ["Номер в Moodle", "Эл. почта", "ФАМИЛИЯ", "Имя", "Отчество", "Организация", "Должность", "Категория"],
        [
            ["T-1", "leader@example.org", "Белова", "Наталья", "Викторовна", "S1", "учитель", "высшая"],
            ["T-2", "second@example.org", "Орлова", "Марина", "", "S2", "учитель", "Первая категория"],
        ],
    ),
    "Площадки": (
        ["Код", "Организация", "Направление", "Руководитель", "№ приказа", "Дата приказа", "Действует до"],
        [["SITE", "S1", "Современный урок", "leader@example.org", "12-о", "01.09.2026", "31.08.2029 г."]],
    ),
    "Программы": (
        [
            "Код",
            "Площадка",
            "Название",
            "Часы",
            "Протокол",
            "Дата протокола",
            "Часов для зачёта",
            "Нужно выполнение курса",
        ],
        [["P", "SITE", "Урок", "4,5", "3", "10.09.2026", "4", "да"]],
    ),
    "Тематический план": (
        ["Программа", "№", "Тема", "Форма занятия", "Часы", "Режим"],
        [
            ["P", "1", "Первая", "Проектирование учебных занятий", "2,5", "очно"],
            ["P", "2", "Вторая", "дистанционный семинар", "2", "Дистанционно"],
        ],
    ),
    "Потоки": (
        ["Код", "Программа", "Moodle", "Начало", "Окончание", "Количество мест"],
        [["I", "P", "main", "01.11.2026", "20.12.2026", "25"]],
    ),
    "График работы": (
        ["Поток", "№ темы", "Форма", "Режим", "Дата и время", "Длительность, мин", "Место или ссылка"],
        [["I", "2", "семинар", "онлайн", "01.12.2026 15:00", "90", "https://meet.example.org/a"]],
    ),
    "Стажёры": (["Поток", "Стажёр"], [["I", "T-2"]]),
}


def write_russian(folder: Path, *, encoding: str, delimiter: str) -> Path:
    folder.mkdir()
    for name, (headings, rows) in RUSSIAN.items():
        lines = [
            delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in [headings, *rows]
        ]
        (folder / f"{name}.csv").write_text("\r\n".join(lines) + "\r\n", encoding=encoding, newline="")
    return folder


def test_the_first_import_writes_everything(book: Book) -> None:
    report = book.bring_in()
    assert tallies(report) == {
        "organisations": (2, 0, 0),
        "people": (3, 0, 0),
        "sites": (1, 0, 0),
        "programmes": (1, 0, 0),
        "topics": (2, 0, 0),
        "intakes": (1, 0, 0),
        "meetings": (2, 0, 0),
        "trainees": (2, 0, 0),
    }
    assert report.warnings == []
    with book.database.session() as session:
        seminar = session.scalars(select(Meeting).where(Meeting.mode == Mode.DISTANCE)).one()
        assert seminar.starts_at == datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
        assert (seminar.hours, seminar.room_url, seminar.place) == (Decimal(2), "https://meet.example.org/a", None)
        intake = session.scalars(select(Intake)).one()
        assert intake.published_at == book.now
        assert intake.version.state is VersionState.APPROVED
        site = session.scalars(select(Site)).one()
        assert [leader.person.last_name for leader in site.leaders] == ["Белова"]
        assert site.orders[0].valid_from == site.orders[0].signed_on == date(2026, 9, 1)


def test_a_second_import_changes_nothing(book: Book) -> None:
    book.bring_in()
    before = contents(book.database)
    report = book.bring_in()
    assert contents(book.database) == before
    assert {(created, changed) for created, changed, _same in tallies(report).values()} == {(0, 0)}


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("cp1251", ";"), ("utf-8", ","), ("utf-8-sig", ";"), ("utf-8-sig", "\t"), ("utf-16", ";")],
)
def test_russian_files_of_any_usual_make_mean_the_same(book: Book, encoding: str, delimiter: str) -> None:
    report = book.bring_in(write_russian(book.folder / "ru", encoding=encoding, delimiter=delimiter))
    assert report.warnings == []
    with book.database.session() as session:
        version = session.scalars(select(Programme)).one().versions[0]
        assert version.needs_completion is True
        assert (version.hours, version.hours_needed) == (Decimal("4.5"), Decimal(4))
        assert [(topic.form, topic.mode) for topic in version.topics] == [
            (Form.LESSON_DESIGN, Mode.ON_SITE),
            (Form.SEMINAR, Mode.DISTANCE),
        ]
        people = session.scalars(select(Person).order_by(Person.moodle_idnumber)).all()
        assert [person.category for person in people] == [Category.HIGHEST, Category.FIRST]
        assert session.scalar(select(func.count()).select_from(Organisation).where(Organisation.licensed)) == 1
        assert session.scalars(select(Meeting)).one().starts_at == datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


def test_a_workbook_means_the_same_as_its_csv_files(book: Book) -> None:
    book.bring_in(book.as_csv())
    before = contents(book.database)
    report = book.bring_in(book.as_xlsx())
    assert contents(book.database) == before
    assert tallies(report)["meetings"] == (0, 0, 2)


def test_a_workbook_with_its_own_dates_and_numbers_is_understood(book: Book) -> None:
    book["sites"][0] |= {"order_date": date(2026, 9, 1), "valid_until": datetime(2029, 8, 31)}  # noqa: DTZ001
    book["programmes"][0] |= {"hours": 4.0, "council_protocol": 3, "council_date": 46275}
    book["topics"][0] |= {"position": 1, "hours": 2}
    book["intakes"][0] |= {"starts_on": date(2026, 11, 1), "capacity": 2.0}
    book["meetings"][0] |= {"starts_at": datetime(2026, 11, 20, 15, 0), "minutes": 90}  # noqa: DTZ001
    assert book.bring_in(book.as_xlsx()).warnings == []
    with book.database.session() as session:
        version = session.scalars(select(Programme)).one().versions[0]
        assert (version.council_protocol, version.council_date) == ("3", date(2026, 9, 10))
        assert session.scalars(select(SiteOrder)).one().valid_until == date(2029, 8, 31)
        starts = session.scalars(select(Meeting.starts_at).order_by(Meeting.starts_at)).first()
        assert starts == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def test_an_order_number_that_the_spreadsheet_made_a_date_is_pointed_out(book: Book) -> None:
    book["sites"][0]["order_number"] = date(2026, 1, 12)
    found = book.refusals(book.as_xlsx())[0]
    assert (found.sheet, found.column) == ("sites", "order_number")
    assert "turned this into a date" in str(found.message)


def test_empty_rows_empty_cells_at_the_end_and_unknown_columns_do_no_harm(book: Book) -> None:
    folder = book.as_csv()
    (folder / "trainees.csv").write_text(
        "\n\nintake,person,remark,,\n\nI,T-2,phones first,,\n,,,,\nI,third@example.org\n", encoding="utf-8"
    )
    (folder / "notes.csv").write_text("anything\n", encoding="utf-8")
    report = book.bring_in(folder)
    assert tallies(report)["trainees"] == (2, 0, 0)
    assert [(note.sheet, note.column, note.code) for note in report.warnings] == [
        ("notes", None, "sheet_unknown"),
        ("trainees", "remark", "column_unknown"),
    ]


def test_a_changed_row_updates_and_is_audited(book: Book) -> None:
    book.bring_in()
    book["people"][1]["last_name"] = "Орлова-Зимина"
    book["people"][1]["email"] = "zimina@example.org"
    report = book.bring_in()
    assert tallies(report)["people"] == (0, 1, 2)
    with book.database.session() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "change_person")).one()
        assert entry.changes == {
            "last_name": ["Орлова", "Орлова-Зимина"],
            "email": ["second@example.org", "zimina@example.org"],
        }
        assert entry.actor_name == SYSTEM.name


def test_rows_absent_from_the_file_are_left_alone(book: Book) -> None:
    book.bring_in()
    for name in list(book.sheets):
        if name != "trainees":
            del book.sheets[name]
    book["trainees"].pop()
    report = book.bring_in()
    assert tallies(report) == {"trainees": (0, 0, 1)}
    with book.database.session() as session:
        assert session.scalar(select(func.count()).select_from(Trainee)) == 2


def test_a_column_absent_is_kept_but_an_empty_cell_empties(book: Book) -> None:
    book.bring_in()
    for row in book["people"]:
        del row["position"]
        row["category_until"] = ""
    book.bring_in()
    with book.database.session() as session:
        person = session.scalars(select(Person).where(Person.moodle_idnumber == "T-2")).one()
        assert person.position == "учитель"
        assert person.category_until is None


def test_a_number_in_moodle_is_learned_later_and_never_lost(book: Book) -> None:
    book.bring_in()
    book["people"][2]["moodle_idnumber"] = "T-3"
    assert tallies(book.bring_in())["people"] == (0, 1, 2)
    book["people"][2]["moodle_idnumber"] = ""
    assert tallies(book.bring_in())["people"] == (0, 0, 3)
    with book.database.session() as session:
        assert session.scalars(select(Person.moodle_idnumber).order_by(Person.id)).all() == ["T-1", "T-2", "T-3"]


def test_an_approved_programme_changes_only_by_a_newer_decision(book: Book) -> None:
    book.bring_in()
    book["topics"][1]["title"] = "Вторая, иначе"
    (found,) = book.refusals()
    assert (found.sheet, found.column, found.code) == ("programmes", "council_date", "approved_version_differs")
    assert "topics" in str(found.message)
    book["programmes"][0] |= {"council_protocol": "7", "council_date": "2026-11-10"}
    report = book.bring_in()
    assert tallies(report)["programmes"] == (0, 1, 0)
    assert tallies(report)["topics"] == (0, 1, 1)
    assert tallies(report)["intakes"] == (0, 0, 1)
    with book.database.session() as session:
        programme = session.scalars(select(Programme)).one()
        assert [facts_of(version).topics[1].title for version in programme.versions] == ["Вторая", "Вторая, иначе"]
        assert session.scalars(select(Intake)).one().version_id == programme.versions[0].id
    before = contents(book.database)
    book.bring_in()
    assert contents(book.database) == before


def test_a_new_intake_takes_the_newest_approved_version(book: Book) -> None:
    book.bring_in()
    book["topics"][1]["title"] = "Вторая, иначе"
    book["programmes"][0] |= {"council_protocol": "7", "council_date": "2026-11-10"}
    book["intakes"].append({**book["intakes"][0], "code": "I2"})
    book.bring_in()
    with book.database.session() as session:
        numbers = {intake.code: intake.version.number for intake in session.scalars(select(Intake))}
        assert numbers == {"I": 1, "I2": 2}


def test_an_intake_of_an_unapproved_programme_waits_for_the_council(book: Book) -> None:
    book["programmes"][0] |= {"council_protocol": "", "council_date": ""}
    report = book.bring_in()
    assert [(note.sheet, note.code) for note in report.warnings] == [("intakes", "intake_unpublished")]
    with book.database.session() as session:
        assert session.scalars(select(Intake)).one().published_at is None
    book["topics"][0]["title"] = "Черновик меняется на месте"
    book["programmes"][0] |= {"council_protocol": "3", "council_date": "2026-09-10"}
    del book.sheets["intakes"]
    book.bring_in()
    with book.database.session() as session:
        intake = session.scalars(select(Intake)).one()
        assert intake.published_at == book.now
        assert intake.version.number == 1
        assert intake.version.topics[0].title == "Черновик меняется на месте"


def test_a_draft_may_lose_and_gain_topics(book: Book) -> None:
    book["programmes"][0] |= {"council_protocol": "", "council_date": ""}
    del book.sheets["meetings"]
    book.bring_in()
    book["topics"][1] |= {"position": "3", "hours": "6"}
    book["programmes"][0]["hours"] = "8"
    assert tallies(book.bring_in())["topics"] == (1, 0, 1)
    with book.database.session() as session:
        version = session.scalars(select(Programme)).one().versions[0]
        assert [topic.position for topic in version.topics] == [1, 3]
        assert (version.hours, version.hours_needed) == (Decimal(8), Decimal(8))


def test_who_left_is_not_enrolled_again_by_an_old_list(book: Book) -> None:
    book.bring_in()
    book["trainees"][0]["state"] = "left"
    book["trainees"][1]["state"] = ""
    assert tallies(book.bring_in())["trainees"] == (0, 1, 1)
    for row in book["trainees"]:
        del row["state"]
    report = book.bring_in()
    assert tallies(report)["trainees"] == (0, 0, 2)
    assert [(note.row, note.column, note.code) for note in report.warnings] == [(2, "person", "trainee_left")]
    book["trainees"][0]["state"] = "зачислена"
    book["trainees"][1]["state"] = ""
    assert tallies(book.bring_in())["trainees"] == (0, 1, 1)
    with book.database.session() as session:
        places = session.scalars(select(Trainee)).all()
        assert {place.state for place in places} == {TraineeState.ENROLLED}
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.object_type == "trainee"))
        assert sorted(actions) == ["enrol_trainee", "enrol_trainee", "trainee_left", "trainee_returned"]


def test_a_place_left_is_free_for_another(book: Book) -> None:
    book.bring_in()
    book["trainees"][0]["state"] = "выбыла"
    book["trainees"][1]["state"] = ""
    book["people"].append({**book["people"][2], "moodle_idnumber": "T-4", "email": "fourth@example.org"})
    book["trainees"].append({"intake": "I", "person": "T-4", "state": ""})
    assert tallies(book.bring_in())["trainees"] == (1, 1, 1)


def test_a_new_order_prolongs_the_site_and_may_name_another_leader(book: Book) -> None:
    book.bring_in()
    book["sites"][0] |= {
        "order_number": "90-о",
        "order_date": "2029-08-20",
        "valid_until": "2031-06-30",
        "leader": "T-2",
    }
    book["people"][1]["category_until"] = ""
    assert tallies(book.bring_in())["sites"] == (0, 1, 0)
    with book.database.session() as session:
        site = session.scalars(select(Site)).one()
        assert [order.number for order in site.orders] == ["12-о", "90-о"]
        terms = [(leader.person.moodle_idnumber, leader.since, leader.until) for leader in site.leaders]
        assert terms == [("T-1", date(2026, 9, 1), date(2029, 8, 19)), ("T-2", date(2029, 8, 20), None)]


def test_an_old_list_does_not_bring_back_the_former_leader(book: Book) -> None:
    book.bring_in()
    old = dict(book["sites"][0])
    book["people"][1]["category_until"] = ""
    book["sites"][0] |= {"order_number": "90-о", "order_date": "2026-11-20", "leader": "T-2"}
    book.bring_in()
    book["sites"][0] = old
    assert [found.code for found in book.refusals()] == ["later_order_names_another"]


def test_a_leader_named_wrongly_is_corrected_under_the_same_order(book: Book) -> None:
    book.now = datetime(2026, 9, 1, 3, 0, tzinfo=UTC)
    book.bring_in()
    book["sites"][0]["leader"] = "T-2"
    book.bring_in()
    with book.database.session() as session:
        leader = session.scalars(select(SiteLeader)).one()
        assert (leader.person.moodle_idnumber, leader.until) == ("T-2", None)


def test_the_longest_term_from_a_leap_day_ends_on_the_last_of_february() -> None:
    assert longest_term_end(date(2028, 2, 29)) == date(2031, 2, 28)
    assert longest_term_end(date(2026, 9, 1)) == date(2029, 9, 1)


def test_a_meeting_with_confirmed_attendance_keeps_its_length(book: Book) -> None:
    book.bring_in()
    with book.database.transaction() as session:
        meeting = session.scalars(select(Meeting).order_by(Meeting.starts_at)).first()
        trainee = session.scalars(select(Trainee)).first()
        assert meeting is not None
        assert trainee is not None
        session.add(
            Attendance(
                meeting_id=meeting.id,
                trainee_id=trainee.id,
                presence=Presence.PRESENT,
                confirmed_at=book.now,
                confirmed_by_id=trainee.person_id,
            )
        )
    book["meetings"][0]["place_or_url"] = "кабинет 6"
    assert tallies(book.bring_in())["meetings"] == (0, 1, 1)
    book["meetings"][0]["minutes"] = "135"
    (found,) = book.refusals()
    assert (found.sheet, found.row, found.column, found.code) == ("meetings", 2, "minutes", "attendance_confirmed")


def test_a_meeting_with_confirmed_guests_keeps_its_length(book: Book) -> None:
    book.bring_in()
    with book.database.transaction() as session:
        meeting = session.scalars(select(Meeting).order_by(Meeting.starts_at).limit(1)).one()
        guest = session.scalars(select(Person).order_by(Person.id).limit(1)).one()
        meeting.is_open = True
        session.add(
            MeetingGuest(
                meeting_id=meeting.id,
                person_id=guest.id,
                state=GuestState.SIGNED_UP,
                queued_at=book.now,
                signed_up_at=book.now,
                presence=Presence.PRESENT,
                confirmed_at=book.now,
                confirmed_by_id=guest.id,
            )
        )
    book["meetings"][0]["minutes"] = "135"
    (found,) = book.refusals()
    assert (found.column, found.code) == ("minutes", "attendance_confirmed")


def test_a_meeting_is_cancelled_by_its_state(book: Book) -> None:
    book.bring_in()
    for row in book["meetings"]:
        row["state"] = ""
    book["meetings"][1]["state"] = "отменено"
    book.bring_in()
    with book.database.session() as session:
        states = session.scalars(select(Meeting.state).order_by(Meeting.starts_at)).all()
        assert states == [MeetingState.PLANNED, MeetingState.CANCELLED]


def test_host_and_places_of_a_meeting_are_brought_in_and_kept_without_their_columns(book: Book) -> None:
    host = book["people"][0]["moodle_idnumber"]
    book["meetings"][0] |= {"host": host, "capacity": "25"}
    book["meetings"][1] |= {"host": "", "capacity": ""}
    book.bring_in()

    def stands() -> list[tuple[str | None, int | None]]:
        with book.database.session() as session:
            meetings = session.scalars(select(Meeting).order_by(Meeting.starts_at)).all()
            return [(one.host.moodle_idnumber if one.host else None, one.capacity) for one in meetings]

    assert stands() == [(host, 25), (None, None)]
    for row in book["meetings"]:
        row.pop("host", None)
        row.pop("capacity", None)
    assert tallies(book.bring_in())["meetings"] == (0, 0, 2)
    assert stands() == [(host, 25), (None, None)]
    for row in book["meetings"]:
        row |= {"host": "", "capacity": ""}
    assert tallies(book.bring_in())["meetings"] == (0, 1, 1)
    assert stands() == [(None, None), (None, None)]
    book["meetings"][0]["host"] = "nobody@example.org"
    (found,) = book.refusals()
    assert (found.sheet, found.column, found.code) == ("meetings", "host", "unknown_person")


def test_an_intake_cannot_leave_its_meetings_behind(book: Book) -> None:
    book.bring_in()
    del book.sheets["meetings"]
    book["intakes"][0]["starts_on"] = "2026-11-21"
    (found,) = book.refusals()
    assert (found.sheet, found.column, found.code) == ("intakes", "starts_on", "leaves_meeting_out")


def test_more_hours_of_meetings_than_the_topic_has_are_noted(book: Book) -> None:
    book["meetings"].append({**book["meetings"][0], "starts_at": "2026-11-27 15:00"})
    (note,) = book.bring_in().warnings
    assert (note.sheet, note.row, note.code) == ("meetings", 4, "topic_hours_exceeded")
    assert "make 4 h, the plan gives it 2 h" in str(note.message)


def test_a_leader_among_the_trainees_is_noted(book: Book) -> None:
    book["trainees"][0]["person"] = "T-1"
    (note,) = book.bring_in().warnings
    assert (note.sheet, note.row, note.code) == ("trainees", 2, "leader_is_trainee")


@pytest.mark.parametrize(("minutes", "hours"), [(23, "0.5"), (45, "1"), (60, "1"), (70, "1.5"), (90, "2"), (180, "4")])
def test_minutes_make_academic_hours_rounded_down_to_halves(minutes: int, hours: str) -> None:
    assert academic_hours(minutes) == Decimal(hours)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_rows_makes_no_difference(book: Book, seed: int) -> None:
    book.sheets = deepcopy(RIGHT)
    expected = _meaning(book)
    shuffler = random.Random(seed)
    for rows in book.sheets.values():
        shuffler.shuffle(rows)
    assert _meaning(book) == expected


def _meaning(book: Book) -> list[object]:
    """Import on trial; read what was written, whatever ids the rows got."""
    with book.database.session() as session:
        import_workbook(session, book.as_csv(), zone=ZONE, actor=SYSTEM, now=book.now)
        people = [
            (one.full_name, one.moodle_idnumber, one.email, one.category) for one in session.scalars(select(Person))
        ]
        meetings = [
            (one.intake.code, one.topic.position, one.starts_at, one.hours, one.place, one.room_url)
            for one in session.scalars(select(Meeting))
        ]
        trainees = [(one.intake.code, one.person.full_name, one.state) for one in session.scalars(select(Trainee))]
        plans = [(one.code, facts_of(one.versions[0]).topics) for one in session.scalars(select(Programme))]
        session.rollback()
    return [sorted(people, key=repr), sorted(meetings, key=repr), sorted(trainees), plans]


class TestTheCommand:
    """`import` and `people grant`, as an operator runs them."""

    def test_imports_and_says_what_it_did_in_words_or_json(self, app: Flask, book: Book) -> None:
        done = app.test_cli_runner().invoke(args=["import", str(book.as_csv()), "--json"])
        assert done.exit_code == 0, done.output
        told = json.loads(done.output)
        assert told["ok"] is True
        assert told["sheets"]["people"] == {"created": 3, "changed": 0, "unchanged": 0}
        again = app.test_cli_runner().invoke(args=["import", str(book.as_csv())])
        assert again.exit_code == 0
        assert "people" in again.output
        with book.database.session() as session:
            assert session.scalar(select(func.count()).select_from(Person)) == 3

    def test_a_dry_run_leaves_the_database_as_it_was(self, app: Flask, book: Book) -> None:
        before = contents(book.database)
        done = app.test_cli_runner().invoke(args=["import", str(book.as_csv()), "--dry-run", "--json"])
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["dry_run"] is True
        assert json.loads(done.output)["sheets"]["trainees"]["created"] == 2
        assert contents(book.database) == before

    def test_a_broken_workbook_is_called_a_file(self, app: Flask, book: Book) -> None:
        path = book.folder / "broken.xlsx"
        path.write_bytes(b"no workbook")
        plain = app.test_cli_runner().invoke(args=["import", "--language", "ru", str(path)])
        (problem,) = json.loads(app.test_cli_runner().invoke(args=["import", str(path), "--json"]).output)["problems"]
        assert plain.output.startswith("файл «broken.xlsx»: Книгу не удалось открыть.")
        assert (problem["sheet"], problem["row"]) == ("broken.xlsx", None)

    def test_a_refusal_names_every_cell_and_exits_with_1(self, app: Flask, book: Book) -> None:
        before = contents(book.database)
        book["people"][0]["email"] = "nobody"
        book["trainees"][1]["person"] = "T-77"
        done = app.test_cli_runner().invoke(args=["import", str(book.as_csv()), "--json"])
        assert done.exit_code == 1
        problems = json.loads(done.output)["problems"]
        assert [(each["sheet"], each["row"], each["column"]) for each in problems] == [
            ("people", 2, "email"),
            ("trainees", 3, "person"),
        ]
        plain = app.test_cli_runner().invoke(args=["import", str(book.as_csv())])
        assert plain.exit_code == 1
        assert "people" in plain.output
        assert "«nobody»" in plain.output
        assert contents(book.database) == before

    def test_it_speaks_english_unless_told_otherwise(self, app: Flask, book: Book) -> None:
        book["people"][0]["email"] = "nobody"
        path = str(book.as_csv())
        english = app.test_cli_runner().invoke(args=["import", path]).output
        russian = app.test_cli_runner().invoke(args=["import", path, "--language", "ru"]).output
        assert "Nothing was imported" in english
        assert not re.search("[А-Яа-я]", english)
        assert "Ничего не загружено" in russian

    def test_a_row_that_only_the_database_refuses_is_one_line_without_its_values(
        self, app: Flask, book: Book, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def somebody_else_was_quicker(session: Session, *_given: Any, **_named: Any) -> NoReturn:
            for _time in range(2):
                session.add(Person(last_name="Тайная", first_name="Варвара", email="varvara@example.org"))
                session.flush()
            raise AssertionError("not reached")

        monkeypatch.setattr("lti_app.importing.cli.import_workbook", somebody_else_was_quicker)
        before = contents(book.database)
        done = app.test_cli_runner().invoke(args=["import", str(book.as_csv()), "--language", "ru"])
        assert done.exit_code == os.EX_SOFTWARE
        assert done.output.startswith("Error: Ничего не загружено: эти же данные тем временем изменил кто-то другой (")
        assert "uq_person_email" in done.output
        assert done.output.count("\n") == 1
        assert "varvara" not in done.output + caplog.text
        assert contents(book.database) == before

    def test_a_role_is_granted_once(self, app: Flask, book: Book) -> None:
        for _time in range(2):
            done = app.test_cli_runner().invoke(args=["people", "grant", "main", "17", "centre"])
            assert done.exit_code == 0, done.output
        with book.database.session() as session:
            grant = session.scalars(select(RoleGrant)).one()
            assert (grant.user_id, grant.role) == (17, Role.CENTRE)

    @pytest.mark.parametrize("words", [("main", "17", "leader"), ("main", "0", "centre"), ("other", "17", "centre")])
    def test_a_role_that_cannot_be_granted_is_refused(self, app: Flask, book: Book, words: tuple[str, ...]) -> None:
        done = app.test_cli_runner().invoke(args=["people", "grant", *words])
        assert done.exit_code != 0
        with book.database.session() as session:
            assert session.scalars(select(RoleGrant)).all() == []


@pytest.mark.parametrize("heading", ["Индивидуальный номер", "Номер в Moodle", "moodle_idnumber"])
def test_the_idnumber_is_found_under_the_name_moodle_gives_it_and_older_ones(heading: str) -> None:
    assert columns_of(PersonRow)[plain(heading)] == "moodle_idnumber"
