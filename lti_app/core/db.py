"""The database: engine, sessions, and the base of all tables."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import JSON, Connection, Engine, Executable, MetaData, create_engine, event, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from lti_app.core.pooled import check_before_use

BUSY_SECONDS = 30
"""How long a transaction waits for the one that holds SQLite's write lock."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Give every table named constraints, so that migrations and refusals can name them."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}


def insert_for(session: Session, model: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT of the database in use, to be followed by what both know: ON CONFLICT, by column names."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(model)


def lock_row(session: Session, row: Any) -> None:
    """Let nobody else change a stored row until the transaction ends, and read its columns anew."""
    model = type(row)
    session.execute(select(model.id).where(model.id == row.id).with_for_update())
    session.refresh(row, [column.key for column in inspect(model).column_attrs])


def is_twin(error: IntegrityError) -> bool:
    """Tell whether a database refused a row since another has its unique key (PostgreSQL's 23505)."""
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    return code in {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


def put_rows(session: Session, model: type[Base]) -> Executable:
    """Return the statement that adds rows, or overwrites those that have the same primary key."""
    statement = insert_for(session, model)
    columns = model.__table__.columns
    keys = [column.name for column in columns if column.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the begin event below says which transaction it is
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that will write takes the write lock at once: a reader that becomes a writer
        # later would be refused (SQLITE_BUSY_SNAPSHOT) without waiting for its turn.
        driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        if connection.get_execution_options().get("writes", True):
            _take_write_lock(driver)
        else:
            driver.execute("BEGIN")


def _take_write_lock(driver: sqlite3.Connection) -> None:
    """Begin a writing transaction as soon as the one before it ends. Raises OperationalError after BUSY_SECONDS.

    SQLite's own waiting sleeps longer and longer, up to 0.1 s, while the lock lies free; transactions here last a
    few milliseconds, so this looks again every millisecond or so. The jitter keeps waiters from marching in step.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    # SQLAlchemy translates what statements raise, not what its events do.
                    raise OperationalError("BEGIN IMMEDIATE", None, error) from error
                time.sleep(0.0005 + 0.001 * random.random())  # noqa: S311 - no secret depends on it
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def _keep_rows_out_of_errors(engine: Engine) -> None:
    """Leave of PostgreSQL's errors what names tables and constraints: its DETAIL quotes the offending row.

    The driver's error itself is changed, since it is the cause of SQLAlchemy's and stands in every traceback.
    """

    @event.listens_for(engine, "handle_error")
    def _shorten(context: ExceptionContext) -> None:
        original = context.original_exception
        said = getattr(original, "diag", None)
        if said is None or said.message_primary is None:
            return  # SQLite, or no answer of the server: no row is quoted
        kind = type(original)
        # Data exceptions (class 22 of the SQLSTATEs) quote the value in their first line already.
        quotes_value = said.sqlstate.startswith("22")
        text = f"a value does not fit its column ({said.sqlstate})" if quotes_value else said.message_primary
        original.args = (text,)
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.args = (f"({kind.__module__}.{kind.__name__}) {text}",)


class Database:
    """Own the engine and hand out sessions: one transaction a use case, rolled back unless committed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = {} if self.is_sqlite else {"pool_size": 5}
        # Parameters are personal data and secrets: they stay out of the text of errors, and so out of logs.
        self.engine = create_engine(url, hide_parameters=True, **options)
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
        else:
            check_before_use(self.engine)
        _keep_rows_out_of_errors(self.engine)
        self._reading = self.engine.execution_options(writes=False)

    def session(self, *, writes: bool = True) -> Session:
        """Return a new session; the caller closes it. ``writes=False`` takes no write lock on SQLite."""
        return Session(self.engine if writes else self._reading, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session, commit on success, roll back on any error."""
        with self.session() as session:
            yield session
            session.commit()

    def ping(self) -> None:
        """Ask the database for one row. Raises SQLAlchemyError where it doesn't answer."""
        with self.session(writes=False) as session:
            session.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()
