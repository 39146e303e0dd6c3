"""Teachers from outside sign up for open meetings, wait in order, cancel in time; every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from lti_app.core.db import Database
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.invariants import audit
from lti_app.core.permissions import Actor
from lti_app.meetings.guest_lists import Filters, own_seminars, seminar_page, seminars_to_come
from lti_app.meetings.guests import cancel, lapse_waiting, release_trainees, sign_up, take_off
from lti_app.meetings.models import GuestState, JoinLog, Meeting, MeetingState
from lti_app.meetings.opening import Opened, OpenTerms, set_open
from lti_app.meetings.service import join, leave
from lti_app.meetings.stays import StayRules
from lti_app.programmes.models import Form, Mode, VersionState
from lti_app.web.upkeep import CHECKS
from tests.lti_app.meetings.guests_world import (
    MINUTE,
    START,
    ZONE,
    by,
    open_meeting,
    people_in,
    signs_up,
    told,
)
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with database.session() as session:
        world = World(session)
        yield world
        assert list(audit(session, CHECKS)) == []


def placed(world: World, meeting: Meeting) -> list[int]:
    return people_in(world.session, meeting, GuestState.SIGNED_UP)


def waiting(world: World, meeting: Meeting) -> list[int]:
    return people_in(world.session, meeting, GuestState.WAITING)


def opens(
    world: World,
    meeting: Meeting,
    places: int | None,
    *,
    hours: int = 3,
    is_open: bool = True,
    lets_guests_go: bool = False,
    at: datetime = NOW,
) -> Opened:
    return set_open(
        world.session,
        meeting.id,
        OpenTerms(is_open, places, hours),
        seen=meeting.revision,
        lets_guests_go=lets_guests_go,
        actor=world.leader_actor,
        now=at,
        zone=ZONE,
    )


def test_places_are_given_and_then_people_wait_in_order(world: World) -> None:
    meeting = open_meeting(world, places=2)
    people = [world.person() for _ in range(4)]
    states = [signs_up(world, meeting, person, minute=minute).state for minute, person in enumerate(people)]

    assert states == [GuestState.SIGNED_UP] * 2 + [GuestState.WAITING] * 2
    assert waiting(world, meeting) == [people[2].id, people[3].id]
    own = own_seminars(world.session, actor=by(people[3]), now=NOW)[0]
    assert (own.number, own.has_lapsed, own.is_over) == (2, False, False)


def test_without_a_limit_nobody_waits(world: World) -> None:
    meeting = open_meeting(world, places=None)
    assert {signs_up(world, meeting).state for _ in range(5)} == {GuestState.SIGNED_UP}


def test_a_place_given_back_goes_to_the_first_who_waits_who_is_told_once(world: World) -> None:
    meeting = open_meeting(world, places=1)
    first, second, third = (world.person() for _ in range(3))
    for minute, person in enumerate((first, second, third)):
        signs_up(world, meeting, person, minute=minute)
    cancel(world.session, meeting.id, actor=by(first), now=NOW + 5 * MINUTE, zone=ZONE)

    assert placed(world, meeting) == [second.id]
    assert waiting(world, meeting) == [third.id]
    assert told(world.session, second.id) == ["seminar_promoted"]
    assert told(world.session, first.id) == told(world.session, third.id) == []

    signs_up(world, meeting, first, minute=6)  # the same row, at the end of the list
    cancel(world.session, meeting.id, actor=by(second), now=NOW + 7 * MINUTE, zone=ZONE)
    assert (placed(world, meeting), waiting(world, meeting)) == ([third.id], [first.id])


def test_cancelling_is_refused_from_the_set_hour_on_and_says_until_when_and_whom_to_ask(world: World) -> None:
    meeting = open_meeting(world, places=1, cancel_hours=5)
    guest, other = world.person(), world.person()
    signs_up(world, meeting, guest)
    signs_up(world, meeting, other)
    late = START - timedelta(hours=5) + timedelta(seconds=1)
    with pytest.raises(Conflict, match="too_late_to_cancel") as refused:
        cancel(world.session, meeting.id, actor=by(guest), now=late, zone=ZONE)
    assert "26.11.2026, 10:00" in str(refused.value.message)
    assert world.leader.full_name in str(refused.value.remedy)
    cancel(world.session, meeting.id, actor=by(other), now=START - MINUTE, zone=ZONE)  # who only waits may leave
    assert waiting(world, meeting) == []
    cancel(world.session, meeting.id, actor=by(guest), now=START - timedelta(hours=5), zone=ZONE)
    assert placed(world, meeting) == []


def test_the_leader_takes_a_guest_off_until_the_start(world: World) -> None:
    meeting = open_meeting(world, places=1)
    first, second = signs_up(world, meeting), signs_up(world, meeting, minute=1)
    take_off(world.session, first.id, actor=world.leader_actor, now=START - MINUTE, zone=ZONE)
    assert placed(world, meeting) == [second.person_id]
    assert told(world.session, first.person_id) == ["seminar_taken_off"]
    with pytest.raises(Conflict, match="not_signed_up_any_more"):
        take_off(world.session, first.id, actor=world.leader_actor, now=START - MINUTE, zone=ZONE)
    with pytest.raises(Conflict, match="seminar_begun_for_guests"):
        take_off(world.session, second.id, actor=world.leader_actor, now=START, zone=ZONE)
    with pytest.raises(NotFound, match="no_such_guest"):
        take_off(world.session, 999, actor=world.leader_actor, now=NOW, zone=ZONE)
    elsewhere = World(world.session, "b", moodle=world.moodle)
    with pytest.raises(Forbidden, match="not_your_site"):
        take_off(world.session, second.id, actor=elsewhere.leader_actor, now=NOW, zone=ZONE)


def test_after_the_start_nobody_signs_up_cancels_or_moves_up_and_the_list_lapses(world: World) -> None:
    meeting = open_meeting(world, places=1)
    guest, waits = signs_up(world, meeting), signs_up(world, meeting, minute=1)
    for refused, person in (("seminar_begun", world.person()), ("seminar_begun", guest.person)):
        with pytest.raises(Conflict, match=refused):
            sign_up(world.session, meeting.id, actor=by(person), now=START)
    with pytest.raises(Conflict, match="seminar_begun_for_guests"):
        cancel(world.session, meeting.id, actor=by(guest.person), now=START, zone=ZONE)
    with pytest.raises(Conflict, match="opened_too_late"):
        opens(world, meeting, 5, at=START)

    assert own_seminars(world.session, actor=by(waits.person), now=START)[0].has_lapsed
    assert lapse_waiting(world.session, now=START - MINUTE, zone=ZONE) == 0
    assert lapse_waiting(world.session, now=START + MINUTE, zone=ZONE) == 1
    assert lapse_waiting(world.session, now=START + MINUTE, zone=ZONE) == 0
    assert told(world.session, waits.person_id) == ["seminar_lapsed"]
    assert own_seminars(world.session, actor=by(waits.person), now=START + MINUTE)[0].has_lapsed
    assert placed(world, meeting) == [guest.person_id]


def test_who_may_not_sign_up_is_told_why(world: World) -> None:
    meeting = open_meeting(world)
    trainee, host = world.trainee(), world.person()
    meeting.host_id = host.id
    with pytest.raises(Conflict, match="trainee_of_the_intake"):
        signs_up(world, meeting, trainee.person)
    for person in (host, world.leader):
        with pytest.raises(Forbidden, match="own_seminar"):
            signs_up(world, meeting, person)
    with pytest.raises(Forbidden, match="unknown_person"):
        sign_up(world.session, meeting.id, actor=Actor(person_id=None, name="Гость"), now=NOW)
    person = world.person()
    signs_up(world, meeting, person)
    with pytest.raises(Conflict, match="signed_up_already"):
        signs_up(world, meeting, person)
    with pytest.raises(NotFound, match="no_such_meeting"):
        sign_up(world.session, 999, actor=by(person), now=NOW)
    with pytest.raises(NotFound, match="not_signed_up"):
        cancel(world.session, meeting.id, actor=by(world.person()), now=NOW, zone=ZONE)
    assert seminars_to_come(world.session, actor=world.actor_of(trainee), now=NOW) == []
    assert seminars_to_come(world.session, actor=by(host), now=NOW) == []
    assert seminars_to_come(world.session, actor=world.leader_actor, now=NOW) == []


@pytest.mark.parametrize("what", ["closed", "cancelled", "individual", "unpublished", "draft"])
def test_what_is_not_open_can_not_be_signed_up_for_and_is_not_listed(world: World, what: str) -> None:
    meeting = open_meeting(world)
    match what:
        case "closed":
            meeting.is_open = False
        case "cancelled":
            meeting.state = MeetingState.CANCELLED
        case "individual":
            meeting.only_for_id = world.trainee().id
        case "unpublished":
            world.intake.published_at = None
        case "draft":
            other = World(world.session, "b", moodle=world.moodle, state=VersionState.DRAFT, published=False)
            meeting.is_open = False
            meeting = open_meeting(other)
    world.session.flush()
    person = world.person()
    with pytest.raises(NotFound, match="not_open"):
        signs_up(world, meeting, person)
    assert seminars_to_come(world.session, actor=by(person), now=NOW) == []
    with pytest.raises(NotFound, match="not_open"):
        seminar_page(world.session, meeting.id, actor=by(person), now=NOW)


def test_more_places_go_to_those_who_wait_and_fewer_are_refused_below_the_guests(world: World) -> None:
    meeting = open_meeting(world, places=1)
    people = [signs_up(world, meeting, minute=minute).person_id for minute in range(4)]
    assert opens(world, meeting, 3).promoted == 2
    assert (placed(world, meeting), waiting(world, meeting)) == (people[:3], people[3:])
    with pytest.raises(Conflict, match="fewer_than_signed_up"):
        opens(world, meeting, 2)
    assert opens(world, meeting, None).promoted == 1
    assert placed(world, meeting) == people


def test_closing_asks_what_becomes_of_the_guests_and_tells_them(world: World) -> None:
    meeting = open_meeting(world, places=1)
    people = [signs_up(world, meeting, minute=minute).person_id for minute in range(2)]
    with pytest.raises(Conflict, match="guests_signed_up") as refused:
        opens(world, meeting, None, is_open=False)
    assert "2" in str(refused.value.message)
    assert opens(world, meeting, None, is_open=False, lets_guests_go=True).let_go == 2
    assert [told(world.session, person) for person in people] == [["seminar_closed"]] * 2
    assert (meeting.is_open, meeting.guest_places) == (False, 1)
    assert opens(world, meeting, 2).promoted == 0
    assert placed(world, meeting) == []


def test_what_can_not_be_opened_is_refused(world: World) -> None:
    coming = world.meeting(starts_at=START)
    for places, hours, code in (
        (0, 3, "places_not_sensible"),
        (10_001, 3, "places_not_sensible"),
        (5, 169, "hours_not_sensible"),
        (5, -1, "hours_not_sensible"),
    ):
        with pytest.raises(DomainError, match=code):
            opens(world, coming, places, hours=hours)
    terms = OpenTerms(True, 5, 3)
    with pytest.raises(EditedMeanwhile):
        set_open(world.session, coming.id, terms, seen=None, actor=world.leader_actor, now=NOW, zone=ZONE)
    with pytest.raises(Conflict, match="opened_too_late"):
        opens(world, world.meeting(starts_at=NOW - MINUTE), 5)
    with pytest.raises(Conflict, match="not_to_be_opened"):
        opens(world, world.meeting(starts_at=START, cancelled=True, topic=1), 5)
    alone = world.meeting(starts_at=START, topic=2)
    alone.only_for_id = world.trainee().id
    with pytest.raises(Conflict, match="individual_meeting"):
        opens(world, alone, 5)
    with pytest.raises(Forbidden, match="not_your_site"):
        elsewhere = World(world.session, "b", moodle=world.moodle).leader_actor
        set_open(world.session, coming.id, terms, seen=coming.revision, actor=elsewhere, now=NOW, zone=ZONE)
    with pytest.raises(NotFound, match="no_such_meeting"):
        set_open(world.session, 999, terms, seen=1, actor=world.leader_actor, now=NOW, zone=ZONE)
    assert not coming.is_open


def test_who_becomes_a_trainee_frees_the_guests_place(world: World) -> None:
    meeting = open_meeting(world, places=1)
    first, second = signs_up(world, meeting), signs_up(world, meeting, minute=1)
    world.trainee(person=first.person)
    assert release_trainees(world.session, now=NOW + 2 * MINUTE, zone=ZONE) == 1
    assert release_trainees(world.session, now=NOW + 2 * MINUTE, zone=ZONE) == 0
    assert placed(world, meeting) == [second.person_id]
    world.trainee(person=second.person)
    assert release_trainees(world.session, now=START, zone=ZONE) == 0


def test_a_guest_joins_and_leaves_like_a_trainee_and_who_waits_does_not(world: World) -> None:
    meeting = open_meeting(world, places=1)
    guest, waits = signs_up(world, meeting), signs_up(world, meeting, minute=1)
    actor = by(guest.person)
    with pytest.raises(Conflict, match="room_not_open_yet"):
        join(world.session, meeting_id=meeting.id, actor=actor, now=START - 16 * MINUTE)
    for minute in (-15, 0):  # a second press is no second stay
        assert join(world.session, meeting_id=meeting.id, actor=actor, now=START + minute * MINUTE) == meeting.room_url
    leave(world.session, meeting_id=meeting.id, actor=actor, now=START + 10 * MINUTE)
    join(world.session, meeting_id=meeting.id, actor=actor, now=START + 12 * MINUTE)
    world.session.flush()
    stays = world.session.query(JoinLog).order_by(JoinLog.id).all()
    assert [(stay.guest_id, stay.trainee_id, stay.left_at) for stay in stays] == [
        (guest.id, None, START + 10 * MINUTE),
        (guest.id, None, None),
    ]
    for person in (waits.person, world.person()):
        with pytest.raises(Forbidden, match="not_your_intake"):
            join(world.session, meeting_id=meeting.id, actor=by(person), now=START)


def test_the_door_of_the_page_opens_when_the_installation_says(world: World) -> None:
    meeting = open_meeting(world)
    actor = by(signs_up(world, meeting).person)
    early = StayRules(opens_before=40 * MINUTE)
    page = seminar_page(world.session, meeting.id, actor=actor, now=START - 30 * MINUTE, rules=early)
    assert (page.opens_at, page.can_join) == (START - 40 * MINUTE, True)
    assert not seminar_page(world.session, meeting.id, actor=actor, now=START - 30 * MINUTE).can_join


def test_who_waits_is_found_without_reading_all_guests(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL reads a table so small through, whatever indexes it has")
    with database.session() as session, counted_queries(database) as seen:
        lapse_waiting(session, now=NOW, zone=ZONE)
        looking = next(statement for statement in seen if "meeting_guest" in statement)
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {looking}", ("waiting", "2026-12-01"))
        assert "ix_meeting_guest_state" in str(plan.all())


def test_the_page_warns_of_meetings_at_the_same_time(world: World) -> None:
    meeting = open_meeting(world)
    busy = world.person()
    other = World(world.session, "b", moodle=world.moodle)
    other.trainee(person=busy)
    other.meeting(topic=1, starts_at=START - 30 * MINUTE, minutes=60)
    other.meeting(topic=2, starts_at=START - 90 * MINUTE, minutes=90)  # over just when the seminar begins
    hosted = World(world.session, "c", moodle=world.moodle).meeting(starts_at=START + 80 * MINUTE)
    hosted.host_id = busy.id
    world.session.flush()

    page = seminar_page(world.session, meeting.id, actor=by(busy), now=NOW)
    assert [clash.topic.title for clash in page.clashes] == ["Тема 2", "Тема 1"]
    assert page.may_sign_up
    assert seminar_page(world.session, meeting.id, actor=by(world.person()), now=NOW).clashes == ()


def test_the_list_is_narrowed_by_words_direction_form_mode_and_free_places(world: World) -> None:
    full = open_meeting(world, places=1)
    signs_up(world, full)
    free = open_meeting(world, mode=Mode.ON_SITE, topic=1, starts_at=START + MINUTE)
    found = seminars_to_come(world.session, actor=by(world.person()), now=NOW)
    assert [one.meeting_id for one in found] == [full.id, free.id]

    def fitting(**values: object) -> list[int]:
        return [one.meeting_id for one in found if Filters(**values).fit(one)]  # type: ignore[arg-type]

    assert fitting(words="ТЕМА 2") == [free.id]
    assert fitting(words="школа грамотность") == [full.id, free.id]
    assert fitting(only_free=True) == [free.id]
    assert fitting(mode=Mode.DISTANCE) == [full.id]
    assert fitting(form=Form.LECTURE) == []
    assert fitting(direction="Современный урок") == [full.id, free.id]
    assert fitting(direction="Другое") == []
