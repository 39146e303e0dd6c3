"""Consultations: asked for by a trainee, answered by the leader, held as a meeting with that trainee alone (4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.db import is_twin, lock_row
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.planning import MeetingFacts, academic_hours, check_meeting
from lti_app.notices.service import tell
from lti_app.plans.models import OPEN_CONSULTATIONS, Consultation, ConsultationState
from lti_app.plans.seats import Seat, led_seat, own_seat, require_under_way, seat_of
from lti_app.programmes.council_notices import leaders_of
from lti_app.programmes.models import Form, Mode, Topic

MOST_OPEN = 10
"""Questions of one trainee that wait at the same time."""


@dataclass(frozen=True)
class Terms:
    """Hold when and where a consultation is. ``starts_at`` is aware; ``place_or_url`` a link where at a distance."""

    starts_at: datetime
    minutes: int
    mode: Mode
    place_or_url: str


def ask_consultation(
    session: Session, *, intake_id: int, topic_id: int | None, question: str, wished: str, actor: Actor, now: datetime
) -> Consultation:
    """Ask the leader for a consultation on a topic; the leader is told. Raises Forbidden, Conflict, DomainError."""
    seat = own_seat(session, intake_id, actor=actor)
    require_under_way(seat)
    waiting = session.scalar(
        select(func.count())
        .select_from(Consultation)
        .where(Consultation.trainee_id == seat.trainee.id, Consultation.state.in_(OPEN_CONSULTATIONS))
    )
    if (waiting or 0) >= MOST_OPEN:
        raise Conflict(
            "too_many_questions",
            _l("%(limit)s of your questions wait already.", limit=MOST_OPEN),
            remedy=_l("Wait for an answer, or withdraw one of them."),
        )
    asked = _new(session, seat, topic_id, question, wished, actor=actor, now=now)
    saving.add(session, asked, actor=actor, now=now, action="ask_consultation")
    _tell_leaders(session, seat, asked, "consultation_asked", now=now)
    return asked


def set_consultation(
    session: Session,
    *,
    trainee_id: int,
    topic_id: int | None,
    question: str,
    terms: Terms,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> Consultation:
    """Set a consultation that nobody asked for; it may have been held already. The trainee is told.

    Raises NotFound, Forbidden, Conflict where the time is taken, DomainError.
    """
    seat = led_seat(session, trainee_id, actor=actor)
    require_under_way(seat)
    made = _new(session, seat, topic_id, question, "", actor=actor, now=now)
    meeting = _meeting(session, seat, made.topic_id, terms, host_id=actor.require_person(), zone=zone)
    saving.add(session, meeting, actor=actor, now=now, action="plan_meeting")
    made.state, made.meeting_id = ConsultationState.AGREED, meeting.id
    made.answered_at, made.answered_by_id = now, actor.person_id
    saving.add(session, made, actor=actor, now=now, action="set_consultation")
    _tell_trainee(session, seat, made, "consultation_agreed", now=now, when=said(meeting.starts_at, zone))
    return made


def agree_consultation(
    session: Session, *, consultation_id: int, terms: Terms, answer: str, actor: Actor, now: datetime, zone: ZoneInfo
) -> Consultation:
    """Answer a question with a time: the individual meeting is made, the trainee is told.

    Raises NotFound, Forbidden, Conflict where it has been answered, or the time is taken, DomainError.
    """
    seat, asked = _to_answer(session, consultation_id, actor)
    _require_ahead(terms, now)
    meeting = _meeting(session, seat, asked.topic_id, terms, host_id=actor.require_person(), zone=zone)
    saving.add(session, meeting, actor=actor, now=now, action="plan_meeting")
    values = {"state": ConsultationState.AGREED, "meeting_id": meeting.id, **_answered(answer, actor, now)}
    saving.change(session, asked, values, actor=actor, now=now, action="agree_consultation")
    _tell_trainee(session, seat, asked, "consultation_agreed", now=now, when=said(meeting.starts_at, zone))
    return asked


def offer_consultation(
    session: Session, *, consultation_id: int, terms: Terms, answer: str, actor: Actor, now: datetime, zone: ZoneInfo
) -> Consultation:
    """Answer a question with another time, which the trainee accepts or not. Raises as ``agree_consultation``."""
    seat, asked = _to_answer(session, consultation_id, actor)
    _require_ahead(terms, now)
    _meeting(session, seat, asked.topic_id, terms, host_id=actor.require_person(), zone=zone, is_offer=True)
    values = {
        "state": ConsultationState.OFFERED,
        "starts_at": terms.starts_at,
        "minutes": terms.minutes,
        "mode": terms.mode,
        "place_or_url": terms.place_or_url or None,
        **_answered(answer, actor, now),
    }
    saving.change(session, asked, values, actor=actor, now=now, action="offer_consultation")
    _tell_trainee(session, seat, asked, "consultation_offered", now=now, when=said(terms.starts_at, zone))
    return asked


def decline_consultation(
    session: Session, *, consultation_id: int, reason: str, actor: Actor, now: datetime
) -> Consultation:
    """Decline a question for a reason, which the trainee is told. Raises NotFound, Forbidden, Conflict, DomainError."""
    seat, asked = _to_answer(session, consultation_id, actor)
    if not reason.strip():
        raise DomainError(
            "reason_missing",
            _l("To decline a consultation needs a reason."),
            remedy=_l("Write it in a few words: the trainee is told."),
            field="answer",
        )
    values = {"state": ConsultationState.DECLINED, **_answered(reason, actor, now)}
    saving.change(session, asked, values, actor=actor, now=now, action="decline_consultation")
    _tell_trainee(session, seat, asked, "consultation_declined", now=now, reason=reason.strip())
    return asked


def accept_consultation(
    session: Session, *, consultation_id: int, actor: Actor, now: datetime, zone: ZoneInfo
) -> Consultation:
    """Accept the time that the leader offered: the individual meeting is made. Raises NotFound, Forbidden, Conflict."""
    seat, asked = _own(session, consultation_id, actor)
    if asked.state is not ConsultationState.OFFERED or asked.starts_at is None or asked.mode is None:
        raise _answered_already()
    if asked.starts_at <= now:
        raise Conflict(
            "time_is_past",
            _l("The time that was offered is past."),
            remedy=_l("Withdraw the question and ask anew."),
        )
    terms = Terms(asked.starts_at, asked.minutes or 0, asked.mode, asked.place_or_url or "")
    leads_still = asked.answered_by_id in leaders_of(session, seat.version.programme.site_id)
    host_id = asked.answered_by_id if leads_still else None  # None: whoever leads the site
    meeting = _meeting(session, seat, asked.topic_id, terms, host_id=host_id, zone=zone)
    saving.add(session, meeting, actor=actor, now=now, action="plan_meeting")
    values = {"state": ConsultationState.AGREED, "meeting_id": meeting.id}
    saving.change(session, asked, values, actor=actor, now=now, action="agree_consultation")
    _tell_leaders(session, seat, asked, "consultation_accepted", now=now, when=said(meeting.starts_at, zone))
    return asked


def withdraw_consultation(session: Session, *, consultation_id: int, actor: Actor, now: datetime) -> Consultation:
    """Take a question back; an agreed meeting that hasn't begun is cancelled. Raises NotFound, Forbidden, Conflict."""
    seat, asked = _own(session, consultation_id, actor)
    if asked.state is ConsultationState.AGREED:
        meeting = session.get_one(Meeting, asked.meeting_id)
        if meeting.state is MeetingState.CANCELLED or meeting.starts_at <= now:
            raise Conflict(
                "consultation_begun",
                _l("This consultation has begun, or was cancelled."),
                remedy=_l("Speak to the leader of the site."),
            )
        cancelled = {"state": MeetingState.CANCELLED}
        saving.change(session, meeting, cancelled, actor=actor, now=now, action="cancel_meeting")
    elif asked.state not in OPEN_CONSULTATIONS:
        raise _answered_already()
    values = {"state": ConsultationState.WITHDRAWN}
    saving.change(session, asked, values, actor=actor, now=now, action="withdraw_consultation")
    _tell_leaders(session, seat, asked, "consultation_withdrawn", now=now)
    return asked


