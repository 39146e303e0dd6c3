"""Measure pages on PostgreSQL, with and without a night under way in a process of its own.

`python -m tests.bench.bench_pages` prints a Markdown table. gunicorn with the project's configuration (2 workers) is
asked by 4 browsers at once, without a pause; the night enrols COURSES x PEOPLE people in a pocket Moodle at 30 ms a
call, on the same cores.
"""

from __future__ import annotations

import http.client
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.migrate import upgrade
from lti_app.people.models import Person
from lti_app.sync.models import OwnedEnrolment
from tests.bench.bench_launch import free_port, gunicorn, postgres
from tests.bench.bench_moodle import add_people, pocket_accounts, seed
from tests.bench.pocket import pocket_moodle
from tests.lti_app.web.visits import visit
from tests.lti_app.world import World

BROWSERS = 4
SECONDS = 10
TRAINEES, MEETINGS = 30, 12


class Asked:
    """Answer times by page, in seconds, as several browsers ask for the pages in turn."""

    def __init__(self, port: int, pages: Mapping[str, tuple[str, str]]) -> None:
        self.port, self.pages = port, pages
        self.times: dict[str, list[float]] = defaultdict(list)
        self._lock = threading.Lock()
        self._failures: list[str] = []

    def while_(self, goes_on: Callable[[], bool], browsers: int = BROWSERS) -> None:
        """Ask for as long as ``goes_on`` says."""
        threads = [threading.Thread(target=self._browse, args=(goes_on,)) for _ in range(browsers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self._failures, self._failures[0]

    def _browse(self, goes_on: Callable[[], bool]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while goes_on() and not self._failures:
            for name, (path, cookie) in self.pages.items():
                began = time.perf_counter()
                connection.request("GET", path, headers={"Host": "localhost", "Cookie": cookie})
                response = connection.getresponse()
                response.read()
                with self._lock:
                    self.times[name].append(time.perf_counter() - began)
                    if response.status != http.HTTPStatus.OK:
                        self._failures.append(f"{path} answered {response.status}")


def cookie_of(client: FlaskClient) -> str:
    """Return what this browser would send."""
    kept = client.get_cookie("ploshchadka")
    assert kept is not None
    return f"{kept.key}={kept.value}"


def furnish(parts: Tool, url: str, token: str) -> tuple[World, Person]:
    """Store a world to look at, and a Moodle whose nights have work; return the world and a trainee of it."""
    now = datetime.now(UTC)
    with parts.database.transaction() as session:
        world = World(session, "pages", now=now, course_id=2)
        trainees = world.trainees(TRAINEES)
        for number in range(MEETINGS):
            meeting = world.meeting(hours=1, starts_at=now - timedelta(days=number + 1))
            world.attended(meeting, *trainees)
        for number, person in enumerate([world.leader, trainees[0].person]):
            world.account(person, 900_000 + number)
        world.meeting(hours=2, starts_at=now + timedelta(days=1))
    moodle_id = seed(parts, url, token, "night")
    add_people(parts, moodle_id)
    return world, trainees[0].person


def environment_on(port: int, database_url: str) -> dict[str, str]:
    """Return the settings of a tool that gunicorn serves on ``port``."""
    return {
        "SECRET_KEY": secrets.token_hex(32),
        "DATA_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": database_url,
        "ATTACHMENTS_DIR": str(Path(tempfile.gettempdir()) / "ploshchadka-attachments"),
        "LOG_LEVEL": "WARNING",
    }


def migrated_tool(environment: Mapping[str, str]) -> Flask:
    """Make a tool with the same settings in this process, and migrate its database."""
    app = create_app(
        Settings(
            secret_key=environment["SECRET_KEY"],
            data_keys=(environment["DATA_KEYS"],),
            public_url=environment["PUBLIC_URL"],
            database_url=environment["DATABASE_URL"],
            log_level="WARNING",
        )
    )
    upgrade(app.extensions["ploshchadka"].database)
    return app


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        url, token = stack.enter_context(pocket_moodle(pocket_accounts()))
        port = free_port()
        environment = environment_on(port, stack.enter_context(postgres()))
        app = migrated_tool(environment)
        parts: Tool = app.extensions["ploshchadka"]
        world, first = furnish(parts, url, token)
        now = datetime.now(UTC)
        trainee = cookie_of(visit(app, world, first, since=now))
        leader = cookie_of(visit(app, world, world.leader, since=now))
        administrator = cookie_of(visit(app, world, is_moodle_admin=True, since=now))
        stack.enter_context(gunicorn("lti_app:create_app()", port, **environment))
        pages = {
            "trainee: my place": (f"/intakes/{world.intake.id}", trainee),
            "leader: today": ("/", leader),
            f"leader: intake, {TRAINEES} people x {MEETINGS} meetings": (f"/intakes/{world.intake.id}", leader),
            "administrator: exchange": ("/sync", administrator),
        }
        Asked(port, pages).while_(_for(2))  # warm
        quiet, busy = Asked(port, pages), Asked(port, pages)
        quiet.while_(_for(SECONDS))
        command = [sys.executable, "-m", "flask", "--app", "lti_app", "sync", "run", "--moodle", "bench", "--approve"]
        began = time.perf_counter()
        with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL) as night:
            busy.while_(lambda: night.poll() is None)
        assert night.returncode == 0, f"the night ended with {night.returncode}"
        seconds = time.perf_counter() - began
        with parts.database.session(writes=False) as session:
            enrolled = session.scalar(select(func.count()).select_from(OwnedEnrolment)) or 0
        parts.database.dispose()
    report(quiet, busy, f"a first night of {enrolled:,} enrolments in {seconds:.0f} s")


def _for(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until


def report(quiet: Asked, busy: Asked, night: str) -> None:
    print(f"Pages on PostgreSQL, 2 workers, {BROWSERS} browsers at once without a pause; {night}:\n")
    print("| page | p50, ms | p95, ms | p50 in the night, ms | p95 in the night, ms | pages asked |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in quiet.pages:
        before, then = (statistics.quantiles(asked.times[name], n=100) for asked in (quiet, busy))
        print(
            f"| {name} | {before[49] * 1000:.1f} | {before[94] * 1000:.1f} | {then[49] * 1000:.1f} "
            f"| {then[94] * 1000:.1f} | {len(quiet.times[name])}, {len(busy.times[name])} |"
        )


if __name__ == "__main__":
    main()
