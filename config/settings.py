"""Typed settings, read once at start from the environment or a TOML file.

Every setting is documented where it is defined; ``docs/operations.md`` lists them for administrators.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cryptography.fernet import Fernet
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates, validates_schema
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

NOT_SET: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": "is not set; give it in the environment, or in a TOML file and the file's name in APP_CONFIG"
}
MAIL_ADDRESS = re.compile(r"[!-~]+@[A-Za-z0-9.-]*[A-Za-z0-9]")
"""ASCII alone: what every mail server takes."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ATTACHMENT_TYPES = ("pdf", "docx", "xlsx", "odt", "ods", "jpg", "png")
"""Kinds of files that the program can tell by their content."""
LARGEST_REQUEST = 8 * 1024 * 1024
"""Bytes that a form may send, files included."""
SPAN = re.compile(r"(\d{1,4}) ?(min|h|d)")
SPAN_MINUTES = {"min": 1, "h": 60, "d": 24 * 60}
LONGEST_SPAN = 30 * 24 * 60
MAY_BE_EMPTY = frozenset({"MEETING_REMINDERS"})
"""Settings that mean something when they are set to nothing in the environment."""
STATE_FOLDER = Path("/var/lib/ploshchadka")
"""Where the tool's units may write (config/systemd)."""


class SettingsError(Exception):
    """Say which setting stops the start, and how to mend it. One line."""


@dataclass(frozen=True)
class Settings:
    """Hold every setting, checked. Durations are in seconds, times of day local."""

    secret_key: str = field(repr=False)
    data_keys: tuple[str, ...] = field(repr=False)
    public_url: str
    database_url: str = "sqlite:///ploshchadka.sqlite3"
    broker_url: str | None = field(default=None, repr=False)
    schedule: str = "timer"
    night_at: str = "02:30"
    smtp_url: str | None = field(default=None, repr=False)
    timezone: str = "Asia/Novokuznetsk"
    log_level: str = "INFO"
    accent_colour: str = "#0f6cbf"
    centre_name: str = "МБОУ ДПО «ИМЦ»"
    suspend_share: float = 0.2
    suspend_floor: int = 5
    drift: str = "restore"
    full_read_days: int = 7
    hide_after_days: int = 60
    create_users_limit: int = 50
    accounts_a_night: int = 200
    session_hours: int = 10
    mail_from: str | None = None
    admin_mail: tuple[str, ...] = ()
    attachments_dir: str | None = None
    attachment_types: tuple[str, ...] = ATTACHMENT_TYPES
    attachment_mb: int = 6
    paper_templates: str | None = None
    meeting_reminders: str = "24h, 1h"
    room_opens_minutes: int = 15
    present_from: float = 0.75
    arrival_code_seconds: int = 20

    @property
    def attachments_folder(self) -> Path:
        """Return where attached files are kept: as set, else beside the SQLite database, else where units may write."""
        if self.attachments_dir:
            return Path(self.attachments_dir)
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite":
            return Path(url.database or "").parent / "attachments"
        return STATE_FOLDER / "attachments"

    @property
    def zone(self) -> ZoneInfo:
        """Return the municipality's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def night_time(self) -> time:
        """Return the local time of day at which Celery's beat begins the night."""
        return time.fromisoformat(self.night_at)

    @property
    def reminder_spans(self) -> tuple[int, ...]:
        """Return the minutes before a meeting at which people are reminded of it, the longest first."""
        return _spans(self.meeting_reminders) or ()


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_broker_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("redis", "rediss", "amqp") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_mail_server(value: str) -> bool:
    try:
        parts = urlsplit(value)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_whole and re.fullmatch(r"smtps?://[^/\[\]?#]+/?", value) is not None


