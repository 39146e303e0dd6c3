"""A city for each module of points, on SQLite or on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.conftest import postgres_copy
from tests.faults.city import City, a_city
from tests.faults.stores import PostgresStore, SqliteStore


@pytest.fixture(scope="module")
def city(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Yield the city on SQLite."""
    path = tmp_path_factory.mktemp("city") / "city.sqlite3"
    shutil.copy(sqlite_template, path)
    with pytest.MonkeyPatch.context() as patch, a_city(SqliteStore(path), patch) as built:
        yield built


@pytest.fixture(scope="module")
def city_on_postgresql(postgres_url: str, postgres_template: str) -> Iterator[City]:
    """Yield the city on PostgreSQL; the copies of its database go with the server."""
    for url in postgres_copy(postgres_url, postgres_template):
        assert make_url(url).database
        with pytest.MonkeyPatch.context() as patch, a_city(PostgresStore(url), patch) as built:
            yield built
