"""Connections that wait in the pool: lost ones are replaced before use, good ones aren't asked in vain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from lti_app.core.db import Database
from lti_app.core.pooled import TRUSTED_SECONDS, check_before_use
from tests.conftest import postgres_copy

PID = text("SELECT pg_backend_pid()")


class Seconds:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    yield from postgres_copy(postgres_url, "template0")


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def engine(url: str, seconds: Seconds) -> Iterator[Engine]:
    made = create_engine(url, pool_size=2)
    check_before_use(made, seconds)
    yield made
    made.dispose()


@pytest.fixture
def other(url: str) -> Iterator[Engine]:
    made = create_engine(url, isolation_level="AUTOCOMMIT")
    yield made
    made.dispose()


def _pid(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalars(PID).one())


def _last_heard(other: Engine, pid: int) -> object:
    with other.connect() as connection:
        asked = text("SELECT state_change FROM pg_stat_activity WHERE pid = :pid")
        return connection.scalars(asked, {"pid": pid}).one()


def _end(other: Engine, *pids: int) -> None:
    with other.connect() as connection:
        for pid in pids:
            # Waits until the server has ended it.
            assert connection.scalars(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}).one()


@pytest.mark.parametrize("rest", [0.0, TRUSTED_SECONDS])
def test_a_connection_that_the_server_ended_is_replaced_unnoticed(
    engine: Engine, other: Engine, seconds: Seconds, rest: float
) -> None:
    before = _pid(engine)
    _end(other, before)
    seconds.now += rest
    assert _pid(engine) != before


def test_when_one_is_lost_all_that_waited_with_it_are_replaced(engine: Engine, other: Engine) -> None:
    with engine.connect() as one, engine.connect() as two:
        pids = {int(connection.scalars(PID).one()) for connection in (one, two)}
    _end(other, *pids)
    with engine.connect() as one, engine.connect() as two:
        assert pids.isdisjoint({int(connection.scalars(PID).one()) for connection in (one, two)})


@pytest.mark.parametrize(("rest", "asked"), [(TRUSTED_SECONDS - 1, False), (TRUSTED_SECONDS, True)])
def test_only_after_a_rest_a_connection_is_asked_whether_it_is_there(
    engine: Engine, other: Engine, seconds: Seconds, rest: float, asked: bool
) -> None:
    pid = _pid(engine)
    before = _last_heard(other, pid)
    seconds.now += rest
    with engine.connect():  # sends nothing of its own before the first statement
        assert (_last_heard(other, pid) != before) is asked
    assert _pid(engine) == pid


def test_news_that_is_no_end_leaves_the_connection(engine: Engine, other: Engine) -> None:
    with engine.connect() as connection:
        pid = int(connection.scalars(PID).one())
        connection.execute(text("LISTEN news"))
        connection.commit()
    with other.connect() as connection:
        connection.execute(text("NOTIFY news"))
    assert _pid(engine) == pid


def test_the_database_of_the_tool_checks_its_connections(url: str, other: Engine) -> None:
    database = Database(url)
    pid = _pid(database.engine)
    _end(other, pid)
    database.ping()
    database.dispose()
