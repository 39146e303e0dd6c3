"""Count the statements that reach the database, so that a page's cost can be held constant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from lti_app.core.db import Database


class Statements(list[str]):
    """The statements seen, in order; ``len`` is what a test compares."""


@contextmanager
def counted_queries(database: Database) -> Iterator[Statements]:
    """Collect the statements that ``database`` executes inside the block (transaction commands left out)."""
    seen = Statements()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.split(maxsplit=1)[0].upper() not in ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK"):
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
