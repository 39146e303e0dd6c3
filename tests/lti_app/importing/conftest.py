from __future__ import annotations

from pathlib import Path

import pytest

from lti_app.core.db import Database
from tests.conftest import MovableClock
from tests.lti_app.importing.book import Book


@pytest.fixture
def book(database: Database, tmp_path: Path, clock: MovableClock) -> Book:
    return Book(database, tmp_path, clock.moment)
