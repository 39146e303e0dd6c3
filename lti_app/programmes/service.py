"""Keep programmes in versions: what the council approved is never changed in place (4.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.core.saving import Saved, as_json
from lti_app.programmes.models import Form, Mode, Programme, ProgrammeVersion, Topic, VersionState
from lti_app.sites.models import Site

EDITABLE = (VersionState.DRAFT, VersionState.RETURNED)
"""States in which a version is still the leader's to change."""


@dataclass(frozen=True)
class TopicFacts:
    """Hold a row of the thematic plan; academic hours."""

    position: int
    title: str
    form: Form
    mode: Mode
    hours: Decimal


@dataclass(frozen=True)
class Council:
    """Hold the council's decision: number and local date of the protocol."""

    protocol: str
    decided_on: date


@dataclass(frozen=True)
class ProgrammeFacts:
    """Hold what a programme says: academic hours, the thematic plan in order, the council's approval if there is one.

    ``hours_needed`` are the attended hours that earn credit.
    """

    code: str
    site: Site
    title: str
    hours: Decimal
    topics: tuple[TopicFacts, ...]
    goals: str | None = None
    hours_needed: Decimal | None = None
    needs_completion: bool = False
    council: Council | None = None

    @property
    def earns_credit_from(self) -> Decimal:
        """Return the attended hours that earn credit: all of them unless said otherwise."""
        return self.hours if self.hours_needed is None else self.hours_needed


def latest_version(programme: Programme) -> ProgrammeVersion:
    """Return the newest version."""
    return max(programme.versions, key=lambda version: version.number)


def version_for_intake(programme: Programme) -> ProgrammeVersion:
    """Return the newest approved version, or the newest one where none is approved yet."""
    approved = [version for version in programme.versions if version.state is VersionState.APPROVED]
    return max(approved or programme.versions, key=lambda version: version.number)


def facts_of(version: ProgrammeVersion) -> ProgrammeFacts:
    """Return what ``version`` says, without the council's decision."""
    return ProgrammeFacts(
        code=version.programme.code,
        site=version.programme.site,
        title=version.title,
        hours=version.hours,
        goals=version.goals,
        hours_needed=version.hours_needed,
        needs_completion=version.needs_completion,
        topics=tuple(
            TopicFacts(topic.position, topic.title, topic.form, topic.mode, topic.hours) for topic in version.topics
        ),
    )


def check_programme(existing: Programme | None, facts: ProgrammeFacts) -> list[DomainError]:
    """Return what forbids keeping these facts: hours that don't add up, a changed version that was approved (4.2)."""
    refusals: list[DomainError] = []
    total = sum((topic.hours for topic in facts.topics), Decimal(0))
    if not facts.topics:
        refusals.append(
            DomainError(
                "no_topics",
                _l("The programme has no thematic plan."),
                remedy=_l("Add its topics with their hours."),
                field="code",
                clause="4.2",
            )
        )
    elif total != facts.hours:
        refusals.append(
            DomainError(
                "hours_do_not_add_up",
                _l(
                    "The topics make %(total)s h, the programme says %(hours)s h.",
                    total=_h(total),
                    hours=_h(facts.hours),
                ),
                remedy=_l("Mend the programme's hours or those of its topics."),
                field="hours",
            )
        )
    if not 0 < facts.earns_credit_from <= facts.hours:
        refusals.append(
            DomainError(
                "hours_needed_out_of_range",
                _l("Credit can't ask for more hours than the programme has (%(hours)s h).", hours=_h(facts.hours)),
                remedy=_l("Give a number of hours from the programme, or leave the cell empty to ask for all."),
                field="hours_needed",
            )
        )
    if existing is not None:
        refusals += _check_against(existing, facts)
    return refusals


def _h(hours: Decimal) -> str:
    return f"{hours.normalize():f}"


def _check_against(existing: Programme, facts: ProgrammeFacts) -> list[DomainError]:
    if existing.site_id != facts.site.id:
        return [
            Conflict(
                "programme_of_another_site",
                _l("This programme belongs to the site %(site)s.", site=existing.site.code),
                remedy=_l("A programme of another site takes a code of its own."),
                field="site",
            )
        ]
    latest = latest_version(existing)
    if latest.state in EDITABLE or not _differs(latest, facts) or _is_newer(latest, facts.council):
        return []
    if latest.state is VersionState.APPROVED:
        return [
            Conflict(
                "approved_version_differs",
                _l(
                    "The council approved this programme (protocol %(protocol)s of %(day)s), "
                    "and the file says otherwise: %(what)s.",
                    protocol=latest.council_protocol,
                    day=f"{latest.council_date:%d.%m.%Y}",
                    what=", ".join(_differing(latest, facts)),
                ),
                remedy=_l(
                    "A change makes a new version: give the protocol and the later date "
                    "by which the council approved it (4.2)."
                ),
                field="council_date",
                clause="4.2",
            )
        ]
    return [
        Conflict(
            "version_with_council",
            _l("Version %(number)s is with the council or was rejected; it can't be changed.", number=latest.number),
            remedy=_l("Wait for its decision; then give protocol and date with the change."),
            field="code",
            clause="4.2",
        )
    ]


