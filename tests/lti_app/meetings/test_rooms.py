"""Rooms on a BigBlueButton server: made by the first who comes, entered by name, ended, and told of afterwards."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.edge import deliver
from lti_app.meetings.models import GuestState, JoinLog, Meeting, MeetingGuest, RoomKind, StaySource
from lti_app.meetings.room_models import RoomOpening, RoomServer
from lti_app.meetings.rooms.office import office_of
from lti_app.meetings.rooms.provider import RoomsOffice
from lti_app.people.models import Person
from lti_app.programmes.models import Mode
from tests.conftest import MovableClock
from tests.lti_app.meetings.bbb_server import BigBlueButton, attendee, bearer
from tests.lti_app.meetings.conftest import on_server
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

MINUTE = timedelta(minutes=1)


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Try pages on one kind of database; what the services do at once, test_joining tries on both."""
    path = tmp_path / "test.sqlite3"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@dataclass
class Seminar:
    """A seminar under way in a room on a server, with two trainees, a guest and a named host."""

    app: Flask
    world: World
    database: Database
    bbb: BigBlueButton
    meeting_id: int
    anna: Person
    boris: Person
    guest: Person
    host: Person
    anna_id: int
    boris_id: int
    guest_id: int

    @property
    def office(self) -> RoomsOffice:
        return office_of(self.app.extensions["ploshchadka"])

    def come(self, person: Person) -> FlaskClient:
        return visit(self.app, self.world, person)

    def press(self, who: Person | FlaskClient, what: str, **fields: str) -> Any:
        """Press a button of the meeting's pages."""
        client = who if isinstance(who, FlaskClient) else self.come(who)
        data = {"csrf_token": token(self.app, client), **fields}
        return client.post(f"/meetings/{self.meeting_id}/{what}", data=data)

    def stays(self, source: StaySource = StaySource.TOOL) -> list[tuple[int | None, int | None]]:
        with self.database.session(writes=False) as session:
            rows = session.scalars(select(JoinLog).where(JoinLog.source == source).order_by(JoinLog.id))
            return [(row.trainee_id, row.guest_id) for row in rows]

    def opening(self) -> RoomOpening:
        with self.database.session(writes=False) as session:
            return session.get_one(RoomOpening, self.meeting_id)

    def told(self, *attendees: dict[str, Any], header: str | None = None, path: str | None = None) -> Any:
        """Send what the server tells after a meeting."""
        room = self.bbb.room
        address = urlsplit(room["meta_analytics-callback-url"]).path if path is None else path
        body = self.bbb.report(room, attendees, finish=NOW + 80 * MINUTE)
        proof = bearer(NOW.timestamp() + 24 * 3600) if header is None else header
        return self.app.test_client().post(address, json=body, headers={"Authorization": proof})

    def spans(self) -> list[tuple[int | None, float, float]]:
        """Return what stands of the room's stays, in minutes from the meeting's beginning."""
        with self.database.session(writes=False) as session:
            rows = session.scalars(
                select(JoinLog).where(JoinLog.source == StaySource.ROOM).order_by(JoinLog.trainee_id, JoinLog.joined_at)
            )
            return [(row.trainee_id, (row.joined_at - NOW) / MINUTE, (row.left_at - NOW) / MINUTE) for row in rows]


@pytest.fixture
def seminar(app: Flask, database: Database, bbb: BigBlueButton) -> Seminar:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainee("Аннина"), world.trainee("Борисова")
        guest, host = world.person("Гостева"), world.person("Ведущая")
        meeting = on_server(world, bbb, world.meeting(starts_at=NOW, minutes=90))
        meeting.host_id = host.id
        place = MeetingGuest(
            meeting_id=meeting.id, person_id=guest.id, state=GuestState.SIGNED_UP, queued_at=NOW, signed_up_at=NOW
        )
        session.add(place)
        session.flush()
        return Seminar(
            app,
            world,
            database,
            bbb,
            meeting.id,
            anna.person,
            boris.person,
            guest,
            host,
            anna.id,
            boris.id,
            place.id,
        )


def entered(seminar: Seminar, response: Any) -> dict[str, str]:
    """Follow the way into the room; return what the server knows of who came."""
    assert response.status_code == 303, response.text
    assert "SUCCESS" in seminar.bbb.enter(response.headers["Location"])
    return seminar.bbb.entered[-1]


