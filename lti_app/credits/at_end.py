"""Credit at the end of a site (8.1): the hours that were attended until then, on the centre's decision."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core.errors import DomainError, Forbidden
from lti_app.core.permissions import Actor, Permission
from lti_app.core.words import in_municipal_language
from lti_app.credits.facts import IntakeFacts, TraineeFacts
from lti_app.credits.models import CreditEntry, CreditProposal, EntryKind, ProposalState
from lti_app.credits.service import evidence_of, put_down
from lti_app.meetings.service import hold_attendance

RULE = _l(
    "The academic hours attended by the leader's word until the site ended (8.1), each topic counting at most its own "
    "hours."
)


def creditable(trainee: TraineeFacts) -> Decimal:
    """Return the attended hours that are not credited yet: what can be credited though the rule isn't met."""
    return max(Decimal(0), trainee.standing.attended - trainee.credited)


def credit_at_end(
    session: Session, facts: IntakeFacts, trainee: TraineeFacts, *, actor: Actor, now: datetime
) -> CreditEntry:
    """Credit what a trainee attended until the site ended, though the programme asks for more (8.1).

    Raises DomainError where nothing was attended that isn't credited yet, Forbidden to who may not end sites and for
    one's own hours. The intake is locked by the caller.
    """
    actor.require(Permission.KEEP_SITES)
    decided_by = actor.require_person()
    if trainee.person.id == decided_by:
        raise Forbidden(
            "own_credit",
            _l("Nobody decides on their own hours."),
            remedy=_l("Let another specialist of the centre do this."),
        )
    hours = creditable(trainee)
    if hours <= 0:
        raise DomainError(
            "nothing_attended",
            _l("%(name)s has no attended hours that could be credited.", name=trainee.person.short_name),
            remedy=_l("Choose something else for this trainee."),
            field=f"trainee_{trainee.trainee_id}",
            clause="8.1",
        )
    if trainee.proposal is not None:
        proposal = session.get_one(CreditProposal, trainee.proposal.id)
        proposal.state, proposal.closed_at = ProposalState.WITHDRAWN, now
    evidence = evidence_of(facts, trainee) | {"rule": in_municipal_language(RULE)}
    entry = CreditEntry(
        kind=EntryKind.CREDIT,
        trainee_id=trainee.trainee_id,
        person_id=trainee.person.id,
        version_id=facts.intake.version_id,
        hours=hours,
        rule=evidence["rule"],
        evidence=evidence,
        decided_by_id=decided_by,
        decided_at=now,
    )
    hold_attendance(
        session,
        trainee_id=trainee.trainee_id,
        meeting_ids={int(meeting["id"]) for meeting in evidence["meetings"]},
        credited=True,
    )
    put_down(session, entry, actor, now, action="credit_at_end")
    return entry
