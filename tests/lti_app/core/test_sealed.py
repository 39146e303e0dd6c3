"""Stored secrets are written anew under the first of DATA_KEYS; what is cut off goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from flask import Flask

from config.settings import Settings
from lti_app import create_app
from lti_app.core.db import Database
from lti_app.core.sealed import reencrypt, sealed_columns
from lti_app.core.vault import Vault, VaultError
from lti_app.lti.keys import ensure_key, signing_key
from lti_app.lti.models import Moodle
from lti_app.meetings.room_models import RoomServer
from tests.conftest import DATA_KEY
from tests.lti_app.world import NOW, World

NEW_KEY = Fernet.generate_key().decode()


@pytest.fixture
def moodle_ids(database: Database) -> list[int]:
    """Two Moodles with tokens, a signing key and a room server, sealed with the old key."""
    old = Vault([DATA_KEY])
    with database.transaction() as session:
        worlds = [World(session, "a"), World(session, "b")]
        for world in worlds:
            world.moodle.token_encrypted = old.seal(f"token-{world.code}")
        ensure_key(session, old, NOW)
        sealed = old.seal("secret of the rooms")
        session.add(RoomServer(name="rooms", url="https://bbb.example.org", secret_encrypted=sealed, created_at=NOW))
        return [world.moodle.id for world in worlds]


def tokens(database: Database, vault: Vault, ids: list[int]) -> list[str]:
    with database.session(writes=False) as session:
        return [vault.open(session.get_one(Moodle, number).token_encrypted) for number in ids]


def test_afterwards_the_new_key_alone_opens_everything(
    settings: Settings, database: Database, moodle_ids: list[int]
) -> None:
    app = create_app(replace(settings, data_keys=(NEW_KEY, DATA_KEY)))
    shell = app.test_cli_runner()

    first, second = (shell.invoke(args=["keys", "reencrypt"]) for _ in range(2))
    app.extensions["ploshchadka"].database.dispose()

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert sorted(first.output.splitlines()) == [
        "lti_key.private_encrypted: 1 of 1 written anew",
        "moodle.token_encrypted: 2 of 2 written anew",
        "room_server.secret_encrypted: 1 of 1 written anew",
    ]
    assert sorted(second.output.splitlines()) == [
        "lti_key.private_encrypted: 0 of 1 written anew",
        "moodle.token_encrypted: 0 of 2 written anew",
        "room_server.secret_encrypted: 0 of 1 written anew",
    ]
    alone = Vault([NEW_KEY])
    assert tokens(database, alone, moodle_ids) == ["token-a", "token-b"]
    with database.session(writes=False) as session:
        assert "PRIVATE KEY" in signing_key(session, alone, NOW)[1]


def test_what_was_cut_off_goes_on(database: Database, moodle_ids: list[int]) -> None:
    both = Vault([NEW_KEY, DATA_KEY])
    with database.transaction() as session:
        session.get_one(Moodle, moodle_ids[0]).token_encrypted = both.seal("token-a")

    done = {row.table: (row.renewed, row.total) for row in reencrypt(database, both)}

    assert done == {"moodle": (1, 2), "lti_key": (1, 1), "room_server": (1, 1)}
    assert tokens(database, Vault([NEW_KEY]), moodle_ids) == ["token-a", "token-b"]


def test_a_secret_that_no_key_opens_stops_it_and_stays(database: Database, moodle_ids: list[int]) -> None:
    with pytest.raises(VaultError):
        list(reencrypt(database, Vault([NEW_KEY])))
    assert tokens(database, Vault([DATA_KEY]), moodle_ids) == ["token-a", "token-b"]


def test_no_secret_is_left_out(app: Flask) -> None:
    assert {f"{column.table.name}.{column.name}" for column in sealed_columns()} == {
        "lti_key.private_encrypted",
        "moodle.token_encrypted",
        "room_server.secret_encrypted",
    }
