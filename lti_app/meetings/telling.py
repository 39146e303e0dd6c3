"""Who is told what of a schedule that changes: trainees, guests, whoever holds the meeting; each change once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import force_locale, gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor
from lti_app.core.words import MUNICIPAL_LOCALE
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest
from lti_app.meetings.words import FIELDS, local_moment, shown
from lti_app.notices.service import tell
from lti_app.people.models import Person
from lti_app.programmes.models import Form, Mode, Topic
from lti_app.sites.models import SiteLeader

TOLD_OF = ("topic_id", "form", "mode", "minutes", "place", "host_id")
"""Fields whose change people are told of. The address of a room isn't told: it is given when the room opens."""


@dataclass(frozen=True)
class Before:
    """Hold what a meeting said before a change."""

    topic_id: int
    form: Form
    mode: Mode
    starts_at: datetime
    minutes: int
    place: str | None
    host_id: int | None

    @classmethod
    def of(cls, meeting: Meeting) -> Before:
        """Note what ``meeting`` says now."""
        return cls(
            meeting.topic_id,
            meeting.form,
            meeting.mode,
            meeting.starts_at,
            meeting.minutes,
            meeting.place,
            meeting.host_id,
        )

    @property
    def ends_at(self) -> datetime:
        """Return when it would have ended, in UTC."""
        return self.starts_at + timedelta(minutes=self.minutes)


