"""Many join at once: what it costs, and that nobody is lost; on both kinds of database."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.errors import Conflict
from lti_app.meetings.joining import join, leave
from lti_app.meetings.models import JoinLog, StaySource
from lti_app.meetings.room_models import RoomOpening
from lti_app.meetings.rooms.opening import RoomNotReady, claim
from lti_app.meetings.rooms.provider import RoomsOffice
from lti_app.meetings.stays import StayRules
from tests.lti_app.meetings.bbb_server import BigBlueButton
from tests.lti_app.meetings.conftest import on_server
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries


def test_a_first_joining_is_four_statements(app: Flask, database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        trainee = world.trainee()
        meeting = world.meeting(starts_at=NOW)
    client = visit(app, world, trainee.person)
    data = {"csrf_token": token(app, client)}
    with counted_queries(app.extensions["ploshchadka"].database) as first:
        assert client.post(f"/meetings/{meeting.id}/join", data=data).headers["Location"] == meeting.room_url
    assert [statement.split()[0] for statement in first] == ["SELECT", "SELECT", "SELECT", "INSERT"], first
    with counted_queries(app.extensions["ploshchadka"].database) as second:
        client.post(f"/meetings/{meeting.id}/join", data=data)
    assert len(second) <= 4


def test_one_of_many_gets_to_make_a_room(database: Database, bbb: BigBlueButton, office: RoomsOffice) -> None:
    with database.transaction() as session:
        world = World(session)
        meeting_id = on_server(world, bbb, world.meeting(starts_at=NOW)).id
        people = [world.actor_of(trainee) for trainee in world.trainees(4)]
    together = threading.Barrier(len(people))
    mine: list[bool] = []

    def come(number: int) -> None:
        together.wait()
        with database.session() as session:
            try:
                join(session, meeting_id=meeting_id, actor=people[number], now=NOW, office=office)
            except RoomNotReady as error:
                mine.append(error.mine)
                session.commit()

    visitors = [threading.Thread(target=come, args=(number,)) for number in range(len(people))]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join()
    assert sorted(mine) == [False, False, False, True]
    with database.session() as session:
        assert session.get_one(RoomOpening, meeting_id).tried_until == NOW + timedelta(seconds=10)
        assert session.scalars(select(JoinLog)).all() == []


def test_a_claim_lapses(database: Database, bbb: BigBlueButton, office: RoomsOffice) -> None:
    with database.transaction() as session:
        world = World(session)
        meeting = on_server(world, bbb, world.meeting(starts_at=NOW))
        assert claim(session, meeting, now=NOW)
        assert not claim(session, meeting, now=NOW + timedelta(seconds=9))
        assert claim(session, meeting, now=NOW + timedelta(seconds=9), by_host=True)
        assert claim(session, meeting, now=NOW + timedelta(seconds=19))


def test_stays_of_the_rooms_server_do_not_stand_in_the_way(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        trainee = world.trainee()
        anna = world.actor_of(trainee)
        meeting = world.meeting(starts_at=NOW)
        told = world.stay(meeting, trainee, NOW, NOW + timedelta(minutes=80))
        told.source, told.left_how = StaySource.ROOM, "room"
        session.flush()
        join(session, meeting_id=meeting.id, actor=anna, now=NOW + timedelta(minutes=1))
        leave(session, meeting_id=meeting.id, actor=anna, now=NOW + timedelta(minutes=2))
        join(session, meeting_id=meeting.id, actor=anna, now=NOW + timedelta(minutes=1))  # the clock was set back
        own = session.scalars(select(JoinLog).where(JoinLog.source == StaySource.TOOL).order_by(JoinLog.id)).all()
        assert [(stay.joined_at - NOW).seconds // 60 for stay in own] == [1, 2]


def test_a_room_opens_with_the_meeting_where_no_time_before_is_set(database: Database, office: RoomsOffice) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.actor_of(world.trainee())
        meeting = world.meeting(starts_at=NOW)
        strict = replace(office, rules=StayRules(opens_before=timedelta(0)))
        with pytest.raises(Conflict, match="room_not_open_yet") as refusal:
            join(session, meeting_id=meeting.id, actor=anna, now=NOW - timedelta(seconds=1), office=strict)
        assert str(refusal.value.message) == "The room opens when the meeting begins."
        assert join(session, meeting_id=meeting.id, actor=anna, now=NOW, office=strict) == meeting.room_url
