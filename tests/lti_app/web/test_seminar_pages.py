"""Pages of open seminars: what they cost, what they keep back, what a refused form keeps, who is led where."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.meetings.guest_presence import confirm_guests
from lti_app.meetings.guests import sign_up
from lti_app.meetings.models import Meeting
from lti_app.people.models import Person
from lti_app.sites.models import SiteLeader
from tests.conftest import MovableClock
from tests.lti_app.meetings.guests_world import END, MINUTE, START, by, open_meeting, signs_up
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        return World(session)


def opened(database: Database, world: World, *, guests: int = 0, **values: Any) -> tuple[Meeting, list[Person]]:
    """Open a meeting in two days; let some people sign up a minute apart."""
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics, world.organisation])
        meeting = open_meeting(world, **values)
        return meeting, [signs_up(world, meeting, minute=minute).person for minute in range(guests)]


def cost(app: Flask, world: World, person: Person, address: str) -> int:
    client = visit(app, world, person)
    with counted_queries(app.extensions["ploshchadka"].database) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_the_pages_cost_the_same_whatever_their_length(app: Flask, database: Database, world: World) -> None:
    meeting, (guest, _other) = opened(database, world, guests=2, places=1)
    pages = (
        (guest, "/seminars"),
        (guest, "/seminars/mine"),
        (guest, f"/seminars/{meeting.id}"),
        (world.leader, f"/meetings/{meeting.id}"),
    )
    few = [cost(app, world, who, address) for who, address in pages]
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics, world.organisation])
        for minute in range(12):
            another = open_meeting(world, starts_at=START + (minute + 1) * MINUTE)
            sign_up(session, another.id, actor=by(guest), now=NOW)
            signs_up(world, meeting, minute=10 + minute)
    assert [cost(app, world, who, address) for who, address in pages] == few
    assert max(few) <= 21


def test_the_list_is_narrowed_by_its_address(app: Flask, database: Database, world: World) -> None:
    opened(database, world, guests=1, places=1)
    with database.transaction() as session:
        reader = World(session, "b", moodle=world.moodle).person()
    client = visit(app, world, reader)
    assert "Тема 1" in client.get("/seminars?q=грамотность&mode=distance&form=seminar").text
    for narrowed in ("free=yes", "form=lecture", "q=химия", "direction=Другое"):
        assert "По этим условиям ничего не найдено." in client.get(f"/seminars?{narrowed}").text
    assert "Тема 1" in client.get("/seminars?form=nonsense&page=9").text


def test_a_teacher_without_any_role_finds_open_seminars_on_the_first_page(
    app: Flask, database: Database, world: World
) -> None:
    with database.transaction() as session:
        reader = World(session, "b", moodle=world.moodle).person()
    assert "Все открытые семинары и мои записи" in visit(app, world, reader).get("/").text
    meeting, _guests = opened(database, world)
    assert f'href="/seminars/{meeting.id}"' in visit(app, world, reader).get("/").text


def test_the_rooms_address_is_given_only_at_the_door(
    app: Flask, database: Database, world: World, clock: MovableClock
) -> None:
    meeting, (guest,) = opened(database, world, guests=1, starts_at=NOW + timedelta(hours=2))
    client = visit(app, world, guest)
    room = str(meeting.room_url)
    for address in ("/seminars", f"/seminars/{meeting.id}", "/seminars/mine"):
        assert room not in client.get(address).text
    early = client.post(f"/meetings/{meeting.id}/join", data={"csrf_token": token(app, client)})
    assert (early.status_code, room in early.text) == (409, False)

    clock.move(hours=2, minutes=-15)
    assert room not in client.get(f"/seminars/{meeting.id}").text
    joined = client.post(f"/meetings/{meeting.id}/join", data={"csrf_token": token(app, client)})
    assert (joined.status_code, joined.location) == (303, room)
    assert "вы на занятии с 16:45" in client.get(f"/seminars/{meeting.id}").text
    left = client.post(f"/meetings/{meeting.id}/leave", data={"csrf_token": token(app, client)})
    assert left.location == f"/seminars/{meeting.id}"


def test_a_ticket_opens_the_door_in_a_new_tab_without_a_cookie(
    app: Flask, database: Database, world: World, clock: MovableClock
) -> None:
    meeting, (guest,) = opened(database, world, guests=1, starts_at=NOW + timedelta(hours=2))
    clock.move(hours=2)
    page = visit(app, world, guest).get(f"/seminars/{meeting.id}").text
    ticket = page.partition('name="ticket" value="')[2].partition('"')[0]
    joined = app.test_client().post(f"/meetings/{meeting.id}/join", data={"ticket": ticket})
    assert joined.location == meeting.room_url
    assert app.test_client().post(f"/meetings/{meeting.id}/leave", data={"ticket": ticket}).status_code == 401


def test_a_guest_who_follows_a_meetings_link_is_led_to_the_seminar(
    app: Flask, database: Database, world: World
) -> None:
    meeting, (guest,) = opened(database, world, guests=1)
    assert visit(app, world, guest).get(f"/meetings/{meeting.id}").location == f"/seminars/{meeting.id}"


def test_who_was_a_guest_and_leads_the_site_now_has_the_leaders_page(
    app: Flask, database: Database, world: World
) -> None:
    meeting, (guest,) = opened(database, world, guests=1)
    with database.transaction() as session:
        lead = session.scalars(select(SiteLeader).where(SiteLeader.person_id == world.leader.id)).one()
        lead.person_id = guest.id
    page = visit(app, world, guest).get(f"/meetings/{meeting.id}")
    assert page.status_code == 200
    assert guest.full_name in page.text


def test_who_was_taken_off_a_closed_meeting_is_told_that_it_is_not_open(
    app: Flask, database: Database, world: World
) -> None:
    meeting, (guest,) = opened(database, world, guests=1)
    leader = visit(app, world, world.leader)
    typed = {"csrf_token": token(app, leader), "revision": meeting.revision, "cancel_hours": "3"}
    refused = leader.post(f"/meetings/{meeting.id}/open", data=typed)
    assert "На это занятие записались педагоги: 1." in refused.text
    assert leader.post(f"/meetings/{meeting.id}/open", data={**typed, "lets_guests_go": "yes"}).status_code == 303
    page = visit(app, world, guest).get(f"/seminars/{meeting.id}").text
    assert "Это занятие не открыто для гостей." in page
    assert "Записаться</button>" not in page


def test_signing_up_twice_by_a_double_click_is_answered_once_and_kindly(
    app: Flask, database: Database, world: World
) -> None:
    meeting, _guests = opened(database, world)
    with database.transaction() as session:
        reader = World(session, "b", moodle=world.moodle).person()
    client = visit(app, world, reader)
    for _ in range(2):
        answer = client.post(f"/seminars/{meeting.id}/sign-up", data={"csrf_token": token(app, client)})
        assert answer.location == f"/seminars/{meeting.id}"
    assert client.get(answer.location).text.count("Вы записаны: место за вами.") == 1


def test_a_refused_opening_keeps_what_was_typed(app: Flask, database: Database, world: World) -> None:
    meeting, _guests = opened(database, world, guests=2)
    client = visit(app, world, world.leader)
    typed = {"csrf_token": token(app, client), "revision": meeting.revision, "is_open": "yes", "cancel_hours": "24"}
    for places, said in (("1", "Гостей записалось больше: 2."), ("много", "Это не целое число.")):
        answer = client.post(f"/meetings/{meeting.id}/open", data={**typed, "guest_places": places})
        assert answer.status_code in (409, 422)
        assert said in answer.text
        assert f'value="{places}"' in answer.text
        assert 'value="24"' in answer.text
    outdated = client.post(f"/meetings/{meeting.id}/open", data={**typed, "guest_places": "9", "revision": "0"})
    assert 'id="both-texts"' in outdated.text


def test_a_refused_correction_keeps_ticks_and_says_what_is_missing(
    app: Flask, database: Database, world: World, clock: MovableClock
) -> None:
    meeting, _guests = opened(database, world, guests=2)
    with database.transaction() as session:
        confirm_guests(session, meeting_id=meeting.id, present=[], actor=world.leader_actor, now=END)
    clock.move(days=3)
    client = visit(app, world, world.leader, since=NOW + timedelta(days=3))
    answer = client.post(
        f"/meetings/{meeting.id}/guests/attendance", data={"csrf_token": token(app, client), "guest": "2"}
    )
    assert answer.status_code == 422
    assert "Чтобы изменить подтверждённую отметку, нужно указать причину." in answer.text
    assert 'id="guest-2" checked' in answer.text
    assert 'id="guest-1" checked' not in answer.text
