"""Bring the database to the current schema, and tell why the program can't work with the one that is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from lti_app.core.db import Database
from lti_app.core.errors import named

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
UPGRADE = "flask --app lti_app db upgrade"


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


def revision_of(database: Database) -> str | None:
    """Return the revision of the database's schema, None before the first. Raises SQLAlchemyError if it is away."""
    with database.session(writes=False) as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        revision: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def is_current(database: Database) -> bool:
    """Tell whether the database has the newest schema."""
    return revision_of(database) == _scripts(database).get_current_head()


@dataclass(frozen=True)
class DatabaseFault:
    """Say in one line, for administrators, why the program can't work with its database, and what to do."""

    code: str
    line: str

    @property
    def is_mended_by_upgrade(self) -> bool:
        """Tell whether ``db upgrade`` makes it good."""
        return self.code in ("no_schema", "outdated_schema")


def fault_of(database: Database) -> DatabaseFault | None:
    """Find out why the program can't work with this database; None where it can."""
    try:
        revision = revision_of(database)
    except SQLAlchemyError as error:
        said = " ".join(str(getattr(error, "orig", None) or named(error)).partition("\n")[0].split())
        return DatabaseFault(
            "database_away", f"the database does not answer ({said}); see that it runs and that DATABASE_URL is right"
        )
    scripts = _scripts(database)
    newest = scripts.get_current_head()
    if revision == newest:
        return None
    if revision is None:
        return DatabaseFault("no_schema", f"the database has no tables yet; make them with: {UPGRADE}")
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        return DatabaseFault(
            "unknown_schema",
            f"the database is at revision {revision}, which this program does not know (its newest is {newest}); "
            f"install the program that made it, or restore the backup taken before",
        )
    return DatabaseFault(
        "outdated_schema",
        f"the database is at revision {revision}, the program needs {newest}; bring it there with: {UPGRADE}",
    )


def _scripts(database: Database) -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config(database))
