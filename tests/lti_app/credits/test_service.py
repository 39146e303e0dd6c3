"""The night proposes, the leader decides, the ledger keeps it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.outbox import OutboxMessage
from lti_app.core.permissions import SYSTEM, Role
from lti_app.credits.models import CreditEntry, CreditProposal, EntryKind, ProposalState
from lti_app.credits.service import (
    confirm_credits,
    credited_hours,
    entry_to_reverse,
    propose_credits,
    put_forward_again,
    record_attendance,
    reverse_entry,
)
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.meetings.service import confirm_attendance
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

DAY = timedelta(days=1)


def _proposals(session: Session) -> list[CreditProposal]:
    session.flush()
    return list(session.scalars(select(CreditProposal).order_by(CreditProposal.id)))


def _open(session: Session) -> list[CreditProposal]:
    return [proposal for proposal in _proposals(session) if proposal.state is ProposalState.OPEN]


def _confirm_all(session: Session, world: World) -> int:
    ids = [proposal.id for proposal in _open(session)]
    return confirm_credits(
        session, intake_id=world.intake.id, proposal_ids=ids, actor=world.leader_actor, now=NOW + DAY
    )


def test_credit_is_proposed_when_everything_is_met_and_not_before(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=6)
        anna, boris = world.trainees(2)
        world.attended(world.meeting(topic=0, hours=4), anna, boris)
        assert propose_credits(session, now=NOW) == 0
        world.attended(world.meeting(topic=1, hours=2), anna)
        assert propose_credits(session, now=NOW) == 1
        (proposal,) = _open(session)
        assert (proposal.trainee_id, proposal.hours, proposal.proposed_at) == (anna.id, 6, NOW)
        assert propose_credits(session, now=NOW + DAY) == 0
        assert _open(session) == [proposal]


def test_the_evidence_says_which_meetings_whose_word_and_what_moodle_said(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=5, needs_completion=True)
        anna = world.trainee()
        first, second = world.meeting(topic=0, hours=4), world.meeting(topic=1, hours=1.5)
        beyond, missed = world.meeting(topic=0, hours=2), world.meeting(topic=1, hours=2)
        world.attended(first, anna)
        world.attended(second, anna)
        world.attended(beyond, anna)
        world.attended(missed, anna, presence=Presence.ABSENT)
        world.progress(anna, 3, 3, NOW - DAY)
        propose_credits(session, now=NOW)
        (proposal,) = _open(session)
        evidence = proposal.evidence
        assert [(m["id"], m["hours"], m["counted"]) for m in evidence["meetings"]] == [
            (first.id, "4", "4"),
            (second.id, "1.5", "1.5"),
            (beyond.id, "2", "0"),
        ]
        assert evidence["meetings"][0] == {
            "id": first.id,
            "topic": "Тема 1",
            "starts_at": first.starts_at.isoformat(),
            "hours": "4",
            "counted": "4",
            "confirmed_by": world.leader.full_name,
            "confirmed_by_id": world.leader.id,
            "confirmed_at": first.ends_at.isoformat(),
        }
        assert evidence["completion"] == {"complete": 3, "total": 3, "read_at": (NOW - DAY).isoformat()}
        assert evidence["hours_attended"] == "5.5"
        assert "5 of 8" in evidence["rule"]


def test_completion_in_moodle_is_waited_for_where_the_programme_asks(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(2,), needs_completion=True)
        anna = world.trainee()
        world.attended(world.meeting(hours=2), anna)
        assert propose_credits(session, now=NOW) == 0
        world.progress(anna, 2, 3)
        assert propose_credits(session, now=NOW) == 0
        world.progress(anna, 3, 3)
        assert propose_credits(session, now=NOW) == 1
        world.progress(anna, 3, 3, NOW + DAY)
        assert propose_credits(session, now=NOW + DAY) == 0  # read again, nothing new
        world.progress(anna, 3, 4, NOW + DAY)
        assert propose_credits(session, now=NOW + DAY) == 1
        assert _proposals(session)[0].state is ProposalState.WITHDRAWN


def test_an_open_proposal_follows_the_facts(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=4)
        anna = world.trainee()
        world.attended(world.meeting(topic=0, hours=4), anna)
        propose_credits(session, now=NOW)
        world.attended(world.meeting(topic=1, hours=3), anna)
        assert propose_credits(session, now=NOW + DAY) == 1
        (proposal,) = _proposals(session)
        assert (proposal.hours, len(proposal.evidence["meetings"]), proposal.proposed_at) == (7, 2, NOW + DAY)


@pytest.mark.parametrize("how", ["absent after all", "meeting cancelled", "trainee left"])
def test_a_proposal_is_withdrawn_when_the_facts_bear_it_no_more(database: Database, how: str) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        anna = world.trainee()
        meeting = world.meeting(hours=4)
        world.attended(meeting, anna)
        propose_credits(session, now=NOW)
        if how == "absent after all":
            confirm_attendance(
                session, meeting_id=meeting.id, present=set(), actor=world.leader_actor, now=NOW, reason="не было"
            )
        elif how == "meeting cancelled":
            meeting.state = MeetingState.CANCELLED
        else:
            anna.state, anna.left_at = TraineeState.LEFT, NOW
        session.flush()
        assert propose_credits(session, now=NOW + DAY) == 1
        (proposal,) = _proposals(session)
        assert (proposal.state, proposal.closed_at) == (ProposalState.WITHDRAWN, NOW + DAY)
        assert propose_credits(session, now=NOW + DAY) == 0


def test_the_leaders_word_takes_open_proposals_along_and_opens_none(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=4)
        anna, boris, vera = world.trainees(3)
        first, second = world.meeting(topic=0, hours=4), world.meeting(topic=1, hours=3)
        world.attended(first, anna, boris)
        propose_credits(session, now=NOW)

        def say(meeting_id: int, *present: int) -> None:
            record_attendance(
                session,
                meeting_id=meeting_id,
                present=set(present),
                actor=world.leader_actor,
                now=NOW + DAY,
                reason="ошибка",
            )

        say(second.id, anna.id)
        assert [(p.trainee_id, p.hours) for p in _open(session)] == [(anna.id, 7), (boris.id, 4)]
        say(first.id, anna.id, vera.id)  # boris wasn't there after all; vera's credit is the night's to propose
        assert [(p.trainee_id, p.hours) for p in _open(session)] == [(anna.id, 7)]
        assert _confirm_all(session, world) == 1


def test_what_the_ledger_holds_is_not_proposed_again_only_what_came_on_top(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=4)
        anna = world.trainee()
        world.attended(world.meeting(topic=0, hours=4), anna)
        propose_credits(session, now=NOW)
        assert _confirm_all(session, world) == 1
        assert propose_credits(session, now=NOW + DAY) == 0
        world.attended(world.meeting(topic=1, hours=3), anna)
        assert propose_credits(session, now=NOW + 2 * DAY) == 1
        (proposal,) = _open(session)
        assert proposal.hours == 3
        assert _confirm_all(session, world) == 1
        assert credited_hours(session, anna.id) == 7


def test_a_night_looks_at_published_intakes_of_its_moodle(database: Database) -> None:
    with database.transaction() as session:
        here, there = World(session, "a", topics=(2,)), World(session, "b", topics=(2,))
        draft = World(session, "c", topics=(2,), published=False, moodle=here.moodle)
        for world in (here, there, draft):
            world.attended(world.meeting(hours=2), world.trainee())
        assert propose_credits(session, moodle_id=here.moodle.id, now=NOW) == 1
        assert [proposal.trainee.intake_id for proposal in _open(session)] == [here.intake.id]
        assert propose_credits(session, now=NOW) == 1


def test_a_night_costs_the_same_for_many_trainees_and_intakes(database: Database) -> None:
    def cost(code: str, trainees: int, intakes: int) -> int:
        with database.transaction() as session:
            first = World(session, code)
            for number in range(intakes):
                world = World(session, f"{code}{number}", moodle=first.moodle)
                world.attended(world.meeting(), *world.trainees(trainees))
            moodle_id = first.moodle.id
        with database.session() as session, counted_queries(database) as queries:
            assert propose_credits(session, moodle_id=moodle_id, now=NOW) == 0
        return len(queries)

    small = cost("small", 3, 1)
    assert cost("crowded", 60, 1) == small
    assert cost("many", 3, 15) == small


def test_the_leader_confirms_and_the_ledger_keeps_it(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        anna, boris = world.trainees(2)
        meeting = world.meeting(hours=4)
        world.attended(meeting, anna, boris)
        propose_credits(session, now=NOW)
        assert _confirm_all(session, world) == 2
        entries = session.scalars(select(CreditEntry).order_by(CreditEntry.id)).all()
        entry = entries[0]
        assert [e.trainee_id for e in entries] == [anna.id, boris.id]
        assert (entry.kind, entry.hours, entry.person_id) == (EntryKind.CREDIT, 4, anna.person_id)
        assert (entry.version_id, entry.decided_by_id) == (world.version.id, world.leader.id)
        assert entry.decided_at == NOW + DAY
        assert entry.rule == entry.evidence["rule"]
        assert [m["id"] for m in entry.evidence["meetings"]] == [meeting.id]
        assert {p.state for p in _proposals(session)} == {ProposalState.CONFIRMED}
        assert credited_hours(session, anna.id) == 4
        messages = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
        assert [(m.kind, m.key, m.payload) for m in messages] == [
            ("score", f"score:{e.id}", {"trainee_id": e.trainee_id}) for e in entries
        ]
        audit = session.scalars(select(AuditEntry).where(AuditEntry.action == "confirm_credit")).all()
        assert [(a.object_type, a.object_id, a.changes["hours"]) for a in audit] == [
            ("credit_entry", e.id, [None, "4"]) for e in entries
        ]


def test_attendance_behind_a_credit_is_held_until_the_credit_is_reversed(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=4)
        anna = world.trainee()
        first, second = world.meeting(topic=0, hours=4), world.meeting(topic=1, hours=4)
        world.attended(first, anna)
        propose_credits(session, now=NOW)
        _confirm_all(session, world)
        world.attended(second, anna)
        propose_credits(session, now=NOW)
        _confirm_all(session, world)

        def held() -> set[int]:
            session.expire_all()
            return set(session.scalars(select(Attendance.meeting_id).where(Attendance.is_credited)))

        assert held() == {first.id, second.id}
        with pytest.raises(Conflict, match="attendance_credited"):
            confirm_attendance(
                session, meeting_id=second.id, present=set(), actor=world.leader_actor, now=NOW, reason="не было"
            )
        later = session.scalars(select(CreditEntry).order_by(CreditEntry.id.desc())).first()
        assert later is not None
        reverse_entry(session, entry_id=later.id, reason="не та группа", actor=world.leader_actor, now=NOW)
        assert held() == {first.id}  # the first credit rests on it still
        confirm_attendance(
            session, meeting_id=second.id, present=set(), actor=world.leader_actor, now=NOW, reason="не было"
        )
        assert credited_hours(session, anna.id) == 4


def test_nobody_but_the_leader_of_the_site_confirms_or_reverses(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a", topics=(4,)), World(session, "b")
        anna = world.trainee()
        world.attended(world.meeting(hours=4), anna)
        propose_credits(session, now=NOW)
        (proposal,) = _open(session)
        entry = world.entry(world.trainee(), 2)
        instructor = replace(world.leader_actor, led_site_ids=frozenset())
        council = replace(world.leader_actor, roles=frozenset({Role.COUNCIL, Role.CENTRE, Role.ADMINISTRATOR}))
        for stranger in (other.leader_actor, world.actor_of(anna), SYSTEM, instructor, council):
            with pytest.raises(Forbidden):
                confirm_credits(session, intake_id=world.intake.id, proposal_ids=[proposal.id], actor=stranger, now=NOW)
            with pytest.raises(Forbidden):
                reverse_entry(session, entry_id=entry.id, reason="так", actor=stranger, now=NOW)
            with pytest.raises(Forbidden):
                entry_to_reverse(session, entry_id=entry.id, actor=stranger)
            with pytest.raises(Forbidden):
                put_forward_again(session, trainee_id=anna.id, actor=stranger, now=NOW)
        assert proposal.state is ProposalState.OPEN
        assert session.scalar(select(func.count(CreditEntry.id))) == 1


def test_nobody_credits_their_own_hours(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        own = world.trainee(person=world.leader)
        world.attended(world.meeting(hours=4), own)
        propose_credits(session, now=NOW)
        with pytest.raises(Forbidden, match="own_credit"):
            _confirm_all(session, world)


def test_a_proposal_of_another_intake_is_not_confirmed_here(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session, "a"), World(session, "b", topics=(4,))
        other.attended(other.meeting(hours=4), other.trainee())
        propose_credits(session, now=NOW)
        (foreign,) = _open(session)
        with pytest.raises(NotFound, match="no_such_proposal"):
            _confirm_all(session, world)
        assert foreign.state is ProposalState.OPEN
        with pytest.raises(NotFound, match="no_such_intake"):
            confirm_credits(session, intake_id=999, proposal_ids=[], actor=world.leader_actor, now=NOW)


def test_facts_that_changed_since_are_refused_whole(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=4)
        anna, boris = world.trainees(2)
        world.attended(world.meeting(topic=0, hours=4), anna, boris)
        propose_credits(session, now=NOW)
        world.attended(world.meeting(topic=1, hours=3), boris)
        with pytest.raises(Conflict, match="facts_changed") as refusal:
            _confirm_all(session, world)
        assert boris.person.short_name in str(refusal.value.message)
        assert anna.person.short_name not in str(refusal.value.message)
        assert session.scalar(select(func.count(CreditEntry.id))) == 0
        propose_credits(session, now=NOW + DAY)
        assert _confirm_all(session, world) == 2


def test_a_second_tab_finds_it_decided(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        anna = world.trainee()
        world.attended(world.meeting(hours=4), anna)
        propose_credits(session, now=NOW)
        (proposal,) = _open(session)
        _confirm_all(session, world)
        with pytest.raises(Conflict, match="proposal_decided"):
            confirm_credits(
                session, intake_id=world.intake.id, proposal_ids=[proposal.id], actor=world.leader_actor, now=NOW
            )
        assert credited_hours(session, anna.id) == 4


def test_two_tabs_at_once_make_one_entry(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        anna = world.trainee()
        world.attended(world.meeting(hours=4), anna)
        propose_credits(session, now=NOW)
        proposal_id, actor, intake_id = _open(session)[0].id, world.leader_actor, world.intake.id
    together = threading.Barrier(2)
    outcomes: list[object] = []

    def confirm() -> None:
        together.wait()
        try:
            with database.transaction() as session:
                outcomes.append(
                    confirm_credits(session, intake_id=intake_id, proposal_ids=[proposal_id], actor=actor, now=NOW)
                )
        except Conflict as refusal:
            outcomes.append(refusal.code)

    tabs = [threading.Thread(target=confirm) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert sorted(outcomes, key=str) == [1, "proposal_decided"]
    with database.session() as session:
        assert session.scalar(select(func.count(CreditEntry.id))) == 1
        assert session.scalar(select(func.count(OutboxMessage.id))) == 1


def test_a_night_and_a_leader_at_once_leave_the_credit_standing(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        anna = world.trainee()
        world.attended(world.meeting(hours=4), anna)
        propose_credits(session, now=NOW)
        proposal_id, actor, intake_id, anna_id = _open(session)[0].id, world.leader_actor, world.intake.id, anna.id
    together = threading.Barrier(2)

    def confirm() -> None:
        together.wait()
        with database.transaction() as session:
            confirm_credits(session, intake_id=intake_id, proposal_ids=[proposal_id], actor=actor, now=NOW)

    def night() -> None:
        together.wait()
        with database.transaction() as session:
            propose_credits(session, now=NOW)

    both = [threading.Thread(target=confirm), threading.Thread(target=night)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    with database.session() as session:
        assert [proposal.state for proposal in _proposals(session)] == [ProposalState.CONFIRMED]
        assert credited_hours(session, anna_id) == 4


def test_a_mistake_is_reversed_by_an_entry_with_its_reason(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        anna = world.trainee()
        world.attended(world.meeting(hours=4), anna)
        propose_credits(session, now=NOW)
        _confirm_all(session, world)
        entry = session.scalars(select(CreditEntry)).one()
        reversal = reverse_entry(
            session, entry_id=entry.id, reason="  не та группа ", actor=world.leader_actor, now=NOW + 2 * DAY
        )
        assert (reversal.kind, reversal.hours, reversal.reverses_id) == (EntryKind.REVERSAL, 4, entry.id)
        assert (reversal.reason, reversal.decided_by_id) == ("не та группа", world.leader.id)
        assert credited_hours(session, anna.id) == 0
        keys = session.scalars(select(OutboxMessage.key).order_by(OutboxMessage.id)).all()
        assert keys == [f"score:{entry.id}", f"score:{reversal.id}"]
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert actions == ["confirm_credit", "reverse_credit"]


def test_a_reversal_needs_a_reason_and_happens_once(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        entry = world.entry(world.trainee(), 4)

        def reverse(entry_id: int, reason: str = "ошибка") -> CreditEntry:
            return reverse_entry(session, entry_id=entry_id, reason=reason, actor=world.leader_actor, now=NOW)

        with pytest.raises(DomainError, match="reason_missing") as refusal:
            reverse(entry.id, "  ")
        assert refusal.value.field == "reason"
        with pytest.raises(DomainError, match="reason_too_long"):
            reverse(entry.id, "о" * 501)
        with pytest.raises(NotFound, match="no_such_entry"):
            reverse(999)
        reversal = reverse(entry.id)
        for again in (entry.id, reversal.id):
            with pytest.raises(Conflict, match="reversed_already"):
                reverse(again)


def test_nothing_is_credited_to_nobody(database: Database) -> None:
    with database.session() as session:
        assert credited_hours(session, 999) == Decimal(0)


def _reverse_last(session: Session, world: World) -> None:
    last = session.scalars(
        select(CreditEntry.id).where(CreditEntry.kind == EntryKind.CREDIT).order_by(CreditEntry.id.desc())
    ).first()
    assert last is not None
    reverse_entry(session, entry_id=last, reason="не та группа", actor=world.leader_actor, now=NOW + DAY)


def _taken_back(session: Session, **options: Any) -> tuple[World, Trainee, Meeting]:
    """Credit a trainee's 4 hours and take them back."""
    world = World(session, topics=(4, 4), needed=4, **options)
    anna = world.trainee()
    meeting = world.meeting(topic=0, hours=4)
    world.attended(meeting, anna)
    world.progress(anna, 3, 3)
    propose_credits(session, now=NOW)
    _confirm_all(session, world)
    _reverse_last(session, world)
    return world, anna, meeting


