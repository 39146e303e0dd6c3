"""Read models of the pages for trainees and leaders, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, null, or_, select, union_all
from sqlalchemy.orm import Session, aliased, joinedload

from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.credits.cards import (
    CreditLine,
    CreditState,
    IntakeCard,
    IntakeOverview,
    MeetingLine,
    MeetingOverview,
    MeetingPhase,
    MeetingTrainee,
    ProposalLine,
    ReversalOverview,
    Stay,
    TopicProgress,
    TraineeMeeting,
    TraineeOverview,
    TraineeRow,
    WaitingElsewhere,
)
from lti_app.credits.facts import IntakeFacts, OpenProposal, TraineeFacts, load_facts
from lti_app.credits.models import CreditEntry, CreditProposal, EntryKind, ProposalState
from lti_app.credits.rules import NONE, rule_words
from lti_app.credits.service import credited_hours, entry_to_reverse
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.intakes.places import running_first
from lti_app.meetings.checks import checks_of
from lti_app.meetings.models import Attendance, JoinLog, Meeting, MeetingState, Presence, StaySource
from lti_app.meetings.onsite_models import Arrival
from lti_app.meetings.rooms.opening import strangers_at
from lti_app.meetings.service import find_meeting
from lti_app.meetings.stays import (
    NO_CHECKS,
    USUAL,
    Checks,
    StayRules,
    can_join,
    counting,
    minutes_inside,
    opens_at,
    suggest_presence,
)
from lti_app.people.models import Person
from lti_app.programmes.models import Programme, ProgrammeVersion, VersionState
from lti_app.sites.models import Site
from lti_app.sites.service import leader_of

UPCOMING = timedelta(days=7)
AHEAD = (MeetingPhase.NOW, MeetingPhase.NEXT)

Stays = dict[tuple[int, int], list[Stay]]
"""Stays by (meeting id, trainee id), by time."""


def trainee_overview(
    session: Session, *, intake_id: int, actor: Actor, now: datetime, rules: StayRules = USUAL
) -> TraineeOverview:
    """Return what a trainee sees of an intake. Raises NotFound, or Forbidden to who is no trainee of it."""
    actor.require(Permission.OWN_RECORD)
    facts = load_facts(session, [intake_id], person_id=actor.person_id or 0).get(intake_id)
    if facts is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    own = _own_place(facts)
    version = facts.intake.version
    stays = _stays(session, [intake_id], trainee_id=own.trainee_id)
    leader = leader_of(session, version.programme.site_id)
    meetings = tuple(
        _trainee_meeting(meeting, own, stays.get((meeting.id, own.trainee_id), []), now, rules)
        for meeting in facts.meetings
    )
    return TraineeOverview(
        **_head(facts),
        trainee_id=own.trainee_id,
        name=own.person.full_name,
        leader=leader.full_name if leader else None,
        moodle_url=facts.intake.moodle.url,
        hours_total=version.hours,
        hours_needed=version.hours_needed,
        hours_attended=own.standing.attended,
        hours_credited=own.credited,
        hours_proposed=_proposed(own),
        topics=_topics(facts, own),
        meetings=meetings,
        next_meeting=_next_of(meetings),
        missing=own.standing.missing,
        completion=own.completion,
        credit_state=_credit_state(own),
        credits=_ledger(session, CreditEntry.trainee_id == own.trainee_id),
        rule=rule_words(facts.demand),
    )


def leader_overview(session: Session, *, actor: Actor, now: datetime, zone: ZoneInfo) -> list[IntakeCard]:
    """Return the intakes of the sites that ``actor`` leads: running ones, those to come, those that have ended."""
    actor.require(Permission.RUN_INTAKES)
    intake_ids = session.scalars(
        select(Intake.id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Programme.site_id.in_(actor.led_site_ids))
    ).all()
    facts = load_facts(session, intake_ids)
    stays = _stays(session, intake_ids)
    today = now.astimezone(zone).date()
    ordered = sorted(facts.values(), key=lambda one: running_first(one.intake, today))
    return [_card(one, stays, now) for one in ordered]


def intake_overview(session: Session, *, intake_id: int, actor: Actor, now: datetime) -> IntakeOverview:
    """Return what the leader sees of an intake. Raises NotFound, or Forbidden to who does not lead its site (4.1)."""
    facts = load_facts(session, [intake_id]).get(intake_id)
    if facts is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    version = facts.intake.version
    actor.require_site(version.programme.site_id)
    lines = _meeting_lines(facts, _stays(session, [intake_id]), now)
    behind = facts.falling_behind
    credits = _ledger(session, Trainee.intake_id == intake_id)
    entered = {line.trainee_id for line in credits}
    here_first = [*facts.enrolled, *(t for t in facts.trainees if t.state is not TraineeState.ENROLLED)]
    return IntakeOverview(
        **_led_head(facts, now),
        moodle_url=facts.intake.moodle.url,
        is_exchange_stopped=facts.intake.moodle.stopped_at is not None,
        hours_total=version.hours,
        rule=rule_words(facts.demand),
        trainees=tuple(_row(trainee, facts, behind, entered) for trainee in here_first),
        meetings=lines,
        attendance_waiting=tuple(line for line in lines if line.attendance_waiting),
        proposals=tuple(_proposal_line(trainee, trainee.proposal) for trainee in facts.trainees if trainee.proposal),
        credits=credits,
        elsewhere=_waiting_elsewhere(session, intake_id, actor, now),
    )


def meeting_overview(
    session: Session, *, meeting_id: int, actor: Actor, now: datetime, rules: StayRules = USUAL
) -> MeetingOverview:
    """Return what the leader sees of a meeting. Raises NotFound, or Forbidden to who does not lead its site (4.1)."""
    meeting = find_meeting(session, meeting_id)
    version = meeting.intake.version
    actor.require_site(version.programme.site_id)
    site = session.get_one(Site, version.programme.site_id, options=[joinedload(Site.organisation)])
    stays = _stays(session, [meeting.intake_id], meeting_id=meeting.id)
    checks = checks_of(session, [meeting.id], now).get(meeting.id, {})
    people = _people_at(session, meeting, stays, checks=checks, rules=rules, now=now)
    return MeetingOverview(
        meeting=_meeting_line(
            meeting,
            [person.trainee_id for person in people],
            {person.trainee_id: person.presence for person in people if person.presence is not None},
            stays,
            now,
        ),
        intake_code=meeting.intake.code,
        programme_title=version.title,
        site=site.organisation.label,
        can_confirm=meeting.state is not MeetingState.CANCELLED and now >= meeting.starts_at,
        trainees=tuple(people),
        present_from=rules.present_from,
        has_checks=bool(checks),
        strangers=strangers_at(session, meeting),
    )


def _waiting_elsewhere(session: Session, intake_id: int, actor: Actor, now: datetime) -> WaitingElsewhere:
    """Count in one query: a row for each unconfirmed meeting that has begun, an empty one for each open proposal."""
    others = (
        select(Intake.id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Programme.site_id.in_(actor.led_site_ids), Intake.id != intake_id)
    )
    marked = exists().where(Attendance.meeting_id == Meeting.id, Attendance.trainee_id == Trainee.id)
    unconfirmed = exists().where(
        Trainee.intake_id == Meeting.intake_id,
        Trainee.state == TraineeState.ENROLLED,
        or_(Meeting.only_for_id.is_(None), Meeting.only_for_id == Trainee.id),
        ~marked.correlate(Meeting, Trainee),
    )
    begun = select(Meeting.starts_at, Meeting.minutes).where(
        Meeting.intake_id.in_(others), Meeting.state == MeetingState.PLANNED, Meeting.starts_at <= now, unconfirmed
    )
    proposed = (
        select(null(), null())
        .select_from(CreditProposal)
        .join(Trainee, Trainee.id == CreditProposal.trainee_id)
        .where(CreditProposal.state == ProposalState.OPEN, Trainee.intake_id.in_(others))
    )
    rows: Sequence[Any] = session.execute(union_all(begun, proposed)).all()
    # When a meeting ends is worked out here: databases add minutes to moments in ways of their own.
    ended = [start for start, minutes in rows if start is not None and start + timedelta(minutes=minutes) <= now]
    return WaitingElsewhere(meetings=len(ended), proposals=sum(start is None for start, _minutes in rows))


def reversal_overview(session: Session, *, entry_id: int, actor: Actor) -> ReversalOverview:
    """Return what reversing an entry would do. Raises NotFound, Forbidden, Conflict as ``reverse_entry`` does."""
    entry = entry_to_reverse(session, entry_id=entry_id, actor=actor)
    version = session.get_one(
        ProgrammeVersion,
        entry.version_id,
        options=[
            joinedload(ProgrammeVersion.programme).joinedload(Programme.site).joinedload(Site.organisation),
        ],
    )
    return ReversalOverview(
        entry_id=entry.id,
        intake_id=entry.trainee.intake_id,
        programme_title=version.title,
        site=version.programme.site.organisation.label,
        name=session.get_one(Person, entry.person_id).full_name,
        hours=entry.hours,
        hours_left=credited_hours(session, entry.trainee_id) - entry.hours,
        hours_total=version.hours,
        decided_by=entry.decided_by.full_name,
        decided_at=entry.decided_at,
    )


def _own_place(facts: IntakeFacts) -> TraineeFacts:
    if not facts.enrolled:
        raise Forbidden(
            "not_your_intake",
            _l("You are not a trainee of this intake."),
            remedy=_l("A trainee sees only their own record; ask the leader of the site for a place."),
            clause="4.2",
        )
    return facts.enrolled[0]


def _stays(
    session: Session, intake_ids: Sequence[int], *, trainee_id: int | None = None, meeting_id: int | None = None
) -> Stays:
    """Return the stays that count, by meeting and trainee (stays.counting)."""
    other = aliased(JoinLog)
    told = (  # of one trainee alone the sources of the others aren't read
        exists().where(other.meeting_id == JoinLog.meeting_id, other.source != StaySource.TOOL)
        if trainee_id is not None
        else null()
    )
    query = (
        select(
            JoinLog.meeting_id,
            JoinLog.trainee_id,
            JoinLog.joined_at,
            JoinLog.left_at,
            JoinLog.left_how,
            JoinLog.source,
            told,
        )
        .join(Meeting, Meeting.id == JoinLog.meeting_id)
        .where(Meeting.intake_id.in_(intake_ids))
        .order_by(JoinLog.joined_at, JoinLog.id)
    )
    if trainee_id is not None:
        query = query.where(JoinLog.trainee_id == trainee_id)
    if meeting_id is not None:
        query = query.where(JoinLog.meeting_id == meeting_id)
    rows = session.execute(query).all()
    sources: dict[int, set[StaySource]] = {}
    for row in rows:
        sources.setdefault(row.meeting_id, set()).add(row.source)
    found: Stays = {}
    for meeting, trainee, joined_at, left_at, left_how, source, is_told in rows:
        counts = source is not StaySource.TOOL if is_told else source in counting(sources[meeting])
        if trainee is not None and counts:
            found.setdefault((meeting, trainee), []).append(Stay(joined_at, left_at, left_how))
    return found


def _ledger(session: Session, condition: Any) -> tuple[CreditLine, ...]:
    decider, reversal = aliased(Person), aliased(CreditEntry)
    rows = session.execute(
        select(CreditEntry, Person, decider, reversal.id)
        .join(Trainee, Trainee.id == CreditEntry.trainee_id)
        .join(Person, Person.id == CreditEntry.person_id)
        .join(decider, decider.id == CreditEntry.decided_by_id)
        .outerjoin(reversal, reversal.reverses_id == CreditEntry.id)
        .where(condition)
        .order_by(CreditEntry.decided_at, CreditEntry.id)
    )
    return tuple(
        CreditLine(
            entry_id=entry.id,
            trainee_id=entry.trainee_id,
            name=person.full_name,
            hours=entry.hours if entry.kind is EntryKind.CREDIT else -entry.hours,
            is_reversal=entry.kind is EntryKind.REVERSAL,
            is_reversed=reversed_by is not None,
            decided_by=by.full_name,
            decided_at=entry.decided_at,
            rule=entry.rule,
            reason=entry.reason,
        )
        for entry, person, by, reversed_by in rows
    )


def _phase(meeting: Meeting, now: datetime) -> MeetingPhase:
    if meeting.state is MeetingState.CANCELLED:
        return MeetingPhase.CANCELLED
    if now < meeting.starts_at:
        return MeetingPhase.NEXT
    return MeetingPhase.NOW if now < meeting.ends_at else MeetingPhase.PAST


def _slot(meeting: Meeting, now: datetime) -> dict[str, Any]:
    return {
        "meeting_id": meeting.id,
        "intake_id": meeting.intake_id,
        "topic_id": meeting.topic_id,
        "topic_position": meeting.topic.position,
        "topic": meeting.topic.title,
        "form": meeting.form,
        "mode": meeting.mode,
        "starts_at": meeting.starts_at,
        "ends_at": meeting.ends_at,
        "minutes": meeting.minutes,
        "hours": meeting.hours,
        "place": meeting.place,
        "phase": _phase(meeting, now),
        "only_for": meeting.only_for.person.full_name if meeting.only_for else None,
    }


def _trainee_meeting(
    meeting: Meeting, own: TraineeFacts, stays: list[Stay], now: datetime, rules: StayRules
) -> TraineeMeeting:
    mark = own.marks.get(meeting.id)
    inside = _is_inside(stays)
    return TraineeMeeting(
        **_slot(meeting, now),
        opens_at=opens_at(meeting, rules=rules),
        can_join=can_join(meeting, now, rules=rules),
        is_inside=inside,
        joined_at=stays[0].joined_at if stays else None,
        left_at=stays[-1].left_at if stays and not inside else None,
        minutes_joined=_minutes(meeting, stays, now),
        presence=mark.presence if mark else None,
        hours_counted=own.standing.by_meeting.get(meeting.id, NONE),
    )


def _next_of(meetings: Iterable[TraineeMeeting]) -> TraineeMeeting | None:
    return next((m for m in meetings if m.phase in AHEAD), None)


def _is_inside(stays: Sequence[Stay]) -> bool:
    return any(stay.left_at is None for stay in stays)


def _minutes(meeting: Meeting, stays: Sequence[Stay], now: datetime) -> int | None:
    return minutes_inside(meeting, [(stay.joined_at, stay.left_at) for stay in stays], now)


def _topics(facts: IntakeFacts, own: TraineeFacts) -> tuple[TopicProgress, ...]:
    return tuple(
        TopicProgress(
            topic_id=topic.id,
            position=topic.position,
            title=topic.title,
            form=topic.form,
            mode=topic.mode,
            hours_done=own.standing.by_topic.get(topic.id, NONE),
            hours_total=topic.hours,
        )
        for topic in facts.topics
    )


def _proposed(trainee: TraineeFacts) -> Decimal:
    return trainee.proposal.hours if trainee.proposal else NONE


def _credit_state(trainee: TraineeFacts) -> CreditState:
    if trainee.proposal is not None:
        return CreditState.PROPOSED
    if trainee.due > 0:
        return CreditState.TAKEN_BACK if trainee.is_taken_back else CreditState.MET
    return CreditState.CREDITED if trainee.credited > 0 else CreditState.NONE


def _meeting_lines(facts: IntakeFacts, stays: Stays, now: datetime) -> tuple[MeetingLine, ...]:
    enrolled = facts.enrolled
    return tuple(
        _meeting_line(
            meeting,
            [trainee.trainee_id for trainee in enrolled if meeting.is_for(trainee.trainee_id)],
            {t.trainee_id: t.marks[meeting.id].presence for t in enrolled if meeting.id in t.marks},
            stays,
            now,
        )
        for meeting in facts.meetings
    )


def _meeting_line(
    meeting: Meeting, trainee_ids: Sequence[int], words: dict[int, Presence], stays: Stays, now: datetime
) -> MeetingLine:
    came = [stays[meeting.id, trainee] for trainee in trainee_ids if (meeting.id, trainee) in stays]
    phase = _phase(meeting, now)
    return MeetingLine(
        **_slot(meeting, now),
        trainees=len(trainee_ids),
        joined=len(came),
        inside=sum(_is_inside(own) for own in came) if phase in AHEAD else 0,
        confirmed=len(words),
        present=sum(presence is Presence.PRESENT for presence in words.values()),
        attendance_waiting=phase is MeetingPhase.PAST and len(words) < len(trainee_ids),
    )


def _head(facts: IntakeFacts) -> dict[str, Any]:
    intake, version = facts.intake, facts.intake.version
    return {
        "intake_id": intake.id,
        "intake_code": intake.code,
        "programme_title": version.title,
        "site": version.programme.site.organisation.label,
        "direction": version.programme.site.direction,
        "starts_on": intake.starts_on,
        "ends_on": intake.ends_on,
        "is_approved": version.state is VersionState.APPROVED,
        "is_published": intake.published_at is not None,
        "broken_off_on": intake.broken_off_on,
        "course_id": intake.course_id,
        "capacity": intake.capacity,
    }


def _led_head(facts: IntakeFacts, now: datetime) -> dict[str, Any]:
    return {
        **_head(facts),
        "hours_needed": facts.demand.needed,
        "hours_scheduled": facts.hours_scheduled,
        "has_meetings_left": any(_phase(meeting, now) in AHEAD for meeting in facts.meetings),
    }


def _card(facts: IntakeFacts, stays: Stays, now: datetime) -> IntakeCard:
    lines = _meeting_lines(facts, stays, now)
    held = [line for line in lines if line.phase is not MeetingPhase.CANCELLED]
    common = [line for line in held if line.only_for is None]
    return IntakeCard(
        **_led_head(facts, now),
        trainees=len(facts.enrolled),
        meetings=len(common),
        meetings_past=sum(line.phase is MeetingPhase.PAST for line in common),
        upcoming=tuple(line for line in held if line.ends_at > now and line.starts_at <= now + UPCOMING),
        attendance_waiting=tuple(line for line in lines if line.attendance_waiting),
        proposals_waiting=sum(trainee.proposal is not None for trainee in facts.trainees),
        credited=sum(trainee.credited > 0 for trainee in facts.trainees),
        behind=len(facts.falling_behind),
        behind_ids=tuple(sorted(facts.falling_behind)),
    )


def _row(trainee: TraineeFacts, facts: IntakeFacts, behind: set[int], entered: set[int]) -> TraineeRow:
    marks = [trainee.marks.get(meeting.id) for meeting in facts.meetings]
    return TraineeRow(
        trainee_id=trainee.trainee_id,
        person_id=trainee.person.id,
        name=trainee.person.full_name,
        short_name=trainee.person.short_name,
        organisation=trainee.organisation,
        has_left=trainee.state is TraineeState.LEFT,
        hours_attended=trainee.standing.attended,
        hours_needed=facts.demand.needed,
        hours_credited=trainee.credited,
        hours_proposed=_proposed(trainee),
        missing=trainee.standing.missing,
        is_behind=trainee.trainee_id in behind,
        completion=trainee.completion,
        credit_state=_credit_state(trainee),
        has_entries=trainee.trainee_id in entered,
        marks=tuple(mark.presence if mark else None for mark in marks),
    )


def _proposal_line(trainee: TraineeFacts, proposal: OpenProposal) -> ProposalLine:
    return ProposalLine(
        proposal_id=proposal.id,
        trainee_id=trainee.trainee_id,
        name=trainee.person.full_name,
        hours=proposal.hours,
        hours_credited=trainee.credited,
        meetings=len(proposal.evidence["meetings"]),
        completion=trainee.completion,
        proposed_at=proposal.proposed_at,
        is_current=proposal.hours == trainee.due,
    )


def _people_at(
    session: Session,
    meeting: Meeting,
    stays: Stays,
    *,
    checks: dict[int | None, Checks],
    rules: StayRules,
    now: datetime,
) -> list[MeetingTrainee]:
    confirmer = aliased(Person)
    rows = session.execute(
        select(Trainee, Attendance, confirmer, Arrival.at)
        .join(Person, Person.id == Trainee.person_id)
        .outerjoin(Attendance, (Attendance.trainee_id == Trainee.id) & (Attendance.meeting_id == meeting.id))
        .outerjoin(confirmer, confirmer.id == Attendance.confirmed_by_id)
        .outerjoin(Arrival, (Arrival.trainee_id == Trainee.id) & (Arrival.meeting_id == meeting.id))
        .where(Trainee.intake_id == meeting.intake_id, Trainee.state == TraineeState.ENROLLED)
        .options(joinedload(Trainee.person).joinedload(Person.organisation))
        .order_by(Person.last_name, Person.first_name, Trainee.id)
    )
    people: list[MeetingTrainee] = []
    for trainee, attendance, by, arrived_at in rows:
        if not meeting.is_for(trainee.id):
            continue
        own = stays.get((meeting.id, trainee.id), [])
        minutes = _minutes(meeting, own, now)
        answered = checks.get(trainee.id, checks.get(None, NO_CHECKS))
        people.append(
            MeetingTrainee(
                trainee_id=trainee.id,
                name=trainee.person.full_name,
                organisation=trainee.person.organisation.label if trainee.person.organisation else None,
                stays=tuple(own),
                is_inside=_is_inside(own),
                minutes_joined=minutes,
                suggested=Presence.PRESENT
                if arrived_at
                else suggest_presence(meeting, minutes, now, rules=rules, checks=answered),
                checks=answered,
                presence=attendance.presence if attendance else None,
                confirmed_at=attendance.confirmed_at if attendance else None,
                confirmed_by=by.full_name if by else None,
                is_credited=attendance.is_credited if attendance else False,
                arrived_at=arrived_at,
            )
        )
    return people
