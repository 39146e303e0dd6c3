"""The leader's page of a meeting: what is warned of while it runs, who confirmed it and when, how it is corrected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from lti_app.core.db import Database
from lti_app.meetings.models import Meeting, Presence
from tests.lti_app.web.visits import token, visit
from tests.lti_app.world import NOW, World

WARNING = "Кто войдёт после подтверждения, будет считаться отсутствующим"
CONFIRMED = "Отметки подтверждены: Руководителева Раиса, "
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(database: Database) -> World:
    with database.transaction() as session:
        return World(session)


@pytest.fixture
def meeting_of(database: Database, world: World) -> Callable[..., Meeting]:
    """Put down a meeting with two trainees; the first of them is present by the leader's word if ``confirmed``."""

    def make(begins: timedelta, *, confirmed: bool = False, later: bool = False) -> Meeting:
        with database.transaction() as session:
            world.session = session
            session.add(world.intake)
            first, second = world.trainees(2)
            meeting = world.meeting(starts_at=NOW + begins, minutes=90)
            if confirmed:
                world.attended(meeting, first)
                world.attended(meeting, second, presence=Presence.ABSENT)
            if later:
                world.stay(meeting, second, meeting.ends_at + MINUTE, meeting.ends_at + 2 * MINUTE)
            return meeting

    return make


def page_of(app: Flask, world: World, meeting: Meeting) -> str:
    return visit(app, world, world.leader).get(f"/meetings/{meeting.id}").text


def test_a_meeting_that_runs_warns_of_those_who_come_later(
    app: Flask, world: World, meeting_of: Callable[..., Meeting]
) -> None:
    page = page_of(app, world, meeting_of(-30 * MINUTE))
    assert "Занятие ещё идёт, до 16:00." in page
    assert WARNING in page
    assert "Подтвердить: 0 из 2 присутствовали" in page
    assert CONFIRMED not in page


def test_a_meeting_that_has_not_begun_can_not_be_confirmed(
    app: Flask, world: World, meeting_of: Callable[..., Meeting]
) -> None:
    meeting = meeting_of(30 * MINUTE)
    client = visit(app, world, world.leader)
    page = client.get(f"/meetings/{meeting.id}").text
    assert "Подтвердить посещаемость можно после начала занятия." in page
    assert "Подтвердить: " not in page
    assert WARNING not in page
    refused = client.post(f"/meetings/{meeting.id}/attendance", data={"csrf_token": token(app, client)})
    assert refused.status_code == 409
    assert "Это занятие ещё не началось." in refused.text


def test_a_confirmed_meeting_says_who_confirmed_it_and_offers_to_correct(
    app: Flask, world: World, meeting_of: Callable[..., Meeting]
) -> None:
    page = page_of(app, world, meeting_of(-300 * MINUTE, confirmed=True))
    assert f"{CONFIRMED}вт, 24 ноября, 11:30." in page  # as the world puts it down: at the meeting's end
    assert "Чтобы исправить список, измените отметки" in page
    assert "Исправить: 1 из 2 присутствовал" in page
    assert "Подтвердить: " not in page
    assert "Заранее отмечены" not in page
    assert WARNING not in page
    assert "вход после подтверждения списка" not in page


def test_who_came_after_the_list_was_confirmed_is_pointed_out(
    app: Flask, world: World, meeting_of: Callable[..., Meeting]
) -> None:
    assert page_of(app, world, meeting_of(-300 * MINUTE, confirmed=True, later=True)).count("вход после подтв") == 1


def test_somebody_who_got_a_place_later_is_still_to_be_confirmed(
    app: Flask, world: World, database: Database, meeting_of: Callable[..., Meeting]
) -> None:
    meeting = meeting_of(-300 * MINUTE, confirmed=True)
    with database.transaction() as session:
        world.session = session
        session.add(world.intake)
        world.trainee()
    page = page_of(app, world, meeting)
    assert CONFIRMED in page
    assert page.count("ещё не подтверждено") == 1
    assert "Подтвердить: 1 из 3 присутствовал" in page
