"""Every bad cell is named: sheet, row, column, value, what is wrong, what to do. And nothing is written."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.errors import DomainError
from lti_app.importing.report import ImportRefused
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.models import Meeting
from lti_app.meetings.planning import from_local
from tests.lti_app.importing.book import Book

BAD_CELLS = [
    # sheet, row, column, value, code, words of the message
    ("organisations", 0, "code", "", "empty", "empty"),
    ("organisations", 1, "code", "S1", "duplicate", "row 2"),
    ("organisations", 0, "name", "я" * 501, "bad_value", "501 characters"),
    ("organisations", 0, "licensed", "возможно", "bad_value", "neither yes nor no"),
    ("organisations", 0, "type", "#REF!", "bad_value", "could not compute"),
    ("people", 0, "last_name", "  ", "empty", "empty"),
    ("people", 1, "email", "second at example", "bad_value", "not an e-mail"),
    ("people", 1, "moodle_idnumber", "T-1", "duplicate", "row 2"),
    ("people", 1, "email", "LEADER@example.org", "duplicate", "row 2"),
    ("people", 1, "organisation", "S9", "unknown_key", "no organisation"),
    ("people", 1, "category", "лучшая", "bad_value", "not known"),
    ("people", 1, "category_until", "31.02.2027", "bad_value", "not a date"),
    ("people", 1, "category_until", "01.05.0227", "bad_value", "year"),
    ("people", 2, "category_until", "2027-05-01", "expiry_without_category", "no category"),
    ("sites", 0, "leader", "T-9", "unknown_person", "Nobody"),
    ("sites", 0, "leader", "third@example.org", "leader_without_category", "4.1"),
    ("sites", 0, "valid_until", "2029-09-02", "term_too_long", "three years"),
    ("sites", 0, "valid_until", "2026-08-31", "term_backward", "before the order"),
    ("sites", 0, "order_date", "вчера", "bad_value", "not a date"),
    ("programmes", 0, "site", "SITE2", "unknown_key", "no site"),
    ("programmes", 0, "hours", "5", "hours_do_not_add_up", "topics make 4 h"),
    ("programmes", 0, "hours", "-4", "bad_value", "academic hours"),
    ("programmes", 0, "council_date", "", "council_by_half", "belong together"),
    ("programmes", 0, "council_protocol", "", "council_by_half", "belong together"),
    ("topics", 0, "position", "0", "bad_value", "whole number"),
    ("topics", 1, "position", "1", "duplicate", "row 2"),
    ("topics", 0, "hours", "0", "bad_value", "above zero"),
    ("topics", 0, "hours", "1.255", "bad_value", "above zero"),
    ("topics", 0, "form", "танцы", "bad_value", "not known"),
    ("intakes", 0, "programme", "PP", "unknown_key", "no programme"),
    ("intakes", 0, "moodle", "other", "unknown_key", "No Moodle"),
    ("intakes", 0, "ends_on", "2026-10-31", "dates_backward", "before it starts"),
    ("intakes", 0, "ends_on", "2029-09-01", "outside_order", "no order"),
    ("intakes", 0, "starts_on", "2026-08-31", "outside_order", "no order"),
    ("intakes", 0, "capacity", "2.5", "bad_value", "whole number"),
    ("meetings", 0, "intake", "J", "unknown_key", "no intake"),
    ("meetings", 0, "topic", "3", "unknown_topic", "no topic"),
    ("meetings", 0, "starts_at", "2026-11-20", "bad_value", "no time of day"),
    ("meetings", 0, "starts_at", "20.11.2026 25:00", "bad_value", "not a date with a time"),
    ("meetings", 0, "starts_at", "2026-10-31 23:59", "outside_intake", "outside"),
    ("meetings", 0, "starts_at", "2026-12-21 00:00", "outside_intake", "outside"),
    ("meetings", 0, "minutes", "22", "length_not_sensible", "23 to 720"),
    ("meetings", 0, "minutes", "900", "bad_value", "whole number"),
    ("meetings", 0, "mode", "где-то", "bad_value", "not known"),
    ("meetings", 0, "place_or_url", "", "empty", "empty"),
    ("meetings", 1, "place_or_url", "кабинет 5", "no_link", "link"),
    ("meetings", 1, "place_or_url", "javascript:alert(1)", "no_link", "link"),
    ("meetings", 1, "place_or_url", "https:///room", "no_link", "link"),
    ("trainees", 0, "person", "T-99", "unknown_person", "Nobody"),
    ("trainees", 1, "person", "T-2", "duplicate", "row 2"),
    ("trainees", 1, "person", "SECOND@example.org", "duplicate", "earlier row"),
    ("trainees", 0, "intake", "J", "unknown_key", "no intake"),
]


@pytest.mark.parametrize(
    ("sheet", "row", "column", "value", "code", "words"),
    BAD_CELLS,
    ids=[f"{bad[0]}-{bad[2]}-{bad[4]}-{number}" for number, bad in enumerate(BAD_CELLS)],
)
def test_a_bad_cell_is_named_and_nothing_is_written(
    book: Book, sheet: str, row: int, column: str, value: str, code: str, words: str
) -> None:
    book[sheet][row][column] = value
    found, *others = book.refusals()
    assert (found.sheet, found.row, found.column, found.code) == (sheet, row + 2, column, code)
    assert not others or column in ("code", "moodle_idnumber")  # whoever names the lost key is told so too
    assert words in str(found.message)
    assert str(found.remedy)
    shown = found.as_json()["value"]
    assert shown is None if not value.strip() else value.startswith(shown.rstrip("…"))


def test_a_topic_of_an_unknown_programme_is_named(book: Book) -> None:
    book["topics"].append({**book["topics"][0], "programme": "Q"})
    (found,) = book.refusals()
    assert (found.sheet, found.row, found.column, found.code) == ("topics", 4, "programme", "unknown_key")


def test_all_bad_cells_are_named_at_once(book: Book) -> None:
    book["people"][1]["email"] = "nobody"
    book["people"][1]["category_until"] = "soon"
    book["sites"][0]["valid_until"] = "2039-01-01"
    book["sites"][0]["organisation"] = "S7"
    book["programmes"][0]["hours"] = "6"
    book["intakes"][0]["capacity"] = "0"
    book["meetings"][0]["minutes"] = "ninety"
    book["trainees"][1]["person"] = "T-77"
    named = {(found.sheet, found.row, found.column) for found in book.refusals()}
    assert named == {
        ("people", 3, "email"),
        ("people", 3, "category_until"),
        ("sites", 2, "organisation"),
        ("intakes", 2, "capacity"),
        ("meetings", 2, "minutes"),
        ("trainees", 3, "person"),
    }


def test_rules_are_still_checked_below_a_row_that_breaks_one(book: Book) -> None:
    book["sites"][0]["valid_until"] = "2039-01-01"
    book["programmes"][0]["hours"] = "6"
    book["intakes"][0]["ends_on"] = "2040-01-01"
    book["meetings"][0]["topic"] = "7"
    book["meetings"][1]["place_or_url"] = "zoom"
    book["intakes"][0]["capacity"] = "1"
    assert [(found.sheet, found.column) for found in book.refusals()] == [
        ("sites", "valid_until"),
        ("programmes", "hours"),
        ("intakes", "ends_on"),
        ("meetings", "topic"),
        ("meetings", "place_or_url"),
        ("trainees", "person"),
    ]


def test_rows_that_name_a_bad_row_are_not_blamed(book: Book) -> None:
    book["organisations"][0]["name"] = ""
    book["people"][1]["first_name"] = ""
    assert [(found.sheet, found.column) for found in book.refusals()] == [
        ("organisations", "name"),
        ("people", "first_name"),
    ]


def test_a_person_needs_a_number_or_an_email(book: Book) -> None:
    book["people"][2]["email"] = ""
    found = book.refusals()[0]
    assert (found.sheet, found.row, found.column, found.code) == ("people", 4, "moodle_idnumber", "person_without_key")


def test_more_trainees_than_places_are_refused_at_the_first_who_is_too_many(book: Book) -> None:
    book["intakes"][0]["capacity"] = "1"
    found = book.refusals()[0]
    assert (found.sheet, found.row, found.code) == ("trainees", 3, "over_capacity")
    assert "1 places, and 2 trainees" in str(found.message)


def test_a_code_in_letters_that_only_look_the_same_is_explained(book: Book) -> None:
    book["intakes"][0]["programme"] = "Р"
    found = book.refusals()[0]
    assert "Latin and Cyrillic" in str(found.remedy)


def test_a_near_miss_is_guessed_at(book: Book) -> None:
    book["programmes"][0]["site"] = "SITES"
    assert "Did you mean “SITE”?" in str(book.refusals()[0].remedy)


def test_a_missing_column_is_named_once(book: Book) -> None:
    for row in book["topics"]:
        del row["form"]
    assert [(found.sheet, found.row, found.column, found.code) for found in book.refusals()] == [
        ("topics", 1, "form", "column_missing")
    ]


def test_a_column_given_twice_is_refused(book: Book) -> None:
    for row in book["organisations"]:
        row["Название"] = "ещё раз"
    found = book.refusals()[0]
    assert (found.sheet, found.column, found.code) == ("organisations", "Название", "column_twice")


def test_a_row_with_a_separator_too_many_is_refused(book: Book) -> None:
    folder = book.as_csv()
    with (folder / "trainees.csv").open("a", encoding="utf-8") as stream:
        stream.write("I,T-1,excess\n")
    found = book.refusals(folder)[0]
    assert (found.sheet, found.row, found.code, found.value) == ("trainees", 4, "too_many_cells", "excess")


def test_two_sheets_of_one_kind_are_refused(book: Book) -> None:
    folder = book.as_csv()
    (folder / "Стажёры.csv").write_text("Поток,Стажёр\nI,T-1\n", encoding="utf-8")
    assert book.refusals(folder)[0].code == "sheet_twice"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.docx", b"words"),
        ("broken.xlsx", b"PK\x03\x04 no workbook"),
        ("empty", None),
        ("binary", b"a\0b,c\n1,2\n"),
        ("quotes", b'code,name\nS1,"never closed\n'),
        ("cp866", b"code,name\nS1,\x98\n"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(book: Book, name: str, content: bytes | None) -> None:
    path = book.folder / name
    if "." in name:
        path.write_bytes(content or b"")
    else:
        path.mkdir()
        if content is not None:
            (path / "organisations.csv").write_bytes(content)
    found = book.refusals(path)
    assert [one.code for one in found] == ["unreadable"]
    assert str(found[0].remedy)


def test_a_workbook_without_known_sheets_is_refused(book: Book) -> None:
    path = book.folder / "other.xlsx"
    other = Workbook()
    other.active.title = "Смета"
    other.active.append(["Сумма"])
    other.save(path)
    assert [found.code for found in book.refusals(path)] == ["no_sheets"]


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    with pytest.raises(DomainError) as refused:
        from_local(datetime(2027, 3, 28, 2, 30), berlin)  # noqa: DTZ001
    assert refused.value.code == "no_such_time"
    assert refused.value.field == "starts_at"
    assert from_local(datetime(2026, 10, 25, 2, 30), berlin).isoformat() == "2026-10-25T00:30:00+00:00"  # noqa: DTZ001


def test_number_and_email_of_two_persons_are_refused(book: Book) -> None:
    book.bring_in()
    book["people"][1]["email"] = "leader@example.org"
    book["people"][0]["email"] = "new@example.org"
    found = book.refusals()[0]
    assert (found.row, found.column, found.code) == (3, "email", "email_of_another")


def test_one_person_in_two_rows_is_refused(book: Book) -> None:
    book.bring_in()
    book["people"][1]["email"] = ""
    book["people"][2] |= {"moodle_idnumber": "", "email": "second@example.org"}
    book["trainees"].clear()
    found = book.refusals()[0]
    assert (found.row, found.column, found.code) == (4, "email", "duplicate")


def test_a_refusal_carries_the_report(book: Book) -> None:
    book["sites"][0]["leader"] = "T-9"
    with pytest.raises(ImportRefused) as refused:
        book.bring_in()
    told = refused.value.report.as_json(dry_run=False)
    assert told["ok"] is False
    assert told["sheets"] == {}
    assert told["problems"][0] == {
        "sheet": "sites",
        "row": 2,
        "column": "leader",
        "value": "T-9",
        "code": "unknown_person",
        "message": "Nobody has this number in Moodle or this e-mail.",
        "remedy": told["problems"][0]["remedy"],
    }


def test_a_second_place_in_a_course_that_two_intakes_share_is_refused_and_moving_there_is_not(
    book: Book, database: Database
) -> None:
    book["intakes"].append({**book["intakes"][0], "code": "J"})
    book.bring_in()
    with database.transaction() as session:
        for intake in session.scalars(select(Intake)):
            intake.course_id, intake.course_tied_by = 5, "leader"
    book["trainees"].append({"intake": "J", "person": "T-2"})
    found = book.refusals()
    assert {(one.sheet, one.column, one.code) for one in found} == {("trainees", "person", "second_place")}
    book["trainees"][0]["state"] = "left"
    book.bring_in()


def test_a_row_at_the_time_of_an_individual_meeting_is_refused(book: Book, database: Database) -> None:
    book.bring_in()
    with database.transaction() as session:
        meeting = session.scalars(select(Meeting).order_by(Meeting.id)).first()
        assert meeting is not None
        meeting.only_for_id = session.scalars(select(Trainee.id).where(Trainee.intake_id == meeting.intake_id)).first()
    assert [(finding.sheet, finding.code) for finding in book.refusals()] == [("meetings", "individual_meeting")]
