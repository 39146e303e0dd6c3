"""Put a version before the council, and take it back (4.2)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.db import lock_row
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.core.saving import as_json
from lti_app.programmes.council_notices import tell_council
from lti_app.programmes.drafts import own_version, require_editable
from lti_app.programmes.models import ProgrammeVersion, VersionState
from lti_app.programmes.words import FIELD_NAMES

NEEDED_TEXTS = ("goals", "tasks", "audience", "control", "conditions")
"""What a programme must say before it is put before the council (4.2)."""


def lacks(version: ProgrammeVersion) -> list[DomainError]:
    """Return what a draft lacks to be put before the council (4.2): each with the field and the remedy."""
    found = [
        DomainError(
            "field_missing",
            _l("“%(field)s” is empty.", field=FIELD_NAMES[name]),
            remedy=_l("Fill it in."),
            field=name,
            clause="4.2",
        )
        for name in NEEDED_TEXTS
        if not (getattr(version, name) or "").strip()
    ]
    if not version.competences:
        found.append(
            DomainError(
                "no_competences",
                _l("There is no planned result."),
                remedy=_l("Say what a trainee will know and be able to do."),
                field="competences",
                clause="4.2",
            )
        )
    total = sum((topic.hours for topic in version.topics), Decimal(0))
    if not version.topics:
        found.append(
            DomainError(
                "no_topics",
                _l("The programme has no thematic plan."),
                remedy=_l("Add its topics with their hours."),
                field="plan",
                clause="4.2",
            )
        )
    elif total != version.hours:
        found.append(
            DomainError(
                "hours_do_not_add_up",
                _l(
                    "The topics make %(total)s h, the programme says %(hours)s h.",
                    total=as_json(total),
                    hours=as_json(version.hours),
                ),
                remedy=_l("Mend the programme's hours or those of its topics."),
                field="plan",
                clause="4.2",
            )
        )
    return found


def submit_version(session: Session, version_id: int, *, actor: Actor, now: datetime, today: date) -> ProgrammeVersion:
    """Put a draft or a returned version before the council (4.2) on the local date ``today``.

    Raises Conflict once the site has ended, and the first thing that the version lacks.
    """
    version = own_version(session, version_id, actor=actor)
    lock_row(session, version)
    require_editable(version)
    ended_on = version.programme.site.ended_on
    if ended_on is not None and ended_on <= today:
        raise Conflict("site_ended", _l("This site has ended."), clause="8.1")
    for refusal in lacks(version):
        raise refusal
    values = {"state": VersionState.SUBMITTED, "submitted_at": now, "council_note": None}
    saving.change(session, version, values, actor=actor, now=now, action="submit_version")
    tell_council(session, version, actor=actor, now=now)
    return version


def withdraw_version(session: Session, version_id: int, *, actor: Actor, now: datetime) -> ProgrammeVersion:
    """Take a version back from the council, as a draft again. Raises Conflict once it is decided."""
    version = own_version(session, version_id, actor=actor)
    lock_row(session, version)
    if version.state is not VersionState.SUBMITTED:
        raise Conflict(
            "version_not_submitted",
            _l("This version isn't with the council."),
            remedy=_l("Reload the page to see how things stand."),
            clause="4.2",
        )
    saving.change(session, version, {"state": VersionState.DRAFT}, actor=actor, now=now, action="withdraw_version")
    return version
