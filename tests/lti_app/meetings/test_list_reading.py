"""Lists of any provider: which column is which, what cells say, whom rows mean."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lti_app.meetings.list_matching import Candidate, Match, match
from lti_app.meetings.list_reading import (
    ListedPerson,
    guess,
    is_enough,
    minutes_of,
    moment_of,
    people_of,
    signature,
    spans_at,
)
from lti_app.meetings.stays import united

ZONE = ZoneInfo("Asia/Novokuznetsk")
DAY = date(2026, 11, 12)
START = datetime(2026, 11, 12, 8, 0, tzinfo=UTC)  # 15:00 there
END = START + timedelta(minutes=90)


@pytest.mark.parametrize(
    ("headings", "columns"),
    [
        (  # Zoom
            ["Name (Original Name)", "User Email", "Join Time", "Leave Time", "Duration (Minutes)", "Guest"],
            {"name": 0, "email": 1, "joined": 2, "left": 3, "minutes": 4},
        ),
        (["Имя участника", "Время входа", "Время выхода"], {"name": 0, "joined": 1, "left": 2}),
        (["Фамилия", "Имя", "Отчество", "E-mail", "Длительность, мин."], {
            "last_name": 0, "first_name": 1, "middle_name": 2, "email": 3, "minutes": 4,
        }),
        (["№", "Имя", "Вход", "Выход"], {"name": 1, "joined": 2, "left": 3}),
        (["ФИО"], {"name": 0}),
        (["Город", "Оценка"], {}),
    ],
)  # fmt: skip
def test_columns_are_guessed_from_their_headings(headings: list[str], columns: dict[str, int]) -> None:
    assert guess(headings) == columns
    assert is_enough(columns) is bool(columns)


def test_headings_are_remembered_whatever_their_case_and_stops() -> None:
    assert signature(["Имя", "Вход"]) == signature([" имя.", "ВХОД"])
    assert signature(["Имя", "Вход"]) != signature(["Вход", "Имя"])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("12.11.2026 15:04", (8, 4)),
        ("12.11.2026, 15:04:30", (8, 4)),
        ("2026-11-12T08:04:00Z", (8, 4)),
        ("2026-11-12 10:04:00+02:00", (8, 4)),
        ("2026-11-12 15:04:00", (8, 4)),
        ("11/12/2026 03:04:00 PM", (8, 4)),  # of November: the meeting's day
        ("12/11/2026 15:04", (8, 4)),
        ("15:04", (8, 4)),
        ("03:04:05\u202fPM", (8, 4)),
    ],
)
def test_moments_are_read_in_the_local_zone_unless_they_tell_their_own(text: str, read: tuple[int, int]) -> None:
    found = moment_of(text, DAY, ZONE)
    assert found is not None
    assert (found.date(), found.hour, found.minute) == (DAY, *read)


@pytest.mark.parametrize(
    "text", ["", "вчера", "32.13.2026 10:00", "25:00", "12/11/2026", "01.01.0001 00:10", "9999-12-31 23:59"]
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment_of(text, DAY, ZONE) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("74", 74), ("74,5", 74.5), ("1:14:30", 74.5), ("01:14", 74), ("45:30", 45.5), ("1 ч 14 мин", 74),
        ("1h 14m 30s", 74.5), ("30 с", 0.5), ("90 мин.", 90), ("", None), ("долго", None), ("5 раз", None),
        ("2000", None), ("1 ч и ещё", None),
    ],
)  # fmt: skip
def test_lengths_are_read_as_people_and_programs_write_them(text: str, minutes: float | None) -> None:
    assert minutes_of(text) == minutes
    assert minutes_of("90", in_seconds=True) == 1.5


def read(rows: list[list[str | None]], headings: list[str]) -> list[ListedPerson]:
    numbered = [[number, cells] for number, cells in enumerate(rows, start=2)]
    return people_of(numbered, guess(headings), headings, day=DAY, zone=ZONE)


def test_rows_of_one_person_are_one_and_their_times_are_joined() -> None:
    headings = ["Имя", "E-mail", "Вход", "Выход", "Длительность"]
    (anna, boris, vera, gleb, unnamed) = read(
        [
            ["Анна", "a@example.org", "15:00", "15:30", None],
            ["Анна (телефон)", "A@example.org", "15:20", "15:40", None],
            ["Борис", None, None, None, "20 мин"],
            ["БОРИС", None, None, None, "30"],
            ["Вера", None, "16:00", None, None],
            ["Глеб", None, None, None, None],
            [None, None, None, None, "5"],
        ],
        headings,
    )
    assert (anna.rows, boris.rows) == ([2, 3], [4, 5])
    assert (unnamed.key, unnamed.name, unnamed.minutes) == ("8", "", 5)  # shown, though nobody is named

    def minutes(person: ListedPerson) -> list[float]:
        return [(end - begin) / timedelta(minutes=1) for begin, end in spans_at(person, starts_at=START, ends_at=END)]

    assert minutes(anna) == [40]
    assert minutes(boris) == [50]
    assert minutes(vera) == [30]  # joined, and never seen to leave
    assert minutes(gleb) == [90]  # only named
    (far,) = read([["Далёкий", None, "11.11.2026 15:00", "11.11.2026 16:00", None]], headings)
    assert minutes(far) == []
    (odd,) = read([["Странный", None, "когда-то", None, None]], headings)
    assert (odd.unread, minutes(odd)) == (["когда-то"], [])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=12))
def test_united_spans_never_touch_and_cover_the_same(pairs: list[tuple[int, int]]) -> None:
    spans = [(START + timedelta(minutes=a), START + timedelta(minutes=b)) for a, b in pairs]
    joined = united(spans)
    assert all(first[1] < second[0] for first, second in itertools.pairwise(joined))
    covered = {minute for a, b in pairs for minute in range(a, b)}
    assert sum((end - begin) / timedelta(minutes=1) for begin, end in joined) == len(covered)


ANNA = Candidate("t1", "Иванова", "Анна", "Петровна", "anna@example.org", "SN-1")
OTHER_ANNA = Candidate("t2", "Иванова", "Анна", "Олеговна", "anna2@example.org", "")
SEMEN = Candidate("t3", "Королёв", "Семён", "", "", "SN-3")
DOUBLE = Candidate("g4", "Васильченко-Островская", "Екатерина", "Ильинична", "", "")
AWAITED = [ANNA, OTHER_ANNA, SEMEN, DOUBLE]


@pytest.mark.parametrize(
    ("name", "email", "number", "how", "keys"),
    [
        ("Кто угодно", "", "sn-1", Match.NUMBER, ["t1"]),
        ("Кто угодно", "ANNA@example.org", "", Match.EMAIL, ["t1"]),
        ("Анна Петровна Иванова", "чужой@example.org", "", Match.NAME, ["t1"]),
        ("СЕМЕН КОРОЛЕВ", "", "", Match.NAME, ["t3"]),
        ("Королев С.", "", "", Match.NAME, ["t3"]),
        ("Иванова А. О.", "", "", Match.NAME, ["t2"]),
        ("Екатерина Васильченко-Островская", "", "", Match.NAME, ["g4"]),
        ("Иванова Анна", "", "", Match.CHOICE, ["t1", "t2"]),
        ("Анна Ивановa", "", "", Match.CHOICE, ["t1", "t2"]),  # the last letter is Latin
        ("Иванова", "", "", Match.CHOICE, ["t1", "t2"]),
        ("Королёв Семён школа 14", "", "", Match.CHOICE, ["t3"]),
        ("iPhone", "", "", Match.NOBODY, []),
        ("", "nobody@example.org", "", Match.NOBODY, []),
    ],
)
def test_people_are_found_by_number_then_e_mail_then_name(
    name: str, email: str, number: str, how: Match, keys: list[str]
) -> None:
    found = match(ListedPerson(name, email, number, rows=[2]), AWAITED)
    assert (found.how, [one.key for one in found.candidates]) == (how, keys)
    assert (found.chosen is not None) is (how in (Match.NUMBER, Match.EMAIL, Match.NAME))
