"""Commands end with one line where they can't do their work, and with a code that no outcome of the work has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from alembic.script import ScriptDirectory
from click.testing import Result
from cryptography.fernet import Fernet
from flask import Flask
from flask_babel import lazy_gettext as _l
from sqlalchemy import text

from config.settings import Settings
from lti_app import create_app
from lti_app.core.cli import Group
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.jobs import Jobs
from lti_app.core.migrate import MIGRATIONS, downgrade
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
        "people grant town 7 king",
        "people grant town 7",
        "bogus",
    ],
)
def test_what_the_caller_got_wrong_ends_with_64_and_one_line(app: Flask, words: str) -> None:
    done = give(app, *words.split())
    assert done.exit_code == os.EX_USAGE, done.output
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1, done.output


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("sync run --aprove", "; see: flask --app lti_app sync run --help\n"),
        ("sync aprove", "; see: flask --app lti_app sync --help\n"),
        ("outbox", "outbox needs one of its commands: deliver, retry\n"),
        ("bogus", "No such command 'bogus'; there are: audit-invariants, db, import, keys, lti, "),
    ],
)
def test_the_line_says_where_to_look(app: Flask, words: str, remedy: str) -> None:
    assert remedy in give(app, *words.split()).output


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


def in_a_process(folder: Path, *words: str, **given: str | None) -> subprocess.CompletedProcess[str]:
    """Give a command as the scripts of the night do; ``given`` are settings, None for one that is not set."""
    settings = {
        "SECRET_KEY": "s" * 40,
        "DATA_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": "http://localhost:8700",
        "DATABASE_URL": f"sqlite:///{folder / 'empty.sqlite3'}",
        "ATTACHMENTS_DIR": str(folder / "attachments"),
        **given,
    }
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "lti_app", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **{name: value for name, value in settings.items() if value is not None}},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("given", "words", "line"),
    [
        ({"SECRET_KEY": "short"}, "sync run", "SECRET_KEY: needs at least 32"),
        ({"SECRET_KEY": None}, "sync run", "SECRET_KEY: is not set; give it in the environment"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}, "sync run", "that DATABASE_URL is right"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}, "db upgrade", "that DATABASE_URL is right"),
        ({"DATABASE_URL": "sqlite:////no/such/folder/x.sqlite3"}, "import .", "that DATABASE_URL is right"),
        ({}, "sync run", "make them with: flask --app lti_app db upgrade"),
        ({}, "people list", "make them with: flask --app lti_app db upgrade"),
    ],
)
def test_settings_or_a_database_that_are_not_fit_are_one_line_with_78(
    tmp_path: Path, given: dict[str, str | None], words: str, line: str
) -> None:
    done = in_a_process(tmp_path, *words.split(), **given)
    assert done.returncode == os.EX_CONFIG, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert line in done.stderr


def test_an_unknown_command_of_the_process_is_one_line_with_64(tmp_path: Path) -> None:
    done = in_a_process(tmp_path, "bogus")
    assert (done.returncode, done.stderr.count("\n")) == (os.EX_USAGE, 1)


@pytest.mark.parametrize("words", ["--help", "sync run --help", "people --help", "moodle functions"])
def test_help_and_what_needs_no_settings_work_without_any(tmp_path: Path, words: str) -> None:
    unset = {"SECRET_KEY": None, "DATA_KEYS": None, "PUBLIC_URL": None, "DATABASE_URL": None}
    done = in_a_process(tmp_path, *words.split(), **unset)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"--help": "audit-invariants", "moodle functions": "core_webservice"}.get(words, "Usage") in done.stdout


def head_revision() -> str:
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def test_upgrading_says_in_one_line_from_where_to_where(tmp_path: Path) -> None:
    said = [in_a_process(tmp_path, "db", "upgrade") for _time in range(2)]
    assert [done.returncode for done in said] == [0, 0]
    assert said[0].stdout == f"the database went from empty to revision {head_revision()}\n"
    assert said[1].stdout == f"the database has the current schema already, revision {head_revision()}\n"
    assert said[0].stderr + said[1].stderr == ""


def test_a_database_of_another_revision_is_told_with_what_to_do(settings: Settings, clock: MovableClock) -> None:
    app = create_app(settings, clock)
    database = app.extensions["ploshchadka"].database
    downgrade(database, "0001")
    older = give(app, "people", "list")
    assert older.exit_code == os.EX_CONFIG
    assert f"is at revision 0001, the program needs {head_revision()}" in older.output
    assert "flask --app lti_app db upgrade" in older.output
    assert give(app, "db", "upgrade").output == f"the database went from revision 0001 to revision {head_revision()}\n"
    assert give(app, "people", "list").exit_code == 0

    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for words in ("people list", "db upgrade"):
        newer = give(app, *words.split())
        assert newer.exit_code == os.EX_CONFIG
        assert "9999, which this program does not know" in newer.output
    database.dispose()
