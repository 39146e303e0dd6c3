"""Commands end with one line where they can't do their work, and with a code that no outcome of the work has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from flask import Flask
from flask_babel import lazy_gettext as _l

from config.settings import Settings
from lti_app import create_app
from lti_app.core.cli import Group
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.jobs import Jobs
from lti_app.core.vault import VaultError
from lti_app.lti.models import Moodle
from tests.conftest import MovableClock

ROOT = Path(__file__).resolve().parents[3]


def give(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=list(words))


@pytest.mark.parametrize(
    "words",
    [
        "sync run --aprove",
        "sync run town",
        "sync approve",
        "sync aprove",
        "sync --bogus",
        "sync run --moodle town",
        "sync run",
        "sync approve 12345678",
        "outbox",
        "moodle doctor town",
        "moodle add town",
        "people grant town 7 centre",
        "import /no/such/folder",
        "audit-invariants now",
    ],
)
def test_what_the_caller_got_wrong_ends_with_64(app: Flask, words: str) -> None:
    done = give(app, *words.split())
    assert done.exit_code == os.EX_USAGE, done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("words", ["sync run --help", "sync --help"])
def test_asking_for_help_is_no_mistake(app: Flask, words: str) -> None:
    assert give(app, *words.split()).exit_code == 0


def ending(app: Flask, act: Callable[[], NoReturn]) -> Result:
    """Give a command that does this, as one of a group of ours."""
    group = Group("trial")
    group.command("end")(act)
    app.cli.add_command(group)
    return give(app, "trial", "end")


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def act() -> NoReturn:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DomainError("a", _l("There is no such intake.")), os.EX_USAGE, "Такого потока нет."),
        (NotFound("b", "no such thing"), os.EX_USAGE, "no such thing"),
        (Conflict("c", "too late", remedy="reload"), os.EX_USAGE, "too late (reload)"),
        (VaultError("no key opens this"), os.EX_CONFIG, "no key opens this"),
    ],
)
def test_a_refusal_is_one_line_and_nothing_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture, error: Exception, code: int, line: str
) -> None:
    done = ending(app, raising(error))
    assert (done.exit_code, done.output) == (code, f"Error: {line}\n")
    assert caplog.text == ""


def test_who_interrupts_a_command_is_told_so_by_its_code(app: Flask) -> None:
    assert ending(app, raising(KeyboardInterrupt())).exit_code == 130


def test_what_nobody_expected_is_one_line_with_70_and_its_place_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    done = ending(app, raising(RuntimeError("Иванова")))
    assert done.exit_code == os.EX_SOFTWARE
    assert done.stderr.count("\n") == 1
    assert "broke off unexpectedly" in done.stderr
    assert "builtins.RuntimeError" in done.stderr
    assert "test_cli.py" in caplog.text
    assert "Иванова" not in caplog.text + done.output


def test_a_refused_job_is_one_line_in_the_log(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs(app.app_context)
    jobs.submit("refused", raising(Conflict("too_late", "Это уже решено.")))
    jobs.drain()
    assert caplog.messages == ["a job was refused: too_late"]


def test_a_night_that_breaks_off_does_not_say_that_some_changes_failed(
    settings: Settings, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings, clock)
    tool = app.extensions["ploshchadka"]
    with tool.database.transaction() as session:
        session.add(Moodle(name="town", url="http://localhost:1", token_encrypted="sealed", created_at=clock()))
    assert give(app, "sync", "run").exit_code == os.EX_CONFIG  # no key opens its token

    tool.vault = None  # a fault of our own making
    done = give(app, "sync", "run")
    assert done.exit_code == os.EX_SOFTWARE
    assert "AttributeError" in done.stderr
    assert "night.py" in caplog.text
    tool.database.dispose()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"SECRET_KEY": "short"}, os.EX_CONFIG),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}, os.EX_SOFTWARE),
        ({}, os.EX_SOFTWARE),  # a database without tables
    ],
)
def test_the_process_itself_ends_so_too(tmp_path: Path, given: dict[str, str], code: int) -> None:
    """Not only under the test runner: the scripts of the night see the process."""
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "s" * 40,
        "DATA_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": "http://localhost:8700",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
        **given,
    }
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "lti_app", "sync", "run"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ") or "SECRET_KEY" in line]
    assert len(said) == 1
    assert "Traceback" not in done.stderr