def test_what_was_taken_back_is_not_proposed_again_on_the_same_facts(database: Database) -> None:
    with database.transaction() as session:
        world, anna, _meeting = _taken_back(session, needs_completion=True)
        world.progress(anna, 3, 3, NOW + DAY)  # read again, nothing new
        assert propose_credits(session, now=NOW + 2 * DAY) == 0
        assert _open(session) == []


def test_what_was_taken_back_does_not_come_back_with_a_proposal_of_later_hours(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=4)
        anna = world.trainee()
        world.attended(world.meeting(topic=0, hours=4), anna)
        propose_credits(session, now=NOW)
        _confirm_all(session, world)
        entry = session.scalars(select(CreditEntry)).one()
        world.attended(world.meeting(topic=1, hours=3), anna)
        propose_credits(session, now=NOW)
        assert [proposal.hours for proposal in _open(session)] == [3]

        reverse_entry(session, entry_id=entry.id, reason="не та группа", actor=world.leader_actor, now=NOW + 2 * DAY)
        propose_credits(session, now=NOW + 3 * DAY)

        assert _open(session) == []
        put_forward_again(session, trainee_id=anna.id, actor=world.leader_actor, now=NOW + 4 * DAY)
        assert [proposal.hours for proposal in _open(session)] == [7]


