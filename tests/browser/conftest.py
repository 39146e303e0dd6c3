"""A real browser for tests: Debian's Chromium, driven by Playwright; the application served by a thread."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Playwright
from werkzeug.serving import make_server

from config.settings import Settings
from lti_app import create_app
from tests.browser.people import SECRET_KEY, open_door
from tests.conftest import DATA_KEY, MovableClock, start_chromium

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts"


@contextmanager
def served(app: Flask, host: str = "localhost", port: int = 0) -> Iterator[str]:
    """Serve an application on this machine for the length of the block; yield its address."""
    server = make_server(host, port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Start one Chromium for all tests of this process."""
    browser = start_chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture
def browser_app(sqlite_template: Path, tmp_path: Path, clock: MovableClock) -> Iterator[Flask]:
    """Build the application on a database of this test's own (its pages are tried on both kinds elsewhere)."""
    path = tmp_path / "browser.sqlite3"
    shutil.copy(sqlite_template, path)
    settings = Settings(
        secret_key=SECRET_KEY,
        data_keys=(DATA_KEY,),
        public_url="http://localhost",
        database_url=f"sqlite:///{path}",
    )
    app = create_app(settings, clock)
    open_door(app)
    yield app
    app.extensions["ploshchadka"].database.dispose()


@pytest.fixture
def live(browser_app: Flask) -> Iterator[str]:
    """Serve ``browser_app``; yield its address."""
    with served(browser_app) as address:
        tool = browser_app.extensions["ploshchadka"]
        tool.settings = replace(tool.settings, public_url=address)
        yield address


@contextmanager
def a_page(browser: Browser, *, width: int = 1280, height: int = 900, locale: str = "ru-RU") -> Iterator[Page]:
    """Open a window of that width with a memory of its own; errors of its scripts fail the test."""
    context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    assert not [error for error in errors if "status of 4" not in error], errors
