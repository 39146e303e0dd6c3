"""8.1: a site ends when its programme is done and the organisation so decides, or on the council's recommendation.

Nothing is deleted, and what happens to each intake and each trainee under way is decided in the same step.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Base, Database
from lti_app.core.errors import DomainError
from lti_app.core.outbox import OutboxMessage
from lti_app.core.permissions import Actor, Role
from lti_app.credits.models import CreditEntry
from lti_app.ending.choices import EndFacts, IntakeChoice
from lti_app.ending.service import end_site
from lti_app.intakes.models import (
    EndedTrainee,
    Intake,
    IntakeOutcome,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeOutcome,
    TraineeState,
)
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState
from lti_app.notices.models import Notice
from lti_app.programmes.models import AgendaItem, Decision, Sitting
from lti_app.sites.models import EndGrounds, Site, SiteEnd
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
TODAY = NOW.astimezone(ZONE).date()
FINISHED, MOVED, BROKEN_OFF = IntakeOutcome.FINISHED, IntakeOutcome.MOVED, IntakeOutcome.BROKEN_OFF
STAYS, CREDITED, LEFT = TraineeOutcome.STAYS, TraineeOutcome.CREDITED, TraineeOutcome.LEFT


def centre(world: World) -> Actor:
    specialist = world.person("Центрова")
    return Actor(person_id=specialist.id, name=specialist.full_name, roles=frozenset({Role.CENTRE}))


def recommended(world: World, decision: Decision = Decision.END_RECOMMENDED) -> AgendaItem:
    number = (world.session.scalar(select(func.count()).select_from(Sitting)) or 0) + 7
    sitting = Sitting(held_on=TODAY - timedelta(days=3), protocol_number=str(number), created_at=NOW)
    item = AgendaItem(
        sitting=sitting,
        position=1,
        site_id=world.site.id,
        reason="Нет набора",
        decision=decision,
        decided_at=NOW,
        decided_by="Советова",
    )
    world.session.add_all([sitting, item])
    world.session.flush()
    return item


def facts(item: AgendaItem | None, choices: dict[int, IntakeChoice], **other: Any) -> EndFacts:
    given: dict[str, Any] = {
        "grounds": EndGrounds.COUNCIL if item else EndGrounds.ORGANISATION,
        "item_id": item.id if item else None,
        "ends_on": TODAY,
        "order_number": "88",
        "order_date": TODAY,
        "reason": "Рекомендация методического совета",
        "paper_number": "5",
        "paper_date": TODAY - timedelta(days=1),
        "choices": choices,
        "forgoes_unconfirmed": True,
    }
    return EndFacts(**{**given, **other})


def end(session: Session, world: World, what: EndFacts, actor: Actor | None = None) -> SiteEnd:
    return end_site(session, world.site.id, what, actor=actor or centre(world), now=NOW, zone=ZONE)


def refused(session: Session, world: World, what: EndFacts, actor: Actor | None = None) -> DomainError:
    """Return the refusal, once it is certain that it left nothing behind."""
    acting = actor or centre(world)
    before = {
        table.name: session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
    }
    with pytest.raises(DomainError) as refusal, session.begin_nested():
        end(session, world, what, acting)
    assert before == {
        table.name: session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
    }
    session.refresh(world.site)
    assert world.site.ended_on is None
    return refusal.value


def test_on_the_councils_recommendation_all_under_way_is_dealt_with_in_one_step(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, course_id=12), World(session, "b", capacity=1)
        other.intake.moodle_id = world.moodle.id
        diligent, new, gone = world.trainees(3)
        past = world.meeting(hours=4)
        world.attended(past, diligent)
        coming = world.meeting(starts_at=NOW + timedelta(days=3))
        asked = PlaceRequest(
            intake_id=world.intake.id,
            person_id=world.person().id,
            state=RequestState.WAITING,
            asked_at=NOW,
            queued_at=NOW,
            asked_by="сам",
        )
        session.add(asked)
        session.flush()
        choice = IntakeChoice(
            MOVED,
            moved_to_id=other.intake.id,
            trainees={diligent.id: CREDITED, new.id: TraineeOutcome.MOVED, gone.id: LEFT},
        )
        acting = centre(world)
        counted = {
            table: session.scalar(select(func.count()).select_from(table)) for table in (Trainee, Meeting, Intake)
        }
        made = end(session, world, facts(recommended(world), {world.intake.id: choice}), acting)

        assert (made.paper_number, made.paper_date) == ("7", TODAY - timedelta(days=3))
        assert (world.site.ended_on, world.site.active_on(TODAY), world.site.active_on(TODAY - timedelta(days=1))) == (
            TODAY,
            False,
            True,
        )
        entry = session.scalars(select(CreditEntry)).one()
        assert (entry.trainee_id, entry.hours, entry.decided_by_id) == (diligent.id, 4, acting.person_id)
        assert "8.1" in entry.rule
        assert [one.state for one in (diligent, new, gone)] == [
            TraineeState.ENROLLED,
            TraineeState.LEFT,
            TraineeState.LEFT,
        ]
        moved = session.scalars(select(Trainee).where(Trainee.intake_id == other.intake.id)).one()
        assert (moved.person_id, moved.state) == (new.person_id, TraineeState.ENROLLED)
        assert (world.intake.broken_off_on, world.intake.ends_on) == (TODAY, TODAY - timedelta(days=1))
        assert (past.state, coming.state) == (MeetingState.PLANNED, MeetingState.CANCELLED)
        assert asked.state is RequestState.DECLINED
        assert "8.1" in (asked.reason or "")
        kept = dict(session.execute(select(EndedTrainee.trainee_id, EndedTrainee.outcome)).all())
        assert kept == choice.trainees
        told = dict(session.execute(select(Notice.person_id, Notice.occasion)).all())
        assert told == {
            asked.person_id: "place_declined",
            world.leader.id: "site_ended",
            diligent.person_id: "place_credited",
            new.person_id: "place_moved",
            gone.person_id: "place_ended",
        }
        # Nothing is deleted; what is written stands in the audit, and the score of the credit follows the commit.
        left = {table: session.scalar(select(func.count()).select_from(table)) for table in (Trainee, Meeting, Intake)}
        assert left == {**counted, Trainee: (counted[Trainee] or 0) + 1}
        actions = set(session.scalars(select(AuditEntry.action)))
        assert {"end_site", "break_off_intake", "cancel_meeting", "credit_at_end", "trainee_left"} <= actions
        assert session.scalar(select(func.count()).where(OutboxMessage.kind == "score")) == 1


def test_who_has_places_in_two_intakes_is_told_of_both(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        one = world.trainee()
        second = Intake(
            code="second",
            version=world.version,
            moodle=world.moodle,
            starts_on=world.intake.starts_on,
            ends_on=world.intake.ends_on,
            capacity=5,
        )
        other = Trainee(intake=second, person=one.person, state=TraineeState.ENROLLED, enrolled_at=NOW)
        session.add_all([second, other])
        session.flush()
        choices = {
            world.intake.id: IntakeChoice(BROKEN_OFF, trainees={one.id: LEFT}),
            second.id: IntakeChoice(BROKEN_OFF, trainees={other.id: LEFT}),
        }
        end(session, world, facts(recommended(world), choices))

        assert len(session.scalars(select(Notice).where(Notice.person_id == one.person_id)).all()) == 2


def test_guests_of_open_meetings_that_are_cancelled_are_told(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        trainee, guest = world.trainee(), world.person()
        coming = world.meeting(starts_at=NOW + timedelta(days=3))
        coming.is_open = True
        session.add(
            MeetingGuest(
                meeting_id=coming.id, person_id=guest.id, state=GuestState.SIGNED_UP, queued_at=NOW, signed_up_at=NOW
            )
        )
        session.flush()
        choice = IntakeChoice(BROKEN_OFF, trainees={trainee.id: LEFT})
        end(session, world, facts(recommended(world), {world.intake.id: choice}))

        told = session.execute(select(Notice.occasion, Notice.person_id).where(Notice.about_type == "meeting")).all()
        assert [tuple(row) for row in told] == [("meeting_cancelled", guest.id)]


def test_an_intake_may_run_to_its_end_with_everybody_in_it(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        trainee = world.trainee()
        ends_on = world.intake.ends_on
        end(
            session,
            world,
            facts(recommended(world), {world.intake.id: IntakeChoice(FINISHED, trainees={trainee.id: STAYS})}),
        )

        assert (trainee.state, world.intake.ends_on, world.intake.broken_off_on) == (
            TraineeState.ENROLLED,
            ends_on,
            None,
        )


def test_without_a_recommendation_of_the_council_for_this_very_site_there_is_no_such_end(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        choices = {world.intake.id: IntakeChoice(BROKEN_OFF)}
        against = recommended(world, Decision.END_NOT_RECOMMENDED)
        of_other = recommended(other)
        for item in (against, of_other):
            assert refused(session, world, facts(item, choices)).code == "not_recommended"
        late = recommended(world)
        late.sitting.held_on = TODAY + timedelta(days=1)
        assert refused(session, world, facts(late, choices)).field == "order_date"


def test_the_organisation_decides_only_once_the_programme_is_done(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        trainee = world.trainee()
        stays = {world.intake.id: IntakeChoice(FINISHED, trainees={trainee.id: STAYS})}
        refusal = refused(session, world, facts(None, stays))
        assert (refusal.code, refusal.clause, refusal.field) == ("programme_not_done", "8.1", "ends_on")

        done = facts(None, {}, ends_on=world.intake.ends_on + timedelta(days=1))
        assert end(session, world, done).grounds is EndGrounds.ORGANISATION
        assert world.site.active_on(world.intake.ends_on)


def test_an_intake_that_nobody_joined_is_broken_off_on_the_organisations_decision(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.intake.starts_on = TODAY + timedelta(days=10)
        end(session, world, facts(None, {world.intake.id: IntakeChoice(BROKEN_OFF)}))

        assert world.intake.broken_off_on == TODAY
        assert world.intake.ends_on == world.intake.starts_on


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"order_number": " "}, "order_number"),
        ({"order_number": "8" * 61}, "order_number"),
        ({"paper_number": "5" * 61}, "paper_number"),
        ({"reason": ""}, "reason"),
        ({"order_date": TODAY + timedelta(days=1), "ends_on": TODAY + timedelta(days=1)}, "order_date"),
        ({"ends_on": TODAY - timedelta(days=1)}, "ends_on"),
        ({"paper_number": ""}, "paper_number"),
        ({"paper_date": None}, "paper_date"),
        ({"paper_date": TODAY + timedelta(days=1)}, "paper_date"),
    ],
)
def test_papers_and_dates_must_fit_each_other(database: Database, other: dict[str, Any], field: str) -> None:
    with database.transaction() as session:
        world = World(session)
        refusal = refused(session, world, facts(None, {world.intake.id: IntakeChoice(BROKEN_OFF)}, **other))

        assert refusal.field == field
        if refusal.code != "text_too_long":
            assert (refusal.clause, bool(str(refusal.remedy))) == ("8.1", True)


def test_each_intake_and_each_trainee_needs_a_word(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b", capacity=1)
        elsewhere = World(session, "c", capacity=1)
        other.intake.moodle_id = world.moodle.id
        one, two = world.trainees(2)
        world.attended(world.meeting(hours=2), one)
        item, number = recommended(world), world.intake.id
        both = {one.id: TraineeOutcome.MOVED, two.id: TraineeOutcome.MOVED}
        to_other = IntakeChoice(MOVED, moved_to_id=other.intake.id, trainees=both)
        wrong = {
            "intake_not_decided": {},
            "under_way_changed": {number: IntakeChoice(BROKEN_OFF, trainees={one.id: LEFT, two.id: LEFT, 99999: LEFT})},
            "trainee_not_decided": {number: IntakeChoice(BROKEN_OFF, trainees={one.id: LEFT})},
            "nothing_attended": {number: IntakeChoice(BROKEN_OFF, trainees={one.id: LEFT, two.id: CREDITED})},
            "no_such_target": {number: replace(to_other, moved_to_id=elsewhere.intake.id)},
            "target_is_full": {number: to_other},
        }
        for code, choices in wrong.items():
            assert refused(session, world, facts(item, choices)).code == code
        stranger = {number: IntakeChoice(BROKEN_OFF, trainees={one.id: LEFT, two.id: LEFT}), other.intake.id: to_other}
        assert refused(session, world, facts(item, stranger)).code == "under_way_changed"
        stays = {number: IntakeChoice(BROKEN_OFF, trainees={one.id: STAYS, two.id: STAYS})}
        assert refused(session, world, facts(item, stays)).code == "trainee_not_decided"
        later = facts(item, {number: IntakeChoice(BROKEN_OFF, trainees={one.id: LEFT, two.id: LEFT})})
        assert refused(session, world, replace(later, ends_on=TODAY + timedelta(days=2))).code == "breaks_off_in_future"


def test_who_has_a_place_in_the_other_intake_already_is_not_moved_there(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        other.intake.moodle_id = world.moodle.id
        trainee = world.trainee()
        other.trainee(person=trainee.person)
        choice = IntakeChoice(MOVED, moved_to_id=other.intake.id, trainees={trainee.id: TraineeOutcome.MOVED})

        assert refused(session, world, facts(recommended(world), {world.intake.id: choice})).code == "has_place_there"


def test_only_the_centre_ends_a_site_and_nobody_credits_themselves(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        trainee = world.trainee()
        world.attended(world.meeting(hours=2), trainee)
        what = facts(recommended(world), {world.intake.id: IntakeChoice(BROKEN_OFF, trainees={trainee.id: CREDITED})})
        for role in set(Role) - {Role.CENTRE}:
            acting = Actor(world.leader.id, "Х", roles=frozenset({role}), led_site_ids=frozenset({world.site.id}))
            assert refused(session, world, what, acting).code == "not_permitted"
        own = Actor(person_id=trainee.person_id, name="Сам", roles=frozenset({Role.CENTRE}))
        assert refused(session, world, what, own).code == "own_credit"
        nobody = Actor(person_id=None, name="Кто-то", roles=frozenset({Role.CENTRE}))
        assert refused(session, world, what, nobody).code == "unknown_person"


def test_a_site_ends_once(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        what = facts(recommended(world), {world.intake.id: IntakeChoice(BROKEN_OFF)})
        end(session, world, what)
        with pytest.raises(DomainError) as again:
            end(session, world, what)

        assert again.value.code == "site_ended"
        assert session.scalar(select(func.count()).select_from(SiteEnd)) == 1
        assert session.scalars(select(Site.ended_on).where(Site.id == world.site.id)).one() == TODAY


def test_the_day_of_the_end_is_the_municipalitys(database: Database) -> None:
    evening = datetime(2026, 11, 24, 18, 0, tzinfo=NOW.tzinfo)  # 01:00 of the 25th in Novokuznetsk
    with database.transaction() as session:
        world = World(session)
        world.meeting(starts_at=evening)
        before = world.meeting(starts_at=evening - timedelta(hours=2))
        what = facts(recommended(world), {world.intake.id: IntakeChoice(BROKEN_OFF)}, ends_on=date(2026, 11, 25))
        end(session, world, what)

        states = dict(session.execute(select(Meeting.starts_at, Meeting.state)).all())
        assert states == {evening: MeetingState.CANCELLED, before.starts_at: MeetingState.PLANNED}
