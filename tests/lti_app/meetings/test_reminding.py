"""Reminders of meetings: each once, the nearest where the worker was down, none after the start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app import create_app
from lti_app.core.db import Database
from lti_app.core.edge import Tool, deliver
from lti_app.core.outbox import OutboxMessage
from lti_app.meetings.calendar_models import MeetingReminder
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState
from lti_app.meetings.reminding import remind_of_meetings
from lti_app.notices.models import Notice
from lti_app.programmes.models import Mode
from tests.conftest import MovableClock
from tests.lti_app.core.mail_server import MailServer, mail_server
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

ZONE = ZoneInfo("Asia/Novokuznetsk")
SPANS = (1440, 60)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def session(database: Database, app: Flask) -> Iterator[Session]:
    with app.app_context(), database.session() as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def remind(session: Session, now: datetime, spans: tuple[int, ...] = SPANS) -> int:
    return remind_of_meetings(session, spans=spans, zone=ZONE, zone_words="по времени Новокузнецка", now=now)


def told(session: Session, meeting: Meeting) -> set[tuple[int, str]]:
    """Return who was told of a meeting, at which turn."""
    rows = session.execute(select(Notice.person_id, Notice.turn).where(Notice.about_id == meeting.id))
    return {(row[0], row[1].partition(":")[0]) for row in rows}


def test_everybody_concerned_is_reminded_a_day_and_an_hour_before(session: Session, world: World) -> None:
    anna = world.trainee()
    world.trainee(left=True)
    guest, waiting = world.person(), world.person()
    meeting = world.meeting(starts_at=NOW + 2 * DAY)
    session.add_all(
        MeetingGuest(meeting=meeting, person=person, state=state, queued_at=NOW)
        for person, state in ((guest, GuestState.SIGNED_UP), (waiting, GuestState.WAITING))
    )
    session.flush()
    people = {anna.person_id, guest.id, world.leader.id}

    assert remind(session, NOW + DAY - MINUTE) == 0
    assert remind(session, NOW + DAY) == 3
    assert remind(session, NOW + DAY + MINUTE) == 0
    assert told(session, meeting) == {(person, "1440") for person in people}
    assert remind(session, NOW + 2 * DAY - HOUR) == 3
    assert told(session, meeting) == {(person, turn) for person in people for turn in ("1440", "60")}
    assert session.scalar(select(func.count()).select_from(MeetingReminder)) == 2
    notice = session.scalars(select(Notice).where(Notice.person_id == anna.person_id)).first()
    assert notice is not None
    assert notice.until == meeting.starts_at


def test_of_an_individual_meeting_the_one_trainee_and_the_host_are_told(session: Session, world: World) -> None:
    anna, _boris = world.trainees(2)
    host = world.person("Ведущая")
    meeting = world.meeting(starts_at=NOW + HOUR)
    meeting.only_for_id, meeting.host_id = anna.id, host.id
    session.flush()
    remind(session, NOW)
    assert told(session, meeting) == {(anna.person_id, "60"), (host.id, "60")}


def test_after_the_worker_was_down_only_the_nearest_goes_out_and_none_after_the_start(
    session: Session, world: World
) -> None:
    soon, begun = world.meeting(starts_at=NOW + 30 * MINUTE), world.meeting(starts_at=NOW)
    assert remind(session, NOW) == 1
    assert told(session, soon) == {(world.leader.id, "60")}
    assert told(session, begun) == set()
    assert remind(session, NOW + MINUTE) == 0


def test_a_moved_meeting_is_reminded_of_again_at_its_new_start(session: Session, world: World) -> None:
    meeting = world.meeting(starts_at=NOW + HOUR)
    assert remind(session, NOW) == 1
    meeting.starts_at += 3 * DAY
    session.flush()
    assert remind(session, NOW + MINUTE) == 0
    assert remind(session, NOW + HOUR + 2 * DAY) == 1
    assert remind(session, NOW + 3 * DAY) == 1


def test_nobody_is_reminded_of_a_cancelled_meeting_or_a_draft(session: Session, world: World) -> None:
    world.meeting(starts_at=NOW + HOUR, cancelled=True)
    World(session, "b", moodle=world.moodle, published=False).meeting(starts_at=NOW + HOUR)
    assert remind(session, NOW) == 0
    world.meeting(starts_at=NOW + HOUR, topic=1)
    assert remind(session, NOW, spans=()) == 0


def test_where_nothing_is_due_one_query_is_asked(database: Database, session: Session, world: World) -> None:
    for hours in range(30, 60):
        world.meeting(starts_at=NOW + timedelta(hours=hours))
    session.commit()
    with counted_queries(database) as seen:
        assert remind(session, NOW) == 0
    assert len(seen) == 1


def test_two_processes_at_once_remind_once(database: Database, app: Flask) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainees(5)
        for minutes in (40, 50):
            world.meeting(starts_at=NOW + minutes * MINUTE)
    ready = threading.Barrier(2)
    found: list[int] = []

    def run() -> None:
        with app.app_context(), database.transaction() as session:
            ready.wait(10)
            found.append(remind(session, NOW))

    def start() -> threading.Thread:
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    if database.is_sqlite:  # one writer at a time: the second waits for the first one's end
        ready = threading.Barrier(1)
    for thread in [start() for _ in range(2)]:
        thread.join(30)
    assert sorted(found) == [0, 12]
    with database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(Notice)) == 12
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 24


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def parts(settings: object, clock: MovableClock, mail: MailServer) -> Iterator[Tool]:
    """A tool with a mail server, whose leader and one trainee have a meeting in an hour."""
    app = create_app(replace(settings, smtp_url=mail.url), clock)  # type: ignore[type-var]
    parts: Tool = app.extensions["ploshchadka"]
    with app.app_context():
        with parts.database.transaction() as session:
            world = World(session)
            world.trainee()
            world.meeting(starts_at=NOW + HOUR, mode=Mode.ON_SITE)
        yield parts
    parts.database.dispose()


def test_a_reminder_says_what_begins_when_and_where(parts: Tool, mail: MailServer) -> None:
    deliver(parts)
    deliver(parts)
    letters = {letter["To"]: letter for letter in mail.mails}
    assert len(mail.mails) == len(letters) == 2
    letter = letters["person-a-1@example.org"]
    assert letter["Subject"] == "Напоминание: Семинар: Тема 1, 24 ноября 2026, 16:00"
    text = " ".join(letter.get_content().split())
    assert "начало 24 ноября 2026, 16:00, по времени Новокузнецка (UTC+7). Место: каб. 12" in text


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        ("late", "it would come too late"),
        ("moved", "what it says is no longer so"),
        ("cancelled", "what it says is no longer so"),
    ],
)
def test_a_reminder_that_is_no_longer_true_is_not_delivered(
    parts: Tool, mail: MailServer, clock: MovableClock, meanwhile: str, said: str
) -> None:
    kept = dict(parts.deliverers)
    parts.deliverers.clear()
    deliver(parts)
    parts.deliverers.update(kept)
    if meanwhile == "late":
        clock.move(hours=1)
    with parts.database.transaction() as session:
        meeting = session.scalars(select(Meeting)).one()
        if meanwhile == "moved":
            meeting.starts_at += 9 * DAY
        if meanwhile == "cancelled":
            meeting.state = MeetingState.CANCELLED
    deliver(parts)
    assert mail.mails == []
    with parts.database.session(writes=False) as session:
        assert set(session.scalars(select(OutboxMessage.last_error))) == {said}
