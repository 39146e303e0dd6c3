"""Commands about the installation itself: the database's schema and keys."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet
from flask.cli import AppGroup, with_appcontext

from lti_app.core.edge import tool
from lti_app.core.migrate import upgrade

db = AppGroup("db", help="The database's schema.")
keys = AppGroup("keys", help="Keys for personal data and secrets.")


@db.command("upgrade")
@with_appcontext
def db_upgrade() -> None:
    """Bring the database to the current schema."""
    upgrade(tool().database)
    click.echo("the database has the current schema")


@keys.command("new")
def keys_new() -> None:
    """Print a new key for DATA_KEYS; put it first and keep the old ones behind it."""
    click.echo(Fernet.generate_key().decode("ascii"))