def consultation_to_answer(session: Session, consultation_id: int, *, actor: Actor) -> tuple[Seat, Consultation]:
    """Return a question with its trainee's place, for the leader. Raises NotFound, Forbidden (4.1)."""
    asked = _found(session, consultation_id)
    return led_seat(session, asked.trainee_id, actor=actor), asked


def _found(session: Session, consultation_id: int) -> Consultation:
    asked = session.get(Consultation, consultation_id)
    if asked is None:
        raise NotFound("no_such_consultation", _l("There is no such consultation."))
    return asked


def _to_answer(session: Session, consultation_id: int, actor: Actor) -> tuple[Seat, Consultation]:
    seat, asked = consultation_to_answer(session, consultation_id, actor=actor)
    require_under_way(seat)
    lock_row(session, asked)
    if asked.state not in OPEN_CONSULTATIONS:
        raise _answered_already()
    return seat, asked


def _own(session: Session, consultation_id: int, actor: Actor) -> tuple[Seat, Consultation]:
    asked = _found(session, consultation_id)
    seat = seat_of(session, asked.trainee_id, actor=actor)
    if seat.is_leader:
        raise Forbidden(
            "not_your_question",
            _l("This question is a trainee's."),
            remedy=_l("Only who asked it may accept a time or withdraw it; you may decline it."),
        )
    require_under_way(seat)
    lock_row(session, asked)
    return seat, asked


def _answered_already() -> Conflict:
    return Conflict(
        "consultation_answered",
        _l("This question has been answered or withdrawn."),
        remedy=_l("Reload the page to see how things stand."),
    )


