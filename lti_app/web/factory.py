"""The one place where the parts are joined."""

from __future__ import annotations

import logging
from pathlib import Path

import click
from flask import Flask
from flask.cli import FlaskGroup

from config.settings import LARGEST_REQUEST, Settings, SettingsError, check_attachments_folder, load_settings
from lti_app import lti
from lti_app.core.cli import SETTINGS_ERROR, AllCommands, db, keys
from lti_app.core.clock import Clock
from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.errors import stop_start
from lti_app.core.invariants import audit_invariants
from lti_app.core.jobs import Jobs
from lti_app.core.vault import Vault
from lti_app.importing.cli import import_command
from lti_app.lti.cli import lti_commands
from lti_app.meetings.room_cli import rooms_commands
from lti_app.sync.background import start_run
from lti_app.sync.cli import outbox, sync
from lti_app.sync.mail_cli import mail
from lti_app.sync.moodle_cli import moodle_commands
from lti_app.sync.question_cli import people
from lti_app.web import pages, upkeep
from lti_app.web.actors import resolve_actor
from lti_app.web.cookies import SessionCookies
from lti_app.web.errors import Application

PACKAGE = Path(__file__).resolve().parent
COMMANDS = (
    db,
    keys,
    moodle_commands,
    lti_commands,
    people,
    import_command,
    rooms_commands,
    sync,
    outbox,
    audit_invariants,
    mail,
)


def build_app(settings: Settings | None, clock: Clock) -> Flask:
    """Join settings, database, features and pages into an application."""
    if settings is None:
        try:
            settings = load_settings()
            check_attachments_folder(settings)
        except SettingsError as error:
            if _looks_for_commands():
                return _commands_alone(str(error))
            stop_start(str(error))
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # `db upgrade` says itself what it did
    app = Application("lti_app", static_folder=str(PACKAGE / "static"), template_folder=str(PACKAGE / "templates"))
    _configure(app, settings)
    app.extensions["ploshchadka"] = Tool(
        settings=settings,
        database=Database(settings.database_url),
        clock=clock,
        vault=Vault(settings.data_keys),
        resolve_actor=resolve_actor,
        jobs=Jobs(app.app_context),
    )
    pages.install(app, app.extensions["ploshchadka"])
    _add_commands(app)
    tool: Tool = app.extensions["ploshchadka"]
    if settings.broker_url:
        from lti_app.core.broker import Broker  # Celery: not loaded by those who use none

        tool.services["broker"] = Broker(settings)
    tool.services["start_run"] = lambda moodle_id: start_run(tool, moodle_id)
    lti.install(app, app.extensions["ploshchadka"])
    upkeep.install(tool)
    return app


def _looks_for_commands() -> bool:
    """Tell whether it is the command ``flask`` that asks, to find or list commands; some of them need no settings."""
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.command, FlaskGroup)


def _commands_alone(settings_error: str) -> Flask:
    """Return an application of commands and their help alone; those that need settings end with ``settings_error``."""
    app = Flask("lti_app", static_folder=None)
    app.config[SETTINGS_ERROR] = settings_error
    _add_commands(app)
    return app


def _add_commands(app: Flask) -> None:
    app.cli = AllCommands(app.name)
    for command in COMMANDS:
        app.cli.add_command(command)


def _configure(app: Flask, settings: Settings) -> None:
    app.session_interface = SessionCookies()
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # The tool stands in a frame of another site: its cookie must be sent there, and only there.
        SESSION_COOKIE_NAME="ploshchadka",
        SESSION_COOKIE_SAMESITE="None",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_PARTITIONED=True,
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        BOOTSTRAP_SERVE_LOCAL=True,
    )
