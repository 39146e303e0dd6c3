"""A leader changes the schedule: all or nothing, everybody told once, nothing where attendance is confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import Conflict, DomainError, Forbidden
from lti_app.core.outbox import OutboxMessage
from lti_app.meetings.changing import (
    Done,
    RowsRefused,
    Scope,
    cancel_meeting,
    edit_meeting,
    move_meeting,
    plan_meetings,
    restore_meeting,
)
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState, Presence, RoomKind
from lti_app.meetings.terms import MeetingTerms, terms_of
from lti_app.notices.models import Notice
from lti_app.people.models import Person
from lti_app.programmes.models import Form, Mode
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
DAY = timedelta(days=1)
SOON = NOW + 7 * DAY


def terms(world: World, starts_at: datetime = SOON, **other: Any) -> MeetingTerms:
    plain = MeetingTerms(world.topics[0].id, Form.SEMINAR, Mode.ON_SITE, starts_at, 90, "каб. 5")
    return replace(plain, **other)


def planned(world: World, *rows: MeetingTerms) -> list[Meeting]:
    return plan_meetings(world.session, world.intake.id, rows, **by(world))


def by(world: World) -> dict[str, Any]:
    return {"actor": world.leader_actor, "now": NOW, "zone": ZONE}


def moved(world: World, meeting: Meeting, to: datetime, scope: Scope = Scope.ONE, **other: Any) -> Done:
    how = {"place_or_url": None, "seen": meeting.revision, **other}
    return move_meeting(world.session, meeting.id, to, scope=scope, **how, **by(world))


def edited(world: World, meeting: Meeting, scope: Scope = Scope.ONE, **other: Any) -> Done:
    wanted = replace(terms_of(meeting, meeting.starts_at, None), **other)
    return edit_meeting(world.session, meeting.id, wanted, seen=meeting.revision, scope=scope, **by(world))


def cancelled(world: World, meeting: Meeting, scope: Scope = Scope.ONE, reason: str = "") -> Done:
    return cancel_meeting(world.session, meeting.id, reason=reason, seen=meeting.revision, scope=scope, **by(world))


def told(session: Session) -> dict[str, set[int]]:
    session.flush()
    found: dict[str, set[int]] = {}
    for occasion, person_id in session.execute(select(Notice.occasion, Notice.person_id)):
        found.setdefault(occasion, set()).add(person_id)
    return found


def count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_schedule_is_planned_whole_and_meetings_of_a_topic_make_a_series(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        other = world.topics[1].id
        made = planned(world, terms(world, SOON + 7 * DAY), terms(world), terms(world, SOON + 3 * DAY, topic_id=other))
        assert [one.starts_at for one in made] == [SOON, SOON + 3 * DAY, SOON + 7 * DAY]
        assert [one.series_id for one in made] == [made[0].id, None, made[0].id]
        assert (made[0].place, made[0].hours, made[0].host_id) == ("каб. 5", 2, None)
        assert told(session) == {}


def test_one_row_that_cannot_be_keeps_all_of_them_out(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        taken = world.meeting(starts_at=SOON)
        rows = [
            terms(world, SOON + DAY),
            terms(world, taken.starts_at),
            terms(world, SOON + DAY),
            terms(world, NOW + 400 * DAY),
            terms(world, SOON + 2 * DAY, mode=Mode.DISTANCE),
            terms(world, SOON + 3 * DAY, minutes=10, capacity=0),
            terms(world, SOON + 4 * DAY, topic_id=0),
            terms(world, SOON + 5 * DAY, host_id=999_999),
            terms(world, SOON + 6 * DAY, place_or_url="м" * 501),
        ]
        with pytest.raises(RowsRefused) as refused:
            planned(world, *rows)
        assert {place: [one.code for one in refusals] for place, refusals in refused.value.by_row.items()} == {
            1: ["meeting_twin"],
            2: ["meeting_twin"],
            3: ["outside_intake"],
            4: ["no_link"],
            5: ["length_not_sensible", "capacity_out_of_range"],
            6: ["unknown_topic"],
            7: ["no_such_host"],
            8: ["text_too_long"],
        }
        assert count(session, Meeting) == 1
        with pytest.raises(DomainError, match="no_rows"):
            planned(world)
        with pytest.raises(DomainError, match="too_many_meetings"):
            planned(world, *[terms(world)] * 201)


def test_only_the_leader_of_the_site_changes_its_schedule(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        there = World(session, "b", moodle=world.moodle)
        (meeting,) = planned(world, terms(world))
        stranger = {"actor": there.leader_actor, "now": NOW, "zone": ZONE}
        with pytest.raises(Forbidden):
            plan_meetings(session, world.intake.id, [terms(world)], **stranger)
        with pytest.raises(Forbidden):
            cancel_meeting(session, meeting.id, reason="", seen=1, scope=Scope.ONE, **stranger)


def test_a_move_is_told_once_to_trainees_guests_and_host_with_both_times(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        gone = world.trainee(left=True)
        host, guest, waiting, cancelled_guest = (world.person() for _ in range(4))
        (meeting,) = planned(world, terms(world, host_id=host.id))
        for person, state in ((guest, "signed_up"), (waiting, "waiting"), (cancelled_guest, "cancelled")):
            at = NOW if state == "cancelled" else None
            session.add(
                MeetingGuest(meeting=meeting, person=person, state=GuestState(state), queued_at=NOW, cancelled_at=at)
            )
        session.flush()

        assert moved(world, meeting, SOON + DAY, place_or_url="каб. 7") == Done(1, 5)

        concerned = {anna.person_id, boris.person_id, host.id, guest.id, waiting.id}
        assert told(session) == {"meeting_moved": concerned}
        assert gone.person_id not in concerned
        notice = session.scalars(select(Notice)).first()
        assert notice is not None
        assert (notice.turn, notice.about_id, notice.path) == ("2", meeting.id, f"/meetings/{meeting.id}")
        assert "вт, 1 декабря 2026, 15:00 → ср, 2 декабря 2026, 15:00" in notice.facts["changes"]
        assert "каб. 5 → каб. 7" in notice.facts["changes"]
        assert count(session, OutboxMessage) == 10
        assert (meeting.starts_at, meeting.place, meeting.revision) == (SOON + DAY, "каб. 7", 2)

        assert moved(world, meeting, SOON + DAY) == Done(0, 0)
        assert count(session, Notice) == 5
        assert moved(world, meeting, SOON + 2 * DAY) == Done(1, 5)
        assert count(session, Notice) == 10


def test_the_leader_is_told_where_somebody_else_would_act_and_an_individual_meeting_concerns_one(
    database: Database,
) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, _boris = world.trainees(2)
        (meeting,) = planned(world, terms(world))
        meeting.only_for_id = anna.id
        session.flush()
        cancelled(world, meeting)
        assert told(session) == {"meeting_cancelled": {anna.person_id}}
        deputy = replace(world.leader_actor, person_id=world.person().id)
        restore_meeting(session, meeting.id, seen=meeting.revision, actor=deputy, now=NOW, zone=ZONE)
        assert told(session)["meeting_restored"] == {anna.person_id, world.leader.id}


def test_this_and_the_following_move_as_far_and_are_told_in_one_notice(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        series = planned(world, *(terms(world, SOON + 7 * number * DAY) for number in range(4)))
        assert moved(world, series[1], SOON + 14 * DAY, Scope.FOLLOWING) == Done(3, 1)
        assert [one.starts_at for one in series] == [SOON + number * 7 * DAY for number in (0, 2, 3, 4)]
        (notice,) = session.scalars(select(Notice))
        assert len(notice.facts["changes"].splitlines()) == 3
        assert moved(world, series[3], SOON + 8 * DAY) == Done(1, 1)
        assert [one.starts_at for one in series] == [SOON + day * DAY for day in (0, 14, 21, 8)]


def test_a_move_is_refused_where_it_cannot_be(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        first, second = planned(world, terms(world), terms(world, SOON + DAY))
        with pytest.raises(Conflict, match="meeting_twin"):
            moved(world, first, second.starts_at)
        with pytest.raises(DomainError, match="outside_intake"):
            moved(world, first, NOW + 300 * DAY)
        with pytest.raises(EditedMeanwhile) as refused:
            moved(world, first, SOON + 2 * DAY, seen=0)
        assert [one.theirs for one in refused.value.differences] == ["Tue, 1 December 2026, 15:00"]
        cancelled(world, second)
        with pytest.raises(Conflict, match="meeting_twin"):  # the cancelled row stays
            moved(world, first, second.starts_at)
        with pytest.raises(Conflict, match="meeting_cancelled"):
            moved(world, second, SOON + 3 * DAY)
        with pytest.raises(Conflict, match="meeting_cancelled"):
            edited(world, second, minutes=45)


def test_an_edit_is_told_where_it_matters_and_the_address_of_a_room_never_is(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        old, new = world.person("Старова"), world.person("Новова")
        link = "https://rooms.example.org/secret"
        (meeting,) = planned(world, terms(world, mode=Mode.DISTANCE, place_or_url=link, host_id=old.id))
        assert edited(world, meeting, place_or_url=f"{link}-2", capacity=20) == Done(1, 0)
        assert (meeting.room_url, meeting.capacity) == (f"{link}-2", 20)
        assert edited(world, meeting, host_id=new.id, minutes=45) == Done(1, 3)
        assert told(session) == {"meeting_changed": {anna.person_id, old.id, new.id}}
        (facts,) = {notice.facts["changes"] for notice in session.scalars(select(Notice))}
        assert "Старова Анна → Новова Анна" in facts
        assert "90 → 45" in facts
        assert edited(world, meeting, mode=Mode.ON_SITE, place_or_url="каб. 3") == Done(1, 2)
        assert all("secret" not in str(notice.facts) for notice in session.scalars(select(Notice)))
        assert edited(world, meeting) == Done(0, 0)


def test_an_edit_reaches_the_following_meetings_of_a_series(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        series = planned(world, *(terms(world, SOON + number * DAY) for number in range(3)))
        assert edited(world, series[1], Scope.FOLLOWING, place_or_url="каб. 9") == Done(2, 1)
        assert [one.place for one in series] == ["каб. 5", "каб. 9", "каб. 9"]
        with pytest.raises(DomainError, match="unknown_topic"):
            edited(world, series[0], topic_id=0)
        with pytest.raises(DomainError, match="no_such_host"):
            edited(world, series[0], host_id=999_999)
        world.meeting(topic=1, starts_at=series[0].starts_at)
        with pytest.raises(Conflict, match="meeting_twin"):
            edited(world, series[0], topic_id=world.topics[1].id)


def test_a_room_made_on_demand_stays_unless_a_link_takes_its_place(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        meeting = world.meeting(starts_at=SOON)
        meeting.room_kind = RoomKind.BIGBLUEBUTTON
        server = meeting.room_url
        edited(world, meeting, place_or_url="", minutes=45)
        moved(world, meeting, SOON + DAY, place_or_url="")
        assert (meeting.room_kind, meeting.room_url, meeting.minutes) == (RoomKind.BIGBLUEBUTTON, server, 45)
        edited(world, meeting, place_or_url="https://rooms.example.org/new")
        assert (meeting.room_kind, meeting.room_url) == (RoomKind.LINK, "https://rooms.example.org/new")


@pytest.mark.parametrize("of_guest", [False, True])
def test_confirmed_attendance_holds_time_length_and_form(database: Database, of_guest: bool) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting = world.meeting(starts_at=NOW - DAY, mode=Mode.ON_SITE)
        if of_guest:
            session.add(
                MeetingGuest(
                    meeting=meeting,
                    person=world.person(),
                    state=GuestState.SIGNED_UP,
                    queued_at=NOW,
                    presence=Presence.PRESENT,
                    confirmed_at=NOW,
                )
            )
            session.flush()
        else:
            world.attended(meeting, anna)
        for change in (
            lambda: moved(world, meeting, SOON),
            lambda: edited(world, meeting, minutes=45),
            lambda: edited(world, meeting, form=Form.LECTURE),
            lambda: cancelled(world, meeting),
        ):
            with pytest.raises(Conflict, match="attendance_confirmed"):
                change()
        assert edited(world, meeting, place_or_url="каб. 6") == Done(1, 0)
        assert told(session) == {}


def test_a_cancelled_meeting_keeps_its_row_and_is_planned_again_until_its_time_comes(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        first, second = planned(world, terms(world), terms(world, SOON + DAY))
        assert cancelled(world, first, reason="  карантин ") == Done(1, 1)
        assert (first.state, count(session, Meeting)) == (MeetingState.CANCELLED, 2)
        assert session.scalars(select(Notice.facts)).one()["reason"].endswith("карантин")
        with pytest.raises(DomainError, match="text_too_long"):
            cancelled(world, second, reason="м" * 501)
        with pytest.raises(Conflict, match="meeting_not_cancelled"):
            restore_meeting(session, second.id, seen=second.revision, **by(world))
        late = {"actor": world.leader_actor, "now": SOON, "zone": ZONE}
        with pytest.raises(Conflict, match="meeting_is_past"):
            restore_meeting(session, first.id, seen=first.revision, **late)
        assert restore_meeting(session, first.id, seen=first.revision, **by(world)) == Done(1, 1)
        assert first.state is MeetingState.PLANNED
        assert cancelled(world, first, Scope.FOLLOWING) == Done(2, 1)
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.object_id == first.id)).all()
        assert [one for one in actions if "meeting" in one] == [
            "plan_meeting",
            "cancel_meeting",
            "restore_meeting",
            "cancel_meeting",
        ]


def test_nobody_is_told_of_what_is_over(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee()
        meeting = world.meeting(starts_at=NOW - 2 * DAY, mode=Mode.ON_SITE)
        assert moved(world, meeting, NOW - 3 * DAY) == Done(1, 0)
        assert cancelled(world, meeting) == Done(1, 0)
        assert session.scalars(select(Person.id).join(Notice, Notice.person_id == Person.id)).all() == []
