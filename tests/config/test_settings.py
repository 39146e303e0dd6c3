"""A wrong or missing setting stops the start with one line that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config.settings import ATTACHMENT_TYPES, SettingsError, check_attachments_folder, load_settings
from lti_app.core.file_kinds import KINDS

GOOD = {
    "SECRET_KEY": "x" * 40,
    "DATA_KEYS": Fernet.generate_key().decode(),
    "PUBLIC_URL": "https://tool.example.org/",
}


def test_three_settings_are_enough() -> None:
    settings = load_settings(GOOD)
    assert settings.database_url.startswith("sqlite:///")
    assert settings.public_url == "https://tool.example.org"
    assert str(settings.zone) == "Asia/Novokuznetsk"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", None),
        ("DATA_KEYS", None),
        ("DATA_KEYS", "not-a-key"),
        ("DATA_KEYS", " , "),
        ("PUBLIC_URL", None),
        ("PUBLIC_URL", "tool.example.org"),
        ("PUBLIC_URL", "https://tool.example.org/?a=b"),
        ("PUBLIC_URL", "https://host.example.org/tool"),
        ("PUBLIC_URL", "https://host.example.org/tool/"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "postgresql://u@h:port/d"),
        ("DATABASE_URL", "postgresql+psycopg2://u@h/d"),
        ("PUBLIC_URL", "http://[x"),
        ("SMTP_URL", "smtp://["),
        ("BROKER_URL", "localhost:6379"),
        ("BROKER_URL", "http://localhost"),
        ("BROKER_URL", "redis://localhost:port/0"),
        ("SCHEDULE", "cron"),
        ("SCHEDULE", "beat"),
        ("NIGHT_AT", "2:30"),
        ("NIGHT_AT", "24:00"),
        ("SMTP_URL", "http://localhost"),
        ("SMTP_URL", "smtp://mail.example.org:port"),
        ("MAIL_FROM", "nobody"),
        ("ADMIN_MAIL", "a@example.org, nobody"),
        ("TIMEZONE", "Asia/Nowhere"),
        ("MEETING_REMINDERS", "a day"),
        ("MEETING_REMINDERS", "24h, 1"),
        ("MEETING_REMINDERS", "2min"),
        ("MEETING_REMINDERS", "31d"),
        ("LOG_LEVEL", "LOUD"),
        ("ACCENT_COLOUR", "blue"),
        ("SUSPEND_SHARE", "1.5"),
        ("SUSPEND_SHARE", "many"),
        ("SUSPEND_FLOOR", "-1"),
        ("HIDE_AFTER_DAYS", "-1"),
        ("HIDE_AFTER_DAYS", "3651"),
        ("HIDE_AFTER_DAYS", "never"),
        ("SESSION_HOURS", "100"),
        ("ATTACHMENT_TYPES", "pdf, exe"),
        ("ATTACHMENT_TYPES", ","),
        ("ATTACHMENT_MB", "8"),
        ("ATTACHMENT_MB", "0"),
        ("ATTACHMENTS_DIR", "files"),
        ("PAPER_TEMPLATES", "papers"),
        ("ARRIVAL_CODE_SECONDS", "4"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(name: str, value: str | None) -> None:
    environ = {key: text for key, text in {**GOOD, name: value}.items() if text is not None}
    with pytest.raises(SettingsError) as refusal:
        load_settings(environ)
    assert str(refusal.value).startswith(f"{name}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "rediss://:secret@queue.example.org", "amqp://u:p@host//"])
def test_a_broker_may_be_redis_or_rabbitmq_and_its_password_stays_out_of_texts(url: str) -> None:
    settings = load_settings({**GOOD, "BROKER_URL": url, "SCHEDULE": "beat", "NIGHT_AT": "01:05"})
    assert (settings.broker_url, settings.schedule, settings.night_time) == (url, "beat", time(1, 5))
    assert url not in repr(settings)


def test_reminders_are_spans_and_an_empty_setting_means_none() -> None:
    assert load_settings(GOOD).reminder_spans == (1440, 60)
    assert load_settings({**GOOD, "MEETING_REMINDERS": "30min,2d, 1h,60min"}).reminder_spans == (2880, 60, 30)
    assert load_settings({**GOOD, "MEETING_REMINDERS": ""}).reminder_spans == ()


def test_a_toml_file_may_hold_settings_and_the_environment_wins(tmp_path: Path) -> None:
    config = tmp_path / "app.toml"
    config.write_text('TIMEZONE = "Europe/Moscow"\nLOG_LEVEL = "DEBUG"\nSUSPEND_FLOOR = 7\n', encoding="utf-8")
    settings = load_settings({**GOOD, "APP_CONFIG": str(config), "LOG_LEVEL": "ERROR"})
    assert (settings.timezone, settings.log_level, settings.suspend_floor) == ("Europe/Moscow", "ERROR", 7)


@pytest.mark.parametrize(("content", "named"), [("COLOUR = 1", "COLOUR"), ("= 3", "APP_CONFIG")])
def test_a_wrong_toml_file_is_refused(tmp_path: Path, content: str, named: str) -> None:
    config = tmp_path / "app.toml"
    config.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"^{named}: "):
        load_settings({**GOOD, "APP_CONFIG": str(config)})


def test_a_secret_can_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("y" * 40 + "\n", encoding="utf-8")
    environ = {key: value for key, value in GOOD.items() if key != "SECRET_KEY"}
    assert load_settings({**environ, "SECRET_KEY_FILE": str(secret)}).secret_key == "y" * 40
    with pytest.raises(SettingsError, match="^SECRET_KEY: set either"):
        load_settings({**GOOD, "SECRET_KEY_FILE": str(secret)})
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00" * 20)
    with pytest.raises(SettingsError, match="^SECRET_KEY_FILE: .* is not UTF-8"):
        load_settings({**environ, "SECRET_KEY_FILE": str(tmp_path / "binary")})
    with pytest.raises(SettingsError, match="^SECRET_KEY_FILE: cannot read"):
        load_settings({**environ, "SECRET_KEY_FILE": str(tmp_path / "absent")})


def test_secrets_are_not_shown_when_settings_are_printed() -> None:
    settings = load_settings({**GOOD, "SMTP_URL": "smtp://user:hidden@mail.example.org"})
    assert not any(secret in repr(settings) for secret in (GOOD["SECRET_KEY"], GOOD["DATA_KEYS"], "hidden"))


def test_postgresql_addresses_get_the_driver_that_is_installed() -> None:
    for scheme in ("postgres", "postgresql"):
        settings = load_settings({**GOOD, "DATABASE_URL": f"{scheme}://u@h/d"})
        assert settings.database_url == "postgresql+psycopg://u@h/d"


def test_the_command_line_stops_with_the_line_and_nothing_else() -> None:
    environ = {"PATH": os.environ["PATH"], **GOOD, "TIMEZONE": "Mars/Olympus"}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "lti_app", "db", "upgrade"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.strip() == "Error: TIMEZONE: must be a zone name such as Asia/Novokuznetsk"


def test_the_first_key_is_made_before_there_are_settings(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flask", "--app", "lti_app", "keys"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    made = subprocess.run([*command, "new"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    other = subprocess.run(
        [*command, "reencrypt"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    Fernet(made.stdout.strip())
    assert other.returncode == 78
    assert "SECRET_KEY" in other.stderr or "DATA_KEYS" in other.stderr


def test_addresses_of_administrators_are_separated_by_commas() -> None:
    settings = load_settings({**GOOD, "ADMIN_MAIL": "a@example.org, b@example.org"})

    assert settings.admin_mail == ("a@example.org", "b@example.org")
    assert load_settings(GOOD).admin_mail == ()


def test_attached_files_lie_beside_the_sqlite_database_or_where_units_may_write(tmp_path: Path) -> None:
    beside = load_settings({**GOOD, "DATABASE_URL": f"sqlite:///{tmp_path}/town.sqlite3"})
    server = load_settings({**GOOD, "DATABASE_URL": "postgresql://u@h/d"})
    given = load_settings({**GOOD, "ATTACHMENTS_DIR": "/srv/files", "ATTACHMENT_TYPES": "pdf docx"})

    assert beside.attachments_folder == tmp_path / "attachments"
    assert str(server.attachments_folder) == "/var/lib/ploshchadka/attachments"
    assert (str(given.attachments_folder), given.attachment_types) == ("/srv/files", ("pdf", "docx"))
    assert tuple(KINDS) == ATTACHMENT_TYPES


def test_a_folder_that_cannot_be_written_to_stops_the_start_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(SettingsError, match="^ATTACHMENTS_DIR: cannot write to "):
        check_attachments_folder(load_settings({**GOOD, "ATTACHMENTS_DIR": str(tmp_path / "file" / "below")}))
    good = load_settings({**GOOD, "ATTACHMENTS_DIR": str(tmp_path / "files")})
    check_attachments_folder(good)
    assert list(good.attachments_folder.iterdir()) == []
