"""Discussion of a version: remarks of the council's members, the leader's answers, settled or not (4.2)."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.programmes.council_notices import tell_leader
from lti_app.programmes.drafts import version_of
from lti_app.programmes.models import ProgrammeVersion, Remark, Section, VersionState

LONGEST = 4000
ANSWERED_IN = (VersionState.SUBMITTED, VersionState.RETURNED)


def remarks_on(session: Session, version_id: int) -> list[Remark]:
    """Return the remarks on a version: unsettled ones first, in the order in which they were made. One query."""
    return sorted(
        session.scalars(select(Remark).where(Remark.version_id == version_id).order_by(Remark.id)),
        key=lambda remark: (remark.resolved_at is not None, remark.id),
    )


def add_remark(
    session: Session,
    version_id: int,
    *,
    section: Section,
    topic_position: int | None,
    text: str,
    actor: Actor,
    now: datetime,
) -> Remark:
    """Remark on a submitted version, on a section or on a topic of it; its leader is told once a day (UTC)."""
    actor.require(Permission.DISCUSS_PROGRAMMES)
    version = version_of(session, version_id)
    if version.state is not VersionState.SUBMITTED:
        raise Conflict(
            "version_not_submitted",
            _l("This version isn't with the council."),
            remedy=_l("Remarks are made while a programme waits for the council."),
            clause="4.2",
        )
    title = _topic_title(version, topic_position) if section is Section.TOPIC else None
    remark = Remark(
        version_id=version.id,
        section=section,
        topic_position=topic_position if section is Section.TOPIC else None,
        topic_title=title,
        text=_checked(text, "text"),
        author_id=actor.person_id,
        author_name=actor.name,
        made_at=now,
    )
    saving.add(session, remark, actor=actor, now=now, action="add_remark")
    tell_leader(session, version, "remarks_made", now=now, turn=now.date().isoformat())
    return remark


def _topic_title(version: ProgrammeVersion, position: int | None) -> str:
    for topic in version.topics:
        if topic.position == position:
            return topic.title
    raise DomainError(
        "no_such_topic",
        _l("The plan has no such topic."),
        remedy=_l("Choose a topic of the plan."),
        field="topic_position",
    )


def _checked(text: str, field: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise DomainError(
            "text_missing" if not text else "text_too_long",
            _l("There is no text.") if not text else _l("The text is longer than %(limit)s characters.", limit=LONGEST),
            remedy=_l("Write it.") if not text else _l("Say it shorter."),
            field=field,
        )
    return text


def _locked(session: Session, remark_id: int) -> Remark:
    remark = session.scalar(select(Remark).where(Remark.id == remark_id).with_for_update())
    if remark is None:
        raise NotFound("no_such_remark", _l("There is no such remark."))
    return remark


def change_remark(session: Session, remark_id: int, *, text: str, actor: Actor, now: datetime) -> Remark:
    """Change an own remark, until it is answered. Raises Forbidden for another's, Conflict after the answer."""
    actor.require(Permission.DISCUSS_PROGRAMMES)
    remark = _locked(session, remark_id)
    if remark.author_id is None or remark.author_id != actor.person_id:
        raise Forbidden("not_your_remark", _l("This remark is somebody else's."))
    if remark.answer is not None:
        raise Conflict(
            "remark_answered",
            _l("The remark has been answered: it isn't changed any more."),
            remedy=_l("Make another remark."),
        )
    saving.change(session, remark, {"text": _checked(text, "text")}, actor=actor, now=now, action="change_remark")
    return remark


def answer_remark(session: Session, remark_id: int, *, answer: str, actor: Actor, now: datetime) -> Remark:
    """Answer a remark as the leader of the site, while the version is with the council or returned."""
    actor.require(Permission.WRITE_PROGRAMMES)
    remark = _locked(session, remark_id)
    version = version_of(session, remark.version_id)
    actor.require_site(version.programme.site_id)
    if version.state not in ANSWERED_IN or remark.resolved_at is not None:
        raise Conflict(
            "remark_closed",
            _l("This remark is settled, or its version is decided on."),
            remedy=_l("Reload the page to see how things stand."),
        )
    values = {"answer": _checked(answer, "answer"), "answered_at": now, "answered_by": actor.name}
    saving.change(session, remark, values, actor=actor, now=now, action="answer_remark")
    return remark


def settle_remark(session: Session, remark_id: int, *, is_settled: bool, actor: Actor, now: datetime) -> Remark:
    """Say as a member of the council that a remark is settled, or that it isn't; said again, it changes nothing."""
    actor.require(Permission.DISCUSS_PROGRAMMES)
    remark = _locked(session, remark_id)
    if (remark.resolved_at is not None) == is_settled:
        return remark
    values = {"resolved_at": now if is_settled else None, "resolved_by": actor.name if is_settled else None}
    action = "resolve_remark" if is_settled else "reopen_remark"
    saving.change(session, remark, values, actor=actor, now=now, action=action)
    return remark
