"""An individual plan is drawn up, changed, agreed and fulfilled; what holds is what both sides agreed to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.models import MeetingState, Presence
from lti_app.notices.models import Notice
from lti_app.plans.agreeing import agree_to_plan, mark_item, restore_agreed
from lti_app.plans.content import ItemFacts, PlanFacts, content_of, points_of
from lti_app.plans.models import IndividualPlan, PlanState, PlanVersion
from lti_app.plans.overview import plan_card, plan_cards, plan_page, plans_of, two_texts
from lti_app.plans.progress import CardState, ItemState
from lti_app.plans.seats import seat_of
from lti_app.plans.writing import begin_plan, begin_plans, save_plan
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

ZONE = ZoneInfo("Asia/Novokuznetsk")
LATER = NOW + timedelta(hours=1)
DAY = date(2026, 12, 1)


def begun(session: Session, world: World, trainee: Trainee, *, from_programme: bool = False) -> IndividualPlan:
    return begin_plan(
        session,
        trainee_id=trainee.id,
        from_programme=from_programme,
        actor=world.leader_actor,
        now=NOW,
        zone=ZONE,
    )


def saved(session: Session, world: World, plan: IndividualPlan, *items: ItemFacts, **how: object) -> IndividualPlan:
    given = {"actor": world.leader_actor, "seen": plan.revision, "aim": None} | how
    facts = PlanFacts(given.pop("aim"), items)  # type: ignore[arg-type]
    return save_plan(session, trainee_id=plan.trainee_id, facts=facts, now=NOW, zone=ZONE, **given)  # type: ignore[arg-type]


def item(title: str = "Разработать конспект урока", **more: object) -> ItemFacts:
    return replace(ItemFacts(title, DAY, DAY + timedelta(days=6)), **more)  # type: ignore[arg-type]


def agreed(session: Session, world: World, trainee: Trainee, *items: ItemFacts) -> IndividualPlan:
    plan = saved(session, world, begun(session, world, trainee), *items)
    for actor in (world.leader_actor, world.actor_of(trainee)):
        agree_to_plan(session, trainee_id=trainee.id, seen=plan.revision, actor=actor, now=NOW)
    return plan


def test_a_plan_drawn_up_from_the_programme_has_its_meetings_and_the_hours_they_leave(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 8))
        anna, boris = world.trainees(2)
        first = world.meeting(hours=2, starts_at=NOW + timedelta(days=2))
        world.meeting(hours=2, starts_at=NOW + timedelta(days=3), cancelled=True)
        world.meeting(hours=2, starts_at=NOW + timedelta(days=4)).only_for = boris
        session.flush()
        plan = begun(session, world, anna, from_programme=True)
        points = points_of(content_of(plan))
        assert [(point.meeting_id, point.hours, point.topic_id) for point in points] == [
            (first.id, Decimal(2), world.topics[0].id),
            (None, Decimal(2), world.topics[0].id),
            (None, Decimal(8), world.topics[1].id),
        ]
        assert (points[0].starts_on, points[0].ends_on) == (date(2026, 11, 26), date(2026, 11, 26))
        assert (points[2].starts_on, points[2].ends_on) == (world.intake.starts_on, world.intake.ends_on)
        with pytest.raises(Conflict, match="plan_there_already"):
            begun(session, world, anna)
        assert begin_plans(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW, zone=ZONE) == 1
        assert begin_plans(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW, zone=ZONE) == 0


def test_both_agree_to_the_same_text_and_each_is_told_once(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        plan = saved(session, world, begun(session, world, anna), item(), aim="Освоить приёмы")
        seen = plan.revision
        agree_to_plan(session, trainee_id=anna.id, seen=seen, actor=world.leader_actor, now=NOW)
        agree_to_plan(session, trainee_id=anna.id, seen=seen, actor=world.leader_actor, now=LATER)
        assert plan.state is PlanState.PROPOSED
        assert plan_card(session, anna.id, now=NOW, zone=ZONE).state is CardState.WITH_TRAINEE
        changed = saved(session, world, plan, item("Другое"), actor=world.actor_of(anna))
        assert (changed.state, changed.leader_agreed_at) == (PlanState.DRAFT, None)
        with pytest.raises(EditedMeanwhile):
            agree_to_plan(session, trainee_id=anna.id, seen=seen, actor=world.leader_actor, now=LATER)
        agree_to_plan(session, trainee_id=anna.id, seen=plan.revision, actor=world.actor_of(anna), now=LATER)
        assert plan_card(session, anna.id, now=NOW, zone=ZONE).state is CardState.WITH_LEADER
        agree_to_plan(session, trainee_id=anna.id, seen=plan.revision, actor=world.leader_actor, now=LATER)
        version = session.scalars(select(PlanVersion)).one()
        assert (version.number, version.agreed_at, version.leader_agreed_by_id) == (1, LATER, world.leader.id)
        assert [point.title for point in points_of(version.content)] == ["Другое"]
        notices = session.execute(select(Notice.occasion, Notice.person_id, Notice.path).order_by(Notice.id)).all()
        assert notices == [
            ("plan_proposed", anna.person_id, f"/intakes/{world.intake.id}/plan"),
            ("plan_proposed", world.leader.id, f"/trainees/{anna.id}/plan"),
            ("plan_agreed", anna.person_id, f"/intakes/{world.intake.id}/plan"),
        ]
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.object_type == "individual_plan")).all()
        assert actions == [
            "begin_plan", "change_plan_text", "propose_plan", "change_plan_text", "propose_plan", "agree_plan",
        ]  # fmt: skip


def test_the_agreed_plan_holds_until_the_next_is_agreed(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        plan = agreed(session, world, anna, item("Первое"), item("Второе"))
        first, second = (point.as_facts() for point in points_of(content_of(plan)))
        saved(session, world, plan, item("Третье"), replace(first, title="Первое, точнее"), actor=world.actor_of(anna))
        page = plan_page(session, seat_of(session, anna.id, actor=world.leader_actor), now=NOW, zone=ZONE)
        assert [line.point.title for line in page.lines] == ["Первое", "Второе"]
        assert [line.point.title for line in page.pending] == ["Третье", "Первое, точнее"]
        assert page.difference is not None
        assert [change.kind for change in page.difference.points] == ["added", "changed", "removed"]
        assert (page.card.state, page.card.change) == (CardState.AGREED, PlanState.DRAFT)
        mark_item(
            session, trainee_id=anna.id, item_id=second.item_id or 0, is_done=True, actor=world.leader_actor, now=NOW
        )
        assert plan_card(session, anna.id, now=NOW, zone=ZONE).done == 1
        for actor in (world.leader_actor, world.actor_of(anna)):
            agree_to_plan(session, trainee_id=anna.id, seen=plan.revision, actor=actor, now=LATER)
        assert (plan.agreed_number, plan.state) == (2, PlanState.AGREED)
        difference = two_texts(session, anna.id, before=1, after=2, actor=world.actor_of(anna))[3]
        assert [change.kind for change in difference.points] == ["added", "changed", "removed"]
        with pytest.raises(NotFound, match="no_such_version"):
            two_texts(session, anna.id, before=1, after=3, actor=world.leader_actor)


def test_a_change_can_be_given_up(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        plan = agreed(session, world, anna, item("Первое"), item("Второе"))
        before = content_of(plan)
        with pytest.raises(Conflict, match="nothing_to_give_up"):
            restore_agreed(session, trainee_id=anna.id, seen=plan.revision, actor=world.leader_actor, now=LATER)
        saved(session, world, plan, item("Третье"), aim="Иначе")
        restore_agreed(session, trainee_id=anna.id, seen=plan.revision, actor=world.actor_of(anna), now=LATER)
        assert (content_of(plan), plan.state, plan.agreed_number) == (before, PlanState.AGREED, 1)
        assert len(session.scalars(select(PlanVersion)).all()) == 1


def test_who_proposed_a_change_is_told_that_it_was_given_up(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        own = world.actor_of(anna)
        plan = agreed(session, world, anna, item("Первое"))
        told = select(Notice.person_id).where(Notice.occasion == "plan_change_given_up")
        saved(session, world, plan, item("Второе"), actor=own)
        restore_agreed(session, trainee_id=anna.id, seen=plan.revision, actor=own, now=LATER)
        assert session.scalars(told).all() == []  # nobody had been asked
        saved(session, world, plan, item("Второе"), actor=own)
        agree_to_plan(session, trainee_id=anna.id, seen=plan.revision, actor=own, now=LATER)
        restore_agreed(session, trainee_id=anna.id, seen=plan.revision, actor=world.leader_actor, now=LATER)
        assert session.scalars(told).all() == [anna.person_id]


def test_points_are_done_by_attendance_or_by_the_leaders_confirmation(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        meeting = world.meeting()
        plan = agreed(session, world, anna, item(meeting_id=meeting.id), item("Конспект"))
        own, work = (point.item_id for point in points_of(content_of(plan)))
        trainee, leader = world.actor_of(anna), world.leader_actor

        def mark(which: int, is_done: bool, actor: object) -> None:
            mark_item(session, trainee_id=anna.id, item_id=which, is_done=is_done, actor=actor, now=NOW)  # type: ignore[arg-type]

        def states() -> list[ItemState]:
            seat = seat_of(session, anna.id, actor=leader)
            return [line.state for line in plan_page(session, seat, now=NOW, zone=ZONE).lines]

        assert states() == [ItemState.UNCONFIRMED, ItemState.OPEN]
        with pytest.raises(Conflict, match="marked_by_attendance"):
            mark(own, True, leader)
        mark(work, True, trainee)
        assert states()[1] is ItemState.SAID
        mark(work, False, trainee)
        mark(work, True, trainee)
        mark(work, True, leader)
        with pytest.raises(Conflict, match="confirmed_already"):
            mark(work, False, trainee)
        world.attended(meeting, anna)
        assert states() == [ItemState.DONE, ItemState.DONE]
        card = plan_card(session, anna.id, now=NOW, zone=ZONE)
        assert (card.state, card.done, card.total, card.next_item) == (CardState.FINISHED, 2, 2, None)
        # What is done isn't rewritten, and not taken out.
        saved(session, world, plan, item("Ещё одно"), item("Не конспект", item_id=work))
        assert [point.title for point in points_of(content_of(plan))] == [
            "Ещё одно", "Конспект", "Разработать конспект урока",
        ]  # fmt: skip
        mark(work, False, leader)
        assert states()[1] is ItemState.OPEN
        with pytest.raises(NotFound, match="no_such_point"):
            mark(work + 100, True, leader)


def test_a_point_shows_what_hinders_it(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        cancelled, missed = world.meeting(), world.meeting()
        past = NOW.date() - timedelta(days=3)
        agreed(
            session, world, anna,
            item(meeting_id=cancelled.id), item(meeting_id=missed.id),
            item("Просрочено", starts_on=past, ends_on=past), item("Впереди"),
        )  # fmt: skip
        cancelled.state = MeetingState.CANCELLED
        world.attended(missed, anna, presence=Presence.ABSENT)
        page = plan_page(session, seat_of(session, anna.id, actor=world.actor_of(anna)), now=NOW, zone=ZONE)
        assert [line.state for line in page.lines] == [
            ItemState.CANCELLED, ItemState.MISSED, ItemState.LATE, ItemState.OPEN,
        ]  # fmt: skip
        assert (page.card.late, page.card.next_item and page.card.next_item.point.title) == (3, "Просрочено")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"starts_on": date(2026, 1, 1)}, "outside_intake"),
        ({"ends_on": date(2027, 12, 1)}, "outside_intake"),
        ({"starts_on": DAY, "ends_on": DAY - timedelta(days=1)}, "dates_backward"),
        ({"topic_id": 10_000}, "topic_of_another"),
        ({"meeting_id": 10_000}, "meeting_of_another"),
        ({"hours": Decimal(0)}, "hours_not_positive"),
        ({"result": "я" * 501}, "text_too_long"),
    ],
)
def test_a_point_that_cannot_be_is_refused(database: Database, wrong: dict[str, object], code: str) -> None:
    with database.transaction() as session:
        world = World(session)
        plan = begun(session, world, world.trainee())
        with pytest.raises(DomainError, match=code):
            saved(session, world, plan, item("Хорошее"), item(**wrong))


def test_a_plan_is_refused_where_nothing_can_be_planned(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        plan = begun(session, world, anna)
        agree = {"trainee_id": anna.id, "now": NOW}
        with pytest.raises(DomainError, match="plan_empty"):
            agree_to_plan(session, seen=plan.revision, actor=world.leader_actor, **agree)  # type: ignore[arg-type]
        with pytest.raises(DomainError, match="too_many_points"):
            saved(session, world, plan, *[item()] * 101)
        with pytest.raises(DomainError, match="text_too_long"):
            saved(session, world, plan, item(), aim="я" * 2001)
        saved(session, world, plan, item())
        world.intake.ends_on = DAY
        with pytest.raises(DomainError, match="outside_intake"):
            agree_to_plan(session, seen=plan.revision, actor=world.leader_actor, **agree)  # type: ignore[arg-type]
        world.intake.ends_on = date(2027, 1, 23)
        with pytest.raises(Conflict, match="plan_not_agreed"):
            mark_item(session, item_id=1, is_done=True, actor=world.leader_actor, **agree)  # type: ignore[arg-type]
        with pytest.raises(NotFound, match="no_plan_yet"):
            agree_to_plan(session, trainee_id=boris.id, seen=1, actor=world.leader_actor, now=NOW)
        with pytest.raises(NotFound, match="no_such_trainee"):
            begin_plan(session, trainee_id=999, from_programme=False, actor=world.leader_actor, now=NOW, zone=ZONE)
        world.intake.broken_off_on = DAY
        with pytest.raises(Conflict, match="intake_broken_off"):
            saved(session, world, plan, item())
        world.intake.broken_off_on = None
        anna.state, anna.left_at = TraineeState.LEFT, NOW
        with pytest.raises(Conflict, match="trainee_left"):
            saved(session, world, plan, item())


def test_a_plan_is_its_trainees_and_its_leaders_only(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        other = World(session, "b", moodle=world.moodle)
        anna, boris = world.trainees(2)
        plan = begun(session, world, anna)
        for actor in (world.actor_of(boris), other.leader_actor, other.actor_of(other.trainee())):
            with pytest.raises(Forbidden, match="not_your_plan"):
                saved(session, world, plan, item(), actor=actor)
        own = world.trainee(person=world.leader)
        both = replace(world.leader_actor, trainee_intake_ids=frozenset({world.intake.id}))
        with pytest.raises(Forbidden, match="not_your_plan"):
            seat_of(session, own.id, actor=both)  # leads the site, but isn't a trainee by role: no side at all
        with pytest.raises(Forbidden):
            plans_of(session, world.intake.id, actor=other.leader_actor, now=NOW, zone=ZONE)


def test_two_who_write_at_once_see_both_texts(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna = world.trainee()
        plan = saved(session, world, begun(session, world, anna), item())
        seen = plan.revision
        saved(session, world, plan, item("Иначе"), actor=world.actor_of(anna))
        with pytest.raises(EditedMeanwhile) as refused:
            saved(session, world, plan, item("По-моему"), seen=seen)
        (difference,) = refused.value.differences
        assert ("Иначе" in difference.theirs, "По-моему" in difference.yours) == (True, True)


def test_a_list_of_plans_costs_the_same_for_many(database: Database) -> None:
    costs = []
    for code, number in (("a", 1), ("b", 12)):
        with database.transaction() as session:
            world = World(session, code)
            for _ in range(3):
                world.meeting()
            trainees = world.trainees(number)
            begin_plans(session, intake_id=world.intake.id, actor=world.leader_actor, now=NOW, zone=ZONE)
            for trainee in trainees:
                for actor in (world.leader_actor, world.actor_of(trainee)):
                    agree_to_plan(session, trainee_id=trainee.id, seen=1, actor=actor, now=NOW)
            intake_id, actor = world.intake.id, world.leader_actor
        with database.session(writes=False) as session, counted_queries(database) as queries:
            _intake, rows = plans_of(session, intake_id, actor=actor, now=NOW, zone=ZONE)
            assert [row.card.total for row in rows] == [6] * number
        costs.append(len(queries))
        with database.session(writes=False) as session, counted_queries(database) as queries:
            assert len(plan_cards(session, intake_id, now=NOW, zone=ZONE)) == number
        assert len(queries) == 3
    assert costs == [5, 5]
