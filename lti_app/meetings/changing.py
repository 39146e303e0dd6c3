"""The schedule as the leader changes it: meetings planned together, edited, moved, cancelled, planned again (4.2).

Whoever changes a schedule locks the intake's row first, as those do who decide on attendance.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import saving
from lti_app.core.editing import require_unchanged
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.planning import from_local, is_confirmed
from lti_app.meetings.presence_moved import let_go_of_presence
from lti_app.meetings.scheduling import MOST_MEETINGS, in_order, shifted
from lti_app.meetings.service import find_meeting, lock_intakes
from lti_app.meetings.telling import Before, tell_cancelled, tell_changed, tell_moved, tell_restored
from lti_app.meetings.terms import (
    MeetingTerms,
    check_terms,
    compared,
    difference,
    no_such_host,
    terms_of,
    twin,
    values_of,
    where_of,
)
from lti_app.people.models import Person
from lti_app.programmes.models import Programme, ProgrammeVersion, Topic
from lti_app.sites.models import Site

LONGEST_REASON = 500
WEIGHTY = ("topic_id", "form", "mode", "minutes")
"""What attendance that has been confirmed rests on."""


class Scope(enum.StrEnum):
    """Say how far a change reaches in a series."""

    ONE = "one"
    FOLLOWING = "following"


@dataclass(frozen=True)
class Done:
    """Say how many meetings were changed, and how many people are told."""

    meetings: int
    told: int


class RowsRefused(DomainError):
    """Refuse several meetings at once; ``by_row`` says what is wrong with which."""

    def __init__(self, by_row: Mapping[int, Sequence[DomainError]]) -> None:
        super().__init__(
            "rows_refused",
            _l("Some meetings can't be planned as they stand. Nothing is saved yet."),
            remedy=_l("Mend what is marked below, or take those rows out."),
            field="rows",
        )
        self.by_row = by_row


def intake_to_schedule(session: Session, intake_id: int, *, actor: Actor) -> Intake:
    """Return an intake of a site that ``actor`` leads, with plan, programme and site. Raises NotFound, Forbidden."""
    intake = session.get(
        Intake,
        intake_id,
        options=[
            joinedload(Intake.version).joinedload(ProgrammeVersion.topics),
            joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .joinedload(Site.organisation),
        ],
    )
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    return intake


def meeting_to_change(session: Session, meeting_id: int, *, actor: Actor) -> Meeting:
    """Return a meeting of a site that ``actor`` leads. Raises NotFound, Forbidden."""
    meeting = find_meeting(session, meeting_id)
    actor.require_site(meeting.intake.version.programme.site_id)
    return meeting


def following(session: Session, meeting: Meeting) -> list[Meeting]:
    """Return ``meeting`` and those of its series that are planned after it, by time."""
    if meeting.series_id is None:
        return [meeting]
    later = session.scalars(
        select(Meeting)
        .where(
            Meeting.intake_id == meeting.intake_id,
            Meeting.series_id == meeting.series_id,
            Meeting.state == MeetingState.PLANNED,
            Meeting.starts_at > meeting.starts_at,
        )
        .order_by(Meeting.starts_at, Meeting.id)
    )
    return [meeting, *later]


def check_rows(
    session: Session, intake: Intake, rows: Sequence[MeetingTerms], *, zone: ZoneInfo
) -> dict[int, list[DomainError]]:
    """Return what forbids planning these meetings, by their place in ``rows``. Two queries."""
    topics = {topic.id: topic for topic in intake.version.topics}
    standing = session.execute(select(Meeting.topic_id, Meeting.starts_at).where(Meeting.intake_id == intake.id))
    taken = {(topic_id, starts_at) for topic_id, starts_at in standing}
    hosts = {row.host_id for row in rows if row.host_id is not None}
    known = set(session.scalars(select(Person.id).where(Person.id.in_(hosts)))) if hosts else set()
    found: dict[int, list[DomainError]] = {}
    for place, row in enumerate(rows):
        refusals = check_terms(intake, topics.get(row.topic_id), row, zone)
        if row.host_id is not None and row.host_id not in known:
            refusals.append(no_such_host())
        if (row.topic_id, row.starts_at) in taken:
            refusals.append(twin())
        taken.add((row.topic_id, row.starts_at))
        if refusals:
            found[place] = refusals
    return found


def plan_meetings(
    session: Session,
    intake_id: int,
    rows: Sequence[MeetingTerms],
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> list[Meeting]:
    """Plan all of ``rows`` or none; those on one topic make a series. Raises NotFound, Forbidden, RowsRefused (4.2)."""
    intake = intake_to_schedule(session, intake_id, actor=actor)
    _lock(session, intake)
    if not rows:
        raise DomainError(
            "no_rows", _l("There is no meeting in the draft."), remedy=_l("Add at least one."), field="rows"
        )
    if len(rows) > MOST_MEETINGS:
        raise DomainError(
            "too_many_meetings",
            _l("More than %(limit)s meetings at once.", limit=MOST_MEETINGS),
            remedy=_l("Plan them in parts."),
            field="rows",
        )
    refused = check_rows(session, intake, rows, zone=zone)
    if refused:
        raise RowsRefused(refused)
    made: list[Meeting] = []
    first_of: dict[int, Meeting] = {}
    for row in sorted(rows, key=lambda row: row.starts_at):
        meeting = Meeting(intake_id=intake.id, starts_at=row.starts_at, **values_of(row, None))
        saving.add(session, meeting, actor=actor, now=now, action="plan_meeting")
        first = first_of.setdefault(row.topic_id, meeting)
        if first is not meeting:
            first.series_id = meeting.series_id = first.id
        made.append(meeting)
    session.flush()
    return made


def edit_meeting(
    session: Session,
    meeting_id: int,
    terms: MeetingTerms,
    *,
    seen: int | None,
    scope: Scope,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> Done:
    """Bring a meeting, and those after it in its series where ``scope`` says so, to ``terms``; the times stay.

    Raises NotFound, Forbidden, EditedMeanwhile; DomainError as planning does, and where attendance has been confirmed
    and the change would alter what it rests on. People are told of what matters to them, once.
    """
    meeting = meeting_to_change(session, meeting_id, actor=actor)
    _lock(session, meeting.intake)
    require_unchanged(session, meeting, seen, lambda: compared(session, meeting, terms, zone))
    _require_planned(meeting)
    if terms.host_id is not None and session.get(Person, terms.host_id) is None:
        raise no_such_host()
    topic = session.get(Topic, terms.topic_id)
    chosen = _chosen(session, meeting, scope)
    before = [Before.of(one) for one in chosen]
    changed = 0
    for one in chosen:
        own = MeetingTerms(**{**vars(terms), "starts_at": one.starts_at})
        for refusal in check_terms(meeting.intake, topic, own, zone, existing=one):
            raise refusal
        values = values_of(own, one)
        if any(getattr(one, name) != values[name] for name in WEIGHTY):
            _require_unconfirmed(session, one, "minutes")
        if one.topic_id != own.topic_id:
            _require_free(session, one, own.topic_id, own.starts_at, [])
        saved = saving.change(session, one, values, actor=actor, now=now, action="change_meeting")
        changed += saved is not saving.Saved.UNCHANGED
    session.expire(meeting, ["topic", "host"])
    return Done(changed, tell_changed(session, before, chosen, actor=actor, now=now, zone=zone) if changed else 0)


def move_meeting(
    session: Session,
    meeting_id: int,
    to: datetime,
    *,
    place_or_url: str | None,
    seen: int | None,
    scope: Scope,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> Done:
    """Let a meeting begin at ``to`` (aware), elsewhere if a place is given; those after it may move as far.

    Raises NotFound, Forbidden, EditedMeanwhile; DomainError where a day is outside the intake or the clocks skip a
    time, Conflict where attendance has been confirmed or another meeting of the topic stands at that time. Everybody
    concerned is told once, with the old times and the new. Who had come for the old time has not come for the new one.
    """
    meeting = meeting_to_change(session, meeting_id, actor=actor)
    _lock(session, meeting.intake)
    require_unchanged(session, meeting, seen, lambda: [difference("starts_at", meeting.starts_at, to, zone)])
    _require_planned(meeting)
    chosen = _chosen(session, meeting, scope)
    goals = {
        one.id: to if one is meeting else from_local(shifted(one.starts_at, meeting.starts_at, to, zone), zone)
        for one in chosen
    }
    before = [Before.of(one) for one in chosen]
    for one in chosen:
        terms = terms_of(one, goals[one.id], place_or_url)
        for refusal in check_terms(meeting.intake, one.topic, terms, zone, existing=one):
            raise refusal
        if goals[one.id] != one.starts_at:
            _require_unconfirmed(session, one, "at")
            _require_free(session, one, one.topic_id, goals[one.id], [other.id for other in chosen])
    by_id = {one.id: one for one in chosen}
    changed = 0
    for number in in_order([(one.starts_at, one.id) for one in chosen], to - meeting.starts_at):
        one = by_id[number]
        if goals[number] != one.starts_at:
            let_go_of_presence(session, one, goals[number], now=now)
        values = {"starts_at": goals[number], **where_of(terms_of(one, goals[number], place_or_url), one)}
        saved = saving.change(session, one, values, actor=actor, now=now, action="move_meeting")
        changed += saved is not saving.Saved.UNCHANGED
    return Done(changed, tell_moved(session, before, chosen, actor=actor, now=now, zone=zone) if changed else 0)


def cancel_meeting(
    session: Session,
    meeting_id: int,
    *,
    reason: str,
    seen: int | None,
    scope: Scope,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> Done:
    """Cancel a meeting, and those after it in its series where ``scope`` says so; their rows stay.

    ``reason``, if one is given, is told to everybody concerned. Raises NotFound, Forbidden, EditedMeanwhile, Conflict
    where it is cancelled already or attendance has been confirmed; DomainError for too long a reason.
    """
    meeting = meeting_to_change(session, meeting_id, actor=actor)
    _lock(session, meeting.intake)
    require_unchanged(session, meeting, seen, lambda: [])
    _require_planned(meeting)
    reason = " ".join(reason.split())
    if len(reason) > LONGEST_REASON:
        raise DomainError(
            "text_too_long",
            _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_REASON),
            field="reason",
        )
    chosen = _chosen(session, meeting, scope)
    for one in chosen:
        _require_unconfirmed(session, one, "scope" if len(chosen) > 1 else None)
    for one in chosen:
        saving.change(session, one, {"state": MeetingState.CANCELLED}, actor=actor, now=now, action="cancel_meeting")
    return Done(len(chosen), tell_cancelled(session, chosen, reason=reason, actor=actor, now=now, zone=zone))


def restore_meeting(
    session: Session, meeting_id: int, *, seen: int | None, actor: Actor, now: datetime, zone: ZoneInfo
) -> Done:
    """Plan a cancelled meeting again while it is to come; everybody concerned is told.

    Raises NotFound, Forbidden, EditedMeanwhile, Conflict once its time has begun, DomainError where its day is outside
    the intake by now.
    """
    meeting = meeting_to_change(session, meeting_id, actor=actor)
    _lock(session, meeting.intake)
    require_unchanged(session, meeting, seen, lambda: [])
    if meeting.state is not MeetingState.CANCELLED:
        raise Conflict("meeting_not_cancelled", _l("This meeting isn't cancelled."))
    if meeting.starts_at <= now:
        raise Conflict(
            "meeting_is_past",
            _l("The time of this meeting has begun: it can't be planned again."),
            remedy=_l("Plan a new meeting for another day."),
        )
    for refusal in check_terms(
        meeting.intake, meeting.topic, terms_of(meeting, meeting.starts_at, None), zone, existing=meeting
    ):
        raise refusal
    saving.change(session, meeting, {"state": MeetingState.PLANNED}, actor=actor, now=now, action="restore_meeting")
    return Done(1, tell_restored(session, [meeting], actor=actor, now=now, zone=zone))


def _lock(session: Session, intake: Intake) -> None:
    """Let nobody else change the schedule or the days of the intake meanwhile, and read these anew."""
    lock_intakes(session, intake.id)
    session.refresh(intake, ["starts_on", "ends_on"])


def _chosen(session: Session, meeting: Meeting, scope: Scope) -> list[Meeting]:
    return following(session, meeting) if scope is Scope.FOLLOWING else [meeting]


def _require_planned(meeting: Meeting) -> None:
    if meeting.state is MeetingState.CANCELLED:
        raise Conflict(
            "meeting_cancelled", _l("This meeting has been cancelled."), remedy=_l("Plan it again first, or a new one.")
        )


def _require_unconfirmed(session: Session, meeting: Meeting, field: str | None) -> None:
    if is_confirmed(session, meeting.id):
        raise Conflict(
            "attendance_confirmed",
            _l("Attendance of this meeting has been confirmed: when it was, its length and form stand."),
            remedy=_l("Leave them as they are; mistakes in attendance are mended on the meeting's page."),
            field=field,
        )


def _require_free(
    session: Session, meeting: Meeting, topic_id: int, starts_at: datetime, besides: Sequence[int]
) -> None:
    taken = session.scalar(
        select(Meeting.id).where(
            Meeting.intake_id == meeting.intake_id,
            Meeting.topic_id == topic_id,
            Meeting.starts_at == starts_at,
            Meeting.id.not_in([meeting.id, *besides]),
        )
    )
    if taken is not None:
        raise twin()
