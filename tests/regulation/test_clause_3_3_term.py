"""3.3: three years at most, behind the program's back too; what each database says of the same days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.permissions import Role
from lti_app.sites.applications import begin_application
from lti_app.sites.service import longest_term_end
from tests.lti_app.world import NOW, World
from tests.regulation.test_clause_3_4_1_sites import actor, facts

DAYS = (date(2026, 1, 1), date(2024, 2, 29), date(2025, 2, 28), date(2026, 12, 31), date(2028, 2, 29))


def term(session: Session, world: World, begins: date, until: date) -> None:
    session.execute(
        text("UPDATE site_order SET valid_from = :begins, valid_until = :until WHERE id = :id"),
        {"begins": begins.isoformat(), "until": until.isoformat(), "id": world.order.id}
        if session.get_bind().dialect.name == "sqlite"
        else {"begins": begins, "until": until, "id": world.order.id},
    )


@pytest.mark.parametrize("begins", DAYS)
def test_service_and_database_agree_on_the_last_day(database: Database, begins: date) -> None:
    with database.transaction() as session:
        world = World(session)
        last = longest_term_end(begins)
        term(session, world, begins, last)
        # SQLite counts three years from 29 February to 1 March; PostgreSQL and the service to 28 February.
        is_a_day_later = (begins.month, begins.day) == (2, 29) and session.get_bind().dialect.name == "sqlite"
        with pytest.raises(DBAPIError), session.begin_nested():
            term(session, world, begins, last + timedelta(days=2 if is_a_day_later else 1))


def test_the_end_of_the_calendar_is_no_term() -> None:
    assert longest_term_end(date(9999, 1, 1)) < date(9999, 1, 1)


def test_no_order_ends_before_it_begins_or_has_no_end(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        with pytest.raises(DBAPIError), session.begin_nested():
            term(session, world, date(2026, 1, 2), date(2026, 1, 1))
        for column in ("valid_from", "valid_until", "number", "signed_on"):
            with pytest.raises(DBAPIError), session.begin_nested():
                session.execute(text(f"UPDATE site_order SET {column} = NULL WHERE id = {world.order.id}"))
        term(session, world, date(2026, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize("years", [0, 4, -1])
def test_the_database_keeps_no_application_for_a_longer_term(database: Database, years: int) -> None:
    with database.transaction() as session:
        world = World(session)
        author = actor(world.person(), Role.CENTRE)
        made = begin_application(session, facts(world), applicant_id=world.organisation.id, actor=author, now=NOW)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE site_application SET term_years = {years} WHERE id = {made.id}"))
