"""Calendars, read as calendar programs read them: what stands in them, for whom, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from icalendar import Calendar, Event
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core import saving
from lti_app.core.db import Database
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import TraineeState
from lti_app.meetings import calendar, feeds
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState
from lti_app.meetings.vtimezone import changes_of_clocks, time_zone
from lti_app.people.models import Person
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

SOON = NOW + timedelta(days=2)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def session(database: Database, app: Flask) -> Iterator[Session]:
    with app.app_context(), database.session() as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def parsed(found: bytes) -> dict[str, Event]:
    """Return the events of a calendar by their UIDs."""
    events = Calendar.from_ical(found).events
    assert len({str(event["UID"]) for event in events}) == len(events)
    return {str(event["UID"]): event for event in events}


def seen_by(session: Session, person: Person, settings: Settings, now: datetime = NOW) -> dict[str, Event]:
    return parsed(calendar.of_person(session, person.id, settings=settings, now=now))


def uid(meeting: Meeting) -> str:
    return f"meeting-{meeting.id}@localhost"


def guest(session: Session, meeting: Meeting, person: Person, state: GuestState) -> None:
    session.add(
        MeetingGuest(
            meeting=meeting,
            person=person,
            state=state,
            queued_at=NOW,
            cancelled_at=NOW if state is GuestState.CANCELLED else None,
        )
    )
    session.flush()


def test_a_person_sees_what_concerns_them_and_nothing_else(session: Session, world: World, settings: Settings) -> None:
    elsewhere = World(session, "b", moodle=world.moodle)
    anna, boris = world.trainees(2)
    common = world.meeting(starts_at=SOON)
    with_anna = world.meeting(starts_at=SOON + timedelta(hours=3))
    with_anna.only_for_id = anna.id
    visited, declined, strange = (elsewhere.meeting(starts_at=SOON + timedelta(hours=hours)) for hours in (5, 6, 7))
    guest(session, visited, boris.person, GuestState.SIGNED_UP)
    guest(session, declined, boris.person, GuestState.CANCELLED)
    guest(session, strange, boris.person, GuestState.WAITING)
    declined.host_id = anna.person_id
    session.flush()

    assert set(seen_by(session, anna.person, settings)) == {uid(common), uid(with_anna), uid(declined)}
    assert set(seen_by(session, boris.person, settings)) == {uid(common), uid(visited)}
    assert set(seen_by(session, world.leader, settings)) == {uid(common), uid(with_anna)}
    assert set(seen_by(session, elsewhere.leader, settings)) == {uid(visited), uid(declined), uid(strange)}


def test_what_is_over_for_somebody_is_gone(session: Session, world: World, settings: Settings) -> None:
    anna = world.trainee()
    world.meeting(starts_at=NOW - timedelta(days=91))
    kept = world.meeting(starts_at=NOW - timedelta(days=89))
    assert set(seen_by(session, anna.person, settings)) == {uid(kept)}

    anna.state, anna.left_at = TraineeState.LEFT, NOW
    world.leading.until = NOW.date() - timedelta(days=1)
    session.flush()
    assert seen_by(session, anna.person, settings) == {}
    assert seen_by(session, world.leader, settings) == {}


def test_a_draft_is_in_nobodys_calendar(session: Session, settings: Settings) -> None:
    world = World(session, published=False)
    world.meeting(starts_at=SOON)
    assert seen_by(session, world.leader, settings) == {}


def test_an_event_says_when_what_and_where_but_never_the_room(
    session: Session, world: World, settings: Settings
) -> None:
    anna = world.trainee()
    distance = world.meeting(starts_at=SOON)
    on_site = world.meeting(starts_at=SOON + timedelta(days=1), mode=Mode.ON_SITE)
    found = calendar.of_person(session, anna.person_id, settings=settings, now=NOW)
    whole = Calendar.from_ical(found)

    assert (str(whole["METHOD"]), str(whole["X-WR-CALNAME"])) == ("PUBLISH", "Стажировка: мои занятия")
    assert whole.refresh_interval == timedelta(hours=1)
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in found
    assert b"rooms.example.org" not in found
    assert b"DTSTART;TZID=Asia/Novokuznetsk:20261126T150000" in found
    (zone,) = whole.timezones
    assert str(zone["TZID"]) == "Asia/Novokuznetsk"
    event = parsed(found)[uid(distance)]
    assert str(event["SUMMARY"]) == "Семинар: Тема 1"
    assert str(event["LOCATION"]) == "дистанционно"
    assert (event.start, event.end) == (SOON, SOON + timedelta(minutes=90))
    assert (str(event["STATUS"]), event["SEQUENCE"]) == ("CONFIRMED", 0)
    assert str(event["URL"]) == f"http://localhost:8700/meetings/{distance.id}"
    assert str(parsed(found)[uid(on_site)]["LOCATION"]) == "каб. 12"


def test_the_address_leads_through_the_link_by_which_the_person_comes(
    session: Session, world: World, settings: Settings
) -> None:
    anna = world.trainee()
    world.account(anna.person, 44).last_link = 17
    world.meeting(starts_at=SOON)
    (event,) = seen_by(session, anna.person, settings).values()
    assert str(event["URL"]) == "http://localhost/a/mod/lti/view.php?l=17"


def test_a_moved_and_a_cancelled_meeting_keep_their_number_and_count_up(
    session: Session, world: World, settings: Settings
) -> None:
    anna = world.trainee()
    meeting = world.meeting(starts_at=SOON)
    before = seen_by(session, anna.person, settings)[uid(meeting)]
    change = {"actor": world.leader_actor, "now": NOW + timedelta(hours=1)}
    saving.change(session, meeting, {"starts_at": SOON + timedelta(hours=2)}, action="change_meeting", **change)
    moved = seen_by(session, anna.person, settings)[uid(meeting)]
    assert (before["SEQUENCE"], moved["SEQUENCE"]) == (0, 1)
    assert moved.start == SOON + timedelta(hours=2)
    assert moved.DTSTAMP == moved["LAST-MODIFIED"].dt == NOW + timedelta(hours=1)

    saving.change(session, meeting, {"state": MeetingState.CANCELLED}, action="change_meeting", **change)
    cancelled = seen_by(session, anna.person, settings)[uid(meeting)]
    assert (str(cancelled["STATUS"]), cancelled["SEQUENCE"]) == ("CANCELLED", 2)
    assert str(cancelled["TRANSP"]) == "TRANSPARENT"
    assert str(cancelled["DESCRIPTION"]).startswith("Это занятие отменено.")


def test_a_zone_that_changes_its_clocks_is_told_change_by_change(
    session: Session, world: World, settings: Settings
) -> None:
    berlin = replace(settings, timezone="Europe/Berlin")
    anna = world.trainee()
    days = [datetime(2027, 3, 25, 15, tzinfo=BERLIN), datetime(2027, 4, 1, 15, tzinfo=BERLIN)]
    for day in days:  # every Thursday at 15:00, whatever the clocks do in between
        world.meeting(starts_at=day)
    found = calendar.of_person(session, anna.person_id, settings=berlin, now=NOW)
    lines = found.decode().replace("\r\n ", "").splitlines()

    assert [line for line in lines if line.startswith("DTSTART;TZID")] == [
        "DTSTART;TZID=Europe/Berlin:20270325T150000",
        "DTSTART;TZID=Europe/Berlin:20270401T150000",
    ]
    own = Calendar.from_ical(found).timezones[0].to_tz(lookup_tzid=False)
    for moment in [*days, datetime(2027, 3, 28, 0, 59, tzinfo=UTC), datetime(2027, 3, 28, 1, 1, tzinfo=UTC)]:
        assert moment.astimezone(own).utcoffset() == moment.astimezone(BERLIN).utcoffset()
    hours = [event.start.astimezone(UTC).hour for event in parsed(found).values()]
    assert hours == [14, 13]


def test_changes_of_the_clocks_are_told_by_the_clocks_as_they_stood_before() -> None:
    first, last = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    assert changes_of_clocks(BERLIN, first, last) == [
        datetime(2027, 3, 28, 1, tzinfo=UTC),
        datetime(2027, 10, 31, 1, tzinfo=UTC),
    ]
    text = time_zone(BERLIN, 2027, 2027).to_ical().decode()
    assert "BEGIN:DAYLIGHT\r\nDTSTART:20270328T020000\r\n" in text
    assert "DTSTART:20271031T030000\r\n" in text
    assert changes_of_clocks(ZoneInfo("Asia/Novokuznetsk"), first, last) == []


def test_a_calendar_costs_the_same_for_any_number_of_meetings(
    database: Database, session: Session, world: World, settings: Settings
) -> None:
    anna = world.trainee()
    costs = []
    for number in (2, 30):
        for hour in range(number):
            world.meeting(starts_at=SOON + timedelta(days=number, hours=hour))
        session.expire_all()
        with counted_queries(database) as seen:
            found = parsed(calendar.of_person(session, anna.person_id, settings=settings, now=NOW))
        costs.append(len(seen))
    assert len(found) == 32
    assert costs[0] == costs[1] <= 4


def test_an_intakes_calendar_is_for_its_trainees_and_its_leader(
    session: Session, world: World, settings: Settings
) -> None:
    anna, boris = world.trainees(2)
    stranger = World(session, "b", moodle=world.moodle).trainee()
    common, alone = world.meeting(starts_at=SOON), world.meeting(starts_at=SOON + timedelta(hours=3))
    alone.only_for_id = anna.id
    session.flush()

    def of(actor: Actor) -> set[str]:
        return set(parsed(calendar.of_intake(session, world.intake.id, actor=actor, settings=settings, now=NOW)))

    assert of(world.leader_actor) == of(world.actor_of(anna)) == {uid(common), uid(alone)}
    assert of(world.actor_of(boris)) == {uid(common)}
    outsider = replace(world.actor_of(stranger), trainee_intake_ids=frozenset({stranger.intake_id}))
    with pytest.raises(Forbidden, match="not_your_meeting"):
        of(outsider)
    with pytest.raises(NotFound, match="no_such_intake"):
        calendar.of_intake(session, 99999, actor=outsider, settings=settings, now=NOW)


def test_one_meeting_is_for_those_whom_it_concerns(session: Session, world: World, settings: Settings) -> None:
    anna, boris = world.trainees(2)
    visitor = World(session, "b", moodle=world.moodle).trainee()
    alone = world.meeting(starts_at=SOON)
    alone.only_for_id = anna.id
    guest(session, alone, visitor.person, GuestState.SIGNED_UP)
    session.flush()

    def of(actor: Actor) -> dict[str, Event]:
        return parsed(calendar.of_meeting(session, alone.id, actor=actor, settings=settings, now=NOW))

    for actor in (world.leader_actor, world.actor_of(anna), world.actor_of(visitor)):
        assert set(of(actor)) == {uid(alone)}
    with pytest.raises(Forbidden, match="not_your_meeting"):
        of(world.actor_of(boris))


def test_an_address_is_made_once_replaced_and_revoked(session: Session, world: World, settings: Settings) -> None:
    actor = world.leader_actor
    first = feeds.open_feed(session, actor=actor, now=NOW)
    assert feeds.open_feed(session, actor=actor, now=NOW) is first
    old = token_of(settings, first)
    assert feeds.person_behind(session, old, settings=settings) == world.leader.id

    second = feeds.replace_feed(session, actor=actor, now=NOW)
    new = token_of(settings, second)
    assert feeds.person_behind(session, new, settings=settings) == world.leader.id
    feeds.revoke_feed(session, actor=actor, now=NOW)
    feeds.revoke_feed(session, actor=actor, now=NOW)
    for token in (old, new, "false", new + "x"):
        with pytest.raises(NotFound, match="no_such_calendar"):
            feeds.person_behind(session, token, settings=settings)
    assert feeds.own_feed(session, actor=actor) is None


def token_of(settings: Settings, feed: feeds.CalendarFeed) -> str:
    return feeds.address_of(settings, feed).rpartition("/")[2].removesuffix(".ics")


def test_who_is_on_no_list_has_no_address(session: Session) -> None:
    with pytest.raises(Forbidden, match="unknown_person"):
        feeds.open_feed(session, actor=Actor(person_id=None, name="Гость"), now=NOW)