class SettingsSchema(Schema):
    """Check the settings. Keys are the names that administrators write."""

    class Meta:
        unknown = EXCLUDE

    SECRET_KEY = fields.String(
        required=True,
        error_messages=NOT_SET,
        validate=validate.Length(min=32, error="needs at least 32 characters"),
    )
    DATA_KEYS = fields.String(required=True, error_messages=NOT_SET)
    PUBLIC_URL = fields.String(required=True, error_messages=NOT_SET)
    DATABASE_URL = fields.String()
    BROKER_URL = fields.String(allow_none=True)
    SCHEDULE = fields.String(validate=validate.OneOf(("timer", "beat"), error="must be one of {choices}"))
    NIGHT_AT = fields.String(
        validate=validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$", error="must be a time of day such as 02:30")
    )
    SMTP_URL = fields.String(allow_none=True)
    TIMEZONE = fields.String()
    LOG_LEVEL = fields.String(validate=validate.OneOf(LOG_LEVELS, error="must be one of {choices}"))
    ACCENT_COLOUR = fields.String(
        validate=validate.Regexp(r"^#[0-9a-fA-F]{6}$", error="must be a colour such as #0f6cbf")
    )
    CENTRE_NAME = fields.String(validate=validate.Length(min=1, max=200))
    SUSPEND_SHARE = fields.Float(validate=validate.Range(0, 1, error="must be a share from 0 to 1"))
    SUSPEND_FLOOR = fields.Integer(validate=validate.Range(min=0, error="must not be negative"))
    DRIFT = fields.String(validate=validate.OneOf(("restore", "respect"), error="must be one of {choices}"))
    FULL_READ_DAYS = fields.Integer(validate=validate.Range(0, 31, error="must be from 0 to 31 days"))
    HIDE_AFTER_DAYS = fields.Integer(validate=validate.Range(0, 3650, error="must be from 0 to 3650 days"))
    CREATE_USERS_LIMIT = fields.Integer(validate=validate.Range(min=0, error="must not be negative"))
    ACCOUNTS_A_NIGHT = fields.Integer(validate=validate.Range(min=0, error="must not be negative"))
    SESSION_HOURS = fields.Integer(validate=validate.Range(1, 24, error="must be from 1 to 24 hours"))
    MAIL_FROM = fields.String(allow_none=True)
    ADMIN_MAIL = fields.String()
    ATTACHMENTS_DIR = fields.String(allow_none=True)
    ATTACHMENT_TYPES = fields.String()
    ATTACHMENT_MB = fields.Integer(
        validate=validate.Range(1, LARGEST_REQUEST // 1024**2 - 1, error="must be from {min} to {max} megabytes")
    )

    PAPER_TEMPLATES = fields.String(allow_none=True)
    MEETING_REMINDERS = fields.String()
    ROOM_OPENS_MINUTES = fields.Integer(validate=validate.Range(0, 120, error="must be from 0 to 120 minutes"))
    PRESENT_FROM = fields.Float(validate=validate.Range(0.01, 1, error="must be a share from 0.01 to 1"))
    ARRIVAL_CODE_SECONDS = fields.Integer(validate=validate.Range(5, 300, error="must be from 5 to 300 seconds"))

    @validates("PUBLIC_URL")
    def _public_url(self, value: str, **_: Any) -> None:
        if not _is_web_address(value) or urlsplit(value).query or urlsplit(value).fragment:
            raise ValidationError("must be an http(s) address such as https://tool.example.org")
        if urlsplit(value).path.strip("/"):
            raise ValidationError("must have no path after the host: the tool needs a host name (or port) of its own")

    @validates("DATABASE_URL")
    def _database_url(self, value: str, **_: Any) -> None:
        try:
            drivername = make_url(value).drivername
        except (ArgumentError, ValueError):
            drivername = ""
        if drivername not in ("sqlite", "postgresql", "postgres", "postgresql+psycopg"):
            raise ValidationError("must be a sqlite:/// or postgresql:// address")

    @validates("BROKER_URL")
    def _broker_url(self, value: str | None, **_: Any) -> None:
        if value and not _is_broker_address(value):
            raise ValidationError("must be a redis://, rediss:// or amqp:// address")

    @validates_schema(skip_on_field_errors=True)
    def _beat_needs_a_broker(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("SCHEDULE") == "beat" and not data.get("BROKER_URL"):
            raise ValidationError("beat needs a broker: set BROKER_URL, or leave the schedule to the timer", "SCHEDULE")

    @validates("SMTP_URL")
    def _smtp_url(self, value: str | None, **_: Any) -> None:
        if value and not _is_mail_server(value):
            raise ValidationError("must be an smtp:// or smtps:// address")

    @validates("MAIL_FROM")
    def _mail_from(self, value: str | None, **_: Any) -> None:
        if value and not MAIL_ADDRESS.fullmatch(value):
            raise ValidationError("must be an e-mail address such as tool@example.org")

    @validates("ADMIN_MAIL")
    def _admin_mail(self, value: str, **_: Any) -> None:
        if not all(MAIL_ADDRESS.fullmatch(address) for address in _split_keys(value)):
            raise ValidationError("must be e-mail addresses, separated by commas")

    @validates("ATTACHMENT_TYPES")
    def _attachment_types(self, value: str, **_: Any) -> None:
        types = _split_keys(value)
        if not types or not set(types) <= set(ATTACHMENT_TYPES):
            raise ValidationError(f"must be some of {', '.join(ATTACHMENT_TYPES)}, separated by commas")

    @validates("ATTACHMENTS_DIR")
    def _attachments_dir(self, value: str | None, **_: Any) -> None:
        if value and not Path(value).is_absolute():
            raise ValidationError("must be an absolute path such as /var/lib/ploshchadka/attachments")

    @validates("PAPER_TEMPLATES")
    def _paper_templates(self, value: str | None, **_: Any) -> None:
        if value and not Path(value).is_absolute():
            raise ValidationError("must be an absolute path such as /etc/ploshchadka/papers")

    @validates("MEETING_REMINDERS")
    def _meeting_reminders(self, value: str, **_: Any) -> None:
        spans = _spans(value)
        if spans is None or not all(5 <= minutes <= LONGEST_SPAN for minutes in spans):
            raise ValidationError("must be spans from 5 minutes to 30 days such as 24h, 1h (min, h or d), or empty")

    @validates("TIMEZONE")
    def _timezone(self, value: str, **_: Any) -> None:
        if value not in available_timezones():
            raise ValidationError("must be a zone name such as Asia/Novokuznetsk")

    @validates("DATA_KEYS")
    def _data_keys(self, value: str, **_: Any) -> None:
        keys = _split_keys(value)
        if not keys:
            raise ValidationError("needs at least one key (make one with `flask --app lti_app keys new`)")
        for key in keys:
            try:
                Fernet(key)
            except ValueError:
                raise ValidationError("each key must be 32 url-safe base64 bytes, newest first") from None

    @post_load
    def _build(self, data: dict[str, Any], **_: Any) -> Settings:
        values = {name.lower(): value for name, value in data.items()}
        values["data_keys"] = _split_keys(values["data_keys"])
        values["admin_mail"] = _split_keys(values.get("admin_mail", ""))
        values["public_url"] = values["public_url"].rstrip("/")
        if "attachment_types" in values:
            values["attachment_types"] = _split_keys(values["attachment_types"])
        database = values.get("database_url", "")
        if database.startswith(("postgresql://", "postgres://")):
            values["database_url"] = "postgresql+psycopg://" + database.split("://", 1)[1]
        return Settings(**values)


def _split_keys(value: str) -> tuple[str, ...]:
    return tuple(part for part in value.replace(",", " ").split() if part)


def _spans(value: str) -> tuple[int, ...] | None:
    """Return the minutes of spans such as ``24h, 1h``, the longest first; None where one can't be read."""
    parts = [part.strip() for part in value.split(",") if part.strip()]
    found = [SPAN.fullmatch(part) for part in parts]
    if not all(found):
        return None
    minutes = {int(match[1]) * SPAN_MINUTES[match[2]] for match in found if match}
    return tuple(sorted(minutes, reverse=True))


def _from_files(environ: Mapping[str, str], names: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        path = environ.get(f"{name}_FILE")
        if path is None:
            continue
        if name in environ:
            raise SettingsError(f"{name}: set either {name} or {name}_FILE, not both")
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{name}_FILE: cannot read {path} ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"{name}_FILE: {path} is not UTF-8 text") from error
    return found


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings: environment first, then the TOML file that ``APP_CONFIG`` names.

    Raises SettingsError with one line that names the first wrong or missing setting.
    """
    environ = os.environ if environ is None else environ
    names = list(SettingsSchema().fields)
    values: dict[str, Any] = {}
    config_path = environ.get("APP_CONFIG")
    if config_path:
        try:
            loaded = tomllib.loads(Path(config_path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"APP_CONFIG: cannot read {config_path} ({error.strerror})") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"APP_CONFIG: {config_path} is not TOML ({error})") from error
        unknown = sorted(set(loaded) - set(names))
        if unknown:
            raise SettingsError(f"{unknown[0]}: no such setting (in {config_path})")
        values.update(loaded)
    values.update(_from_files(environ, names))
    values.update(
        {name: environ[name] for name in names if environ.get(name) or (name in MAY_BE_EMPTY and name in environ)}
    )
    try:
        settings: Settings = SettingsSchema().load(values)
    except ValidationError as error:
        messages: dict[str, list[str]] = error.messages_dict
        name, reasons = sorted(messages.items())[0]
        raise SettingsError(f"{name}: {reasons[0]}") from error
    return settings


def check_attachments_folder(settings: Settings) -> None:
    """Make the folder of attached files, in one that is there, and try to write. Raises SettingsError if it can't."""
    folder = settings.attachments_folder
    is_beside = not settings.attachments_dir and make_url(settings.database_url).get_backend_name() == "sqlite"
    if is_beside and not folder.parent.is_dir():
        return  # there can be no database either, and that is said of it
    try:
        folder.mkdir(exist_ok=True, mode=0o750)
        with TemporaryFile(dir=folder) as stream:
            stream.write(b"x")
    except OSError as error:
        raise SettingsError(f"ATTACHMENTS_DIR: cannot write to {folder} ({error.strerror})") from error