def test_the_first_who_comes_makes_the_room_and_the_next_find_it(seminar: Seminar) -> None:
    first = entered(seminar, seminar.press(seminar.anna, "join"))
    assert (first["fullName"], first["role"]) == ("Аннина Анна", "VIEWER")
    assert seminar.bbb.calls == ["create", "join"]
    entered(seminar, seminar.press(seminar.boris, "join"))
    assert seminar.bbb.calls.count("create") == 1
    guest = entered(seminar, seminar.press(seminar.guest, "join"))
    assert (guest["fullName"], guest["role"]) == ("Гостева Анна", "VIEWER")
    assert seminar.stays() == [(seminar.anna_id, None), (seminar.boris_id, None), (None, seminar.guest_id)]
    assert seminar.press(seminar.guest, "leave").headers["Location"] == f"/seminars/{seminar.meeting_id}"
    with seminar.database.session(writes=False) as session:
        assert session.scalars(select(JoinLog.left_at).where(JoinLog.guest_id == seminar.guest_id)).one() == NOW


def test_the_room_is_made_as_the_meeting_needs_it(seminar: Seminar) -> None:
    entered(seminar, seminar.press(seminar.anna, "join"))
    room = seminar.bbb.room
    assert room["name"] == "Тема 1"
    assert (room["record"], room["meetingKeepEvents"], room["duration"]) == ("false", "true", "135")
    assert room["meetingID"] == seminar.office.room_key(seminar.meeting_id)
    assert room["meta_endCallbackUrl"].startswith("http://localhost:8700/rooms/")
    for key in (seminar.bbb.entered[0]["userID"], room["meetingID"]):
        assert len(key) == 40
        assert str(seminar.anna_id) not in (key, key[:8])


@pytest.mark.parametrize("who", ["leader", "host"])
def test_the_host_is_moderator_and_no_trainee(seminar: Seminar, who: str) -> None:
    person = seminar.world.leader if who == "leader" else seminar.host
    came = entered(seminar, seminar.press(person, "host/join"))
    assert (came["role"], came["fullName"]) == ("MODERATOR", person.full_name)
    assert seminar.stays() == []


def test_a_host_mends_a_room_that_the_server_lost(seminar: Seminar) -> None:
    entered(seminar, seminar.press(seminar.host, "host/join"))
    seminar.bbb.rooms.clear()  # the server was started anew
    entered(seminar, seminar.press(seminar.host, "host/join"))
    entered(seminar, seminar.press(seminar.anna, "join"))


def test_nobody_waits_in_a_request_while_the_room_is_made(seminar: Seminar) -> None:
    with seminar.database.transaction() as session:
        server = session.scalars(select(RoomServer.id)).one()
        session.add(RoomOpening(meeting_id=seminar.meeting_id, server_id=server, tried_until=NOW + 5 * MINUTE / 60))
    response = seminar.press(seminar.anna, "join")
    assert response.status_code == 202
    assert "Ведущий сейчас откроет комнату." in response.text
    assert 'role="status"' in response.text
    assert 'name="turn" value="1"' in response.text
    assert seminar.bbb.url not in response.text
    assert seminar.bbb.calls == []
    assert seminar.stays() == []
    again = seminar.press(seminar.anna, "join", turn="1").text
    assert 'name="turn" value="2"' in again
    first, second = (float(page.split('data-try-again="')[1].split('"')[0]) for page in (response.text, again))
    assert 3 <= first <= 4.5
    assert 6 <= second <= 9


def test_a_server_that_fails_costs_nobody_the_place(seminar: Seminar, clock: MovableClock) -> None:
    seminar.bbb.status = 500
    assert seminar.press(seminar.anna, "join").status_code == 202
    assert seminar.opening().last_error == "room_server_other"
    assert seminar.press(seminar.boris, "join").status_code == 202
    assert seminar.bbb.calls == ["create"]  # one has tried; the next tries a few seconds later
    refused = seminar.press(seminar.host, "host/join")
    assert refused.status_code == 503
    assert "Сервер комнаты не отвечает как должен." in refused.text
    assert "Ничего не потеряно" in refused.text
    assert "room_server_other" in seminar.come(seminar.host).get(f"/meetings/{seminar.meeting_id}/host").text
    seminar.bbb.status = 200
    clock.move(seconds=6)
    entered(seminar, seminar.press(seminar.boris, "join"))
    assert seminar.opening().last_error is None


