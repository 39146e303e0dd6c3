"""What teachers from outside see of open meetings: those to come, one of them, and their own. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from lti_app.core.audit import AuditEntry
from lti_app.core.errors import NotFound
from lti_app.core.permissions import Actor
from lti_app.core.words import plain
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.clashes import meetings_meanwhile
from lti_app.meetings.guest_presence import corrections_of, guest_spans
from lti_app.meetings.guests import cancel_until, is_trainee, may_stand_open, runs_it
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState, Presence
from lti_app.meetings.stays import USUAL, StayRules, can_join, opens_at
from lti_app.people.models import Organisation
from lti_app.programmes.models import Form, Mode, Programme, ProgrammeVersion, Topic
from lti_app.sites.models import Site
from lti_app.sites.service import leader_of


@dataclass(frozen=True)
class Seminar:
    """Show an open meeting to teachers from outside. Times in UTC, hours academic; the room's address is never here."""

    meeting_id: int
    intake_id: int
    topic: str
    programme: str
    site: str
    direction: str
    form: Form
    mode: Mode
    place: str | None
    starts_at: datetime
    ends_at: datetime
    minutes: int
    hours: Decimal
    is_cancelled: bool
    places: int | None
    """For guests; None: no limit."""
    taken: int
    waiting: int

    @property
    def free(self) -> int | None:
        """Return how many places nobody has; None where there is no limit."""
        return None if self.places is None else max(0, self.places - self.taken)

    @property
    def is_full(self) -> bool:
        """Tell whether who signs up now waits."""
        return self.free == 0


@dataclass(frozen=True)
class OwnSeminar:
    """Show an open meeting that somebody signed up for. ``number`` in the waiting list counts from 1."""

    seminar: Seminar
    guest_id: int
    state: GuestState
    number: int
    has_lapsed: bool
    """Waited until the start, and no place became free."""
    presence: Presence | None
    is_over: bool


@dataclass(frozen=True)
class Correction:
    """Show a later change of a guest's mark."""

    at: datetime
    who: str
    before: Presence
    after: Presence
    reason: str


@dataclass(frozen=True)
class SeminarPage:
    """Show one open meeting to somebody, and where they stand with it."""

    seminar: Seminar
    annotation: str | None
    leader: str | None
    cancel_until: datetime
    own: OwnSeminar | None
    is_trainee: bool
    runs_it: bool
    may_sign_up: bool
    may_cancel: bool
    opens_at: datetime | None
    can_join: bool
    joined_at: datetime | None
    is_inside: bool
    confirmed_at: datetime | None
    corrections: tuple[Correction, ...]
    clashes: tuple[Meeting, ...]
    """Other meetings of theirs at the same time."""


@dataclass(frozen=True)
class Filters:
    """Hold what a list of seminars is narrowed to; empty values narrow nothing."""

    words: str = ""
    direction: str = ""
    form: Form | None = None
    mode: Mode | None = None
    only_free: bool = False

    def fit(self, seminar: Seminar) -> bool:
        """Tell whether a seminar is one that is looked for."""
        text = plain(f"{seminar.topic} {seminar.programme} {seminar.site} {seminar.direction}")
        return (
            all(word in text for word in plain(self.words).split())
            and self.direction in ("", seminar.direction)
            and self.form in (None, seminar.form)
            and self.mode in (None, seminar.mode)
            and not (self.only_free and seminar.is_full)
        )


def seminars_to_come(session: Session, *, actor: Actor, now: datetime, limit: int | None = None) -> list[Seminar]:
    """Return the open meetings that ``actor`` could sign up for, the nearest first. One query."""
    if actor.person_id is None:
        return []
    query = _seminars().where(_is_open_to(actor, now)).order_by(Meeting.starts_at, Meeting.id).limit(limit)
    return [_seminar(row) for row in session.execute(query)]


def seminar_page(
    session: Session, meeting_id: int, *, actor: Actor, now: datetime, rules: StayRules = USUAL
) -> SeminarPage:
    """Return an open meeting as ``actor`` sees it. Raises NotFound where it isn't open and they never signed up."""
    person_id = actor.require_person()
    row = session.execute(_seminars().where(Meeting.id == meeting_id)).one_or_none()
    own_rows = own_seminars(session, actor=actor, now=now, meeting_id=meeting_id)
    own = own_rows[0] if own_rows else None
    meeting = session.get(Meeting, meeting_id)
    if row is None or meeting is None or not (own or (meeting.is_open and may_stand_open(meeting))):
        raise NotFound(
            "not_open",
            _l("This meeting is not open to teachers from outside."),
            remedy=_l("Look at the open seminars that are to come."),
        )
    seminar = _seminar(row)
    guest = session.get(MeetingGuest, own.guest_id) if own else None
    has_place = own is not None and own.state is GuestState.SIGNED_UP
    stays = guest_spans(session, meeting_id).get(own.guest_id, []) if own else []
    trainee, runs = is_trainee(session, meeting.intake_id, person_id), runs_it(session, meeting, person_id)
    leader = leader_of(session, meeting.intake.version.programme.site_id)
    is_ahead = now < meeting.starts_at and meeting.state is MeetingState.PLANNED
    under_way = own is not None and own.state is not GuestState.CANCELLED
    until = cancel_until(meeting)
    return SeminarPage(
        seminar=seminar,
        annotation=meeting.intake.version.annotation,
        leader=leader.full_name if leader else None,
        cancel_until=until,
        own=own,
        is_trainee=trainee,
        runs_it=runs,
        may_sign_up=is_ahead and meeting.is_open and not under_way and not trainee and not runs,
        may_cancel=is_ahead and under_way and (not has_place or now <= until),
        opens_at=opens_at(meeting, rules=rules) if has_place else None,
        can_join=has_place and can_join(meeting, now, rules=rules),
        joined_at=stays[0][0] if stays else None,
        is_inside=any(left is None for _joined, left in stays),
        confirmed_at=guest.confirmed_at if guest else None,
        corrections=corrections_shown(corrections_of(session, [own.guest_id]).get(own.guest_id, ())) if own else (),
        clashes=tuple(meetings_meanwhile(session, meeting, person_id)) if is_ahead else (),
    )


