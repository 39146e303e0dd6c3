"""Dates, times, lengths and hours in both languages, with plurals and changes of clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import force_locale, ngettext

from lti_app.web import formatting
from lti_app.web.i18n import plural_forms, supported

NOVOKUZNETSK = ZoneInfo("Asia/Novokuznetsk")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 10, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def languages() -> Flask:
    """An application that has languages and nothing else."""
    from lti_app.web import i18n

    app = Flask("languages")
    i18n.install(app)
    return app


@pytest.fixture(params=["ru", "en"])
def language(request: pytest.FixtureRequest, languages: Flask) -> Iterator[str]:
    with languages.app_context(), force_locale(request.param):
        yield request.param


@pytest.fixture
def russian(languages: Flask) -> Iterator[None]:
    with languages.app_context(), force_locale("ru"):
        yield


def test_a_moment_is_local_with_its_weekday(language: str) -> None:
    expected = {"ru": "чт, 10 декабря, 15:00", "en": "Thu, 10 December, 15:00"}

    assert formatting.moment(DECEMBER, zone=NOVOKUZNETSK, now=NOW) == expected[language]


def test_the_head_of_a_narrow_column_has_the_local_day(language: str) -> None:
    late = datetime(2026, 12, 9, 20, 0, tzinfo=UTC)

    assert formatting.short_day(late, zone=NOVOKUZNETSK) == {"ru": "10.12", "en": "10 Dec"}[language]


def test_another_year_is_named(language: str) -> None:
    expected = {"ru": "вс, 10 января 2027, 15:00", "en": "Sun, 10 January 2027, 15:00"}
    january = datetime(2027, 1, 10, 8, 0, tzinfo=UTC)

    assert formatting.moment(january, zone=NOVOKUZNETSK, now=NOW) == expected[language]


def test_the_year_is_the_local_one() -> None:
    new_year_here = datetime(2026, 12, 31, 18, 0, tzinfo=UTC)

    assert "2027" in formatting.moment(new_year_here, zone=NOVOKUZNETSK, now=NOW)
    assert "2026" not in formatting.moment(new_year_here, zone=ZoneInfo("UTC"), now=NOW)


def test_a_period_names_its_day_once(russian: None) -> None:
    ends = datetime(2026, 12, 10, 9, 30, tzinfo=UTC)

    assert formatting.period(DECEMBER, ends, zone=NOVOKUZNETSK, now=NOW) == "чт, 10 декабря, 15:00–16:30"


def test_a_period_over_midnight_names_both_days(russian: None) -> None:
    begins, ends = datetime(2026, 12, 10, 16, 0, tzinfo=UTC), datetime(2026, 12, 10, 18, 0, tzinfo=UTC)

    assert (
        formatting.period(begins, ends, zone=NOVOKUZNETSK, now=NOW) == "чт, 10 декабря, 23:00 – пт, 11 декабря, 01:00"
    )


def test_a_term_names_its_years_where_they_differ(russian: None) -> None:
    assert formatting.term(date(2026, 9, 25), date(2026, 12, 20)) == "25 сентября – 20 декабря 2026"
    assert formatting.term(date(2026, 9, 25), date(2027, 1, 23)) == "25 сентября 2026 – 23 января 2027"


@pytest.mark.parametrize(
    ("minutes", "ru", "en"),
    [(90, "1 ч 30 мин", "1 h 30 min"), (120, "2 ч", "2 h"), (45, "45 мин", "45 min"), (0, "0 мин", "0 min")],
)
def test_a_length_by_the_clock(language: str, minutes: int, ru: str, en: str) -> None:
    assert formatting.duration(minutes) == {"ru": ru, "en": en}[language]


def test_a_machines_time_has_seconds(russian: None) -> None:
    assert formatting.elapsed(4.26) == "4,3 с"
    assert formatting.elapsed(150) == "2 мин"


@pytest.mark.parametrize(
    ("hours", "ru", "en"),
    [
        ("1", "1 ак. ч", "1 academic hour"),
        ("18", "18 ак. ч", "18 academic hours"),
        ("1.5", "1,5 ак. ч", "1.5 academic hours"),
        ("-16", "−16 ак. ч", "−16 academic hours"),
    ],
)
def test_hours_of_study(language: str, hours: str, ru: str, en: str) -> None:
    assert formatting.study_hours(Decimal(hours)) == {"ru": ru, "en": en}[language]


def test_hours_come_with_their_whole(language: str) -> None:
    expected = {"ru": "18 из 24 ак. ч", "en": "18 of 24 academic hours"}

    assert formatting.hours_of(Decimal(18), Decimal(24)) == expected[language]


def test_the_zone_is_named_as_people_name_it(language: str) -> None:
    expected = {"ru": "по времени Новокузнецка (UTC+7)", "en": "Novokuznetsk time (UTC+7)"}

    assert formatting.zone_words(zone=NOVOKUZNETSK, now=NOW) == expected[language]


def test_a_zone_without_a_declined_name_goes_by_its_own(russian: None) -> None:
    assert formatting.zone_words(zone=ZoneInfo("Asia/Kolkata"), now=NOW) == "по времени зоны Asia/Kolkata (UTC+5:30)"


def test_the_distance_from_utc_follows_the_clocks() -> None:
    assert formatting.offset(BERLIN, datetime(2026, 7, 1, tzinfo=UTC)) == "UTC+2"
    assert formatting.offset(BERLIN, datetime(2026, 12, 1, tzinfo=UTC)) == "UTC+1"
    assert formatting.offset(ZoneInfo("America/St_Johns"), NOW) == "UTC−3:30"


def test_times_before_and_after_a_change_of_clocks() -> None:
    before, after = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    assert formatting.clock_time(before, zone=BERLIN) == "02:30"
    assert formatting.clock_time(after, zone=BERLIN) == "02:30"


def test_novokuznetsk_before_it_moved_to_utc_plus_7() -> None:
    assert formatting.clock_time(datetime(2010, 7, 1, 8, 0, tzinfo=UTC), zone=NOVOKUZNETSK) == "15:00"
    assert formatting.clock_time(datetime(2010, 12, 1, 8, 0, tzinfo=UTC), zone=NOVOKUZNETSK) == "14:00"


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        formatting.clock_time(datetime(2026, 12, 10, 8, 0), zone=NOVOKUZNETSK)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 стажёр ожидает зачёта"),
        (3, "3 стажёра ожидают зачёта"),
        (5, "5 стажёров ожидают зачёта"),
        (11, "11 стажёров ожидают зачёта"),
        (21, "21 стажёр ожидает зачёта"),
        (112, "112 стажёров ожидают зачёта"),
    ],
)
def test_russian_plurals(russian: None, count: int, words: str) -> None:
    assert ngettext("%(num)s trainee waits for credit", "%(num)s trainees wait for credit", count) == words


def test_the_browser_gets_every_plural_form(russian: None) -> None:
    forms = plural_forms(
        "Confirm: %(num)s of %(total)s was present", "Confirm: %(num)s of %(total)s were present", total=15
    )

    assert forms["one"] == "Подтвердить: {n} из 15 присутствовал"
    assert forms["few"] == forms["many"] == "Подтвердить: {n} из 15 присутствовали"


@pytest.mark.parametrize(
    ("asked", "given"), [("ru-RU", "ru"), ("ru", "ru"), ("en_GB", "en"), ("de", None), ("", None), (None, None)]
)
def test_a_locale_is_taken_for_a_language(asked: str | None, given: str | None) -> None:
    assert supported(asked) == given