def test_the_address_is_nobodys_before_the_room_opens(seminar: Seminar, clock: MovableClock) -> None:
    clock.move(minutes=-16)
    for person, what in ((seminar.anna, "join"), (seminar.guest, "join"), (seminar.host, "host/join")):
        response = seminar.press(person, what)
        assert response.status_code == 409
        assert "Комната откроется за 15 минут до занятия." in response.text
        assert seminar.bbb.url not in response.text
    clock.move(minutes=16 + 90)
    assert seminar.press(seminar.host, "host/join").status_code == 409
    assert seminar.bbb.calls == []


def test_no_page_says_where_a_room_is(app: Flask, database: Database, world: World, clock: MovableClock) -> None:
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics])
        anna = world.trainee()
        meeting = world.meeting(starts_at=NOW)
    trainee, leader = visit(app, world, anna.person), visit(app, world, world.leader)
    for minutes in (-60, 59):
        clock.move(minutes=minutes)
        pages = [
            trainee.get(f"/intakes/{world.intake.id}"),
            leader.get(f"/intakes/{world.intake.id}"),
            leader.get(f"/meetings/{meeting.id}"),
            leader.get(f"/meetings/{meeting.id}/host"),
            leader.get(f"/meetings/{meeting.id}/host/now"),
        ]
        for page in pages:
            assert page.status_code == 200
            assert str(meeting.room_url) not in page.text


def test_people_without_a_place_get_no_address(seminar: Seminar) -> None:
    with seminar.database.transaction() as session:
        seminar.world.session = session
        waiting = seminar.world.person("Ждущая")
        session.add(
            MeetingGuest(meeting_id=seminar.meeting_id, person_id=waiting.id, state=GuestState.WAITING, queued_at=NOW)
        )
        session.get_one(Meeting, seminar.meeting_id).only_for_id = seminar.anna_id
    assert seminar.press(waiting, "join").status_code == 403
    refused = seminar.press(seminar.boris, "join")
    assert refused.status_code == 403
    assert "Это занятие с одним стажёром." in refused.text
    assert seminar.press(seminar.boris, "host/join").status_code == 403
    entered(seminar, seminar.press(seminar.anna, "join"))


def test_a_room_whose_server_is_gone_says_so(seminar: Seminar) -> None:
    with seminar.database.transaction() as session:
        session.get_one(Meeting, seminar.meeting_id).room_url = "https://gone.example.org/bigbluebutton"
    for person, what in ((seminar.anna, "join"), (seminar.host, "host/join")):
        refused = seminar.press(person, what)
        assert refused.status_code == 409
        assert "больше не подключён" in refused.text


def test_the_host_ends_the_room_and_opens_it_again(seminar: Seminar, clock: MovableClock) -> None:
    entered(seminar, seminar.press(seminar.anna, "join"))
    clock.move(minutes=10)
    assert seminar.press(seminar.anna, "host/end").status_code == 403
    assert seminar.press(seminar.host, "host/end").status_code == 303
    assert seminar.bbb.rooms == {}
    with seminar.database.session(writes=False) as session:
        stay = session.scalars(select(JoinLog)).one()
        assert (stay.left_at, stay.left_how) == (NOW + 10 * MINUTE, "room")
    refused = seminar.press(seminar.anna, "join")
    assert refused.status_code == 409
    assert "Ведущий закрыл комнату." in refused.text
    assert seminar.bbb.rooms == {}
    entered(seminar, seminar.press(seminar.host, "host/join"))
    entered(seminar, seminar.press(seminar.anna, "join"))


def test_a_room_that_can_not_be_ended_stays_as_it_is(seminar: Seminar) -> None:
    entered(seminar, seminar.press(seminar.anna, "join"))
    seminar.bbb.status = 500
    assert seminar.press(seminar.host, "host/end").status_code == 503
    assert seminar.opening().opened_at == NOW


def test_a_link_is_not_ended_from_here(app: Flask, database: Database, world: World) -> None:
    with database.transaction() as session:
        world.session = session
        session.add_all([world.intake, *world.topics])
        meeting = world.meeting(starts_at=NOW)
    client = visit(app, world, world.leader)
    refused = client.post(f"/meetings/{meeting.id}/host/end", data={"csrf_token": token(app, client)})
    assert refused.status_code == 422
    assert "закрыть её отсюда нельзя" in refused.text
    joined = client.post(f"/meetings/{meeting.id}/host/join", data={"csrf_token": token(app, client)})
    assert joined.headers["Location"] == meeting.room_url