def own_seminars(session: Session, *, actor: Actor, now: datetime, meeting_id: int | None = None) -> list[OwnSeminar]:
    """Return what ``actor`` signed up for, cancelled ones too, the earliest first. One query."""
    other = aliased(MeetingGuest)
    ahead = (
        select(func.count())
        .where(
            other.meeting_id == MeetingGuest.meeting_id,
            other.state == GuestState.WAITING,
            or_(
                other.queued_at < MeetingGuest.queued_at,
                and_(other.queued_at == MeetingGuest.queued_at, other.id < MeetingGuest.id),
            ),
        )
        .correlate(MeetingGuest)
        .scalar_subquery()
    )
    query = (
        _seminars()
        .join(MeetingGuest, MeetingGuest.meeting_id == Meeting.id)
        .add_columns(MeetingGuest, ahead)
        .where(MeetingGuest.person_id == actor.person_id)
        .order_by(Meeting.starts_at, Meeting.id)
    )
    if meeting_id is not None:
        query = query.where(Meeting.id == meeting_id)
    found = []
    for *row, guest, before in session.execute(query):
        seminar = _seminar(row)
        found.append(
            OwnSeminar(
                seminar=seminar,
                guest_id=guest.id,
                state=guest.state,
                number=before + 1,
                has_lapsed=_has_lapsed(guest, seminar, now),
                presence=guest.presence,
                is_over=seminar.ends_at <= now,
            )
        )
    return found


def corrections_shown(entries: Iterable[AuditEntry]) -> tuple[Correction, ...]:
    """Return the later changes of a guest's mark as pages show them."""
    return tuple(
        Correction(
            at=entry.at,
            who=entry.actor_name,
            before=Presence(entry.changes["presence"][0]),
            after=Presence(entry.changes["presence"][1]),
            reason=entry.changes["reason"][1],
        )
        for entry in entries
    )


def _has_lapsed(guest: MeetingGuest, seminar: Seminar, now: datetime) -> bool:
    if guest.state is GuestState.WAITING:
        return now >= seminar.starts_at
    has_waited = guest.state is GuestState.CANCELLED and guest.signed_up_at is None
    return has_waited and guest.cancelled_at is not None and guest.cancelled_at >= seminar.starts_at


def _is_open_to(actor: Actor, now: datetime) -> ColumnElement[bool]:
    """Say in SQL which meetings ``actor`` may sign up for, or has; as ``guests.sign_up`` decides."""
    learns = exists().where(
        Trainee.intake_id == Meeting.intake_id,
        Trainee.person_id == actor.person_id,
        Trainee.state == TraineeState.ENROLLED,
    )
    return and_(
        Meeting.is_open,
        Meeting.only_for_id.is_(None),
        Meeting.state == MeetingState.PLANNED,
        Meeting.starts_at > now,
        Intake.published_at.is_not(None),
        Programme.site_id.not_in(actor.led_site_ids),
        or_(Meeting.host_id.is_(None), Meeting.host_id != actor.person_id),
        ~learns,
    )


def _counted(state: GuestState) -> Any:
    guest = aliased(MeetingGuest)
    return (
        select(func.count())
        .where(guest.meeting_id == Meeting.id, guest.state == state)
        .correlate(Meeting)
        .scalar_subquery()
    )


def _seminars() -> Any:
    return (
        select(
            Meeting,
            Topic.title,
            ProgrammeVersion.title,
            Organisation,
            Site.direction,
            _counted(GuestState.SIGNED_UP),
            _counted(GuestState.WAITING),
        )
        .join(Topic, Topic.id == Meeting.topic_id)
        .join(Intake, Intake.id == Meeting.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .join(Organisation, Organisation.id == Site.organisation_id)
    )


def _seminar(row: Sequence[Any]) -> Seminar:
    """Build a line of a row of ``_seminars``."""
    meeting, topic, programme, host, direction, taken, waiting = row
    return Seminar(
        meeting_id=meeting.id,
        intake_id=meeting.intake_id,
        topic=topic,
        programme=programme,
        site=host.label,
        direction=direction,
        form=meeting.form,
        mode=meeting.mode,
        place=meeting.place,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        minutes=meeting.minutes,
        hours=meeting.hours,
        is_cancelled=meeting.state is MeetingState.CANCELLED,
        places=meeting.guest_places,
        taken=taken,
        waiting=waiting,
    )
