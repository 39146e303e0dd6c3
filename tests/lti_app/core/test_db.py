"""What the database says of a failure: a typed error that names tables and constraints, never the values of a row."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from lti_app.core import db
from lti_app.core.db import Database
from lti_app.core.jobs import Jobs
from lti_app.core.outbox import Outcome, deliver_due, enqueue
from lti_app.people.models import Person
from tests.conftest import MovableClock, postgres_copy

SECRETS = ("Тайная", "Варвара", "varvara@example.org", "DETAIL")


@pytest.fixture
def postgres(postgres_url: str, postgres_template: str) -> Iterator[Database]:
    for url in postgres_copy(postgres_url, postgres_template):
        database = Database(url)
        yield database
        database.dispose()


def _person(session: Session, **values: Any) -> None:
    given = {"last_name": "Тайная", "first_name": "Варвара", "email": "varvara@example.org", **values}
    session.add(Person(**given))
    session.flush()


def _twice(session: Session) -> None:
    _person(session)
    _person(session)


def _nameless(session: Session) -> None:
    _person(session, last_name=None)


def _no_number(session: Session) -> None:
    session.execute(text("SELECT id FROM person WHERE id = CAST(:value AS integer)"), {"value": SECRETS[1]})


@pytest.mark.parametrize(
    ("act", "kind", "said"),
    [
        (_twice, IntegrityError, "uq_person_email"),
        (_nameless, IntegrityError, "last_name"),
        (_no_number, DataError, "22P02"),
    ],
)
def test_neither_an_error_nor_its_cause_quotes_the_row(
    postgres: Database,
    act: Callable[[Session], None],
    kind: type[DBAPIError],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def act_and_log() -> None:
        try:
            with postgres.transaction() as session:
                act(session)
        except DBAPIError:
            logging.getLogger("test").exception("failed")
            raise

    with pytest.raises(kind, match=said) as caught:
        act_and_log()
    assert said in str(caught.value.orig)
    assert caplog.text.count("Traceback") == 2  # the error's and its cause's
    assert said in caplog.text
    assert [secret for secret in SECRETS if secret in caplog.text] == []


def test_the_log_of_a_job_and_of_a_delivery_holds_no_row(
    postgres: Database, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        with postgres.transaction() as session:
            _twice(session)

    def deliver(_database: Database, _payload: dict[str, Any], _now: datetime) -> Outcome:
        fail()
        raise AssertionError("not reached")

    with postgres.transaction() as session:
        enqueue(session, kind="note", key="a", payload={}, now=clock())
    deliver_due(postgres, {"note": deliver}, clock)
    jobs = Jobs()
    jobs.submit("failing", fail)
    jobs.drain()
    assert caplog.text.count("uq_person_email") >= 2
    assert [secret for secret in SECRETS if secret in caplog.text] == []


def test_a_server_that_cannot_be_reached_is_still_named(postgres_url: str) -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DBAPIError, match="port 1"):
        database.ping()


def test_a_writer_that_waits_too_long_gets_a_typed_error(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(sqlite_template, tmp_path / "t.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 't.sqlite3'}")
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.05)
    with database.transaction() as first:
        first.execute(text("SELECT 1"))
        with pytest.raises(OperationalError), database.transaction() as second:
            second.execute(text("SELECT 1"))
    database.dispose()
