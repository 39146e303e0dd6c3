"""The centre at its pages."""

from __future__ import annotations

import pytest
from flask import Flask

from lti_app.core.db import Database
from tests.lti_app.centre.town import Town, town_of


@pytest.fixture
def town(app: Flask, database: Database) -> Town:
    return town_of(app, database)
