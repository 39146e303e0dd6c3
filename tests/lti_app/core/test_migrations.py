"""The schema goes up and down on both databases, and is what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Inspector, inspect, text
from sqlalchemy.exc import DBAPIError

from lti_app.core.db import Database
from lti_app.core.migrate import downgrade, is_current, upgrade
from lti_app.models import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    return Database(request.getfixturevalue("empty_postgres"))


def _tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_migrations_go_up_and_down_and_up_again(empty: Database) -> None:
    assert not is_current(empty)
    upgrade(empty)
    assert is_current(empty)
    assert _tables(empty) == set(metadata.tables)
    downgrade(empty)
    assert _tables(empty) == set()
    upgrade(empty)
    assert is_current(empty)
    empty.dispose()


@pytest.mark.filterwarnings("ignore:.*can't reflect these indexes.*")
@pytest.mark.filterwarnings("ignore:autogenerate skipping.*")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection.*")
def test_the_migrated_schema_is_what_the_models_say(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_check_of_the_models_stands_in_the_database(database: Database) -> None:
    inspector: Inspector = inspect(database.engine)
    dialect = database.engine.dialect
    for table in metadata.tables.values():
        promised = {
            str(constraint.name)
            for constraint in table.constraints
            if isinstance(constraint, CheckConstraint)
            and (constraint._ddl_if is None or constraint._ddl_if.dialect == dialect.name)
        }
        kept = {check["name"] for check in inspector.get_check_constraints(table.name)}
        assert promised == kept, table.name


@pytest.mark.parametrize("change", ["UPDATE credit_entry SET hours = 1", "DELETE FROM credit_entry"])
def test_the_ledger_refuses_to_be_rewritten(database: Database, change: str) -> None:
    with database.session() as session:
        if database.is_sqlite:  # its trigger fires per row, so it needs one; no parents are asked for here
            session.execute(text("PRAGMA defer_foreign_keys=ON"))
            session.execute(
                text(
                    "INSERT INTO credit_entry (kind, trainee_id, person_id, version_id, hours, rule, evidence,"
                    " decided_by_id, decided_at) VALUES ('credit', 1, 1, 1, 100, 'r', '{}', 1, '2026-01-01')"
                )
            )
        with pytest.raises(DBAPIError, match="append-only"):
            session.execute(text(change))
