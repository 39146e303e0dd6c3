"""The leader's word on guests, and their hours: given once, for presence, never to oneself, never in a programme."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.invariants import audit
from lti_app.core.outbox import OutboxMessage
from lti_app.credits.models import CreditEntry, EntryKind
from lti_app.credits.seminar_models import SeminarCredit
from lti_app.credits.seminar_section import guest_section
from lti_app.credits.seminars import entries_of, give_hours, reverse_hours, standing, standing_credit
from lti_app.credits.service import SCORE, propose_credits, record_attendance
from lti_app.meetings.arriving import arrive
from lti_app.meetings.guest_lists import seminar_page
from lti_app.meetings.guest_presence import confirm_guests
from lti_app.meetings.models import Meeting, MeetingGuest, MeetingState, Presence, StaySource
from lti_app.meetings.onsite_models import ArrivalHow
from lti_app.meetings.room_models import PresenceAnswer, PresenceCheck
from lti_app.meetings.stays import StayRules
from lti_app.programmes.models import Mode
from lti_app.web.upkeep import CHECKS
from tests.lti_app.meetings.guests_world import END, MINUTE, START, ZONE, by, guest_stay, open_meeting, signs_up, told
from tests.lti_app.world import World


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with database.session() as session:
        world = World(session)
        yield world
        assert list(audit(session, CHECKS)) == []


def guests_of(world: World, number: int = 2) -> tuple[Meeting, list[MeetingGuest]]:
    meeting = open_meeting(world, places=5)
    return meeting, [signs_up(world, meeting, minute=minute) for minute in range(number)]


def confirms(world: World, meeting: Meeting, *present: MeetingGuest, reason: str = "", at: datetime = END) -> None:
    ids = [guest.id for guest in present]
    confirm_guests(world.session, meeting_id=meeting.id, present=ids, reason=reason, actor=world.leader_actor, now=at)


def gives(world: World, meeting: Meeting, *guests: MeetingGuest, at: datetime = END) -> int:
    ids = [guest.id for guest in guests]
    return give_hours(world.session, meeting_id=meeting.id, guest_ids=ids, actor=world.leader_actor, now=at, zone=ZONE)


def takes_back(world: World, credit: SeminarCredit, reason: str = "не та группа") -> SeminarCredit:
    return reverse_hours(
        world.session, credit_id=credit.id, reason=reason, actor=world.leader_actor, now=END, zone=ZONE
    )


def credit_of(world: World, guest: MeetingGuest) -> SeminarCredit:
    return standing(entries_of(world.session, person_id=guest.person_id))[guest.id]


def test_presence_is_suggested_by_the_log_and_confirmed_by_the_leader(world: World) -> None:
    meeting, (long, short) = guests_of(world)
    guest_stay(world, long, 70)
    guest_stay(world, short, 20)
    section = guest_section(world.session, meeting_id=meeting.id, actor=world.leader_actor, now=END)
    assert section.preselected == {long.id}
    assert [row.minutes_joined for row in section.guests] == [70, 20]

    confirms(world, meeting, long)
    assert [(guest.presence, guest.minutes_joined) for guest in (long, short)] == [
        (Presence.PRESENT, 70),
        (Presence.ABSENT, 20),
    ]
    confirms(world, meeting, long)  # said again, it needs no reason


def test_a_later_change_needs_a_reason_that_stays_visible_to_the_guest(world: World) -> None:
    meeting, (guest, other) = guests_of(world)
    confirms(world, meeting, guest)
    with pytest.raises(DomainError, match="guest_reason_missing"):
        confirms(world, meeting, guest, other, reason="  ")
    with pytest.raises(DomainError, match="reason_too_long"):
        confirms(world, meeting, guest, other, reason="а" * 501)
    confirms(world, meeting, guest, other, reason="вошел с телефона", at=END + MINUTE)

    (shown,) = seminar_page(world.session, meeting.id, actor=by(other.person), now=END + MINUTE).corrections
    assert (shown.before, shown.after, shown.reason) == (Presence.ABSENT, Presence.PRESENT, "вошел с телефона")
    assert (shown.who, shown.at) == (world.leader.full_name, END + MINUTE)
    assert seminar_page(world.session, meeting.id, actor=by(guest.person), now=END).corrections == ()


def test_what_can_not_be_confirmed_is_refused(world: World) -> None:
    meeting, (guest,) = guests_of(world, 1)
    with pytest.raises(Conflict, match="meeting_not_begun"):
        confirms(world, meeting, guest, at=START - MINUTE)
    stranger = signs_up(world, open_meeting(world, topic=1))
    with pytest.raises(Conflict, match="not_a_guest"):
        confirms(world, meeting, stranger)
    with pytest.raises(NotFound, match="no_such_meeting"):
        confirm_guests(world.session, meeting_id=999, present=[], actor=world.leader_actor, now=END)
    elsewhere = World(world.session, "b", moodle=world.moodle).leader_actor
    with pytest.raises(Forbidden, match="not_your_site"):
        confirm_guests(world.session, meeting_id=meeting.id, present=[], actor=elsewhere, now=END)
    meeting.state = MeetingState.CANCELLED
    with pytest.raises(Conflict, match="meeting_cancelled"):
        confirms(world, meeting, guest)
    with pytest.raises(Conflict, match="meeting_cancelled"):
        gives(world, meeting, guest)
    assert guest.presence is None


def test_hours_are_of_their_own_kind_with_their_evidence(world: World) -> None:
    meeting, (guest, other) = guests_of(world)
    guest_stay(world, guest, 80)
    confirms(world, meeting, guest)
    assert gives(world, meeting, guest) == 1

    credit = credit_of(world, guest)
    assert (credit.kind, credit.hours, credit.person_id) == (EntryKind.CREDIT, Decimal(2), guest.person_id)
    assert credit.evidence["meeting"] == {
        "id": meeting.id,
        "topic": "Тема 1",
        "form": "seminar",
        "mode": "distance",
        "starts_at": START.isoformat(),
        "ends_at": END.isoformat(),
        "minutes": 90,
        "hours": "2",
    }
    assert credit.evidence["programme"]["title"] == world.version.title
    assert credit.evidence["site"]["organisation"] == world.organisation.label
    assert credit.evidence["minutes_joined"] == 80
    assert credit.evidence["confirmed_by"] == world.leader.full_name
    assert credit.evidence["confirmed_at"] == END.isoformat()
    assert guest.is_credited
    assert not other.is_credited
    assert told(world.session, guest.person_id) == ["seminar_credited"]
    assert propose_credits(world.session, now=END) == 0
    assert world.session.scalars(select(CreditEntry)).all() == []
    assert world.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == SCORE)).all() == []


def test_hours_that_are_not_due_are_refused(world: World) -> None:
    meeting, (guest, absent) = guests_of(world)
    confirms(world, meeting, guest, at=START)
    with pytest.raises(Conflict, match="meeting_not_over"):
        gives(world, meeting, guest, at=END - MINUTE)
    with pytest.raises(DomainError, match="no_guest_chosen"):
        gives(world, meeting)
    with pytest.raises(Conflict, match="guest_not_due"):
        gives(world, meeting, guest, absent)
    assert not guest.is_credited
    with pytest.raises(NotFound, match="no_such_guest"):
        gives(world, meeting, guest, signs_up(world, open_meeting(world, topic=1)))
    gives(world, meeting, guest)
    with pytest.raises(Conflict, match="guest_not_due"):
        gives(world, meeting, guest)
    with pytest.raises(Forbidden, match="not_your_site"):
        give_hours(
            world.session,
            meeting_id=meeting.id,
            guest_ids=[guest.id],
            actor=World(world.session, "b", moodle=world.moodle).leader_actor,
            now=END,
            zone=ZONE,
        )


def test_nobody_is_given_hours_for_holding_the_meeting(world: World) -> None:
    meeting, (guest,) = guests_of(world, 1)
    confirms(world, meeting, guest)
    meeting.host_id = guest.person_id  # who became its host after signing up
    world.session.flush()
    with pytest.raises(Forbidden, match="own_credit"):
        gives(world, meeting, guest)


def test_a_mark_under_hours_stands_until_they_are_taken_back_with_a_reason(world: World) -> None:
    meeting, (guest,) = guests_of(world, 1)
    confirms(world, meeting, guest)
    gives(world, meeting, guest)
    credit = credit_of(world, guest)
    with pytest.raises(Conflict, match="guest_credited"):
        confirms(world, meeting, reason="ошибка")
    with pytest.raises(DomainError, match="guest_reason_missing"):
        takes_back(world, credit, " ")

    reversal = takes_back(world, credit)
    assert (reversal.kind, reversal.reverses_id, reversal.hours) == (EntryKind.REVERSAL, credit.id, credit.hours)
    assert standing(entries_of(world.session, person_id=guest.person_id)) == {}
    assert told(world.session, guest.person_id) == ["seminar_credited", "seminar_credit_reversed"]
    for entry in (credit, reversal):
        with pytest.raises(Conflict, match="reversed_already"):
            takes_back(world, entry)
    with pytest.raises(NotFound, match="no_such_entry"):
        standing_credit(world.session, credit_id=999, actor=world.leader_actor)
    elsewhere = World(world.session, "b", moodle=world.moodle).leader_actor
    with pytest.raises(Forbidden, match="not_your_site"):
        standing_credit(world.session, credit_id=credit.id, actor=elsewhere)

    gives(world, meeting, guest)  # once more, by the leader's word
    takes_back(world, credit_of(world, guest))
    confirms(world, meeting, reason="не был")
    assert guest.presence is Presence.ABSENT


def test_who_became_a_trainee_is_not_present_twice_at_one_meeting(world: World) -> None:
    meeting, (guest, other) = guests_of(world)
    trainee, late = world.trainee(person=guest.person), world.trainee(person=other.person)
    confirms(world, meeting, guest)
    with pytest.raises(Conflict, match="present_as_guest"), world.session.begin_nested():
        record_attendance(world.session, meeting_id=meeting.id, present=[trainee.id], actor=world.leader_actor, now=END)
    record_attendance(world.session, meeting_id=meeting.id, present=[late.id], actor=world.leader_actor, now=END)
    with pytest.raises(Conflict, match="present_as_trainee"):
        confirms(world, meeting, guest, other, reason="был")


def test_on_site_nobody_joins_and_the_leader_ticks_by_hand(world: World) -> None:
    meeting = open_meeting(world, mode=Mode.ON_SITE)
    guest = signs_up(world, meeting)
    section = guest_section(world.session, meeting_id=meeting.id, actor=world.leader_actor, now=END)
    assert (section.preselected, section.guests[0].minutes_joined) == (set(), None)
    confirms(world, meeting, guest)
    assert gives(world, meeting, guest) == 1
    assert credit_of(world, guest).evidence["minutes_joined"] is None


def test_on_site_those_who_came_by_the_code_are_ticked(world: World) -> None:
    meeting = open_meeting(world, mode=Mode.ON_SITE)
    came, _missed = signs_up(world, meeting), signs_up(world, meeting, minute=1)
    arrive(world.session, meeting_id=meeting.id, person_id=came.person_id, how=ArrivalHow.CODE, at=START)
    section = guest_section(world.session, meeting_id=meeting.id, actor=world.leader_actor, now=END)
    assert section.preselected == {came.id}
    assert [row.arrived_at for row in section.guests] == [START, None]


def test_what_the_rooms_server_tells_counts_for_guests_in_place_of_the_tools_buttons(world: World) -> None:
    meeting, (short, long) = guests_of(world)
    guest_stay(world, short, 90)  # never pressed the button
    for guest, minutes in ((short, 10), (long, 80)):
        guest_stay(world, guest, minutes).source = StaySource.ROOM
    world.session.flush()
    section = guest_section(world.session, meeting_id=meeting.id, actor=world.leader_actor, now=END)
    assert [row.minutes_joined for row in section.guests] == [10, 80]
    assert section.preselected == {long.id}
    confirms(world, meeting, long)
    assert (short.minutes_joined, long.minutes_joined) == (10, 80)


def test_the_share_of_the_installation_and_the_checks_hold_for_guests(world: World) -> None:
    meeting, (guest, silent) = guests_of(world)
    for one in (guest, silent):
        guest_stay(world, one, 50)
    check = PresenceCheck(
        meeting_id=meeting.id, code="12345", opened_at=START, closes_at=START + 2 * MINUTE, opened_by_id=world.leader.id
    )
    world.session.add(check)
    world.session.flush()
    world.session.add(PresenceAnswer(check_id=check.id, guest_id=guest.id, answered_at=START + MINUTE))
    world.session.flush()

    def ticked(share: float) -> set[int]:
        rules = StayRules(present_from=share)
        how = {"meeting_id": meeting.id, "actor": world.leader_actor, "now": END, "rules": rules}
        return guest_section(world.session, **how).preselected  # type: ignore[arg-type]

    assert ticked(0.75) == set()
    assert ticked(0.5) == {guest.id}


@pytest.mark.parametrize("change", ["UPDATE seminar_credit SET hours = 1", "DELETE FROM seminar_credit"])
def test_the_guests_ledger_refuses_to_be_rewritten(world: World, change: str) -> None:
    meeting, (guest,) = guests_of(world, 1)
    confirms(world, meeting, guest)
    gives(world, meeting, guest)
    with pytest.raises(DBAPIError, match="append-only"), world.session.begin_nested():
        world.session.execute(text(change))


def test_who_has_come_later_is_pointed_out(world: World) -> None:
    meeting, (guest,) = guests_of(world, 1)
    confirms(world, meeting, at=START + MINUTE)
    stay = guest_stay(world, guest, 60)
    stay.joined_at = START + timedelta(minutes=5)
    world.session.flush()
    (row,) = guest_section(world.session, meeting_id=meeting.id, actor=world.leader_actor, now=END).guests
    assert row.came_later
