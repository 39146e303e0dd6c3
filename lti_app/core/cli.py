"""How all commands end, and the commands about the installation itself: the database's schema and keys."""

from __future__ import annotations

import functools
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import click
from cryptography.fernet import Fernet
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from flask_babel import force_locale

from lti_app.core.edge import tool
from lti_app.core.errors import DomainError, Unavailable, described, named
from lti_app.core.migrate import fault_of, revision_of, upgrade
from lti_app.core.sealed import reencrypt
from lti_app.core.vault import VaultError

log = logging.getLogger(__name__)


PREFIX = "flask --app lti_app"
LANGUAGE = "en"
"""The command line and the log speak English throughout; pages speak the reader's language."""
SETTINGS_ERROR = "SETTINGS_ERROR"
"""Where an application that has no settings, only commands, keeps the line that says why."""
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
    """End a command with one line: the settings or the database are not fit for the program, or for each other."""

    exit_code = os.EX_CONFIG


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Say in one line what the caller got wrong, with a code of sysexits.h: click's, 2, says "held" in ``sync run``."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError as error:
        commands = ", ".join(cast(click.Group, error.ctx.command).list_commands(error.ctx))
        raise Refused(f"{_name_of(error.ctx) or 'flask'} needs one of its commands: {commands}") from None
    except click.UsageError as error:
        said = " ".join(error.format_message().split()).rstrip(".")
        raise Refused(f"{said}; see: {' '.join([PREFIX, _name_of(error.ctx), '--help'])}") from None


def _name_of(context: click.Context | None) -> str:
    """Return the words of a command from the group of all commands on."""
    words: list[str] = []
    while context is not None and context.parent is not None:
        words.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(words)


class Command(click.Command):
    """End a command that can't do its work with one line, and with a code that no outcome of the work has.

    They are those of sysexits.h: 64 (``Refused`` and click's usage errors), 69 (``OutOfReach``), 70
    (``Broken``), 78 (``Misconfigured``).
    """

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the first line of the help, whole: click would cut it after ``limit`` characters."""
        return (self.help or "").strip().partition("\n")[0]

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        """Take the command line apart."""
        with _in_one_line():
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Do the work; the application's context is still there when a refusal is put into words."""
        try:
            with _in_one_line():
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
        with _in_one_line():
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Find the sub-command and let it do its work."""
        with _in_one_line():
            return super().invoke(ctx)


class AllCommands(Group):
    """Hold every command of the program, and refuse others as ``Command`` says: Flask's own refusal has code 2."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name."""
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing and not cmd_name.startswith("-"):
            raise Refused(f"No such command '{cmd_name}'; there are: {', '.join(self.list_commands(ctx))}")
        return found


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the application. Ends it with one line (Misconfigured) where a setting is missing or wrong."""

    @functools.wraps(command)
    def prepared(*args: Any, **options: Any) -> Any:
        if SETTINGS_ERROR in current_app.config:
            raise Misconfigured(current_app.config[SETTINGS_ERROR])
        click.get_current_context().with_resource(force_locale(LANGUAGE))
        return command(*args, **options)

    return with_appcontext(prepared)


def with_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the application and a database that it can work with; else end it with one line, Misconfigured."""

    @functools.wraps(command)
    def prepared(*args: Any, **options: Any) -> Any:
        fault = fault_of(tool().database)
        if fault is not None:
            raise Misconfigured(fault.line)
        return command(*args, **options)

    return with_settings(prepared)


db = Group("db", help="The database's schema.")
keys = Group("keys", help="Keys for personal data and secrets.")


@db.command("upgrade")
@with_settings
def db_upgrade() -> None:
    """Bring the database to the current schema."""
    database = tool().database
    fault = fault_of(database)
    if fault is None:
        click.echo(f"the database has the current schema already, revision {revision_of(database)}")
        return
    if not fault.is_mended_by_upgrade:
        raise Misconfigured(fault.line)
    before = revision_of(database)
    upgrade(database)
    click.echo(
        f"the database went from {f'revision {before}' if before else 'empty'} to revision {revision_of(database)}"
    )


@keys.command("new")
def keys_new() -> None:
    """Print a new key for DATA_KEYS; put it first and keep the old ones behind it."""
    click.echo(Fernet.generate_key().decode("ascii"))


@keys.command("reencrypt")
@with_database
def keys_reencrypt() -> None:
    """Write every stored secret anew under the first of DATA_KEYS; afterwards the older keys can go."""
    for done in reencrypt(tool().database, tool().vault):
        click.echo(f"{done.table}.{done.column}: {done.renewed} of {done.total} written anew")
