"""Sittings of the council and their agenda: programmes put before it, recommendations to end a site (4.2, 8.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import Exists, extract, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_app.core import audit, saving
from lti_app.core.editing import differences, require_unchanged
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor, Permission
from lti_app.programmes.council_notices import tell_leader
from lti_app.programmes.models import AgendaItem, Programme, ProgrammeVersion, Sitting, VersionState
from lti_app.programmes.words import HISTORY
from lti_app.sites.models import Site

OLDEST = timedelta(days=366)
"""A sitting may be put down as long as this after it was held: a longer time ago, the year is a slip."""


@dataclass(frozen=True)
class SittingFacts:
    """Hold what is to be kept of a sitting; local date and time of day (HH:MM)."""

    held_on: date
    starts_at: str | None = None
    place: str | None = None
    protocol_number: str | None = None
    chair: str | None = None
    secretary: str | None = None
    present: str | None = None


def sitting_of(session: Session, sitting_id: int, *, actor: Actor, lock: bool = False) -> Sitting:
    """Return a sitting with its agenda; five queries. Raises Forbidden to who isn't of the council, NotFound."""
    actor.require(Permission.DISCUSS_PROGRAMMES)
    site = joinedload(Site.organisation)
    query = (
        select(Sitting)
        .where(Sitting.id == sitting_id)
        .options(
            selectinload(Sitting.items)
            .joinedload(AgendaItem.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .options(site),
            selectinload(Sitting.items).joinedload(AgendaItem.site).options(site),
        )
    )
    if lock:
        query = query.with_for_update(of=Sitting).execution_options(populate_existing=True)
    sitting = session.scalar(query)
    if sitting is None:
        raise NotFound("no_such_sitting", _l("There is no such sitting."))
    return sitting


def open_sitting(session: Session, sitting_id: int, *, actor: Actor) -> Sitting:
    """Return a sitting, locked. Raises Conflict once its protocol is signed."""
    sitting = sitting_of(session, sitting_id, actor=actor, lock=True)
    if sitting.closed_at is not None:
        raise Conflict(
            "sitting_closed",
            _l("The protocol of this sitting is signed: nothing of it changes any more."),
            remedy=_l("Put the matter on the agenda of another sitting."),
        )
    return sitting


def call_sitting(session: Session, facts: SittingFacts, *, actor: Actor, now: datetime) -> Sitting:
    """Call a sitting of the council.

    Raises DomainError for a day more than a year ago, Conflict for a number that another sitting of the year has, and
    where an open sitting has been called for the same day, time and place.
    """
    actor.require(Permission.DISCUSS_PROGRAMMES)
    _check(session, None, facts)
    if facts.held_on < now.date() - OLDEST:
        raise DomainError(
            "sitting_long_ago",
            _l("This day is more than a year ago."),
            remedy=_l("Check the year of the sitting."),
            field="held_on",
        )
    _require_no_twin(session, facts)
    sitting = Sitting(created_at=now, **_values(facts))
    saving.add(session, sitting, actor=actor, now=now, action="create_sitting")
    return sitting


def _require_no_twin(session: Session, facts: SittingFacts) -> None:
    # Of two clicks at once the second waits here, and then finds what the first has made.
    session.execute(select(Sitting.id).order_by(Sitting.id.desc()).limit(1).with_for_update())
    values = _values(facts)
    same = [getattr(Sitting, name).is_not_distinct_from(values[name]) for name in ("held_on", "starts_at", "place")]
    if session.scalar(select(Sitting.id).where(Sitting.closed_at.is_(None), *same).limit(1)) is not None:
        raise Conflict(
            "sitting_called_already",
            _l("A sitting at this day, time and place is called already."),
            remedy=_l("Open it among the sittings to come, or give another time or place."),
            field="held_on",
        )


def change_sitting(
    session: Session,
    sitting_id: int,
    facts: SittingFacts,
    *,
    seen: int | None,
    actor: Actor,
    now: datetime,
    today: date,
) -> Sitting:
    """Bring a sitting to ``facts``; what it decided on goes with its number and day.

    Raises EditedMeanwhile, Conflict once the protocol is signed, DomainError where decisions would stand under no
    number or a day after ``today``, the local date.
    """
    sitting = open_sitting(session, sitting_id, actor=actor)
    require_unchanged(session, sitting, seen, lambda: differences(sitting, _values(facts), HISTORY.fields))
    _check(session, sitting, facts)
    decided = [item for item in sitting.items if item.decision is not None]
    if decided:
        _require_protocol(facts, today)
    saving.change(session, sitting, _values(facts), actor=actor, now=now, action="change_sitting")
    protocol = {"council_protocol": sitting.protocol_number, "council_date": sitting.held_on}
    for version in (item.version for item in decided if item.version is not None):
        saving.change(session, version, protocol, actor=actor, now=now, action="change_protocol")
    return sitting


def _require_protocol(facts: SittingFacts, today: date) -> None:
    if not (facts.protocol_number or "").strip():
        raise DomainError(
            "protocol_missing",
            _l("This sitting has decided already: its decisions stand under the number of the protocol."),
            remedy=_l("Give the number."),
            field="protocol_number",
            clause="4.2",
        )
    if facts.held_on > today:
        raise DomainError(
            "sitting_to_come",
            _l("This sitting has decided already: it can't be still to come."),
            remedy=_l("Give the day on which it was held."),
            field="held_on",
            clause="4.2",
        )


def _values(facts: SittingFacts) -> dict[str, date | str | None]:
    def clean(text: str | None) -> str | None:
        return (text or "").strip() or None

    return {
        "held_on": facts.held_on,
        "starts_at": clean(facts.starts_at),
        "place": clean(facts.place),
        "protocol_number": clean(facts.protocol_number),
        "chair": clean(facts.chair),
        "secretary": clean(facts.secretary),
        "present": clean(facts.present),
    }


def _check(session: Session, sitting: Sitting | None, facts: SittingFacts) -> None:
    require_fitting(Sitting, {name: value for name, value in _values(facts).items() if name != "starts_at"})
    starts_at = (facts.starts_at or "").strip()
    if starts_at:
        try:
            time.fromisoformat(starts_at if len(starts_at) == len("HH:MM") else "")
        except ValueError as error:
            raise DomainError(
                "time_wrong",
                _l("This is no time of day."),
                remedy=_l("Give it as hours and minutes, such as 14:30."),
                field="starts_at",
            ) from error
    number = (facts.protocol_number or "").strip()
    if not number:
        return
    taken = session.scalar(
        select(Sitting.held_on).where(
            Sitting.protocol_number == number,
            extract("year", Sitting.held_on) == facts.held_on.year,
            Sitting.id != (sitting.id if sitting else 0),
        )
    )
    if taken is not None:
        raise Conflict(
            "protocol_number_taken",
            _l("The sitting of %(day)s has this protocol number already.", day=f"{taken:%d.%m.%Y}"),
            remedy=_l("Give the number of this sitting's own protocol."),
            field="protocol_number",
        )


def waiting_versions(session: Session) -> list[ProgrammeVersion]:
    """Return the submitted versions that are on no open sitting's agenda, the longest waiting first. One query."""
    return list(
        session.scalars(
            select(ProgrammeVersion)
            .where(ProgrammeVersion.state == VersionState.SUBMITTED, ~_on_open_agenda())
            .options(joinedload(ProgrammeVersion.programme).joinedload(Programme.site).joinedload(Site.organisation))
            .order_by(ProgrammeVersion.submitted_at, ProgrammeVersion.id)
        )
    )


def _on_open_agenda() -> Exists:
    return (
        select(AgendaItem.id)
        .join(Sitting, Sitting.id == AgendaItem.sitting_id)
        .where(AgendaItem.version_id == ProgrammeVersion.id, AgendaItem.decision.is_(None), Sitting.closed_at.is_(None))
        .exists()
    )


def add_version(session: Session, sitting_id: int, version_id: int, *, actor: Actor, now: datetime) -> AgendaItem:
    """Put a submitted version on the agenda; its leader is told. Raises Conflict where it is or was on one already."""
    sitting = open_sitting(session, sitting_id, actor=actor)
    version = session.scalar(
        select(ProgrammeVersion).where(ProgrammeVersion.id == version_id).with_for_update(of=ProgrammeVersion)
    )
    if version is None or version.state is not VersionState.SUBMITTED:
        raise Conflict(
            "version_not_submitted",
            _l("This version isn't with the council."),
            remedy=_l("Reload the page to see how things stand."),
            clause="4.2",
        )
    if session.scalar(select(_on_open_agenda()).where(ProgrammeVersion.id == version.id).select_from(ProgrammeVersion)):
        raise Conflict(
            "on_agenda_already",
            _l("This programme is on the agenda of a sitting already."),
            remedy=_l("Take it off there first."),
        )
    if any(item.version_id == version.id for item in sitting.items):
        raise Conflict(
            "decided_at_this_sitting",
            _l("This sitting has decided on the programme already."),
            remedy=_l("Put it on the agenda of another sitting."),
            clause="4.2",
        )
    item = _add(session, sitting, actor=actor, now=now, version_id=version.id)
    tell_leader(session, version, "version_on_agenda", now=now, turn=str(sitting.id), day=f"{sitting.held_on:%d.%m.%Y}")
    return item


def add_end_of_site(
    session: Session, sitting_id: int, site_id: int, *, reason: str, actor: Actor, now: datetime
) -> AgendaItem:
    """Put on the agenda whether to recommend the end of a site (8.1). Raises DomainError without a reason."""
    sitting = open_sitting(session, sitting_id, actor=actor)
    site = session.get(Site, site_id)
    if site is None or site.ended_on is not None:
        raise DomainError(
            "no_such_site",
            _l("There is no such site, or it has ended."),
            remedy=_l("Choose a site that is active."),
            field="site",
            clause="8.1",
        )
    if not reason.strip():
        raise DomainError(
            "reason_missing",
            _l("It isn't said why the site should end."),
            remedy=_l("Give the reason: it stands in the protocol."),
            field="reason",
            clause="8.1",
        )
    if any(item.site_id == site.id and item.decision is None for item in sitting.items):
        raise Conflict("on_agenda_already", _l("This site is on the agenda already."), field="site")
    return _add(session, sitting, actor=actor, now=now, site_id=site.id, reason=reason.strip())


def _add(session: Session, sitting: Sitting, *, actor: Actor, now: datetime, **about: int | str) -> AgendaItem:
    last = session.scalar(select(func.max(AgendaItem.position)).where(AgendaItem.sitting_id == sitting.id)) or 0
    item = AgendaItem(sitting_id=sitting.id, position=last + 1, **about)
    saving.add(session, item, actor=actor, now=now, action="add_agenda_item")
    session.expire(sitting, ["items"])
    return item


def item_of(session: Session, item_id: int, *, actor: Actor) -> AgendaItem:
    """Return a point of an agenda. Raises Forbidden to who isn't of the council, NotFound."""
    actor.require(Permission.DISCUSS_PROGRAMMES)
    item = session.get(AgendaItem, item_id, options=(joinedload(AgendaItem.sitting),))
    if item is None:
        raise NotFound("no_such_item", _l("There is no such point of an agenda."))
    return item


def remove_item(session: Session, item_id: int, *, actor: Actor, now: datetime) -> Sitting:
    """Take an undecided point off the agenda; those after it move up. Raises Conflict once it is decided."""
    item = item_of(session, item_id, actor=actor)
    sitting = open_sitting(session, item.sitting_id, actor=actor)
    session.refresh(item)
    if item.decision is not None:
        raise Conflict("item_decided", _l("This point is decided already."), remedy=_l("It stays in the protocol."))
    changes = {"position": [item.position, None], "version_id": [item.version_id, None]}
    audit.record(session, actor=actor, now=now, action="remove_agenda_item", on=sitting, changes=changes)
    gone = item.position
    session.delete(item)
    session.flush()
    for after in session.scalars(
        select(AgendaItem)
        .where(AgendaItem.sitting_id == sitting.id, AgendaItem.position > gone)
        .order_by(AgendaItem.position)
    ):
        after.position -= 1
        session.flush()
    session.expire(sitting, ["items"])
    return sitting


def close_sitting(session: Session, sitting_id: int, *, actor: Actor, now: datetime) -> Sitting:
    """Say that the protocol is signed: from then on nothing of it changes. Raises DomainError for what is missing."""
    sitting = open_sitting(session, sitting_id, actor=actor)
    undecided = [item.position for item in sitting.items if item.decision is None]
    if undecided:
        raise DomainError(
            "items_undecided",
            _l("Points without a decision: %(points)s.", points=", ".join(map(str, undecided))),
            remedy=_l("Decide on them, or take them off the agenda."),
        )
    missing = [name for name in ("protocol_number", "chair", "secretary", "present") if not getattr(sitting, name)]
    if missing:
        raise DomainError(
            "protocol_incomplete",
            _l("The protocol needs its number, the chair, the secretary and who was present."),
            remedy=_l("Fill them in on the page of the sitting."),
            field=missing[0],
        )
    saving.change(session, sitting, {"closed_at": now}, actor=actor, now=now, action="close_sitting")
    return sitting


def sittings(session: Session, *, actor: Actor, today: date) -> tuple[Sequence[Sitting], Sequence[Sitting]]:
    """Return the sittings to come or open, soonest first, and the newest 50 of those that are past. Two queries."""
    actor.require(Permission.DISCUSS_PROGRAMMES)
    query = select(Sitting).options(selectinload(Sitting.items))
    coming = session.scalars(query.where(Sitting.closed_at.is_(None)).order_by(Sitting.held_on, Sitting.id)).all()
    past = session.scalars(
        query.where(Sitting.closed_at.is_not(None)).order_by(Sitting.held_on.desc(), Sitting.id.desc()).limit(50)
    ).all()
    return coming, past
