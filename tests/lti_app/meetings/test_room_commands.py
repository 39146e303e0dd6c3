"""The commands about servers of rooms, as an administrator types them; lists of meetings that ask for such a room."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.meetings.models import Meeting, RoomKind
from lti_app.meetings.room_models import ChecksumKind, RoomServer
from lti_app.meetings.rooms.servers import room_asked_for
from lti_app.programmes.models import Mode
from tests.lti_app.meetings.bbb_server import SECRET, BigBlueButton
from tests.lti_app.meetings.conftest import on_server
from tests.lti_app.world import NOW, World


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "test.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


def rooms(app: Flask, *words: str, typed: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=["rooms", *words], input=typed)


def test_a_server_is_stored_listed_and_updated(app: Flask, database: Database, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    assert "no server is stored" in rooms(app, "list").stdout
    asked = ["add", "school", "--url", "https://bbb.example.org/bigbluebutton/api/", "--secret-file", str(secret)]
    assert rooms(app, *asked).stdout == "server school stored; check it with: rooms check school\n"
    assert "unchanged" in rooms(app, *asked).stdout
    assert (
        "updated" in rooms(app, "add", "school", "--url", "https://bbb.example.org/bigbluebutton", typed="other").stdout
    )
    assert "updated" in rooms(app, *asked, "--checksum", "sha512").stdout
    assert rooms(app, "list").stdout == "school  https://bbb.example.org/bigbluebutton  sha512\n"
    with database.session(writes=False) as session:
        row = session.scalars(select(RoomServer)).one()
        assert SECRET not in row.secret_encrypted
        assert app.extensions["ploshchadka"].vault.open(row.secret_encrypted) == SECRET
        assert row.checksum is ChecksumKind.SHA512
        entries = session.scalars(select(AuditEntry)).all()
        assert SECRET not in str([(entry.action, entry.changes) for entry in entries])


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (["add", "x", "--url", "bbb"], SECRET, "this is not the address of a server"),
        (["add", "x", "--url", "https://b.example.org/?a=1"], SECRET, "this is not the address of a server"),
        (["add", "x" * 61, "--url", "https://b.example.org"], SECRET, "the name must have 1 to 60"),
        (["add", "x", "--url", "https://b.example.org"], "a b", "this is not a server's shared secret"),
        (["add", "x", "--url", "https://b.example.org"], "", "no shared secret: standard input is empty"),
        (["add", "y", "--url", "https://known.example.org"], SECRET, "stored already, as 'known'"),
        (["check", "nobody"], None, "no server is called 'nobody'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(app: Flask, words: list[str], typed: str | None, said: str) -> None:
    rooms(app, "add", "known", "--url", "https://known.example.org", typed=SECRET)
    result = rooms(app, *words, typed=typed)
    assert result.exit_code == 64
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert SECRET not in result.output


def test_meetings_move_with_the_address_of_their_server(app: Flask, database: Database, bbb: BigBlueButton) -> None:
    with database.transaction() as session:
        world = World(session)
        there, elsewhere = on_server(world, bbb, world.meeting(starts_at=NOW)), world.meeting(topic=1)
    link = elsewhere.room_url
    rooms(app, "add", "bbb", "--url", "https://new.example.org/bigbluebutton", typed=SECRET)
    with database.session(writes=False) as session:
        assert session.get_one(Meeting, there.id).room_url == "https://new.example.org/bigbluebutton"
        assert session.get_one(Meeting, elsewhere.id).room_url == link


def test_the_check_says_what_is_amiss(app: Flask, bbb: BigBlueButton) -> None:
    rooms(app, "add", "bbb", "--url", bbb.url, typed=SECRET)
    result = rooms(app, "check", "bbb", "--json")
    found = {one["name"]: one["status"] for one in json.loads(result.stdout)["checks"]}
    assert found == {"address": "ok", "secret": "ok", "encryption": "note", "callbacks": "amiss"}
    assert result.exit_code == 1  # PUBLIC_URL is this very machine
    assert bbb.calls == ["getMeetings"]
    rooms(app, "add", "bbb", "--url", bbb.url, typed="false")
    said = rooms(app, "check", "bbb").stdout
    assert "amiss  secret: getMeetings was refused: the checksum does not match — store the secret anew" in said
    bbb.status = 502
    assert "amiss  address:" in rooms(app, "check", "bbb").stdout


def test_a_list_of_meetings_asks_for_a_room_on_the_server(database: Database, bbb: BigBlueButton) -> None:
    with database.session() as session:
        assert room_asked_for(session, Mode.DISTANCE, "bbb") == ("bbb", RoomKind.LINK)  # refused as no link
        world = World(session)
        on_server(world, bbb, world.meeting())
        assert room_asked_for(session, Mode.DISTANCE, " BigBlueButton ") == (bbb.url, RoomKind.BIGBLUEBUTTON)
        assert room_asked_for(session, Mode.DISTANCE, "https://m.example.org") == (
            "https://m.example.org",
            RoomKind.LINK,
        )
        assert room_asked_for(session, Mode.ON_SITE, "BBB") == ("BBB", RoomKind.LINK)
