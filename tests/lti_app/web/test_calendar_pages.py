"""The page of one's calendar address, and what calendar programs get at it without a session."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from icalendar import Calendar

from lti_app.core.db import Database
from lti_app.meetings.models import Meeting
from lti_app.people.models import Person
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        return World(session)


@pytest.fixture
def anna(database: Database, world: World) -> Person:
    with database.transaction() as session:
        world.session = session
        session.add(world.intake)
        world.meeting(starts_at=NOW + timedelta(days=1))
        return world.trainee().person


def address_on(page: str) -> str:
    return page.partition('value="http://localhost:8700')[2].partition('"')[0]


def test_an_address_from_its_making_to_its_end(app: Flask, database: Database, world: World, anna: Person) -> None:
    client = visit(app, world, anna)
    csrf = {"csrf_token": token(app, client)}
    assert "Адреса пока нет" in client.get("/calendar").text
    page = client.post("/calendar/open", data=csrf, follow_redirects=True).text
    address = address_on(page)
    assert "webcal://localhost:8700/calendar/" in page

    program = app.test_client()
    with counted_queries(program.application.extensions["ploshchadka"].database) as seen:
        got = program.get(address)
    assert len(seen) <= 4
    assert (got.status_code, got.content_type) == (200, "text/calendar; charset=utf-8")
    assert got.headers["Cache-Control"] == "private, no-cache"
    (event,) = Calendar.from_ical(got.data).events
    assert event.start == NOW + timedelta(days=1)
    again = {"If-None-Match": got.headers["ETag"]}
    assert program.get(address, headers=again).status_code == 304

    with database.transaction() as session:
        meeting = session.query(Meeting).one()
        meeting.revision += 1
        meeting.starts_at += timedelta(hours=1)
    assert program.get(address, headers=again).status_code == 200

    replaced = client.post("/calendar/replace", data=csrf, follow_redirects=True).text
    assert "Прежний больше не работает." in replaced
    old, false = program.get(address), program.get("/calendar/false.ics")
    assert old.status_code == false.status_code == 404
    assert "По этому адресу календаря больше нет." in old.text
    assert "По этому адресу календаря больше нет." in false.text
    assert program.get(address_on(replaced)).status_code == 200
    client.post("/calendar/revoke", data=csrf)
    assert program.get(address_on(replaced)).status_code == 404
    assert "Адреса пока нет" in client.get("/calendar").text


def test_who_is_known_is_led_to_their_calendar(app: Flask, world: World, anna: Person) -> None:
    assert 'href="/calendar"' in visit(app, world, anna).get("/calendar").text
    stranger = visit(app, world)
    assert 'href="/calendar"' not in stranger.get("/").text
    assert stranger.get("/calendar").status_code == 403


def test_a_file_of_a_meeting_is_kept_by_nobody_on_the_way(app: Flask, world: World, anna: Person) -> None:
    got = visit(app, world, anna).get("/meetings/1/calendar.ics")
    assert got.headers["Content-Disposition"] == 'attachment; filename="meeting-1.ics"'
    assert got.headers["Cache-Control"] == "no-store"
    assert len(Calendar.from_ical(got.data).events) == 1
