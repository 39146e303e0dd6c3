"""A night keeps events of meetings, and groups of intakes that share a course."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from lti_app.core.db import Database
from lti_app.core.permissions import Actor, Role
from lti_app.intakes.courses import share_course
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.people.models import Person
from lti_app.programmes.models import Form, Mode, Topic
from lti_app.sites.models import SiteLeader
from lti_app.sync import parts as parts_of_runs
from lti_app.sync.desired import midnight
from lti_app.sync.events import event_of
from lti_app.sync.models import OwnedEvent, RunStatus
from lti_app.sync.night import NightResult
from lti_app.sync.words import notes_words, target_words
from moodle_sync.sandbox import Sandbox
from tests.conftest import MovableClock
from tests.lti_app.sync.conftest import PEOPLE
from tests.lti_app.world import World

Night = Callable[..., NightResult]


@pytest.fixture
def meetings(moodle_id: int, database: Database, clock: MovableClock) -> list[int]:
    """Two meetings to come, at a distance and on site, one cancelled and one past; the ids of the first two."""
    with database.transaction() as session:
        intake = session.scalars(select(Intake)).one()
        topic = session.scalars(select(Topic)).first()
        rows = [
            Meeting(
                intake_id=intake.id,
                topic=topic,
                form=Form.SEMINAR,
                mode=mode,
                starts_at=clock() + timedelta(days=days),
                minutes=90,
                hours=2,
                place="каб. 12 <б>" if mode is Mode.ON_SITE else None,
                room_url="https://rooms.example.org/secret" if mode is Mode.DISTANCE else None,
                state=state,
            )
            for days, mode, state in (
                (1, Mode.DISTANCE, MeetingState.PLANNED),
                (2, Mode.ON_SITE, MeetingState.PLANNED),
                (3, Mode.ON_SITE, MeetingState.CANCELLED),
                (-2, Mode.ON_SITE, MeetingState.PLANNED),
            )
        ]
        session.add_all(rows)
        session.flush()
        return [rows[0].id, rows[1].id]


def test_meetings_to_come_stand_in_the_calendar_and_follow_what_becomes_of_them(
    night: Night, sandbox: Sandbox, database: Database, meetings: list[int], clock: MovableClock
) -> None:
    first = night()
    assert first.status is RunStatus.DONE, first.report
    assert first.report["counts"]["create_event"] == {"planned": 2, "done": 2, "failed": 0}
    distance, on_site = sorted(sandbox.state.events.values(), key=lambda event: event.timestart)
    assert (distance.name, distance.timeduration, distance.eventtype) == ("Семинар: Тема 1", 5400, "course")
    assert distance.timestart == int((clock() + timedelta(days=1)).timestamp())
    assert f"/meetings/{meetings[0]}" in distance.description
    assert "rooms.example.org" not in distance.description
    assert "Место: каб. 12 &lt;б&gt;" in on_site.description
    assert night().report["counts"] == {}

    with database.transaction() as session:
        moved, cancelled = (session.get_one(Meeting, number) for number in meetings)
        moved.starts_at += timedelta(hours=3)
        cancelled.state = MeetingState.CANCELLED
    counts = night().report["counts"]
    assert counts == {
        "create_event": {"planned": 1, "done": 1, "failed": 0},
        "delete_event": {"planned": 2, "done": 2, "failed": 0},
    }
    [event] = sandbox.state.events.values()
    assert event.timestart == int((clock() + timedelta(days=1, hours=3)).timestamp())
    assert night().report["counts"] == {}


def test_a_meeting_with_one_trainee_alone_is_not_for_the_whole_course(
    night: Night, sandbox: Sandbox, database: Database, meetings: list[int]
) -> None:
    with database.transaction() as session:
        alone = session.get_one(Meeting, meetings[0])
        alone.only_for_id = session.scalars(select(Trainee.id).order_by(Trainee.id)).first()
    assert night().report["counts"]["create_event"]["done"] == 1
    [event] = sandbox.state.events.values()
    assert f"/meetings/{meetings[1]}" in event.description

    with database.transaction() as session:  # what was common becomes one trainee's own
        session.get_one(Meeting, meetings[1]).only_for_id = alone.only_for_id
    assert night().report["counts"] == {"delete_event": {"planned": 1, "done": 1, "failed": 0}}
    assert sandbox.state.events == {}


def test_what_the_calendar_does_not_say_writes_no_event_anew(
    night: Night, database: Database, meetings: list[int]
) -> None:
    night()
    with database.transaction() as session:
        for number in meetings:
            meeting = session.get_one(Meeting, number)
            meeting.host_id = session.scalars(select(Person.id)).first()
            meeting.capacity, meeting.is_open, meeting.guest_places = 30, True, 5
            meeting.revision += 1
            if meeting.room_url is not None:
                meeting.room_url = "https://rooms.example.org/another"
    assert night().report["counts"] == {}


def test_rows_of_days_gone_by_are_forgotten_and_their_events_stay(
    night: Night, sandbox: Sandbox, database: Database, meetings: list[int], clock: MovableClock
) -> None:
    night()
    clock.move(days=1, hours=20)
    assert night().report["counts"] == {}
    assert len(sandbox.state.events) == 2
    with database.session(writes=False) as session:
        assert session.scalars(select(OwnedEvent.meeting_id)).all() == meetings[1:]


def test_an_events_name_is_one_that_moodle_takes(database: Database, meetings: list[int], app: object) -> None:
    with database.session() as session, app.app_context():  # type: ignore[attr-defined]
        meeting = session.get_one(Meeting, meetings[0])
        meeting.topic.title = "Тег <b> и\nперевод строки " + "о" * 300
        name = event_of(meeting, "intake-a", "https://tool/meetings/").name
    assert name.startswith("Семинар: Тег ‹b› и перевод строки оо")
    assert len(name) == 250


def second_intake(database: Database, clock: MovableClock) -> int:
    """Share the course of the first intake with another one, to which one trainee moves; return its id."""
    with database.transaction() as session:
        first = session.scalars(select(Intake)).one()
        second = Intake(
            code="intake-z",
            version_id=first.version_id,
            moodle_id=first.moodle_id,
            starts_on=first.starts_on,
            ends_on=first.ends_on + timedelta(days=20),
            capacity=10,
            published_at=first.published_at,
        )
        session.add(second)
        session.flush()
        led = session.scalars(select(SiteLeader)).one()
        leader = Actor(
            person_id=led.person_id,
            name="Раиса",
            moodle_id=first.moodle_id,
            roles=frozenset({Role.LEADER}),
            led_site_ids=frozenset({led.site_id}),
        )
        share_course(session, intake_id=second.id, with_id=first.id, actor=leader, now=clock())
        trainee = session.scalars(select(Trainee).order_by(Trainee.id)).first()
        assert trainee is not None
        trainee.state, trainee.left_at = TraineeState.LEFT, clock()
        session.add(Trainee(intake=second, person_id=trainee.person_id, state="enrolled", enrolled_at=clock()))
        return second.id


def test_intakes_that_share_a_course_have_their_groups_and_the_course_their_days(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    second_intake(database, clock)
    result = night()
    assert result.status is RunStatus.DONE, result.report
    counts = {kind: count["done"] for kind, count in result.report["counts"].items()}
    assert counts["create_group"] == 2
    assert counts["add_to_group"] == PEOPLE
    assert counts["update_course"] == 1
    groups = {group.idnumber: len(group.members) for group in sandbox.state.groups.values()}
    assert groups == {"intake-a": PEOPLE - 1, "intake-z": 1}
    with database.session(writes=False) as session:
        last = max(session.scalars(select(Intake.ends_on)))
        [course_id] = set(session.scalars(select(Intake.course_id)))
    zone = ZoneInfo("Asia/Novokuznetsk")
    assert sandbox.state.courses[course_id or 0].enddate == midnight(last + timedelta(days=1), zone)
    assert night().report["counts"] == {}


def test_who_was_in_an_intake_that_ended_long_ago_stays_as_they_are_while_another_shares_its_course(
    night: Night, sandbox: Sandbox, database: Database, clock: MovableClock
) -> None:
    night()
    second = second_intake(database, clock)
    night()
    with database.transaction() as session:
        for intake in session.scalars(select(Intake)):
            last = clock().date() + timedelta(days=30 if intake.id == second else -100)
            intake.starts_on, intake.ends_on = clock().date() - timedelta(days=150), last
    assert "suspend" not in night().report["counts"]


def test_of_a_shared_run_categories_come_before_the_parts_and_groups_and_events_after_them(
    night: Night,
    sandbox: Sandbox,
    database: Database,
    clock: MovableClock,
    moodle_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts_of_runs, "PART_WEIGHT", 1)
    night()
    second_intake(database, clock)
    with database.transaction() as session:
        moodle = session.get_one(Moodle, moodle_id)
        moodle.category_per_site = True
        world = World(session, "b", moodle=moodle)
        world.trainee(person=session.scalars(select(Person).where(Person.email == "person-a-1@example.org")).one())
        world.meeting(starts_at=clock() + timedelta(days=1))
    asked: list[int] = []
    result = night(call_helpers=lambda _run_id, number: asked.append(number))
    assert (result.status, asked) == (RunStatus.DONE, [1]), result.report
    assert all(count["planned"] == count["done"] for count in result.report["counts"].values()), result.report
    assert result.report["counts"].keys() >= {
        "create_category",
        "create_course",
        "enrol",
        "create_group",
        "create_event",
    }
    [event] = sandbox.state.events.values()
    [category] = [one for one in sandbox.state.categories.values() if one.idnumber == "site:site-b"]
    made = sandbox.state.courses[event.course]
    assert (made.idnumber, made.category) == ("intake-b", category.id)
    assert len(sandbox.state.groups) == 2
    assert night(call_helpers=lambda *_: asked.append(0)).report["counts"] == {}
    assert asked == [1]


def test_what_is_told_of_groups_and_events(app: object) -> None:
    with app.test_request_context():  # type: ignore[attr-defined]
        assert target_words("course intake-a, meeting 7", {}, {}) == "занятие № 7, поток intake-a"
        assert target_words("course intake-a, user 5, group", {5: "Анна"}, {}) == "Анна, поток intake-a"
        told = notes_words([{"code": "groups_not_read", "course_key": "intake-a", "subject": 0, "text": "x"}], {})
        assert told == ["Поток intake-a: группы курса прочитать не удалось, они не изменены."]
