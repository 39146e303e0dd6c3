"""Run migrations on the connection or the address that the caller put into the Alembic configuration."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, TypeDecorator

from lti_app.core.db import Database
from lti_app.models import metadata


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write the underlying type into migrations, so that old ones don't depend on today's code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def run(connection: Connection) -> None:
    """Migrate over ``connection``; SQLite gets batch mode, since it can't alter tables in place."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = Database(context.config.attributes["url"])
    with database.engine.connect() as connection:
        run(connection)
        connection.commit()
    database.dispose()
