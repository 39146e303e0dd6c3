"""Credit: what the night proposes, what the leader decides, and the ledger that keeps it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import CompoundSelect, func, select, update
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit, outbox
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor
from lti_app.core.types import Hours
from lti_app.core.words import in_municipal_language
from lti_app.credits.facts import IntakeFacts, TraineeFacts, credited_sum, load_facts
from lti_app.credits.models import CreditEntry, CreditProposal, EntryKind, ProposalState
from lti_app.credits.rules import rule_words
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.guest_presence import refuse_present_guests
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.meetings.service import confirm_attendance, hold_attendance, lock_intakes, person_of, put_down_presence
from lti_app.programmes.models import Programme, ProgrammeVersion

SCORE = "score"
"""Kind of the outbox message that takes a trainee's credited hours to Moodle's gradebook."""

INTAKES_AT_ONCE = 20
LONGEST_REASON = 500


def credited_hours(session: Session, trainee_id: int) -> Decimal:
    """Return the hours credited to a trainee, net of reversals; 0 for nobody."""
    return session.scalar(select(credited_sum()).where(Trainee.id == trainee_id)) or Decimal(0)


def propose_credits(session: Session, *, moodle_id: int | None = None, now: datetime) -> int:
    """Open, refresh or withdraw proposals in all published intakes (of one Moodle, if given); return how many.

    A proposal is opened when everything is met and hours that count are not credited yet, unless a leader took them
    back on just these facts; an open one follows the facts, and is withdrawn when they don't bear it any more. One
    query finds the intakes where either can be; six more for every twenty of them, besides writing.
    """
    query = select(Intake.id).where(Intake.published_at.is_not(None), Intake.id.in_(_in_question())).order_by(Intake.id)
    if moodle_id is not None:
        query = query.where(Intake.moodle_id == moodle_id)
    intake_ids = session.scalars(query).all()
    changed = 0
    for first in range(0, len(intake_ids), INTAKES_AT_ONCE):
        batch = intake_ids[first : first + INTAKES_AT_ONCE]
        lock_intakes(session, *batch)
        for facts in load_facts(session, batch).values():
            changed += sum(_follow_facts(session, facts, trainee, now) for trainee in facts.trainees)
    session.flush()
    return changed


def _in_question() -> CompoundSelect[int]:
    """Select the intakes with an open proposal, or with somebody whose attended hours may be more than the credited.

    A topic's and the programme's limits are left out here, so nobody is missed by it.
    """
    attended = (
        select(Attendance.trainee_id, func.sum(Meeting.hours, type_=Hours()).label("hours"))
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .where(Attendance.presence == Presence.PRESENT, Meeting.state != MeetingState.CANCELLED)
        .group_by(Attendance.trainee_id)
        .subquery()
    )
    due = (
        select(Trainee.intake_id)
        .join(attended, attended.c.trainee_id == Trainee.id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .where(
            Trainee.state == TraineeState.ENROLLED,
            attended.c.hours >= ProgrammeVersion.hours_needed,
            attended.c.hours > credited_sum(),
            credited_sum() < ProgrammeVersion.hours,
        )
    )
    proposed = (
        select(Trainee.intake_id)
        .join(CreditProposal, CreditProposal.trainee_id == Trainee.id)
        .where(CreditProposal.state == ProposalState.OPEN)
    )
    return due.union(proposed)


def put_forward_since(session: Session, *, moodle_id: int, since: datetime) -> dict[str, int]:
    """Return for how many people of a Moodle's intakes proposals were opened or renewed, by code of the intake."""
    rows = session.execute(
        select(Intake.code, func.count())
        .join(Trainee, Trainee.intake_id == Intake.id)
        .join(CreditProposal, CreditProposal.trainee_id == Trainee.id)
        .where(
            Intake.moodle_id == moodle_id,
            CreditProposal.state == ProposalState.OPEN,
            CreditProposal.proposed_at >= since,
        )
        .group_by(Intake.code)
        .order_by(Intake.code)
    )
    return dict(rows.all())


def record_attendance(
    session: Session, *, meeting_id: int, present: Collection[int], actor: Actor, now: datetime, reason: str = ""
) -> None:
    """Put down the leader's word on a meeting, and let open proposals of its intake follow; none is opened.

    Raises what ``confirm_attendance`` raises, and Conflict for who was there as a guest.
    """
    confirm_attendance(session, meeting_id=meeting_id, present=present, actor=actor, now=now, reason=reason)
    refuse_present_guests(session, meeting_id=meeting_id, present=present)
    intake_id = session.get_one(Meeting, meeting_id).intake_id
    session.flush()
    facts = load_facts(session, [intake_id])[intake_id]
    for trainee in facts.trainees:
        if trainee.proposal is not None:
            _follow_facts(session, facts, trainee, now)
    session.flush()