def test_what_was_taken_back_is_proposed_again_when_there_is_more(database: Database) -> None:
    with database.transaction() as session:
        world, anna, _meeting = _taken_back(session)
        world.attended(world.meeting(topic=1, hours=2), anna)
        assert propose_credits(session, now=NOW + 2 * DAY) == 1
        assert [proposal.hours for proposal in _open(session)] == [6]


def test_what_was_taken_back_is_proposed_again_when_other_activities_are_complete(database: Database) -> None:
    with database.transaction() as session:
        world, anna, _meeting = _taken_back(session, needs_completion=True)
        world.progress(anna, 4, 4)
        assert propose_credits(session, now=NOW + 2 * DAY) == 1


def test_attendance_corrected_after_a_reversal_counts_as_a_new_word(database: Database) -> None:
    """Absent, and after all present: the leader has said so since, so that the night may propose."""
    with database.transaction() as session:
        world, anna, meeting = _taken_back(session)

        def say(present: set[int], now: datetime) -> None:
            confirm_attendance(
                session, meeting_id=meeting.id, present=present, actor=world.leader_actor, now=now, reason="ошибка"
            )
            session.flush()

        say({anna.id}, NOW + 2 * DAY)  # the same once more is no news
        assert propose_credits(session, now=NOW + 2 * DAY) == 0
        say(set(), NOW + 2 * DAY)
        assert propose_credits(session, now=NOW + 2 * DAY) == 0  # nothing is due
        say({anna.id}, NOW + 3 * DAY)
        assert propose_credits(session, now=NOW + 3 * DAY) == 1


