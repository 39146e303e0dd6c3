"""The year's calendar: starts and ends of intakes, sittings, terms, the day of reports."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lti_app.centre.calendar import SHOWN_A_MONTH, EntryKind, year_of
from lti_app.core.db import Database
from lti_app.programmes.models import Sitting
from tests.lti_app.centre.town import TODAY, Town, another
from tests.lti_app.world import NOW

YEAR = TODAY.year


def found(database: Database, year: int, direction: str | None = None) -> list[tuple[date, EntryKind]]:
    with database.session(writes=False) as session:
        return [(entry.day, entry.kind) for rows in year_of(session, year, direction).values() for entry in rows]


def test_a_year_has_what_begins_ends_and_is_due_in_it_in_the_order_of_days(town: Town, database: Database) -> None:
    world = town.world
    with database.transaction() as session:
        session.add(Sitting(held_on=date(YEAR, 12, 3), created_at=NOW))

    assert found(database, YEAR) == [
        (date(YEAR, 6, 15), EntryKind.REPORT),
        (world.intake.starts_on, EntryKind.STARTS),
        (date(YEAR, 12, 3), EntryKind.SITTING),
    ]
    assert found(database, YEAR + 1) == [
        (world.intake.ends_on, EntryKind.ENDS),
        (date(YEAR + 1, 6, 15), EntryKind.REPORT),
        (date(YEAR + 1, 12, 31), EntryKind.TERM),
    ]


def test_the_first_and_last_day_of_a_year_belong_to_it(town: Town, database: Database) -> None:
    with database.transaction() as session:
        intake = another(session, town, "b", "Инклюзия").intake
        intake.starts_on, intake.ends_on = date(YEAR, 1, 1), date(YEAR, 12, 31)

    days = [day for day, kind in found(database, YEAR, "Инклюзия") if kind in (EntryKind.STARTS, EntryKind.ENDS)]
    assert days == [date(YEAR, 1, 1), date(YEAR, 12, 31)]
    assert not {EntryKind.STARTS, EntryKind.ENDS} & {kind for _day, kind in found(database, YEAR - 1, "Инклюзия")}


def test_an_intake_over_several_years_stands_in_those_of_its_days_only(town: Town, database: Database) -> None:
    with database.transaction() as session:
        intake = another(session, town, "b", "Инклюзия").intake
        intake.starts_on, intake.ends_on = date(YEAR - 1, 5, 1), date(YEAR + 1, 5, 1)

    kinds = [{kind for _day, kind in found(database, YEAR + shift, "Инклюзия")} for shift in (-1, 0, 1)]
    assert kinds == [
        {EntryKind.STARTS, EntryKind.REPORT},
        {EntryKind.REPORT},
        {EntryKind.ENDS, EntryKind.REPORT, EntryKind.TERM},
    ]


def test_of_renewed_sites_the_last_term_counts_and_of_ended_ones_none(town: Town, database: Database) -> None:
    with database.transaction() as session:
        another(session, town, "b", "Прекращённое", until=date(YEAR, 12, 1), ended_on=TODAY)

    assert EntryKind.TERM not in {kind for _day, kind in found(database, YEAR)}


def test_a_direction_leaves_intakes_and_terms_of_others_out(town: Town, database: Database) -> None:
    with database.transaction() as session:
        another(session, town, "b", "Инклюзия", title="Тьютор")
    page = town.page("/centre/calendar", year=str(YEAR), direction="Инклюзия")

    assert "Тьютор" in page
    assert town.world.version.title not in page
    assert "<option selected>Инклюзия</option>" in page


def test_a_crowded_month_is_cut_and_its_own_page_shows_all(town: Town, database: Database) -> None:
    with database.transaction() as session:
        for number in range(SHOWN_A_MONTH + 5):
            intake = another(session, town, f"m{number}", "Много").intake
            intake.starts_on = date(YEAR, 3, 2)
    year = town.page("/centre/calendar", year=str(YEAR))
    month = town.page("/centre/calendar", year=str(YEAR), month="3")

    assert f"/centre/calendar?year={YEAR}&amp;month=3" in year
    assert year.split('id="month-3"')[1].split('id="month-4"')[0].count("row-card") == SHOWN_A_MONTH
    assert month.count("row-card") == SHOWN_A_MONTH + 5
    assert 'id="month-4"' not in month


@pytest.mark.parametrize(
    ("asked", "year"),
    [
        ("year=1", 2000),
        ("year=99999999999999999999", 2100),
        ("year=-5", 2000),
        ("year=x", YEAR),
        ("year=", YEAR),
        ("month=13", YEAR),
        ("month=0", YEAR),
        ("month=x&direction=%27%25", YEAR),
    ],
)
def test_nonsense_in_an_address_does_not_break_the_calendar(town: Town, asked: str, year: int) -> None:
    answer = town.centre.get(f"/centre/calendar?{asked}")

    assert answer.status_code == 200
    assert f'value="{year}"' in answer.text
    assert 'id="month-12"' in answer.text


def test_the_last_day_of_february_is_in_its_month(town: Town, database: Database) -> None:
    with database.transaction() as session:
        another(session, town, "b", "Инклюзия").intake.ends_on = date(2028, 2, 29)
        assert [entry.day for entry in year_of(session, 2028, "Инклюзия", 2)[2]] == [date(2028, 2, 29)]


def test_the_calendar_asks_as_often_for_many_entries_as_for_few(town: Town, database: Database) -> None:
    few = town.queries("/centre/calendar")
    with database.transaction() as session:
        for number in range(20):
            another(session, town, f"m{number}", "Много", until=TODAY + timedelta(days=5))
        session.add_all(Sitting(held_on=TODAY + timedelta(days=number), created_at=NOW) for number in range(20))

    assert 0 < town.queries("/centre/calendar") == few <= 8
