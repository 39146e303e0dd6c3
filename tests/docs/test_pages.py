"""What the pages say agrees with the code, their links lead somewhere, and they speak of the project alone."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest
from babel.messages.pofile import read_po
from cryptography.fernet import Fernet
from flask import Flask

import lti_app.models  # noqa: F401 - all tables
from config.settings import Settings, SettingsSchema, load_settings
from lti_app.core.db import Base
from lti_app.lti.service_page import fill
from lti_app.sync.models import RunStatus
from lti_app.sync.service import EXIT_CODES
from moodle_sync.functions import FACTS, Function, needed_capabilities
from tests.docs.pages import LINK, ROOT, Page, code, page, pages, rows

OPERATIONS = page("docs/operations.md")
GUIDE = page("docs/administrator.md")
SERVICE = page("config/moodle-service.md")

every_page = pytest.mark.parametrize("one", pages(), ids=lambda one: one.name)


@every_page
def test_links_and_pictures_are_there(one: Page) -> None:
    for target in LINK.findall(one.prose()):
        if re.match(r"[a-z]+:", target):
            continue
        address, _, anchor = target.partition("#")
        path = (one.path.parent / unquote(address)).resolve() if address else one.path
        assert path.exists(), f"{one.name} links to {target}"
        assert path.is_relative_to(ROOT), f"{one.name} links out of the project: {target}"
        if anchor:
            assert unquote(anchor) in Page(path).anchors(), f"{one.name} links to {target}"


FORBIDDEN = {
    "the place of a checkout": r"/(?:work|home|root|tmp|Users)/",
    "a package registry": r"pypi\.org|pythonhosted|npmjs|index-url|registry\.",
    "something left undone": r"\bTO" + r"DO\b|\bFIX" + r"ME\b|\bTBD\b|lorem ipsum",
}


@every_page
@pytest.mark.parametrize("what", FORBIDDEN)
def test_pages_do_not_name(one: Page, what: str) -> None:
    found = re.search(FORBIDDEN[what], one.text, re.IGNORECASE)
    assert found is None, f"{one.name} names {what}: {found[0]}"


def test_every_picture_is_shown_somewhere_and_small() -> None:
    pictures = sorted((ROOT / "docs/pictures").iterdir())
    shown = {(one.path.parent / target).resolve() for one in pages() for target in LINK.findall(one.prose())}
    assert pictures
    for picture in pictures:
        assert picture in shown, picture.name
        assert picture.stat().st_size < 150_000, picture.name


def test_the_table_of_settings_is_the_schema() -> None:
    told = {code(row[0])[0]: row[1] for row in rows(OPERATIONS.section("## Settings"))}
    assert set(told) == set(SettingsSchema().fields)
    for setting in fields(Settings):
        name = setting.name.upper()
        if name in ("SECRET_KEY", "DATA_KEYS", "PUBLIC_URL"):
            assert told[name] == "must be given"
        else:
            default = "unset" if setting.default in (None, ()) else str(setting.default)
            if isinstance(setting.default, tuple) and setting.default:
                default = ", ".join(setting.default)
            assert told[name].strip("`") == default, name


def test_the_example_of_a_settings_file_starts_the_tool(tmp_path: Path) -> None:
    (block,) = GUIDE.blocks("toml")
    values = tomllib.loads("\n".join(line for _number, line in block))
    secrets = {"SECRET_KEY": "s" * 40, "DATA_KEYS": Fernet.generate_key().decode()}
    written = "\n".join(f"{name} = '{value}'" for name, value in {**values, **secrets}.items())
    (tmp_path / "config.toml").write_text(written, encoding="utf-8")
    settings = load_settings({"APP_CONFIG": str(tmp_path / "config.toml")})
    assert settings.public_url == "https://tool.example.org"


def test_the_figures_are_those_of_the_metrics(app: Flask) -> None:
    answer = app.test_client().get("/metrics")
    given = {name for name in re.findall(r"^# TYPE (\w+)", answer.text, re.MULTILINE) if not name.endswith("_created")}
    told = set(re.findall(r"^\| (`ploshchadka_.*?) \|", OPERATIONS.text, re.MULTILINE))
    assert {name for cell in told for name in code(cell)} == given


def test_exit_codes_and_states_are_those_of_the_command() -> None:
    table = {int(row[0]): row[1] for row in rows(OPERATIONS.section("## The night"))}
    assert table == {number: status.value for status, number in EXIT_CODES.items()} | {4: ""}
    assert RunStatus.INTERRUPTED.value in OPERATIONS.section("## The night")


def test_tables_with_personal_data_exist() -> None:
    named = {name for row in rows(OPERATIONS.section("## Personal data")) for name in code(row[1])}
    assert named
    assert named <= set(Base.metadata.tables)


def test_the_map_names_every_table_and_every_room() -> None:
    architecture = page("docs/architecture.md")
    tables = [name for row in rows(architecture.section("## Data")) for name in row[0].split(", ")]
    rooms = re.findall(r"^  (\w+)/ ", architecture.section("## Rooms"), re.MULTILINE)
    packages = {path.parent.name for path in (ROOT / "lti_app").glob("*/__init__.py")}

    assert sorted(tables) == sorted(Base.metadata.tables)
    assert set(rooms) - {"sandbox"} == packages


def test_the_definition_of_the_service_is_what_the_functions_say() -> None:
    assert SERVICE.text == fill(SERVICE.text), "run make service-page"
    functions = [code(row[0])[0] for row in rows(SERVICE.section("## Functions"))]
    assert functions == list(FACTS)
    capabilities = {name for row in rows(SERVICE.section("## Role")) for name in code(row[0])}
    assert capabilities == {*needed_capabilities(), *FACTS[Function.CREATE_USERS].capabilities}


def test_a_table_that_was_edited_by_hand_is_written_anew() -> None:
    edited = SERVICE.text.replace("| `enrol_manual_enrol_users` |", "| `enrol_everybody` |").replace(
        "`enrol/manual:enrol`", ""
    )
    assert fill(edited) == SERVICE.text != edited


def test_the_guide_leads_to_the_definition() -> None:
    assert "](../config/moodle-service.md)" in GUIDE.section("## 3. Give the tool access to Moodle's web services")


def test_the_codes_of_refused_launches_exist() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "lti_app/lti").glob("*.py")))
    told = [name for row in rows(GUIDE.section("## If a launch is refused")) for name in code(row[0])]
    assert told
    for name in told:
        assert f'"{name}"' in source, name


def said_on_pages() -> str:
    """Return every Russian text of the tool's pages, a line each."""
    with (ROOT / "lti_app/web/translations/ru/LC_MESSAGES/messages.po").open("rb") as stream:
        texts = [message.string or "" for message in read_po(stream) if message.id]
    return "\n".join(form for text in texts for form in ([text] if isinstance(text, str) else text))


@pytest.mark.parametrize("name", ["trainee", "teacher", "leader", "centre", "council", "organisation"])
def test_words_quoted_from_the_pages_stand_there(name: str) -> None:
    one = page(f"docs/ru/{name}.md")
    quoted = re.findall(r"\*\*«(.+?)»\.?\*\*", " ".join(one.text.split()))
    states = [row[0] for row in rows(one.section("## Зачёт"))] if name == "trainee" else []
    texts = said_on_pages()
    assert quoted
    for words in [*quoted, *states]:
        assert words.rstrip(".") in texts, words


@every_page
def test_units_and_files_of_config_exist(one: Page) -> None:
    for unit in re.findall(r"ploshchadka(?:-\w+)?\.(?:service|timer)\b", one.text):
        assert (ROOT / "config/systemd" / unit).exists(), unit
    for path in re.findall(r"`(config/[\w./-]+\w)`", one.text):
        assert (ROOT / path).exists(), path
