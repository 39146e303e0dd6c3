"""Decisions of the council: approve, return or reject a version (4.2); recommend the end of a site (8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.db import lock_row
from lti_app.core.editing import Difference, edited_meanwhile
from lti_app.core.errors import Conflict, DomainError, Forbidden
from lti_app.core.permissions import Actor
from lti_app.programmes.council_notices import tell_centre, tell_leader
from lti_app.programmes.models import AgendaItem, Decision, ProgrammeVersion, Sitting, VersionState
from lti_app.programmes.sittings import item_of, open_sitting
from lti_app.programmes.words import WORDING_NAMES
from lti_app.sites.models import Site

STATES = {
    Decision.APPROVED: VersionState.APPROVED,
    Decision.RETURNED: VersionState.RETURNED,
    Decision.REJECTED: VersionState.REJECTED,
}
OCCASIONS = {
    Decision.APPROVED: "version_approved",
    Decision.RETURNED: "version_returned",
    Decision.REJECTED: "version_rejected",
}
ACTIONS = {
    Decision.APPROVED: "approve_version",
    Decision.RETURNED: "return_version",
    Decision.REJECTED: "reject_version",
}


WORDING = ("heard", "spoke", "decided")
Wording = Mapping[str, str | None]


def _clean(text: str | None) -> str | None:
    """Fold what a browser makes of line ends; nothing written is None."""
    return (text or "").replace("\r\n", "\n").strip() or None


def decide_item(
    session: Session, item_id: int, decision: Decision, *, note: str, actor: Actor, now: datetime, today: date
) -> AgendaItem:
    """Put down what the council decided on a point of its agenda, under the sitting's protocol number and date.

    ``note``: what to mend, or why not; needed unless a version is approved. Raises Forbidden to who leads the site,
    Conflict where it was decided already or the leader took the version back, DomainError for what is missing.
    """
    item = item_of(session, item_id, actor=actor)
    sitting = open_sitting(session, item.sitting_id, actor=actor)
    session.refresh(item)
    _require_decidable(item, sitting, decision, today)
    if decision in (Decision.RETURNED, Decision.REJECTED) and not note.strip():
        raise DomainError(
            "note_missing",
            _l("It isn't said what to mend, or why not."),
            remedy=_l("Write it: the leader reads it."),
            field="note",
            clause="4.2",
        )
    if item.version_id is not None:
        _decide_version(session, item.version_id, sitting, decision, note.strip() or None, actor=actor, now=now)
    else:
        site = session.get_one(Site, item.site_id)
        _refuse_own(actor, site.id)
        if decision is Decision.END_RECOMMENDED:
            tell_centre(session, item, sitting, site, now=now)
    values = {"decision": decision, "decided_at": now, "decided_by": actor.name}
    if note.strip():
        values["decided"] = note.strip()
    saving.change(session, item, values, actor=actor, now=now, action="decide_item")
    return item


def _require_decidable(item: AgendaItem, sitting: Sitting, decision: Decision, today: date) -> None:
    if item.decision is not None:
        raise Conflict(
            "item_decided",
            _l("This point is decided already."),
            remedy=_l("Reload the page to see how things stand."),
        )
    if (item.version_id is not None) != (decision in STATES):
        raise DomainError(
            "decision_unfit", _l("Choose a decision."), remedy=_l("Choose one of the list."), field="decision"
        )
    if sitting.protocol_number is None:
        raise DomainError(
            "protocol_missing",
            _l("The sitting has no protocol number yet."),
            remedy=_l("Give it on the page of the sitting: a decision stands under it."),
            field="protocol_number",
            clause="4.2",
        )
    if sitting.held_on > today:
        raise DomainError(
            "sitting_to_come",
            _l("The sitting is still to come."),
            remedy=_l("Decisions are put down on the day of the sitting or later."),
            clause="4.2",
        )


def _refuse_own(actor: Actor, site_id: int) -> None:
    if site_id in actor.led_site_ids:
        raise Forbidden(
            "own_site",
            _l("Nobody decides on the programme or the end of the site that they lead."),
            remedy=_l("Let another member of the council put the decision down."),
        )


def _decide_version(
    session: Session,
    version_id: int,
    sitting: Sitting,
    decision: Decision,
    note: str | None,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    version = session.scalars(
        select(ProgrammeVersion)
        .where(ProgrammeVersion.id == version_id)
        .with_for_update(of=ProgrammeVersion)
        .execution_options(populate_existing=True)
    ).one()
    _refuse_own(actor, version.programme.site_id)
    if version.state is not VersionState.SUBMITTED:
        raise Conflict(
            "version_not_submitted",
            _l("This version isn't with the council: its leader has taken it back."),
            remedy=_l("Take the point off the agenda."),
            clause="4.2",
        )
    if decision is Decision.APPROVED:
        _require_adding_up(version)
    protocol = sitting.protocol_number or ""
    values = {
        "state": STATES[decision],
        "council_protocol": protocol,
        "council_date": sitting.held_on,
        "council_note": note,
    }
    saving.change(session, version, values, actor=actor, now=now, action=ACTIONS[decision])
    tell_leader(
        session,
        version,
        OCCASIONS[decision],
        now=now,
        turn=str(sitting.id),
        note=note or "",
        protocol=protocol,
        day=f"{sitting.held_on:%d.%m.%Y}",
    )


def _require_adding_up(version: ProgrammeVersion) -> None:
    total = sum((topic.hours for topic in version.topics), Decimal(0))
    if total != version.hours:
        raise DomainError(
            "hours_do_not_add_up",
            _l("The topics make %(total)s h, the programme says %(hours)s h.", total=total, hours=version.hours),
            remedy=_l("Return the programme to its leader."),
            clause="4.2",
        )


def word_item(
    session: Session, item_id: int, typed: Wording, *, seen: Wording, actor: Actor, now: datetime
) -> AgendaItem:
    """Put down the wording of the protocol on a point of the agenda, until the protocol is signed.

    ``seen`` is the wording that the form was filled from. Raises EditedMeanwhile where another stands there now.
    """
    item = item_of(session, item_id, actor=actor)
    open_sitting(session, item.sitting_id, actor=actor)
    lock_row(session, item)
    values: dict[str, str | None] = {name: _clean(typed.get(name)) for name in WORDING}
    stands = {name: _clean(getattr(item, name)) for name in WORDING}
    if stands not in ({name: _clean(seen.get(name)) for name in WORDING}, values):
        found = [
            Difference(WORDING_NAMES[name], stands[name] or "", values[name] or "")
            for name in WORDING
            if stands[name] != values[name]
        ]
        raise edited_meanwhile(session, item, found, 0)
    saving.change(session, item, values, actor=actor, now=now, action="change_item")
    return item
