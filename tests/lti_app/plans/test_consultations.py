"""A consultation is asked for, answered, held as a meeting with one trainee alone, and its hours count."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.credits.facts import load_facts
from lti_app.credits.service import record_attendance
from lti_app.intakes.models import Trainee
from lti_app.meetings.guests import sign_up
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.service import join
from lti_app.notices.models import Notice
from lti_app.plans.clashes import clashes_of
from lti_app.plans.consultations import of_intake, of_trainee
from lti_app.plans.consulting import (
    Terms,
    accept_consultation,
    agree_consultation,
    ask_consultation,
    decline_consultation,
    offer_consultation,
    set_consultation,
    withdraw_consultation,
)
from lti_app.plans.models import Consultation, ConsultationState, Side
from lti_app.programmes.models import Form, Mode
from lti_app.sites.models import SiteLeader
from tests.lti_app.meetings.guests_world import open_meeting
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

ZONE = ZoneInfo("Asia/Novokuznetsk")
SOON = NOW + timedelta(days=2)


def terms(starts_at: datetime = SOON, **more: Any) -> Terms:
    return Terms(
        starts_at, **{"minutes": 45, "mode": Mode.DISTANCE, "place_or_url": "https://meet.example.org/k"} | more
    )


def asked(session: Session, world: World, trainee: Trainee, **more: Any) -> Consultation:
    given = {"topic_id": world.topics[0].id, "question": "Как оценить проект?", "wished": "вт после 15"} | more
    return ask_consultation(session, intake_id=world.intake.id, actor=world.actor_of(trainee), now=NOW, **given)


def told(session: Session) -> list[tuple[str, int]]:
    return [(one.occasion, one.person_id) for one in session.scalars(select(Notice).order_by(Notice.id))]


def test_a_question_becomes_a_meeting_whose_hours_count(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(2, 8))
        anna, boris = world.trainees(2)
        question = asked(session, world, anna)
        agree_consultation(
            session, consultation_id=question.id, terms=terms(minutes=90), answer="Приходите",
            actor=world.leader_actor, now=NOW, zone=ZONE,
        )  # fmt: skip
        meeting = session.get_one(Meeting, question.meeting_id)
        assert (meeting.form, meeting.only_for_id, meeting.host_id) == (Form.CONSULTATION, anna.id, world.leader.id)
        assert (meeting.hours, meeting.room_url) == (Decimal(2), "https://meet.example.org/k")
        assert join(session, meeting_id=meeting.id, actor=world.actor_of(anna), now=SOON) == meeting.room_url
        with pytest.raises(Forbidden):
            join(session, meeting_id=meeting.id, actor=world.actor_of(boris), now=SOON)
        later = SOON + timedelta(hours=2)
        assert [line.state for line in of_trainee(session, anna.id, now=later)] == ["unconfirmed"]
        world.attended(world.meeting(hours=2), anna)
        record_attendance(session, meeting_id=meeting.id, present={anna.id}, actor=world.leader_actor, now=later)
        assert [line.state for line in of_intake(session, world.intake.id, now=later)] == ["held"]
        facts = load_facts(session, [world.intake.id])[world.intake.id]
        standing = next(one for one in facts.trainees if one.trainee_id == anna.id).standing
        assert standing.attended == 2, "a topic counts at most its own hours, consultations or not"
        assert told(session) == [("consultation_asked", world.leader.id), ("consultation_agreed", anna.person_id)]


def test_another_time_is_offered_and_accepted(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        question = asked(session, world, anna)
        answer = {"consultation_id": question.id, "actor": world.leader_actor, "now": NOW, "zone": ZONE}
        offer_consultation(session, terms=terms(), answer="", **answer)  # type: ignore[arg-type]
        assert (question.state, question.meeting_id) == (ConsultationState.OFFERED, None)
        with pytest.raises(Forbidden, match="not_your_question"):
            accept_consultation(session, **answer)  # type: ignore[arg-type]
        own = {**answer, "actor": world.actor_of(anna)}
        with pytest.raises(Conflict, match="time_is_past"):
            accept_consultation(session, **{**own, "now": SOON})  # type: ignore[arg-type]
        accept_consultation(session, **own)  # type: ignore[arg-type]
        assert session.get_one(Meeting, question.meeting_id).starts_at == SOON
        with pytest.raises(Conflict, match="consultation_answered"):
            accept_consultation(session, **own)  # type: ignore[arg-type]
        assert [occasion for occasion, _person in told(session)] == [
            "consultation_asked", "consultation_offered", "consultation_accepted",
        ]  # fmt: skip
        text = session.scalars(select(Notice.facts).where(Notice.occasion == "consultation_offered")).one()
        assert text["when"] == "26.11.2026, 15:00 (UTC+07:00)"


def test_who_offered_a_time_and_leads_no_more_holds_nothing(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        question = asked(session, world, anna)
        answer = {"consultation_id": question.id, "now": NOW, "zone": ZONE}
        offer_consultation(session, terms=terms(), answer="", actor=world.leader_actor, **answer)  # type: ignore[arg-type]
        session.scalars(select(SiteLeader)).one().until = NOW.date()
        accept_consultation(session, actor=world.actor_of(anna), **answer)  # type: ignore[arg-type]
        assert session.get_one(Meeting, question.meeting_id).host_id is None


def test_a_question_is_declined_for_a_reason_or_withdrawn(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        first, second, third = (asked(session, world, anna) for _ in range(3))
        decline = {"consultation_id": first.id, "actor": world.leader_actor, "now": NOW}
        with pytest.raises(DomainError, match="reason_missing"):
            decline_consultation(session, reason="  ", **decline)  # type: ignore[arg-type]
        decline_consultation(session, reason="Разберём на семинаре", **decline)  # type: ignore[arg-type]
        with pytest.raises(Conflict, match="consultation_answered"):
            decline_consultation(session, reason="Ещё раз", **decline)  # type: ignore[arg-type]
        trainee = world.actor_of(anna)
        withdraw_consultation(session, consultation_id=second.id, actor=trainee, now=NOW)
        agree_consultation(
            session, consultation_id=third.id, terms=terms(), answer="", actor=world.leader_actor, now=NOW, zone=ZONE
        )
        meeting = session.get_one(Meeting, third.meeting_id)
        with pytest.raises(Conflict, match="consultation_begun"):
            withdraw_consultation(session, consultation_id=third.id, actor=trainee, now=SOON)
        withdraw_consultation(session, consultation_id=third.id, actor=trainee, now=NOW)
        assert meeting.state is MeetingState.CANCELLED
        with pytest.raises(Conflict, match="consultation_answered"):
            withdraw_consultation(session, consultation_id=first.id, actor=trainee, now=NOW)
        assert [line.state for line in of_intake(session, world.intake.id, now=NOW)] == [
            "withdrawn", "withdrawn", "declined",
        ]  # fmt: skip


def test_the_leader_sets_one_unasked_and_is_told_of_clashes(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        other = World(session, "b", moodle=world.moodle)
        anna = world.trainee()
        other.trainee(person=anna.person)
        seminar = other.meeting(starts_at=SOON - timedelta(minutes=30))
        lecture = world.meeting(starts_at=SOON + timedelta(minutes=30))
        world.meeting(starts_at=SOON + timedelta(minutes=45))  # begins when the consultation ends
        cancelled = world.meeting(starts_at=SOON, cancelled=True)
        lecture.only_for = world.trainee()
        visited = open_meeting(World(session, "c", moodle=world.moodle), starts_at=SOON + timedelta(minutes=10))
        sign_up(session, visited.id, actor=world.actor_of(anna), now=NOW)
        session.flush()
        made = set_consultation(
            session, trainee_id=anna.id, topic_id=world.topics[1].id, question="Разбор конспекта",
            terms=terms(mode=Mode.ON_SITE, place_or_url="каб. 5"), actor=world.leader_actor, now=NOW, zone=ZONE,
        )  # fmt: skip
        meeting = session.get_one(Meeting, made.meeting_id)
        assert (meeting.place, meeting.room_url) == ("каб. 5", None)
        found = clashes_of(session, meeting, trainee=anna, leader_id=world.leader.id)
        assert [(clash.side, clash.meeting.id) for clash in found] == [
            (Side.TRAINEE, seminar.id),
            (Side.TRAINEE, visited.id),
            (Side.LEADER, lecture.id),
        ]
        assert cancelled.id not in {clash.meeting.id for clash in found}
        held = NOW - timedelta(days=1)
        set_consultation(
            session, trainee_id=anna.id, topic_id=world.topics[1].id, question="Прошедшая",
            terms=terms(held), actor=world.leader_actor, now=NOW, zone=ZONE,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"starts_at": NOW - timedelta(minutes=1)}, "time_is_past"),
        ({"starts_at": NOW + timedelta(days=400)}, "outside_intake"),
        ({"minutes": 5}, "length_not_sensible"),
        ({"place_or_url": "каб. 5"}, "no_link"),
        ({"mode": Mode.ON_SITE, "place_or_url": "я" * 501}, "text_too_long"),
        ({"starts_at": SOON + timedelta(days=1)}, "time_taken"),
    ],
)
def test_terms_that_cannot_be_are_refused(database: Database, wrong: dict[str, Any], code: str) -> None:
    with database.transaction() as session:
        world = World(session)
        world.meeting(starts_at=SOON + timedelta(days=1))
        question = asked(session, world, world.trainee())
        for verb in (agree_consultation, offer_consultation):
            with pytest.raises(DomainError, match=code):
                verb(
                    session, consultation_id=question.id, terms=terms(**wrong), answer="",
                    actor=world.leader_actor, now=NOW, zone=ZONE,
                )  # fmt: skip


def test_questions_that_cannot_be_are_refused(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        other = World(session, "b", moodle=world.moodle)
        anna, boris = world.trainees(2)
        with pytest.raises(DomainError, match="question_missing"):
            asked(session, world, anna, question=" ")
        with pytest.raises(DomainError, match="text_too_long"):
            asked(session, world, anna, question="я" * 2001)
        with pytest.raises(DomainError, match="topic_of_another"):
            asked(session, world, anna, topic_id=other.topics[0].id)
        with pytest.raises(Forbidden, match="not_your_intake"):
            asked(session, world, other.trainee())
        question = asked(session, world, anna)
        with pytest.raises(Forbidden):
            withdraw_consultation(session, consultation_id=question.id, actor=world.actor_of(boris), now=NOW)
        with pytest.raises(Forbidden):
            decline_consultation(session, consultation_id=question.id, reason="нет", actor=other.leader_actor, now=NOW)
        with pytest.raises(NotFound, match="no_such_consultation"):
            withdraw_consultation(session, consultation_id=999, actor=world.actor_of(anna), now=NOW)
        for _ in range(9):
            asked(session, world, anna)
        with pytest.raises(Conflict, match="too_many_questions"):
            asked(session, world, anna)
        world.intake.broken_off_on = NOW.date()
        with pytest.raises(Conflict, match="intake_broken_off"):
            asked(session, world, boris)


def test_a_list_costs_the_same_for_many(database: Database) -> None:
    costs = []
    for code, number in (("a", 1), ("b", 9)):
        with database.transaction() as session:
            world = World(session, code)
            for trainee in world.trainees(number):
                asked(session, world, trainee)
            intake_id = world.intake.id
        with database.session(writes=False) as session, counted_queries(database) as queries:
            lines = of_intake(session, intake_id, now=NOW)
            assert len({line.consultation.trainee.person.organisation.label for line in lines}) == 1  # type: ignore[union-attr]
        costs.append(len(queries))
    assert costs == [1, 1]
