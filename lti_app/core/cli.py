"""Commands about the installation itself: the database's schema and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from cryptography.fernet import Fernet
from flask.cli import AppGroup, with_appcontext

from lti_app.core.edge import tool
from lti_app.core.errors import DomainError
from lti_app.core.migrate import upgrade
from lti_app.core.sealed import reencrypt
from lti_app.core.vault import VaultError

db = AppGroup("db", help="The database's schema.")
keys = AppGroup("keys", help="Keys for personal data and secrets.")


@contextmanager
def plainly() -> Iterator[None]:
    """Turn a refusal into one line and exit code 1."""
    try:
        yield
    except DomainError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        raise click.ClickException(f"{error.message}{remedy}") from None
    except VaultError as error:
        raise click.ClickException(str(error)) from None


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


@keys.command("reencrypt")
@with_appcontext
def keys_reencrypt() -> None:
    """Write every stored secret anew under the first of DATA_KEYS; afterwards the older keys can go."""
    with plainly():
        for done in reencrypt(tool().database, tool().vault):
            click.echo(f"{done.table}.{done.column}: {done.renewed} of {done.total} written anew")