def test_the_server_is_asked_before_an_ending_is_believed(seminar: Seminar) -> None:
    entered(seminar, seminar.press(seminar.anna, "join"))
    address = urlsplit(seminar.bbb.room["meta_endCallbackUrl"]).path
    tool = seminar.app.extensions["ploshchadka"]
    assert seminar.app.test_client().get(f"{address}?recordingmarks=false").status_code == 200
    tool.jobs.drain()
    assert seminar.opening().opened_at == NOW  # who was in the room may know the address, too
    seminar.bbb.rooms.clear()
    tool.clock.move(minutes=2)
    assert seminar.app.test_client().get(address).status_code == 200
    tool.jobs.drain()
    deliver(tool)
    assert seminar.opening().ended_at == NOW + 2 * MINUTE
    assert seminar.app.test_client().get(address).status_code == 200  # told once more: nothing follows
    assert seminar.app.test_client().get(f"{address[:-9]}x/ended").status_code == 404


def test_the_server_tells_who_was_there_and_that_counts(seminar: Seminar, clock: MovableClock) -> None:
    entered(seminar, seminar.press(seminar.anna, "join"))
    entered(seminar, seminar.press(seminar.boris, "join"))
    entered(seminar, seminar.press(seminar.host, "host/join"))
    anna, boris, host = (one["userID"] for one in seminar.bbb.entered)
    people = [
        attendee(anna, (NOW, NOW + 30 * MINUTE), (NOW + 20 * MINUTE, NOW + 80 * MINUTE)),
        attendee(boris, (NOW + 70 * MINUTE, None)),
        attendee(host, (NOW, None), moderator=True),
        attendee("w_stranger", (NOW, None)),
    ]
    clock.move(minutes=95)
    assert seminar.told(*people).status_code == 200
    once = seminar.spans()
    assert once == [(seminar.anna_id, 0, 80), (seminar.boris_id, 70, 80)]
    opening = seminar.opening()
    assert (opening.told_at, opening.strangers) == (NOW + 95 * MINUTE, 1)
    clock.move(minutes=1)
    assert seminar.told(*people).status_code == 200
    assert seminar.spans() == once
    assert seminar.opening().told_at == NOW + 95 * MINUTE

    page = seminar.come(seminar.world.leader).get(f"/meetings/{seminar.meeting_id}").text
    assert "1 ч 20 мин из 1 ч 30 мин" in page
    assert "10 мин из 1 ч 30 мин" in page  # not the 90 of the tool's own log
    assert "об 1 человеке, которого нет в потоке" in page
    assert "Подтвердить: 1 из 2 присутствовал" in page
    trainee = seminar.come(seminar.boris).get(f"/intakes/{seminar.world.intake.id}").text
    assert "на занятии: 10 мин" in trainee


def test_a_later_report_adds_what_the_first_did_not_know(seminar: Seminar) -> None:
    entered(seminar, seminar.press(seminar.anna, "join"))
    anna = seminar.bbb.entered[0]["userID"]
    seminar.told(attendee(anna, (NOW, NOW + 20 * MINUTE)))
    seminar.told(attendee(anna, (NOW + 10 * MINUTE, NOW + 40 * MINUTE), (NOW + 50 * MINUTE, NOW + 60 * MINUTE)))
    assert seminar.spans() == [(seminar.anna_id, 0, 40), (seminar.anna_id, 50, 60)]
    seminar.told(attendee(anna, (NOW - 3000 * MINUTE, NOW + 90 * MINUTE)))  # a clock that is wrong
    assert seminar.spans() == [(seminar.anna_id, 0, 40), (seminar.anna_id, 50, 60)]


@pytest.mark.parametrize(
    "header", ["", "Bearer x", bearer(NOW.timestamp() - 1), bearer(NOW.timestamp() + 9, secret="y" * 64)]
)
def test_a_report_is_believed_only_with_the_secret(seminar: Seminar, header: str) -> None:
    entered(seminar, seminar.press(seminar.anna, "join"))
    anna = seminar.bbb.entered[0]["userID"]
    assert seminar.told(attendee(anna, (NOW, NOW + MINUTE)), header=header).status_code == 403
    assert seminar.told(attendee(anna, (NOW, NOW + MINUTE)), path="/rooms/false/attendance").status_code == 404
    seminar.bbb.rooms["other"] = {**seminar.bbb.rooms.popitem()[1], "meetingID": "other"}
    assert seminar.told(attendee(anna, (NOW, NOW + MINUTE))).status_code == 403  # of another room
    assert seminar.spans() == []


