"""The tool's own keys: made on first need, published before they sign, sealed at rest."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.vault import Vault
from lti_app.lti.keys import NoKey, ensure_key, published_keys, rotate_keys, signing_key
from lti_app.lti.models import LtiKey
from tests.conftest import DATA_KEY, MovableClock
from tests.lti_app.world import NOW

VAULT = Vault([DATA_KEY])


def kids(database: Database, moment: object = NOW) -> list[str]:
    with database.session(writes=False) as session:
        return [key["kid"] for key in published_keys(session, moment)["keys"]]  # type: ignore[arg-type]


def signs(database: Database, moment: object = NOW) -> str:
    with database.session(writes=False) as session:
        return signing_key(session, VAULT, moment)[0]  # type: ignore[arg-type]


def test_the_first_key_is_made_when_it_is_needed(app: Flask, browser: FlaskClient, database: Database) -> None:
    first = browser.get("/lti/jwks")
    second = browser.get("/lti/jwks")
    assert first.json == second.json
    assert len(first.json["keys"]) == 1
    key = first.json["keys"][0]
    assert {key["kty"], key["alg"], key["use"]} == {"RSA", "RS256", "sig"}
    assert "d" not in key
    assert "max-age=3600" in first.headers["Cache-Control"]
    assert signs(database) == key["kid"]


def test_without_a_key_nothing_is_signed(database: Database) -> None:
    with database.session(writes=False) as session, pytest.raises(NoKey):
        signing_key(session, VAULT, NOW)


def test_the_private_key_is_sealed_and_fits_the_published_one(database: Database) -> None:
    with database.transaction() as session:
        ensure_key(session, VAULT, NOW)
    with database.session(writes=False) as session:
        row = session.scalars(select(LtiKey)).one()
        assert "PRIVATE" not in row.private_encrypted
        kid, private = signing_key(session, VAULT, NOW)
    token = jwt.encode({"a": 1}, private, algorithm="RS256", headers={"kid": kid})
    assert jwt.decode(token, jwt.PyJWK(row.public_jwk), algorithms=["RS256"]) == {"a": 1}


def test_a_new_key_is_published_at_once_and_signs_a_day_later(database: Database) -> None:
    with database.transaction() as session:
        old = ensure_key(session, VAULT, NOW).kid
    with database.transaction() as session:
        new = rotate_keys(session, VAULT, NOW).kid
    assert kids(database) == [new, old]
    assert signs(database) == old
    day = NOW + timedelta(hours=24)
    assert signs(database, day) == new
    assert kids(database, day) == [new, old]
    assert kids(database, day + timedelta(days=7)) == [new]


def test_in_an_emergency_the_new_key_alone_is_published_and_signs_from_now_on(database: Database) -> None:
    with database.transaction() as session:
        first = ensure_key(session, VAULT, NOW - timedelta(days=400)).kid
        retiring = rotate_keys(session, VAULT, NOW - timedelta(days=5)).kid
        waiting = rotate_keys(session, VAULT, NOW - timedelta(hours=1)).kid
    assert kids(database) == [waiting, retiring, first]
    assert signs(database) == retiring
    with database.transaction() as session:
        new = rotate_keys(session, VAULT, NOW, at_once=True).kid
    for later in (timedelta(0), timedelta(minutes=1), timedelta(hours=24), timedelta(days=30)):
        assert (kids(database, NOW + later), signs(database, NOW + later)) == ([new], new)


def test_after_an_emergency_rotations_overlap_as_ever(database: Database) -> None:
    with database.transaction() as session:
        ensure_key(session, VAULT, NOW)
        new = rotate_keys(session, VAULT, NOW, at_once=True).kid
        next_one = rotate_keys(session, VAULT, NOW + timedelta(days=1)).kid
    assert (kids(database, NOW + timedelta(days=1)), signs(database, NOW + timedelta(days=1))) == ([next_one, new], new)
    assert signs(database, NOW + timedelta(days=2)) == next_one
    assert kids(database, NOW + timedelta(days=9)) == [next_one]


def test_a_key_that_retired_long_ago_keeps_its_date(database: Database) -> None:
    with database.transaction() as session:
        ensure_key(session, VAULT, NOW)
        rotate_keys(session, VAULT, NOW)
        rotate_keys(session, VAULT, NOW + timedelta(days=100), at_once=True)
        retired = [key.retires_at for key in session.scalars(select(LtiKey).order_by(LtiKey.id))]
    assert retired == [NOW + timedelta(days=8), NOW + timedelta(days=100), None]


def test_a_second_rotation_does_not_prolong_the_first_key(database: Database, clock: MovableClock) -> None:
    with database.transaction() as session:
        old = ensure_key(session, VAULT, NOW).kid
        rotate_keys(session, VAULT, NOW)
    later = NOW + timedelta(days=3)
    with database.transaction() as session:
        rotate_keys(session, VAULT, later)
    assert old in kids(database, later)
    assert old not in kids(database, NOW + timedelta(days=8))
