"""Who comes on site: the code of the screen, the digits, the host's marks; and what forbids them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import SYSTEM, Actor
from lti_app.meetings.arrival_codes import Codes
from lti_app.meetings.arriving import (
    arrivals_of,
    arrive,
    arrive_typed,
    expected_at,
    hosted_meeting,
    mark_arrivals,
    own_arrival,
    unmark_arrival,
)
from lti_app.meetings.models import GuestState, MeetingGuest
from lti_app.meetings.onsite_models import Arrival, ArrivalHow
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW, World

CODES = Codes("s" * 40, 20)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
QUIETLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOMENTS = st.integers(0, 10**6).map(lambda seconds: NOW + seconds * SECOND)
MEETINGS = st.integers(1, 2**31 - 1)


@QUIETLY
@given(MEETINGS, MOMENTS)
def test_a_code_is_good_for_its_own_span_and_the_next_and_for_no_other(meeting_id: int, moment) -> None:  # type: ignore[no-untyped-def]
    token = CODES.token(meeting_id, moment)
    ends = CODES.changes_at(moment)
    assert timedelta(0) < ends - moment <= 20 * SECOND
    for late in (moment, ends - SECOND, ends, ends + 19 * SECOND):
        assert CODES.meeting_of(token, late) == meeting_id
    assert CODES.meeting_of(token, ends + 20 * SECOND) is None
    assert CODES.meeting_of(token, moment - 20 * SECOND) is None
    assert Codes("t" * 40, 20).meeting_of(token, moment) is None


@QUIETLY
@given(MEETINGS, MEETINGS, MOMENTS)
def test_a_code_of_one_meeting_opens_no_other(one: int, other: int, moment) -> None:  # type: ignore[no-untyped-def]
    name, _, mac = CODES.token(one, moment).partition("-")
    stolen = f"{CODES.token(other, moment).partition('-')[0]}-{mac}"
    assert CODES.meeting_of(stolen, moment) in ({one} if one == other else {None})
    assert CODES.meeting_of(f"{name}-{mac[:-1]}{'a' if mac[-1] != 'a' else 'b'}", moment) is None
    assert CODES.is_typed(CODES.typed(one, moment), other, moment) is (one == other)


@pytest.mark.parametrize(
    "junk", ["", "-", "0-aaaaaaaaaaaaaaaa", "zzzzzzz-aaaaaaaaaaaaaaaa", "1-AAAA", "1-аааааааааааааааа"]
)
def test_what_is_no_code_opens_nothing(junk: str) -> None:
    assert CODES.meeting_of(junk, NOW) is None
    assert not CODES.is_typed(junk, 1, NOW)


def test_digits_are_typed_as_people_type_them_and_stand_for_a_minute_and_the_next() -> None:
    start = NOW - timedelta(seconds=NOW.timestamp() % 60)
    typed = CODES.typed(5, start)
    assert len(typed) == 8
    for text in (typed, f"{typed[:4]} {typed[4:]}", f" {typed[:2]}-{typed[2:]} "):
        assert CODES.is_typed(text, 5, start + 119 * SECOND)
    assert not CODES.is_typed(typed, 5, start + 120 * SECOND)
    assert not CODES.is_typed(typed[:-1], 5, start)


def arrivals(session: Session) -> list[tuple[int | None, int | None, str]]:
    session.flush()
    return [(a.trainee_id, a.guest_id, a.how.value) for a in session.scalars(select(Arrival).order_by(Arrival.id))]


def test_arrivals_are_taken_from_half_an_hour_before_until_the_end(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting = world.meeting(starts_at=NOW, minutes=60, mode=Mode.ON_SITE)

        def come(at) -> None:  # type: ignore[no-untyped-def]
            arrive(session, meeting_id=meeting.id, person_id=anna.person_id, how=ArrivalHow.CODE, at=at)

        with pytest.raises(Conflict, match="arrivals_not_yet") as early:
            come(NOW - 30 * MINUTE - SECOND)
        assert early.value.remedy
        with pytest.raises(Conflict, match="arrivals_over"):
            come(NOW + 60 * MINUTE)
        assert arrivals(session) == []
        come(NOW - 30 * MINUTE)
        come(NOW + 5 * MINUTE)  # scanned again: the first time stands
        come(NOW + 70 * MINUTE)  # and is told again after the end, too
        assert arrivals_of(session, anna.id) == {meeting.id: NOW - 30 * MINUTE}
        assert arrivals(session) == [(anna.id, None, "code")]


@pytest.mark.parametrize("kind", [{"mode": Mode.DISTANCE}, {"mode": Mode.ON_SITE, "cancelled": True}])
def test_nobody_arrives_at_a_distance_or_where_it_is_cancelled(database: Database, kind: dict[str, object]) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting = world.meeting(starts_at=NOW, **kind)  # type: ignore[arg-type]
        with pytest.raises(Conflict, match="no_arrivals"):
            arrive(session, meeting_id=meeting.id, person_id=anna.person_id, how=ArrivalHow.CODE, at=NOW)


def test_trainees_and_those_who_signed_up_have_a_place_and_nobody_else(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, gone = world.trainee(), world.trainee(left=True)
        meeting = world.meeting(starts_at=NOW, mode=Mode.ON_SITE)
        signed_up, waiting = world.person("Гостева"), world.person("Ждунова")
        for person, state in ((signed_up, GuestState.SIGNED_UP), (waiting, GuestState.WAITING)):
            session.add(MeetingGuest(meeting_id=meeting.id, person_id=person.id, state=state, queued_at=NOW))
        session.flush()
        for person_id in (anna.person_id, signed_up.id):
            arrive(session, meeting_id=meeting.id, person_id=person_id, how=ArrivalHow.CODE, at=NOW)
        for person_id in (gone.person_id, waiting.id, world.leader.id, None):
            with pytest.raises(Forbidden, match="no_place_at_meeting"):
                arrive(session, meeting_id=meeting.id, person_id=person_id, how=ArrivalHow.CODE, at=NOW)
        guest_id = session.scalars(select(MeetingGuest.id).where(MeetingGuest.person_id == signed_up.id)).one()
        assert arrivals(session) == [(anna.id, None, "code"), (None, guest_id, "code")]
        assert [(one.name, one.at) for one in expected_at(session, meeting)] == [
            (anna.person.full_name, NOW),
            ("Гостева Анна", NOW),
        ]
        meeting.only_for_id = gone.id
        with pytest.raises(Forbidden, match="no_place_at_meeting"):
            own_arrival(session, meeting_id=meeting.id, actor=world.actor_of(anna))
        with pytest.raises(NotFound):
            arrive(session, meeting_id=99, person_id=anna.person_id, how=ArrivalHow.CODE, at=NOW)


def test_digits_of_the_screen_are_as_good_as_its_picture_and_others_are_refused(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting, other = (world.meeting(topic=t, starts_at=NOW, mode=Mode.ON_SITE) for t in (0, 1))

        def type_in(code: str) -> Arrival:
            return arrive_typed(
                session, meeting_id=meeting.id, code=code, codes=CODES, actor=world.actor_of(anna), now=NOW
            )[1]

        with pytest.raises(Conflict, match="not_arrived"):
            own_arrival(session, meeting_id=meeting.id, actor=world.actor_of(anna))
        for wrong in ("", "12", CODES.typed(other.id, NOW)):
            with pytest.raises(DomainError, match="arrival_code_wrong") as refusal:
                type_in(wrong)
            assert refusal.value.field == "code"
        assert type_in(CODES.typed(meeting.id, NOW)).how is ArrivalHow.TYPED
        assert type_in("whatever").at == NOW  # who is marked already need not type it well
        assert own_arrival(session, meeting_id=meeting.id, actor=world.actor_of(anna))[1].at == NOW


def _as_host(world: World, name: str = "Ведущева") -> Actor:
    person = world.person(name)
    return Actor(person_id=person.id, name=person.full_name, moodle_id=world.moodle.id)


def test_the_host_and_the_leader_mark_who_came_and_nobody_else(database: Database) -> None:
    with database.transaction() as session:
        world, elsewhere = World(session, "a"), World(session, "b")
        anna, boris = world.trainees(2)
        meeting = world.meeting(starts_at=NOW, mode=Mode.ON_SITE)
        host = _as_host(world)
        meeting.host_id = host.person_id
        session.flush()

        def mark(who: Actor, *trainee_ids: int) -> int:
            return mark_arrivals(session, meeting_id=meeting.id, trainee_ids=trainee_ids, actor=who, now=NOW)

        for stranger in (elsewhere.leader_actor, world.actor_of(anna), _as_host(world, "Другова"), SYSTEM):
            with pytest.raises(Forbidden, match="not_your_meeting"):
                mark(stranger, anna.id)
            with pytest.raises(Forbidden, match="not_your_meeting"):
                hosted_meeting(session, meeting.id, actor=stranger)
        with pytest.raises(DomainError, match="nobody_arrived"):
            mark(host)
        with pytest.raises(Conflict, match="not_awaited"):
            mark(host, anna.id, elsewhere.trainee().id)
        assert arrivals(session) == []
        assert mark(host, anna.id) == 1
        assert mark(world.leader_actor, anna.id, boris.id) == 1
        assert arrivals(session) == [(anna.id, None, "host"), (boris.id, None, "host")]
        unmark_arrival(session, meeting_id=meeting.id, trainee_id=boris.id, actor=host, now=NOW)
        unmark_arrival(session, meeting_id=meeting.id, trainee_id=boris.id, actor=host, now=NOW)
        arrive(session, meeting_id=meeting.id, person_id=boris.person_id, how=ArrivalHow.CODE, at=NOW)
        with pytest.raises(Conflict, match="arrived_by_code"):
            unmark_arrival(session, meeting_id=meeting.id, trainee_id=boris.id, actor=host, now=NOW)
        assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all() == [
            "mark_arrivals",
            "mark_arrivals",
            "unmark_arrival",
        ]
        with pytest.raises(Conflict, match="arrivals_over"):
            mark_arrivals(
                session, meeting_id=meeting.id, trainee_ids=[boris.id], actor=host, now=NOW + timedelta(hours=5)
            )
