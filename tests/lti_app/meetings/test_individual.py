"""A meeting with one trainee alone is that trainee's only: to join, to be confirmed at, to count, to be seen."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import Conflict, Forbidden, NotFound
from lti_app.credits.facts import load_facts
from lti_app.credits.overview import intake_overview, leader_overview, meeting_overview, trainee_overview
from lti_app.credits.service import evidence_of, record_attendance
from lti_app.ending.running import running_intakes
from lti_app.intakes.models import Trainee
from lti_app.meetings.invariants import CHECKS
from lti_app.meetings.models import Meeting
from lti_app.meetings.service import close_stay, join
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")


def _individual(world: World, trainee: Trainee, **options: object) -> Meeting:
    meeting = world.meeting(**options)  # type: ignore[arg-type]
    meeting.only_for = trainee
    world.session.flush()
    return meeting


def _broken(session: Session) -> list[str]:
    return [line for check in CHECKS for line in check.breaches(session)]


def test_only_its_trainee_joins_and_is_confirmed(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        meeting = _individual(world, anna, starts_at=NOW)
        with pytest.raises(Forbidden, match="not_your_meeting"):
            join(session, meeting_id=meeting.id, actor=world.actor_of(boris), now=NOW)
        with pytest.raises(NotFound, match="no_such_trainee"):
            close_stay(session, meeting_id=meeting.id, trainee_id=boris.id, actor=world.leader_actor, now=NOW)
        join(session, meeting_id=meeting.id, actor=world.actor_of(anna), now=NOW)
        later = NOW + timedelta(hours=2)
        with pytest.raises(Conflict, match="not_a_trainee"):
            record_attendance(
                session, meeting_id=meeting.id, present={anna.id, boris.id}, actor=world.leader_actor, now=later
            )
        record_attendance(session, meeting_id=meeting.id, present={anna.id}, actor=world.leader_actor, now=later)
        page = meeting_overview(session, meeting_id=meeting.id, actor=world.leader_actor, now=later)
        assert [one.trainee_id for one in page.trainees] == [anna.id]
        assert page.meeting.only_for == anna.person.full_name
        assert not page.meeting.attendance_waiting
        assert _broken(session) == []
        world.attended(meeting, boris)
        assert _broken(session) == [f"attendance 2: meeting {meeting.id} is not for trainee {boris.id}"]


def test_its_hours_count_for_its_trainee_and_keep_nobody_else_behind(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,), needed=4)
        anna, boris = world.trainees(2)
        common = world.meeting(hours=2)
        second = world.meeting(hours=2)
        world.attended(common, anna, boris)
        world.attended(second, boris)
        world.attended(second, anna, presence="absent")  # type: ignore[arg-type]
        facts = load_facts(session, [world.intake.id])[world.intake.id]
        assert facts.falling_behind == {anna.id}
        hers = _individual(world, anna, hours=2)
        session.expire_all()
        facts = load_facts(session, [world.intake.id])[world.intake.id]
        assert facts.hours_scheduled == 4, "an individual meeting is no part of everybody's schedule"
        assert facts.falling_behind == set()
        assert [line.unconfirmed for line in running_intakes(session, world.site.id, date(2026, 11, 25), NOW)] == [1]
        world.attended(hers, anna)
        facts = load_facts(session, [world.intake.id])[world.intake.id]
        by_id = {one.trainee_id: one for one in facts.trainees}
        assert by_id[anna.id].standing.attended == by_id[boris.id].standing.attended == Decimal(4)
        assert [line["id"] for line in evidence_of(facts, by_id[anna.id])["meetings"]] == [common.id, hers.id]
        assert [line["id"] for line in evidence_of(facts, by_id[boris.id])["meetings"]] == [common.id, second.id]
        assert [line.unconfirmed for line in running_intakes(session, world.site.id, date(2026, 11, 25), NOW)] == [0]


def test_a_trainee_sees_no_individual_meeting_of_another(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        common = world.meeting(starts_at=NOW + timedelta(days=3))
        hers = _individual(world, anna, starts_at=NOW + timedelta(days=1))
        own = trainee_overview(session, intake_id=world.intake.id, actor=world.actor_of(anna), now=NOW)
        others = trainee_overview(session, intake_id=world.intake.id, actor=world.actor_of(boris), now=NOW)
        assert [line.meeting_id for line in own.meetings] == [hers.id, common.id]
        assert [line.meeting_id for line in others.meetings] == [common.id]


def test_the_leader_sees_for_whom_it_is_and_waits_for_one_word_only(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, _boris = world.trainees(2)
        hers = _individual(world, anna)
        page = intake_overview(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW)
        assert [(line.only_for, line.trainees, line.attendance_waiting) for line in page.meetings] == [
            (anna.person.full_name, 1, True)
        ]
        world.attended(hers, anna)
        session.expire_all()
        page = intake_overview(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW)
        assert page.attendance_waiting == ()
        (card,) = leader_overview(session, actor=world.leader_actor, now=NOW, zone=ZONE)
        assert (card.meetings, card.attendance_waiting) == (0, ())