def _new(
    session: Session, seat: Seat, topic_id: int | None, question: str, wished: str, *, actor: Actor, now: datetime
) -> Consultation:
    topic = session.get(Topic, topic_id) if topic_id is not None else None
    if topic is None or topic.version_id != seat.intake.version_id:
        raise DomainError(
            "topic_of_another",
            _l("No topic of this programme is chosen."),
            remedy=_l("Choose one: the hours of a consultation count towards its topic."),
            field="topic",
        )
    question, wished = question.strip(), wished.strip()
    if not question:
        raise DomainError(
            "question_missing", _l("The question is missing."), remedy=_l("Say what it is about."), field="question"
        )
    require_fitting(Consultation, {"question": question, "wished": wished})
    return Consultation(
        trainee_id=seat.trainee.id,
        topic_id=topic.id,
        question=question,
        wished=wished or None,
        state=ConsultationState.ASKED,
        asked_at=now,
        asked_by_id=actor.require_person(),
    )


def _answered(answer: str, actor: Actor, now: datetime) -> dict[str, Any]:
    values = {"answer": answer.strip() or None}
    require_fitting(Consultation, values)
    return {**values, "answered_at": now, "answered_by_id": actor.person_id}


def _require_ahead(terms: Terms, now: datetime) -> None:
    if terms.starts_at <= now:
        raise DomainError(
            "time_is_past",
            _l("This time is past."),
            remedy=_l("Give a time to come. One that was held already is set on the page of consultations."),
            field="starts_at",
        )


def _meeting(
    session: Session,
    seat: Seat,
    topic_id: int,
    terms: Terms,
    *,
    host_id: int | None,
    zone: ZoneInfo,
    is_offer: bool = False,
) -> Meeting:
    """Build the individual meeting, in the session unless it is an offer. Raises DomainError, Conflict."""
    place = terms.place_or_url.strip()
    topic = session.get_one(Topic, topic_id)
    facts = MeetingFacts(
        intake=seat.intake,
        topic=topic,
        form=Form.CONSULTATION,
        mode=terms.mode,
        starts_at=terms.starts_at,
        minutes=terms.minutes,
        place_or_url=place,
    )
    for refusal in check_meeting(facts, zone):
        raise refusal
    at_distance = terms.mode is Mode.DISTANCE
    values = {"room_url": place} if at_distance else {"place": place or None}
    require_fitting(Meeting, values)
    taken = session.scalar(
        select(Meeting.id).where(
            Meeting.intake_id == seat.intake.id, Meeting.topic_id == topic_id, Meeting.starts_at == terms.starts_at
        )
    )
    if taken is not None:
        raise _time_taken()
    meeting = Meeting(
        intake_id=seat.intake.id,
        topic_id=topic_id,
        form=Form.CONSULTATION,
        mode=terms.mode,
        starts_at=terms.starts_at,
        minutes=terms.minutes,
        hours=academic_hours(terms.minutes),
        state=MeetingState.PLANNED,
        host_id=host_id,
        only_for_id=seat.trainee.id,
        **values,
    )
    if is_offer:
        return meeting
    try:
        with session.begin_nested():
            session.add(meeting)
    except IntegrityError as error:
        if not is_twin(error):
            raise
        raise _time_taken() from error
    return meeting


def _time_taken() -> Conflict:
    return Conflict(
        "time_taken",
        _l("At this very time the intake has another meeting on this topic."),
        remedy=_l("Choose another time, be it five minutes later, or another topic."),
        field="starts_at",
    )


def said(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment for a notice, with its zone: «26.11.2026, 15:00 (UTC+07:00)»."""
    here = moment.astimezone(zone)
    away = f"{here:%z}"
    return f"{here:%d.%m.%Y, %H:%M} (UTC{away[:3]}:{away[3:5]})"


def _path(seat: Seat) -> str:
    return f"/intakes/{seat.intake.id}/consultations"


def _facts(seat: Seat, **more: str) -> dict[str, Any]:
    return {"title": seat.version.title, "trainee": seat.trainee.person.full_name, **more}


def _tell_leaders(
    session: Session, seat: Seat, asked: Consultation, occasion: str, *, now: datetime, **more: str
) -> None:
    people = leaders_of(session, seat.version.programme.site_id)
    facts = _facts(seat, **more)
    path = f"{_path(seat)}?as=leader"
    tell(session, people, occasion=occasion, about=asked, path=path, facts=facts, now=now, turn=_turn(now))


def _tell_trainee(
    session: Session, seat: Seat, asked: Consultation, occasion: str, *, now: datetime, **more: str
) -> None:
    facts = _facts(seat, **more)
    people = [seat.trainee.person_id]
    path = f"{_path(seat)}?as=trainee"
    tell(session, people, occasion=occasion, about=asked, path=path, facts=facts, now=now, turn=_turn(now))


def _turn(now: datetime) -> str:
    """Name the time of an answer: several may be given to one question."""
    return now.isoformat(timespec="seconds")