def test_of_two_credits_the_one_that_was_taken_back_stays_away(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4, 4), needed=4)
        anna = world.trainee()
        for topic in (0, 1):
            world.attended(world.meeting(topic=topic, hours=4), anna)
            propose_credits(session, now=NOW)
            _confirm_all(session, world)
        first = session.scalars(select(CreditEntry.id).order_by(CreditEntry.id)).first()
        assert first is not None
        reverse_entry(session, entry_id=first, reason="ошибка", actor=world.leader_actor, now=NOW + DAY)
        assert credited_hours(session, anna.id) == 4
        assert propose_credits(session, now=NOW + 2 * DAY) == 0


def test_the_leader_can_put_forward_again_what_was_taken_back_by_mistake(database: Database) -> None:
    with database.transaction() as session:
        world, anna, _meeting = _taken_back(session)
        proposal = put_forward_again(session, trainee_id=anna.id, actor=world.leader_actor, now=NOW + 2 * DAY)
        assert (proposal.hours, proposal.state) == (4, ProposalState.OPEN)
        assert propose_credits(session, now=NOW + 3 * DAY) == 0  # it stands, and follows the facts
        with pytest.raises(Conflict, match="nothing_taken_back"):
            put_forward_again(session, trainee_id=anna.id, actor=world.leader_actor, now=NOW + 3 * DAY)
        assert _confirm_all(session, world) == 1
        assert credited_hours(session, anna.id) == 4
        assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()[-2:] == [
            "put_forward_again",
            "confirm_credit",
        ]


def test_what_was_never_taken_back_is_the_nights_to_propose(database: Database) -> None:
    with database.transaction() as session:
        world = World(session, topics=(4,))
        anna = world.trainee()
        world.attended(world.meeting(hours=4), anna)
        with pytest.raises(Conflict, match="nothing_taken_back"):
            put_forward_again(session, trainee_id=anna.id, actor=world.leader_actor, now=NOW)
        with pytest.raises(NotFound, match="no_such_trainee"):
            put_forward_again(session, trainee_id=999, actor=world.leader_actor, now=NOW)
