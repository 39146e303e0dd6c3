"""How all commands end, and the commands about the installation itself: the database's schema and keys."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from cryptography.fernet import Fernet
from flask.cli import AppGroup, with_appcontext

from lti_app.core.edge import tool
from lti_app.core.errors import DomainError, Unavailable, described, named
from lti_app.core.migrate import upgrade
from lti_app.core.sealed import reencrypt
from lti_app.core.vault import VaultError

log = logging.getLogger(__name__)


INTERRUPTED = 128 + signal.SIGINT
"""What shells say of a command that Ctrl-C ended."""


class Refused(click.ClickException):
    """End a command with one line: what was asked for is wrong, or not allowed."""

    exit_code = os.EX_USAGE


class Broken(click.ClickException):
    """End a command with one line: something unexpected happened."""

    exit_code = os.EX_SOFTWARE


class OutOfReach(click.ClickException):
    """End a command with one line: something that the installation needs does not answer; try again later."""

    exit_code = os.EX_UNAVAILABLE


class Misconfigured(click.ClickException):
    """End a command with one line: the settings don't fit what is stored."""

    exit_code = os.EX_CONFIG


@contextmanager
def _as_usage() -> Iterator[None]:
    """Give what the caller got wrong the code of sysexits.h: click's own, 2, says "held" in ``sync run``."""
    try:
        yield
    except click.UsageError as error:
        error.exit_code = os.EX_USAGE  # type: ignore[misc]  # click reads it from the instance
        raise


class Command(click.Command):
    """End a command that can't do its work with one line, and with a code that no outcome of the work has.

    They are those of sysexits.h: 64 (``Refused`` and click's usage errors), 69 (``OutOfReach``), 70
    (``Broken``), 78 (``Misconfigured``).
    """

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        """Take the command line apart."""
        with _as_usage():
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Do the work; the application's context is still there when a refusal is put into words."""
        try:
            with _as_usage():
                return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            raise click.exceptions.Exit(INTERRUPTED) from None
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except DomainError as error:
            kind = OutOfReach if isinstance(error, Unavailable) else Refused
            raise kind(f"{error.message} ({error.remedy})" if error.remedy else str(error.message)) from None
        except VaultError as error:
            raise Misconfigured(str(error)) from None
        except Exception as error:
            log.error("the command %s broke off\n%s", ctx.command_path, described(error))
            raise Broken(f"{ctx.command_path} broke off unexpectedly; the log says where: {named(error)}") from None


class Group(AppGroup):
    """Hold commands that end as ``Command`` says."""

    command_class = Command

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        """Take the command line apart as far as the sub-command's name."""
        with _as_usage():
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Find the sub-command and let it do its work."""
        with _as_usage():
            return super().invoke(ctx)


db = Group("db", help="The database's schema.")
keys = Group("keys", help="Keys for personal data and secrets.")


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
    for done in reencrypt(tool().database, tool().vault):
        click.echo(f"{done.table}.{done.column}: {done.renewed} of {done.total} written anew")