def record_presence(
    session: Session,
    *,
    meeting_id: int,
    trainee_id: int,
    presence: Presence,
    seen: Presence | None,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    """Put down the leader's word on one trainee, and let their open proposal follow; none is opened.

    Raises what ``put_down_presence`` raises.
    """
    attendance = put_down_presence(
        session,
        meeting_id=meeting_id,
        trainee_id=trainee_id,
        presence=presence,
        seen=seen,
        actor=actor,
        now=now,
        reason=reason,
    )
    refuse_present_guests(session, meeting_id=meeting_id, present=[trainee_id] if presence is Presence.PRESENT else [])
    intake_id, person_id = attendance.meeting.intake_id, attendance.trainee.person_id
    facts = load_facts(session, [intake_id], person_id=person_id)[intake_id]
    for trainee in facts.trainees:
        if trainee.proposal is not None:
            _follow_facts(session, facts, trainee, now)
    session.flush()


def confirm_credits(
    session: Session, *, intake_id: int, proposal_ids: Collection[int], actor: Actor, now: datetime
) -> int:
    """Credit what was proposed, all of it or nothing; return how many entries the ledger got.

    The facts are looked at again: what was decided meanwhile, or isn't borne out any more, is refused. Each entry
    carries its evidence and queues a score. Raises NotFound, Forbidden to who does not lead the site (4.1) and for
    the leader's own hours, Conflict.
    """
    intake = _led_intake(session, intake_id, actor)
    lock_intakes(session, intake.id)
    proposals = _proposals(session, intake.id, proposal_ids)
    facts = load_facts(session, [intake.id])[intake.id]
    trainees = {trainee.trainee_id: trainee for trainee in facts.trainees}
    changed = [
        trainees[proposal.trainee_id] for proposal in proposals if trainees[proposal.trainee_id].due != proposal.hours
    ]
    if changed:
        raise Conflict(
            "facts_changed",
            _l("The facts have changed since this was proposed: %(names)s.", names=_names(changed)),
            remedy=_l("Reload the page; the coming night proposes anew what is due."),
        )
    own = [trainees[proposal.trainee_id] for proposal in proposals]
    if any(trainee.person.id == actor.person_id for trainee in own):
        raise Forbidden(
            "own_credit",
            _l("Nobody decides on their own hours."),
            remedy=_l("Leave your own line out; speak to the methodical centre about it."),
        )
    for proposal in proposals:
        _enter(session, facts, proposal, trainees[proposal.trainee_id], actor=actor, now=now)
    return len(proposals)


def reverse_entry(session: Session, *, entry_id: int, reason: str, actor: Actor, now: datetime) -> CreditEntry:
    """Take back an entry made by mistake: a new entry says so and why; the old one stands as it was.

    The attendance it rested on can be changed again; the night proposes the hours anew only on other facts, and an
    open proposal of further hours is withdrawn until then. Raises
    NotFound, Forbidden to who does not lead the site (4.1), DomainError without a reason, Conflict where it is
    reversed already or is itself a reversal.
    """
    entry = _led_entry(session, entry_id, actor)
    reason = _checked_reason(reason)
    intake_id = entry.trainee.intake_id
    lock_intakes(session, intake_id)
    standing = _standing(session, entry)
    facts = load_facts(session, [intake_id], person_id=entry.person_id)[intake_id]
    own = next(trainee for trainee in facts.trainees if trainee.trainee_id == entry.trainee_id)
    reversal = CreditEntry(
        kind=EntryKind.REVERSAL,
        trainee_id=entry.trainee_id,
        person_id=entry.person_id,
        version_id=entry.version_id,
        hours=entry.hours,
        rule=entry.rule,
        evidence={"reverses": entry.id, "meetings": [], "basis": own.basis},
        decided_by_id=person_of(actor),
        decided_at=now,
        reverses_id=entry.id,
        reason=reason,
    )
    free = meetings_of(entry) - {meeting for other in standing for meeting in meetings_of(other)}
    hold_attendance(session, trainee_id=entry.trainee_id, meeting_ids=free, credited=False)
    # An open proposal of later hours would grow by those taken back, and be confirmed with them unawares.
    session.execute(
        update(CreditProposal)
        .where(CreditProposal.trainee_id == entry.trainee_id, CreditProposal.state == ProposalState.OPEN)
        .values(state=ProposalState.WITHDRAWN, closed_at=now)
    )
    put_down(session, reversal, actor, now, action="reverse_credit")
    return reversal


def entry_to_reverse(session: Session, *, entry_id: int, actor: Actor) -> CreditEntry:
    """Return an entry that may be reversed. Raises NotFound, Forbidden, Conflict as ``reverse_entry`` does."""
    entry = _led_entry(session, entry_id, actor)
    _standing(session, entry)
    return entry


def put_forward_again(session: Session, *, trainee_id: int, actor: Actor, now: datetime) -> CreditProposal:
    """Propose, by the leader's word, what was taken back on facts that are still the same.

    It was taken back by mistake, or the reason is gone; it is then confirmed like any other proposal. Raises NotFound,
    Forbidden to who does not lead the site (4.1), Conflict where nothing of the kind waits.
    """
    trainee = session.get(Trainee, trainee_id)
    if trainee is None:
        raise NotFound("no_such_trainee", _l("There is no such trainee."))
    _led_intake(session, trainee.intake_id, actor)
    lock_intakes(session, trainee.intake_id)
    facts = load_facts(session, [trainee.intake_id], person_id=trainee.person_id)[trainee.intake_id]
    own = next(one for one in facts.trainees if one.trainee_id == trainee_id)
    if not own.is_taken_back:
        raise Conflict(
            "nothing_taken_back",
            _l("There are no hours of this trainee that were taken back and could be put forward again."),
            remedy=_l("Reload the page to see how things stand."),
        )
    proposal = _open_proposal(session, facts, own, now)
    session.flush()
    audit.record(
        session,
        actor=actor,
        now=now,
        action="put_forward_again",
        on=proposal,
        changes={"hours": [None, _plain(proposal.hours)], "trainee": [None, trainee_id]},
    )
    return proposal


def _led_entry(session: Session, entry_id: int, actor: Actor) -> CreditEntry:
    entry = session.get(CreditEntry, entry_id, options=[joinedload(CreditEntry.trainee)])
    if entry is None:
        raise NotFound("no_such_entry", _l("There is no such entry in the ledger."))
    _led_intake(session, entry.trainee.intake_id, actor)
    return entry


def _standing(session: Session, entry: CreditEntry) -> list[CreditEntry]:
    """Return the trainee's other credits that stand. Raises Conflict where ``entry`` itself does not stand."""
    entries = session.scalars(select(CreditEntry).where(CreditEntry.trainee_id == entry.trainee_id)).all()
    reversed_ids = {other.reverses_id for other in entries if other.reverses_id is not None}
    if entry.kind is EntryKind.REVERSAL or entry.id in reversed_ids:
        raise Conflict(
            "reversed_already",
            _l("This entry has been reversed already, or is a reversal itself."),
            remedy=_l("Reload the page to see the ledger as it is."),
        )
    return [other for other in entries if other.kind is EntryKind.CREDIT and other.id not in {*reversed_ids, entry.id}]


def meetings_of(entry: CreditEntry) -> set[int]:
    """Return the ids of the meetings that an entry rests on."""
    return {int(meeting["id"]) for meeting in entry.evidence["meetings"]}


def _follow_facts(session: Session, facts: IntakeFacts, trainee: TraineeFacts, now: datetime) -> int:
    if trainee.proposal is None:
        if trainee.due <= 0 or trainee.is_taken_back:
            return 0
        _open_proposal(session, facts, trainee, now)
        return 1
    proposal = session.get_one(CreditProposal, trainee.proposal.id)
    if trainee.due <= 0:
        proposal.state, proposal.closed_at = ProposalState.WITHDRAWN, now
        return 1
    evidence = evidence_of(facts, trainee)
    if proposal.hours == trainee.due and _same_facts(proposal.evidence, evidence):
        return 0
    proposal.hours, proposal.evidence, proposal.proposed_at = trainee.due, evidence, now
    return 1


def _open_proposal(session: Session, facts: IntakeFacts, trainee: TraineeFacts, now: datetime) -> CreditProposal:
    proposal = CreditProposal(
        trainee_id=trainee.trainee_id,
        hours=trainee.due,
        evidence=evidence_of(facts, trainee),
        state=ProposalState.OPEN,
        proposed_at=now,
    )
    session.add(proposal)
    return proposal


def evidence_of(facts: IntakeFacts, trainee: TraineeFacts) -> dict[str, Any]:
    """Return what a credit rests on, as JSON: hours as decimal strings, times in UTC (ISO 8601).

    ``meetings``: id, topic, starts_at, hours, counted (hours within the topic's), confirmed_by, confirmed_by_id,
    confirmed_at; ``completion``: complete, total, read_at, or None where the programme doesn't ask for it; ``rule``.
    """
    completion = trainee.completion
    return {
        "meetings": [
            {
                "id": meeting.id,
                "topic": meeting.topic.title,
                "starts_at": meeting.starts_at.isoformat(),
                "hours": _plain(meeting.hours),
                "counted": _plain(trainee.standing.by_meeting[meeting.id]),
                "confirmed_by": mark.confirmed_by,
                "confirmed_by_id": mark.confirmed_by_id,
                "confirmed_at": mark.confirmed_at.isoformat(),
            }
            for meeting in facts.meetings
            if meeting.is_for(trainee.trainee_id)
            and (mark := trainee.marks.get(meeting.id)) is not None
            and mark.presence is Presence.PRESENT
            and meeting.state is not MeetingState.CANCELLED
        ],
        "completion": None
        if completion is None
        else {"complete": completion.done, "total": completion.total, "read_at": completion.read_at.isoformat()},
        "hours_attended": _plain(trainee.standing.attended),
        "hours_credited_before": _plain(trainee.credited),
        "rule": in_municipal_language(rule_words(facts.demand)),
    }


def _same_facts(before: dict[str, Any], after: dict[str, Any]) -> bool:
    # Moodle is read every night: that it was read again is no news.
    def facts(evidence: dict[str, Any]) -> dict[str, Any]:
        completion = evidence.get("completion") or {}
        return {**evidence, "completion": {key: completion[key] for key in completion if key != "read_at"}}

    return facts(before) == facts(after)


def _plain(hours: Decimal) -> str:
    return f"{hours.normalize():f}"


def _led_intake(session: Session, intake_id: int, actor: Actor) -> Intake:
    intake = session.scalar(
        select(Intake)
        .where(Intake.id == intake_id)
        .options(joinedload(Intake.version).joinedload(ProgrammeVersion.programme).joinedload(Programme.site))
    )
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    return intake


def _proposals(session: Session, intake_id: int, proposal_ids: Collection[int]) -> list[CreditProposal]:
    proposals = list(
        session.scalars(
            select(CreditProposal)
            .join(Trainee, Trainee.id == CreditProposal.trainee_id)
            .where(CreditProposal.id.in_(set(proposal_ids)), Trainee.intake_id == intake_id)
            .order_by(CreditProposal.id)
            .with_for_update(of=CreditProposal)
            .execution_options(populate_existing=True)
        )
    )
    if len(proposals) != len(set(proposal_ids)):
        raise NotFound("no_such_proposal", _l("There is no such proposal in this intake."))
    if any(proposal.state is not ProposalState.OPEN for proposal in proposals):
        raise Conflict(
            "proposal_decided",
            _l("Somebody has decided on this already, or the night has withdrawn it."),
            remedy=_l("Reload the page to see how things stand."),
        )
    return proposals


def _names(trainees: Sequence[TraineeFacts]) -> str:
    return ", ".join(trainee.person.short_name for trainee in trainees)


def _enter(
    session: Session,
    facts: IntakeFacts,
    proposal: CreditProposal,
    trainee: TraineeFacts,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    evidence = evidence_of(facts, trainee)
    entry = CreditEntry(
        kind=EntryKind.CREDIT,
        trainee_id=trainee.trainee_id,
        person_id=trainee.person.id,
        version_id=facts.intake.version_id,
        hours=proposal.hours,
        rule=evidence["rule"],
        evidence=evidence,
        decided_by_id=person_of(actor),
        decided_at=now,
        proposal_id=proposal.id,
    )
    proposal.state, proposal.closed_at = ProposalState.CONFIRMED, now
    hold_attendance(
        session,
        trainee_id=trainee.trainee_id,
        meeting_ids={int(meeting["id"]) for meeting in evidence["meetings"]},
        credited=True,
    )
    put_down(session, entry, actor, now, action="confirm_credit")


def put_down(session: Session, entry: CreditEntry, actor: Actor, now: datetime, *, action: str) -> None:
    """Add an entry to the ledger, with its audit entry and the score that follows the commit."""
    session.add(entry)
    session.flush()
    sign = "" if entry.kind is EntryKind.CREDIT else "-"
    audit.record(
        session,
        actor=actor,
        now=now,
        action=action,
        on=entry,
        changes={"hours": [None, f"{sign}{_plain(entry.hours)}"], "trainee": [None, entry.trainee_id]},
    )
    outbox.enqueue(session, kind=SCORE, key=f"{SCORE}:{entry.id}", payload={"trainee_id": entry.trainee_id}, now=now)


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise DomainError(
            "reason_missing",
            _l("A reversal needs a reason."),
            remedy=_l("Write in a few words what was wrong."),
            field="reason",
        )
    if len(reason) > LONGEST_REASON:
        raise DomainError(
            "reason_too_long",
            _l("The reason is longer than %(limit)s characters.", limit=LONGEST_REASON),
            remedy=_l("Say it shorter."),
            field="reason",
        )
    return reason
