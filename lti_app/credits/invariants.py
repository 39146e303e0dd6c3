"""What must always hold of proposals and the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from lti_app.core.invariants import Check
from lti_app.core.types import Hours
from lti_app.credits.facts import SIGNED_HOURS
from lti_app.credits.models import CreditEntry, CreditProposal, EntryKind, ProposalState
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.models import Attendance
from lti_app.programmes.models import ProgrammeVersion


def sums_out_of_bounds(session: Session) -> Iterator[str]:
    """Find trainees whose credited hours are below zero or beyond the version's hours."""
    credited = func.sum(SIGNED_HOURS, type_=Hours())
    for trainee_id, hours, total in session.execute(
        select(Trainee.id, credited, ProgrammeVersion.hours)
        .join(CreditEntry, CreditEntry.trainee_id == Trainee.id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .group_by(Trainee.id, ProgrammeVersion.hours)
        .having(or_(credited < 0, credited > ProgrammeVersion.hours))
        .order_by(Trainee.id)
    ):
        yield f"trainee {trainee_id} has {hours} credited of {total} hours"


def proposals_at_odds_with_the_ledger(session: Session) -> Iterator[str]:
    """Find proposals that have an entry without being confirmed, or are confirmed without one."""
    for proposal_id, state, entry_id in session.execute(
        select(CreditProposal.id, CreditProposal.state, CreditEntry.id)
        .outerjoin(CreditEntry, CreditEntry.proposal_id == CreditProposal.id)
        .where(
            or_(
                (CreditProposal.state != ProposalState.CONFIRMED) & CreditEntry.id.is_not(None),
                (CreditProposal.state == ProposalState.CONFIRMED) & CreditEntry.id.is_(None),
            )
        )
        .order_by(CreditProposal.id)
    ):
        yield f"proposal {proposal_id} is {state.value} and has " + (f"entry {entry_id}" if entry_id else "no entry")


def reversals_that_do_not_match(session: Session) -> Iterator[str]:
    """Find reversals of other hours, another trainee or another reversal than what they name."""
    reversed_entry = aliased(CreditEntry)
    for reversal_id, entry_id in session.execute(
        select(CreditEntry.id, reversed_entry.id)
        .join(reversed_entry, reversed_entry.id == CreditEntry.reverses_id)
        .where(
            or_(
                CreditEntry.hours != reversed_entry.hours,
                CreditEntry.trainee_id != reversed_entry.trainee_id,
                reversed_entry.kind != EntryKind.CREDIT,
            )
        )
        .order_by(CreditEntry.id)
    ):
        yield f"entry {reversal_id} does not take back what entry {entry_id} gave"


def entries_of_somebody_else(session: Session) -> Iterator[str]:
    """Find entries whose person is not the trainee's."""
    for entry_id, trainee_id, person_id in session.execute(
        select(CreditEntry.id, Trainee.id, CreditEntry.person_id)
        .join(Trainee, Trainee.id == CreditEntry.trainee_id)
        .where(Trainee.person_id != CreditEntry.person_id)
        .order_by(CreditEntry.id)
    ):
        yield f"entry {entry_id} names person {person_id}, who is not trainee {trainee_id}"


def held_attendance_at_odds_with_the_ledger(session: Session) -> Iterator[str]:
    """Find attendance that a standing entry rests on and that could be changed, or that is held by no entry."""
    reversal = aliased(CreditEntry)
    resting: set[tuple[int, int]] = set()
    for trainee_id, evidence in session.execute(
        select(CreditEntry.trainee_id, CreditEntry.evidence)
        .outerjoin(reversal, reversal.reverses_id == CreditEntry.id)
        .where(CreditEntry.kind == EntryKind.CREDIT, reversal.id.is_(None))
    ):
        resting |= {(trainee_id, int(meeting["id"])) for meeting in evidence["meetings"]}
    held = {
        (trainee_id, meeting_id)
        for trainee_id, meeting_id in session.execute(
            select(Attendance.trainee_id, Attendance.meeting_id).where(Attendance.is_credited)
        )
    }
    for trainee_id, meeting_id in sorted(resting - held):
        yield f"credit of trainee {trainee_id} rests on meeting {meeting_id}, whose attendance is not held"
    for trainee_id, meeting_id in sorted(held - resting):
        yield f"attendance of trainee {trainee_id} at meeting {meeting_id} is held, and no credit rests on it"


CHECKS = (
    Check("credited hours are within the programme's", sums_out_of_bounds),
    Check("a proposal has an entry exactly if it is confirmed", proposals_at_odds_with_the_ledger),
    Check("a reversal takes back just what was given", reversals_that_do_not_match),
    Check("an entry names the trainee's person", entries_of_somebody_else),
    Check("attendance is held exactly while credit rests on it", held_attendance_at_odds_with_the_ledger),
)
