"""A version while it is the leader's: read, and saved as a draft (4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_app.core import audit, saving
from lti_app.core.editing import Difference, differences, require_unchanged
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor, Permission
from lti_app.core.saving import as_json
from lti_app.core.words import in_municipal_language
from lti_app.programmes.demands import DemandRow, as_rows, demands_text, put_demands
from lti_app.programmes.models import (
    FORM_NAMES,
    MODE_NAMES,
    Competence,
    Form,
    Mode,
    Programme,
    ProgrammeVersion,
    Topic,
)
from lti_app.programmes.service import EDITABLE
from lti_app.programmes.words import FIELD_NAMES
from lti_app.sites.models import Site

TEXTS = (
    "title",
    "direction",
    "goals",
    "relevance",
    "tasks",
    "audience",
    "annotation",
    "control",
    "conditions",
    "sources",
    "rating_scale",
)
MOST_TOPICS = 300
ASIDE = 100_000
"""Added to positions while rows change places, since no two rows may hold one position at any moment."""


@dataclass(frozen=True)
class PlanRow:
    """Hold a row of the thematic plan as it was typed; academic hours. ``topic_id`` names a row that is there."""

    title: str
    form: Form
    mode: Mode
    hours: Decimal
    independent_hours: Decimal = Decimal(0)
    control: str | None = None
    content: str | None = None
    topic_id: int | None = None


@dataclass(frozen=True)
class DraftFacts:
    """Hold what a draft says; academic hours, rows and competences in order."""

    title: str
    hours: Decimal
    hours_needed: Decimal
    needs_completion: bool
    texts: dict[str, str | None]
    competences: tuple[str, ...]
    rows: tuple[PlanRow, ...]
    demands: tuple[DemandRow, ...] = ()


def version_of(session: Session, version_id: int) -> ProgrammeVersion:
    """Return a version with plan, competences, demands, programme and site; five queries. Raises NotFound."""
    version = session.scalar(
        select(ProgrammeVersion)
        .where(ProgrammeVersion.id == version_id)
        .options(
            joinedload(ProgrammeVersion.programme).joinedload(Programme.site).joinedload(Site.organisation),
            selectinload(ProgrammeVersion.topics),
            selectinload(ProgrammeVersion.competences),
            selectinload(ProgrammeVersion.demands),
        )
    )
    if version is None:
        raise NotFound("no_such_version", _l("There is no such programme."))
    return version


def own_version(session: Session, version_id: int, *, actor: Actor) -> ProgrammeVersion:
    """Return a version of a site that ``actor`` leads. Raises NotFound, Forbidden (4.1)."""
    actor.require(Permission.WRITE_PROGRAMMES)
    version = version_of(session, version_id)
    actor.require_site(version.programme.site_id)
    return version


def own_programme(session: Session, programme_id: int, *, actor: Actor) -> Programme:
    """Return a programme of a site that ``actor`` leads. Raises NotFound, Forbidden (4.1)."""
    actor.require(Permission.WRITE_PROGRAMMES)
    programme = session.get(Programme, programme_id)
    if programme is None:
        raise NotFound("no_such_programme", _l("There is no such programme."))
    actor.require_site(programme.site_id)
    return programme


def save_draft(
    session: Session, version_id: int, facts: DraftFacts, *, seen: int | None, actor: Actor, now: datetime
) -> ProgrammeVersion:
    """Bring a draft to ``facts``; it may have gaps yet. Raises EditedMeanwhile, Conflict once it isn't the leader's."""
    version = own_version(session, version_id, actor=actor)
    require_unchanged(session, version, seen, lambda: _compared(version, facts))
    require_editable(version)
    require_title(facts.title)
    if facts.hours <= 0:
        raise wrong_hours("hours")
    if not 0 < facts.hours_needed <= facts.hours:
        raise DomainError(
            "hours_needed_out_of_range",
            _l("Credit can't ask for more hours than the programme has."),
            remedy=_l("Give a number of hours from the programme."),
            field="hours_needed",
        )
    if len(facts.rows) > MOST_TOPICS:
        raise DomainError(
            "too_many_topics",
            _l("The plan has more than %(limit)s rows.", limit=MOST_TOPICS),
            remedy=_l("Put topics together."),
            field="plan",
        )
    before = _as_json(version)
    values: dict[str, Any] = {
        **facts.texts,
        "title": facts.title.strip(),
        "hours": facts.hours,
        "hours_needed": facts.hours_needed,
        "needs_completion": facts.needs_completion,
    }
    saved = saving.change(session, version, values, actor=actor, now=now, action="change_version")
    _put_rows(session, version, facts.rows)
    _put_competences(session, version, facts.competences)
    put_demands(session, version, facts.demands)
    session.flush()
    session.expire(version, ["topics", "competences", "demands"])
    after = _as_json(version)
    changes = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
    if changes:
        audit.record(session, actor=actor, now=now, action="change_plan", on=version, changes=changes)
        if saved is saving.Saved.UNCHANGED:
            version.revision += 1
    session.flush()
    return version


def _put_rows(session: Session, version: ProgrammeVersion, rows: Sequence[PlanRow]) -> None:
    known = {topic.id: topic for topic in version.topics}
    kept = {row.topic_id for row in rows if row.topic_id in known}
    try:
        with session.begin_nested():
            session.execute(delete(Topic).where(Topic.version_id == version.id, Topic.id.not_in(kept)))
    except IntegrityError as error:
        raise Conflict(
            "topic_has_meetings",
            _l("A topic that was removed has meetings on the schedule of an intake."),
            remedy=_l("Keep the topic, or take the meetings off the schedule first."),
            field="plan",
        ) from error
    for topic_id in kept:
        known[topic_id or 0].position += ASIDE
    session.flush()
    for position, row in enumerate(rows, start=1):
        topic = known.get(row.topic_id or 0) if row.topic_id in kept else None
        if topic is None:
            topic = Topic(version_id=version.id)
            session.add(topic)
        kept.discard(row.topic_id)  # a row that is named twice is added the second time
        topic.position, topic.title, topic.form, topic.mode = position, row.title, row.form, row.mode
        topic.hours, topic.independent_hours = row.hours, row.independent_hours
        topic.control, topic.content = row.control, row.content
    session.flush()


def _put_competences(session: Session, version: ProgrammeVersion, texts: Sequence[str]) -> None:
    if [one.text for one in version.competences] == list(texts):
        return
    session.execute(delete(Competence).where(Competence.version_id == version.id))
    session.add_all(
        Competence(version_id=version.id, position=position, text=text) for position, text in enumerate(texts, start=1)
    )


def _as_json(version: ProgrammeVersion) -> dict[str, Any]:
    return {
        "topics": plan_text(version.topics),
        "competences": "\n".join(one.text for one in version.competences),
        "demands": demands_text(as_rows(version.demands)),
    }


def plan_text(rows: Sequence[Topic | PlanRow]) -> str:
    """Write a thematic plan as text, a line a topic, for the audit and for two texts side by side."""
    return "\n".join(
        f"{number}. {row.title} — {in_municipal_language(FORM_NAMES[row.form])}, "
        f"{in_municipal_language(MODE_NAMES[row.mode])}, {str(as_json(row.hours)).replace('.', ',')} ак. ч"
        for number, row in enumerate(rows, start=1)
    )


def _compared(version: ProgrammeVersion, facts: DraftFacts) -> list[Difference]:
    typed = {**facts.texts, "title": facts.title.strip(), "hours": facts.hours, "hours_needed": facts.hours_needed}
    found = differences(version, typed, FIELD_NAMES, lambda value: str(as_json(value)))
    pairs = (
        (FIELD_NAMES["topics"], plan_text(version.topics), plan_text(facts.rows)),
        (FIELD_NAMES["competences"], _as_json(version)["competences"], "\n".join(facts.competences)),
        (FIELD_NAMES["demands"], _as_json(version)["demands"], demands_text(facts.demands)),
    )
    return found + [Difference(name, theirs, yours) for name, theirs, yours in pairs if theirs != yours]


def require_editable(version: ProgrammeVersion) -> None:
    """Refuse what the leader can't change any more. Raises Conflict (4.2)."""
    if version.state not in EDITABLE:
        raise Conflict(
            "version_not_editable",
            _l("This version is with the council or was decided on: it isn't changed any more (4.2)."),
            remedy=_l("Take it back from the council, or begin the next version."),
            clause="4.2",
        )


def require_title(title: str) -> None:
    """Refuse a programme without a title, or with one longer than its column."""
    require_fitting(ProgrammeVersion, {"title": title.strip()})
    if not title.strip():
        raise DomainError(
            "title_missing", _l("The title is missing."), remedy=_l("Give the programme a title."), field="title"
        )


def wrong_hours(field: str) -> DomainError:
    """Build the refusal of hours that aren't above zero."""
    return DomainError(
        "hours_not_positive", _l("Hours are a number above zero."), remedy=_l("Give them, such as 24."), field=field
    )
