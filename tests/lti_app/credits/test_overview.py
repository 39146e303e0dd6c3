"""Pages read whole intakes in a constant number of queries, and say what is true of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from lti_app.core.db import Database
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.permissions import Actor, Role
from lti_app.credits.cards import CreditState, MeetingPhase
from lti_app.credits.models import CreditProposal, ProposalState
from lti_app.credits.overview import intake_overview, leader_overview, meeting_overview, trainee_overview
from lti_app.credits.rules import Reason
from lti_app.intakes.places import own_places
from lti_app.meetings.models import Presence
from lti_app.programmes.models import Mode
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

HOUR = timedelta(hours=1)
ZONE = ZoneInfo("Asia/Novokuznetsk")


def _fill(world: World, trainees: int, meetings: int) -> None:
    people = world.trainees(trainees)
    for _ in range(meetings):
        meeting = world.meeting(hours=1)
        world.attended(meeting, *people)
        for person in people:
            world.stay(meeting, person, meeting.starts_at, meeting.ends_at)
    for person in people:
        world.progress(person, 1, 2)
    world.entry(people[0], 1)


def _cost(database: Database, trainees: int, meetings: int, page: Callable[..., object], code: str) -> int:
    with database.transaction() as session:
        world = World(session, code)
        _fill(world, trainees, meetings)
        first, meeting = world.intake.trainees[0], world.meeting()
        trainee_actor, leader_actor = world.actor_of(first), world.leader_actor
        intake_id, meeting_id = world.intake.id, meeting.id
    with database.session(writes=False) as session, counted_queries(database) as queries:
        if page is trainee_overview:
            trainee_overview(session, intake_id=intake_id, actor=trainee_actor, now=NOW)
        elif page is leader_overview:
            leader_overview(session, actor=leader_actor, now=NOW, zone=ZONE)
        elif page is intake_overview:
            intake_overview(session, intake_id=intake_id, actor=leader_actor, now=NOW)
        else:
            meeting_overview(session, meeting_id=meeting_id, actor=leader_actor, now=NOW)
    return len(queries)


@pytest.mark.parametrize("page", [trainee_overview, leader_overview, intake_overview, meeting_overview])
def test_a_page_costs_the_same_for_many_trainees_and_meetings(database: Database, page: Callable[..., object]) -> None:
    small = _cost(database, 3, 3, page, "small")
    assert 2 <= small <= 8
    assert _cost(database, 60, 3, page, "crowded") == small
    assert _cost(database, 3, 40, page, "long") == small


def test_a_trainee_sees_hours_attended_needed_and_what_is_missing(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 8), needed=10, needs_completion=True)
        anna, boris = world.trainees(2)
        for _ in range(3):
            world.attended(world.meeting(topic=0, hours=2), anna)
        world.attended(world.meeting(topic=1, hours=2), anna, presence=Presence.ABSENT)
        world.attended(world.meeting(topic=1, hours=3), anna, boris)
        world.progress(anna, 2, 3, NOW - 8 * HOUR)
        page = trainee_overview(session, intake_id=world.intake.id, actor=world.actor_of(anna), now=NOW)
    assert (page.hours_attended, page.hours_needed, page.hours_total) == (7, 10, 12)
    assert page.hours_missing == 3
    assert [(topic.hours_done, topic.hours_total) for topic in page.topics] == [(4, 4), (3, 8)]
    assert [meeting.hours_counted for meeting in page.meetings] == [2, 2, 0, 0, 3]
    assert [meeting.presence for meeting in page.meetings][3] is Presence.ABSENT
    assert [missing.reason for missing in page.missing] == [Reason.HOURS, Reason.ACTIVITIES]
    assert page.completion is not None
    assert (page.completion.done, page.completion.total, page.completion.read_at) == (2, 3, NOW - 8 * HOUR)
    assert page.credit_state is CreditState.NONE
    assert page.leader == world.leader.full_name
    assert page.site == "Школа a"


def test_meetings_stand_in_order_of_time_with_their_phase_and_door(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        soon = world.meeting(starts_at=NOW + timedelta(minutes=15))
        later = world.meeting(starts_at=NOW + timedelta(minutes=16))
        past = world.meeting(starts_at=NOW - timedelta(minutes=90))
        under_way = world.meeting(starts_at=NOW - timedelta(minutes=89))
        cancelled = world.meeting(starts_at=NOW + timedelta(minutes=1), cancelled=True)
        on_site = world.meeting(starts_at=NOW - timedelta(minutes=10), mode=Mode.ON_SITE)
        world.stay(under_way, anna, under_way.starts_at - timedelta(minutes=5))
        page = trainee_overview(session, intake_id=world.intake.id, actor=world.actor_of(anna), now=NOW)
    shown = [(m.meeting_id, m.phase, m.can_join) for m in page.meetings]
    assert shown == [
        (past.id, MeetingPhase.PAST, False),
        (under_way.id, MeetingPhase.NOW, True),
        (on_site.id, MeetingPhase.NOW, False),
        (cancelled.id, MeetingPhase.CANCELLED, False),
        (soon.id, MeetingPhase.NEXT, True),
        (later.id, MeetingPhase.NEXT, False),
    ]
    joined = page.meetings[1]
    assert (joined.is_inside, joined.minutes_joined, joined.left_at) == (True, 89, None)
    assert joined.joined_at == under_way.starts_at - timedelta(minutes=5)
    assert page.next_meeting is not None
    assert page.next_meeting.meeting_id == under_way.id
    assert [m.opens_at for m in page.meetings][2:5] == [None, None, NOW]
    assert all(m.starts_at.tzinfo is UTC for m in page.meetings)


def test_credit_goes_from_met_to_proposed_to_credited(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(2,))
        anna = world.trainee()
        world.attended(world.meeting(hours=2), anna)

        def state() -> CreditState:
            session.flush()
            page = trainee_overview(session, intake_id=world.intake.id, actor=world.actor_of(anna), now=NOW)
            return page.credit_state

        assert state() is CreditState.MET
        proposal = CreditProposal(
            trainee_id=anna.id,
            hours=Decimal(2),
            evidence={"meetings": [{"id": 1}]},
            state=ProposalState.OPEN,
            proposed_at=NOW,
        )
        session.add(proposal)
        assert state() is CreditState.PROPOSED
        proposal.state, proposal.closed_at = ProposalState.CONFIRMED, NOW
        entry = world.entry(anna, 2)
        assert state() is CreditState.CREDITED
        world.entry(anna, 2, reverses=entry)
        page = trainee_overview(session, intake_id=world.intake.id, actor=world.actor_of(anna), now=NOW)
    assert page.hours_credited == 0
    assert [(line.hours, line.is_reversed) for line in page.credits] == [(2, True), (-2, False)]


def test_a_trainee_sees_no_intake_but_their_own(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        anna, gone = world.trainee(), world.trainee(left=True)
        with pytest.raises(Forbidden, match="not_your_intake"):
            trainee_overview(session, intake_id=other.intake.id, actor=world.actor_of(anna), now=NOW)
        with pytest.raises(Forbidden, match="not_your_intake"):
            trainee_overview(session, intake_id=world.intake.id, actor=world.actor_of(gone), now=NOW)
        with pytest.raises(NotFound):
            trainee_overview(session, intake_id=999, actor=world.actor_of(anna), now=NOW)
        with pytest.raises(Forbidden, match="not_permitted"):
            trainee_overview(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW)


def test_a_leader_sees_no_site_but_their_own(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        meeting = other.meeting()
        cards = leader_overview(session, actor=world.leader_actor, now=NOW, zone=ZONE)
        assert [card.intake_code for card in cards] == ["intake-a"]
        with pytest.raises(Forbidden, match="not_your_site") as refusal:
            intake_overview(session, intake_id=other.intake.id, actor=world.leader_actor, now=NOW)
        assert refusal.value.clause == "4.1"
        with pytest.raises(Forbidden, match="not_your_site"):
            meeting_overview(session, meeting_id=meeting.id, actor=world.leader_actor, now=NOW)
        with pytest.raises(NotFound):
            intake_overview(session, intake_id=999, actor=world.leader_actor, now=NOW)
        with pytest.raises(NotFound):
            meeting_overview(session, meeting_id=999, actor=world.leader_actor, now=NOW)
        instructor = Actor(person_id=world.leader.id, name="Instructor", roles=frozenset({Role.LEADER}))
        with pytest.raises(Forbidden, match="not_your_site"):
            intake_overview(session, intake_id=world.intake.id, actor=instructor, now=NOW)


def test_running_intakes_stand_first_then_those_to_come_then_ended_ones(database: Database) -> None:
    today = NOW.astimezone(ZONE).date()
    days = {
        "ended long ago": (-90, -60),
        "ended yesterday": (-30, -1),
        "comes later": (20, 40),
        "comes tomorrow": (1, 90),
        "runs on": (-9, 60),
        "ends today": (-60, 0),
        "begins today": (0, 30),
    }
    with database.transaction() as session:
        world = World(session)
        led, person = set(), world.person()
        for code, (first, last) in days.items():
            one = World(session, code, moodle=world.moodle)
            one.intake.starts_on, one.intake.ends_on = today + timedelta(first), today + timedelta(last)
            one.trainee(person=person)
            led.add(one.site.id)
        actor = replace(world.leader_actor, led_site_ids=frozenset(led))
        cards = leader_overview(session, actor=actor, now=NOW, zone=ZONE)
        places = own_places(session, actor=replace(actor, person_id=person.id), today=today)
    codes = [card.intake_code.removeprefix("intake-") for card in cards]
    assert codes == [
        "ends today",
        "begins today",
        "runs on",
        "comes tomorrow",
        "comes later",
        "ended yesterday",
        "ended long ago",
    ]
    assert [place.intake_id for place in places] == [card.intake_id for card in cards]


def test_the_day_that_tells_whether_an_intake_runs_is_the_municipalitys(database: Database) -> None:
    evening = NOW.replace(hour=20)  # tomorrow already, in Novokuznetsk
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b")
        world.intake.ends_on = evening.date()
        other.intake.starts_on = evening.date() + timedelta(1)
        actor = replace(world.leader_actor, led_site_ids=frozenset({world.site.id, other.site.id}))
        cards = leader_overview(session, actor=actor, now=evening, zone=ZONE)
    assert [card.intake_code for card in cards] == ["intake-b", "intake-a"]


def test_the_leaders_card_counts_what_waits_and_who_falls_behind(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=6, course_id=7)
        anna, boris, vera = world.trainees(3)
        world.trainee(left=True)
        first = world.meeting(topic=0, hours=4)
        second = world.meeting(topic=1, hours=2)
        world.attended(first, anna, vera)
        world.attended(first, boris, presence=Presence.ABSENT)
        world.attended(second, anna)
        world.meeting(topic=1, hours=2, starts_at=NOW + 2 * HOUR)
        world.meeting(topic=1, hours=2, starts_at=NOW + 3 * HOUR, cancelled=True)
        world.meeting(topic=1, hours=1, starts_at=NOW + timedelta(days=8))
        world.entry(anna, 6)
        (card,) = leader_overview(session, actor=world.leader_actor, now=NOW, zone=ZONE)
    assert (card.trainees, card.meetings, card.meetings_past) == (3, 4, 2)
    assert [line.starts_at for line in card.upcoming] == [NOW + 2 * HOUR]
    assert [line.meeting_id for line in card.attendance_waiting] == [second.id]
    assert card.behind == 1  # boris missed four hours; the four that are left of topic 2 don't make six
    assert card.credited == 1
    assert card.proposals_waiting == 0


def test_the_leaders_page_of_an_intake_shows_everybody_and_every_mark(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=6)
        anna, boris = world.trainee("Арбузова"), world.trainee("Борисов")
        gone = world.trainee("Авдеев", left=True)
        first, second = world.meeting(topic=0, hours=4), world.meeting(topic=1, hours=2)
        world.attended(first, anna, gone)
        world.attended(second, anna)
        world.attended(second, boris, presence=Presence.ABSENT)
        world.stay(first, anna, first.starts_at, first.ends_at)
        world.stay(first, gone, first.starts_at, first.ends_at)
        session.add_all(
            CreditProposal(
                trainee_id=trainee.id,
                hours=Decimal(6),
                evidence={"meetings": [{"id": first.id}, {"id": second.id}]},
                state=ProposalState.OPEN,
                proposed_at=NOW,
            )
            for trainee in (anna, boris)
        )
        session.flush()
        page = intake_overview(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW)
    assert [(row.name.split()[0], row.hours_attended, row.has_left) for row in page.trainees] == [
        ("Арбузова", 6, False),
        ("Борисов", 0, False),
        ("Авдеев", 4, True),
    ]
    assert [row.marks for row in page.trainees] == [
        (Presence.PRESENT, Presence.PRESENT),
        (None, Presence.ABSENT),
        (Presence.PRESENT, None),
    ]
    assert [(line.trainees, line.joined, line.confirmed, line.present) for line in page.meetings] == [
        (2, 1, 1, 1),
        (2, 0, 2, 1),
    ]
    assert [line.meeting_id for line in page.attendance_waiting] == [first.id]
    assert [(line.name.split()[0], line.meetings, line.is_current) for line in page.proposals] == [
        ("Арбузова", 2, True),
        ("Борисов", 2, False),
    ]


def test_the_page_of_a_meeting_shows_stays_minutes_and_a_suggestion(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris, vera = world.trainee("А"), world.trainee("Б"), world.trainee("В")
        world.trainee("Г", left=True)
        meeting = world.meeting(starts_at=NOW - 2 * HOUR, minutes=60)
        begin = meeting.starts_at
        world.stay(meeting, anna, begin - timedelta(minutes=10), begin + timedelta(minutes=30))
        world.stay(meeting, anna, begin + timedelta(minutes=40), begin + timedelta(minutes=55))
        world.stay(meeting, boris, begin, begin + timedelta(minutes=44))
        world.attended(meeting, boris)
        page = meeting_overview(session, meeting_id=meeting.id, actor=world.leader_actor, now=NOW)
    people = page.trainees
    assert [person.trainee_id for person in people] == [anna.id, boris.id, vera.id]
    assert [person.minutes_joined for person in people] == [45, 44, 0]
    assert [person.suggested for person in people] == [Presence.PRESENT, Presence.ABSENT, Presence.ABSENT]
    assert [person.presence for person in people] == [None, Presence.PRESENT, None]
    assert people[1].confirmed_by == world.leader.full_name
    assert [len(person.stays) for person in people] == [2, 1, 0]
    assert page.can_confirm
    assert page.meeting.attendance_waiting
    assert (page.meeting.joined, page.meeting.confirmed, page.meeting.present) == (2, 1, 1)


def test_nothing_is_suggested_for_a_meeting_on_site(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        meeting = world.meeting(mode=Mode.ON_SITE)
        page = meeting_overview(session, meeting_id=meeting.id, actor=world.leader_actor, now=NOW)
    assert [(person.minutes_joined, person.suggested) for person in page.trainees] == [(None, None)]