def _is_newer(version: ProgrammeVersion, council: Council | None) -> bool:
    """Tell whether ``council`` decided after ``version`` was approved, so that a new version may follow."""
    if council is None or version.state is VersionState.SUBMITTED:
        return False
    if version.council_date is None:
        return True
    if council.decided_on == version.council_date:
        return council.protocol != version.council_protocol
    return council.decided_on > version.council_date


def _differing(version: ProgrammeVersion, facts: ProgrammeFacts) -> list[str]:
    """Name the columns in which ``facts`` say something else than ``version``."""
    known = facts_of(version)
    names = ["title", "goals", "hours", "needs_completion"]
    found = [name for name in names if getattr(known, name) != getattr(facts, name)]
    if known.earns_credit_from != facts.earns_credit_from:
        found.append("hours_needed")
    if known.topics != facts.topics:
        found.append("topics")
    return found


def _differs(version: ProgrammeVersion, facts: ProgrammeFacts) -> bool:
    return bool(_differing(version, facts))


def build_programme(facts: ProgrammeFacts) -> Programme:
    """Make a programme with its first version, outside any session."""
    programme = Programme(code=facts.code, site_id=facts.site.id, site=facts.site)
    programme.versions.append(build_version(facts, 1))
    return programme


def build_version(facts: ProgrammeFacts, number: int) -> ProgrammeVersion:
    """Make a version with its thematic plan, outside any session; approved where the council decided."""
    version = ProgrammeVersion(
        number=number,
        title=facts.title,
        goals=facts.goals,
        hours=facts.hours,
        hours_needed=facts.earns_credit_from,
        needs_completion=facts.needs_completion,
        state=VersionState.APPROVED if facts.council else VersionState.DRAFT,
        council_protocol=facts.council.protocol if facts.council else None,
        council_date=facts.council.decided_on if facts.council else None,
    )
    version.topics.extend(build_topic(topic) for topic in facts.topics)
    return version


def build_topic(facts: TopicFacts) -> Topic:
    """Make a row of the thematic plan, outside any session."""
    return Topic(position=facts.position, title=facts.title, form=facts.form, mode=facts.mode, hours=facts.hours)


def save_programme(
    session: Session, existing: Programme | None, facts: ProgrammeFacts, *, actor: Actor, now: datetime
) -> tuple[Programme, Saved]:
    """Create the programme, or bring ``existing`` to ``facts``.

    A draft changes in place. A version that the council approved stays as it is: with a newer decision a new
    version follows it (4.2). Raises DomainError where ``check_programme`` objects.
    """
    facts = replace(facts, topics=tuple(sorted(facts.topics, key=lambda topic: topic.position)))
    for refusal in check_programme(existing, facts):
        raise refusal
    if existing is None:
        made = build_programme(facts)
        return made, saving.add(session, made, actor=actor, now=now, action="create_programme")
    latest = latest_version(existing)
    if latest.state in EDITABLE:
        edited = _edit(session, latest, facts, actor=actor, now=now)
        return existing, saving.most(edited, _approve(session, latest, facts.council, actor=actor, now=now))
    renewed = latest.state is VersionState.REJECTED and facts.council is not None
    if renewed or _differs(latest, facts):
        version = build_version(facts, latest.number + 1)
        existing.versions.append(version)
        saving.add(session, version, actor=actor, now=now, action="create_version")
        return existing, Saved.CHANGED
    return existing, _approve(session, latest, facts.council, actor=actor, now=now)


def _edit(session: Session, version: ProgrammeVersion, facts: ProgrammeFacts, *, actor: Actor, now: datetime) -> Saved:
    """Bring a draft to ``facts``; its thematic plan is replaced as a whole where it differs."""
    values = {
        "title": facts.title,
        "goals": facts.goals,
        "hours": facts.hours,
        "hours_needed": facts.earns_credit_from,
        "needs_completion": facts.needs_completion,
    }
    changed = saving.change(session, version, values, actor=actor, now=now, action="change_version")
    before = facts_of(version).topics
    if before == facts.topics:
        return changed
    wanted = {topic.position: topic for topic in facts.topics}
    for topic in list(version.topics):
        if topic.position not in wanted:
            session.execute(delete(Topic).where(Topic.id == topic.id))
            continue
        row = wanted.pop(topic.position)
        topic.title, topic.form, topic.mode, topic.hours = row.title, row.form, row.mode, row.hours
    for row in wanted.values():
        topic = build_topic(row)
        topic.version_id = version.id
        session.add(topic)
    session.flush()
    session.expire(version, ["topics"])
    changes = {"topics": [_plan_as_json(before), _plan_as_json(facts.topics)]}
    audit.record(session, actor=actor, now=now, action="change_plan", on=version, changes=changes)
    return Saved.CHANGED


def _plan_as_json(topics: tuple[TopicFacts, ...]) -> list[list[str | int]]:
    return [[topic.position, topic.title, topic.form.value, topic.mode.value, as_json(topic.hours)] for topic in topics]


def _approve(
    session: Session, version: ProgrammeVersion, council: Council | None, *, actor: Actor, now: datetime
) -> Saved:
    """Note the council's decision; without one nothing changes, for an approval isn't taken back by silence."""
    if council is None:
        return Saved.UNCHANGED
    values = {
        "state": VersionState.APPROVED,
        "council_protocol": council.protocol,
        "council_date": council.decided_on,
    }
    return saving.change(session, version, values, actor=actor, now=now, action="approve_version")