def tell_moved(
    session: Session,
    before: Sequence[Before],
    meetings: Sequence[Meeting],
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Tell of new times, and a new place with them; where only places changed, of those. Return how many are told."""
    moved = [
        (old, one)
        for old, one in zip(before, meetings, strict=True)
        if old.starts_at != one.starts_at and max(old.ends_at, one.ends_at) > now
    ]
    if not moved:
        return tell_changed(session, before, meetings, actor=actor, now=now, zone=zone)
    with force_locale(MUNICIPAL_LOCALE):
        lines = [f"{_time(old, zone)} → {_time(one, zone)}" for old, one in moved]
        lines += _places(*moved[0])
    facts = {"changes": "\n".join(lines)}
    return _tell(session, "meeting_moved", [one for _old, one in moved], facts, actor=actor, now=now)


def tell_changed(
    session: Session,
    before: Sequence[Before],
    meetings: Sequence[Meeting],
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Tell what has changed beside the time, if it matters to people and the meeting isn't over; return how many."""
    pairs = [
        (old, one)
        for old, one in zip(before, meetings, strict=True)
        if one.ends_at > now and any(getattr(old, name) != getattr(one, name) for name in TOLD_OF)
    ]
    if not pairs:
        return 0
    old, one = pairs[0]
    with force_locale(MUNICIPAL_LOCALE):
        lines = [
            f"{FIELDS[name]}: {_word(session, name, getattr(old, name), zone)} → "
            f"{_word(session, name, getattr(one, name), zone)}"
            for name in TOLD_OF
            if getattr(old, name) != getattr(one, name)
        ]
    changed = [meeting for _before, meeting in pairs]
    facts = {"changes": "\n".join(lines), "times": _times(changed, zone, ", ")}
    hosts = {earlier.host_id for earlier, _one in pairs if earlier.host_id is not None}
    return _tell(session, "meeting_changed", changed, facts, actor=actor, now=now, besides=hosts)


def tell_cancelled(
    session: Session, meetings: Sequence[Meeting], *, reason: str, actor: Actor, now: datetime, zone: ZoneInfo
) -> int:
    """Tell that meetings that aren't over won't take place; return how many are told."""
    coming = [one for one in meetings if one.ends_at > now]
    if not coming:
        return 0
    with force_locale(MUNICIPAL_LOCALE):
        why = "\n" + gettext("Reason: %(reason)s", reason=reason) if reason else ""
    facts = {"times": _times(coming, zone, "\n"), "reason": why}
    return _tell(session, "meeting_cancelled", coming, facts, actor=actor, now=now)


def tell_guests_of_cancelling(
    session: Session, meetings: Sequence[Meeting], *, actor: Actor, now: datetime, zone: ZoneInfo
) -> int:
    """Tell guests alone that meetings that aren't over won't take place, each meeting once; return how many are told.

    For an end of which trainees and leader are told otherwise.
    """
    told = 0
    for one in meetings:
        guests = _guests(session, [one]) if one.ends_at > now else set()
        if guests:
            facts = {"times": _times([one], zone, "\n"), "reason": ""}
            told += _tell(session, "meeting_cancelled", [one], facts, actor=actor, now=now, people=guests)
    return told


def tell_restored(session: Session, meetings: Sequence[Meeting], *, actor: Actor, now: datetime, zone: ZoneInfo) -> int:
    """Tell that cancelled meetings take place after all; return how many are told."""
    return _tell(session, "meeting_restored", meetings, {"times": _times(meetings, zone, "\n")}, actor=actor, now=now)


def people_concerned(session: Session, meetings: Sequence[Meeting]) -> set[int]:
    """Return the persons whom a change of ``meetings``, all of one intake, concerns. At most three queries."""
    return _trainees(session, meetings) | _guests(session, meetings) | _hosts(session, meetings)


def _trainees(session: Session, meetings: Sequence[Meeting]) -> set[int]:
    enrolled = select(Trainee.person_id).where(
        Trainee.intake_id == meetings[0].intake_id, Trainee.state == TraineeState.ENROLLED
    )
    alone = [one.only_for_id for one in meetings]
    if None not in alone:
        enrolled = enrolled.where(Trainee.id.in_(alone))
    return set(session.scalars(enrolled))


def _guests(session: Session, meetings: Sequence[Meeting]) -> set[int]:
    return set(
        session.scalars(
            select(MeetingGuest.person_id).where(
                MeetingGuest.meeting_id.in_([one.id for one in meetings]),
                MeetingGuest.state.in_((GuestState.SIGNED_UP, GuestState.WAITING)),
            )
        )
    )


def _hosts(session: Session, meetings: Sequence[Meeting]) -> set[int]:
    hosts = {one.host_id for one in meetings if one.host_id is not None}
    if any(one.host_id is None for one in meetings):
        site_id = meetings[0].intake.version.programme.site_id
        hosts |= set(
            session.scalars(
                select(SiteLeader.person_id).where(SiteLeader.site_id == site_id, SiteLeader.until.is_(None))
            )
        )
    return hosts


def _tell(
    session: Session,
    occasion: str,
    meetings: Sequence[Meeting],
    facts: dict[str, Any],
    *,
    actor: Actor,
    now: datetime,
    besides: set[int] | None = None,
    people: set[int] | None = None,
) -> int:
    """Tell everybody concerned, or ``people``, but who did it; the turn is the revision of the first meeting now."""
    first = meetings[0]
    session.flush()
    title = session.get_one(Topic, first.topic_id).title
    facts = {"programme": first.intake.version.title, "title": title, **facts}
    concerned = people_concerned(session, meetings) if people is None else people
    told = (concerned | (besides or set())) - {actor.person_id}
    return len(
        tell(
            session,
            [person for person in told if person is not None],
            occasion=occasion,
            about=first,
            path=f"/meetings/{first.id}",
            facts=facts,
            now=now,
            turn=str(first.revision),
        )
    )


def _time(meeting: Meeting | Before, zone: ZoneInfo) -> str:
    return local_moment(meeting.starts_at, zone, MUNICIPAL_LOCALE)


def _times(meetings: Sequence[Meeting], zone: ZoneInfo, between: str) -> str:
    return between.join(_time(one, zone) for one in meetings)


def _places(old: Before, one: Meeting) -> list[str]:
    if old.place == one.place:
        return []
    return [f"{FIELDS['place']}: {old.place or '—'} → {one.place or '—'}"]


def _word(session: Session, name: str, value: Any, zone: ZoneInfo) -> str:
    if name == "topic_id":
        return session.get_one(Topic, value).title
    if name == "host_id":
        return session.get_one(Person, value).full_name if value is not None else str(gettext("the leader of the site"))
    return shown(value, zone) or "—"
