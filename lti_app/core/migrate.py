"""Bring the database to the current schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from lti_app.core.db import Database

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def alembic_config(database: Database) -> Config:
    """Return an Alembic configuration for this database."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = database.url
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to ``revision``."""
    command.upgrade(alembic_config(database), revision)


def downgrade(database: Database, revision: str = "base") -> None:
    """Migrate down to ``revision``."""
    command.downgrade(alembic_config(database), revision)


def is_current(database: Database) -> bool:
    """Tell whether the database has the newest schema."""
    newest = ScriptDirectory.from_config(alembic_config(database)).get_current_head()
    with database.session(writes=False) as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return False
        return bool(session.scalar(text("SELECT version_num FROM alembic_version")) == newest)
