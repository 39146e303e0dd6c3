"""A Moodle that signs, a browser, and a landing that shows what it was handed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient

from lti_app.lti.launch import Launch
from tests.conftest import postgres_copy
from tests.lti_app.lti.moodle import KeySetServer, SigningKey, SmallMoodle


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield a migrated database that the tests of one module share; on both kinds."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shared") / "test.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres_url")
        yield from postgres_copy(url, request.getfixturevalue("postgres_template"))


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey("first")


@pytest.fixture(scope="session")
def other_key() -> SigningKey:
    return SigningKey("second")


@pytest.fixture
def key_sets() -> Iterator[KeySetServer]:
    server = KeySetServer()
    yield server
    server.close()


@pytest.fixture
def moodle(app: Flask, signing_key: SigningKey, key_sets: KeySetServer) -> SmallMoodle:
    app.extensions["ploshchadka"].services["land"] = lambda launch: jsonify(asdict(launch))
    return SmallMoodle(app, signing_key, key_sets)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def landed(app: Flask) -> list[Launch]:
    """Collect what the landing is handed."""
    seen: list[Launch] = []

    def land(launch: Launch) -> object:
        seen.append(launch)
        return jsonify(asdict(launch))

    app.extensions["ploshchadka"].services["land"] = land
    return seen