def test_the_leader_chooses_the_room(seminar: Seminar) -> None:
    client = seminar.come(seminar.world.leader)
    page = client.get(f"/meetings/{seminar.meeting_id}/room").text
    assert "Комната на сервере BigBlueButton «bbb»" in page
    assert seminar.press(client, "room", room="link", room_url="javascript:1", revision="1").status_code == 422
    assert seminar.press(client, "room", room="77", revision="1").status_code == 422
    refused = seminar.press(client, "room", room="link", room_url="https://meet.example.org/a", revision="9")
    assert refused.status_code == 409
    assert "https://meet.example.org/a" in refused.text
    entered(seminar, seminar.press(seminar.anna, "join"))
    refused = seminar.press(client, "room", room="link", room_url="https://meet.example.org/a", revision="1")
    assert "Сначала закройте комнату" in refused.text
    seminar.press(seminar.host, "host/end")
    assert (
        seminar.press(client, "room", room="link", room_url="https://meet.example.org/a", revision="1").status_code
        == 303
    )
    with seminar.database.session(writes=False) as session:
        meeting = session.get_one(Meeting, seminar.meeting_id)
        assert (meeting.room_kind, meeting.room_url) == (RoomKind.LINK, "https://meet.example.org/a")
        server_id = session.scalars(select(RoomServer.id)).one()
    assert seminar.press(seminar.anna, "join").headers["Location"] == "https://meet.example.org/a"
    assert seminar.press(client, "room", room=str(server_id), revision="2").status_code == 303
    seminar.app.extensions["ploshchadka"].clock.move(minutes=91)
    refused = seminar.press(client, "room", room="link", room_url="https://meet.example.org/a", revision="3")
    assert "сменить комнату уже нельзя" in refused.text


def test_a_meeting_on_site_has_no_room(seminar: Seminar) -> None:
    with seminar.database.transaction() as session:
        meeting = session.get_one(Meeting, seminar.meeting_id)
        meeting.mode, meeting.room_url, meeting.place = Mode.ON_SITE, None, "каб. 12"
    leader = seminar.come(seminar.world.leader)
    assert leader.get(f"/meetings/{seminar.meeting_id}/room").status_code == 422
    assert seminar.press(leader, "host/join").status_code == 422
    assert seminar.press(leader, "checks").status_code == 422
    assert "проходит очно" in leader.get(f"/meetings/{seminar.meeting_id}/host").text


def test_a_ticket_opens_the_hosts_door_from_a_frame(seminar: Seminar) -> None:
    page = seminar.come(seminar.host).get(f"/meetings/{seminar.meeting_id}/host").text
    ticket = page.split('name="ticket" value="')[1].split('"', maxsplit=1)[0]
    stranger = seminar.app.test_client()
    response = stranger.post(f"/meetings/{seminar.meeting_id}/host/join", data={"ticket": ticket})
    assert parse_qs(urlsplit(response.headers["Location"]).query)["role"] == ["MODERATOR"]
    assert stranger.post(f"/meetings/{seminar.meeting_id}/host/end", data={"ticket": ticket}).status_code == 401


def test_the_hosts_page_costs_the_same_for_few_and_many(seminar: Seminar) -> None:
    client = seminar.come(seminar.world.leader)
    database = seminar.app.extensions["ploshchadka"].database
    with counted_queries(database) as few:
        client.get(f"/meetings/{seminar.meeting_id}/host/now")
    with seminar.database.transaction() as session:
        seminar.world.session = session
        session.add(seminar.world.intake)
        meeting = session.get_one(Meeting, seminar.meeting_id)
        for trainee in seminar.world.trainees(20):
            seminar.world.stay(meeting, trainee, NOW)
    with counted_queries(database) as many:
        page = client.get(f"/meetings/{seminar.meeting_id}/host/now").text
    assert "В комнате: 20 из 23" in page
    assert len(few) == len(many) <= 7
