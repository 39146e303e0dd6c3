"""Hosts, rooms and trainees who would be in two places at once are told of; nothing else is."""

from __future__ import annotations

from datetime import timedelta

from lti_app.core.db import Database
from lti_app.meetings.clashes import Clash, ClashKind, find_clashes, slot_of
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest
from lti_app.programmes.models import Mode
from lti_app.sites.models import SiteLeader
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

SOON = NOW + timedelta(days=7)
HOUR = timedelta(hours=1)


def kinds(world: World, *meetings: Meeting) -> list[list[ClashKind]]:
    found = clashes(world, *meetings)
    return [[clash.kind for clash in found.get(str(one.id), [])] for one in meetings]


def clashes(world: World, *meetings: Meeting) -> dict[str, list[Clash]]:
    slots = [
        slot_of(one, world.leader.id, {one.id: one.person_id for one in world.intake.trainees}) for one in meetings
    ]
    return find_clashes(world.session, world.intake, slots)


def test_meetings_one_after_another_are_in_nobodys_way(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        first = world.meeting(starts_at=SOON, minutes=60)
        second = world.meeting(starts_at=SOON + HOUR, minutes=60)
        world.meeting(starts_at=SOON + 2 * HOUR, minutes=60)
        world.meeting(topic=1, starts_at=SOON, cancelled=True)
        assert kinds(world, first, second) == [[], []]


def test_two_meetings_of_an_intake_at_once_are_told_at_both(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        first = world.meeting(starts_at=SOON, mode=Mode.ON_SITE)
        second = world.meeting(topic=1, starts_at=SOON + HOUR, mode=Mode.ON_SITE)
        second.place = "Каб.  12"
        session.flush()
        everything = [ClashKind.HOST, ClashKind.ROOM, ClashKind.INTAKE]
        assert kinds(world, first, second) == [everything, everything]
        assert kinds(world, first) == [everything]


def test_an_individual_meeting_is_in_the_way_of_its_trainee_alone(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        host = world.person()
        alone = world.meeting(starts_at=SOON)
        alone.only_for_id, alone.host_id = anna.id, host.id
        for_boris = world.meeting(topic=1, starts_at=SOON)
        for_boris.only_for_id = boris.id
        common = world.meeting(topic=2, starts_at=SOON + HOUR)
        session.flush()
        found = clashes(world, common)[str(common.id)]
        assert [(clash.kind, clash.names) for clash in found if clash.kind is not ClashKind.HOST] == [
            (ClashKind.TRAINEES, (anna.person.short_name,)),
            (ClashKind.TRAINEES, (boris.person.short_name,)),
        ]
        assert kinds(world, alone) == [[ClashKind.TRAINEES]]


def test_what_the_leader_holds_and_trainees_do_elsewhere_is_told(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        there = World(session, "b", moodle=world.moodle)
        anna, boris = world.trainees(2)
        there.trainee(person=anna.person)
        there.leading.until = there.leading.since
        session.add(SiteLeader(site=there.site, person=world.leader, since=there.leading.since))
        own = world.meeting(starts_at=SOON, mode=Mode.ON_SITE)
        elsewhere = there.meeting(starts_at=SOON + HOUR, mode=Mode.ON_SITE)
        elsewhere.place = own.place
        session.flush()
        found = clashes(world, own)[str(own.id)]
        assert [(clash.kind, clash.names) for clash in found] == [  # the same words name a room of another school
            (ClashKind.HOST, ()),
            (ClashKind.TRAINEES, (anna.person.short_name,)),
        ]
        elsewhere.host_id = there.person().id
        session.add(MeetingGuest(meeting=elsewhere, person=boris.person, state=GuestState.SIGNED_UP, queued_at=NOW))
        session.flush()
        (clash,) = clashes(world, own)[str(own.id)]
        assert set(clash.names) == {anna.person.short_name, boris.person.short_name}


def test_one_link_is_one_room_wherever_it_is_used(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        there = World(session, "b", moodle=world.moodle)
        own, elsewhere = world.meeting(starts_at=SOON), there.meeting(starts_at=SOON)
        own.room_url, elsewhere.room_url = "https://rooms.example.org/one", "https://rooms.example.org/one/"
        session.flush()
        assert kinds(world, own) == [[ClashKind.ROOM]]


def test_looking_for_clashes_takes_as_many_queries_for_many_meetings_as_for_few(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        there = World(session, "b", moodle=world.moodle)
        anna = world.trainee()
        there.trainee(person=anna.person)
        meetings = [world.meeting(starts_at=SOON + number * HOUR, minutes=90) for number in range(12)]
        for number in range(12):
            there.meeting(starts_at=SOON + number * HOUR)
        session.flush()
        clashes(world, *meetings)  # the intake's trainees, site and version are at hand from here on
        for number in (1, 12):
            with counted_queries(database) as seen:
                assert set(clashes(world, *meetings[:number])) == {str(one.id) for one in meetings[:number]}
            assert len(seen) == 4
        with counted_queries(database) as seen:
            assert clashes(world) == {}
        assert len(seen) == 0
