"""What is sent compressed, to whom, and what browsers keep (decision 7)."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.intakes.models import Trainee
from lti_app.notices.start import sealed_start
from lti_app.people.accounts import remember_last_link
from tests.lti_app.web.visits import visit
from tests.lti_app.world import World

ANY = {"Accept-Encoding": "gzip, br"}
OURS = ANY | {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Services are tried on both kinds of database; pages on one."""
    shutil.copy(sqlite_template, tmp_path / "pages.sqlite3")
    return f"sqlite:///{tmp_path / 'pages.sqlite3'}"


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        world = World(session)
        world.account(world.trainee().person, 44)
        return world


@pytest.fixture
def leader(app: Flask, world: World) -> FlaskClient:
    return visit(app, world, world.leader)


@pytest.mark.parametrize("site", [None, "cross-site", "same-site", "none"])
@pytest.mark.parametrize("address", ["/places?page=secret", "/nothing-here"])
def test_a_page_that_repeats_a_strangers_text_keeps_its_length(
    leader: FlaskClient, address: str, site: str | None
) -> None:
    headers = ANY | ({"Sec-Fetch-Site": site} if site else {})
    answer = leader.get(address, headers=headers)
    assert address.removeprefix("/") in answer.text
    assert "Content-Encoding" not in answer.headers
    assert "Content-Encoding" not in leader.get("/nothing-here", headers=OURS).headers


@pytest.mark.parametrize("address", ["/places", "/places?page=1"])
def test_other_pages_are_compressed_and_not_kept(leader: FlaskClient, address: str) -> None:
    whole = leader.get(address)
    headers = OURS if "?" in address else ANY
    small = leader.get(address, headers=headers)
    assert small.headers["Content-Encoding"] == "br"
    assert small.headers["Cache-Control"] == "no-store"
    assert "Accept-Encoding" in small.headers["Vary"]
    hide = re.compile(r'(name="csrf_token" value=")[^"]+')
    assert hide.sub(r"\1", brotli.decompress(small.data).decode()) == hide.sub(r"\1", whole.text)
    plain = leader.get(address, headers=headers | {"Accept-Encoding": "gzip"})
    assert hide.sub(r"\1", gzip.decompress(plain.data).decode()) == hide.sub(r"\1", whole.text)
    assert "Content-Encoding" not in leader.get(address, headers=headers | {"Accept-Encoding": "identity"}).headers


def test_styles_scripts_and_icons_are_compressed_for_all_and_kept_for_a_year(leader: FlaskClient) -> None:
    page = leader.get("/").text
    addresses = set(re.findall(r'(?:href|src)="(/[^"#]+\?v=[^"#]+)', page))
    assert len(addresses) == 5
    for address in addresses:
        answer = leader.get(address, headers=ANY)
        assert answer.headers["Content-Encoding"] == "br", address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        assert brotli.decompress(answer.data) == leader.get(address, headers={"Accept-Encoding": "identity"}).data
        assert leader.get(address, headers=ANY | {"If-None-Match": answer.headers.get("ETag", "x")}).status_code in (
            200,
            304,
        )


def test_without_a_stamp_they_are_kept_shortly(leader: FlaskClient) -> None:
    assert "immutable" not in leader.get("/static/app.css").headers["Cache-Control"]
    assert leader.get("/theme.css").headers["Cache-Control"] == "public, max-age=3600"


def test_answers_of_the_lti_edge_and_pictures_are_left_alone(app: Flask, leader: FlaskClient) -> None:
    assert "Content-Encoding" not in leader.get("/lti/jwks", headers=OURS).headers
    assert "Content-Encoding" not in leader.get("/static/shortcut/icon-192.png", headers=OURS).headers


def test_a_shortcut_leads_to_the_link_in_moodle_and_names_nobody(app: Flask, world: World, database: Database) -> None:
    settings = app.extensions["ploshchadka"].settings
    way = sealed_start(settings, world.moodle.id, 5)
    stranger = app.test_client()
    answer = stranger.get(f"/start/{way}")
    assert (answer.status_code, answer.location) == (303, f"{world.moodle.url}/mod/lti/view.php?l=5")
    manifest = stranger.get(f"/shortcut/{way}/manifest.webmanifest")
    assert manifest.mimetype == "application/manifest+json"
    assert manifest.json is not None
    assert manifest.json["start_url"] == f"/start/{way}"
    assert manifest.json["theme_color"] == "#0f6cbf"
    for one in manifest.json["icons"]:
        assert stranger.get(one["src"]).mimetype == "image/png"
    page = stranger.get(f"/shortcut/{way}")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert f'<link rel="manifest" href="/shortcut/{way}/manifest.webmanifest">' in page.text


@pytest.mark.parametrize("address", ["/start/{}", "/shortcut/{}", "/shortcut/{}/manifest.webmanifest"])
def test_a_false_shortcut_says_how_to_make_another(app: Flask, world: World, address: str) -> None:
    settings = app.extensions["ploshchadka"].settings
    for way in ("abc", sealed_start(settings, 999, 5)):
        answer = app.test_client().get(address.format(way))
        assert answer.status_code == 404
        assert "Адрес ярлыка неполный" in answer.text


def test_the_trainee_is_offered_a_shortcut_once_it_is_known_where_they_came_from(
    app: Flask, world: World, database: Database
) -> None:
    with database.session(writes=False) as session:
        person = session.scalars(select(Trainee)).one().person
    client = visit(app, world, person)
    offer = "Добавить на главный экран"
    assert offer not in client.get(f"/intakes/{world.intake.id}").text
    with database.transaction() as session:
        remember_last_link(session, moodle_id=world.moodle.id, user_id=44, link="5", known=None)
    page = client.get(f"/intakes/{world.intake.id}").text
    assert offer in page
    assert sealed_start(app.extensions["ploshchadka"].settings, world.moodle.id, 5) in page
